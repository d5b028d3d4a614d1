"""How a table's file is written, and where its original is to be had.

`FORMATS` names every format that can be read and the endings of files that mean it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

#: Formats that hold RDF: such a document has no columns of its own, it is taken in as it is.
RDF: Final = frozenset({"turtle", "ntriples", "nquads", "trig", "jsonld", "rdfxml"})
#: Formats that are read by a query.
SQL: Final = frozenset({"sqlite", "duckdb", "postgresql"})

#: Each format with the endings that mean it.
FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "csv": ("csv",),
    "tsv": ("tsv", "tab"),
    "parquet": ("parquet",),
    "xlsx": ("xlsx", "xlsm"),
    "json": ("json",),
    "jsonl": ("jsonl", "ndjson"),
    "sqlite": ("sqlite", "sqlite3", "db"),
    "duckdb": ("duckdb",),
    "postgresql": (),
    "turtle": ("ttl",),
    "ntriples": ("nt",),
    "nquads": ("nq",),
    "trig": ("trig",),
    "jsonld": ("jsonld",),
    "rdfxml": ("rdf", "owl", "xml"),
}

_BY_ENDING: Final = {ending: name for name, endings in FORMATS.items() for ending in endings}

#: The keys of a dialect that mean something only for some formats.
_ONLY: Final = {
    "encoding": frozenset({"csv", "tsv", "json", "jsonl"}),
    "delimiter": frozenset({"csv", "tsv"}),
    "quote": frozenset({"csv", "tsv"}),
    "sheet": frozenset({"xlsx"}),
    "records": frozenset({"json"}),
    "query": SQL,
}


def format_of(path: str) -> str:
    """The format that the file's ending means; the ending itself where it means none."""
    ending = PurePosixPath(path).suffix.removeprefix(".").lower()
    return _BY_ENDING.get(ending, ending)


@dataclass(frozen=True)
class Dialect:
    """How a file is written, where its ending and the usual do not say it.

    `records` is a JSON Pointer (RFC 6901) to the array whose objects are the rows; `sheet`
    may stay empty where a workbook has only one; `quote: none` means that quotes are text.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    sheet: str = ""
    records: str = ""
    query: str = ""

    def fault(self, format: str) -> str | None:
        """What is wrong with this dialect of a format, in words; None where nothing is."""
        return next(self._faults(format), None)

    def _faults(self, format: str) -> Iterator[str]:
        if format not in FORMATS:
            yield f"format {format!r} is not one of {', '.join(FORMATS)}"
        for key, formats in _ONLY.items():
            if getattr(self, key) and format not in formats:
                yield f"{key} means nothing for {format}, only for {', '.join(sorted(formats))}"
        if format in SQL and not self.query.strip():
            yield f"a table of {format} needs a query"
        if len(self.delimiter) > 1 or self.delimiter in ("\r", "\n", self.quote or '"'):
            yield f"delimiter {self.delimiter!r} is not one character that can tell cells apart"
        if len(self.quote) > 1 and self.quote != "none":
            yield f"quote {self.quote!r} is not one character, nor none"
        if self.records and not self.records.startswith("/"):
            yield f"records {self.records!r} is no JSON Pointer; expected /like/this"
        if self.encoding and not _is_text(self.encoding):
            yield (
                f"encoding {self.encoding!r} is not one that Python reads, such as utf-8, "
                "gb18030 or utf-16"
            )


def _is_text(encoding: str) -> bool:
    try:
        return isinstance(b"".decode(encoding), str)
    except LookupError:
        return False


@dataclass(frozen=True)
class Original:
    """Where a file can be downloaded, and the SHA-256 that it then must have, if known."""

    url: str
    sha256: str = ""
