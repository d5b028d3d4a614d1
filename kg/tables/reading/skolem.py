"""IRIs for blank nodes (RDF 1.1 Concepts, §3.5), the same for the same content on any machine.

Blank nodes that hang together are labelled by RDFC-1.0 as one; their IRIs carry the digest of
what is said of them. So an edit elsewhere in a document, or another order, leaves them alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    NamedNode,
    Quad,
    RdfFormat,
    parse,
    serialize,
)

from kg import vocab
from kg.errors import InputError

# RDFC-1.0 takes exponential time on blank nodes that cannot be told apart: from so many alike
# on, it runs in a process of its own that is ended at its deadline.
_ALIKE: Final = 6
_DEADLINE: Final = 30.0  # seconds
_CANONICALIZE: Final = """
import sys
from pyoxigraph import CanonicalizationAlgorithm, Dataset, RdfFormat, parse, serialize
dataset = Dataset(parse(sys.stdin.buffer.read(), RdfFormat.N_QUADS))
dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
sys.stdout.buffer.write(serialize(dataset, format=RdfFormat.N_QUADS))
"""

Numbered = tuple[int, Quad]


def without_blank_nodes(
    path: Path, statements: list[Numbered], source: str, table: str
) -> Iterator[Numbered]:
    """The statements, numbered, with an IRI for each blank node.

    `source` and `table` keep the nodes of different documents apart. Raises InputError where
    blank nodes cannot be told apart in time.
    """
    seen: Counter[str] = Counter()
    for part in _connected(statements):
        quads = _canonical(path, part[0][0], {quad for _, quad in part})
        text = sorted(str(quad) for quad in quads)
        key = vocab.digest(source, table, *text)
        seen[key] += 1
        # Nodes of which the very same is said stay as many as they are.
        stem = vocab.GENID + (key if seen[key] == 1 else f"{key}-{seen[key]}")
        for (number, _), quad in zip(part, sorted(quads, key=str), strict=False):
            named = Quad(_named(quad.subject, stem), quad.predicate, _named(quad.object, stem))
            yield number, named


def _connected(statements: list[Numbered]) -> list[list[Numbered]]:
    """The statements in groups that share no blank node, in the order of their first numbers."""
    parent: dict[BlankNode, BlankNode] = {}

    def root(node: BlankNode) -> BlankNode:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]  # halve the way for those who follow
            node = above
        return node

    for _, quad in statements:
        if isinstance(quad.subject, BlankNode) and isinstance(quad.object, BlankNode):
            parent[root(quad.object)] = root(quad.subject)
    groups: dict[BlankNode, list[Numbered]] = {}
    for number, quad in statements:
        node = quad.subject if isinstance(quad.subject, BlankNode) else quad.object
        assert isinstance(node, BlankNode)  # noqa: S101 - told by the caller
        bare = Quad(quad.subject, quad.predicate, quad.object)
        groups.setdefault(root(node), []).append((number, bare))
    return list(groups.values())


def _canonical(path: Path, number: int, quads: set[Quad]) -> list[Quad]:
    dataset = Dataset(quads)
    if _alike(quads) < _ALIKE:
        dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
        return list(dataset)
    text = serialize(dataset, format=RdfFormat.N_QUADS)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CANONICALIZE],
            input=text,
            capture_output=True,
            timeout=_DEADLINE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{path}: statement {number}: the blank nodes that hang together here cannot be told "
            f"apart within {_DEADLINE:.0f} s; give them IRIs"
        ) from None
    return list(parse(done.stdout, RdfFormat.N_QUADS))


def _alike(quads: set[Quad]) -> int:
    """How many blank nodes at most have the same said of them, other blank nodes left aside."""
    said: dict[BlankNode, list[str]] = {}
    for quad in quads:
        for node, other, way in (
            (quad.subject, quad.object, ">"),
            (quad.object, quad.subject, "<"),
        ):
            if isinstance(node, BlankNode):
                word = "_" if isinstance(other, BlankNode) else str(other)
                said.setdefault(node, []).append(f"{way}{quad.predicate}{word}")
    return max(Counter(tuple(sorted(each)) for each in said.values()).values(), default=0)


def _named(term: object, stem: str) -> NamedNode:
    if isinstance(term, BlankNode):
        return NamedNode(f"{stem}-{term.value}")
    return term  # type: ignore[return-value]
