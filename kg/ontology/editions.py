"""One version of the ontology, read from wherever it is kept, and what it says.

`Version.load` takes a folder, a file, a git revision, a frozen version or a release. Statements
are held as texts that say all of it: a blank node by its structure, a list of disjoint classes
pair by pair. So two versions that say the same are equal, however their files are written.
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Store, parse, serialize

from kg import vocab
from kg.errors import InputError
from kg.ontology.modules import GRAPHS
from kg.release import Home, Release

#: Folder below ontology/ → what its files hold.
PARTS: Final[Mapping[str, str]] = {"": "ontology", "vocabularies": "vocabulary", "shapes": "shape"}

TYPE: Final = vocab.RDF + "type"
DEPRECATED: Final = vocab.OWL + "deprecated"
REPLACED: Final = vocab.DCTERMS + "isReplacedBy"
#: The type of a module's own header.
HEADER: Final = f"<{vocab.OWL}Ontology>"

#: Axioms that hold both ways, and the list axioms that stand for all pairs of their members.
_SYMMETRIC: Final = frozenset(
    vocab.OWL + name
    for name in ("disjointWith", "propertyDisjointWith", "equivalentClass", "equivalentProperty",
                 "inverseOf", "differentFrom", "sameAs")
)  # fmt: skip
_PAIRWISE: Final = {
    vocab.OWL + "AllDisjointClasses": vocab.OWL + "disjointWith",
    vocab.OWL + "AllDisjointProperties": vocab.OWL + "propertyDisjointWith",
    vocab.OWL + "AllDifferent": vocab.OWL + "differentFrom",
}
STRING_OR_IRI: Final = re.compile(r'"(?:[^"\\]|\\.)*"|<([^<>]*)>')
SEMVER: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def shown(text: str) -> str:
    """A structure for people: its IRIs as prefixed names where there is a prefix."""

    def short(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        name = vocab.shorten(match[1])
        return match[0] if name == match[1] else name

    return STRING_OR_IRI.sub(short, text)


@dataclass(frozen=True)
class Part:
    """What a part (modules, vocabularies or shapes) says, blank nodes written as structures."""

    #: Named subject → its statements (predicate IRI, object's structure).
    statements: Mapping[str, Set[tuple[str, str]]]
    #: Structures that belong to no named subject.
    loose: frozenset[str]
    #: A class expression's structure → the members of the union it is.
    unions: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, triples: Iterable[Quad]) -> Part:
        """Read statements into structures."""
        return _Structures(triples).part()

    def kinds(self, term: str) -> frozenset[str]:
        """The types of a term."""
        found = self.statements.get(term, frozenset())
        return frozenset(value for predicate, value in found if predicate == TYPE)


class _Structures:
    """Writes each object as a text that says all of it, whatever its blank nodes are called."""

    def __init__(self, triples: Iterable[Quad]) -> None:
        self.of: dict[NamedNode | BlankNode, list[tuple[str, Any]]] = defaultdict(list)
        pointed: set[BlankNode] = set()
        for quad in triples:
            self.of[quad.subject].append((quad.predicate.value, quad.object))  # type: ignore[index]
            if isinstance(quad.object, BlankNode):
                pointed.add(quad.object)
        self.roots = [node for node in self.of if node not in pointed]
        self.unions: dict[str, tuple[str, ...]] = {}

    def part(self) -> Part:
        statements: dict[str, set[tuple[str, str]]] = defaultdict(set)
        loose: set[str] = set()
        for node in self.roots:
            if isinstance(node, NamedNode):
                continue
            if not self.pairs(node, statements):
                loose.add(self.text(node))
        for node, pairs in self.of.items():
            if isinstance(node, NamedNode):
                for predicate, value in pairs:
                    target = self.text(value)
                    statements[node.value].add((predicate, target))
                    if predicate in _SYMMETRIC and isinstance(value, NamedNode):
                        statements[value.value].add((predicate, f"<{node.value}>"))
        return Part(dict(statements), frozenset(loose), self.unions)

    def pairs(self, node: BlankNode, into: dict[str, set[tuple[str, str]]]) -> bool:
        """Write a list axiom as its pairs; false where it is none, or has unnamed members."""
        values = dict(self.of[node])
        kind = values.get(TYPE)
        if not isinstance(kind, NamedNode) or kind.value not in _PAIRWISE or len(values) != 2:
            return False
        members = self.members(
            values.get(vocab.OWL + "members", values.get(vocab.OWL + "distinctMembers"))
        )
        if members is None or not all(isinstance(each, NamedNode) for each in members):
            return False
        for one, other in combinations(sorted({each.value for each in members}), 2):
            into[one].add((_PAIRWISE[kind.value], f"<{other}>"))
            into[other].add((_PAIRWISE[kind.value], f"<{one}>"))
        return True

    def members(self, node: Any) -> list[Any] | None:
        """The members of a list; None where it is no well-formed one."""
        found: list[Any] = []
        seen: set[Any] = set()
        while node != NamedNode(vocab.RDF + "nil"):
            values = self.of.get(node, [])
            parts = dict(values)
            if (
                node in seen
                or len(values) != 2
                or set(parts) != {vocab.RDF + "first", vocab.RDF + "rest"}
            ):
                return None
            seen.add(node)
            found.append(parts[vocab.RDF + "first"])
            node = parts[vocab.RDF + "rest"]
        return found

    def text(self, node: Any, above: tuple[BlankNode, ...] = ()) -> str:
        if not isinstance(node, BlankNode):
            return str(node)
        if node in above:
            return f"[above {len(above) - above.index(node)}]"
        inside = (*above, node)
        if (members := self.members(node)) is not None:
            return "( " + " ".join(self.text(each, inside) for each in members) + " )"
        said = sorted({f"<{name}> {self.text(value, inside)}" for name, value in self.of[node]})
        text = "[ " + " ; ".join(said) + " ]"
        for name, value in self.of[node]:
            if name == vocab.OWL + "unionOf" and (union := self.members(value)) is not None:
                self.unions[text] = tuple(self.text(each, inside) for each in union)
        return text


@dataclass(frozen=True)
class Version:
    """One version of the ontology: its files by relative path, and what they say."""

    name: str
    files: Mapping[str, bytes]

    @classmethod
    def load(cls, text: str, folder: Path, home: Home | None = None) -> Version:
        """The version that a person names; `folder` is the project's ontology folder.

        Taken in this order: a folder or file; `git:REV`; a frozen version (`0.1.0`); a release
        id of `home`; a git revision. Raises InputError where it is none of these.
        """
        path = Path(text)
        if text.startswith("git:"):
            return cls(text, _from_git(text.removeprefix("git:"), folder))
        if path.is_dir():
            return cls(text, _from_folder(path))
        if path.is_file():
            part = path.parent.name if path.parent.name in GRAPHS else ""
            return cls(text, {str(PurePosixPath(part, path.name)): path.read_bytes()})
        if SEMVER.fullmatch(text) and (folder / "releases" / text).is_dir():
            return cls(text, _from_folder(folder / "releases" / text))
        wanted = text.removeprefix("release:")
        for release in home.releases() if home else ():
            if release.id == wanted or (len(wanted) >= 8 and release.id.startswith(wanted)):
                return cls(text, _from_release(release))
        try:
            return cls(text, _from_git(text, folder))
        except InputError:
            raise InputError(
                f"{text!r} is no version of the ontology: expected a folder, a Turtle file, "
                "git:REVISION, a frozen version (ontology/releases/), or the id of a release"
            ) from None

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """Part ("", vocabularies, shapes) → what it says. Raises InputError on a syntax error."""
        found: dict[str, list[Quad]] = {part: [] for part in PARTS}
        for name, data in sorted(self.files.items()):
            path = PurePosixPath(name)
            if path.suffix != ".ttl":
                continue
            part = next((each for each in path.parts[:-1] if each in PARTS), "")
            try:
                quads = list(parse(data, format=RdfFormat.TURTLE, rename_blank_nodes=True))
            except SyntaxError as error:
                raise InputError(
                    f"{self.name}/{name}:{error.lineno}:{error.offset}: not Turtle: {error.msg}"
                ) from None
            found[part] += quads
        return {part: Part.of(quads) for part, quads in found.items()}

    @cached_property
    def terms(self) -> frozenset[str]:
        """The IRIs of this project's namespace that the modules declare."""
        return frozenset(
            term
            for term in self.parts[""].statements
            if term.startswith(vocab.AIC) and self.parts[""].kinds(term)
        )

    @cached_property
    def deprecated(self) -> Mapping[str, str]:
        """Each deprecated term → the term that replaces it, or ""."""
        found = {}
        for term, pairs in self.parts[""].statements.items():
            if any(name == DEPRECATED and value.startswith('"true"') for name, value in pairs):
                to = sorted(value[1:-1] for name, value in pairs if name == REPLACED)
                found[term] = to[0] if to else ""
        return found

    @cached_property
    def number(self) -> str:
        """The version that its header declares, or ""."""
        said = sorted(
            value.split('"')[1]
            for term, pairs in self.parts[""].statements.items()
            if (TYPE, HEADER) in pairs
            for name, value in pairs
            if name == vocab.OWL + "versionInfo"
        )
        return said[-1] if said else ""

    def write(self, folder: Path) -> Path:
        """Write the files below `folder`, which may not exist yet."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder


def _from_folder(folder: Path) -> dict[str, bytes]:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] != "releases"
    }
    if not any(name.endswith(".ttl") for name in files):
        raise InputError(f"{folder}: expected Turtle files (*.ttl)")
    return files


def _from_git(revision: str, folder: Path) -> dict[str, bytes]:
    def git(*arguments: str) -> bytes:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, check=True
            )
        except FileNotFoundError:
            raise InputError(f"git:{revision}: git is not installed") from None
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode(errors="replace").strip().splitlines()
            raise InputError(
                f"git:{revision}: {reason[0] if reason else 'cannot be read'}"
            ) from None
        return done.stdout

    if revision.startswith("-"):
        raise InputError(f"git:{revision}: expected a revision")
    commit = git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    archive = git("archive", "--format=tar", commit, ".")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            data = tar.extractfile(member) if member.isfile() else None
            name = PurePosixPath(member.name).as_posix()
            if data is not None and not name.startswith("releases/"):
                files[name] = data.read()
    if not any(name.endswith(".ttl") for name in files):
        raise InputError(f"git:{revision}: has no Turtle files in {folder.name}/")
    return files


def _from_release(release: Release) -> dict[str, bytes]:
    """The three graphs of a release as three Turtle files, resources moved back to BASE."""
    store: Store = release.open()
    base = release.manifest.base

    def moved(term: Any) -> Any:
        if isinstance(term, NamedNode) and base != vocab.BASE and term.value.startswith(base):
            return NamedNode(vocab.BASE + term.value[len(base) :])
        return term

    names = {
        "": "aicluster.ttl",
        "vocabularies": "vocabularies/all.ttl",
        "shapes": "shapes/all.ttl",
    }
    files = {}
    for part, graph in GRAPHS.items():
        triples = [
            Quad(moved(quad.subject), quad.predicate, moved(quad.object))
            for quad in store.quads_for_pattern(None, None, None, NamedNode(graph))
        ]
        text = serialize(triples, format=RdfFormat.TURTLE, prefixes=dict(vocab.PREFIXES))
        files[names[part]] = text or b""
    return files
