"""Bearer tokens for writes: who holds one, and which graphs it may write to.

Kept in `tokens.json` of a home, readable by its owner only. A token is random, 256 bits, so its
SHA-256 is all that is kept of it: nobody who reads the file can write.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from kg import vocab
from kg.errors import InputError, reason

_FILE: Final = "tokens.json"
_NAME: Final = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")

#: Begins every token, so that scanners of repositories know one when they see it.
_PREFIX: Final = "kgt_"


@dataclass(frozen=True)
class Token:
    """What is kept of a token; `graphs` are names below `…/graph/`, `edits/*` all of the edits."""

    name: str
    sha256: str
    graphs: tuple[str, ...]
    created: str

    def allows(self, graph: str) -> bool:
        """Whether its holder may write to a graph."""
        return any(
            graph == vocab.graph(each)
            or (each.endswith("/*") and graph.startswith(vocab.graph(each[:-1])))
            for each in self.graphs
        )


class Tokens:
    """The tokens of one home."""

    def __init__(self, home: Path) -> None:
        self._path = home / _FILE

    def add(self, name: str, graphs: Iterable[str]) -> str:
        """Make a token and return it: it cannot be shown again.

        Raises InputError where the name is taken, or a graph is none that may be edited.
        """
        if _NAME.fullmatch(name) is None:
            raise InputError(f"token {name!r}: expected a-z and 0-9, joined by '-' or '.'")
        scopes = tuple(graphs) or ("edits/*",)
        for scope in scopes:
            if not re.fullmatch(r"edits/(?:\*|[a-z0-9]+(?:[.-][a-z0-9]+)*)", scope):
                raise InputError(f"graph {scope!r}: expected edits/<name>, or edits/* for all")
        token = _PREFIX + secrets.token_urlsafe(32)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as found:
            if name in found:
                raise InputError(f"token {name!r}: there is one of this name; revoke it first")
            found[name] = Token(name, _digest(token), scopes, created)
        return token

    def revoke(self, name: str) -> None:
        """Forget a token; raises InputError where there is none of this name."""
        with self._changing() as found:
            if name not in found:
                raise InputError(f"token {name!r}: there is none; `kg token list` lists them")
            del found[name]

    def all(self) -> Mapping[str, Token]:
        """Every token by name; raises InputError where the file is damaged."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            tokens = [Token(**{**each, "graphs": tuple(each["graphs"])}) for each in found]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self._path}: damaged: {reason(error)}") from None
        return {token.name: token for token in tokens}

    def known(self, token: str) -> Token | None:
        """The token that a client sent, if it is one of ours."""
        digest = _digest(token)
        found = [t for t in self.all().values() if secrets.compare_digest(t.sha256, digest)]
        return found[0] if found else None

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        """The tokens, which are written back in one step unless an error is raised."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = dict(self.all())
            yield found
            new = self._path.with_suffix(".new")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump([asdict(token) for token in found.values()], file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
