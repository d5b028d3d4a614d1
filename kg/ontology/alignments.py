"""Are the alignments SSSOM: columns, prefixes, known predicates, and terms of ours that exist."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml
from pyoxigraph import NamedNode

from kg import vocab
from kg.ontology.findings import Finding
from kg.ontology.sources import Sources

_REQUIRED: Final = ("subject_id", "predicate_id", "object_id", "mapping_justification")
_PREDICATES: Final = frozenset(
    {f"skos:{name}Match" for name in ("exact", "close", "broad", "narrow", "related")}
    | {"owl:equivalentClass", "owl:equivalentProperty", "owl:sameAs", "rdfs:subClassOf",
       "rdfs:subPropertyOf", "rdfs:seeAlso"}
)  # fmt: skip
_CURIE: Final = re.compile(r"([A-Za-z][\w.-]*):(\S+)")


def check(root: Path, sources: Sources) -> list[Finding]:
    """The faults of every ontology/alignments/*.sssom.tsv below `root`."""
    known = {
        triple.subject.value
        for source in sources
        if source.part != "shapes"
        for triple in source.triples
        if isinstance(triple.subject, NamedNode)
    }
    found: list[Finding] = []
    for path in sorted((root / "ontology" / "alignments").glob("*.sssom.tsv")):
        found += _file(path, path.relative_to(root).as_posix(), known)
    return found


def _file(path: Path, name: str, known: set[str]) -> Iterator[Finding]:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if line.startswith("#")]
    try:
        metadata = yaml.safe_load("\n".join(line[1:] for line in head)) or {}
    except yaml.YAMLError as error:
        message = f"the header is no YAML: {error}".replace("\n", " ")
        yield Finding("alignment", "error", name, 1, "", message, "correct it")
        return
    prefixes = {**vocab.PREFIXES, **(metadata.get("curie_map") or {})}
    rows = list(csv.reader(lines[len(head) :], delimiter="\t", quoting=csv.QUOTE_NONE))
    columns = rows[0] if rows else []
    if missing := [column for column in _REQUIRED if column not in columns]:
        message = f"columns missing: {', '.join(missing)}"
        yield Finding("alignment", "error", name, len(head) + 1, "", message, "add them")
        return
    seen: dict[tuple[str, ...], int] = {}
    for number, cells in enumerate(rows[1:], start=len(head) + 2):
        if len(cells) != len(columns):
            faults = [f"{len(cells)} cells, expected {len(columns)}"]
            row = {}
        else:
            row = dict(zip(columns, cells, strict=True))
            faults = list(_row(row, prefixes, known))
            key = tuple(row[column] for column in ("subject_id", "predicate_id", "object_id"))
            if key in seen:
                faults.append(f"the row stands already in line {seen[key]}")
            seen.setdefault(key, number)
        term = _iri(row.get("subject_id", ""), prefixes)
        for fault in faults:
            yield Finding("alignment", "error", name, number, term, fault, "correct the row")


def _iri(curie: str, prefixes: dict[str, str]) -> str:
    prefix, _, local = curie.partition(":")
    return f"{prefixes[prefix]}{local}" if prefix in prefixes else curie


def _row(row: dict[str, str], prefixes: dict[str, str], known: set[str]) -> Iterator[str]:
    for column in _REQUIRED:
        curie = _CURIE.fullmatch(row[column])
        if curie is None or (curie[1] not in prefixes and "://" not in row[column]):
            yield f"{column} {row[column]!r} is no CURIE of a prefix that curie_map declares"
    for column in ("subject_id", "object_id"):
        iri = _iri(row[column], prefixes)
        if iri.startswith((vocab.AIC, vocab.BASE)) and iri not in known:
            yield f"{column} {row[column]} is not in the ontology"
    if row["predicate_id"] not in _PREDICATES:
        yield f"{row['predicate_id']} is none of {', '.join(sorted(_PREDICATES))}"
    confidence = row.get("confidence", "")
    if confidence and not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", confidence):
        yield f"confidence {confidence} is not from 0 to 1"
