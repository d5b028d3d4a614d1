"""Whether an edited shape lets less pass than before: its constraints compared one by one.

Nameless property shapes are compared path by path, each parameter by what it means: a raised
`sh:minCount` is stricter, a longer `sh:in` is not. Values are the structures of `editions`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from kg import vocab
from kg.ontology.editions import STRING_OR_IRI

_SH: Final = vocab.SH


class Facet(NamedTuple):
    """What changed of one parameter of a shape."""

    level: Literal["patch", "minor", "major"]
    predicate: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    why: str


_WORDS: Final = frozenset(
    {_SH + name for name in ("message", "name", "description", "order", "group")}
    | {vocab.RDFS + name for name in ("label", "comment", "seeAlso", "isDefinedBy")}
    | {vocab.SKOS + name for name in ("prefLabel", "definition", "note", "example")}
)
_LOW: Final = frozenset(
    _SH + name
    for name in ("minCount", "minLength", "minInclusive", "minExclusive", "qualifiedMinCount")
)
_HIGH: Final = frozenset(
    _SH + name
    for name in ("maxCount", "maxLength", "maxInclusive", "maxExclusive", "qualifiedMaxCount")
)
_GROUPS: Final = frozenset({_SH + name for name in ("in", "or", "ignoredProperties", "xone")})
_SEVERITIES: Final = ("Info", "Warning", "Violation")


def _top(text: str) -> list[str]:
    """The items between the outer brackets of a structure: members of a list, or pairs."""
    inside, items, depth, start = text[2:-2], [], 0, 0
    separator = " ; " if text.startswith("[") else " "
    at = 0
    while at < len(inside):
        if match := STRING_OR_IRI.match(inside, at):
            at = match.end()
            continue
        depth += (inside[at] in "[(") - (inside[at] in "])")
        if depth == 0 and inside.startswith(separator, at):
            items.append(inside[start:at])
            at += len(separator)
            start = at
            continue
        at += 1
    return [*items, inside[start:]] if inside[start:].strip() else items


def _pairs(structure: str) -> set[tuple[str, str]]:
    """The (predicate, object) pairs of a blank node's structure."""
    found = set()
    for item in _top(structure):
        predicate, _, value = item.partition(" ")
        found.add((predicate[1:-1], value))
    return found


def _path(structure: str) -> str:
    return next((value for name, value in _pairs(structure) if name == _SH + "path"), "")


def constraint_changes(old: set[tuple[str, str]], new: set[tuple[str, str]]) -> Iterator[Facet]:
    """The changes of one shape, its nameless property shapes compared path by path."""

    def nameless(pairs: set[tuple[str, str]]) -> set[str]:
        return {v for p, v in pairs if p == _SH + "property" and v.startswith("[")}

    one, other = nameless(old), nameless(new)
    by_path: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for text in sorted(one - other):
        by_path[_path(text)][0].append(text)
    for text in sorted(other - one):
        by_path[_path(text)][1].append(text)
    for path, (gone, come) in sorted(by_path.items()):
        scored = sorted(
            ((len(_pairs(left) & _pairs(right)), left, right) for left in gone for right in come),
            reverse=True,
        )
        for _, left, right in scored:
            if left in gone and right in come:
                gone.remove(left)
                come.remove(right)
                yield from _constraints(_pairs(left), _pairs(right), path)
        for text in come:
            place = f"<{_SH}property> {path}"
            yield Facet("major", place, (), (text,), "a constraint is added")
        for text in gone:
            place = f"<{_SH}property> {path}"
            yield Facet("minor", place, (text,), (), "a constraint is gone")

    def named(pairs: set[tuple[str, str]], dropped: set[str]) -> set[tuple[str, str]]:
        return {(p, v) for p, v in pairs if not (p == _SH + "property" and v in dropped)}

    yield from _constraints(named(old, one), named(new, other), "")


def _constraints(
    old: set[tuple[str, str]], new: set[tuple[str, str]], path: str
) -> Iterator[Facet]:
    for name in sorted({pair[0] for pair in old ^ new}):
        before = {v for p, v in old if p == name}
        after = {v for p, v in new if p == name}
        gone, come = tuple(sorted(before - after)), tuple(sorted(after - before))
        place = f"{path} <{name}>" if path else name
        if name in _WORDS or name.startswith(vocab.DCTERMS):
            yield Facet("patch", place, gone, come, "")
        elif _tighter(name, before, after):
            yield Facet("major", place, gone, come, "tightened")
        else:
            yield Facet("minor", place, gone, come, "loosened")


def _tighter(name: str, before: set[str], after: set[str]) -> bool:  # noqa: PLR0911 - by case
    """Whether the values of one parameter now refuse what they let pass."""
    if name == _SH + "severity":
        return _severity(after) > _severity(before)
    if name == _SH + "deactivated":
        return not any("true" in value for value in after)
    if name == _SH + "closed":
        return any("true" in value for value in after)
    if name in _LOW or name in _HIGH:
        if not before or not after:
            return bool(after)
        old, new = _number(before), _number(after)
        if old is None or new is None:
            return True
        return new > old if name in _LOW else new < old
    if name in _GROUPS and len(before) == len(after) == 1:
        old_items, new_items = (_top(next(iter(values))) for values in (before, after))
        return not set(old_items) <= set(new_items)
    if name == _SH + "ignoredProperties":
        return bool(before)
    return bool(after - before)


def _severity(values: set[str]) -> int:
    names = [re.split(r"[#/]", value[1:-1])[-1] for value in values] or ["Violation"]
    return max(_SEVERITIES.index(name) if name in _SEVERITIES else 2 for name in names)


def _number(values: set[str]) -> float | None:
    try:
        return max(float(value.split('"')[1]) for value in values)
    except (ValueError, IndexError):
        return None
