"""What is known about a release besides its content: `manifest.json`.

Written with sorted keys, so two manifests differ only where their releases do; read strictly,
so a damaged one is an error that names the file and the field. Unknown fields are left out.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from kg.errors import ReleaseError

_TOOLS: Final = (
    "aicluster-kg", "opencc-python-reimplemented", "polars", "pyoxigraph", "pypinyin", "pyshacl",
    "rapidfuzz",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One table that a release was built from, and what became of its rows."""

    name: str
    title: str
    licence: str
    path: str  # as the mapping names it: relative, so equal on every machine
    sha256: str
    rows: int
    mapped: int
    rejected: int
    corrected: int = 0  # rows taken from corrected rejects in place of the table's own
    cells: Mapping[str, int] = field(default_factory=dict)  # what became of them → how many


@dataclass(frozen=True)
class Manifest:
    """The facts of one release; `release` is the id that its content gives it."""

    release: str
    content: str  # ContentHash.hexdigest(): what a small change continues from
    quads: int
    created: str  # UTC, ISO 8601: `datetime.now(UTC).isoformat()`
    base: str
    ontology: str  # version
    synthetic: bool
    sources: tuple[Source, ...]
    classes: Mapping[str, int]  # class IRI → instances
    graphs: Mapping[str, int]  # graph IRI → quads
    seconds: Mapping[str, float]  # stage → wall-clock time
    peak_memory: int  # bytes
    tools: Mapping[str, str]  # name → version

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError(f"created: expected a time with its zone, found {self.created!r}")

    def dump(self, path: Path) -> None:
        """Write the manifest as JSON."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest; raises ReleaseError that names the file and what is wrong in it."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            sources = _field(_object(data, "manifest"), "sources", list)
            return cls(
                **_plain(cls, data, "manifest"),
                sources=tuple(
                    Source(
                        **_plain(Source, _object(source, name), name),
                        cells=_mapping(source, "cells", int) if "cells" in source else {},
                    )
                    for index, source in enumerate(sources)
                    for name in (f"sources[{index}]",)
                ),
                classes=_mapping(data, "classes", int),
                graphs=_mapping(data, "graphs", int),
                seconds=_mapping(data, "seconds", (int, float)),
                tools=_mapping(data, "tools", str),
            )
        except OSError as error:
            raise ReleaseError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, TypeError) as error:  # JSON and UTF-8 errors are ValueErrors
            raise ReleaseError(f"{path}: damaged manifest: {error}") from None


def tool_versions() -> dict[str, str]:
    """The versions of what builds a release; a tool that is not installed is left out."""
    return {**_versions()}


@cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # a checkout that was not installed has no version of its own
    return versions


_Type = type | tuple[type, ...]
_PLAIN: Final[dict[str, type]] = {"str": str, "int": int, "bool": bool}


def _plain(cls: type[Manifest | Source], data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of `cls` that are one text, number or truth value."""
    return {
        each.name: _field(data, each.name, _PLAIN[str(each.type)], where)
        for each in fields(cls)
        if each.type in _PLAIN and (each.default is MISSING or each.name in data)
    }


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{where}: expected an object")
    return value


def _field(data: Mapping[str, Any], name: str, kind: _Type, where: str = "manifest") -> Any:
    value = data.get(name)
    # In Python a bool is an int; in JSON `true` is not a number.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        expected = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
        raise TypeError(f"{where}, field {name}: expected {expected}, found {value!r}")
    return value


def _mapping(data: Mapping[str, Any], name: str, kind: _Type) -> dict[str, Any]:
    values = _field(data, name, dict)
    return {key: _field(values, key, kind, name) for key in values}
