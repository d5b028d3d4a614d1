"""Queries whose text can be judged without reading its tokens: most of those people ask."""

from __future__ import annotations

import re
from typing import Final, cast

from kg.sparql.query import MAX_CHAIN, MAX_DEPTH, Form

#: In no longer text can a sign stand too often for the engine.
_LONGEST: Final = 2000

#: What only the lexer tells from the same letters in a string or a comment.
_HIDDEN: Final = ("service", "values", "\\u")

_GAP: Final = r"[ \t\r\n]"
_IRI: Final = r'<[^\x00-\x20<>"{}|^`\\]*>'
_START: Final = re.compile(
    rf"(?:{_GAP}|\#[^\r\n]*|PREFIX{_GAP}+[\w.-]*:{_GAP}*{_IRI}|BASE{_GAP}*{_IRI})*+"
    r"(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![\w.:-])",
    re.IGNORECASE | re.ASCII,
)
#: On a line without a comment, at the end: a text that ends inside a string is no query.
_LIMIT: Final = re.compile(
    rf"^[^#\r\n]*[ \t}})]LIMIT{_GAP}+([0-9]{{1,9}}){_GAP}*\Z",
    re.IGNORECASE | re.ASCII | re.MULTILINE,
)


def glance(text: str, rows: int) -> tuple[Form, str, bool] | None:
    """The form of a query, and what `limited` makes of it; None where that takes its tokens.

    A text that passes has no escape and no SERVICE in it, and is no deeper than `check` allows:
    if the engine's parser takes it, so would `check`, and else nothing of it is run.
    """
    start = _START.match(text)
    lower = text.lower()
    if (
        start is None
        or len(text) > _LONGEST
        or any(hidden in lower for hidden in _HIDDEN)
        or text.count("(") + text.count("[") + text.count("{") > MAX_DEPTH
        or text.count("!") + text.count("/") > MAX_CHAIN
    ):
        return None
    form = cast(Form, start[1].upper())
    limits = lower.count("limit") if form == "SELECT" and rows else 0
    own = _LIMIT.search(text) if limits == 1 else None
    if limits and not own:
        return None
    return bounded(form, text, int(own[1]) if own else None, rows)


def bounded(form: Form, text: str, own: int | None, rows: int) -> tuple[Form, str, bool] | None:
    """The same of a query that nothing has to be judged of but its own limit, which is known."""
    if form != "SELECT" or not rows:
        return form, text, False
    if own is None:
        return form, f"{text}\nLIMIT {rows}", True
    return (form, text, False) if own <= rows else None
