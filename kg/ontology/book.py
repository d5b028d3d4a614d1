"""What the pages say of each term: its texts, relatives, shapes and users, ready to be shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from markupsafe import Markup
from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg import vocab
from kg.ontology.diagram import Box, Line, draw
from kg.ontology.modules import GRAPHS, modules, read
from kg.ontology.versions import IRI

Node = NamedNode | BlankNode | Literal
#: Term → the (IRI, label) of a few of its resources.
Examples = Mapping[str, Sequence[tuple[str, str]]]
#: Term → the (name, question) of the queries that use it.
Queries = Mapping[str, Sequence[tuple[str, str]]]

_A: Final = f"{vocab.RDF}type"
_KINDS: Final = {
    f"{vocab.OWL}Class": "class",
    f"{vocab.OWL}ObjectProperty": "object property",
    f"{vocab.OWL}DatatypeProperty": "datatype property",
    f"{vocab.OWL}AnnotationProperty": "annotation property",
}
_SECTIONS: Final = {
    "class": "Classes",
    "object property": "Object properties",
    "datatype property": "Datatype properties",
    "annotation property": "Annotation properties",
    "other": "Other terms",
}
_TEXTS: Final = {
    "label": (f"{vocab.RDFS}label", f"{vocab.SKOS}prefLabel"),
    "definition": (f"{vocab.SKOS}definition", f"{vocab.RDFS}comment"),
    "title": (f"{vocab.DCTERMS}title",),
    "description": (f"{vocab.DCTERMS}description",),
    "note": (f"{vocab.SKOS}scopeNote", f"{vocab.SKOS}editorialNote", f"{vocab.SKOS}note"),
    "alternative": (f"{vocab.SKOS}altLabel",),
    "message": (f"{vocab.SH}message",),
}
#: Properties that a box of the diagram shows.
_ROWS: Final = 9

_BOUNDS: Final = (
    "pattern", "minInclusive", "maxInclusive", "minExclusive", "maxExclusive", "minLength",
    "maxLength", "hasValue", "uniqueLang", "languageIn", "in", "lessThan",
)  # fmt: skip
#: Expressions over a list → the word between its items.
_JOINED: Final = {
    f"{vocab.OWL}unionOf": " or ",
    f"{vocab.OWL}intersectionOf": " and ",
    f"{vocab.OWL}oneOf": ", ",
    f"{vocab.SH}alternativePath": " | ",
}
#: Other expressions → their form.
_FORMS: Final = {
    f"{vocab.OWL}someValuesFrom": "{on} some {}",
    f"{vocab.OWL}allValuesFrom": "{on} only {}",
    f"{vocab.OWL}hasValue": "{on} value {}",
    f"{vocab.OWL}inverseOf": "^{}",
    f"{vocab.SH}inversePath": "^{}",
    f"{vocab.SH}zeroOrMorePath": "{}*",
    f"{vocab.SH}oneOrMorePath": "{}+",
    f"{vocab.SH}zeroOrOnePath": "{}?",
}


@dataclass(frozen=True)
class Link:
    """A name with the address it leads to, if it leads anywhere."""

    text: str
    href: str = ""
    title: str = ""


@dataclass
class Term:
    """What a page says of one term or concept."""

    iri: str
    anchor: str
    kind: str
    page: str
    label: dict[str, str]
    definition: dict[str, str]
    notes: list[tuple[str, str]]  #: (language, text)
    facts: list[tuple[str, list[Link]]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    deprecated: bool = False
    replaced: list[Link] = field(default_factory=list)
    queries: Sequence[tuple[str, str]] = ()
    examples: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Rule:
    """One constraint of a shape in words, and what a violation tells."""

    about: Link
    says: str
    message: dict[str, str]


@dataclass
class Tree:
    """A class with its subclasses."""

    term: Term
    below: list[Tree]


@dataclass
class Page:
    """One module or vocabulary."""

    name: str
    part: str
    title: dict[str, str]
    imports: list[Link]
    terms: list[Term]
    tree: list[Tree] = field(default_factory=list)
    diagram: Markup = field(default_factory=Markup)

    @property
    def sections(self) -> list[tuple[str, list[Term]]]:
        """The terms by kind, in the order of the file."""
        found = {title: [t for t in self.terms if t.kind == k] for k, title in _SECTIONS.items()}
        return [(title, terms) for title, terms in found.items() if terms]

    @property
    def counts(self) -> str:
        """How many terms of each kind: `11 classes, 1 object property`."""
        return ", ".join(
            f"{len(terms)} {title.lower() if len(terms) > 1 else terms[0].kind}"
            for title, terms in self.sections
        )


class Book:
    """Reads the ontology once, and says of each term what a page shows."""

    def __init__(
        self,
        folder: Path,
        examples: Examples,
        queries: Queries,
        address: Callable[[str, str], str],
    ) -> None:
        self._address = address
        self._examples, self._queries = examples, queries
        self._about: dict[Node, dict[str, list[Node]]] = {}
        self._users: dict[tuple[str, str], list[str]] = {}
        #: Term → the path of the page that describes it.
        self._home: dict[str, str] = {}
        files: list[tuple[str, Path, list[str]]] = []
        for part in GRAPHS:
            for path in modules(folder, part):
                files.append((part, path, self._load(part, path)))
        self._disjoint = self._all_disjoint()
        self._constraints = self._shapes()
        front = NamedNode(IRI)
        self.front = {name: self._texts(front, name) for name in ("title", "description")}
        self.modules = [
            self._page("", path, iris) for part, path, iris in files if not part and iris
        ]
        self.vocabularies = [
            self._page(part, path, iris) for part, path, iris in files if part == "vocabularies"
        ]

    def _load(self, part: str, path: Path) -> list[str]:
        """Read one file; the IRIs it describes, in its order."""
        described: dict[str, int] = {}
        text = path.read_text(encoding="utf-8")
        name = f"{part}/{path.stem}" if part else path.stem
        for quad in read(path, GRAPHS[part]):
            subject, value = _apart(quad.subject, part), _apart(quad.object, part)
            self._about.setdefault(subject, {}).setdefault(quad.predicate.value, []).append(value)
            if isinstance(value, NamedNode) and isinstance(subject, NamedNode):
                self._users.setdefault((quad.predicate.value, value.value), []).append(
                    subject.value
                )
            if isinstance(subject, NamedNode) and quad.predicate.value == _A:
                if f"{vocab.OWL}Ontology" == getattr(value, "value", "") or part == "shapes":
                    continue
                key = re.escape(re.split(r"[/#]", subject.value)[-1])
                place = re.search(rf"^[\w.-]*:{key}\s|^<{re.escape(subject.value)}>", text, re.M)
                described[subject.value] = place.start() if place else len(text)
                self._home.setdefault(subject.value, name)
        return sorted(described, key=lambda iri: (described[iri], iri))

    def _get(self, node: Node, predicate: str) -> list[Node]:
        return sorted(self._about.get(node, {}).get(predicate, []), key=str)

    def _texts(self, node: Node, name: str) -> dict[str, str]:
        """Language → text, the first predicate that has it."""
        found: dict[str, str] = {}
        for predicate in _TEXTS[name]:
            for value in self._get(node, predicate):
                if isinstance(value, Literal):
                    found.setdefault(value.language or "", value.value)
        return found

    def _notes(self, node: Node) -> list[tuple[str, str]]:
        return [
            (value.language or "", value.value)
            for predicate in _TEXTS["note"]
            for value in self._get(node, predicate)
            if isinstance(value, Literal)
        ]

    def link(self, node: Node) -> Link:
        """The node's name, leading to the page that describes it."""
        if isinstance(node, BlankNode):
            return Link(self._expression(node))
        if isinstance(node, Literal):
            return Link(node.value)
        iri = node.value
        label = self._texts(node, "label")
        if iri not in self._home:
            return Link(vocab.shorten(iri), title=label.get("en", ""))
        home = self._address(self._home[iri], "html")
        return Link(_short(iri), f"{home}#{anchor(iri)}", label.get("en", ""))

    def _expression(self, node: Node) -> str:
        """A class expression, a list or a path in words."""
        if not isinstance(node, BlankNode):
            return self.link(node).text
        about = self._about.get(node, {})
        items = self._list(node)
        if items is not None:
            return " / ".join(map(self._expression, items))
        for iri, word in _JOINED.items():
            for value in about.get(iri, []):
                return word.join(map(self._expression, self._list(value) or []))
        on = ", ".join(map(self._expression, about.get(f"{vocab.OWL}onProperty", [])))
        for iri, form in _FORMS.items():
            for value in about.get(iri, []):
                return form.format(self._expression(value), on=on)
        return self._says(node) or "an anonymous expression"

    def _list(self, node: Node) -> list[Node] | None:
        """The items of a list; None where the node is none."""
        found: list[Node] = []
        seen: set[Node] = set()
        while node != NamedNode(f"{vocab.RDF}nil"):
            first = self._about.get(node, {}).get(f"{vocab.RDF}first")
            if first is None or node in seen:
                return None
            seen.add(node)
            found.append(first[0])
            node = self._about[node][f"{vocab.RDF}rest"][0]
        return found

    def _all_disjoint(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for node, about in self._about.items():
            groups = [self._list(members) for members in about.get(f"{vocab.OWL}members", [])]
            for other in about.get(f"{vocab.OWL}disjointWith", []):
                groups.append([node, other])
            for group in groups:
                iris = {item.value for item in group or [] if isinstance(item, NamedNode)}
                for iri in iris:
                    found.setdefault(iri, set()).update(iris - {iri})
        return found

    # ---- shapes

    def _shapes(self) -> dict[str, list[Rule]]:
        """Class or property → the rules of the shapes that speak of it."""
        found: dict[str, list[Rule]] = {}
        for shape, about in list(self._about.items()):
            targets = [
                node
                for node in about.get(f"{vocab.SH}targetClass", [])
                if isinstance(node, NamedNode)
            ]
            for target in targets:
                own = self._says(shape)
                if own or about.get(f"{vocab.SH}sparql"):
                    rule = Rule(Link("itself"), own or "a SPARQL rule", self._message(shape))
                    found.setdefault(target.value, []).append(rule)
            for constraint in about.get(f"{vocab.SH}property", []):
                for path in self._about.get(constraint, {}).get(f"{vocab.SH}path", []):
                    says, message = self._says(constraint), self._message(constraint)
                    for target in targets:
                        rule = Rule(self.link(path), says, message)
                        found.setdefault(target.value, []).append(rule)
                        if isinstance(path, NamedNode):
                            rule = Rule(self.link(target), says, message)
                            found.setdefault(path.value, []).append(rule)
        return {
            iri: sorted(rules, key=lambda rule: (rule.about.text, rule.says))
            for iri, rules in found.items()
        }

    def _message(self, shape: Node) -> dict[str, str]:
        found = self._texts(shape, "message")
        for inner in self._get(shape, f"{vocab.SH}sparql"):
            found = found or self._texts(inner, "message")
        return found

    def _says(self, shape: Node) -> str:
        """A shape's constraints in one line."""
        about = self._about.get(shape, {})

        def first(name: str) -> str:
            values = about.get(vocab.SH + name, [])
            return self._expression(values[0]) if values else ""

        says = []
        least, most = first("minCount"), first("maxCount")
        if least or most:
            says.append(f"{least or '0'}…{most or '∞'}")
        kinds = [self.link(node).text for node in self._get(shape, f"{vocab.SH}class")]
        says += [f"of class {kind}" for kind in kinds]
        says += [text for name in ("datatype", "nodeKind") if (text := first(name))]
        for name in _BOUNDS:
            for value in about.get(vocab.SH + name, []):
                items = self._list(value)
                shown = " ".join(map(self._expression, items)) if items else self._expression(value)
                says.append(f"{_words(name)} {shown}")
        for name in ("or", "xone", "and"):
            for value in about.get(vocab.SH + name, []):
                word = " and " if name == "and" else " or "
                says.append(word.join(f"({self._expression(n)})" for n in self._list(value) or []))
        says += [f"not ({self._expression(n)})" for n in self._get(shape, f"{vocab.SH}not")]
        if about.get(f"{vocab.SH}sparql") and about.get(f"{vocab.SH}path"):
            says.append("a SPARQL rule")
        if about.get(f"{vocab.SH}path") and not about.get(f"{vocab.SH}property") and not says:
            return ""
        severity = first("severity").removeprefix("sh:")
        return ", ".join([*says, *([severity.lower()] if severity else [])])

    # ---- pages

    def _page(self, part: str, path: Path, iris: list[str]) -> Page:
        own = NamedNode(f"{IRI}/{path.stem}")
        name = f"{part}/{path.stem}" if part else path.stem
        page = Page(
            path.stem,
            part,
            self._title(own, part, iris),
            [self._module_link(node) for node in self._get(own, f"{vocab.OWL}imports")],
            [self._term(iri, name) for iri in iris if self._home[iri] == name],
        )
        if not part:
            page.tree = self._tree(page.terms)
            page.diagram = self._diagram(page)
        return page

    def _title(self, own: NamedNode, part: str, iris: list[str]) -> dict[str, str]:
        if part:
            schemes = [
                self._texts(NamedNode(iri), "label")
                for iri in iris
                if NamedNode(f"{vocab.SKOS}ConceptScheme") in self._get(NamedNode(iri), _A)
            ]
            return schemes[0] if len(schemes) == 1 else {}
        return {
            language: _raised(re.split(r"[:：]\s*", text, maxsplit=1)[-1])
            for language, text in self._texts(own, "title").items()
        }

    def _module_link(self, node: Node) -> Link:
        name = str(getattr(node, "value", "")).removeprefix(f"{IRI}/")
        return Link(name, self._address(name, "html"))

    def _term(self, iri: str, page: str) -> Term:
        node = NamedNode(iri)
        types = self._get(node, _A)
        kind = next((_KINDS[str(t.value)] for t in types if t.value in _KINDS), "other")
        replaced = self._get(node, f"{vocab.DCTERMS}isReplacedBy")
        return Term(
            iri,
            anchor(iri),
            kind,
            page,
            self._texts(node, "label"),
            self._texts(node, "definition"),
            self._notes(node),
            self._facts(node, kind),
            self._constraints.get(iri, []),
            any(
                isinstance(value, Literal) and value.value == "true"
                for value in self._get(node, f"{vocab.OWL}deprecated")
            ),
            [self.link(item) for item in replaced],
            self._queries.get(iri, ()),
            self._examples.get(iri, ()),
        )

    def _facts(self, node: NamedNode, kind: str) -> list[tuple[str, list[Link]]]:
        def out(predicate: str) -> list[Link]:
            return [self.link(value) for value in self._get(node, predicate)]

        def back(predicate: str) -> list[Link]:
            users = self._users.get((predicate, node.value), [])
            return [self.link(NamedNode(iri)) for iri in sorted(set(users))]

        chains = [
            Link(" ∘ ".join(map(self._expression, self._list(chain) or [])))
            for chain in self._get(node, f"{vocab.OWL}propertyChainAxiom")
        ]
        types = [
            Link(_words(value.value.removeprefix(vocab.OWL).removesuffix("Property")))
            if kind != "other"
            else self.link(value)
            for value in self._get(node, _A)
            if isinstance(value, NamedNode) and value.value not in _KINDS
        ]
        disjoint = sorted(self._disjoint.get(node.value, ()))
        alternatives = [Link(text) for text in self._texts(node, "alternative").values()]
        found = [
            ("Type" if kind == "other" else "Characteristics", types),
            ("Also called", alternatives),
            ("Notation", out(f"{vocab.SKOS}notation")),
            ("Superclasses", out(f"{vocab.RDFS}subClassOf")),
            ("Subclasses", back(f"{vocab.RDFS}subClassOf")),
            ("Equivalent to", out(f"{vocab.OWL}equivalentClass")),
            ("Disjoint with", [self.link(NamedNode(iri)) for iri in disjoint]),
            ("Super-properties", out(f"{vocab.RDFS}subPropertyOf")),
            ("Sub-properties", back(f"{vocab.RDFS}subPropertyOf")),
            ("Domain", out(f"{vocab.RDFS}domain")),
            ("Range", out(f"{vocab.RDFS}range")),
            ("Inverse", out(f"{vocab.OWL}inverseOf") + back(f"{vocab.OWL}inverseOf")),
            ("Follows from", chains),
            ("In the domain of", back(f"{vocab.RDFS}domain")),
            ("In the range of", back(f"{vocab.RDFS}range")),
            ("Broader", out(f"{vocab.SKOS}broader")),
            ("Narrower", out(f"{vocab.SKOS}narrower")),
            ("Directly within", out(f"{vocab.AIC}directlyWithin")),
            ("Example values", out(f"{vocab.SKOS}example")),
        ]
        return [(name, list(dict.fromkeys(links))) for name, links in found if links]

    # ---- hierarchy and diagram

    def _parents(self, term: Term, known: Mapping[str, Term]) -> list[str]:
        supers = self._get(NamedNode(term.iri), f"{vocab.RDFS}subClassOf")
        return [
            node.value for node in supers if isinstance(node, NamedNode) and node.value in known
        ]

    def _tree(self, terms: Iterable[Term]) -> list[Tree]:
        """The classes of a module under their first superclass of the same module."""
        classes = {term.iri: term for term in terms if term.kind == "class"}
        below: dict[str, list[str]] = {}
        for iri, term in classes.items():
            below.setdefault(next(iter(self._parents(term, classes)), ""), []).append(iri)

        def grow(iri: str, above: frozenset[str]) -> Tree:
            children = [child for child in below.get(iri, []) if child not in above]
            return Tree(classes[iri], [grow(child, above | {child}) for child in children])

        return [grow(iri, frozenset({iri})) for iri in below.get("", [])]

    def _diagram(self, page: Page) -> Markup:
        """The classes as boxes with their object properties, subclasses to the right."""
        rows: dict[str, list[tuple[Link, str]]] = {}
        for term in page.terms:
            facts = dict(term.facts)
            for domain in self._get(NamedNode(term.iri), f"{vocab.RDFS}domain"):
                ranges = facts.get("Range", [])
                if isinstance(domain, NamedNode) and term.kind.endswith("property"):
                    target = ", ".join(link.text for link in ranges)
                    own = Link(term.anchor, f"#{term.anchor}", term.label.get("en", ""))
                    rows.setdefault(domain.value, []).append((own, target))

        def box(node: Tree) -> Box:
            term = node.term
            lines = [Line("en", term.anchor, f"#{term.anchor}", term.label.get("en", ""))]
            lines += [Line("zh", term.label["zh"])] if "zh" in term.label else []
            above = [
                self.link(parent).text
                for parent in self._get(NamedNode(term.iri), f"{vocab.RDFS}subClassOf")
                if not isinstance(parent, NamedNode) or self._home.get(parent.value) != page.name
            ]
            lines += [Line("up", "⊑ " + ", ".join(above))] if above else []
            own = rows.get(term.iri, [])
            for link, target in own[:_ROWS]:
                lines.append(Line("row", f"{link.text} → {target or '…'}", link.href, link.title))
            if len(own) > _ROWS:
                lines.append(Line("row", f"and {len(own) - _ROWS} more", f"#{term.anchor}"))
            below = tuple(box(child) for child in node.below)
            return Box(tuple(lines), below, "box old" if term.deprecated else "box")

        return Markup(draw(box(node) for node in page.tree))  # noqa: S704 - escaped by draw


def _apart(node: Node | Triple, part: str) -> Node:
    """A blank node named by its part: a module and its shapes share the name of their file."""
    assert not isinstance(node, Triple)  # noqa: S101 - modules are RDF 1.1
    return BlankNode(f"of-{part}-{node.value}") if isinstance(node, BlankNode) else node


def anchor(iri: str) -> str:
    """The id of a term on its page: its local name, with the kind before a resource's key."""
    if iri.startswith(vocab.BASE):
        return iri[len(vocab.BASE) :].replace("/", "-")
    if iri.startswith(vocab.AIC):
        return iri[len(vocab.AIC) :]
    return vocab.shorten(iri).replace(":", "-")


def _short(iri: str) -> str:
    return iri[len(vocab.AIC) :] if iri.startswith(vocab.AIC) else vocab.shorten(iri)


def _raised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
