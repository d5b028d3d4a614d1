"""A class diagram as SVG that any browser shows: no tool, no script, no font is needed.

Boxes stand in columns by depth and in rows by leaf, subclasses to the right of their class;
classes without any fill a grid below. Properties are rows of the box, so no line crosses another.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = 17
_GAP: Final = 14
_BETWEEN: Final = 46
_LONGEST: Final = 44
#: Width of the page's column: boxes that stand alone fill it.
_PAGE: Final = 1100


@dataclass(frozen=True)
class Line:
    """One line of a box; its style is a class of the page's style sheet."""

    style: str
    text: str
    href: str = ""
    title: str = ""


@dataclass(frozen=True)
class Box:
    """A class, what is said of it, and the boxes of its subclasses."""

    lines: tuple[Line, ...]
    below: tuple[Box, ...] = ()
    style: str = "box"

    @property
    def height(self) -> int:
        """Of the box alone, in pixels."""
        return len(self.lines) * _LINE + 13

    @property
    def width(self) -> float:
        """What its longest line needs."""
        return max(_breadth(line) for line in self.lines) + 22


@dataclass(frozen=True)
class _Placed:
    box: Box
    left: float
    top: float
    width: float
    below: tuple[_Placed, ...] = ()


def draw(boxes: Iterable[Box]) -> str:
    """The SVG; every text in it is escaped."""
    roots = tuple(boxes)
    trees = tuple(box for box in roots if box.below)
    columns: dict[int, float] = {}
    _measure(trees, 0, columns)
    left = {depth: 1 + sum(columns[d] + _BETWEEN for d in range(depth)) for depth in columns}
    placed, bottom = _trees(trees, 0, 1.0, left, columns)
    every = [one for root in placed for one in _walk(root)]
    every += _grid([box for box in roots if not box.below], bottom)
    if not every:
        return ""
    width = max(one.left + one.width for one in every) + 1
    height = max(one.top + one.box.height for one in every) + 1
    shapes = "".join(shape for one in every for shape in _shapes(one))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="group" aria-label="Class diagram">'
        f"{shapes}</svg>"
    )


def _measure(boxes: Iterable[Box], depth: int, columns: dict[int, float]) -> None:
    """Give each column the width of its widest box."""
    for box in boxes:
        columns[depth] = max(columns.get(depth, 0), box.width)
        _measure(box.below, depth + 1, columns)


def _trees(
    boxes: tuple[Box, ...],
    depth: int,
    top: float,
    left: dict[int, float],
    columns: dict[int, float],
) -> tuple[tuple[_Placed, ...], float]:
    """The boxes one below the other from `top`, each beside the middle of its subclasses."""
    found = []
    for box in boxes:
        below, end = _trees(box.below, depth + 1, top, left, columns)
        at = top
        if below:
            at = max(top, (below[0].top + end - _GAP - box.height) / 2)
        found.append(_Placed(box, left[depth], at, columns[depth], below))
        top = max(end, at + box.height + _GAP)
    return tuple(found), top


def _grid(boxes: list[Box], top: float) -> list[_Placed]:
    """Boxes without subclasses, side by side, each in the column that is shortest so far."""
    if not boxes:
        return []
    width = max(box.width for box in boxes)
    count = max(1, min(len(boxes), int((_PAGE + _GAP) // (width + _GAP))))
    ends = [top] * count
    found = []
    for box in boxes:
        column = ends.index(min(ends))
        found.append(_Placed(box, 1 + column * (width + _GAP), ends[column], width))
        ends[column] += box.height + _GAP
    return found


def _walk(placed: _Placed) -> Iterator[_Placed]:
    yield placed
    for child in placed.below:
        yield from _walk(child)


def _shapes(placed: _Placed) -> Iterator[str]:
    x, y = placed.left, placed.top
    edge, joint = x + placed.width, y + 16
    for child in placed.below:
        yield (
            f'<path class="edge" d="M{edge + 9:g} {joint:g}H{edge + 24:g}'
            f'V{child.top + 16:g}H{child.left:g}"/>'
        )
    if placed.below:
        yield f'<path class="tip" d="M{edge:g} {joint:g}l10 -6v12z"/>'
    yield (
        f'<rect class="{placed.box.style}" x="{x:g}" y="{y:g}" width="{placed.width:g}" '
        f'height="{placed.box.height}" rx="7"/>'
    )
    for number, line in enumerate(placed.box.lines):
        note = f"<title>{html.escape(line.title)}</title>" if line.title else ""
        lang = ' lang="zh"' if line.style == "zh" else ""
        text = (
            f'<text class="{line.style}"{lang} x="{x + 11:g}" y="{y + 20 + number * _LINE:g}">'
            f"{html.escape(_cut(line.text))}{note}</text>"
        )
        yield f'<a href="{html.escape(line.href)}">{text}</a>' if line.href else text


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _breadth(line: Line) -> float:
    """About how wide a line is drawn, in pixels."""
    text = _cut(line.text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return wide * 13 + (len(text) - wide) * (9.0 if line.style == "en" else 6.9)
