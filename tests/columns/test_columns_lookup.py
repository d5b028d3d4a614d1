"""Look-ups answered without a worker: what the engine answers, and nothing else."""

from __future__ import annotations

import io
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from kg import sparql
from kg.errors import KnowledgeGraphError
from kg.workers import GRAPH_FORMATS, LookUp, Query, evaluate
from kg.workers.columns import lookup, making
from kg.workers.columns.lookup import _MOST, Lookups

EX = "http://example.org/"
XSD = "http://www.w3.org/2001/XMLSchema#"
JSON, CSV = "application/sparql-results+json", "text/csv"
SUBJECTS = ["a", "b", "百度", "b-1"]
CONTROLS = "".join(map(chr, range(1, 32)))
OBJECTS: list[NamedNode | Literal] = [
    *(NamedNode(EX + name) for name in SUBJECTS),
    *map(Literal, ["", 'a "quoted", and\r\ncut\ttext\\', "\x7f\x85\u2028😀", CONTROLS]),
    *(Literal("百度", language=language) for language in ("zh-Hans", "EN-gb")),
    *(
        Literal(value, datatype=NamedNode(XSD + name))
        for name, value in (
            ("integer", "1"),
            ("decimal", "1.50"),
            ("gYear", "2020"),
            ("boolean", "true"),
        )
    ),
]
RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")


def quads() -> list[Quad]:
    a, p = NamedNode(EX + "a"), NamedNode(EX + "p")
    return [
        *(
            Quad(NamedNode(EX + subject), NamedNode(EX + predicate), value)
            for number, subject in enumerate(SUBJECTS)
            for predicate in ("p", "q")
            for value in OBJECTS[number:]
        ),
        Quad(a, RDF_TYPE, NamedNode(EX + "C")),
        Quad(NamedNode(EX + "node"), p, BlankNode("x")),
        Quad(BlankNode("x"), p, Literal("of a blank node")),
        Quad(NamedNode(EX + "in"), p, Literal("elsewhere"), NamedNode(EX + "g")),
        Quad(NamedNode(EX + "quoting"), p, Triple(a, p, Literal("x"))),
        *(Quad(NamedNode(f"{EX}m{n}"), p, NamedNode(EX + "hub")) for n in range(_MOST + 1)),
    ]


@pytest.fixture(scope="module")
def store() -> Store:
    store = Store()
    store.bulk_extend(quads())
    return store


@pytest.fixture(scope="module")
def lookups(store: Store) -> Lookups:
    return of_lines((store.dump(format=RdfFormat.N_QUADS) or b"").splitlines())


def of_lines(lines: list[bytes]) -> Lookups:
    descriptor = os.memfd_create("columns")
    with os.fdopen(descriptor, "wb") as file:
        making.write(sorted(lines), file)
        file.flush()
        return Lookups(descriptor, "one")


def answer(lookups: Lookups, query: Query) -> tuple[str, bytes] | None:
    found = LookUp.of(query.text)
    return lookups.answer(found, query.format) if found else None


def by_engine(store: Store, query: Query) -> tuple[str, bytes]:
    output = io.BytesIO()
    return evaluate(store, query, output), output.getvalue()


def parts(answer: tuple[str, bytes] | None) -> tuple[str, str, list[str]]:
    """Media type, head and solutions of an answer, which come in any order."""
    assert answer
    media_type, content = answer
    text = content.decode()
    if media_type == JSON:
        head, mark, bindings = text.partition('"bindings":[')
        found = json.loads(f"[{bindings.removesuffix(']}}')}]") if mark else []
        return media_type, head, sorted(json.dumps(each, ensure_ascii=False) for each in found)
    head, _, rows = text.partition("\r\n")
    return media_type, head, sorted(rows.split("\r\n"))


