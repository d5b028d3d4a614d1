"""RML out and in: valid by its own shapes, complete, and the same mapping after a round trip."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pyshacl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import OWL, RDF, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from kg import vocab
from kg.errors import InputError
from kg.etl import Context, Source, load, read, rml, run, stage
from kg.etl.plan import Call, Join, ObjectMap, PredicateObject, SubjectOf, Template
from kg.settings import shipped

RML = Namespace("http://w3id.org/rml/")
KGF = Namespace("https://w3id.org/aicluster/function#")
SHAPES = Path(__file__).parents[3] / "shared" / "conformance" / "rml"

MAPPING = r"""
dataset: {title: T, original: http://example.org/t, licence: http://example.org/l}
sources:
  t: {access: folder/t.%s, columns: {id: , "cost {EUR} (net)": , name: }}
mappings:
  thing:
    sources: t
    subjects: http://example.org/{x}/$(id)/$(cost {EUR} \(net\))
    condition: {function: kgf:matches, parameters: [[text, $(name)], [pattern, x]]}
    predicateobjects:
      - [aic:reference, $(name), zh~lang]
      - [aic:constant, aic:Thing~iri]
      - [aic:word, a word]
      - [aic:typed, $(name), xsd:date]
      - predicates: aic:made
        objects:
          function: kgf:key
          parameters: [[kind, k], [source, s], [of, $(id)], [of, $(name)]]
      - predicates: aic:self
        objects: {mapping: thing}
        condition:
          function: kgf:isNewName
          parameters: [[name, {function: upper, parameters: [[text, $(name)]]}], [source, s]]
"""


JOINED = """\
      - predicates: aic:joined
        objects:
          mapping: thing
          condition:
            - {function: equal, parameters: [[str1, $(name)], [str2, $(id)]]}
            - function: equal
              parameters:
                - [str1, {function: upper, parameters: [[text, $(name)]]}]
                - [str2, $(id)]
        graphs: [graph:other]
      - [aic:told, $(name), $(id)~lang]
"""


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return exported(tmp_path, "csv")


def exported(tmp_path: Path, ending: str) -> Graph:
    (tmp_path / "m.yml").write_text(MAPPING % ending, encoding="utf-8")
    return parsed(read(tmp_path / "m.yml"))


def parsed(source: Source) -> Graph:
    return Graph().parse(data=rml.export(source), format="turtle")


def thing(graph: Graph) -> Node:
    (node,) = graph.subjects(RDF.type, RML.TriplesMap)
    return node


def object_map(graph: Graph, name: str) -> Node:
    (pair,) = graph.subjects(RML.predicate, URIRef(vocab.AIC + name))
    return one(graph, pair, RML.objectMap)


def one(graph: Graph, node: Node, *path: URIRef) -> Node:
    for step in path:
        (node,) = graph.objects(node, step)
    return node


def inputs(graph: Graph, execution: Node) -> dict[Node, Node]:
    return {
        one(graph, each, RML.parameter): one(graph, each, RML.inputValueMap)
        for each in graph.objects(execution, RML.input)
    }


SOURCES = load(shipped("mappings"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.dataset.name)
def test_every_map_and_predicate_of_a_shipped_mapping_is_exported(source: Source) -> None:
    graph = parsed(source)
    assert len(set(graph.subjects(RDF.type, RML.TriplesMap))) == len(source.maps)
    for triples_map in source.maps:
        node = URIRef(f"{vocab.GRAPH}mapping/{source.dataset.name}#{triples_map.name}")
        predicates = [
            str(one(graph, pair, RML.predicate))
            for pair in graph.objects(node, RML.predicateObjectMap)
        ]
        assert sorted(predicates) == sorted(po.predicate for po in triples_map.predicate_objects)
        for po in triples_map.predicate_objects:
            if isinstance(po.object.expression, SubjectOf):
                parent = (
                    f"{vocab.GRAPH}mapping/{source.dataset.name}#{po.object.expression.mapping}"
                )
                assert (None, RML.parentTriplesMap, URIRef(parent)) in graph


def normal(source: Source) -> tuple[object, ...]:
    """What a source says, whatever the order and lines of its file."""
    maps = {
        each.name: (
            replace(each, predicate_objects=(), line=0),
            sorted(repr(replace(po, line=0)) for po in each.predicate_objects),
        )
        for each in source.maps
    }
    return source.dataset, source.tables, maps, sorted(source.parents)


def returned(source: Source, folder: Path) -> Source:
    """A source after its way through RML and back."""
    (folder / "m.ttl").write_text(rml.export(source), encoding="utf-8")
    path = folder / f"{source.dataset.name}.yml"
    path.write_text(rml.read(folder / "m.ttl"), encoding="utf-8")
    return read(path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.dataset.name)
def test_a_shipped_mapping_is_the_same_after_export_and_import(
    source: Source, tmp_path: Path
) -> None:
    if source.maps:
        assert normal(returned(source, tmp_path)) == normal(source)


def triples(source: Source, folder: Path) -> set[str]:
    made: list[str] = []
    context = Context(shipped("tables"), shipped("ontology") / "vocabularies")
    sheets = stage(source, folder, Path(mkdtemp(dir=folder)))
    run(source, sheets, context, lambda each: made.extend(each.lines()))
    return set(made)


def test_what_is_exported_and_imported_gives_the_same_triples(tmp_path: Path) -> None:
    tables = shipped("tables")
    for source in SOURCES:
        if source.dataset.shipped:
            copies = tmp_path / source.dataset.name
            copies.mkdir()
            for table in source.tables.values():
                (copies / table.access).symlink_to(tables / table.access)
            made = triples(source, copies)
            assert len(made) > 1000
            assert triples(returned(source, copies), copies) == made


TEXT = st.text(st.sampled_from("ab:/#{}()\\.~ '\"é"), min_size=1, max_size=6).filter(
    lambda text: text == text.strip() and not text.endswith("~iri")
)
COLUMN = st.sampled_from(["id", "cost {EUR} (net)", "name"])
TEMPLATE = st.builds(
    lambda start, column, end: Template((start, column, end)),
    TEXT | st.just(""),
    COLUMN,
    TEXT | st.just(""),
)
VALUE = TEMPLATE | st.builds(lambda text: Template((text,)), TEXT)
CALL = st.builds(
    lambda first, second: Call("key", (*KIND_AND_SOURCE, ("of", first), ("of", second))),
    VALUE,
    VALUE,
) | st.builds(lambda text: Call("upper", (("text", text),)), VALUE)
KIND_AND_SOURCE = (("kind", Template(("k",))), ("source", Template(("s",))))
CONDITION = st.builds(lambda a, b: Call("equal", (("str1", a), ("str2", b))), VALUE, VALUE)
NAME = Template(("", "name", ""))
TAG = st.sampled_from(["en", NAME, Call("lower", (("text", NAME),))])
OBJECT = (
    st.builds(lambda made: ObjectMap(made, "literal"), VALUE)
    | st.builds(lambda made: ObjectMap(made, "literal", vocab.XSD + "date"), VALUE | CALL)
    | st.builds(ObjectMap, VALUE | CALL, st.just("literal"), st.just(vocab.RDF + "langString"), TAG)
    | st.builds(lambda made: ObjectMap(made, "iri"), CALL)
    | st.builds(lambda name: ObjectMap(Template(("http://example.org/", name, "")), "iri"), COLUMN)
    | st.builds(
        lambda child, parent: ObjectMap(SubjectOf("thing", (Join(child, parent),)), "iri"),
        VALUE | CALL,
        VALUE,
    )
)
PAIR = st.builds(
    lambda made, condition, graphs: PredicateObject(vocab.AIC + "p", made, condition, 1, graphs),
    OBJECT, st.none() | CONDITION, st.sampled_from([(), ("http://example.org/g",)]),
)  # fmt: skip


@given(st.lists(PAIR, min_size=1, max_size=4), st.none() | CONDITION)
@settings(max_examples=25, deadline=None)
def test_every_mapping_is_the_same_after_writing_and_after_export_and_import(
    pairs: list[PredicateObject], condition: Call | None
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "m.yml").write_text(MAPPING % "csv", encoding="utf-8")
        plan = read(folder / "m.yml")
        named = PredicateObject(vocab.AIC + "name", ObjectMap(NAME, "literal"), None, 1)
        made = (*pairs, named)  # every column is read
        thing = replace(plan.map("thing"), predicate_objects=made, condition=condition)
        plan = replace(plan, maps=(thing,))
        back = returned(plan, folder)
    assert normal(back) == normal(plan)


FOREIGN = """\
PREFIX rml: <http://w3id.org/rml/>
PREFIX ex: <http://example.org/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
<#Thing> a rml:TriplesMap ;
    rml:logicalSource [ rml:source [ a rml:RelativePathSource ; rml:path "t.csv" ; rml:null "-" ] ;
        rml:referenceFormulation rml:CSV ] ;
    rml:subjectMap [ rml:template "http://example.org/{id}" ; rml:class ex:Thing ;
        rml:graph ex:graph ] ;
    rml:predicateObjectMap [ rml:predicateMap [ rml:constant ex:name ] ;
        rml:objectMap [ rml:reference "name" ; rml:languageMap [ rml:reference "lang" ] ] ] ;
    rml:predicateObjectMap [ rml:predicate ex:size, ex:weight ;
        rml:objectMap [ rml:reference "size" ; rml:datatype xsd:decimal ] ] ;
    rml:predicateObjectMap [ rml:predicate ex:page ;
        rml:objectMap [ rml:template "http://p/{id}" ] ] ;
    rml:predicateObjectMap [ rml:predicate ex:kind ; rml:object "a thing"@en, ex:kind ] ;
    rml:predicateObjectMap [ rml:predicate ex:maker ;
        rml:objectMap [ rml:parentTriplesMap <#Maker> ;
            rml:joinCondition [ rml:child "maker" ; rml:parent "code" ] ] ] .
<#Maker> a rml:TriplesMap ;
    rml:logicalSource [ rml:source [ rml:path "makers.csv" ] ] ;
    rml:subjectMap [ rml:template "http://example.org/m/{code}" ] .
"""
PAGE, THING = 'rml:template "http://p/{id}"', "<#Thing> a"
GIVEN = rml.Given("Things", "http://example.org/things", "http://example.org/licence")


def test_a_mapping_of_others_is_imported(tmp_path: Path) -> None:
    (tmp_path / "things.ttl").write_text(FOREIGN, encoding="utf-8")
    text = rml.read(tmp_path / "things.ttl", GIVEN)
    (tmp_path / "things.yml").write_text(text, encoding="utf-8")
    (tmp_path / "t.csv").write_text(
        "id,name,lang,size,maker\n1,Ding,de,01.50,m\n2,-,en,-,n\n", encoding="utf-8"
    )
    (tmp_path / "makers.csv").write_text("code\nm\n", encoding="utf-8")
    plan = read(tmp_path / "things.yml")
    assert (plan.dataset.title, plan.dataset.original) == (GIVEN.title, GIVEN.original)
    ex, decimal = "http://example.org/", f"<{vocab.XSD}decimal>"
    assert {line.removesuffix(f" <{ex}graph> .") for line in triples(plan, tmp_path)} == {
        *(f"<{ex}{n}> <{vocab.RDF}type> <{ex}Thing>" for n in "12"),
        *(f'<{ex}{n}> <{ex}kind> "a thing"@en' for n in "12"),
        *(f"<{ex}{n}> <{ex}kind> <{ex}kind>" for n in "12"),
        *(f"<{ex}{n}> <{ex}page> <http://p/{n}>" for n in "12"),
        *(f'<{ex}1> <{ex}{p}> "1.5"^^{decimal}' for p in ("size", "weight")),
        f'<{ex}1> <{ex}name> "Ding"@de',
        f"<{ex}1> <{ex}maker> <{ex}m/m>",
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rml:referenceFormulation rml:CSV", 'rml:iterator "$.x"', "rml:iterator of a logical"),
        (PAGE, 'rml:template "http://p/{id"', "has unbalanced or empty braces"),
        (PAGE, 'rml:template "http://p/{}"', "unbalanced or empty braces"),
        (PAGE, "rml:termType rml:BlankNode", "rml:functionExecution is missing"),
        (PAGE, 'rml:reference "id" ; rml:termType rml:BlankNode',
         "objects of rml:BlankNode: expected rml:IRI or rml:Literal"),
        (PAGE, "rml:functionExecution [ rml:function ex:f ]",
         "function http://example.org/f is not one of ours (kgf:): concept"),
        ('rml:child "maker" ;', "", "rml:child of a join is missing"),
        ("rml:class ex:Thing", "rml:logicalTarget ex:T", "rml:logicalTarget of a subject map"),
        ("rml:predicate ex:page ;", "", "needs a predicate and an object"),
        ("rml:predicate ex:page ;", "ex:p ex:page ;", "<http://example.org/p> of a predicate-ob"),
        (THING, "<#Thing> rml:subject ex:t ; a", "expected one of rml:subjectMap and rml:subject"),
        (THING, "_:b a", "expected an IRI that ends in a name"),
        ('rml:path "makers.csv"', 'rml:path "other/t.csv"', "two files are called t: "),
        (THING, "<#Thing> b", "t.ttl: cannot be read"),
        ("rml:logicalSource", "rml:logical", "at least one triples map"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_over_is_named(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in FOREIGN
    (tmp_path / "t.ttl").write_text(FOREIGN.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        rml.read(tmp_path / "t.ttl", GIVEN)
    assert str(tmp_path / "t.ttl") in str(caught.value)


def test_a_mapping_of_others_needs_a_licence(tmp_path: Path) -> None:
    (tmp_path / "t.ttl").write_text(FOREIGN, encoding="utf-8")
    with pytest.raises(InputError, match="does not say the dataset's licence: expected --licence"):
        rml.read(tmp_path / "t.ttl", rml.Given(original="http://example.org/t"))


@pytest.mark.skipif(
    not SHAPES.is_dir() and os.environ.get("CI") != "true",
    reason=f"the shapes of RML are not at {SHAPES}",
)
def test_exports_conform_to_the_shapes_of_rml_core_and_rml_io(tmp_path: Path) -> None:
    shapes = Graph()
    for name in ("shapes/core.ttl", "io/shapes/io.ttl"):
        shapes.parse(SHAPES / name)
    shapes.remove((None, OWL.imports, None))
    (tmp_path / "all.yml").write_text(MAPPING % "csv" + JOINED, encoding="utf-8")
    data = parsed(read(tmp_path / "all.yml"))
    (places,) = (source for source in SOURCES if source.dataset.name == "places")
    data += parsed(places)
    assert (None, RML.joinCondition, None) in data
    conforms, _, report = pyshacl.validate(data, shacl_graph=shapes)
    assert conforms, report
    # The shapes do see our maps and sources: without a part, none conforms.
    for part in (RML.subjectMap, RML.path):
        broken = Graph() + data
        broken.remove((None, part, None))
        assert not pyshacl.validate(broken, shacl_graph=shapes)[0]


def test_a_logical_source_is_a_file_relative_to_the_working_directory(graph: Graph) -> None:
    source = one(graph, thing(graph), RML.logicalSource)
    assert one(graph, source, RML.referenceFormulation) == RML.CSV
    assert one(graph, source, RML.source, RML.path) == Literal("folder/t.csv")
    assert one(graph, source, RML.source, RML.root) == RML.CurrentWorkingDirectory


@pytest.mark.parametrize(("ending", "name"), [("tsv", "TSV"), ("parquet", "Parquet")])
def test_a_format_that_rml_does_not_know_has_a_formulation_of_ours(
    tmp_path: Path, ending: str, name: str
) -> None:
    graph = exported(tmp_path, ending)
    found = one(graph, thing(graph), RML.logicalSource, RML.referenceFormulation)
    assert found == KGF[name]


def test_a_template_escapes_braces_in_text_and_in_names_of_columns(graph: Graph) -> None:
    subject = one(graph, thing(graph), RML.subjectMap)
    assert one(graph, subject, RML.template) == Literal(
        r"http://example.org/\{x\}/{id}/{cost \{EUR\} (net)}"
    )
    assert one(graph, subject, RML.termType) == RML.IRI
    assert one(graph, subject, RML.graph) == URIRef(vocab.GRAPH + "source/m")


def test_references_and_constants_keep_language_datatype_and_term_type(graph: Graph) -> None:
    reference, typed = object_map(graph, "reference"), object_map(graph, "typed")
    assert one(graph, reference, RML.reference) == Literal("name")
    assert one(graph, reference, RML.language) == Literal("zh")
    assert one(graph, typed, RML.datatype) == URIRef(vocab.XSD + "date")
    assert one(graph, object_map(graph, "constant"), RML.constant) == URIRef(vocab.AIC + "Thing")
    assert one(graph, object_map(graph, "word"), RML.constant) == Literal("a word")


def test_a_call_is_a_function_execution_with_its_inputs_told_apart(graph: Graph) -> None:
    execution = one(graph, object_map(graph, "made"), RML.functionExecution)
    assert one(graph, execution, RML.function) == KGF.key
    given = inputs(graph, execution)
    assert set(given) == {KGF.kind, KGF.source, KGF.of, KGF.of2}
    assert one(graph, given[KGF.of], RML.reference) == Literal("id")
    assert one(graph, given[KGF.of2], RML.reference) == Literal("name")
    assert one(graph, given[KGF.source], RML.constant) == Literal("s")


def test_a_condition_is_an_expression_map_and_calls_nest(graph: Graph) -> None:
    subject = one(graph, thing(graph), RML.subjectMap)
    matches = one(graph, subject, RML.condition, RML.functionExecution)
    assert one(graph, matches, RML.function) == KGF.matches
    parent = object_map(graph, "self")
    assert one(graph, parent, RML.parentTriplesMap) == thing(graph)
    is_new = one(graph, parent, RML.condition, RML.functionExecution)
    inner = one(graph, inputs(graph, is_new)[KGF.name], RML.functionExecution)
    assert one(graph, inner, RML.function) == KGF["upper"]
