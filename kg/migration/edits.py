"""The text edits of a migration: names replaced, old terms left as deprecated, files swapped.

Comments and formatting stay: only tokens that are the term change, and the old term's block.
"""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kg import vocab
from kg.errors import InputError
from kg.migration.project import ClassColumn, Project, class_columns
from kg.ontology import lines
from kg.ontology.editions import DEPRECATED, REPLACED, Version
from kg.ontology.mentions import LANGUAGES, mentions, replaced

#: What a term can be → whether it is a class or a property, and how a newer one stands above it.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    vocab.OWL + "Class": ("class", vocab.RDFS + "subClassOf"),
    vocab.RDFS + "Datatype": ("datatype", vocab.RDFS + "subClassOf"),
    vocab.OWL + "ObjectProperty": ("object property", vocab.RDFS + "subPropertyOf"),
    vocab.OWL + "DatatypeProperty": ("datatype property", vocab.RDFS + "subPropertyOf"),
    vocab.OWL + "AnnotationProperty": ("annotation property", vocab.RDFS + "subPropertyOf"),
}


@dataclass(frozen=True)
class Step:
    """One line of a migration file."""

    action: str  # rename, merge or deprecate
    old: str
    new: str
    line: int

    def __str__(self) -> str:
        to = f" {'into' if self.action == 'merge' else 'to'} {vocab.shorten(self.new)}"
        return f"{self.action} {vocab.shorten(self.old)}{to if self.new else ''}"


@dataclass(frozen=True)
class Block:
    """The statements of one subject in a Turtle text, its full stop included."""

    subject: str
    start: int
    end: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a Turtle text; a subject without a name is ""."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    subjects = {mention.start: mention.iri for mention in mentions(text, "turtle")}
    begin, directive = None, False
    depth = 0
    for token in lines.tokens(text):
        at = starts[token.line - 1] + token.column - 1
        if begin is None:
            begin, directive = at, token.kind == "directive"
        if token.kind == "mark":
            depth += (token.text in "[(") - (token.text in "])")
            if token.text == "." and depth == 0:
                if not directive:
                    yield Block(subjects.get(begin, ""), begin, at + 1)
                begin = None
        elif token.kind == "iri" and begin is not None and not directive:
            # SPARQL's `PREFIX p: <iri>` ends without a full stop.
            head = text[begin:at].split()
            if head and head[0].upper() in {"PREFIX", "BASE"}:
                begin = None


def _stubs(text: str) -> frozenset[int]:
    """Where deprecated terms are named as the subject of their own block: that name stays."""
    named = mentions(text, "turtle")
    found = set[int]()
    for block in blocks(text):
        inside = [each for each in named if block.start <= each.start < block.end]
        if any(each.iri == DEPRECATED for each in inside):
            found |= {each.start for each in inside if each.iri == block.subject}
    return frozenset(found)


def apply(steps: list[Step], project: Project, version: Version) -> None:
    """Edit the files of a project that is a copy."""
    names = {step.old: step.new for step in steps if step.new}
    for step in steps:
        if version.deprecated.get(step.old) == step.new and step.old in version.deprecated:
            continue
        if step.action == "deprecate":
            if step.old not in version.deprecated:
                _deprecate(step, project)
        else:
            _leave_behind(step, project, version)
    _declare(project)
    for area, _, path in project.files():
        if area == "code":
            continue
        text = path.read_text(encoding="utf-8")
        keep = _stubs(text) if area == "module" else frozenset()
        edited = replaced(text, LANGUAGES[path.suffix], names, keep)
        if area == "mapping":
            edited = _patterns(edited, names)
        if edited != text:
            path.write_text(edited, encoding="utf-8", newline="")
    for column in class_columns(project.inputs):
        _rename_cells(column, names)


def _modules(project: Project) -> Iterator[Path]:
    for area, _, path in project.files():
        if area == "module":
            yield path


def _edit(path: Path, start: int, end: int, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:start] + new + text[end:], encoding="utf-8", newline="")


def _declare(project: Project) -> None:
    """Declare dcterms:isReplacedBy beside the other terms of DCMI, where a stub uses it now."""
    used = declared = False
    for path in _modules(project):
        text = path.read_text(encoding="utf-8")
        used = used or any(each.iri == REPLACED for each in mentions(text, "turtle"))
        declared = declared or any(block.subject == REPLACED for block in blocks(text))
    path = project.inputs.ontology / "external.ttl"
    if not used or declared or not path.is_file():
        return
    text = path.read_text(encoding="utf-8")
    name = _Names(text)
    line = (
        f"{name(REPLACED)} a {name(vocab.OWL + 'AnnotationProperty')} ; "
        f'{name(vocab.RDFS + "label")} "is replaced by"@en ; '
        f"{name(vocab.RDFS + 'isDefinedBy')} <{vocab.DCTERMS}> ."
    )
    beside = [b for b in blocks(text) if b.subject.startswith(vocab.DCTERMS)]
    at = beside[-1].end if beside else len(text.rstrip())
    _edit(path, at, at, f"\n{line}")


def _deprecate(step: Step, project: Project) -> None:
    """Add `owl:deprecated true` to the block that declares a term."""
    path, block = _declaration(step.old, project)
    text = path.read_text(encoding="utf-8")
    inside = text[block.start : block.end - 1].rstrip().removesuffix(";").rstrip()
    name = _Names(text)
    _edit(path, block.start, block.end, f"{inside} ;\n    {name(DEPRECATED)} true .")


def _declaration(term: str, project: Project) -> tuple[Path, Block]:
    """The module and the block that declare a term: the first that gives it a type."""
    found: list[tuple[Path, Block]] = []
    for path in _modules(project):
        text = path.read_text(encoding="utf-8")
        for block in blocks(text):
            if block.subject == term:
                typed = re.match(r"\S+\s+a\s", text[block.start : block.end])
                found.insert(0 if typed else len(found), (path, block))
    if not found:
        raise InputError(f"{vocab.shorten(term)}: no module declares it")
    return found[0]


