"""What is no shape is refused, with its name and its place."""

from __future__ import annotations

import gc
import sys

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, parse

from kg.errors import KnowledgeGraphError
from kg.validate import Shapes, engine, validate
from kg.validate.judging import Judge

PREFIXES = """
PREFIX ex: <http://example.org/>
PREFIX sh: <http://www.w3.org/ns/shacl#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""


def quads(turtle: str) -> list[Quad]:
    return list(parse((PREFIXES + turtle).encode(), format=RdfFormat.TURTLE))


def store(turtle: str) -> Store:
    made = Store()
    made.bulk_extend(quads(turtle))
    return made


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("sh:property [ sh:path ex:p ; sh:node ex:S ]", "recursive"),
        ("sh:not ex:S", "recursive"),
        ("sh:and ( [ sh:property [ sh:path ex:p ; sh:qualifiedValueShape ex:S ; "
         "sh:qualifiedMinCount 1 ] ] )", "recursive"),
        ("sh:property [ sh:minCount 1 ]", "no sh:path"),
        ("sh:property [ sh:path [ ] ; sh:minCount 1 ]", "no property path"),
        ("sh:property [ sh:path ( ex:p ) ; sh:minCount 1 ]", "two members"),
        ("sh:property [ sh:path [ sh:inversePath 1 ] ]", "expected a path"),
        ("sh:property [ sh:path _:l ] . _:l sh:inversePath _:l", "cyclic"),
        ('sh:pattern "("', r"no regular expression: '\('"),
        ('sh:pattern "a" ; sh:flags "?"', "no regular expression"),
        ("sh:minimum 3", "sh:minimum is no constraint"),
        ("sh:minCount 1", "sh:minCount in a node shape"),
        ('sh:property [ sh:path ex:p ; sh:minCount "x" ]', "expected an integer"),
        ("sh:property [ sh:path ex:p ; sh:minCount 1 , 2 ]", "stands 2 times"),
        ("sh:nodeKind sh:Iri", "one of SHACL's six"),
        ("sh:datatype xsd:integer , xsd:string", "stands 2 times"),
        ('sh:class "C"', "expected an IRI"),
        ("sh:in ex:x", "sh:in is no list"),
        ("sh:in _:l . _:l rdf:first 1 ; rdf:rest _:l", "sh:in is no list"),
        ("sh:node ex:P . ex:P sh:path ex:p", "names a property shape"),
        ('sh:not "x"', "no shape"),
        ("sh:deactivated 1", "expected a boolean"),
        ('sh:targetClass "C"', "a target"),
        ("sh:property [ sh:path ex:p ; sh:qualifiedValueShape [ ] ]", "without a minimum"),
        ('sh:sparql [ sh:select "SELECT" ]', "no SPARQL"),
        ('sh:sparql [ sh:select "SELECT ?x { ?x ?y ?z }" ]', r"projects \$this"),
        ('sh:sparql [ sh:select "SELECT $this { ?x ?p $this MINUS { ?x <p:q> ?y } }" ]', "MINUS"),
        ('sh:sparql [ sh:select "SELECT $this { SERVICE <http://x.org/> { $this ?p ?o } }" ]',
         "SERVICE"),
        ('sh:sparql [ sh:select "SELECT $this { BIND(1 AS $this) }" ]', "cannot bind"),
        ('sh:sparql [ sh:select "SELECT $this { { SELECT ?x { ?x ?y ?z } } $this ?a ?x }" ]',
         "nested SELECT"),
        ("sh:sparql [ sh:message 'no query' ]", "without sh:select"),
        ('sh:sparql [ sh:select "SELECT $this { $this a dcat:X }" ]', "no SPARQL"),
    ],
)  # fmt: skip
def test_ill_formed_shape_is_an_error_that_names_it(shape: str, said: str) -> None:
    text = "PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>\n"
    text += f"ex:S a sh:NodeShape ; sh:targetClass ex:C ; {shape} ."
    with pytest.raises(KnowledgeGraphError, match=said) as raised:
        Shapes.compile(quads(text), lambda shape: f"shapes.ttl:{len(shape)}")
    assert str(raised.value).startswith("shapes.ttl:20: ill-formed shape http://example.org/S")


def test_shapes_of_the_same_content_are_compiled_once() -> None:
    text = "ex:S a sh:NodeShape ; sh:targetClass ex:C ; sh:class ex:D ."
    again = list(reversed(quads(text)))
    assert Shapes.compile(quads(text)) is Shapes.compile(again)
    assert Shapes.compile(quads(text.replace("ex:D", "ex:E"))) is not Shapes.compile(again)


def test_deactivated_shape_says_nothing_and_its_properties_neither() -> None:
    shapes = quads(
        "ex:S sh:targetClass ex:C ; sh:class ex:D ; sh:deactivated true ; "
        "sh:property [ sh:path ex:p ; sh:minCount 1 ] ."
    )
    assert not validate(store("ex:a a ex:C ."), Shapes.compile(shapes)).results


def test_what_the_compiler_does_not_cover_is_judged_by_pyshacl_and_named() -> None:
    shapes = quads(
        """ex:S a sh:NodeShape ; sh:target [ a sh:SPARQLTarget ;
             sh:select "SELECT ?this WHERE { ?this <http://example.org/p> ?x }" ] ;
             sh:class ex:C .
           ex:T a sh:NodeShape ; sh:targetSubjectsOf ex:p ; sh:class ex:D ."""
    )
    report = validate(store("ex:a ex:p 1 ."), Shapes.compile(shapes))
    assert {result.shape for result in report.results} == {
        "<http://example.org/S>",
        "<http://example.org/T>",
    }
    assert report.uncovered == {"<http://example.org/S>": ("sh:target",)}
    assert "judged by pySHACL: <http://example.org/S> (sh:target)" in report.text()


def test_datatypes_that_the_store_keeps_as_integers_are_checked_by_their_bounds() -> None:
    shape = "[ sh:path ex:p ; sh:datatype xsd:nonNegativeInteger ]"
    shapes = Shapes.compile(quads(f"ex:S sh:targetSubjectsOf ex:p ; sh:property {shape} ."))
    data = store("ex:a ex:p '5'^^xsd:nonNegativeInteger . ex:b ex:p -5 .")
    report = validate(data, shapes)
    assert [result.focus for result in report.results] == ["<http://example.org/b>"]


def test_large_target_is_found_through_its_predicate_like_a_small_one() -> None:
    """Above 2,000 nodes values are looked up by the predicate: the results are the same."""
    shapes = Shapes.compile(
        quads(
            """ex:S sh:targetClass ex:C ;
                 sh:property [ sh:path ex:p ; sh:datatype xsd:integer ; sh:maxCount 1 ] ;
                 sh:property [ sh:path ex:q ; sh:nodeKind sh:IRI ; sh:disjoint ex:r ] ;
                 sh:property [ sh:path ex:l ; sh:uniqueLang true ; sh:minCount 1 ] .
               ex:T sh:targetSubjectsOf ex:t ; sh:property [ sh:path ex:p ; sh:in ( 1 2 ) ] ."""
        )
    )
    data = store("ex:D rdfs:subClassOf ex:C .")
    lines = [f"ex:n{i} a ex:{'CD'[i % 2]} ; ex:p {i} ; ex:q ex:n{i + 1} ; ex:l 'x'@en ; ex:t 1 ."
             for i in range(2500)]  # fmt: skip
    lines += ["ex:n7 ex:p 7.5 .", "ex:n8 ex:p ex:x .", "ex:n9 ex:q [] .", "ex:n10 ex:r ex:n11 ."]
    lines += ["ex:n11 ex:l 'y'@en .", "ex:n12 a ex:D .", "ex:other ex:p 'not a target' ."]
    data.bulk_extend(quads("\n".join(lines)))
    found = validate(data, shapes)
    few = [result for result in found.results if result.component != "InConstraintComponent"]
    assert [(r.focus[20:-1], r.component.removesuffix("ConstraintComponent")) for r in few] == [
        ("n10", "Disjoint"),
        ("n11", "UniqueLang"),
        ("n7", "MaxCount"),
        ("n7", "Datatype"),
        ("n8", "MaxCount"),
        ("n8", "Datatype"),
        ("n9", "NodeKind"),
    ]
    assert len(found.results) - len(few) == 2500  # two of the values are right, two are besides


def test_hierarchy_that_is_stated_in_full_gives_each_result_once() -> None:
    shapes = Shapes.compile(
        quads("ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:minCount 1 ] .")
    )
    data = store("ex:D rdfs:subClassOf ex:C . ex:a a ex:C , ex:D . ex:b a ex:D .")
    assert [r.focus for r in validate(data, shapes).results] == [
        "<http://example.org/a>",
        "<http://example.org/b>",
    ]


def test_what_lacks_a_value_is_found_among_thousands() -> None:
    shapes = Shapes.compile(
        quads(
            """ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:minCount 1 ] ;
                 sh:property [ sh:path ex:q ; sh:minCount 1 ; sh:maxCount 1 ] ;
                 sh:property [ sh:path ex:l ; sh:uniqueLang true ] ."""
        )
    )
    lines = [f"ex:n{i} a ex:C ; ex:p {i} ; ex:l 'x'@en , 'y'@zh , 'z' , 'w' ." for i in range(2500)]
    lines += [f"ex:n{i} ex:q ex:n7 ." for i in range(2500) if i != 8]
    data = store("\n".join(lines))
    data.remove(quads("ex:n9 ex:p 9 .")[0])
    assert [(r.focus, r.path) for r in validate(data, shapes).results] == [
        ("<http://example.org/n8>", "<http://example.org/q>"),
        ("<http://example.org/n9>", "<http://example.org/p>"),
    ]
    data.bulk_extend(quads("ex:n5 ex:l 'v'@EN ; ex:q ex:n4 ."))
    assert [r.focus[20:-1] for r in validate(data, shapes).results] == ["n5", "n5", "n8", "n9"]


def test_what_is_inferred_of_classes_is_not_looked_up() -> None:
    data = store("ex:D rdfs:subClassOf ex:C . ex:a a ex:C , ex:D . ex:b a ex:D .")
    lower, upper = (NamedNode(f"http://example.org/{name}") for name in "DC")
    assert Judge(data).topmost(upper) == [upper, lower]
    assert Judge(data, {lower: {upper}}).topmost(upper) == [upper]
    data.bulk_extend(quads("ex:b a ex:C ."))
    assert Judge(data).topmost(upper) == [upper]


def test_solutions_are_counted_up_to_the_largest_limit_asked_for() -> None:
    data = store(" ".join(f"ex:a ex:p {number} ." for number in range(20)))
    search = engine._Search(Judge(data), {})
    pattern = "?this <http://example.org/p> ?value"
    assert [search.size(pattern, limit) for limit in (5, 10, 5)] == [5, 10, 10]
    assert [search.size(pattern, limit) for limit in (100, 5, 1000)] == [20, 20, 20]


def test_validation_lets_go_of_the_store() -> None:
    # A store on disk that is still held, if only by a cycle, is still open.
    shapes = Shapes.compile(
        quads("ex:S sh:targetClass ex:C ; sh:property [ sh:path ex:p ; sh:class ex:C ] .")
    )
    data = store("ex:D rdfs:subClassOf ex:C . ex:a a ex:C ; ex:p ex:b . ex:b a ex:D .")
    gc.collect()
    gc.disable()
    try:
        held = sys.getrefcount(data)
        assert not validate(data, shapes).results
        assert sys.getrefcount(data) == held
    finally:
        gc.enable()
