"""What a table's rows and columns may mean in the ontology, by their names and their values.

A name is compared with the labels of classes and properties, and with the words that people
head columns with. A meaning that reads values (a place, a concept, a date) is tried on them:
it is taken only where it reads most of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kg import vocab
from kg.etl import Context, functions
from kg.sources.profile import Looked, Profile
from kg.sources.terms import Terms, headed, level, likeness, ranked, singular

#: From this score on (of 100) a name is taken to mean a term; below, it is told as a candidate.
SURE: Final = 82
_WORTH_TELLING: Final = 60
#: Share of a column's values that a function must read for its meaning to be taken.
_READS: Final = 0.6
_TRIED: Final = 300
MEMBER: Final = "org:member"

#: Words that people head columns with, and the property that they mean.
_WORDS: Final[Mapping[str, str]] = {
    "skos:prefLabel": "name|title|label|full name|名称|名字|全称|标题",
    "skos:altLabel": "alias|aliases|short name|abbreviation|acronym|简称|别名|别称|缩写|曾用名",
    "foaf:homepage": "homepage|website|web site|web|url|link|网址|官网|网站|主页|官方网站|链接",
    "aic:locatedIn": (
        "city|place|location|address|province|region|headquarters|seat|城市|所在地|所在城市|地点|"
        "省份|地区|地址|注册地|总部|省市|秘书处|秘书处所在地|secretariat|所属省份|所属城市|所属地区|"
        "所在省份|注册地址|登记地|注册城市|注册省份"
    ),
    "aic:foundedIn": (
        "founded|established|founding year|year founded|year established|founding date|"
        "成立时间|成立年份|成立日期|成立|创立时间|创建时间|设立时间|注册日期|注册时间|登记日期"
    ),
    "dcterms:description": (
        "description|about|summary|business scope|简介|描述|介绍|概况|说明|经营范围|主营业务"
    ),
    "dcterms:identifier": (
        "id|identifier|code|number|no|编号|代码|序号|统一社会信用代码|社会信用代码|信用代码|"
        "组织机构代码|注册号|工商注册号|uscc|unified social credit code|registration number"
    ),
    "aic:registryType": "registry type|company type|企业类型|公司类型|登记类型|机构类型",
    "aic:registryStatus": "registry status|status|经营状态|登记状态|企业状态|存续状态",
    "aic:wikidataId": "wikidata|qid|wikidata id|维基数据",
    "aic:rorId": "ror|ror id",
    "aic:lei": "lei|legal entity identifier",
    "aic:operatesInIndustry": (
        "industry|sector|industry code|行业|所属行业|行业代码|行业门类|行业大类|国民经济行业"
    ),
    "aic:hasSpecialisedField": "field|specialisation|领域|应用领域|专业领域|方向",
    "aic:heldIn": "place|location|city|venue|地点|城市|举办地点|会议地点",
    "aic:appliesIn": "field|application field|领域|应用领域",
    "aic:usesTechnology": "technology|technologies|技术",
    "aic:developedBy": "developer|developers|maker|organization|company|研发单位|开发者|机构|公司",
    "aic:publicationDate": "date|published|release date|发布时间|日期",
    "aic:year": "year|年份|年度",
    MEMBER: "member|members|participants|成员|成员单位|会员|会员单位|成员名单|参与单位",
}
_ENGLISH: Final = re.compile(r"(?:^| )(?:en|eng|english)(?: |$)|英文|英语|外文")
_CHINESE: Final = re.compile(r"(?:^| )(?:zh|cn|chinese)(?: |$)|中文|汉语")
#: Properties of strings whose values have a form of their own.
_FORMS: Final = {
    "aic:wikidataId": r"Q[1-9][0-9]*",
    "aic:rorId": r"0[a-z0-9]{6}[0-9]{2}",
    "aic:lei": r"[A-Z0-9]{18}[0-9]{2}",
    "aic:registryStatus": "active|inactive",
}
_LABELS: Final = ("skos:prefLabel", "skos:altLabel")
_NUMBERS: Final = {
    vocab.XSD + "integer": ("xsd:integer",),
    vocab.XSD + "decimal": ("xsd:integer", "xsd:decimal", "xsd:gYear"),
    vocab.XSD + "double": ("xsd:integer", "xsd:decimal", "xsd:gYear"),
}


@dataclass(frozen=True)
class Made:
    """An expression of the mapping language: a function of a column, or the column alone."""

    function: str = ""
    parameters: tuple[tuple[str, str | Made], ...] = ()
    column: str = ""


@dataclass(frozen=True)
class Meaning:
    """What a column says of a row: a property, how its object is made, and on what evidence."""

    column: Profile
    property: str
    object: Made
    why: str
    datatype: str = ""
    language: str = ""
    iri: bool = False
    organizations: bool = False  # the column names organizations, which get a mapping of their own
    reads: float = 1.0  # the share of its values that say something
    is_place: bool = False


@dataclass(frozen=True)
class Guess:
    """What a table means: the class of a row, its meanings, and what was thought of besides."""

    class_: str
    why: str
    others: tuple[tuple[float, str], ...]
    meanings: tuple[Meaning, ...]
    remarks: Mapping[str, str]  # for each column without a meaning, what was thought of


def guess(looked: Looked, source: str, terms: Terms, context: Context, class_: str | None) -> Guess:
    """The likeliest meaning of a table; `class_` is what a row is, where a person has said it."""
    found = ranked(_classes(looked, source, terms))
    if class_ is None:
        score, iri = found[0] if found and found[0][0] >= SURE else (0.0, vocab.AIC + "Entity")
        why = (
            f"by the names of the file and its columns ({score:.0f} of 100)"
            if score
            else ("nothing in the names says what a row is")
        )
    else:
        iri, why = class_, "as you said"
    others = [(score, each) for score, each in found if each != iri and score >= _WORTH_TELLING]
    meanings: list[Meaning] = []
    remarks: dict[str, str] = {}
    for column in looked.columns:
        told = _meaning(column, iri, terms, context)
        if not isinstance(told, Meaning):
            remarks[column.name] = told
            continue
        other = _repeated(told, meanings)
        if other is not None:
            more, less = (told, other) if _tells_more(told, other) else (other, told)
            remarks[less.column.name] = f"{less.property} is said by {more.column.name}"
            if more is other:
                continue
            meanings.remove(other)
        meanings.append(told)
    return Guess(iri, why, tuple(others[:3]), tuple(meanings), remarks)


def _repeated(new: Meaning, meanings: Sequence[Meaning]) -> Meaning | None:
    """The meaning by which a property that has one value is given already."""
    if new.property == "skos:altLabel":
        return None
    said = (each for each in meanings if each.property == new.property)
    return next((each for each in said if each.language == new.language), None)


def _tells_more(one: Meaning, other: Meaning) -> bool:
    """Whether a column says more of the same: of places the finer, which has more names."""
    if one.is_place:
        return one.column.distinct > other.column.distinct
    return one.reads > other.reads


def _classes(looked: Looked, source: str, terms: Terms) -> Iterator[tuple[float, str]]:
    names = {singular(level(source)), singular(level(looked.table.dialect.sheet))} - {""}
    for column in looked.columns:
        # 联盟名称 and "alliance name" say what has the name.
        head = re.sub(r"(?:名称|全称|name|title)$", "", _bare(level(column.name))[0]).strip()
        if head and head != level(column.name):
            names.add(singular(head))
    for iri, term in terms.classes.items():
        if iri.startswith(vocab.AIC):
            for label in term.labels:
                yield max(headed(name, level(label)) for name in names), iri


def _bare(name: str) -> tuple[str, str]:
    """A levelled name without the words that tell a language, and the language."""
    for pattern, language in ((_ENGLISH, "en"), (_CHINESE, "zh")):
        if pattern.search(name):
            return pattern.sub(" ", name).strip() or "name", language
    return name, ""


def _meaning(column: Profile, class_: str, terms: Terms, context: Context) -> Meaning | str:
    """The meaning of a column, or in words what was thought of."""
    if not column.filled:
        return "no cell has a value"
    name, language = _bare(level(column.name))
    name = "name" if name == "名" else name
    found = ranked(_properties(name, class_, terms))
    told = []
    for score, property in found[:4]:
        if score < _WORTH_TELLING:
            break
        if score < SURE:
            told.append(f"{property} ({score:.0f})")
            continue
        made = _read(column, property, terms, context, language)
        if isinstance(made, Meaning):
            return made if score == 100 else _scored(made, score)
        told.append(f"{property}, but {made}")
    return "perhaps " + "; ".join(told) if told else "no property has a name like this"


def _scored(meaning: Meaning, score: float) -> Meaning:
    return replace(meaning, why=f"{meaning.why}; the name is alike to {score:.0f} of 100")


def _properties(name: str, class_: str, terms: Terms) -> Iterator[tuple[float, str]]:
    kinds = terms.kinds_of(class_)
    heads = {
        level(label) for kind in kinds for label in getattr(terms.classes.get(kind), "labels", ())
    }
    names = {name, *_without(name, heads)}
    named = re.fullmatch(r"(.+?) ?(?:name|名称|全称)", name)
    best = 0.0
    for property, words in _WORDS.items():
        term = terms.properties.get(vocab.expand(property))
        if term is not None and term.domain not in ("", *kinds):
            continue
        tried = [level(word) for word in words.split("|")]
        yield max(likeness(each, word) for each in names for word in tried), property
        if named and property not in _LABELS:
            of = max(likeness(named[1], word) for word in tried)
            best = max(best, of)
            yield of * 0.95, property
    if named and best < SURE:  # the name of a school, not of the city it is in
        yield 90.0, "skos:prefLabel"
    for iri, term in terms.properties.items():
        if iri.startswith(vocab.AIC) and term.domain in ("", *kinds):
            scores = [likeness(each, level(label)) for each in names for label in term.labels]
            yield max(scores, default=0.0), vocab.shorten(iri)


def _without(name: str, heads: set[str]) -> Iterator[str]:
    """A name without the word for what it is the name of: 联盟名称, "alliance name"."""
    for head in heads:
        for word in {head, head[-2:] if re.search("[\u3400-\u9fff]", head) else head.split()[-1]}:
            if (bare := name.removeprefix(word).strip()) and bare != name:
                yield bare


# --- what values are read as --------------------------------------------------------------------


def _read(  # noqa: PLR0911 - one for each kind of property
    column: Profile, property: str, terms: Terms, context: Context, language: str
) -> Meaning | str:
    """The meaning of a column whose name says the property; or why its values do not."""
    term = terms.properties.get(vocab.expand(property))
    range = term.range if term else ""
    value = Made(column=column.name)
    if column.separator:
        value = Made("split", (("text", Made(column=column.name)), ("separator", column.separator)))
    if property in _LABELS:
        tongue = language or ("zh" if column.is_chinese else "en")
        value = Made(column=column.name) if property == "skos:prefLabel" else value
        return Meaning(column, property, value, "by its name", language=tongue)
    if property == MEMBER or terms.is_a(range, vocab.AIC + "Organization"):
        return Meaning(column, property, value, "by its name", organizations=True)
    if property == "foaf:homepage":
        if column.type != "xsd:anyURI":
            return "its values are no URLs of http or https"
        return Meaning(column, property, value, "by its name and its values", iri=True)
    if form := _FORMS.get(property):
        share = _share(column, lambda each: re.fullmatch(form, each) is not None)
        if share < _READS:
            return f"{share:.0%} of its values are of the form {form}"
        return Meaning(column, property, value, f"by its name; {share:.0%} of its values fit")
    if term is not None and term.is_object:
        return _looked_up(column, property, range, value, terms, context)
    return _literal(column, property, range, value, context)


def article(words: str) -> str:
    """The words with their indefinite article."""
    return f"an {words}" if words.rpartition(":")[2][:1].lower() in "aeiou" else f"a {words}"


def kebab(iri: str) -> str:
    """A class's name as words in lower case: the kind under which its resources stand."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", iri.rpartition("#")[2]).lower()