def _leave_behind(step: Step, project: Project, version: Version) -> None:
    """Put the deprecated old term where it was declared; a merged term's axioms go."""
    if step.action == "merge":
        for path in _modules(project):
            while True:
                text = path.read_text(encoding="utf-8")
                main = _declaration(step.old, project)
                block = next(
                    (b for b in blocks(text) if b.subject == step.old and (path, b) != main), None
                )
                if block is None:
                    break
                _edit(path, block.start, block.end, "")
    path, block = _declaration(step.old, project)
    text = path.read_text(encoding="utf-8")
    stub = _stub(step, version, _Names(text))
    if step.action == "merge":
        _edit(path, block.start, block.end, stub)
    else:
        _edit(path, block.end, block.end, f"\n\n{stub}")


class _Names:
    """IRIs as a Turtle file writes them: by its prefixes, or in full."""

    def __init__(self, text: str) -> None:
        self.prefixes = lines.Layout(text).prefixes

    def __call__(self, iri: str) -> str:
        for prefix, namespace in self.prefixes.items():
            local = iri[len(namespace) :]
            if iri.startswith(namespace) and re.fullmatch(r"[A-Za-z][\w-]*", local):
                return f"{prefix}:{local}"
        return f"<{iri}>"


def _stub(step: Step, version: Version, name: _Names) -> str:
    """The old term as it stays: deprecated, replaced, and implying the new one."""
    part = version.parts[""]
    kinds = part.kinds(step.old)
    kind = next((iri for iri in KINDS if f"<{iri}>" in kinds), vocab.RDF + "Property")
    _, above = KINDS.get(kind, ("", vocab.RDFS + "subPropertyOf"))
    said = part.statements[step.old]
    labels = sorted(value for predicate, value in said if predicate == vocab.RDFS + "label")
    homes = sorted(value for predicate, value in said if predicate == vocab.RDFS + "isDefinedBy")
    marks = {"zh": "（已弃用）"}
    parts = [f"{name(step.old)} a {name(kind)}"]
    parts.append(f"{name(above)} {name(step.new)}")
    parts.append(f"{name(DEPRECATED)} true")
    parts.append(f"{name(REPLACED)} {name(step.new)}")
    if labels:
        marked = (
            re.sub(r'"(@([\w-]+))?$', lambda m: marks.get(m[2], " (deprecated)") + m[0], label)
            for label in labels
        )
        parts.append(f"{name(vocab.RDFS + 'label')} " + " , ".join(marked))
    new = vocab.shorten(step.new)
    parts.append(
        f"{name(vocab.SKOS + 'definition')}\n"
        f'        "Use {new} instead; kept so that older data and queries can be read."@en ,\n'
        f'        "请改用 {new}；保留仅为读取旧数据和旧查询。"@zh'
    )
    if homes:
        parts.append(f"{name(vocab.RDFS + 'isDefinedBy')} {name(homes[0][1:-1])}")
    return " ;\n    ".join(parts) + " ."


def _patterns(text: str, names: Mapping[str, str]) -> str:
    """A mapping whose columns list classes by name: `pattern: AIModel|Platform|Product`."""
    local = {old.rpartition("#")[2]: new.rpartition("#")[2] for old, new in names.items()}

    def renamed(match: re.Match[str]) -> str:
        words = [local.get(word, word) for word in match[2].split("|")]
        return match[1] + "|".join(words)

    return re.sub(r"(\bpattern:\s*)([A-Z]\w*(?:\|[A-Z]\w*)*)(?=\s*[},\n])", renamed, text)


def _rename_cells(column: ClassColumn, names: Mapping[str, str]) -> None:
    text = column.path.read_text(encoding="utf-8")
    parts: list[str] = []
    done = 0
    for cell in column.cells():
        if new := names.get(vocab.AIC + cell.text):
            parts += text[done : cell.start], new.rpartition("#")[2]
            done = cell.end
    if parts:
        column.path.write_text("".join([*parts, text[done:]]), encoding="utf-8", newline="")


#: (name, path in the project, text before, text after)
Edited = tuple[str, Path, str, str]


def changed(project: Project, copy: Project) -> Iterator[Edited]:
    """Each file that the migration changed."""
    for label, edited in copy.folders.items():
        for path in sorted(edited.rglob("*")):
            inside = path.relative_to(edited)
            original = project.folders[label] / inside
            if path.is_file() and path.read_bytes() != original.read_bytes():
                yield f"{label}/{inside.as_posix()}", original, _raw(original), _raw(path)


def _raw(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def unified(name: str, before: str, after: str) -> str:
    """A change for people to read, as `diff -u` writes it."""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=1))


def declaring(steps: list[Step], project: Project) -> frozenset[Path]:
    """The modules that declare the old terms."""
    return frozenset(_declaration(step.old, project)[0] for step in steps)


@contextmanager
def written(pairs: list[Edited], last: Collection[Path]) -> Iterator[None]:
    """Replace the files one by one; put all of them back where what follows fails.

    The modules that declare the old terms go last: after a crash in between, the migration is
    still to be done, and running it again completes it.
    """
    done: list[Edited] = []
    try:
        for edited in sorted(pairs, key=lambda each: each[1] in last):
            done.append(edited)
            _swap(edited[1], edited[3])
        yield
    except BaseException:
        for _, path, before, _ in reversed(done):
            _swap(path, before)
        raise


def _swap(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(text.encode("utf-8"))
    shutil.copymode(path, temporary)
    temporary.replace(path)
