"""Lines of N-Quads or N-Triples as a column: read from a text, and written.

Line ends inside terms are escaped there, so what stands between two of them is one statement.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import polars as pl

_LINE: Final = {"line": pl.String}
#: No line holds it: control characters are escaped in terms.
_NOWHERE: Final = "\x1f"


def lines_of(text: bytes) -> pl.Series:
    """The lines of a text, without line ends."""
    if not text:
        return pl.Series("line", dtype=pl.String)
    read = pl.read_csv(text, has_header=False, separator=_NOWHERE, quote_char=None, schema=_LINE)
    return read["line"]


def write(lines: pl.Series, file: BinaryIO) -> None:
    """Write lines, each with its line end."""
    lines.to_frame().write_csv(file, include_header=False, quote_style="never")
