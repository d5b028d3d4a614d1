"""What operations answer: statuses, headers, and the schemas of bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api import negotiation, problems
from kg.sparql import Form

Schema = dict[str, Any]

_STRING: Final[Schema] = {"type": "string"}

#: Statuses of any operation that asks a worker, beside its own: of requests, then of queries.
OF_QUERIES: Final = (408, 429, 431, 502, 503, 507)
#: Of any operation that writes.
OF_WRITES: Final = (400, 401, 403, 409, 413, 415)

_TERM: Final[Schema] = {
    "type": "object",
    "required": ["type", "value"],
    "properties": {
        "type": {"enum": ["uri", "literal", "bnode", "triple"]},
        "value": {"description": "Its text; of a triple term, its three terms."},
        "xml:lang": _STRING,
        "datatype": _STRING,
        "its:dir": {"enum": ["ltr", "rtl"]},
    },
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": {
        "type": "object",
        "description": "A problem as RFC 9457 has it.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _STRING,
            "status": {"type": "integer"},
            "detail": _STRING,
            "instance": _STRING,
        },
    },
    "Refusal": {
        "description": "A problem with the SHACL report of a change that was not made.",
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {"report": {"$ref": "#/components/schemas/Report"}},
    },
    "Report": {
        "type": "object",
        "required": ["conforms", "results"],
        "properties": {"conforms": {"type": "boolean"}, "results": {"type": "array"}},
    },
    "Solutions": {
        "type": "object",
        "description": "The solutions of a SELECT (SPARQL 1.1 Query Results JSON Format).",
        "required": ["head", "results"],
        "properties": {
            "head": {
                "type": "object",
                "required": ["vars"],
                "properties": {"vars": {"type": "array", "items": _STRING}},
            },
            "results": {
                "type": "object",
                "required": ["bindings"],
                "properties": {
                    "bindings": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": {"$ref": "#/components/schemas/Term"},
                        },
                    }
                },
            },
        },
    },
    "Term": _TERM,
    "Boolean": {
        "type": "object",
        "description": "The answer of an ASK.",
        "required": ["boolean"],
        "properties": {"boolean": {"type": "boolean"}},
    },
    "Objects": {
        "description": "Solutions as plain objects, one a row, or the boolean of an ASK.",
        "type": ["array", "boolean"],
        "items": {"type": "object"},
    },
    "Query": {
        "type": "object",
        "description": "A named query.",
        "required": ["name", "url", "summary", "form", "formats", "parameters"],
        "properties": {
            "name": _STRING,
            "url": {"type": "string", "format": "uri-reference"},
            "summary": _STRING,
            "description": _STRING,
            "form": {"enum": ["SELECT", "ASK", "CONSTRUCT", "DESCRIBE"]},
            "view": {"type": ["string", "null"]},
            "formats": {"type": "array", "items": _STRING},
            "parameters": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Health": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"const": "ok"},
            "release": _STRING,
            "synthetic": {"type": "boolean"},
            "quads": {"type": "integer", "minimum": 0},
        },
    },
}


def _header(description: str, kind: str = "string", example: object = None) -> Schema:
    found: Schema = {"description": description, "schema": {"type": kind}}
    return found if example is None else found | {"example": example}


HEADERS: Final[dict[str, Schema]] = {
    "X-KG-Release": _header("The release that answered."),
    "X-Request-ID": _header("The request's id, as the log has it."),
    "X-KG-Limits": _header(
        "What the answer is limited to.",
        example="seconds=30, memory=1073741824, rows=10000000, bytes=4294967296",
    ),
    "X-SPARQL-MaxRows": _header("The LIMIT that was put on a SELECT without one.", "integer"),
    "ETag": _header("The same as long as the answer is."),
    "Server-Timing": _header("How long evaluation took, or that the cache answered."),
    "Link": _header("The first, previous, next and last page (RFC 8288)."),
    "X-Total-Count": _header("Rows of all pages.", "integer"),
    "Location": _header("Where it stands."),
    "Retry-After": _header("Seconds after which to ask again.", "integer"),
}


def headers(*names: str) -> dict[str, Schema]:
    """These headers, and those of every answer, by reference."""
    every = ("X-KG-Release", "X-Request-ID")
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*every, *names)}


_OF_AN_ANSWER: Final = ("ETag", "Server-Timing", "X-KG-Limits")


def answer(forms: Iterable[Form], description: str, *more: str) -> Schema:
    """200 with the answer of a query of one of these forms."""
    content: Schema = {}
    for form in forms:
        for each in negotiation.formats(form):
            content[each.media_type] = _body(form, each)
        if form in ("SELECT", "ASK"):
            content["application/json"] = {"schema": _ref("Objects")}
    return {
        "description": description,
        "headers": headers(*_OF_AN_ANSWER, *more),
        "content": content,
    }


def graphs(description: str) -> Schema:
    """200 with a graph in the format asked for."""
    content = {each.media_type: _text() for each in negotiation.GRAPHS}
    content["application/ld+json"] = {"schema": {}}
    return {"description": description, "headers": headers(), "content": content}


def json(schema: Schema | str, description: str, *others: str) -> Schema:
    """200 with JSON of a schema, which may be given by name; `others` are further media types."""
    of = _ref(schema) if isinstance(schema, str) else schema
    content = {"application/json": {"schema": of}} | {each: _text() for each in others}
    return {"description": description, "headers": headers(), "content": content}


def page(description: str, media_type: str = "text/html") -> Schema:
    """200 with a text."""
    return {"description": description, "headers": headers(), "content": {media_type: _text()}}


def empty(description: str, *names: str) -> Schema:
    """An answer without a body."""
    return {"description": description, "headers": headers(*names)}


def _body(form: Form, each: negotiation.Format) -> Schema:
    if each.media_type == negotiation.SOLUTIONS[0].media_type:
        # Of an endpoint that answers several forms, either may come.
        return {"schema": _ref("Boolean" if form == "ASK" else "Solutions")}
    binary = each.name in ("parquet", "arrow")
    free = "json" in each.media_type
    return {"schema": {}} if binary or free else _text()


def _text() -> Schema:
    return {"schema": _STRING}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def refusals(*statuses: int) -> dict[str, Schema]:
    """Problems by status, by reference; any other that there may be is one too."""
    found = {
        str(status): {"$ref": f"#/components/responses/Problem{status}"}
        for status in sorted(set(statuses))
    }
    return {**found, "default": {"$ref": "#/components/responses/Problem"}}


def problem_responses() -> dict[str, Schema]:
    """The components that `refusals` refers to."""
    by_status: dict[int, list[tuple[str, problems.Kind]]] = {}
    for error, kind in problems.KINDS.items():
        by_status.setdefault(kind.status, []).append((problems.slug(error), kind))
    found = {
        f"Problem{status}": _problem(
            "; or: ".join(kind.title for _, kind in kinds),
            {name: _example(name, kind) for name, kind in kinds},
            [name for _, kind in kinds for name, _ in kind.headers],
        )
        for status, kinds in by_status.items()
    }
    return {**found, "Problem": _problem("Any other problem", {}, ())}


def unmade() -> Schema:
    """422 of a write: the report in the format asked for."""
    return {
        "description": "The change violates a shape, and nothing of it was done",
        "content": {
            problems.MEDIA_TYPE: {"schema": _ref("Refusal")},
            "application/json": {"schema": _ref("Refusal")},
            "text/turtle": _text(),
            "text/plain": _text(),
        },
    }


def _problem(description: str, examples: Mapping[str, Any], names: Iterable[str]) -> Schema:
    # Where a person asks, it is a page.
    content: Schema = {problems.MEDIA_TYPE: {"schema": _ref("Problem")}, "text/html": _text()}
    if examples:
        content[problems.MEDIA_TYPE]["examples"] = examples
    found: Schema = {"description": description, "content": content}
    own = {
        name: HEADERS.get(name) or _header("How to authenticate.") for name in dict.fromkeys(names)
    }
    return found | ({"headers": own} if own else {})


def _example(name: str, kind: problems.Kind) -> Schema:
    value = {
        "type": f"/problems#{name}",
        "title": kind.title,
        "status": kind.status,
        "detail": "what was found, where, and what was expected",
        "instance": "/sparql",
    }
    return {"summary": kind.title, "value": value}
