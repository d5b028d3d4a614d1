"""How to ask a named query from a shell and from programs, ready to be copied."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from kg.catalogue import NamedQuery


def programs(
    query: NamedQuery, values: Mapping[str, Sequence[str]], base: str
) -> list[tuple[str, str]]:
    """Language → program, for these values of the parameters; `base` is the server's address."""
    table = query.form == "SELECT"
    encoded = urlencode(values, doseq=True)
    asked = f"?{encoded}" if encoded else ""
    url = f"{base}/queries/{query.path}"
    suffix = "csv" if table else "json" if query.form == "ASK" else "ttl"
    quoted = json.dumps(f"{url}.{suffix}{asked}")
    plain = json.dumps(f"{url}.json{'?' if not asked else asked + '&'}shape=objects")
    found = [("curl", f"curl {shlex.quote(f'{url}.{suffix}{asked}')}")]
    if not table:
        return found
    return [
        *found,
        ("Python", f"import pandas\n\ntable = pandas.read_csv({quoted})"),
        ("R", f"table <- read.csv({quoted})"),
        (
            "JavaScript",
            f"const answer = await fetch({plain});\nconst rows = await answer.json();",
        ),
    ]
