"""RDF terms column by column: lexical forms checked, IRIs checked, N-Quads written.

Each function takes and gives Polars expressions over text, so that a column costs the
same few passes however long it is. Lexical forms follow XSD 1.1 part 2, and leave here as the
store writes them, so that a line made here is the line that the store would dump.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Store

from kg import vocab
from kg.tables import lexical

#: The bytes of a term that the store's parser can hold, which reads no more than 16 MiB at once.
LONGEST: Final = 16_000_000

#: The datatypes that a mapping may name. xsd:string is what it gets when it names none.
DATATYPES: Final = {type_.iri: type_ for type_ in lexical.TYPES.values() if type_.iri}

_TYPE_OF: Final = {type_.iri: name for name, type_ in lexical.TYPES.items()}


def short(datatype: str) -> str:
    """The datatype as people write it: xsd:gYear."""
    return "xsd:" + datatype.removeprefix(vocab.XSD)


def names() -> list[str]:
    """The datatypes that a mapping may use, as people write them."""
    return [short(datatype) for datatype in DATATYPES]


def is_lexical(text: pl.Expr, datatype: str) -> pl.Expr:
    """Whether each text is in the lexical space of the datatype (dates: in the calendar)."""
    return lexical.is_of(text, _TYPE_OF[datatype])


def is_iri(text: pl.Expr) -> pl.Expr:
    """Whether each text is an absolute IRI; the same rule as `vocab.is_iri`."""
    return text.str.contains(f"^(?:{vocab.IRI_PATTERN})$")


def canonical(text: pl.Series, datatype: str) -> pl.Series:
    """Each lexical form as the store writes it: 1.50 → 1.5, 01 → 1, 1e3 → 1000.

    The forms must be in the datatype's lexical space. Usual ones are recognised as canonical,
    or made so, column by column; the store itself is asked about the rest, each form once.
    """
    if datatype not in _CANONICAL:
        return text
    if datatype == _INTEGER:
        # An integer beyond 64 bits is no number to the store, which keeps it as it stands.
        return text.cast(pl.Int64, strict=False).cast(pl.String).fill_null(text)
    sound = text.str.contains(f"^(?:{_CANONICAL[datatype]})$")
    if sound.all():
        return text
    unusual = text.filter(~sound).unique()
    made = _plain_decimal(unusual) if datatype == _DECIMAL else unusual
    strange = made.filter(~made.str.contains(f"^(?:{_CANONICAL[datatype]})$"))
    if strange.len():
        asked = pl.Series(_asked(strange.to_list(), datatype), dtype=pl.String)
        made = made.replace(strange, asked)
    return text.replace(unusual, made)


_INTEGER: Final = vocab.XSD + "integer"
_DECIMAL: Final = vocab.XSD + "decimal"
#: Forms that the store writes as it read them; it may write others so too.
_CANONICAL: Final = {
    vocab.XSD + "boolean": "true|false",
    _INTEGER: "",
    _DECIMAL: r"0|-?[1-9][0-9]{0,17}|-?(?:0|[1-9][0-9]{0,17})\.[0-9]{0,17}[1-9]",
    vocab.XSD + "double": r"-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,7})\.[0-9]{0,5}[1-9]",
    vocab.XSD + "gYear": "[1-9][0-9]{3}",
    vocab.XSD + "gYearMonth": f"[1-9][0-9]{{3}}-{lexical.MONTH}",
    vocab.XSD + "date": f"[1-9][0-9]{{3}}-{lexical.MONTH}-{lexical.DAY}",
    vocab.XSD + "dateTime": (
        f"[1-9][0-9]{{3}}-{lexical.MONTH}-{lexical.DAY}"
        "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?"
    ),
}


def _plain_decimal(text: pl.Series) -> pl.Series:
    """Decimals of usual length without needless signs and zeros; the others as they are."""
    made = text.to_frame("t").select(
        pl.when(pl.col("t").str.contains(r"^[+-]?0*[0-9]{0,17}(?:\.[0-9]{0,17}0*)?$"))
        .then(
            pl.col("t")
            .str.replace(r"^\+?(-?)0*([0-9]*)(?:\.([0-9]*?)0*)?$", "${1}0${2}.${3}")
            .str.replace(r"^(-?)0([0-9])", "${1}${2}")
            .str.strip_suffix(".")
            .replace("-0", "0")
        )
        .otherwise("t")
    )
    return made.to_series()


def _asked(texts: list[str], datatype: str) -> list[str]:
    """Lexical forms as the store writes them."""
    predicate, graph = NamedNode("urn:p"), DefaultGraph()
    store = Store()
    kind = NamedNode(datatype)
    quads = (
        Quad(NamedNode(f"urn:{n}"), predicate, Literal(text, datatype=kind), graph)
        for n, text in enumerate(texts)
    )
    store.bulk_extend(quads)
    found = dict(zip(range(len(texts)), texts, strict=True))
    for quad in store:
        found[int(quad.subject.value[4:])] = quad.object.value
    return list(found.values())


def literals(text: pl.Series, datatype: str, language: str | pl.Series = "") -> pl.Series:
    """Each sound text as a literal in N-Quads, as the store writes it.

    `language` is one tag for all, or a tag for each; a text without one gives null.
    """
    cell = pl.lit(_escaped(canonical(text, datatype)))
    if isinstance(language, pl.Series):
        parts = [pl.lit('"'), cell, pl.lit('"@'), pl.lit(language.str.to_lowercase())]
    elif language:
        parts = [pl.lit('"'), cell, pl.lit(f'"@{language.lower()}')]
    elif datatype == vocab.XSD + "string":
        parts = [pl.lit('"'), cell, pl.lit('"')]
    else:
        parts = [pl.lit('"'), cell, pl.lit(f'"^^<{datatype}>')]
    return pl.select(pl.concat_str(parts).alias(text.name)).to_series()


def is_language(tags: pl.Series) -> pl.Series:
    """Whether each text is a language tag (BCP 47) that the store's parser takes."""
    sound = [tag for tag in tags.drop_nulls().unique() if _is_language(tag)]
    return tags.is_in(pl.Series(sound, dtype=pl.String).implode())


def _is_language(tag: str) -> bool:
    try:
        Literal("", language=tag)
    except ValueError:
        return False
    return _TAG.fullmatch(tag) is not None


def _escaped(text: pl.Series) -> pl.Series:
    # A pass over the column to find that there is nothing to do costs least.
    if not text.str.contains(_SPECIAL).any():
        return text
    return text.str.replace_many(_ESCAPES)


_SPECIAL: Final = '[\x00-\x1f\x7f"\\\\]'
_ESCAPES: Final = {chr(code): f"\\u{code:04X}" for code in (*range(0x20), 0x7F)} | {
    "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\",
}  # fmt: skip
_TAG: Final = re.compile("[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def iri(text: pl.Expr) -> pl.Expr:
    """Each text as an IRI of N-Quads."""
    return pl.concat_str(pl.lit("<"), text, pl.lit(">"))
