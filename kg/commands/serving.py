"""`kg serve`: the current release over HTTP."""

from __future__ import annotations

import argparse
from typing import Final

from kg.commands.common import Command
from kg.release import Home
from kg.settings import Settings
from kg.terminal import OK

#: Settings of what is built, which are no flags of a server.
_OF_BUILDS: Final = {"home", "base", "data", "mappings"}


def add_commands(command: Command) -> None:
    """Add `serve`."""
    each = command("serve", _serve, "Serve the current release over HTTP.")
    each.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    each.add_argument("--port", type=int, default=8000, help="default: 8000")
    for name, spec in Settings.__dataclass_fields__.items():
        if name not in _OF_BUILDS:
            flag = f"--{name.replace('_', '-')}"
            each.add_argument(flag, metavar=str(spec.type).upper(), help=spec.metadata["doc"])
    each.add_argument(
        "--scratch",
        action="store_true",
        help="an empty dataset instead, that this machine may write to and that ends with it",
    )


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    # The one place where the command line reaches up to the API.
    from api.server import serve

    settings = settings.with_flags(vars(options))
    home = None if options.scratch else Home(settings.home)
    serve(home, settings, options.host, options.port)
    return OK