PREFIXES = f"PREFIX e: <{EX}> prefix : <{EX}>\n"
SPACE = st.sampled_from([" ", "\n", "  "])
NODES = st.one_of(
    st.sampled_from([f"<{EX}{name}>" for name in [*SUBJECTS, "C", "p", "in", "none"]]),
    st.sampled_from(["e:a", ":b", "e:b-1", "e:C", ":p"]),
)
PREDICATES = ["a", "e:p", f"<{EX}q>", "e:none"]


@st.composite
def patterns(draw: st.DrawFn) -> tuple[str, list[str]]:
    subject, object_ = draw(
        st.sampled_from([("node", "?o"), ("?s", "node"), ("node", "node"), ("node", "?x_1")])
    )
    terms = [
        draw(NODES) if subject == "node" else subject,
        draw(st.sampled_from([*PREDICATES, *(["?p", "$p"] if subject == "node" else [])])),
        draw(NODES) if object_ == "node" else object_,
    ]
    end = draw(st.sampled_from(["", " .", "."]))
    return draw(SPACE).join(terms) + end, [term[1:] for term in terms if term[0] in "?$"]


@st.composite
def groups(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Patterns that begin with one that is about something known; few triples match."""
    first, variables = draw(patterns())
    text = [first.rstrip(" .")]
    for _ in range(draw(st.integers(0, 2))):
        subject = draw(st.sampled_from([f"?{name}" for name in variables] or [f"<{EX}a>"]))
        more = draw(st.sampled_from([f"?v{len(variables)}", *(f"?{name}" for name in variables)]))
        predicate = draw(st.sampled_from(PREDICATES))
        link = draw(st.sampled_from([f". {subject} {predicate}", f"; {predicate}", ","]))
        text.append(f"{link} {more}")
        variables = [*dict.fromkeys([*variables, more[1:]])]
    return " ".join(text) + draw(st.sampled_from(["", " .", " ;", ";; ."])), variables


@st.composite
def queries(draw: st.DrawFn) -> str:
    pattern, variables = draw(groups())
    where = draw(st.sampled_from(["", "WHERE", "where "]))
    group = f"{where}{{{draw(SPACE)}{pattern} }}"
    if not variables or draw(st.integers(0, 5)) == 0:
        return f"{PREFIXES}ASK {group}"
    names = draw(st.permutations(variables))
    names = names[: draw(st.integers(1, len(names)))]
    asked = draw(st.sampled_from(["*", " ".join(f"?{name}" for name in names)]))
    limit = draw(st.sampled_from(["", "LIMIT 0", "\nLIMIT 100000"]))
    return f"{PREFIXES}SELECT {asked} {group}{draw(SPACE)}{limit}"


@settings(max_examples=300)
@given(query=queries(), format=st.sampled_from([JSON, CSV]))
def test_lookup_is_answered_as_the_engine_answers(
    store: Store, lookups: Lookups, query: str, format: str
) -> None:
    asked = Query(query, format, base="http://base.example/sparql")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "_MOST", 1_000_000)
        assert parts(answer(lookups, asked)) == parts(by_engine(store, asked))


@given(query=queries(), rows=st.sampled_from([0, 50]))
def test_form_and_limit_are_those_that_the_lexer_finds(query: str, rows: int) -> None:
    found = LookUp.of(query, rows)
    assert found
    form, own = found.plan.form, found.plan.limit
    assert found.limit == (rows if own is None else own)
    seen = sparql.bounded(form, query, own, rows)
    if own is not None and own > rows > 0:
        assert seen is None
    else:
        assert seen == (sparql.form(query), *sparql.limited(query, rows if form == "SELECT" else 0))


def test_what_is_read_in_vain_counts() -> None:
    known = [f"<{EX}s{n}> <{EX}p> <{EX}o> ." for n in range(30)]
    others = [f"<{EX}s{n}> <{EX}q{m}> <{EX}v{m}> ." for n in range(30) for m in range(30)]
    found = of_lines([line.encode() for line in [*known, *others]])
    few = f"SELECT ?s {{ ?s <{EX}p> <{EX}o> ; <{EX}q1> <{EX}v2> }}"
    assert answer(found, Query(few, CSV)) == ("text/csv; charset=utf-8", b"s\r\n")
    many = f"SELECT ?s {{ ?s <{EX}p> <{EX}o> ; ?q <{EX}v1> }}"
    assert answer(found, Query(many, CSV)) is None


@pytest.mark.parametrize(("limit", "most", "rows"), [("", 2, 2), ("LIMIT 3", 2, 3), ("", 0, 0)])
def test_look_up_without_a_limit_has_as_many_rows_as_it_may(
    lookups: Lookups, limit: str, most: int, rows: int
) -> None:
    asked = LookUp.of(f"SELECT ?p {{ <{EX}a> ?p ?o }} {limit}", most)
    found = asked and lookups.answer(asked, CSV)
    assert found
    assert found[1].count(b"\r\n") == rows + 1


def test_limit_is_kept(lookups: Lookups) -> None:
    found = answer(lookups, Query(f"SELECT ?p {{ <{EX}a> ?p ?o }} LIMIT 3", CSV))
    assert found
    assert found[1].count(b"\r\n") == 4


@pytest.mark.parametrize("format", ["text/turtle", "application/n-triples", "application/ld+json",
                                    "application/rdf+xml"])  # fmt: skip
@pytest.mark.parametrize("name", ["a", "none", "in"])
def test_resource_is_described_as_the_engine_describes_it(
    store: Store, lookups: Lookups, name: str, format: str
) -> None:
    for text in (f"DESCRIBE <{EX}{name}>", f"PREFIX e: <{EX}> describe e:{name} "):
        asked = Query(text, format)
        (media_type, found), expected = answer(lookups, asked) or ("", b""), by_engine(store, asked)
        assert media_type == expected[0]
        assert {*parse(found, GRAPH_FORMATS[format])} == {
            *parse(expected[1], GRAPH_FORMATS[format])
        }


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT ?p ?o {{ GRAPH <{EX}g> {{ <{EX}in> ?p ?o }} }}",
        f"SELECT ?p ?o FROM <{EX}g> {{ <{EX}in> ?p ?o }}",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o }} OFFSET 1",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o }} ORDER BY ?o",
        f"SELECT DISTINCT ?p {{ <{EX}a> ?p ?o }}",
        f"SELECT (STR(?p) AS ?s) {{ <{EX}a> ?p ?o }}",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o FILTER(ISIRI(?o)) }}",
        f"SELECT ?o {{ <{EX}a> <{EX}p>/<{EX}q> ?o }}",
        f"SELECT ?o {{ <{EX}a> ^<{EX}p> ?o }}",
        f"SELECT ?z {{ <{EX}a> ?p ?o }}",
        f"SELECT ?s {{ ?s <{EX}p> 1 }}",
        f'SELECT ?s {{ ?s <{EX}p> "" }}',
        f"SELECT ?p {{ _:x ?p <{EX}a> }}",
        "SELECT ?s ?p ?o { ?s ?p ?o }",
        f"SELECT ?s ?o {{ ?s <{EX}p> ?o }}",
        f"SELECT ?s {{ ?s <{EX}p> <{EX}hub> }}",
        f"SELECT ?s {{ ?s <{EX}p> <{EX}b> ; ?p ?o . ?t <{EX}p> <{EX}hub> }}",
        f"SELECT ?s ?t {{ ?s <{EX}p> <{EX}b> . ?t ?q ?u }}",
        f"SELECT ?s {{ ?s <{EX}p> <{EX}b> . OPTIONAL {{ ?s <{EX}q> ?o }} }}",
        f"SELECT ?s {{ {{ ?s <{EX}p> <{EX}b> }} }}",
        f"SELECT ?s {{ ?s <{EX}p> [] , <{EX}b> }}",
        f"SELECT ?o {{ {f'<{EX}a> <{EX}p> ?o .' * 9} }}",
        f"SELECT ?s ?p {{ ?s ?p <{EX}a> }}",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o }}{' ' * 2000}",
        f"SELECT ?o {{ <{EX}quoting> <{EX}p> ?o }}",
        f"DESCRIBE <{EX}node>",
        f"DESCRIBE <{EX}a> <{EX}b>",
        f"DESCRIBE ?s {{ ?s ?p <{EX}a> }}",
        "SELECT ?p ?o { <a> ?p ?o }",
        f"SELECT ?p ?o {{ <{EX}x/../a> ?p ?o }}",
        f"BASE <{EX}> SELECT ?p ?o {{ <a> ?p ?o }}",
        "PREFIX e: <> SELECT ?p ?o { e:a ?p ?o }",
        f"# a comment\nSELECT ?p ?o {{ <{EX}a> ?p ?o }}",
    ],
)
def test_what_is_no_lookup_is_for_a_worker(store: Store, lookups: Lookups, query: str) -> None:
    asked = Query(query, "text/turtle" if query.startswith("DESCRIBE") else JSON, base=EX)
    assert answer(lookups, asked) is None
    by_engine(store, asked)  # a query all the same


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?p ?o { e:a ?p ?o }",
        f"SELECT ?o {{ <{EX}a> A ?o }}",
        f"SELECT ?o {{ <{EX}a> ?o }}",
        f"SELECT ?o ?o {{ <{EX}a> ?p ?o }}",
        f"PREFIX e: <{EX}> PREFIX : <{EX}> SELECT ?s {{ ?s e:p:q }}",
        f"SELECT ?p ?o {{ <http://[/> ?p ?o }} # {EX}",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o }} LIMIT",
        f"SELECT ?p ?o {{ <{EX}a> ?p ?o",
        f"SELECT {{ <{EX}a> ?p ?o }}",
        f"SELECT ?o {{ <{EX}a> ?p ?o <{EX}b> ?p ?o }}",
        f"SELECT ?o {{ <{EX}a> ?p ?o . . }}",
        f"SELECT ?o {{ <{EX}a> ?p ?o ; , ?o }}",
        f"SELECT ?o {{ <{EX}a> ?p ?o , . }}",
        f"SELECT ?o {{ <{EX}a> ?p ?o ; ?q }}",
        f"SELECT ?o {{ <{EX}a> ; ?p ?o }}",
        "ASK { . }",
        f"DESCRIBE * {{ <{EX}a> ?p ?o }} }}",
    ],
)
def test_what_is_wrong_is_for_the_engine_to_say(store: Store, lookups: Lookups, query: str) -> None:
    asked = Query(query, "text/turtle" if query.startswith("DESCRIBE") else JSON)
    assert answer(lookups, asked) is None
    with pytest.raises(KnowledgeGraphError):
        by_engine(store, asked)


@pytest.mark.parametrize("format", ["text/tab-separated-values", "text/turtle"])
def test_other_formats_are_the_engines(lookups: Lookups, format: str) -> None:
    for text in (f"SELECT ?p ?o {{ <{EX}a> ?p ?o }}", f"ASK {{ <{EX}a> ?p ?o }}"):
        assert answer(lookups, Query(text, format)) is None
    assert answer(lookups, Query(f"DESCRIBE <{EX}a>", CSV)) is None


@given(text=st.text(alphabet='?$<>{}.:#"\\ \nabeops*ASKLIMT1', max_size=60))
def test_whatever_is_answered_is_what_the_engine_answers(
    store: Store, lookups: Lookups, text: str
) -> None:
    for query in (f"PREFIX e: <{EX}> SELECT ?p {{ {text} }}", f"PREFIX e:<{EX}>{text}"):
        asked = Query(query, CSV, base=EX)
        if found := answer(lookups, asked):
            assert parts(found) == parts(by_engine(store, asked))
