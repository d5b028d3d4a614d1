"""What operations take: the parameters of named queries, and those that many have in common."""

from __future__ import annotations

from typing import Any, Final

from api import negotiation
from api.openapi.answers import Schema
from kg.catalogue import NamedQuery, Parameter
from kg.sparql import Form

_MOST: Final = 1_000_000_000
_IRI: Final[Schema] = {"type": "string", "format": "iri"}
_IRIS: Final[Schema] = {"type": "array", "items": _IRI}
_TIMEOUT: Final[Schema] = {"type": "number", "exclusiveMinimum": 0}
_DATASETS: Final = {
    "default-graph-uri": "Graphs whose merge stands for the default graph.",
    "named-graph-uri": "The named graphs of the dataset.",
    "using-graph-uri": "Graphs whose merge an update reads as the default graph.",
    "using-named-graph-uri": "The named graphs that an update reads.",
}

#: The bodies that a graph is written with.
DOCUMENTS: Final = tuple(each.media_type for each in negotiation.GRAPHS)


def of_query(parameter: Parameter) -> Schema:
    """A parameter of a named query."""
    schema: Schema = {"type": "string", "minLength": 1}
    if parameter.type in ("integer", "year"):
        schema = {"type": "integer"}
        low, high = (1000, 9999) if parameter.type == "year" else (None, None)
        bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
        ends = {"minimum": low, "maximum": high}
        found = {name: ends[name] if bound is None else bound for name, bound in bounds.items()}
        schema |= {name: bound for name, bound in found.items() if bound is not None}
    as_written: type = int if schema["type"] == "integer" else str
    if parameter.values:
        schema["enum"] = [as_written(each) for each in parameter.values]
    if parameter.type == "iri":
        schema["x-accepts"] = ["IRI", "CURIE", "key", "label"]
        if parameter.klass:
            schema["x-class"] = parameter.klass
    if parameter.default is not None:
        schema["default"] = as_written(parameter.default)
    told = (parameter.label, parameter.description, f"Expected: {parameter.expected}.")
    example = as_written(parameter.example)
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default is None,
        "description": " ".join(f"{part.rstrip('.')}." for part in told if part),
        "schema": {"type": "array", "items": schema} if parameter.several else schema,
        "example": [example] if parameter.several else example,
    }


def controls(query: NamedQuery) -> list[Schema]:
    """What a named query takes beside its own parameters."""
    found = [
        formats(query.form),
        timeout(),
        text("explain", "Answer with the SPARQL as it would run; its value does not matter.")
        | {"allowEmptyValue": True},
    ]
    if query.form == "SELECT":
        found += [
            text("limit", "Rows of one page; Link leads to the others.")
            | {"schema": {"type": "integer", "minimum": 1, "maximum": _MOST}, "example": 100},
            text("offset", "Rows to pass over.")
            | {"schema": {"type": "integer", "minimum": 0, "maximum": _MOST}, "example": 0},
        ]
    if query.form in ("SELECT", "ASK"):
        found.append(text("shape", "Plain JSON objects.") | {"schema": {"enum": ["objects"]}})
    return [*found, {"$ref": "#/components/parameters/If-None-Match"}]


def formats(*forms: Form) -> Schema:
    """The name of a format, in place of Accept."""
    names = dict.fromkeys(each.name for form in forms for each in negotiation.formats(form))
    return text("format", "The format, in place of Accept.") | {"schema": {"enum": [*names]}}


def graph_format() -> Schema:
    """The same for what is always a graph."""
    names = [each.name for each in negotiation.GRAPHS]
    return text("format", "The format, in place of Accept.") | {"schema": {"enum": names}}


def timeout() -> Schema:
    """How long a client waits."""
    told = "Seconds to wait, at most those of the server; `Prefer: wait=` says the same."
    return text("timeout", told) | {"schema": _TIMEOUT, "example": 5}


def dataset(operation: str) -> list[Schema]:
    """The dataset of a `query` or an `update`, in a URL."""
    start = "using" if operation == "update" else ("default", "named")
    return [
        text(name, told) | {"schema": _IRIS}
        for name, told in _DATASETS.items()
        if name.startswith(start)
    ]


def form() -> Schema:
    """The form that a query or an update may be sent in."""
    return {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "A SPARQL query."},
            "update": {"type": "string", "description": "A SPARQL update, in place of a query."},
            "format": {"type": "string"},
            "timeout": _TIMEOUT,
            **{name: _IRIS | {"description": told} for name, told in _DATASETS.items()},
        },
        "oneOf": [{"required": ["query"]}, {"required": ["update"]}],
    }


def named_graph() -> list[Schema]:
    """The graph that a request to `/graphs` is about."""
    return [
        text("graph", "The IRI of a graph.")
        | {"schema": _IRI, "example": "https://w3id.org/aicluster/graph/ontology"},
        text("default", "In place of an IRI: the default graph.")
        | {"schema": {"enum": [""]}, "allowEmptyValue": True},
    ]


def in_path(name: str, description: str, example: str, pattern: str = "") -> Schema:
    """A part of a path."""
    schema: Schema = {"type": "string", "minLength": 1}
    return text(name, description, required=True) | {
        "in": "path",
        "schema": schema | ({"pattern": pattern} if pattern else {}),
        "example": example,
    }


def text(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    """A text in a URL's query."""
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }
