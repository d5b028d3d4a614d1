"""Where things are and how large they may grow, read once from the environment.

`shipped` finds ontology/, mappings/, tables/ and queries/ in a checkout and in an
installed wheel alike.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kg import vocab
from kg.errors import InputError

_MIB = 1024 * 1024
_KINDS: Final = {"Path": Path, "str": str, "int": int, "float": float}


def shipped(name: str) -> Path:
    """The folder `name` (ontology, mappings, tables, queries) that travels with the project."""
    package = Path(__file__).resolve().parent
    for folder in (package / "shipped" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise InputError(f"the folder {name}/ is missing beside the package {package}: reinstall it")


@dataclass(frozen=True)
class Settings:
    """One value a setting; each field's metadata names its environment variable."""

    home: Path = field(
        default=Path(".kg"), metadata={"env": "KG_HOME", "doc": "folder that holds the releases"}
    )
    base: str = field(
        default=vocab.BASE, metadata={"env": "KG_BASE", "doc": "IRI under which resources stand"}
    )
    build_memory: int = field(
        default=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2,
        metadata={"env": "KG_BUILD_MEMORY", "doc": "bytes a build may hold a release in"},
    )
    deadline: float = field(
        default=30.0, metadata={"env": "KG_DEADLINE", "doc": "seconds a query may run"}
    )
    query_memory: int = field(
        default=1024 * _MIB,
        metadata={"env": "KG_QUERY_MEMORY", "doc": "bytes a query may add to its worker"},
    )
    workers: int = field(
        default=max(2, os.cpu_count() or 2),
        metadata={"env": "KG_WORKERS", "doc": "query worker processes"},
    )
    queue: int = field(
        default=64, metadata={"env": "KG_QUEUE", "doc": "queries that may wait for a worker"}
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; raises InputError naming the variable that is wrong."""
        values: dict[str, object] = {}
        for name, spec in cls.__dataclass_fields__.items():
            variable = spec.metadata["env"]
            text = environ.get(variable, "")
            if not text:
                continue
            try:
                values[name] = _KINDS[str(spec.type)](text)
            except ValueError:
                raise InputError(f"{variable}: {text!r} is not of type {spec.type}") from None
        settings = cls(**values)  # type: ignore[arg-type]
        if not (vocab.is_iri(settings.base) and settings.base.endswith("/")):
            raise InputError(f"KG_BASE: {settings.base!r} is not an absolute IRI that ends in '/'")
        for name in ("build_memory", "deadline", "query_memory", "workers", "queue"):
            if not 0 < getattr(settings, name) < math.inf:
                variable = cls.__dataclass_fields__[name].metadata["env"]
                raise InputError(
                    f"{variable}: {getattr(settings, name)} is not a number above zero"
                )
        return settings
