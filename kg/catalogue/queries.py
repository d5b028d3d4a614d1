"""The named queries: files that are valid SPARQL and say what they ask and of whom.

A file that breaks a rule of `queries/README.md` is refused when the catalogue loads, with
its name and line. A value that a person gives becomes an RDF term here or is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml

from kg import sparql, vocab
from kg.errors import InputError, ParameterError, QueryError, UnknownParameter, UnknownQuery

Type = Literal["iri", "text", "integer", "year", "class"]
View = Literal["table", "sankey", "matrix", "bar", "map", "network"]

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_YEAR: Final = re.compile(r"[0-9]{4}")
_STEP: Final = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PATH: Final = re.compile(f"{_STEP}/{_STEP}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Parameter:
    """What a query asks for by `$name`; its fields are the keys of a header's parameter."""

    name: str
    type: Type
    label: str
    example: str
    description: str = ""
    klass: str | None = None  #: IRI of the class that an `iri` is a resource of
    default: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    values: tuple[str, ...] = ()  #: all values there are, where they can be listed
    several: bool = False  #: takes more than one value; written `IN ($name)`

    @property
    def kind(self) -> str | None:
        """The kind of resource whose bare key this parameter takes: `organization`."""
        return vocab.KINDS.get(self.klass) if self.klass else None

    @property
    def expected(self) -> str:
        """What a value must be, in words for a message or a form."""
        bounds = [
            f"{word} {bound}"
            for word, bound in (("at least", self.minimum), ("at most", self.maximum))
            if bound is not None
        ]
        if self.values:
            return f"one of {', '.join(self.values)}"
        return {
            "iri": "a full IRI, a CURIE, a key or the label of one resource",
            "class": "a class of the ontology",
            "text": "text",
            "integer": " ".join(["an integer", *bounds]),
            "year": " ".join(["a year of four digits", *bounds]),
        }[self.type] + f", such as {self.example}"

    def term(self, value: str, base: str = vocab.BASE) -> str:
        """The N-Triples form of a value; raises ParameterError where it is not of the type."""
        if self.values and value not in self.values:
            raise self._refused(value)
        match self.type:
            case "iri":
                return f"<{self._iri(value, base)}>"
            case "class":
                if _NAME.fullmatch(value):
                    return f"<{vocab.AIC}{value}>"
                return f"<{self._iri(value, vocab.BASE)}>"
            case "text":
                if not value or re.search(r"[\x00\ud800-\udfff]", value):
                    raise self._refused(value)
                return vocab.literal(value)
            case "integer":
                if _INTEGER.fullmatch(value) is None or not self._within(int(value)):
                    raise self._refused(value)
                return f'"{int(value)}"^^<{vocab.XSD}integer>'
            case "year":
                if _YEAR.fullmatch(value) is None or not self._within(int(value)):
                    raise self._refused(value)
                return f'"{value}"^^<{vocab.XSD}gYear>'

    def _iri(self, value: str, base: str) -> str:
        try:
            return vocab.expand(value, kind=self.kind, base=base)
        except InputError:
            raise self._refused(value) from None

    def _within(self, number: int) -> bool:
        low, high = self.minimum, self.maximum
        return (low is None or low <= number) and (high is None or number <= high)

    def _refused(self, value: str) -> ParameterError:
        return ParameterError(f"parameter {self.name}: {value!r} is not {self.expected}")


