"""What an edit of the ontology means: two versions compared term by term, whatever their files.

Removed and added terms that are likely one term are proposed as renames, and what only follows
from a rename is not told again. Every change has a level by the written rule, `RULE`; the
greatest one says which version comes next.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from kg import vocab
from kg.ontology.editions import (
    DEPRECATED,
    HEADER,
    PARTS,
    SEMVER,
    STRING_OR_IRI,
    TYPE,
    Part,
    Version,
    shown,
)
from kg.ontology.tightening import constraint_changes

Level = Literal["none", "patch", "minor", "major"]
Kind = Literal["added", "removed", "renamed", "deprecated", "axiom", "label"]

LEVELS: Final[tuple[Level, ...]] = ("none", "patch", "minor", "major")

#: The written rule by which a change is major, minor or patch; the greatest one counts.
RULE: Final = """\
major  what was right may be wrong now, or an answer may be lost: a term removed or renamed;
       a domain or range narrowed; a new disjointness with a term that A has; a restriction or
       characteristic that excludes something (functional, irreflexive, asymmetric ...); an
       inference taken away (a superclass, superproperty, transitivity, inverse ...); a term of
       another kind; a shape tightened (a constraint added or made stricter, a warning made a
       violation)
minor  everything that was right stays right: a term added or deprecated; a domain or range
       widened; an exclusion taken away; an inference added; a shape loosened or removed; a
       shape for a class that is new as well; a concept's statements
