"""Looks at a table of any format: its columns, what their cells are like, what could be its key."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from kg.errors import InputError
from kg.tables import LINE, Account, Column, Dialect, Table, chunks, column_names, format_of

#: Rows that are looked at; a table of more is told to have been looked at in part.
ROWS: Final = 100_000
#: Distinct values of a column that are kept to try meanings on.
_VALUES: Final = 2_000
#: Share of a column's values that may be unlike the others; they will be rejected.
_ODD: Final = 0.1

_NULLS: Final = frozenset(
    {
        "-", "--", "—", "——", "/", "?", "？", "n/a", "na", "nan", "null", "none", "nil", "#n/a",
        "#value!", "unknown", "tbd", "无", "未知", "不详", "暂无", "空", "待定", "未公布", "未披露",
    }
)  # fmt: skip
#: Lexical forms, tried in this order; leading noughts make a code of a number.
_TYPES: Final = {
    "xsd:gYear": r"(?:1[5-9]|20)[0-9]{2}",
    "xsd:integer": r"[+-]?(?:0|[1-9][0-9]*)",
    "xsd:decimal": r"[+-]?(?:0|[1-9][0-9]*)\.[0-9]+|[+-]?(?:0|[1-9][0-9]*)",
    "xsd:boolean": "true|false",
    "xsd:date": r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
    "xsd:dateTime": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z?",
    "xsd:anyURI": r"https?://\S+",
}
#: Separators of several values in a cell; the comma only where no sentence is likely.
_SEPARATORS: Final = (";", "；", "|", "、", "\n", "，", ",")
_IDENTIFIER: Final = re.compile(r"(?i)\bid\b|_id$|编号|代码|code|key")
_REGISTERED: Final = re.compile(
    r"(?i)^id$|编号|信用代码|机构代码|注册号|\buscc\b|credit code|registration (?:no|number)"
)
_DELIMITERS: Final = ",;\t|，"
_ENCODINGS: Final = ("utf-8", "gb18030", "big5")
_SAMPLE: Final = 256 * 1024


@dataclass(frozen=True)
class Profile:
    """What the cells of a column are like.

    `type` is the datatype that all but `odd` of the filled cells are of, empty for plain text;
    `separator` is what parts several values, empty where cells hold one.
    """

    name: str
    filled: int
    distinct: int
    nulls: tuple[str, ...]
    type: str
    odd: int
    separator: str
    values: tuple[str, ...]  # distinct, the most frequent first, parted at the separator

    @property
    def is_chinese(self) -> bool:
        """Whether most of its values have Chinese characters."""
        return 2 * sum(bool(re.search("[\u3400-\u9fff]", each)) for each in self.values) > len(
            self.values
        )


@dataclass(frozen=True)
class Looked:
    """A table that was looked at: rows seen (all of them?), rejected ones, columns, its key."""

    table: Table
    rows: int
    whole: bool
    rejected: int
    columns: tuple[Profile, ...]
    key: tuple[str, ...]
    unkeyed: int  # rows that lack it, or repeat another's
    notes: tuple[str, ...]  # what was guessed of how the file is written


def look(access: str, path: Path, dialect: Dialect, name: str) -> Looked:
    """Look at a table. Raises InputError where it cannot be read, or has no rows."""
    format = dialect.format or format_of(access)
    notes: list[str] = []
    if format in ("csv", "tsv", "txt"):
        dialect, notes = _written(path, dialect, format)
    table = Table(name, access, (), (), dialect)
    columns = tuple(Column(each) for each in column_names(table, path))
    if not columns:
        raise InputError(f"{path}: has no column to look at")
    table = replace(table, columns=columns)
    account = Account(name, name, Path(access).name)
    frames: list[pl.DataFrame] = []
    rows = 0
    for frame in chunks(table, path, account):
        frames.append(frame.head(ROWS - rows))
        rows += frames[-1].height
        if rows == ROWS:
            break
    cells = pl.concat(frames).drop(LINE).with_columns(pl.all().str.strip_chars())
    if not cells.height:
        raise InputError(f"{path}: has no row to look at")
    profiles = tuple(_profile(cells[column.name]) for column in columns)
    key, unkeyed = _key(cells, profiles)
    rejected = sum(reject.level == "row" for reject in account.rejects)
    return Looked(table, rows, rows < ROWS, rejected, profiles, key, unkeyed, tuple(notes))


def _written(path: Path, dialect: Dialect, format: str) -> tuple[Dialect, list[str]]:
    """The encoding and delimiter of a file of separated values, and on what evidence."""
    try:
        with path.open("rb") as file:
            head = file.read(_SAMPLE)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    notes = []
    encoding = dialect.encoding
    if not encoding:
        encoding = _encoding(head)
        if encoding != "utf-8":
            notes.append(f"it is not UTF-8, and reads as {encoding} without a fault")
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    delimiter = dialect.delimiter or _delimiter(text)
    usual = {"csv": ",", "tsv": "\t"}.get(format, "")
    if delimiter != usual:
        notes.append(f"most lines have the same number of {delimiter!r}")
    made = replace(
        dialect,
        encoding="" if encoding == "utf-8" else encoding,
        delimiter="" if delimiter == usual else delimiter,
        format=dialect.format or ("csv" if format == "txt" else ""),
    )
    return made, notes


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in _ENCODINGS:
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return "utf-8"


def _delimiter(text: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of cells, above one."""
    lines = text.splitlines(keepends=True)[:200][: -1 if len(text) > 200 else None] or [text]

    def score(delimiter: str) -> tuple[int, int]:
        try:
            widths = Counter(map(len, csv.reader(io.StringIO("".join(lines)), delimiter=delimiter)))
        except csv.Error:
            return 0, 0
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        return (count, width) if width > 1 else (0, 0)

    best = max(_DELIMITERS, key=lambda each: (score(each), -_DELIMITERS.index(each)))
    return best if score(best)[0] else ","


