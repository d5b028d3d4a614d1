"""Which format an answer takes: by name, by `Accept` with its q-values, or the usual one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from kg.errors import NotAcceptable
from kg.sparql import Form
from kg.workers import FORMATS


@dataclass(frozen=True)
class Format:
    """One way to write an answer; `also` are media types that mean it to many clients.

    `called` are further names by which clients ask for it (SPARQLWrapper, Virtuoso's users).
    """

    name: str
    media_type: str
    also: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    carrier: str = ""  #: the media type that it is made of, where no worker writes it

    @property
    def asked(self) -> str:
        """The media type that a worker is asked for."""
        return self.carrier or self.media_type


def _of_workers(name: str, *also: str, called: tuple[str, ...] = ()) -> Format:
    return Format(name, FORMATS[name], also, called)


#: Of equal wishes, the first is taken.
SOLUTIONS: Final = (
    _of_workers("json", "application/json"),
    _of_workers("xml", "application/xml", "text/xml"),
    _of_workers("csv"),
    _of_workers("tsv"),
)
#: Only for solutions: made of SPARQL JSON.
TABLES: Final = tuple(
    Format(name, media_type, also, carrier=FORMATS["json"])
    for name, media_type, also in (
        ("parquet", "application/vnd.apache.parquet", ()),
        ("arrow", "application/vnd.apache.arrow.stream", ()),
        ("geojson", "application/geo+json", ("application/vnd.geo+json",)),
    )
)
GRAPHS: Final = (
    _of_workers("ttl", "application/x-turtle", called=("turtle", "n3")),
    _of_workers("nt", "text/plain", called=("n-triples", "ntriples")),
    _of_workers("jsonld", "application/json", called=("json-ld", "json")),
    _of_workers("rdf", "application/xml", "text/xml", called=("rdf+xml", "xml")),
    _of_workers("nq", called=("n-quads", "nquads")),
    _of_workers("trig"),
)
#: By `?shape=objects`: solutions as plain objects.
OBJECTS: Final = Format("objects", "application/json", carrier=FORMATS["json"])
HTML: Final = Format("html", "text/html")


class Choice(NamedTuple):
    """A format, and the content type it is sent with where the client has one of its own."""

    format: Format
    content_type: str | None = None


def formats(form: Form) -> tuple[Format, ...]:
    """What can carry the answer of a query of this form, a page included."""
    if form in ("CONSTRUCT", "DESCRIBE"):
        return (*GRAPHS, HTML)
    return (*SOLUTIONS, *(TABLES if form == "SELECT" else ()), HTML)


@lru_cache(maxsize=128)
def choose(form: Form, accept: str, *names: str) -> Choice:
    """The format for a query's answer: the one named, else what `Accept` prefers.

    Of several names the first that fits is taken, as clients send what other servers call a
    format beside its usual name. Raises NotAcceptable
    with the formats there are.
    """
    offers = formats(form)
    for name in names:
        for each in offers:
            if name in (each.name, each.media_type, *each.called):
                return Choice(each)
    if names:
        known = ", ".join(each.name for each in offers)
        named = " or ".join(map(repr, names))
        raise NotAcceptable(f"format {named} cannot carry the answer of {form}; expected {known}")
    # A type of our own before one that only many clients use for it: `text/*` is no XML.
    types = {each.media_type: each for each in offers}
    for each in offers:
        for kind in each.also:
            types.setdefault(kind, each)
    chosen = preferred(accept, [*types])
    if chosen is None:
        kinds = ", ".join(each.media_type for each in offers)
        raise NotAcceptable(f"nothing in Accept: {accept} can carry the answer; expected {kinds}")
    each = types[chosen]
    return Choice(each, None if chosen == each.media_type else chosen)


@lru_cache(maxsize=128)
def wants_page(accept: str) -> bool:
    """Whether a person with a browser asks: HTML is wished for before JSON."""
    offers = ["application/problem+json", "application/json", HTML.media_type]
    return preferred(accept, offers) == HTML.media_type


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """The offer of the highest q-value, of equal ones the first; None where all are refused."""
    ranges = [*_ranges(accept)] or [("*/*", 1.0)]
    best, best_quality = None, 0.0
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def _quality(offer: str, ranges: Iterable[tuple[str, float]]) -> float:
    """The q-value of the range that fits most closely (RFC 9110, 12.5.1)."""
    found = dict(ranges)
    for fits in (offer, offer.partition("/")[0] + "/*", "*/*"):
        if fits in found:
            return found[fits]
    return 0.0


def _ranges(accept: str) -> Iterable[tuple[str, float]]:
    """The media ranges of an Accept header; what is malformed is passed over."""
    for item in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in item.split(";"))
        if kind.count("/") != 1:
            continue
        weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
        try:
            quality = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        if 0.0 <= quality <= 1.0:
            yield kind, quality
