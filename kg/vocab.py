"""Namespaces, graph names and IRI minting: the only place that spells an IRI.

Terms and graphs never follow a setting. Resources do: shipped files are written
with `BASE`, and `rebase` moves them to the base in force when they are loaded.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from kg.errors import InputError

AIC: Final = "https://w3id.org/aicluster/ontology#"
GRAPH: Final = "https://w3id.org/aicluster/graph/"
BASE: Final = "https://w3id.org/aicluster/id/"
#: Where the blank nodes of documents become IRIs (RDF 1.1 Concepts, §3.5).
GENID: Final = "https://w3id.org/aicluster/.well-known/genid/"

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS: Final = "http://www.w3.org/2000/01/rdf-schema#"
OWL: Final = "http://www.w3.org/2002/07/owl#"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
DCTERMS: Final = "http://purl.org/dc/terms/"
DCAT: Final = "http://www.w3.org/ns/dcat#"
PROV: Final = "http://www.w3.org/ns/prov#"
ORG: Final = "http://www.w3.org/ns/org#"
FOAF: Final = "http://xmlns.com/foaf/0.1/"
QB: Final = "http://purl.org/linked-data/cube#"
GEO: Final = "http://www.opengis.net/ont/geosparql#"
WGS84: Final = "http://www.w3.org/2003/01/geo/wgs84_pos#"
SH: Final = "http://www.w3.org/ns/shacl#"
VOID: Final = "http://rdfs.org/ns/void#"

#: The prefixes that mappings, parameters and pages know without declaring them.
PREFIXES: Final[dict[str, str]] = {
    "aic": AIC,
    "id": BASE,
    "graph": GRAPH,
    "rdf": RDF,
    "rdfs": RDFS,
    "owl": OWL,
    "xsd": XSD,
    "skos": SKOS,
    "dcterms": DCTERMS,
    "dcat": DCAT,
    "prov": PROV,
    "org": ORG,
    "foaf": FOAF,
    "qb": QB,
    "geo": GEO,
    "wgs84": WGS84,
    "sh": SH,
    "void": VOID,
}

#: What the ontology's axioms add to what is asserted; nothing in it is asserted as well.
INFERRED: Final = GRAPH + "inferred"

#: Graphs that are edited over HTTP stand under this; they survive every build.
EDITS: Final = GRAPH + "edits/"

#: Who edited them when, with which patch.
AUDIT: Final = GRAPH + "audit"

#: Graphs that stand beside the data: they are not merged into the default graph.
SIDE_GRAPHS: Final = frozenset({GRAPH + "shapes", GRAPH + "provenance", AUDIT})

#: The kind under which resources of a class stand: `BASE<kind>/<key>`.
KINDS: Final[dict[str, str]] = {
    AIC + "Organization": "organization",
    AIC + "SpatialUnit": "place",
    AIC + "Technology": "technology",
    AIC + "ApplicationField": "field",
    AIC + "Industry": "industry",
    AIC + "AIModel": "model",
    AIC + "Platform": "platform",
    AIC + "Product": "product",
    AIC + "SoftwareProject": "project",
    AIC + "Empowerment": "empowerment",
    AIC + "TechnologyInput": "technology-input",
    AIC + "TechnologyCollaboration": "collaboration",
    AIC + "Investment": "investment",
    AIC + "ConferenceParticipation": "participation",
    AIC + "Siting": "siting",
    AIC + "PolicyAdoption": "adoption",
    AIC + "Policy": "policy",
    AIC + "AllianceMembership": "membership",
    AIC + "Designation": "designation",
    AIC + "Programme": "programme",
    AIC + "ConferenceSeries": "conference-series",
    AIC + "ConferenceEdition": "conference",
    AIC + "ReportEdition": "report-edition",
    AIC + "StatisticalObservation": "observation",
    AIC + "Evidence": "evidence",
}

# The characters that RFC 3987 leaves unreserved, inside brackets of a regular expression.
IUNRESERVED: Final = r"A-Za-z0-9._~\-\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF" + "".join(
    f"\\U{plane:04X}0000-\\U{plane:04X}FFFD" for plane in range(1, 14)
)
# RFC 3987, absolute, as strictly as the store's parser reads it: one bad IRI stops a whole
# load. Left out, as no data set needs them: hosts in brackets, private-use characters.
_WORD: Final = rf"[{IUNRESERVED}!$&'()*+,;=]|%[0-9A-Fa-f]{{2}}"
_AUTHORITY: Final = rf"(?:(?:{_WORD}|:)*@)?(?:{_WORD})*(?::[0-9]*)?"
_PATH: Final = rf"(?:{_WORD}|[:@])(?:{_WORD}|[:@/])*"
IRI_PATTERN: Final = (
    rf"[A-Za-z][A-Za-z0-9+.\-]*:(?://{_AUTHORITY}(?:/(?:{_WORD}|[:@/])*)?|/?{_PATH}|/)"
    rf"(?:\?(?:{_WORD}|[:@/?])*)?(?:#(?:{_WORD}|[:@/?])*)?"
)
_IRI = re.compile(IRI_PATTERN)
_CURIE = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)?:([^\s/][^\s]*|)")
_KEY = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


def is_iri(text: str) -> bool:
    """Whether `text` is an absolute IRI that N-Quads can carry as it stands."""
    return _IRI.fullmatch(text) is not None


def is_written_out(text: str) -> bool:
    """Whether `text` is an IRI that cannot be a CURIE whose prefix is unknown: `foo:bar` may be."""
    return is_iri(text) and ("://" in text or text.startswith("urn:"))


def literal(value: str) -> str:
    """The N-Triples form of a plain string."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'


