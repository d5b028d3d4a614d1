"""Writes a plan as a mapping file, the inverse of `language`: what it writes reads as the plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from kg import vocab
from kg.errors import InputError
from kg.etl import functions
from kg.etl.plan import (
    Call,
    Expression,
    ObjectMap,
    PredicateObject,
    SubjectOf,
    Template,
    TriplesMap,
)

_LOCAL: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]*|")
_SPECIAL: Final = r"[()\\]"
_ESCAPED: Final = r"\\\g<0>"
_PLAIN: Final = vocab.XSD + "string"


def write(
    definition: Mapping[str, Any], maps: list[TriplesMap], prefixes: Mapping[str, str]
) -> str:
    """The text of a mapping file: `definition` are its parts before `mappings`.

    Raises InputError where the language cannot say what a plan says.
    """
    writer = _Writer({**vocab.PREFIXES, **prefixes})
    whole = {**definition, "mappings": {each.name: writer.triples_map(each) for each in maps}}
    text: str = yaml.dump(
        whole,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=None,
        width=100,
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Repeats what it repeats: anchors made by a machine help nobody."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


class _Writer:
    def __init__(self, prefixes: Mapping[str, str]) -> None:
        # The longest namespace first: of two that fit, it is the more telling.
        self.prefixes = sorted(prefixes.items(), key=lambda pair: -len(pair[1]))

    def triples_map(self, made: TriplesMap) -> dict[str, Any]:
        body: dict[str, Any] = {"sources": made.table}
        if made.graphs:
            body["graphs"] = [self.iri(graph) for graph in made.graphs]
        subject = self.expression(made.subject, "iri")
        body["subjects"] = subject.removesuffix("~iri") if isinstance(subject, str) else subject
        if made.condition:
            body["condition"] = self.call(made.condition)
        body["predicateobjects"] = [self.pair(po) for po in made.predicate_objects]
        return body

    def pair(self, po: PredicateObject) -> Any:
        predicate = "a" if po.predicate == vocab.RDF + "type" else self.iri(po.predicate)
        made, third = self.object(po.object)
        if isinstance(made, str) and not (po.condition or po.graphs):
            return [predicate, made, *([third] if third else [])]
        entry: dict[str, Any] = {"predicates": predicate}
        if third:
            name = "language" if third.endswith("~lang") else "datatype"
            made = {"value": made, name: third.removesuffix("~lang")}
        entry["objects"] = made
        if po.condition:
            entry["condition"] = self.call(po.condition)
        if po.graphs:
            entry["graphs"] = [self.iri(graph) for graph in po.graphs]
        return entry

    def object(self, made: ObjectMap) -> tuple[Any, str]:
        """The object, and the datatype or language that stands beside a text."""
        third = ""
        if isinstance(made.language, str) and made.language:
            third = f"{made.language}~lang"
        elif isinstance(made.language, Template):
            third = self.expression(made.language, "literal") + "~lang"
        elif made.kind == "literal" and made.datatype not in (_PLAIN, vocab.RDF + "langString"):
            third = self.iri(made.datatype)
        value = self.expression(made.expression, made.kind)
        if isinstance(made.language, Call):
            whole = value if isinstance(value, dict) else {"value": value}
            return whole | {"language": self.call(made.language)}, ""
        if not isinstance(made.expression, Call):
            return value, third
        if third:
            name = "language" if third.endswith("~lang") else "datatype"
            value[name] = third.removesuffix("~lang")
        elif made.kind != functions.signature(made.expression.function).result:
            value["type"] = made.kind
        return value, ""

    def expression(self, expression: Expression, kind: str) -> Any:
        match expression:
            case Template():
                return self.template(expression, kind)
            case Call():
                return self.call(expression)
            case SubjectOf():
                body: dict[str, Any] = {"mapping": expression.name}
                if expression.joins:
                    body["condition"] = [
                        {
                            "function": "equal",
                            "parameters": [
                                ["str1", self.expression(join.child, "literal")],
                                ["str2", self.expression(join.parent, "literal")],
                            ],
                        }
                        for join in expression.joins
                    ]
                return body

    def template(self, template: Template, kind: str) -> str:
        texts = list(template.parts)
        for text in texts[::2]:
            if "$(" in text or text.endswith("~iri"):
                raise InputError(f"the text {text!r} cannot be written in a mapping file")
        if kind == "iri":
            texts[0] = self.iri(texts[0])
        texts[1::2] = [f"$({re.sub(_SPECIAL, _ESCAPED, name)})" for name in texts[1::2]]
        return "".join(texts) + ("~iri" if kind == "iri" else "")

    def call(self, call: Call) -> dict[str, Any]:
        parameters = [[name, self.expression(value, "literal")] for name, value in call.arguments]
        return {"function": f"kgf:{call.function}", "parameters": parameters}

    def iri(self, iri: str) -> str:
        """The IRI, or its beginning, with a prefix where one fits."""
        for prefix, namespace in self.prefixes:
            local = iri.removeprefix(namespace)
            if iri.startswith(namespace) and _LOCAL.fullmatch(local):
                return f"{prefix}:{local}"
        return iri
