"""Dates as people write them, in Chinese and English, as ISO 8601 of their own precision.

The order must not be in doubt: 05/06/2023 and 23-05-19 are no dates here. A lunar date is none
either; a year of the Republic (民国112年) is counted from 1911.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final

_DIGITS: Final = {
    char: digit for digit, chars in enumerate(("〇零○", *"一二三四五六七八九")) for char in chars
}
_HAN: Final = "".join(_DIGITS) + "十廿卅"
_MONTH_NAMES: Final = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|"
    "september sept sep|october oct|november nov|december dec"
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(_MONTH_NAMES.split("|"), start=1)
    for name in names.split()
}
_NAME: Final = "(?P<name>" + "|".join(_MONTHS) + r")\.?"
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"(?P<y>\d{4})(?:(?P<sep>[-/.])(?P<m>\d{1,2})(?:(?P=sep)(?P<d>\d{1,2}))?)?",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        rf"(?:公元)?(?P<era>民国)?(?P<y>元|\d{{1,4}}|[{_HAN}]{{1,4}})年"
        rf"(?:(?P<m>\d{{1,2}}|[{_HAN}]{{1,3}})月(?:(?P<d>\d{{1,2}}|[{_HAN}]{{1,3}})[日号]?)?)?",
        rf"(?P<d>\d{{1,2}})(?:[a-z]{2})?(?:\sof)?[\s-]{_NAME},?[\s-](?P<y>\d{{4}})",
        rf"{_NAME}\s(?P<d>\d{{1,2}})(?:[a-z]{2})?,?\s(?P<y>\d{{4}})",
        rf"{_NAME},?[\s-](?P<y>\d{{4}})",
    )
)


def iso(text: str) -> str | None:
    """The date as YYYY, YYYY-MM or YYYY-MM-DD; None where it is none, or its order in doubt."""
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if re.search(f"[年月日号{_HAN}]", text):
        text = text.replace(" ", "")
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _written(found.groupdict())
    return None


def _written(parts: dict[str, str | None]) -> str | None:
    year = _number(parts["y"] or "")
    if parts.get("era"):
        year += 1911
    month = _MONTHS[name] if (name := parts.get("name")) else _number(parts.get("m") or "")
    day = _number(parts.get("d") or "")
    if not 1000 <= year <= 9999:
        return None
    if not (parts.get("m") or name):
        return f"{year}"
    try:
        found = date(year, month, day if parts.get("d") else 1)
    except ValueError:
        return None
    return found.isoformat() if parts.get("d") else found.isoformat()[:7]


def _number(text: str) -> int:
    """A number in digits, in Chinese digits (二〇二三) or counted in tens (二十三)."""
    if text == "元":
        return 1
    if text.isascii():
        return int(text or 0)
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.partition("十")
    if not ten:
        return int("".join(str(_DIGITS[char]) for char in text))
    if any(char not in _DIGITS for char in tens + ones) or len(tens) > 1 or len(ones) > 1:
        return 0
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
