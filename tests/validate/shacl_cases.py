"""Random shapes and random data: small, dense, and full of what validators disagree about."""

from __future__ import annotations

from random import Random

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Store, Triple

EX = "http://example.org/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SH = "http://www.w3.org/ns/shacl#"
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE, SUBCLASS = NamedNode(RDF + "type"), NamedNode(RDFS + "subClassOf")

Node = NamedNode | BlankNode
Term = Node | Literal


def ex(name: str) -> NamedNode:
    return NamedNode(EX + name)


def sh(name: str) -> NamedNode:
    return NamedNode(SH + name)


def typed(text: str, datatype: str) -> Literal:
    return Literal(text, datatype=NamedNode(XSD + datatype))


CLASSES = [ex(name) for name in "ABCD"]
PREDICATES = [ex(name) for name in "pqrs"]
NODES: list[Node] = [*(ex(f"n{number}") for number in range(6)), BlankNode("m0"), BlankNode("m1")]
NAMED = [node for node in NODES if isinstance(node, NamedNode)]
TEXTS = [
    *(Literal(text) for text in ("", "a", "b", "abc", "2")),
    *(Literal(text, language=tag) for text in ("a", "b") for tag in ("en", "en-gb", "zh")),
]  # fmt: skip
NUMBERS = [
    *(typed(text, "integer") for text in ("1", "2", "3", "-4")),
    *(typed(text, "decimal") for text in ("1.5", "2")),
    typed("2.5", "double"),
]
#: Values of every kind, some ill-typed; pySHACL compares these in ways that SPARQL does not.
LITERALS = [
    *TEXTS,
    *NUMBERS,
    typed("x", "integer"),
    typed("y", "decimal"),
    *(typed(text, "date") for text in ("2020-01-01", "2020-02-30", "2021-05-05")),
    *(typed(text, "dateTime") for text in ("2020-01-01T00:00:00", "2021-01-01T00:00:00Z")),
    Literal(True),
    Literal(False),
]


#: Queries of SPARQL constraints: what can be joined with the targets, and what cannot.
QUERIES = [
    "SELECT $this ?value { $this <P> ?value . FILTER NOT EXISTS { ?value <Q> ?x } }",
    "SELECT $this { $this <P> ?x . ?y <Q> ?x . FILTER(?y != $this) }",
    "SELECT $this { FILTER NOT EXISTS { ?x <P> $this } }",
    "SELECT $this ?value { { $this <P> ?value } UNION { ?value <Q> $this } }",
    "SELECT $this { $this <P> ?x OPTIONAL { ?x <Q> ?y } FILTER(!BOUND(?y)) }",
    "SELECT $this (COUNT(?x) AS ?n) { $this <P> ?x } GROUP BY $this HAVING (COUNT(?x) > 1)",
    "SELECT $this { $this <P> ?a . ?b <Q> ?c FILTER(?a = ?c) }",
    "SELECT $this ?value { $this <P>/<Q> ?value . ?value ?any ?thing }",
    "SELECT $this { $this <P>+ $this }",
]


def triple(chance: Random, ordered: bool = False) -> Triple:
    """One statement: of a type, a relation or a value; if `ordered`, r and s have numbers only."""
    nodes = NAMED if ordered else NODES
    subject = chance.choice(nodes)
    if ordered and chance.random() < 0.4:
        return Triple(subject, chance.choice(PREDICATES[2:]), chance.choice(NUMBERS))
    predicates = PREDICATES[:2] if ordered else PREDICATES
    match chance.randrange(10):
        case 0 | 1 | 2:
            return Triple(subject, TYPE, chance.choice(CLASSES))
        case 3 | 4 | 5 | 6:
            return Triple(subject, chance.choice(predicates), chance.choice(nodes))
        case _:
            return Triple(
                subject, chance.choice(predicates), chance.choice(TEXTS if ordered else LITERALS)
            )