def _looked_up(
    column: Profile, property: str, range: str, value: Made, terms: Terms, context: Context
) -> Meaning | str:
    if terms.is_a(range, vocab.AIC + "SpatialUnit"):
        function, of, last, what = "place", "", "text", "a place"
    elif terms.is_a(range, vocab.AIC + "Concept"):
        of = vocab.KINDS.get(range) or kebab(range)
        function, last, what = "concept", "label", f"{article(of)} of the vocabulary"
    else:
        return "what it leads to is not made by a function"
    share = _reads(column, context, function, *([of] if of else []))
    if share < _READS:
        return f"only {share:.0%} of its values name {what}"
    kind: tuple[tuple[str, str | Made], ...] = (("kind", of),) if of else ()
    made = Made(function, (*kind, (last, value)))
    why = f"by its name; {share:.0%} of its values name {what}"
    return Meaning(column, property, made, why, reads=share, is_place=function == "place")


def _literal(  # noqa: PLR0911 - one for each kind of value
    column: Profile, property: str, range: str, value: Made, context: Context
) -> Meaning | str:
    named = "by its name"
    if range in _NUMBERS:
        short = "xsd:" + range.removeprefix(vocab.XSD)
        if column.type in _NUMBERS[range]:
            return Meaning(column, property, value, f"{named} and its values", datatype=short)
        share = _reads(column, context, "number")
        if share < _READS:
            return f"only {share:.0%} of its values are numbers"
        made = Made("number", (("text", value),))
        return Meaning(column, property, made, f"{named}; {share:.0%} are numbers", datatype=short)
    if range == vocab.XSD + "gYear":
        if column.type == "xsd:gYear":
            return Meaning(column, property, value, f"{named} and its values", datatype="xsd:gYear")
        share = _reads(column, context, "date")
        if share < _READS:
            return f"only {share:.0%} of its values are dates"
        date = Made("date", (("text", value),))
        year = Made("replace", (("text", date), ("pattern", "^([0-9]{4}).*$"), ("by", r"\1")))
        why = f"{named}; {share:.0%} of its values are dates, of which the year is taken"
        return Meaning(column, property, year, why, datatype="xsd:gYear")
    if range == vocab.XSD + "date":
        if column.type != "xsd:date":
            return "its values are not dates like 2023-05-19"
        return Meaning(column, property, value, f"{named} and its values", datatype="xsd:date")
    if range in ("", vocab.XSD + "string"):
        return Meaning(column, property, value, named)
    return f"its values are not of {vocab.shorten(range)}"


def _share(column: Profile, holds: object) -> float:
    tried = column.values[:_TRIED]
    return sum(bool(holds(each)) for each in tried) / len(tried)  # type: ignore[operator]


def _reads(column: Profile, context: Context, function: str, *constants: str) -> float:
    """The share of a column's values that a function of mappings reads."""
    code = functions.FUNCTIONS[function][1]
    return _share(column, lambda each: code(context, *constants, each) is not None)
