"""Where things are and how large they may grow, read once: a file, the environment, flags.

The file is TOML, named by KG_SETTINGS, with the fields' names as keys; the environment stands
over it, and the flags of `kg serve` over both.

`shipped` finds ontology/, mappings/, tables/ and queries/ in a checkout and in an
installed wheel alike.
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from kg import vocab
from kg.errors import InputError, reason

_MIB = 1024 * 1024
_KINDS: Final = {"Path": Path, "Path | None": Path, "str": str, "int": int, "float": float}


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
    data: Path | None = field(
        default=None,
        metadata={
            "env": "KG_DATA",
            "doc": "folder of fetched originals",
        },
    )
    mappings: Path | None = field(
        default=None,
        metadata={"env": "KG_MAPPINGS", "doc": "folder of your own mappings, beside their tables"},
    )
    base: str = field(
        default=vocab.BASE, metadata={"env": "KG_BASE", "doc": "IRI under which resources stand"}
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

    queue_of_client: int = field(
        default=16,
        metadata={"env": "KG_QUEUE_OF_CLIENT", "doc": "queries of one client that may wait"},
    )
    max_rows: int = field(
        default=10_000_000, metadata={"env": "KG_MAX_ROWS", "doc": "rows of one answer"}
    )
    max_bytes: int = field(
        default=4096 * _MIB, metadata={"env": "KG_MAX_BYTES", "doc": "bytes of one answer"}
    )
    memory: int = field(
        default=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2,
        metadata={
            "env": "KG_MEMORY",
            "doc": "bytes a release in memory may take; a larger one is built and read on disk",
        },
    )
    cache: int = field(
        default=64 * _MIB, metadata={"env": "KG_CACHE", "doc": "bytes of answers that are kept"}
    )
    services: str = field(
        default="",
        metadata={"env": "KG_SERVICES", "doc": "endpoints that SERVICE may ask, by comma"},
    )
    service_deadline: float = field(
        default=10.0,
        metadata={"env": "KG_SERVICE_DEADLINE", "doc": "seconds such an endpoint may take"},
    )
    service_bytes: int = field(
        default=16 * _MIB,
        metadata={"env": "KG_SERVICE_BYTES", "doc": "bytes such an endpoint may answer with"},
    )
    prefix: str = field(
        default="",
        metadata={"env": "KG_PREFIX", "doc": "path below which a reverse proxy shows the service"},
    )
    proxies: str = field(
        default="",
        metadata={
            "env": "KG_PROXIES",
            "doc": "addresses of proxies whose X-Forwarded headers are believed, by comma",
        },
    )
    patience: float = field(
        default=20.0,
        metadata={
            "env": "KG_PATIENCE",
            "doc": "seconds a request's head may take to come; all of it ten times as many",
        },
    )
    log: str = field(
        default="",
        metadata={"env": "KG_LOG", "doc": "file of one JSON line a request, - for standard error"},
    )
    slow: float = field(
        default=1.0,
        metadata={"env": "KG_SLOW", "doc": "seconds after which a query's text is logged"},
    )

    @property
    def fetched(self) -> Path:
        """The folder where `kg source fetch` puts originals."""
        return self.data or self.home / "data"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; raises InputError naming the variable or key that is wrong."""
        values: dict[str, object] = {}
        if path := environ.get("KG_SETTINGS"):
            values |= cls._file(Path(path))
        for name, spec in cls.__dataclass_fields__.items():
            variable = spec.metadata["env"]
            if text := environ.get(variable, ""):
                values[name] = _read(variable, str(spec.type), text)
        return cls(**values).checked()  # type: ignore[arg-type]

    @classmethod
    def _file(cls, path: Path) -> dict[str, object]:
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"KG_SETTINGS: {path} cannot be read: {reason(error)}") from None
        values: dict[str, object] = {}
        for name, value in found.items():
            spec = cls.__dataclass_fields__.get(name)
            if spec is None:
                known = ", ".join(cls.__dataclass_fields__)
                raise InputError(f"{path}: key {name!r}: expected one of {known}")
            if isinstance(value, bool | dict | list):
                raise InputError(f"{path}: key {name}: expected a {spec.type}")
            values[name] = _read(f"{path}: key {name}", str(spec.type), str(value))
        return values

    def with_flags(self, flags: Mapping[str, str | None]) -> Settings:
        """These settings with those that were given as flags; raises InputError."""
        values: dict[str, Any] = {
            name: _read(f"--{name.replace('_', '-')}", str(spec.type), text)
            for name, spec in self.__dataclass_fields__.items()
            if (text := flags.get(name)) is not None
        }
        return replace(self, **values).checked()

    def checked(self) -> Settings:
        """These settings; raises InputError where a value cannot be."""
        if not (vocab.is_iri(self.base) and self.base.endswith("/")):
            raise InputError(f"KG_BASE: {self.base!r} is not an absolute IRI that ends in '/'")
        for name, spec in self.__dataclass_fields__.items():
            if spec.type in ("int", "float") and not 0 < getattr(self, name) < math.inf:
                raise InputError(
                    f"{spec.metadata['env']}: {getattr(self, name)} is not a number above zero"
                )
        for service in self.allowed_services:
            if not vocab.is_iri(service) or not service.startswith(("http://", "https://")):
                raise InputError(f"KG_SERVICES: {service!r} is not an http(s) IRI")
        if self.prefix and not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)+", self.prefix):
            raise InputError(f"KG_PREFIX: {self.prefix!r} is not a path such as /kg")
        return self

    @property
    def allowed_services(self) -> tuple[str, ...]:
        """The IRIs that SERVICE may name."""
        return tuple(filter(None, (each.strip() for each in self.services.split(","))))


def _read(where: str, kind: str, text: str) -> object:
    try:
        return _KINDS[kind](text)
    except ValueError:
        raise InputError(f"{where}: {text!r} is not of type {kind}") from None
