"""One layout for Turtle: idempotent, comments kept, the graph never changed.

Blocks, sections and blank lines stay where the author put them. Inside a block the type comes
first, then axioms, labels, definition; languages en, zh. What is short stands on one line.
A comment on its own line moves with the predicate or object below it, one at a line's end with
what ends there; between a subject and its predicate, and before the final dot, it leaves the
block (to above, to below). RDF/XML is read too; it has no comments that could be kept.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from pyoxigraph import (
    CanonicalizationAlgorithm,
    Dataset,
    RdfFormat,
    Triple,
    parse,
)

from kg import vocab
from kg.errors import InputError
from kg.ontology.nested import turtle
from kg.ontology.syntax import Comment, Node, Pair, Parser, Prefix, Statement, joined
from kg.release import durable

WIDTH: Final = 100
#: A block that its author wrote on one line stays a row of a table up to this width.
ROW: Final = 160

#: Predicates whose objects are sentences: one on each line, however short.
PROSE: Final = frozenset(
    {
        f"{vocab.SKOS}definition",
        f"{vocab.SKOS}scopeNote",
        f"{vocab.SKOS}editorialNote",
        f"{vocab.RDFS}comment",
        f"{vocab.DCTERMS}description",
        f"{vocab.SH}message",
        f"{vocab.SH}description",
    }
)


def format(text: str, name: str = "text") -> str:
    """The text in the layout of this project; raises InputError with `name`:line:column."""
    before = _graph(text, name)
    parts, rest = Parser(text, name).document()
    formatted = _document(parts, rest)
    if _graph(formatted, f"{name} (formatted)") != before:
        raise InputError(f"{name}: the layout would change the graph: left as it is")
    return formatted


def format_files(folder: Path, *, check: bool) -> list[Path]:
    """Format the Turtle files below `folder`; gives those that change, or would with `check`.

    A frozen version is left alone. Where one file is not Turtle, none is written.
    """
    changed = {}
    for path in sorted(folder.rglob("*.ttl")):
        if "releases" in path.relative_to(folder).parts:
            continue
        text = _text(path)
        formatted = format(text, str(path))
        if formatted != text:
            changed[path] = formatted
    if not check:
        for path, formatted in changed.items():
            durable.write(path, formatted, through=path.with_name(f".{path.name}.{os.getpid()}"))
    return list(changed)


def convert(path: Path) -> str:
    """A Turtle or RDF/XML file, as Protégé saves them, in Turtle; its prefixes are kept.

    Raises InputError with file, line and column.
    """
    text = _text(path)
    start = text.lstrip("\ufeff \t\r\n")
    if re.match(r"(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<Ontology\b", start, re.DOTALL):
        raise InputError(f"{path}:1:1: OWL/XML is not read: save as Turtle or RDF/XML")
    if re.match(r"<\?xml\b|<!DOCTYPE\b|<!--|<rdf:RDF\b", start) is None:
        return format(text, str(path))
    try:
        triples = [
            Triple(quad.subject, quad.predicate, quad.object)
            for quad in parse(input=start, format=RdfFormat.RDF_XML)
        ]
    except SyntaxError as error:
        raise _refusal(str(path), error, "RDF/XML") from None
    try:
        return write(triples, _namespaces(start))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write(triples: Sequence[Triple], prefixes: Mapping[str, str]) -> str:
    """A graph in the layout of this project, its subjects in the order of the triples."""
    return format(turtle(triples, prefixes))


def _namespaces(text: str) -> dict[str, str]:
    """The prefixes of an RDF/XML text, which the parser does not give."""
    entities = dict(re.findall(r"""<!ENTITY\s+(\S+)\s+["']([^"']*)["']""", text))
    return {
        prefix: re.sub(r"&(\w+);", lambda match: entities.get(match[1], match[0]), iri)
        for prefix, iri in re.findall(r"""\bxmlns:?([\w.-]*)\s*=\s*["']([^"'<>\s]+)["']""", text)
        if prefix != "xml"
    }


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}") from None


def _refusal(name: str, error: SyntaxError, form: str) -> InputError:
    if error.lineno is None:
        return InputError(f"{name}: not {form}: {error.msg}")
    return InputError(f"{name}:{error.lineno}:{error.offset}: not {form}: {error.msg}")


def _graph(text: str, name: str) -> Dataset:
    try:
        graph = Dataset(parse(input=text, format=RdfFormat.TURTLE))
    except SyntaxError as error:
        raise _refusal(name, error, "Turtle") from None
    graph.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return graph


# ---- Layout: a first line without its indentation, then lines that carry theirs


def _document(parts: list[Prefix | Statement], rest: list[Comment]) -> str:
    lines: list[str] = []
    at = 0
    crowded = False  # whether the next block wants an empty line above it
    while at < len(parts):
        part = parts[at]
        if isinstance(part, Prefix):
            run = []
            while at < len(parts) and isinstance(found := parts[at], Prefix):
                run.append(found)
                at += 1
            lines += _prefixes(run, first=not lines)
            crowded = True
            continue
        table = _table(parts, at)
        if table:
            lines += _above(part.lead, part.blank, crowded=crowded and not part.lead)
            lines += table
            crowded = False
            at += len(table)
            continue
        block = _block(part)
        alone = len(block) == 1
        spaced = _above(part.lead, part.blank, crowded=crowded or (not alone and bool(lines)))
        lines += [*spaced, *block]
        crowded = not alone
        at += 1
    lines += _above(rest, 0, crowded=False)
    while lines and not lines[0]:
        lines.pop(0)
    return "\n".join(lines) + "\n" if lines else ""


def _above(lead: Iterable[Comment], blank: int, *, crowded: bool) -> list[str]:
    """Comments above a block with the author's empty lines, at most two together."""
    lines: list[str] = []
    gaps = [*((comment.blank, comment.text) for comment in lead), (blank, None)]
    for number, (gap, text) in enumerate(gaps):
        lines += [""] * min(2, max(gap, 1 if crowded and number == 0 else 0))
        if text is not None:
            lines.append(text)
    return lines