def graph(name: str) -> str:
    """The IRI of the named graph `name`, for example `source/ror`."""
    return GRAPH + name


def resource(kind: str, key: str, base: str = BASE) -> str:
    """Mint `<base><kind>/<key>`.

    Raises InputError where the key is not lower-case ASCII words joined by `-` or `.`.
    """
    if _KEY.fullmatch(key) is None:
        raise InputError(
            f"resource key {key!r} of kind {kind}: expected lower-case letters and digits, "
            "joined by '-' or '.'"
        )
    return f"{base}{kind}/{key}"


def digest(*parts: str) -> str:
    """A key of 16 hexadecimal digits for the parts of a row's key, order and bounds kept."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()


def rebase(iri: str, base: str) -> str:
    """Move an IRI that shipped files write under `BASE` to the base in force."""
    return base + iri[len(BASE) :] if base != BASE and iri.startswith(BASE) else iri


def shorten(iri: str, base: str = BASE) -> str:
    """The key of a resource, or the prefixed name of a term; else the IRI as it is.

    `expand` takes back what this gives.
    """
    if iri.startswith(base) and _KEY.fullmatch(iri.rpartition("/")[2]):
        return iri[len(base) :]
    for prefix, namespace in PREFIXES.items():
        local = iri[len(namespace) :]
        if iri.startswith(namespace) and local and "/" not in local:
            return f"{prefix}:{local}"
    return iri


def expand(text: str, *, kind: str | None = None, base: str = BASE) -> str:
    """The IRI that a person means by a full IRI, a CURIE of `PREFIXES`, or a bare key.

    A bare key is `organization/baidu`, or `baidu` where `kind` says what it is a key of.
    Raises InputError where it is none of these.
    """
    if (curie := _CURIE.fullmatch(text)) and curie[1] in PREFIXES:
        iri = rebase(PREFIXES[curie[1]] + curie[2], base)
        if is_iri(iri):
            return iri
    elif is_written_out(text):
        return rebase(text, base)
    head, _, tail = text.rpartition("/")
    if _KEY.fullmatch(tail):
        if head and _KEY.fullmatch(head):
            return resource(head, tail, base)
        if not head and kind:
            return resource(kind, tail, base)
    raise InputError(
        f"{text!r} is not a full IRI, not a CURIE of a declared prefix, "
        f"and not a key like {kind or 'organization'}/<key>"
    )