@dataclass(frozen=True)
class NamedQuery:
    """One query of the catalogue; `path` is its file's path, its name and its URL."""

    path: str
    summary: str
    description: str
    parameters: Mapping[str, Parameter]
    view: View
    form: sparql.Form
    text: str
    base: str = vocab.BASE
    terms: frozenset[str] = frozenset()  #: the ontology's terms that it names

    def bind(self, values: Mapping[str, str | Sequence[str]]) -> str:
        """The SPARQL text with a term in place of each parameter, defaults where none is given.

        Only a parameter that takes several values may have a sequence of them.

        Raises UnknownParameter, or ParameterError where a value is missing or of a wrong type.
        """
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise UnknownParameter(f"{self.path} has no parameter {name}; it has: {known}")
        terms: dict[str, str | list[str]] = {}
        for name, parameter in self.parameters.items():
            value = values.get(name, parameter.default)
            found = [value] if isinstance(value, str) else value
            if not found:
                raise ParameterError(
                    f"parameter {name} of {self.path} is missing; expected {parameter.expected}"
                )
            if len(found) > 1 and not parameter.several:
                raise ParameterError(f"parameter {name} of {self.path} takes one value")
            terms[name] = [parameter.term(each, self.base) for each in found]
        return sparql.bind(self.text, terms)


class Catalogue(Mapping[str, NamedQuery]):
    """All named queries by path, sorted."""

    def __init__(self, queries: Mapping[str, NamedQuery]) -> None:
        self._queries = dict(sorted(queries.items()))

    @classmethod
    def load(cls, directory: Path, *, terms: Collection[str], base: str = vocab.BASE) -> Catalogue:
        """Read every `<topic>/<name>.rq`; `terms` are the IRIs of the ontology's own terms.

        Raises InputError naming file and line of the first query that breaks a rule.
        """
        queries: dict[str, NamedQuery] = {}
        for file in sorted(directory.rglob("*.rq")):
            path = file.relative_to(directory).with_suffix("").as_posix()
            where = f"{directory.name}/{path}.rq"
            if _PATH.fullmatch(path) is None:
                raise InputError(f"{where}: expected <topic>/<name>.rq of a-z, 0-9 and '-'")
            queries[path] = _Reader(where, file, terms).query(path, base)
        return cls(queries)

    def by_term(self) -> dict[str, list[tuple[str, str]]]:
        """Term → the queries that name it, as path and summary."""
        found: dict[str, list[tuple[str, str]]] = {}
        for query in self.values():
            for term in query.terms:
                found.setdefault(term, []).append((query.path, query.summary))
        return found

    def __getitem__(self, path: str) -> NamedQuery:
        if path not in self._queries:
            raise UnknownQuery(f"there is no query {path!r}; GET /queries or `kg query` lists them")
        return self._queries[path]

    def __contains__(self, path: object) -> bool:
        return path in self._queries

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


#: What the API takes beside a query's own parameters; no parameter has such a name.
CONTROLS: Final = frozenset({"explain", "format", "limit", "offset", "shape", "timeout"})

_HEADER_KEYS: Final = {"summary", "description", "parameters", "view"}
_PARAMETER_KEYS: Final = {each.name for each in fields(Parameter)} - {"name", "klass"} | {"class"}