def _profile(cells: pl.Series) -> Profile:
    filled = cells.filter((cells != "").fill_null(False))
    distinct = [value for value, _ in Counter(filled.to_list()).most_common()]
    nulls = tuple(value for value in distinct if value.casefold() in _NULLS)
    real = [value for value in distinct if value not in nulls]
    filled = filled.filter(~filled.is_in(list(nulls)))
    separator = _separator(real)
    if separator:
        parts = (part.strip() for value in real for part in re.split(separator, value))
        values = tuple(itertools.islice(dict.fromkeys(filter(None, parts)), _VALUES))
        type, odd = "", 0
    else:
        values, (type, odd) = tuple(real[:_VALUES]), _type(filled)
    return Profile(cells.name, filled.len(), len(real), nulls, type, odd, separator, values)


def _type(cells: pl.Series) -> tuple[str, int]:
    for name, pattern in _TYPES.items():
        odd = int((~cells.str.contains(f"^(?:{pattern})$")).sum())
        if cells.len() and odd <= _ODD * cells.len():
            return name, odd
    return "", 0


def _separator(values: Sequence[str]) -> str:
    """The regular expression between values of a cell: where several cells are short lists."""
    if not values or any(value.startswith(("http://", "https://")) for value in values[:50]):
        return ""
    for separator in _SEPARATORS:
        having = [value for value in values if separator in value]
        if len(having) < max(2, 0.2 * len(values)):
            continue
        parts = [part.strip() for value in having for part in value.split(separator)]
        if all(len(part) <= 60 for part in parts) and not _prose(separator, parts):
            return re.escape(separator) if separator in "|\n" else separator
    return ""


def _prose(separator: str, parts: Iterable[str]) -> bool:
    """Whether commas part sentences or the words of an address rather than values."""
    if separator not in ",，":
        return False
    found = list(parts)
    return any(len(part) > 30 or part.endswith((".", "。")) or not part for part in found)


def _key(cells: pl.DataFrame, profiles: Sequence[Profile]) -> tuple[tuple[str, ...], int]:
    """The column, or the two columns, that tell rows apart; and how many rows they do not.

    All rows, unless the name of a column says that it numbers them: then all but a few.
    """
    full = [each for each in profiles if each.filled == cells.height and not each.nulls]
    alone = [each.name for each in full if each.distinct == cells.height and not each.separator]
    if named := list(filter(_IDENTIFIER.search, alone)):
        return (named[0],), 0
    for each in profiles:
        apart = 0 if each.separator else each.distinct
        if apart >= (1 - _ODD) * cells.height and _REGISTERED.search(each.name):
            return (each.name,), cells.height - apart
    if alone:
        return (alone[0],), 0
    for pair in itertools.combinations([each.name for each in full][:6], 2):
        if not cells.select(pair).is_duplicated().any():
            return pair, 0
    return (), 0
