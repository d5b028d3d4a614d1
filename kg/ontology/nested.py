"""A graph without a text of its own as plain Turtle: blank nodes and lists nested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg import vocab
from kg.errors import InputError
from kg.ontology.syntax import LOCAL, quoted


def turtle(triples: Sequence[Triple], prefixes: Mapping[str, str]) -> str:
    """The triples in no particular layout, their subjects in order."""
    out: dict[object, list[tuple[NamedNode, object]]] = {}
    uses: dict[object, int] = {}
    for triple in dict.fromkeys(triples):
        value = triple.object
        out.setdefault(triple.subject, []).append((triple.predicate, value))
        if isinstance(value, BlankNode):
            uses[value] = uses.get(value, 0) + 1
    labels: dict[object, str] = {}
    written: set[object] = set()

    def name(iri: str) -> str:
        fitting = [
            (len(namespace), prefix)
            for prefix, namespace in prefixes.items()
            if iri.startswith(namespace) and LOCAL.fullmatch(iri[len(namespace) :])
        ]
        if not fitting:
            return f"<{iri}>"
        length, prefix = max(fitting)
        return f"{prefix}:{iri[length:]}"

    def nests(node: BlankNode) -> bool:
        return uses.get(node, 0) == 1 and not _loops(node, out)

    def shown(node: object) -> str:
        if isinstance(node, NamedNode):
            return name(node.value)
        if isinstance(node, Literal):
            if node.language:
                return f"{quoted(node.value, long=chr(10) in node.value)}@{node.language}"
            text = quoted(node.value, long="\n" in node.value)
            return f"{text}^^{name(node.datatype.value)}"
        if not isinstance(node, BlankNode):
            raise InputError(f"triple terms are not supported: {node}")
        if not nests(node):
            return labels.setdefault(node, f"_:b{len(labels)}")
        items = _items(node, out, uses)
        if items is not None:
            written.update(items)
            return " ".join(["(", *(shown(value) for _, value in items.values()), ")"])
        written.add(node)
        return f"[\n{pairs(node)}]" if out.get(node) else "[]"

    def pairs(subject: object) -> str:
        grouped: dict[NamedNode, list[object]] = {}
        for predicate, value in out.get(subject, []):
            grouped.setdefault(predicate, []).append(value)
        return " ;\n".join(
            f"{name(predicate.value)} {' , '.join(map(shown, values))}"
            for predicate, values in grouped.items()
        )

    blocks = []
    for subject in out:
        if isinstance(subject, BlankNode) and nests(subject):
            continue
        if isinstance(subject, BlankNode) and not uses.get(subject):
            blocks.append(f"[]\n{pairs(subject)} .")
        else:
            blocks.append(f"{shown(subject)}\n{pairs(subject)} .")
    heads = [f"@prefix {prefix}: <{iri}> ." for prefix, iri in sorted(prefixes.items())]
    return "\n\n".join(["\n".join(heads), *blocks]) + "\n"


def _loops(node: BlankNode, out: dict[object, list[tuple[NamedNode, object]]]) -> bool:
    """Whether a blank node reaches itself through blank nodes: then it needs a label."""
    seen: set[object] = set()
    waiting: list[object] = [node]
    while waiting:
        for _, value in out.get(waiting.pop(), []):
            if value == node:
                return True
            if isinstance(value, BlankNode) and value not in seen:
                seen.add(value)
                waiting.append(value)
    return False


def _items(
    node: BlankNode,
    out: dict[object, list[tuple[NamedNode, object]]],
    uses: dict[object, int],
) -> dict[object, tuple[object, object]] | None:
    """The cells of a well-formed list and what they hold; None where it is none."""
    found: dict[object, tuple[object, object]] = {}
    cell: object = node
    while cell != NamedNode(f"{vocab.RDF}nil"):
        pairs = dict(out.get(cell, []))
        first = pairs.get(NamedNode(f"{vocab.RDF}first"))
        rest = pairs.get(NamedNode(f"{vocab.RDF}rest"))
        if len(out.get(cell, [])) != 2 or first is None or rest is None or uses.get(cell) != 1:
            return None
        found[cell] = (cell, first)
        cell = rest
    return found
