"""The OpenAPI 3.1 description: every path that is answered, with examples from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from api import negotiation
from api.openapi import parameters
from api.openapi.answers import (
    HEADERS,
    OF_QUERIES,
    SCHEMAS,
    answer,
    empty,
    problem_responses,
    refusals,
)
from api.openapi.paths import fixed, operation
from api.prefix import below
from kg import sparql
from kg.catalogue import Catalogue, NamedQuery

_ABOUT: Final = """\
Named queries and a SPARQL endpoint over one validated release, which every answer names.

- A format is chosen by `Accept`, by `format`, or by a suffix of a named query's path.
- Every GET may be a HEAD; every path answers OPTIONS, and a page of any origin may read.
- An answer has an entity tag where it stays the same until the next release.
- An error is `application/problem+json`; its `type` leads to what it means.
- `X-Request-ID` of a request is that of its answer and of the log.
"""
_TAGS: Final = {
    "sparql": "The SPARQL 1.1 protocol",
    "graphs": "The SPARQL 1.1 graph store protocol",
    "queries": "The catalogue",
    "resources": "What is said of one resource",
    "ontology": "The ontology and its documentation",
    "release": "The release as a whole",
    "operation": "For operators and programs",
    "pages": "Pages for people",
}


def document(catalogue: Catalogue, version: str) -> dict[str, Any]:
    """The whole description."""
    examples = dict(_examples(catalogue))
    named = {f"/queries/{query.path}": {"get": _named(query)} for query in catalogue.values()}
    topics = dict.fromkeys(_topic(query) for query in catalogue.values())
    tags = {topic: f"Named queries: {topic}" for topic in topics} | _TAGS
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI cluster knowledge graph",
            "version": version or "0",
            "description": _ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": below("") or "/"}],
        "tags": [{"name": name, "description": told} for name, told in tags.items()],
        "paths": named | fixed(examples),
        "components": {
            "schemas": SCHEMAS,
            "headers": HEADERS,
            "responses": {
                **problem_responses(),
                "Unchanged": empty("The answer that the client has is still right.", "ETag"),
            },
            "parameters": {
                "If-None-Match": {
                    "name": "If-None-Match",
                    "in": "header",
                    "description": "Entity tags of answers that the client has.",
                    "schema": {"type": "string"},
                }
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "For writes: what `kg token add` shows.",
                }
            },
        },
    }


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
        "parameters": [parameters.of_query(each) for each in query.parameters.values()],
    }


def _named(query: NamedQuery) -> dict[str, Any]:
    suffixes = ", ".join(f".{each.name}" for each in negotiation.formats(query.form))
    paged = ("Link", "X-Total-Count") if query.form == "SELECT" else ()
    good = answer([query.form], "The answer.", *paged)
    good["content"]["application/sparql-query"] = {"schema": {"type": "string"}}
    responses = {
        "200": good,
        "304": {"$ref": "#/components/responses/Unchanged"},
        **refusals(400, 406, 422, *OF_QUERIES),
    }
    id = query.path.replace("/", "_").replace("-", "_")
    own = (parameters.of_query(each) for each in query.parameters.values())
    found = operation(
        _topic(query), id, query.summary, responses, *own, *parameters.controls(query)
    )
    found["description"] = f"{query.description}\n\nA suffix picks the format: {suffixes}.".strip()
    return found


def _examples(catalogue: Catalogue) -> Iterator[tuple[str, dict[str, str]]]:
    """The first query of each topic as it may be asked at `/sparql`."""
    seen = set()
    for query in catalogue.values():
        if (topic := _topic(query)) in seen:
            continue
        seen.add(topic)
        values = {name: each.example for name, each in query.parameters.items()}
        lines = sparql.decode(query.bind(values)).splitlines(keepends=True)
        text = "".join(line for line in lines if not line.startswith("#+"))
        yield query.path.replace("/", "."), {"summary": query.summary, "value": text}


def _topic(query: NamedQuery) -> str:
    return query.path.partition("/")[0]
