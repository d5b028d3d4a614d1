"""The ontology's files as quads: modules, vocabularies and shapes, each in its graph.

Blank nodes get the labels of RDFC-1.0 within their module, so that the same files give
the same quads on every machine, and an edit of one module leaves the others' alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Triple,
    parse,
)

from kg import vocab
from kg.errors import InputError

#: Folder below ontology/ → the graph that its modules form.
GRAPHS: Final = {
    "": vocab.graph("ontology"),
    "vocabularies": vocab.graph("vocabularies"),
    "shapes": vocab.graph("shapes"),
}

#: Known exceptions to the shapes, below ontology/.
WAIVERS: Final = "waivers.ttl"


def files(folder: Path, part: str) -> list[Path]:
    """The Turtle files of a part of the ontology; the waivers are with the shapes they waive."""
    found = [path for path in sorted((folder / part).glob("*.ttl")) if path.name != WAIVERS]
    waivers = folder / WAIVERS
    return [*found, waivers] if part == "shapes" and waivers.is_file() else found


def modules(folder: Path, part: str) -> list[Path]:
    """The Turtle files of a part of the ontology; raises InputError where there are none."""
    if not (found := files(folder, part)):
        raise InputError(f"{folder / part}: expected Turtle files (*.ttl)")
    return found


def read(path: Path, graph: str, base: str = vocab.BASE) -> list[Quad]:
    """The quads of one module, blank nodes canonical, resources under `base`.

    Raises InputError with file, line and column on a syntax error.
    """
    try:
        dataset = Dataset(parse(path=path, format=RdfFormat.TURTLE))
    except SyntaxError as error:
        raise InputError(f"{path}:{error.lineno}:{error.offset}: not Turtle: {error.msg}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    name, part = NamedNode(graph), graph.rpartition("/")[2]

    def moved(term: NamedNode | BlankNode | Literal | Triple) -> NamedNode | BlankNode | Literal:
        match term:
            case NamedNode():
                return NamedNode(vocab.rebase(term.value, base))
            case BlankNode():
                return BlankNode(f"{part}-{path.stem}-{term.value}")
            case Literal():
                return term
        raise InputError(f"{path}: triple terms are not supported: {term}")

    quads = []
    for quad in dataset:
        subject = moved(quad.subject)
        assert not isinstance(subject, Literal)  # noqa: S101 - RDF 1.1: a subject is no literal
        quads.append(Quad(subject, quad.predicate, moved(quad.object), name))
    return quads


def quads(folder: Path, base: str = vocab.BASE) -> Iterator[Quad]:
    """The quads of every module, vocabulary and shape."""
    for part, graph in GRAPHS.items():
        for path in modules(folder, part):
            yield from read(path, graph, base)


def terms(folder: Path) -> frozenset[str]:
    """The IRIs that the ontology's own modules declare."""
    return frozenset(
        quad.subject.value
        for path in modules(folder, "")
        for quad in read(path, GRAPHS[""])
        if isinstance(quad.subject, NamedNode) and quad.subject.value.startswith(vocab.AIC)
    )


def version(folder: Path) -> str:
    """The owl:versionInfo of aicluster.ttl; raises InputError where it is missing."""
    path = folder / "aicluster.ttl"
    for quad in read(path, GRAPHS[""]):
        if quad.predicate.value == vocab.OWL + "versionInfo" and isinstance(quad.object, Literal):
            return quad.object.value
    raise InputError(f"{path}: owl:versionInfo is missing")