patch  words only: labels, definitions, comments, examples, messages, titles
The version that follows A is A's with the number of that level raised; before 1.0.0 nothing
is promised yet, so major and minor changes both raise the middle number."""

_RDFS, _OWL, _SKOS, _SH = vocab.RDFS, vocab.OWL, vocab.SKOS, vocab.SH
_LABELS: Final = frozenset({_RDFS + "label", _SKOS + "prefLabel", _SKOS + "altLabel"})
_MEANINGS: Final = frozenset({_SKOS + "definition", _RDFS + "comment"})
_WORDS: Final = (
    _LABELS
    | _MEANINGS
    | {_RDFS + name for name in ("seeAlso", "isDefinedBy")}
    | {
        _SKOS + name
        for name in (
            "hiddenLabel", "note", "scopeNote", "example", "editorialNote", "historyNote",
            "changeNote",
        )
    }
)  # fmt: skip
_VERSION_WORDS: Final = frozenset(
    {_OWL + "versionInfo", _OWL + "versionIRI", _OWL + "priorVersion", vocab.DCTERMS + "modified"}
)
_EXCLUDES: Final = frozenset(
    {_OWL + name for name in ("disjointWith", "propertyDisjointWith", "differentFrom", "hasKey")}
)
_EXCLUDING_TYPES: Final = frozenset(
    f"<{_OWL}{name}>"
    for name in ("FunctionalProperty", "InverseFunctionalProperty", "IrreflexiveProperty",
                 "AsymmetricProperty")
)  # fmt: skip
_INFERRING_TYPES: Final = frozenset(
    f"<{_OWL}{name}>" for name in ("TransitiveProperty", "SymmetricProperty", "ReflexiveProperty")
)
_INFERS: Final = frozenset(
    {_RDFS + "subClassOf", _RDFS + "subPropertyOf", _OWL + "equivalentClass",
     _OWL + "equivalentProperty", _OWL + "inverseOf", _OWL + "propertyChainAxiom"}
)  # fmt: skip
#: XSD's own hierarchy, as far as ranges use it.
_DATATYPES: Final = {
    f"<{vocab.XSD}{low}>": f"<{vocab.XSD}{high}>"
    for low, high in (
        ("integer", "decimal"), ("long", "integer"), ("int", "long"), ("short", "int"),
        ("byte", "short"), ("nonNegativeInteger", "integer"),
        ("positiveInteger", "nonNegativeInteger"), ("nonPositiveInteger", "integer"),
        ("negativeInteger", "nonPositiveInteger"), ("unsignedInt", "nonNegativeInteger"),
        ("normalizedString", "string"), ("token", "normalizedString"),
        ("dateTimeStamp", "dateTime"),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change of one term; `part` is ontology, vocabulary or shape."""

    kind: Kind
    part: str
    term: str
    level: Level
    #: added: new statements; removed: old ones; for an axiom the two sides of one predicate.
    predicate: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    why: str = ""
    #: A rename's new term and how sure the proposal is (1.0: the ontology says so itself).
    to: str = ""
    score: float = 0.0

    def __str__(self) -> str:
        name = vocab.shorten(self.term) or "(no name)"
        tail = f"  [{self.level}]" + (f" {self.why}" if self.why else "")
        match self.kind:
            case "added":
                return f"+ {name}{tail}"
            case "removed":
                return f"- {name}{tail}"
            case "renamed":
                sure = "stated" if self.score == 1.0 else f"proposed, {self.score:.2f}"
                return f"> {name} → {vocab.shorten(self.to)} ({sure}){tail}"
            case "deprecated":
                by = f", replaced by {vocab.shorten(self.to)}" if self.to else ""
                return f"! {name} deprecated{by}{tail}"
        lines = [f"~ {name} {shown(self.predicate)}{tail}"]
        lines += [f"    - {shown(value)}" for value in self.before]
        lines += [f"    + {shown(value)}" for value in self.after]
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The change as JSON."""
        found: dict[str, Any] = {
            "kind": self.kind, "part": self.part, "term": self.term, "level": self.level,
            "why": self.why,
        }  # fmt: skip
        if self.predicate:
            found |= {
                "predicate": self.predicate,
                "before": list(self.before),
                "after": list(self.after),
            }
        if self.to:
            found["to"] = self.to
        if self.kind == "renamed":
            found["score"] = round(self.score, 2)
        return found


_TITLES: Final[Mapping[str, str]] = {
    "removed": "Removed",
    "renamed": "Renamed",
    "added": "Added",
    "deprecated": "Deprecated",
    "axiom": "Axioms changed",
    "label": "Words changed",
}


@dataclass(frozen=True)
class Diff:
    """How version B differs from version A; empty where they say the same."""

    a: str
    b: str
    number_a: str
    number_b: str
    changes: tuple[Change, ...] = field(default=())

    ok: bool = field(default=True, init=False)

    @property
    def level(self) -> Level:
        """The greatest level of all changes."""
        return max((change.level for change in self.changes), key=LEVELS.index, default="none")

    @property
    def version(self) -> str:
        """The version that B should have, by the rule; "" where A declares none."""
        found = SEMVER.match(self.number_a)
        if found is None:
            return ""
        major, minor, patch = (int(number) for number in found.groups())
        match self.level:
            case "none":
                return f"{major}.{minor}.{patch}"
            case "patch":
                return f"{major}.{minor}.{patch + 1}"
            case "major" if major:
                return f"{major + 1}.0.0"
        return f"{major}.{minor + 1}.0"

    def of(self, kind: Kind, part: str | None = None) -> list[Change]:
        """The changes of one kind."""
        return [c for c in self.changes if c.kind == kind and part in (None, c.part)]

    def verdict(self) -> str:
        """One sentence: how large the change is and which version follows."""
        if self.level == "none":
            return "no change"
        counts = ", ".join(
            f"{len(found)} {_TITLES[kind].lower()}"
            for kind in _TITLES
            if (found := self.of(kind))  # type: ignore[arg-type]
        )
        text = f"{self.level}: {counts}"
        if self.version:
            text += f"; {self.number_a} is followed by {self.version}"
            if self.number_b not in (self.number_a, self.version):
                text += f" (B declares {self.number_b or 'none'})"
        return text

    def text(self) -> str:
        """The diff for a terminal."""
        lines = [f"{self.a} → {self.b}: {self.verdict()}"]
        for part in dict.fromkeys(change.part for change in self.changes):
            for kind, title in _TITLES.items():
                found = self.of(kind, part)  # type: ignore[arg-type]
                if found:
                    lines += ["", f"{title} ({part})", *(f"  {_indented(c)}" for c in found)]
        return "\n".join(lines) + "\n"

    def markdown(self) -> str:
        """The diff for a change log or a pull request."""
        lines = [f"## Ontology: {self.a} → {self.b}", "", f"**{self.verdict()}**"]
        for part in dict.fromkeys(change.part for change in self.changes):
            for kind, title in _TITLES.items():
                found = self.of(kind, part)  # type: ignore[arg-type]
                if found:
                    lines += ["", f"### {title} ({part})", "", *map(_item, found)]
        return "\n".join(lines) + "\n"

    def data(self) -> dict[str, Any]:
        """The diff as JSON."""
        return {
            "a": {"name": self.a, "version": self.number_a},
            "b": {"name": self.b, "version": self.number_b},
            "level": self.level,
            "version": self.version,
            "changes": [change.data() for change in self.changes],
        }


def _indented(change: Change) -> str:
    return str(change).replace("\n", "\n  ")


def _item(change: Change) -> str:
    name = f"`{vocab.shorten(change.term)}`"
    tail = f" ({change.level}{': ' + change.why if change.why else ''})"
    match change.kind:
        case "renamed":
            sure = "" if change.score == 1.0 else f", proposed with score {change.score:.2f}"
            return f"- {name} → `{vocab.shorten(change.to)}`{sure}{tail}"
        case "deprecated":
            by = f", replaced by `{vocab.shorten(change.to)}`" if change.to else ""
            return f"- {name}{by}{tail}"
        case "added" | "removed":
            return f"- {name}{tail}"
    lines = [f"- {name} `{shown(change.predicate)}`{tail}"]
    lines += [f"  - was: `{shown(value)}`" for value in change.before]
    lines += [f"  - now: `{shown(value)}`" for value in change.after]
    return "\n".join(lines)


def diff(a: Version, b: Version) -> Diff:
    """Compare two versions; see `RULE` for the levels."""
    return Diff(a.name, b.name, a.number, b.number, tuple(_Comparison(a, b).changes()))


class _Comparison:
    """One comparison: A's statements with proposed renames applied, against B's."""

    def __init__(self, a: Version, b: Version) -> None:
        self.a, self.b = a, b
        self.stated = {
            old: new
            for old, new in b.deprecated.items()
            if new and old in a.terms and old not in a.deprecated and new not in a.terms
            and new in b.terms
        }  # fmt: skip
        self.scores = {(old, new): 1.0 for old, new in self.stated.items()}
        for part in PARTS:
            self.scores |= self.proposed(part)
        self.renames = {old: new for old, new in self.scores}
        #: The terms of A under the names they have in B.
        self.known = {self.renames.get(term, term) for term in a.parts[""].statements}
        self.hierarchy = _Hierarchy(a.parts[""], b.parts[""], self.renamed)

    def renamed(self, text: str) -> str:
        """A structure of A with the renamed terms under their new names."""

        def new(match: re.Match[str]) -> str:
            return f"<{self.renames[match[1]]}>" if match[1] in self.renames else match[0]

        return STRING_OR_IRI.sub(new, text) if self.renames else text

    def changes(self) -> Iterator[Change]:
        for part in PARTS:
            yield from sorted(self.of_part(part), key=_order)

    def subjects(self, version: Version, part: str) -> dict[str, Set[tuple[str, str]]]:
        return {
            term: pairs
            for term, pairs in version.parts[part].statements.items()
            if (TYPE, HEADER) not in pairs
        }

    def of_part(self, part: str) -> Iterator[Change]:
        label = PARTS[part]
        old, new = self.subjects(self.a, part), self.subjects(self.b, part)
        for term in sorted(old.keys() - new.keys() - self.renames.keys()):
            level: Level = "minor" if part == "shapes" else "major"
            why = "a shape less" if part == "shapes" else ""
            yield Change("removed", label, term, level, why=why)
        appeared = set(self.renames.values())
        for term in sorted(new.keys() - old.keys() - appeared):
            yield self.added(part, term, new[term])
        for before, after in sorted(self.renames.items()):
            if before not in old or after not in new:
                continue
            score = self.scores[before, after]
            level = "minor" if part == "shapes" else "major"
            why = "the old name stays, deprecated" if before in self.b.deprecated else ""
            yield Change("renamed", label, before, level, why=why, to=after, score=score)
            yield from self.of_term(part, after, old[before], new[after])
        for term in sorted(old.keys() & new.keys() - self.renames.keys()):
            yield from self.of_term(part, term, old[term], new[term])
        yield from self.headers(part)
        gone = {self.renamed(text) for text in self.a.parts[part].loose}
        come = set(self.b.parts[part].loose)
        for text in sorted(come - gone):
            yield Change("axiom", label, "", "major", "an axiom without a name", after=(text,))
        for text in sorted(gone - come):
            yield Change("axiom", label, "", "minor", "an axiom without a name", before=(text,))

    def headers(self, part: str) -> Iterator[Change]:
        """Titles and imports of the modules; the version number itself is no change."""

        def said(version: Version) -> dict[str, set[tuple[str, str]]]:
            return {
                term: {pair for pair in pairs if pair[0] not in _VERSION_WORDS}
                for term, pairs in version.parts[part].statements.items()
                if (TYPE, HEADER) in pairs
            }

        old, new = said(self.a), said(self.b)
        for term in sorted(old.keys() | new.keys()):
            one, other = old.get(term, set()), new.get(term, set())
            for predicate in sorted({pair[0] for pair in one ^ other}):
                before = tuple(sorted(v for p, v in one - other if p == predicate))
                after = tuple(sorted(v for p, v in other - one if p == predicate))
                words = predicate not in {_OWL + "imports", TYPE}
                yield Change(
                    "label" if words else "axiom", PARTS[part], term,
                    "patch" if words else "minor", predicate, before, after, "a module's header",
                )  # fmt: skip

    def added(self, part: str, term: str, pairs: Set[tuple[str, str]]) -> Change:
        label = PARTS[part]
        if part == "shapes":
            targets = {value[1:-1] for name, value in pairs if name == _SH + "targetClass"}
            known = self.a.parts[""].statements.keys()
            fresh = bool(targets) and not any(target in known for target in targets)
            level: Level = "minor" if fresh else "major"
            return Change(
                "added", label, term, level, why="" if fresh else "constrains what was free"
            )
        if part == "" and any(
            name == DEPRECATED and value.startswith('"true"') for name, value in pairs
        ):
            return Change("added", label, term, "minor", why="deprecated from the start")
        return Change("added", label, term, "minor")

    # --- one term -----------------------------------------------------------------------------

    def of_term(
        self, part: str, term: str, old: Set[tuple[str, str]], new: Set[tuple[str, str]]
    ) -> Iterator[Change]:
        one = {(predicate, self.renamed(value)) for predicate, value in old}
        other = set(new)
        if old == new:  # a shape that still names a term by its old name has not changed itself
            return
        if part == "shapes":
            for each in constraint_changes(one, other):
                kind: Kind = "label" if each.level == "patch" else "axiom"
                yield Change(kind, "shape", term, *each)
            return
        label = PARTS[part]
        flag = term in self.b.deprecated, term in self.a.deprecated
        if part == "" and flag == (True, False):
            yield Change("deprecated", label, term, "minor", to=self.b.deprecated[term])
        elif part == "" and flag == (False, True):
            yield Change("axiom", label, term, "minor", DEPRECATED, ('"true"',), (), "in use again")
        for predicate in sorted({pair[0] for pair in one ^ other} - {DEPRECATED}):
            before = {v for p, v in one if p == predicate}
            after = {v for p, v in other if p == predicate}
            gone, come = tuple(sorted(before - after)), tuple(sorted(after - before))
            if predicate in _WORDS or predicate.startswith(vocab.DCTERMS):
                yield Change("label", label, term, "patch", predicate, gone, come)
                continue
            level, why = self.judged(part, predicate, before, after)
            yield Change("axiom", label, term, level, predicate, gone, come, why)

    def judged(  # noqa: PLR0911 - one return for each case of RULE
        self, part: str, predicate: str, before: set[str], after: set[str]
    ) -> tuple[Level, str]:
        """The level of a change of one predicate's values, and the reason."""
        gone, come = before - after, after - before
        if part == "vocabularies":
            return "minor", "a concept says something else"
        if predicate in {_RDFS + "domain", _RDFS + "range"}:
            return self.scope(predicate.removeprefix(_RDFS), before, after)
        if predicate == TYPE:
            return _of_types(gone, come)
        if predicate in _EXCLUDES:
            if all(value.startswith("<") and value[1:-1] not in self.known for value in come):
                return "minor", "excludes what is new" if come else "excludes less"
            return "major", "excludes more"
        if predicate in _INFERS:
            restricts = {value for value in come if value.startswith("[")}
            lost = {v for v in gone if not v.startswith("[") and not self.implied(v, after)}
            if lost:
                return "major", "an inference is lost"
            if restricts:
                return "major", "a restriction is added"
            return "minor", "says more" if come else "restricts less"
        return "minor", ""

    def implied(self, value: str, values: set[str]) -> bool:
        return any(self.hierarchy.below(each, value) for each in values)

    def scope(self, word: str, before: set[str], after: set[str]) -> tuple[Level, str]:
        """Domains and ranges are intersections: narrower where a new one is not implied."""
        if any(not self.implied(value, before) for value in after - before):
            return "major", f"{word} narrowed" if before <= after else f"{word} changed"
        if any(not self.implied(value, after) for value in before - after):
            return "minor", f"{word} widened"
        return "minor", f"{word} said in other words"

    # --- renames ------------------------------------------------------------------------------

    def proposed(self, part: str) -> dict[tuple[str, str], float]:
        """Removed and added terms that are likely the same, best pairs first."""
        old, new = self.subjects(self.a, part), self.subjects(self.b, part)
        taken = set(self.stated) | set(self.stated.values())
        gone = sorted(old.keys() - new.keys() - taken)
        come = sorted(new.keys() - old.keys() - taken)
        scored = sorted(
            (
                (similarity(one, old[one], other, new[other]), one, other)
                for one in gone
                for other in come
                if self.a.parts[part].kinds(one) & self.b.parts[part].kinds(other)
            ),
            key=lambda found: (-found[0], found[1:]),
        )
        pairs: dict[tuple[str, str], float] = {}
        for score, one, other in scored:
            if score < _LIKELY:
                break
            if not any(one == known[0] or other == known[1] for known in pairs):
                pairs[one, other] = min(score, 0.99)
        return pairs


