"""JSON and JSON Lines: objects as rows, numbers digit by digit as they are written.

The members of an object within an object are dotted columns; an array of single values is one
cell, a line each, for `split` to part. A large array is read element by element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from kg.errors import InputError
from kg.tables.model import Account, Table
from kg.tables.reading.encoded import decoded, whole_lines
from kg.tables.reading.rows import NotText, Row, frames, refuse

_LARGEST: Final = 64 * 1024 * 1024  # characters of a value
_SPACE: Final = re.compile(r"[ \t\n\r]*")
#: Names of members that are kept where no column has them: keys may be data.
_UNKNOWN: Final = 500


class _Object(list[tuple[str, Any]]):
    """An object as its members in order: a name may stand twice."""


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_Object, parse_float=str, parse_int=str, parse_constant=_no_constant
)


def read(table: Table, path: Path, account: Account, size: int) -> Iterator[pl.DataFrame]:
    """The rows of a file of objects; LINE is the line, or the number of the object in its array."""
    found: dict[str, None] = {}
    names = [column.name for column in table.columns]
    objects = _objects(table, path, account)
    yield from frames(names, _rows(objects, names, account, found), account, size)
    if unknown := [name for name in found if name not in names]:
        account.notices.append(
            f"{path.name}: columns that the source does not declare: {', '.join(unknown)}"
        )
    if account.read and (unseen := [name for name in names if name not in found]):
        account.notices.append(f"{path.name}: no object has the column {', '.join(unseen)}")


def names(table: Table, path: Path) -> list[str]:
    """The dotted names of the members of all objects, in the order in which they first stand."""
    found: dict[str, None] = {}
    account = Account("", table.name, path.name)
    for _ in _rows(_objects(table, path, account), [], account, found):
        pass
    return list(found)


def _objects(table: Table, path: Path, account: Account) -> Iterator[tuple[int, Any]]:
    with path.open("rb") as file:
        texts = decoded(path, file, table.dialect.encoding or "utf-8")
        if table.format == "jsonl":
            yield from _lines(whole_lines(path, texts), account)
        else:
            yield from _Document(path, texts).elements(table.dialect.records)


def _rows(
    objects: Iterator[tuple[int, Any]], names: list[str], account: Account, found: dict[str, None]
) -> Iterator[Row]:
    wanted = frozenset(names)
    for line, value in objects:
        if not isinstance(value, _Object):
            refuse(account, line, "no-object", _shown(value), "expected an object")
            continue
        cells: dict[str, str | None] = {}
        try:
            _flatten(value, "", wanted, cells)
        except NotText as error:
            expected, column = error.args
            refuse(account, line, "no-value", _shown(value), expected, column)
            continue
        if len(found) < len(names) + _UNKNOWN:
            found.update(dict.fromkeys(cells))
        yield line, [cells.get(name) for name in names]


def _flatten(
    members: _Object, above: str, wanted: frozenset[str], cells: dict[str, str | None]
) -> None:
    for key, value in members:
        name = above + key
        if isinstance(value, _Object) and name not in wanted:
            _flatten(value, f"{name}.", wanted, cells)
        elif name in cells:
            raise NotText(f"expected one member called {name}", name)
        elif name in wanted:
            cells[name] = _cell(name, value)
        else:
            cells[name] = None


def _cell(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Object):
        raise NotText("expected a single value or a list of them, found an object", name)
    parts = [_cell(name, part) for part in value if not isinstance(part, list)]
    if len(parts) < len(value):
        raise NotText("expected a list of single values", name)
    if any("\n" in part for part in parts if part):
        raise NotText("expected a list without line breaks", name)
    return "\n".join(part for part in parts if part is not None)


def _shown(value: Any) -> str:
    """A value as people know it, for a message: numbers stand there as text."""
    if isinstance(value, _Object):
        return "{" + ", ".join(f"{json.dumps(name)}: {_shown(each)}" for name, each in value) + "}"
    return json.dumps(value, ensure_ascii=False)


def _lines(blocks: Iterator[tuple[str, bool]], account: Account) -> Iterator[tuple[int, Any]]:
    """Each line's value; a line that is not JSON is rejected, as the next is sound again."""
    number = 0
    for text, last in blocks:
        lines = text.split("\n")
        if not last:
            lines.pop()
        for line in lines:
            number += 1
            if line.strip(" \t\r"):
                try:
                    value = _DECODER.decode(line)
                except (ValueError, RecursionError) as error:
                    refuse(account, number, "malformed-json", line, f"expected JSON: {error}")
                else:
                    yield number, value


class _Document:
    """One JSON text, of which only the value in hand is held."""

    def __init__(self, path: Path, blocks: Iterator[tuple[str, bool]]) -> None:
        self.path, self.blocks = path, blocks
        self.text, self.at = "", 0
        self.line, self.counted = 1, 0

    def elements(self, pointer: str) -> Iterator[tuple[int, Any]]:
        """The elements of the array at a JSON Pointer, each with its number."""
        self.pointer = pointer
        steps = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        yield from self.within(steps)
        if self.peek():
            raise self.fail("expected the end")

    def fail(self, message: str) -> InputError:
        return InputError(f"{self.path}:{self.here()}: not JSON: {message}")

    def here(self) -> int:
        """The line of the place in hand."""
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def more(self) -> bool:
        block, _ = next(self.blocks, ("", True))
        self.here()
        self.text = self.text[self.at :] + block
        self.at = self.counted = 0
        return bool(block)

    def peek(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text) or not self.more():
                return self.text[self.at : self.at + 1]

    def take(self, *expected: str) -> str:
        found = self.peek()
        if found not in expected or not found:
            raise self.fail(f"expected {' or '.join(expected)}, found {found or 'the end'}")
        self.at += 1
        return found

    def value(self) -> Any:
        self.peek()
        while True:
            start = self.at
            try:
                value, end = _DECODER.raw_decode(self.text, start)
            except json.JSONDecodeError as error:
                cut = error.pos > len(self.text) - 16 or error.msg.startswith("Unterminated")
                if cut and len(self.text) - start < _LARGEST and self.more():
                    continue
                self.at = error.pos
                raise self.fail(error.msg) from None
            except (ValueError, RecursionError) as error:
                raise self.fail(str(error)) from None
            # A number at the end of the block may go on in the next.
            if end < len(self.text) or not self.more():
                self.at += end - start
                return value

    def within(self, steps: list[str]) -> Iterator[tuple[int, Any]]:
        opened = self.peek()
        if not steps and opened != "[":
            raise InputError(
                f"{self.path}:{self.here()}: expected an array of objects"
                + (f" at {self.pointer}" if self.pointer else "; access.records says where it is")
            )
        if opened not in ("[", "{") or not opened:
            raise InputError(f"{self.path}:{self.here()}: nothing stands at {self.pointer}")
        self.at += 1
        closing, found, number = {"[": "]", "{": "}"}[opened], False, 0
        while self.peek() != closing:
            if number:
                self.take(",")
                self.peek()
            if not steps:
                yield number + 1, self.value()
            else:
                name = str(number)
                if opened == "{":
                    if self.peek() != '"':
                        raise self.fail("expected the name of a member")
                    name = self.value()
                    self.take(":")
                if name == steps[0] and not found:
                    found = True
                    yield from self.within(steps[1:])
                else:
                    self.value()
            number += 1
        self.at += 1
        if steps and not found:
            raise InputError(f"{self.path}: nothing stands at {self.pointer}")
