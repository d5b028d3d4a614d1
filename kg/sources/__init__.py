"""Sources from outside: what there is of each, their originals, a first definition of a new one.

`fetch` downloads an original, `originals` keeps the fetched ones in a folder with a lock file,
`state` says what is there; `profile` looks at a table, `guess` says what its columns may mean
in the ontology, and `draft` writes that as a mapping for a person to edit.
"""

from __future__ import annotations

from kg.sources.draft import add
from kg.sources.originals import Fetched, fetch_all
from kg.sources.state import State, states

__all__ = ["Fetched", "State", "add", "fetch_all", "states"]
