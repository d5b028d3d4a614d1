"""Text of any encoding in blocks, with the line of a byte that is not of it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kg.errors import InputError

_BLOCK: Final = 4 * 1024 * 1024
_LONGEST_LINE: Final = 64 * 1024 * 1024


def decoded(path: Path, file: io.BufferedReader, encoding: str) -> Iterator[tuple[str, bool]]:
    """The text of the file block by block, each with whether it is the last."""
    decoder = codecs.getincrementaldecoder(encoding)()
    bytewise = codecs.lookup(encoding).name == "utf-8"  # where bytes are quicker to count
    lines, first, block = 0, True, file.read(_BLOCK)
    while first or block:
        following = file.read(_BLOCK)
        try:
            text = decoder.decode(block, final=not following)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(encoding, "replace")
            line = lines + before.count("\n") + 1
            name = "UTF-8" if encoding == "utf-8" else encoding
            raise InputError(
                f"{path}:{line}: byte 0x{error.object[error.start]:02x} is not {name}; save the "
                "table as UTF-8, or declare its encoding"
            ) from None
        lines += block.count(b"\n") if bytewise else text.count("\n")
        yield text.removeprefix("\ufeff") if first else text, not following
        first, block = False, following


def whole_lines(path: Path, texts: Iterator[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """The same text in blocks that end where a line does."""
    held: list[str] = []
    length = 0
    for text, last in texts:
        cut = len(text) if last else text.rfind("\n") + 1
        if cut or last:
            yield "".join([*held, text[:cut]]), last
            held, length = [], 0
        held.append(text[cut:])
        length += len(text) - cut
        if length > _LONGEST_LINE:
            raise InputError(f"{path}: a line of more than {_LONGEST_LINE >> 20} MiB")
