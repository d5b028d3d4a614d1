"""Names levelled for comparison: spelling, script, legal form, brackets, abbreviations, pinyin.

Nothing here decides. A name gives forms under which other names may meet it, from strict
(`full`: spelling alone is levelled) to loose (`sound`: pinyin without tones).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from kg.settings import shipped

HAN: Final = re.compile(r"[\u3400-\u9fff]")

_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})
_BRACKET: Final = re.compile(r"\s*[(（]([^()（）]*)[)）]?")
#: "X / Y" and "X aka Y" are two names of one organization; "A&B" inside a name is none.
_OR: Final = re.compile(r"\s+/\s+|\s+aka\s+", re.IGNORECASE)
_ACRONYM: Final = re.compile(r"(?=.*[A-Z0-9].*[A-Z0-9])[A-Za-z0-9.\-]{2,12}")
_LEADING: Final = re.compile(r"^(?:originally|formerly|also|aka)\s+", re.IGNORECASE)

_LEGAL: Final = (
    r"co|ltd|inc|llc|corp|corporation|limited|company|plc|gmbh|ag|pte|incorporated"
    r"|private|holdings?"
)
_LEGAL_EN: Final = re.compile(rf"(?: (?:{_LEGAL}))+$")
_WEAK_EN: Final = re.compile(r"(?: (?:group|technology|technologies|tech|international|ai))+$")
_LEGAL_ZH: Final = re.compile(r"(?:股份有限公司|有限责任公司|集团有限公司|有限公司|集团公司|公司)$")
_WEAK_ZH: Final = re.compile(r"(?:集团|股份|控股|科技|技术|信息|智能|软件|网络|数据|ai)+$")
_SMALL_WORDS: Final = frozenset(["of", "and", "the", "for", "in", "at", "de", "to", "a"])
#: What a part is called when its whole's name stands before it.
_UNIT: Final = re.compile(
    r"学院|实验室|研究院|研究所|研究室|中心|医院|图书馆|分院|分公司|课题组|团队|\blabs?\b|\blaboratory\b"
    r"|\binstitute\b|\bschool\b|\bcollege\b|\bdepartment\b|\bcent(?:er|re)\b|\bresearch\b|\bacademy\b"
    r"|\bcloud\b|\bhospital\b|\bfaculty\b|\bai\b|\bbrain\b|云|x d lab|disc"
)


@dataclass(frozen=True)
class Forms:
    """The forms of one name.

    `full` is the levelled text, `core` lacks legal form and a country in brackets, `stem`
    lacks weak words like "technology" too; `others` are further names that the text itself
    gives ("X (Y)", "X / Y"); `countries` are ISO codes of those in brackets; `acronym` is made
    of the initials of a name of three words or more.
    """

    full: str
    core: str
    stem: str
    others: frozenset[str]
    countries: frozenset[str]
    acronym: str

    @property
    def is_han(self) -> bool:
        """Whether the name is written in Chinese characters."""
        return HAN.search(self.core) is not None


@cache
def _converter() -> Any:
    from opencc import OpenCC  # noqa: PLC0415 - a dictionary of some megabytes

    return OpenCC("t2s")


@cache
def level(text: str) -> str:
    """Spelling levelled: width, case, script, accents of Latin letters, punctuation."""
    text = unicodedata.normalize("NFKC", text.translate(_QUOTES)).casefold()
    if HAN.search(text):
        text = _converter().convert(text)
    else:
        text = "".join(
            c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)
        )
    text = text.replace("&", " and ") if not HAN.search(text) else text
    words = re.sub(r"[^\w]+|_", " ", text).split()
    if words[:1] == ["the"] and len(words) > 1:
        words = words[1:]
    joined = " ".join(words)
    # Between Chinese characters a space says nothing.
    return re.sub(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])", "", joined)


def strip_legal(name: str) -> str:
    """A levelled name without its legal form; never empty."""
    if HAN.search(name):
        return _LEGAL_ZH.sub("", name) or name
    return _LEGAL_EN.sub("", name) or name


def strip_weak(name: str) -> str:
    """A levelled name without words that firms add and leave out; at least two signs stay."""
    bare = (_WEAK_ZH if HAN.search(name) else _WEAK_EN).sub("", strip_legal(name))
    return bare if len(bare) >= 2 else name


@cache
def forms(text: str) -> Forms:
    """All forms of a name as it stands in a table."""
    outside, inside = _BRACKET.sub("", text).strip() or text, _BRACKET.findall(text)
    names = [part for part in _OR.split(outside) if level(part)]
    others: set[str] = set()
    countries: set[str] = set()
    core_text = names[0] if names else outside
    for piece in (piece.strip() for piece in inside):
        said = _LEADING.sub("", piece)
        if country := country_names().get(level(said)):
            countries.add(country)
        elif _LEADING.match(piece) or _ACRONYM.fullmatch(said) or _is_name(said):
            others.add(level(said))
        elif level(said):
            # A city or campus in brackets tells two organizations apart: it stays in the name.
            core_text = f"{core_text} {said}"
    others |= {level(part) for part in names[1:]}
    core = strip_legal(level(core_text)) or level(text)
    words = [word for word in core.split() if word not in _SMALL_WORDS]
    acronym = "".join(word[0] for word in words) if len(words) >= 3 else ""
    return Forms(
        level(text), core, strip_weak(core), frozenset(others), frozenset(countries), acronym
    )


def _is_name(text: str) -> bool:
    """Whether what stands in brackets is a name: two Latin words or more, each with a capital."""
    words = text.split()
    return len(words) > 1 and not HAN.search(text) and all(word[:1].isupper() for word in words)


@cache
def country_names() -> dict[str, str]:
    """Levelled name of a country → its ISO code, from the shipped table."""
    table = shipped("tables") / "countries.csv"
    with table.open(encoding="utf-8", newline="") as file:
        return {
            level(name): row["iso"]
            for row in csv.DictReader(file)
            for name in (row["name_en"], row["name_zh"], *row["aliases"].split("|"))
            if name
        }


@cache
def sound(name: str) -> str:
    """A levelled name as toneless pinyin in one word; a Latin name without its spaces."""
    if not HAN.search(name):
        return name.replace(" ", "")
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - a dictionary of some megabytes

    return "".join(lazy_pinyin(name)).replace(" ", "")


def unit_of(part: str, whole: str) -> bool:
    """Whether the name `part` is that of `whole` followed by the name of a unit of it."""
    if len(part) <= len(whole) or not part.startswith(whole) or len(whole) < 2:
        return False
    rest = part[len(whole) :]
    if not HAN.search(whole) and not rest.startswith(" "):
        return False
    return _UNIT.search(rest) is not None


def is_unit_name(name: str) -> bool:
    """Whether a levelled name speaks of a unit: a laboratory, school, centre or hospital."""
    return _UNIT.search(name) is not None


def domain(url: str) -> str:
    """The host of a web address without `www.`, in lower case; empty where there is none."""
    found = re.match(r"[a-z]+://([^/:?#]+)", url.casefold())
    return found[1].removeprefix("www.") if found else ""
