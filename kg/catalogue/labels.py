"""A label in place of an IRI: `platform=百度`, where one resource of the class is called so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from kg import vocab
from kg.catalogue.queries import NamedQuery, Parameter
from kg.errors import ParameterError

#: Answers a SELECT of one variable, `resource`, with its IRIs.
Ask = Callable[[str], Awaitable[Sequence[str]]]

_LANGUAGES: Final = ("", "@en", "@zh", "@zh-Hans", "@zh-Hant", "@zh-hans", "@zh-hant")
_LONGEST: Final = 200

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
    query: NamedQuery, values: Mapping[str, Sequence[str]], ask: Ask
) -> dict[str, list[str]]:
    """The values, with the IRI in place of each that is a label.

    Raises ParameterError where several resources of the class are called so.
    """
    found: dict[str, list[str]] = {}
    for name, given in values.items():
        parameter = query.parameters.get(name)
        found[name] = [
            await _resolved(parameter, value, query.base, ask) if parameter else value
            for value in given
        ]
    return found


async def _resolved(parameter: Parameter, value: str, base: str, ask: Ask) -> str:
    if parameter.type != "iri" or parameter.values or not 0 < len(value) <= _LONGEST:
        return value
    try:
        parameter.term(value, base)
    except ParameterError:
        resources = await ask(_question(parameter, value.strip()))
        if len(resources) > 1:
            keys = ", ".join(vocab.shorten(each, base) for each in resources)
            raise ParameterError(
                f"parameter {parameter.name}: several are called {value!r}: {keys}"
            ) from None
        return resources[0] if resources else value
    return value


def _question(parameter: Parameter, label: str) -> str:
    literal = vocab.literal(label)
    return _CALLED.format(
        labels=" ".join(literal + language for language in _LANGUAGES),
        of_class=f"?resource a/rdfs:subClassOf* <{parameter.klass}> ." if parameter.klass else "",
    )
