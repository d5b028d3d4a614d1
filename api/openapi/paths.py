"""The paths that there are whatever the catalogue holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.openapi import parameters
from api.openapi.answers import (
    OF_QUERIES,
    OF_WRITES,
    Schema,
    answer,
    empty,
    graphs,
    json,
    page,
    refusals,
    unmade,
)
from kg.sparql import Form

_FORMS: Final[tuple[Form, ...]] = ("SELECT", "CONSTRUCT")
_UNCHANGED: Final = {"304": {"$ref": "#/components/responses/Unchanged"}}
_TAG: Final = {"$ref": "#/components/parameters/If-None-Match"}
_MAY_WRITE: Final[list[Schema]] = [{"token": []}]
_NAME: Final = "[a-z0-9]+(?:[.-][a-z0-9]+)*"


def fixed(examples: Mapping[str, Any]) -> dict[str, Schema]:
    """Path → operations; `examples` are queries that may be asked at `/sparql`."""
    return {
        "/sparql": {"get": _sparql_get(examples), "post": _sparql_post(examples)},
        **_graphs(),
        **_linked_data(),
        **_operation(),
    }


def operation(tag: str, id: str, summary: str, responses: Schema, *takes: Schema) -> Schema:
    """One operation."""
    found: Schema = {"tags": [tag], "operationId": id, "summary": summary}
    return {**found, **({"parameters": [*takes]} if takes else {}), "responses": responses}


def _sparql_get(examples: Mapping[str, Any]) -> Schema:
    query = parameters.text("query", "A SPARQL 1.1 query; without one, the service is described.")
    return operation(
        "sparql", "sparqlGet", "Ask a query, or what the service is",
        {
            "200": answer(_FORMS, "The answer, or the service description.", "X-SPARQL-MaxRows"),
            **_UNCHANGED,
            **refusals(400, 403, 406, *OF_QUERIES),
        },
        query | {"examples": examples},
        *parameters.dataset("query"),
        parameters.formats(*_FORMS),
        parameters.timeout(),
        _TAG,
    )  # fmt: skip


def _sparql_post(examples: Mapping[str, Any]) -> Schema:
    described = operation(
        "sparql", "sparqlPost", "Ask a query, or do an update",
        {
            "200": answer(_FORMS, "The answer to a query.", "X-SPARQL-MaxRows"),
            "204": empty("The update is done, whole."),
            "422": unmade(),
            **refusals(406, *OF_WRITES, *OF_QUERIES),
        },
        *parameters.dataset("query"),
        *parameters.dataset("update"),
        parameters.formats(*_FORMS),
        parameters.timeout(),
    )  # fmt: skip
    text = {"schema": {"type": "string"}}
    described["security"] = [{}, *_MAY_WRITE]  # a query needs no token
    described["requestBody"] = {
        "required": True,
        "content": {
            "application/sparql-query": text | {"examples": examples},
            "application/sparql-update": text,
            "application/x-www-form-urlencoded": {"schema": parameters.form()},
        },
    }
    return described


def _graphs() -> dict[str, Schema]:
    kind = parameters.in_path("kind", "The kind of graph.", "source", f"^{_NAME}$")
    name = parameters.in_path("name", "The name of the graph.", "curated", f"^{_NAME}$")
    alone = name | {"example": "ontology"}
    return {
        "/graphs": _graph("", *parameters.named_graph()),
        "/graphs/{name}": _graph("Named", alone),
        "/graphs/{kind}/{name}": _graph("OfKind", kind, name),
    }


def _graph(id: str, *names: Schema) -> Schema:
    """The operations of the graph store protocol on a graph."""
    read = refusals(400, 404, 406, *OF_QUERIES)
    of_writes = {
        "204": empty("It is done."),
        "422": unmade(),
        **refusals(404, *OF_WRITES, *OF_QUERIES),
    }
    made = {"201": empty("The graph is new.", "Location"), **of_writes}
    documents = {each: {"schema": {"type": "string"}} for each in parameters.DOCUMENTS}
    file = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
    several = {**documents, "multipart/form-data": {"schema": file}}
    update = {"application/sparql-update": {"schema": {"type": "string"}}}

    def written(verb: str, summary: str, responses: Schema, body: Schema | None) -> Schema:
        found = operation("graphs", f"{verb}Graph{id}", summary, responses, *names)
        found["security"] = _MAY_WRITE
        return found | ({"requestBody": {"required": True, "content": body}} if body else {})

    wished = (parameters.graph_format(), parameters.timeout(), _TAG)
    return {
        "get": operation(
            "graphs", f"readGraph{id}", "Read a graph",
            {"200": graphs("The graph."), **_UNCHANGED, **read}, *names, *wished,
        ),
        "head": operation(
            "graphs", f"askGraph{id}", "Ask whether there is a graph",
            {"200": empty("There is."), **_UNCHANGED, **read}, *names, *wished,
        ),
        "put": written("replace", "Replace a graph", made, several),
        "post": written("extend", "Add to a graph, or make one", made, several),
        "patch": written("patch", "Change a graph by a SPARQL update", of_writes, update),
        "delete": written("remove", "Remove a graph", of_writes, None),
    }  # fmt: skip


def _linked_data() -> dict[str, Schema]:
    wished = parameters.formats("DESCRIBE")
    part = parameters.in_path("part", "A module, or a version.", "place")
    folder = parameters.in_path("folder", "A folder of the ontology, or a version.", "vocabularies")
    file = parameters.in_path("part", "A file of it, or a module of that version.", "fields")
    documented = {
        "200": answer(("DESCRIBE",), "The ontology or a part of it."),
        **refusals(400, 404, 406, *OF_QUERIES),
    }
    return {
        "/id/{kind}/{key}": {
            "get": operation(
                "resources", "resource", "What the release says of a resource",
                {
                    "200": answer(("DESCRIBE",), "What is said of it."),
                    "301": empty("The key was joined to the one that Location names.", "Location"),
                    **_UNCHANGED,
                    **refusals(400, 404, 406, *OF_QUERIES),
                },
                parameters.in_path("kind", "The kind of resource.", "organization"),
                parameters.in_path("key", "Its key.", "baidu"),
                wished,
                parameters.timeout(),
                _TAG,
            )
        },
        "/ontology": {
            "get": operation("ontology", "ontology", "The ontology", documented, wished)
        },
        "/ontology/{part}": {
            "get": operation(
                "ontology", "module", "A module or a version of it", documented, part, wished
            )
        },
        "/ontology/{folder}/{part}": {
            "get": operation(
                "ontology", "file", "A file of it, or a module of a version", documented,
                folder, file, wished,
            )
        },
        "/.well-known/void": {
            "get": operation(
                "release", "description", "The release, described in VoID and DCAT",
                {"200": graphs("The description."), **refusals(400, 406, *OF_QUERIES)},
                wished,
            )
        },
        "/dump.nq.zst": {
            "get": operation(
                "release", "dump", "All quads of the release, sorted",
                {
                    "200": {
                        "description": "N-Quads, compressed by Zstandard.",
                        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                        "content": {"application/zstd": {"schema": {}}},
                    },
                    "206": {
                        "description": "The part that Range asks for.",
                        "content": {"application/zstd": {"schema": {}}},
                    },
                    **refusals(404, 503),
                },
            )
        },
    }  # fmt: skip


def _operation() -> dict[str, Schema]:
    text = "text/html"

    def get(id: str, summary: str, good: Schema, *statuses: int, tag: str = "operation") -> Schema:
        return {"get": operation(tag, id, summary, {"200": good, **refusals(*statuses)})}

    queries = {"type": "array", "items": {"$ref": "#/components/schemas/Query"}}
    return {
        "/": get("firstPage", "What there is", page("A page."), 503, tag="pages"),
        "/queries": get(
            "listQueries", "The catalogue", json(queries, "The named queries.", text), 503,
            tag="queries",
        ),
        "/problems": get("problems", "What problems mean", page("A page."), tag="pages"),
        "/openapi.json": get(
            "openapi", "This description", json({"type": "object"}, "OpenAPI 3.1."), 503
        ),
        "/health": get("health", "Which release is served", json("Health", "It is."), 503),
        "/health/live": get("live", "Whether the process answers", json("Health", "It does.")),
        "/health/ready": get(
            "ready", "Whether a worker answers", json("Health", "One does."), 429, 502, 503, 507
        ),
        "/metrics": get(
            "metrics", "Counters for Prometheus", page("Its text format.", "text/plain"), 503
        ),
    }  # fmt: skip