def _checked(keys: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's keys as they are in a header; raises InputError where one is not right."""
    kind, bounds = keys.get("type"), {"minimum", "maximum"}
    for key in ("type", "label", "example"):
        if key not in keys:
            raise InputError(f"{key} is missing")
    if kind not in get_args(Type):
        raise InputError(f"type {kind!r}: expected {', '.join(get_args(Type))}")
    lists = _lists(keys)
    keys = {key: value for key, value in keys.items() if key not in lists}
    for key, value in keys.items():
        if key not in _PARAMETER_KEYS:
            raise InputError(f"key {key!r}: expected {', '.join(sorted(_PARAMETER_KEYS))}")
        if key in bounds:
            if kind not in {"integer", "year"} or type(value) is not int:
                raise InputError(f"{key}: expected an integer, for type integer or year")
        elif isinstance(value, dict | list | None):
            raise InputError(f"{key}: expected a single value")
    if "class" in keys and kind != "iri":
        raise InputError("class: belongs to type iri")
    # YAML reads 2023 as a number: only the bounds are meant to be one.
    return {key: value if key in bounds else str(value) for key, value in keys.items()} | lists


def _lists(keys: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say which and how many values there may be."""
    found: dict[str, Any] = {}
    if "several" in keys:
        if keys["several"] is not True:
            raise InputError("several: expected true, or no such key")
        found["several"] = True
    if "values" in keys:
        if not isinstance(keys["values"], list) or not keys["values"]:
            raise InputError("values: expected a list")
        found["values"] = tuple(map(str, keys["values"]))
    return found


class _Reader:
    """One query file while it is checked."""

    def __init__(self, where: str, file: Path, terms: Collection[str]) -> None:
        self.where, self.terms = where, terms
        try:
            self.text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: byte {error.start} is not UTF-8") from None
        self.lines = self.text.splitlines()

    def refused(self, line: int, message: str) -> InputError:
        return InputError(f"{self.where}:{line}: {message}")

    def line_of(self, key: str) -> int:
        """The line of a header's key, or of the query's first mention of it, or the first."""
        for pattern in (rf"#\+\s+{re.escape(key)}\s*:", rf".*[$:]{re.escape(key)}\b"):
            for number, line in enumerate(self.lines, 1):
                if re.match(pattern, line):
                    return number
        return 1

    def query(self, path: str, base: str) -> NamedQuery:
        header = self.header()
        declared = {
            name: self.parameter(str(name), keys)
            for name, keys in self.mapping("parameters", header.get("parameters")).items()
        }
        view = header.get("view", "table")
        if view not in get_args(View):
            raise self.refused(
                self.line_of("view"), f"view {view!r}: expected {', '.join(get_args(View))}"
            )
        summary, description = header.get("summary"), header.get("description", "")
        if not isinstance(summary, str) or not summary.strip():
            raise self.refused(self.line_of("summary"), "summary: expected a question in one line")
        if not isinstance(description, str):
            raise self.refused(self.line_of("description"), "description: expected text")
        text = self.rebased(base)
        form = self.form(declared)
        terms = frozenset(iri for iri, _ in self.iris() if iri in self.terms)
        return NamedQuery(
            path, summary.strip(), description.strip(), declared, view, form, text, base, terms
        )

    def header(self) -> dict[str, Any]:
        """The YAML of the lines that start with `#+`, which stand together at the top."""
        head = [line for line in self.lines if line.startswith("#+")]
        if self.lines[: len(head)] != head:
            late = self.lines.index(next(line for line in reversed(head)))
            raise self.refused(late + 1, "'#+' lines stand together at the top of the file")
        for number, line in enumerate(head, 1):
            if line.strip() != "#+" and not line.startswith("#+ "):
                raise self.refused(number, "expected a space after '#+'")
        try:
            header = yaml.safe_load("\n".join(line[3:] for line in head))
        except yaml.MarkedYAMLError as error:
            line_number = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self.refused(line_number, f"the header is not YAML: {error.problem}") from None
        except yaml.YAMLError as error:
            raise self.refused(1, f"the header is not YAML: {error}") from None
        found = self.mapping("summary", header)
        for key in found:
            if key not in _HEADER_KEYS:
                expected = ", ".join(sorted(_HEADER_KEYS))
                raise self.refused(self.line_of(str(key)), f"key {key!r}: expected {expected}")
        return found

    def mapping(self, key: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict | None):
            raise self.refused(self.line_of(key), f"{key}: expected 'name: value' pairs")
        return value or {}

    def parameter(self, name: str, value: object) -> Parameter:
        line = self.line_of(name)
        if _NAME.fullmatch(name) is None or name in CONTROLS:
            taken = ", ".join(sorted(CONTROLS))
            raise self.refused(
                line, f"parameter {name}: expected letters, digits and '_', and none of {taken}"
            )
        try:
            keys = _checked(self.mapping(name, value))
            klass = keys.pop("class", None)
            parameter = Parameter(name=name, klass=vocab.expand(klass) if klass else None, **keys)
            self.require_term(parameter.klass or "")
            for each in (parameter.example, parameter.default, *parameter.values):
                if each is not None:
                    term = parameter.term(each)
                    self.require_term(term[1:-1] if parameter.type == "class" else "")
        except (InputError, ParameterError) as error:
            message = str(error).removeprefix(f"parameter {name}: ")
            raise self.refused(line, f"parameter {name}: {message}") from None
        return parameter

    def form(self, declared: Mapping[str, Parameter]) -> sparql.Form:
        """Check the query with its parameters' examples in place, and what it names."""
        try:
            used = sparql.parameters(self.text)
            for name in sorted(used - declared.keys()):
                raise self.refused(self.line_of(name), f"${name} is not declared in the header")
            for name in declared.keys() - used:
                raise self.refused(self.line_of(name), f"parameter {name} is not used")
            form = sparql.check(self.text)
            for name in (name for name, each in declared.items() if each.several):
                self.require_list(name)
            examples = {name: each.term(each.example) for name, each in declared.items()}
            sparql.check(sparql.bind(self.text, examples))
        except QueryError as error:
            # The lexer says "line 3, column 14: ..."; a file's place is written file:3.
            place, _, rest = str(error).partition(": ")
            number = re.match(r"line (\d+), (column \d+)", place)
            if number is None:
                raise self.refused(1, str(error)) from None
            raise self.refused(int(number[1]), f"{number[2]}: {rest}") from None
        for iri, start in self.iris():
            try:
                self.require_term(iri)
            except InputError as error:
                line = self.text.count("\n", 0, start) + 1
                raise self.refused(line, str(error)) from None
        if form == "SELECT" and not self.is_ordered():
            raise self.refused(
                len(self.lines), "ORDER BY is missing: the answer must not change its order"
            )
        return form

    def require_list(self, name: str) -> None:
        """Raise InputError where a parameter of several values is not written `IN ($name)`."""
        found = [*sparql.tokens(self.text)]
        for index, token in enumerate(found):
            before = [each.text.upper() for each in found[max(0, index - 2) : index]]
            if token.text == f"${name}" and before != ["IN", "("]:
                raise self.refused(
                    self.line_of(name), f"${name} takes several values: expected IN (${name})"
                )

    def is_ordered(self) -> bool:
        """Whether the outer SELECT, not one inside braces, has an ORDER BY."""
        depth, words = 0, []
        for token in sparql.tokens(self.text):
            if token.kind == "sign":
                depth += (token.text == "{") - (token.text == "}")
            elif token.kind == "word" and depth == 0:
                words.append(token.text.upper())
        return "ORDER" in words

    def require_term(self, iri: str) -> None:
        """Raise InputError for an IRI of the ontology's namespace that is no term of it."""
        if iri.startswith(vocab.AIC) and iri != vocab.AIC and iri not in self.terms:
            raise InputError(f"<{iri}> is no term of the ontology")

    def iris(self) -> Iterator[tuple[str, int]]:
        """Every IRI that the query names in full or by a prefix, outside its prologue."""
        prefixes: dict[str, str] = {}
        rest = sparql.tokens(self.text)
        for token in rest:
            if token.kind == "word" and token.text.upper() == "PREFIX":
                prefix, target = next(rest).text, next(rest).text
                prefixes[prefix.rstrip(":")] = target[1:-1]
            elif token.kind == "iri":
                yield token.text[1:-1], token.start
            elif token.kind == "name":
                prefix, _, local = token.text.partition(":")
                yield prefixes.get(prefix, "") + re.sub(r"\\(.)", r"\1", local), token.start

    def rebased(self, base: str) -> str:
        """The text with the IRIs that are written under the default base moved to `base`."""
        if base == vocab.BASE:
            return self.text
        parts: list[str] = []
        done = 0
        for token in sparql.tokens(self.text):
            if token.kind == "iri" and token.text[1:].startswith(vocab.BASE):
                parts += self.text[done : token.start], f"<{vocab.rebase(token.text[1:-1], base)}>"
                done = token.end
        return "".join([*parts, self.text[done:]])
