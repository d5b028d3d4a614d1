"""The OpenAPI 3.1 description: FastAPI's frame, a path for each named query, and `/sparql`."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import negotiation, problems
from kg.catalogue import Catalogue, NamedQuery, Parameter
from kg.errors import KnowledgeGraphError
from kg.sparql import Form

_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A problem as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}
_RELEASE: Final = {
    "X-KG-Release": {"description": "The release that answered.", "schema": {"type": "string"}}
}
_OF_ANY_QUERY: Final = (429, 502, 503, 507)


def document(app: FastAPI, catalogue: Catalogue) -> dict[str, Any]:
    """The whole description."""
    described = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    described["openapi"] = "3.1.0"
    described.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    paths = described.setdefault("paths", {})
    paths["/sparql"] = {"get": _sparql_get(), "post": _sparql_post()}
    for query in catalogue.values():
        paths[f"/queries/{query.path}"] = {"get": _named(query)}
    paths["/queries"] = {"get": _plain("The catalogue", "listQueries", "queries")}
    paths["/id/{kind}/{key}"] = {"get": _resource()}
    paths["/health"] = {"get": _plain("Whether a release is served", "health", "operation", 503)}
    return described


def described(query: NamedQuery) -> dict[str, Any]:
    """A named query as the list of them shows it."""
    return {
        "name": query.path,
        "url": f"/queries/{query.path}",
        "summary": query.summary,
        "description": query.description,
        "form": query.form,
        "view": query.view,
        "formats": [each.name for each in negotiation.formats(query.form)],
        "parameters": [_parameter(each) for each in query.parameters.values()],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if parameter.type in ("integer", "year"):
        schema = {"type": "integer"}
        bounds = {"minimum": parameter.minimum, "maximum": parameter.maximum}
        schema |= {name: bound for name, bound in bounds.items() if bound is not None}
    as_written: type = int if schema["type"] == "integer" else str
    if parameter.values:
        schema["enum"] = [as_written(each) for each in parameter.values]
    if parameter.type == "iri":
        schema["x-accepts"] = ["IRI", "CURIE", "key", "label"]
    if parameter.default is not None:
        schema["default"] = as_written(parameter.default)
    told = (parameter.label, parameter.description, f"Expected: {parameter.expected}.")
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.default is None,
        "description": " ".join(f"{part.rstrip('.')}." for part in told if part),
        "schema": {"type": "array", "items": schema} if parameter.several else schema,
        "example": [parameter.example] if parameter.several else as_written(parameter.example),
    }


def _named(query: NamedQuery) -> dict[str, Any]:
    suffixes = ", ".join(f".{each.name}" for each in negotiation.formats(query.form))
    return {
        "tags": [query.path.partition("/")[0]],
        "operationId": query.path.replace("/", "_").replace("-", "_"),
        "summary": query.summary,
        "description": f"{query.description}\n\nA suffix picks the format: {suffixes}.".strip(),
        "parameters": [
            *(_parameter(each) for each in query.parameters.values()),
            *_controls(query),
        ],
        "responses": _responses([query.form], 400, 406, 422, *_OF_ANY_QUERY),
    }


def _controls(query: NamedQuery) -> list[dict[str, Any]]:
    found = [
        _text("timeout", "Seconds to wait, at most those of the server.")
        | {"schema": {"type": "number", "exclusiveMinimum": 0}},
        _text("explain", "Answer with the SPARQL as it would run."),
    ]
    if query.form == "SELECT":
        found += [
            _text("limit", "Rows of one page; Link leads to the others.")
            | {"schema": {"type": "integer", "minimum": 1, "maximum": 1_000_000_000}},
            _text("offset", "Rows to pass over.")
            | {"schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000_000}},
            _text("shape", "Plain JSON objects.") | {"schema": {"enum": ["objects"]}},
        ]
    return found


def _sparql_get() -> dict[str, Any]:
    return _sparql("sparqlGet") | {
        "parameters": [
            _text("query", "A SPARQL 1.1 query.", required=True),
            *_dataset_and_format(),
        ],
    }


def _sparql_post() -> dict[str, Any]:
    form = {
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": {"type": "string"},
            "format": {"type": "string"},
            "default-graph-uri": {"type": "array", "items": {"type": "string", "format": "iri"}},
            "named-graph-uri": {"type": "array", "items": {"type": "string", "format": "iri"}},
        },
    }
    described = _sparql("sparqlPost", 413, 415)
    described["parameters"] = _dataset_and_format()
    described["requestBody"] = {
        "required": True,
        "content": {
            "application/sparql-query": {"schema": {"type": "string"}},
            "application/x-www-form-urlencoded": {"schema": form},
        },
    }
    return described


def _sparql(operation: str, *statuses: int) -> dict[str, Any]:
    return {
        "tags": ["sparql"],
        "operationId": operation,
        "summary": "SPARQL 1.1 query protocol",
        "responses": _responses(["SELECT", "CONSTRUCT"], 400, 403, 406, *statuses, *_OF_ANY_QUERY),
    }


def _dataset_and_format() -> list[dict[str, Any]]:
    iris = {"type": "array", "items": {"type": "string", "format": "iri"}}
    names = [each.name for each in (*negotiation.SOLUTIONS, *negotiation.GRAPHS, negotiation.HTML)]
    return [
        _text("default-graph-uri", "Graphs that stand for the default graph.") | {"schema": iris},
        _text("named-graph-uri", "The named graphs of the dataset.") | {"schema": iris},
        _text("format", "The format, in place of Accept.")
        | {"schema": {"type": "string", "enum": names}},
    ]


def _resource() -> dict[str, Any]:
    parts = [
        _text("kind", "The kind of resource.", required=True) | {"in": "path", "example": "field"},
        _text("key", "Its key.", required=True) | {"in": "path", "example": "finance"},
    ]
    return {
        "tags": ["resources"],
        "operationId": "resource",
        "summary": "What the release says of a resource",
        "parameters": [*parts, _dataset_and_format()[-1]],
        "responses": _responses(["DESCRIBE"], 400, 404, 406, *_OF_ANY_QUERY)
        | {"301": {"description": "The key was joined to the one that Location names"}},
    }


def _plain(summary: str, operation: str, tag: str, *statuses: int) -> dict[str, Any]:
    answer = {"description": summary, "content": {"application/json": {"schema": {}}}}
    return {
        "tags": [tag],
        "operationId": operation,
        "summary": summary,
        "responses": {"200": answer} | _refusals(*statuses),
    }


def _text(name: str, description: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
    }


def _responses(forms: list[Form], *statuses: int) -> dict[str, Any]:
    types = [each.media_type for form in forms for each in negotiation.formats(form)]
    content: dict[str, Any] = {media_type: {"schema": {}} for media_type in types}
    answer = {"description": "The answer.", "headers": _RELEASE, "content": content}
    return {"200": answer} | _refusals(*statuses)


def _refusals(*statuses: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {
            "description": "; or: ".join(_titles(status)),
            "content": {problems.MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def _titles(status: int) -> list[str]:
    kinds: dict[type[KnowledgeGraphError], problems.Kind] = problems.KINDS
    return [kind.title for kind in kinds.values() if kind.status == status]