def _prefixes(run: list[Prefix], *, first: bool) -> list[str]:
    lead, blank = run[0].lead, run[0].blank
    if first:
        run[0].lead = []  # what stands above the prefixes of a file speaks of the file
    else:
        lead = []
    lines = _above(lead, blank, crowded=not first)
    width = max((len(prefix.name) for prefix in run), default=0)
    for group in _groups(run):
        names = [prefix.name for prefix in group]
        if len(set(names)) == len(names):
            group.sort(key=lambda prefix: prefix.name)
        for prefix in group:
            lines += [comment.text for comment in prefix.lead]
            head = "@base" if prefix.base else f"@prefix {prefix.name:<{width}}"
            lines.append(joined(f"{head} {prefix.iri} .", prefix.trail))
    return lines


def _groups(run: list[Prefix]) -> Iterator[list[Prefix]]:
    """Prefixes that may change places: a base stays between those above and below it."""
    group: list[Prefix] = []
    for prefix in run:
        if prefix.base:
            yield group
            yield [prefix]
            group = []
        else:
            group.append(prefix)
    yield group


def _table(parts: list[Prefix | Statement], at: int) -> list[str]:
    """Neighbours of one line each with the same predicates, their columns aligned."""
    rows: list[tuple[list[str], str]] = []
    verbs: list[str] = []
    for part in parts[at:]:
        if isinstance(part, Prefix) or (rows and (part.lead or part.blank)):
            break
        cells = _cells(part)
        found = [pair.verb for pair in part.pairs]
        if cells is None or (rows and found != verbs):
            break
        verbs = found
        rows.append((cells, joined(*(pair.trail for pair in part.pairs))))
    widths = [
        max(map(_width, column)) for column in zip(*(cells for cells, _ in rows), strict=True)
    ]
    return [
        joined(
            " ".join(
                cell + " " * (width - _width(cell))
                for cell, width in zip(cells, [*widths[:-1], 0], strict=True)
            ),
            trail,
        )
        for cells, trail in rows
    ]


def _cells(part: Statement) -> list[str] | None:
    """The cells of a row, where the author wrote one or only one line is needed."""
    if not part.pairs or not (part.row or len(part.pairs) == 1):
        return None
    pairs = part.pairs
    subject = _inline(part.subject)
    cells = [subject]
    for number, pair in enumerate(pairs):
        objects = [_inline(item) for item in pair.objects]
        if pair.lead or None in objects or (pair.trail and number < len(pairs) - 1):
            return None
        mark = "." if number == len(pairs) - 1 else ";"
        cells.append(f"{pair.verb} {' , '.join(map(str, objects))} {mark}")
    if subject is None or sum(map(_width, map(str, cells))) > (ROW if part.row else WIDTH):
        return None
    if not part.row and pairs[0].iri in PROSE and len(pairs[0].objects) > 1:
        return None
    return [str(cell) for cell in cells]


def _block(part: Statement) -> list[str]:
    head = _node(part.subject, 0, 2)
    if not part.pairs:
        return [*head[:-1], f"{head[-1]} ."]
    first, *others = part.pairs
    lines = [*head[:-1], *_pair(first, head[-1] + " ", 4)]
    ends = [(lines, first.trail)]
    for pair in others:
        ends.append(([f"    {text}" for text in pair.lead] + _pair(pair, "    ", 4), pair.trail))
    return _closed(ends, ".")


def _closed(ends: list[tuple[list[str], str]], last: str) -> list[str]:
    """Lines of predicates with their marks, and the comments at their ends."""
    lines: list[str] = []
    for number, (block, trail) in enumerate(ends):
        mark = last if number == len(ends) - 1 else ";"
        lines += [*block[:-1], joined(joined(block[-1], mark), trail)]
    return lines


def _pair(pair: Pair, before: str, indent: int) -> list[str]:
    """A predicate and its objects, without the mark at the end, after `before`."""
    objects = pair.objects
    head = f"{before}{pair.verb}"
    whole = [_inline(item) for item in objects]
    if None not in whole and not (pair.iri in PROSE and len(objects) > 1):
        line = f"{head} {' , '.join(map(str, whole))}"
        if _width(line) + 2 <= WIDTH:
            return [line]
    if len(objects) == 1 and not objects[0].lead:
        if objects[0].kind == "term":
            apart = pair.iri in PROSE and "\n" not in objects[0].text
            text = objects[0].text
            return [head, " " * (indent + 4) + text] if apart else [f"{head} {text}"]
        first, *rest = _node(objects[0], indent, 2)
        return [f"{head} {first}", *rest]
    inner = " " * (indent + 4)
    if _filled(objects) and all(item.named for item in objects):
        return [head, *_fill([item.text for item in objects], inner, " , ")]
    lines = [head]
    for number, item in enumerate(objects):
        lines += [inner + text for text in item.lead]
        block = _node(item, indent + 4, 2)
        block[0] = inner + block[0]
        if number < len(objects) - 1:
            block[-1] = joined(block[-1] + " ,", item.trail)
        lines += block
    return lines


def _filled(items: list[Node]) -> bool:
    """Whether the author filled lines with terms rather than give each its own."""
    return all(
        item.kind == "term" and "\n" not in item.text and not item.lead and not item.trail
        for item in items
    ) and any(one.last == other.line for one, other in pairwise(items))


def _fill(texts: list[str], inner: str, mark: str) -> list[str]:
    """As many terms on each line as fit; the mark stands between them."""
    lines = [inner + texts[0]]
    for text in texts[1:]:
        if _width(f"{lines[-1]}{mark}{text}{mark}") <= WIDTH:
            lines[-1] += mark + text
        else:
            lines[-1] = (lines[-1] + mark).rstrip()
            lines.append(inner + text)
    return lines


def _inline(node: Node) -> str | None:
    """The node on one line; None where a comment, its length or its author forbids it."""
    if node.lead or node.trail or node.tail or "\n" in node.text:
        return None
    match node.kind:
        case "term":
            return node.text
        case "list":
            items = [_inline(item) for item in node.items]
            large = len(items) > 1 and any(len(item.pairs) > 1 for item in node.items)
            return None if large or None in items else " ".join(["(", *map(str, items), ")"])
        case "blank":
            if len(node.pairs) > 1 and node.line != node.last:
                return None
            parts = []
            for pair in node.pairs:
                objects = [_inline(item) for item in pair.objects]
                if pair.lead or pair.trail or None in objects:
                    return None
                parts.append(f"{pair.verb} {' , '.join(map(str, objects))}")
            return f"[ {' ; '.join(parts)} ]" if parts else "[]"


def _node(node: Node, indent: int, room: int) -> list[str]:
    """The node as lines, the closing bracket at `indent`; `room` is for the mark after it."""
    bare, node_trail = node, node.trail
    bare.trail, lead, bare.lead = "", node.lead, []
    whole = _inline(bare)
    node.trail, node.lead = node_trail, lead
    if node.kind == "term":
        return [node.text]
    if whole is not None and indent + _width(whole) + room <= WIDTH:
        return [whole]
    inner = " " * (indent + 4)
    lines = ["[" if node.kind == "blank" else "("]
    if node.kind == "blank":
        lines += _closed(
            [
                ([inner + text for text in pair.lead] + _pair(pair, inner, indent + 4), pair.trail)
                for pair in node.pairs
            ],
            "",
        )
    elif _filled(node.items):
        lines += _fill([item.text for item in node.items], inner, " ")
    else:
        for item in node.items:
            lines += [inner + text for text in item.lead]
            block = _node(item, indent + 4, 0)
            block[0] = inner + block[0]
            block[-1] = joined(block[-1], item.trail)
            lines += block
    lines += [inner + text for text in node.tail]
    return [*lines, " " * indent + ("]" if node.kind == "blank" else ")")]


def _width(text: str) -> int:
    """Columns on a terminal: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
