"""A YAML file whose every part knows its line, and the faults found in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import yaml

from kg import vocab
from kg.errors import InputError, reason
from kg.tables import valid_pattern

_Made = TypeVar("_Made")


class Fault(InputError):
    """One thing that is wrong with a mapping file, and on which line."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file, self.line, self.message = file, line, message


class Text(str):
    """A scalar, as it is written."""

    line: int


class Map(dict[str, Any]):
    """A mapping, its keys with their lines."""

    line: int


class List(list[Any]):
    """A sequence."""

    line: int


class Document:
    """The YAML of one file: what is wanted of a part is returned, or a `Fault` names its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefixes = dict(vocab.PREFIXES)
        self.faults: list[Fault] = []

    def fail(self, at: Any, message: str) -> Fault:
        """A fault at the line of a part, or at a line."""
        line = at if isinstance(at, int) else getattr(at, "line", 1)
        return Fault(self.path, line, message)

    def attempt(self, make: Callable[..., _Made], *arguments: Any) -> _Made | None:
        """What `make` gives, or None and one more fault."""
        try:
            return make(*arguments)
        except Fault as fault:
            self.faults.append(fault)
            return None

    def top(self) -> Any:
        """The whole file. Raises Fault where it cannot be read or is not YAML."""
        try:
            node = _composed(self.path.read_text(encoding="utf-8"))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise self.fail(line, f"not YAML: {error.problem}") from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise self.fail(1, f"cannot be read: {reason(error)}") from None
        return self.value(node)

    def value(self, node: yaml.Node | None) -> Any:
        """The node as text, list or mapping that knows its line."""
        if node is None:
            raise self.fail(1, "the file is empty")
        result: Text | Map | List
        if isinstance(node, yaml.MappingNode):
            result = Map()
            for key, item in node.value:
                name = Text(key.value)
                name.line = key.start_mark.line + 1
                if name in result:
                    raise self.fail(name, f"{name!r} stands twice")
                result[name] = self.value(item)
        elif isinstance(node, yaml.SequenceNode):
            result = List(self.value(item) for item in node.value)
        else:
            result = Text("" if node.tag.endswith(":null") else node.value)
        result.line = node.start_mark.line + 1
        return result

    def empty(self, at: Any) -> Map:
        """A mapping of nothing, on the line of a part."""
        result = Map()
        result.line = at.line
        return result

    def mapping(self, value: Any, *allowed: str) -> Map:
        """The part as a mapping; each key that is not allowed is a fault."""
        if not isinstance(value, Map):
            raise self.fail(value, "expected a mapping (name: value)")
        for name in value if allowed else ():
            if name not in allowed:
                message = f"unknown key {name}; expected one of {', '.join(allowed)}"
                self.faults.append(self.fail(name, message))
        return value

    def text(self, value: Any) -> Text:
        """The part as text."""
        if not isinstance(value, Text):
            raise self.fail(value, "expected text")
        return value

    def items(self, value: Any) -> List:
        """A list; a single value stands for a list of one."""
        if isinstance(value, List):
            return value
        result = List([value])
        result.line = getattr(value, "line", 1)
        return result

    def need(self, body: Map, name: str) -> Any:
        """The part under a key that must be there."""
        if name not in body:
            raise self.fail(body, f"{name} is missing")
        return body[name]

    def check_pattern(self, text: Text) -> None:
        """Raise a fault where a text is not a regular expression."""
        if not valid_pattern(text):
            raise self.fail(text, f"{text!r} is not a regular expression")

    def boolean(self, value: Any) -> bool:
        """The part as a truth value; false where it is not there."""
        if value not in (None, "true", "false"):
            raise self.fail(value, f"expected true or false, found {value!r}")
        return bool(value == "true")


def _composed(text: str) -> yaml.Node | None:
    """The tree of a YAML text; raises YAMLError.

    libyaml takes a tenth of the time, and is less exact about where a text is no YAML.
    """
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError):
            return yaml.compose(text, Loader=yaml.CSafeLoader)
    return yaml.compose(text, Loader=yaml.SafeLoader)