def data(chance: Random, ordered: bool = False, size: int = 30) -> set[Triple]:
    """Statements about the nodes, and a class hierarchy that may be a cycle."""
    found = {triple(chance, ordered) for _ in range(chance.randrange(size // 3, size))}
    found.add(Triple(CLASSES[1], SUBCLASS, CLASSES[0]))
    if chance.random() < 0.5:
        found.add(Triple(CLASSES[2], SUBCLASS, CLASSES[1]))
    if chance.random() < 0.2:
        found.add(Triple(CLASSES[0], SUBCLASS, CLASSES[2]))
    return found


def store_of(triples: set[Triple]) -> Store:
    store = Store()
    store.bulk_extend(Quad(each.subject, each.predicate, each.object) for each in triples)
    return store


class ShapesGraph:
    """Random shapes, gathered as statements."""

    def __init__(self, chance: Random, roots: int, ordered: bool = False) -> None:
        self.chance, self.ordered = chance, ordered
        self.quads: list[Quad] = []
        self.count = 0
        for number in range(roots):
            shape = ex(f"S{number}")
            if chance.random() < 0.4:
                self.node_shape(shape, 2)
                self.say(shape, TYPE, sh("NodeShape"))
            else:
                self.property_shape(shape, 2)
                self.say(shape, TYPE, sh("PropertyShape"))
            for _ in range(chance.choice((1, 1, 2))):
                self.target(shape)
            if chance.random() < 0.15:
                self.query(shape)
            if chance.random() < 0.3:
                severity = chance.choice(("Warning", "Info", "Violation"))
                self.say(shape, sh("severity"), sh(severity))

    def say(self, subject: Node, predicate: NamedNode, value: Term) -> None:
        self.quads.append(Quad(subject, predicate, value))

    def fresh(self) -> BlankNode:
        self.count += 1
        return BlankNode(f"s{self.count}")

    def listed(self, terms: list[Term]) -> Node:
        head: Node = NamedNode(RDF + "nil")
        for term in reversed(terms):
            cell = self.fresh()
            self.say(cell, NamedNode(RDF + "first"), term)
            self.say(cell, NamedNode(RDF + "rest"), head)
            head = cell
        return head

    def target(self, shape: Node) -> None:
        chance = self.chance
        kind = chance.choice(("targetClass", "targetClass", "targetNode", "targetSubjectsOf",
                              "targetObjectsOf"))  # fmt: skip
        match kind:
            case "targetClass":
                self.say(shape, sh(kind), chance.choice(CLASSES))
            case "targetNode":
                self.say(shape, sh(kind), chance.choice([*NAMED, *TEXTS[:4]]))
            case _:
                self.say(shape, sh(kind), chance.choice(PREDICATES))

    def query(self, shape: Node) -> None:
        chance, rule = self.chance, self.fresh()
        text = chance.choice(QUERIES)
        for name in "PQ":
            text = text.replace(f"<{name}>", str(chance.choice(PREDICATES)))
        self.say(shape, sh("sparql"), rule)
        self.say(rule, sh("select"), Literal(text))

    def path(self, depth: int = 2) -> Node:
        chance = self.chance
        if depth == 0 or chance.random() < 0.55:
            return chance.choice(PREDICATES)
        node = self.fresh()
        match chance.randrange(6):
            case 0:
                # pySHACL walks the inverse of a longer path wrongly.
                self.say(node, sh("inversePath"), chance.choice(PREDICATES))
            case 1:
                several = [self.path(depth - 1) for _ in range(2)]
                self.say(node, sh("alternativePath"), self.listed(several))
            case 2:
                return self.listed([self.path(depth - 1) for _ in range(2)])
            case 3:
                self.say(node, sh("zeroOrMorePath"), self.path(depth - 1))
            case 4:
                self.say(node, sh("oneOrMorePath"), self.path(depth - 1))
            case _:
                self.say(node, sh("zeroOrOnePath"), self.path(depth - 1))
        return node

    def node_shape(self, shape: Node, depth: int) -> None:
        for _ in range(self.chance.choice((1, 1, 2))):
            self.constraint(shape, depth)
        if depth and self.chance.random() < 0.6:
            inner = self.fresh()
            self.say(shape, sh("property"), inner)
            self.property_shape(inner, depth - 1)

    def property_shape(self, shape: Node, depth: int) -> None:
        chance = self.chance
        compared = self.ordered and chance.random() < 0.4
        self.say(shape, sh("path"), PREDICATES[2] if compared else self.path())
        if compared:
            name = chance.choice(("lessThan", "lessThanOrEquals"))
            self.say(shape, sh(name), PREDICATES[3])
        for _ in range(chance.choice((0, 1, 1, 2))):
            self.constraint(shape, depth)
        match chance.randrange(5):
            case 0:
                self.say(shape, sh("minCount"), Literal(chance.choice((1, 2, 3))))
            case 1:
                self.say(shape, sh("maxCount"), Literal(chance.choice((0, 1, 2))))
            case 2:
                self.say(shape, sh("uniqueLang"), Literal(True))
            case 3 if depth:
                self.qualified(shape, depth)
        if depth and chance.random() < 0.2:
            inner = self.fresh()
            self.say(shape, sh("property"), inner)
            self.property_shape(inner, depth - 1)

    def qualified(self, shape: Node, depth: int) -> None:
        chance, inner = self.chance, self.fresh()
        self.say(shape, sh("qualifiedValueShape"), inner)
        self.node_shape(inner, depth - 1)
        name = chance.choice(("qualifiedMinCount", "qualifiedMaxCount"))
        self.say(shape, sh(name), Literal(chance.choice((0, 1, 1, 2))))
        if chance.random() < 0.3:
            self.say(shape, sh("qualifiedValueShapesDisjoint"), Literal(True))

    def constraint(self, shape: Node, depth: int) -> None:
        chance = self.chance
        used = {quad.predicate.value for quad in self.quads if quad.subject == shape}
        simple = {
            "class": lambda: chance.choice(CLASSES),
            "datatype": lambda: NamedNode(
                XSD + chance.choice(("integer", "string", "decimal", "date", "boolean"))
            ),
            "nodeKind": lambda: sh(
                chance.choice(("IRI", "BlankNode", "Literal", "BlankNodeOrIRI", "IRIOrLiteral"))
            ),
            "minInclusive": lambda: chance.choice(NUMBERS),
            "maxExclusive": lambda: chance.choice(NUMBERS),
            "minExclusive": lambda: chance.choice(NUMBERS),
            "maxInclusive": lambda: chance.choice(NUMBERS),
            "minLength": lambda: Literal(chance.choice((1, 2))),
            "maxLength": lambda: Literal(chance.choice((1, 20, 21))),
            "pattern": lambda: Literal(chance.choice(("^a", "b", "n[0-3]$", "^[0-9]+$"))),
            "languageIn": lambda: self.listed([Literal(chance.choice(("en", "zh", "de")))]),
            "equals": lambda: chance.choice(PREDICATES),
            "disjoint": lambda: chance.choice(PREDICATES),
            "hasValue": lambda: chance.choice([*NAMED, *LITERALS]),
            "in": lambda: self.listed(chance.sample([*NAMED, *LITERALS], 6)),
        }
        if not self.ordered:
            simple = {name: make for name, make in simple.items() if "clusive" not in name}
        names = [*simple, *(("not", "and", "or", "xone", "node", "closed") if depth else ())]
        name = chance.choice([each for each in names if SH + each not in used])
        if name in simple:
            self.say(shape, sh(name), simple[name]())
        elif name == "closed":
            self.say(shape, sh("closed"), Literal(True))
            ignored: list[Term] = [*chance.sample(PREDICATES, 2), TYPE]
            self.say(shape, sh("ignoredProperties"), self.listed(ignored))
        else:
            shapes: list[Term] = []
            for _ in range(1 if name in {"not", "node"} else 2):
                inner = self.fresh()
                shapes.append(inner)
                if name == "node" or chance.random() < 0.6:
                    self.node_shape(inner, depth - 1)
                else:
                    self.property_shape(inner, depth - 1)
            self.say(shape, sh(name), shapes[0] if name in {"not", "node"} else self.listed(shapes))
