"""Versions of the ontology: frozen once, listed, and written in the formats of the web.

A frozen version is a folder like `ontology/` itself: the files as they were, and a manifest
with their digests. Merged files and other formats are derived on request, never stored.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pyoxigraph import NamedNode, Quad, RdfFormat, Triple, serialize

from kg import vocab
from kg.errors import InputError
from kg.ontology.format import write
from kg.ontology.modules import GRAPHS, modules, read, version
from kg.release import durable

#: The document of the whole ontology; modules and versions stand below it.
IRI: Final = vocab.AIC.removesuffix("#")
RELEASES: Final = "releases"
MANIFEST: Final = "manifest.json"

#: Media type → format. The first is what a client without wishes gets.
FORMATS: Final[dict[str, RdfFormat]] = {
    "text/turtle": RdfFormat.TURTLE,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/ld+json": RdfFormat.JSON_LD,
    "application/n-triples": RdfFormat.N_TRIPLES,
}
#: Extension of a file → media type, for links that name a format.
EXTENSIONS: Final = {
    "ttl": "text/turtle",
    "rdf": "application/rdf+xml",
    "jsonld": "application/ld+json",
    "nt": "application/n-triples",
}

_SEMVER: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_HEADING: Final = re.compile(r"^## \[([^\]]+)\]", re.MULTILINE)
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Document:
    """What stands at one address: the whole ontology or a part of it, in one version."""

    version: str
    #: (file, graph) of what it merges.
    sources: tuple[tuple[Path, str], ...]
    base: str = vocab.BASE
    #: Whether its bytes can never change.
    frozen: bool = False

    def serialise(self, media_type: str = "text/turtle") -> bytes:
        """The document in a format of `FORMATS`; a single file in Turtle keeps its comments."""
        form = FORMATS.get(media_type)
        if form is None:
            raise InputError(f"{media_type}: expected one of {', '.join(FORMATS)}")
        if form is RdfFormat.TURTLE and len(self.sources) == 1 and self.base == vocab.BASE:
            return self.sources[0][0].read_bytes()
        prefixes = dict(sorted(self._prefixes()))
        triples = list(
            dict.fromkeys(
                Triple(quad.subject, quad.predicate, quad.object) for quad in self._quads()
            )
        )
        if form is RdfFormat.TURTLE:
            return write(triples, prefixes).encode()
        written = serialize(triples, format=form, prefixes=prefixes)
        assert written is not None  # noqa: S101 - bytes are returned where no output is named
        return written

    def _quads(self) -> Iterator[Quad]:
        for path, graph in self.sources:
            yield from sorted(read(path, graph, self.base), key=_reading_order)

    def _prefixes(self) -> Iterator[tuple[str, str]]:
        for path, _ in self.sources:
            for name, iri in re.findall(
                r"^@prefix\s+([\w.-]*):\s+<([^>]*)>", path.read_text(encoding="utf-8"), re.MULTILINE
            ):
                yield name, vocab.rebase(iri, self.base)


def _reading_order(quad: Quad) -> tuple[bool, str, bool, str, str]:
    """The ontology's own header first, then the subjects by name, each with its type first."""
    return (
        not (isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(IRI + "/")),
        str(quad.subject),
        quad.predicate.value != f"{vocab.RDF}type",
        quad.predicate.value,
        str(quad.object),
    )


def versions(folder: Path) -> list[str]:
    """The frozen versions, newest first."""
    found = (path.parent.name for path in (folder / RELEASES).glob(f"*/{MANIFEST}"))
    return sorted(filter(_SEMVER.fullmatch, found), key=_number, reverse=True)


def document(folder: Path, path: str = "", base: str = vocab.BASE) -> Document | None:
    """What stands at `/ontology/<path>`; None where nothing does.

    `""` is all modules, `place` one, `shapes` and `vocabularies` those parts, `shapes/place` a
    file of a part; `0.1.0` before any of them is that frozen version.
    """
    steps = [step for step in path.split("/") if step]
    here, frozen = folder, False
    if steps and _SEMVER.fullmatch(steps[0]):
        frozen = (folder / RELEASES / steps[0] / MANIFEST).is_file()
        if frozen:
            here = folder / RELEASES / steps[0]
        elif steps[0] != version(folder):
            return None
        steps = steps[1:]
    part = steps.pop(0) if steps and steps[0] in GRAPHS else ""
    if len(steps) > 1 or not all(map(_NAME.fullmatch, steps)):
        return None
    files = [here / part / f"{steps[0]}.ttl"] if steps else modules(here, part)
    if not all(file.is_file() for file in files):
        return None
    sources = tuple((file, GRAPHS[part]) for file in files)
    return Document(version(here), sources, base, frozen)


def serialise(folder: Path, path: str, media_type: str, base: str = vocab.BASE) -> bytes:
    """The document at `path` in a format; raises InputError where there is none."""
    found = document(folder, path, base)
    if found is None:
        raise InputError(f"{IRI}/{path}: no such version or module of the ontology")
    return found.serialise(media_type)


def freeze(folder: Path) -> Path:
    """Freeze the present version under `releases/<version>/`; frozen twice is frozen once.

    Raises InputError where `owl:versionInfo`, `owl:versionIRI` and CHANGELOG.md disagree, a
    file is not Turtle, or the version stands already with other content.
    """
    number = _agreed(folder)
    names = [
        path.relative_to(folder).as_posix() for part in GRAPHS for path in modules(folder, part)
    ]
    digests = {}
    for name in names:
        read(folder / name, GRAPHS[""])
        digests[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    target = folder / RELEASES / number
    if target.exists():
        _compare(target, digests)
        return target
    newest = next(iter(versions(folder)), None)
    if newest is not None and _number(newest) > _number(number):
        raise InputError(f"{folder}: version {number} is older than the frozen {newest}")
    durable.make_folder(target.parent)
    draft = target.parent / f".{number}.{os.getpid()}"
    try:
        for name in names:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, draft / name)
        manifest = {"version": number, "iri": f"{IRI}/{number}", "sha256": digests}
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        durable.sync_tree(draft)
        durable.move(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _compare(target: Path, digests: dict[str, str]) -> None:
    try:
        before = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{target / MANIFEST}: is not a manifest of a frozen version") from None
    changed = sorted(name for name in {*before, *digests} if before.get(name) != digests.get(name))
    if changed:
        raise InputError(
            f"{target}: frozen with other content ({', '.join(changed)}): a frozen version never "
            "changes, give owl:versionInfo and owl:versionIRI a new one"
        )


def _agreed(folder: Path) -> str:
    """The version on which the front door and the changelog agree."""
    number = version(folder)
    front, log = folder / "aicluster.ttl", folder / "CHANGELOG.md"
    if _SEMVER.fullmatch(number) is None:
        raise InputError(f"{front}: owl:versionInfo {number!r} is not major.minor.patch")
    stated = [
        str(quad.object.value)
        for quad in read(front, GRAPHS[""])
        if quad.predicate.value == f"{vocab.OWL}versionIRI" and isinstance(quad.object, NamedNode)
    ]
    if stated != [f"{IRI}/{number}"]:
        raise InputError(
            f"{front}: owl:versionIRI is {', '.join(stated) or 'missing'}, "
            f"expected <{IRI}/{number}> by owl:versionInfo"
        )
    try:
        headings = _HEADING.findall(log.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{log}: cannot be read: {error.strerror}") from None
    newest = next((heading for heading in headings if heading != "Unreleased"), "none")
    if newest != number:
        raise InputError(f"{log}: the newest version is {newest}, owl:versionInfo says {number}")
    return number


def _number(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))