_LIKELY: Final = 0.6


def similarity(one: str, old: Set[tuple[str, str]], other: str, new: Set[tuple[str, str]]) -> float:
    """How likely two terms are one term under two names, 0 to 1.

    Labels count 0.3, definitions 0.3, axioms 0.25, the names themselves 0.15; what neither
    has is left out of the sum.
    """

    def values(pairs: Set[tuple[str, str]], wanted: Set[str]) -> set[str]:
        return {value for name, value in pairs if name in wanted}

    def rest(pairs: Set[tuple[str, str]], self_: str) -> set[tuple[str, str]]:
        return {(n, v.replace(f"<{self_}>", "<>")) for n, v in pairs if n not in _WORDS}

    def alike(left: set[Any], right: set[Any]) -> float:
        return len(left & right) / len(left | right)

    def worded(left: set[str], right: set[str]) -> float:
        return SequenceMatcher(None, "\n".join(sorted(left)), "\n".join(sorted(right))).ratio()

    weights: list[tuple[float, float]] = []
    labels = values(old, _LABELS), values(new, _LABELS)
    if any(labels):
        weights.append((0.3, max(alike(*labels), 0.8 * worded(*labels))))
    meanings = values(old, _MEANINGS), values(new, _MEANINGS)
    if any(meanings):
        weights.append((0.3, worded(*meanings)))
    axioms = rest(old, one), rest(new, other)
    if any(axioms):
        weights.append((0.25, alike(*axioms)))
    left, right = (re.split(r"[#/]", term)[-1].lower() for term in (one, other))
    weights.append((0.15, SequenceMatcher(None, left, right).ratio()))
    return sum(weight * value for weight, value in weights) / sum(w for w, _ in weights)


