"""A label in place of an IRI: `platform=百度`, where one resource of the class is called so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from api.live import Generation
from kg import vocab
from kg.catalogue import NamedQuery, Parameter
from kg.errors import ParameterError
from kg.workers import FORMATS

_LANGUAGES: Final = ("", "@en", "@zh", "@zh-Hans", "@zh-Hant", "@zh-hans", "@zh-hant")
_LONGEST: Final = 200
_MOST: Final = 1000

_CALLED: Final = f"""
PREFIX rdfs: <{vocab.RDFS}>
PREFIX skos: <{vocab.SKOS}>
SELECT DISTINCT ?resource WHERE {{{{
  VALUES ?label {{{{ {{labels}} }}}}
  ?resource skos:prefLabel|skos:altLabel|rdfs:label ?label .
  {{of_class}}
}}}} ORDER BY ?resource LIMIT 4
"""


async def resolved(
    query: NamedQuery, values: Mapping[str, Sequence[str]], generation: Generation
) -> dict[str, list[str]]:
    """The values, with the IRI in place of each that is a label.

    Raises ParameterError where several resources of the class are called so.
    """
    found: dict[str, list[str]] = {}
    for name, given in values.items():
        parameter = query.parameters.get(name)
        found[name] = [
            await _resolved(parameter, value, generation) if parameter else value for value in given
        ]
    return found


async def _resolved(parameter: Parameter, value: str, generation: Generation) -> str:
    if parameter.type != "iri" or parameter.values or not 0 < len(value) <= _LONGEST:
        return value
    try:
        parameter.term(value, generation.base)
    except ParameterError:
        resources = await _called(parameter, value.strip(), generation)
        if len(resources) > 1:
            keys = ", ".join(vocab.shorten(each, generation.base) for each in resources)
            raise ParameterError(
                f"parameter {parameter.name}: several are called {value!r}: {keys}"
            ) from None
        return resources[0] if resources else value
    return value


async def _called(parameter: Parameter, label: str, generation: Generation) -> list[str]:
    key = f"{parameter.klass} {label}"
    if key not in generation.labels:
        literal = vocab.literal(label)
        of_class = f"?resource a/rdfs:subClassOf* <{parameter.klass}> ." if parameter.klass else ""
        text = _CALLED.format(
            labels=" ".join(literal + language for language in _LANGUAGES), of_class=of_class
        )
        answer = await generation.ask(text, FORMATS["json"])
        rows = json.loads(b"".join([chunk async for chunk in answer.chunks]))["results"]["bindings"]
        if len(generation.labels) >= _MOST:
            generation.labels.clear()
        generation.labels[key] = [row["resource"]["value"] for row in rows]
    return generation.labels[key]