class _Hierarchy:
    """Which class or datatype lies below which, in either version."""

    def __init__(self, a: Part, b: Part, renamed: Callable[[str], str]) -> None:
        self.above: dict[str, set[str]] = defaultdict(set)
        for low, high in _DATATYPES.items():
            self.above[low].add(high)
        for part, map_ in ((a, renamed), (b, str)):
            for term, pairs in part.statements.items():
                for name, value in pairs:
                    if name in {_RDFS + "subClassOf", _RDFS + "subPropertyOf"}:
                        self.above[map_(f"<{term}>")].add(map_(value))
                    elif name in {_OWL + "equivalentClass", _OWL + "equivalentProperty"}:
                        self.above[map_(f"<{term}>")].add(map_(value))
                        self.above[map_(value)].add(map_(f"<{term}>"))
        self.unions = {
            renamed(text): tuple(map(renamed, members)) for text, members in a.unions.items()
        } | dict(b.unions)

    def below(self, low: str, high: str) -> bool:
        """Whether everything in `low` is in `high`, as far as asserted axioms tell."""
        if high in (f"<{_OWL}Thing>", f"<{_RDFS}Resource>") or low == high:
            return True
        if low in self.unions:
            return all(self.below(member, high) for member in self.unions[low])
        targets = set(self.unions.get(high, (high,)))
        seen, waiting = {low}, [low]
        while waiting:
            at = waiting.pop()
            if at in targets:
                return True
            fresh = self.above.get(at, set()) - seen
            seen |= fresh
            waiting += fresh
        return False


def _of_types(gone: set[str], come: set[str]) -> tuple[Level, str]:
    if come & _EXCLUDING_TYPES:
        return "major", "a characteristic that excludes"
    if gone & _INFERRING_TYPES:
        return "major", "an inference is lost"
    if gone - _EXCLUDING_TYPES - _INFERRING_TYPES:
        return "major", "another kind of term"
    return "minor", "a characteristic"


def _order(change: Change) -> tuple[int, int, str, str]:
    kinds = list(_TITLES)
    return kinds.index(change.kind), -LEVELS.index(change.level), change.term, change.predicate
