from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    RdfFormat,
    Triple,
    parse,
    serialize,
)

from kg.errors import InputError
from kg.ontology.format import convert, format, format_files

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "ontology").rglob("*.ttl"))
HEAD = "@prefix : <http://a/> .\n\n"


def graph(text: str | bytes, form: RdfFormat = RdfFormat.TURTLE) -> Dataset:
    dataset = Dataset(parse(input=text, format=form))
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    return dataset


def laid_out(text: str) -> str:
    return format(HEAD + dedent(text).lstrip("\n")).removeprefix(HEAD)


def test_the_files_of_the_ontology_are_collected() -> None:
    assert len(FILES) >= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_keeps_its_graph_and_comments_and_a_second_pass_changes_nothing(path: Path) -> None:
    text = path.read_text()
    once = format(text)
    assert graph(once) == graph(text)
    assert format(once) == once
    assert comments(once) == comments(text)


def comments(text: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if line.lstrip().startswith("#"))


def test_type_then_labels_then_definition_come_first_and_the_rest_keeps_its_order() -> None:
    text = """
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .

        :x :z 1 ;
            rdfs:isDefinedBy :m ;
            skos:definition "一"@zh, "one"@en ; rdfs:label "x"@en ;
            :b 2 ;
            <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> :C .
        """
    assert format(HEAD + dedent(text)).partition("\n\n")[2] == dedent(
        """\
        :x a :C ;
            rdfs:label "x"@en ;
            skos:definition
                "one"@en ,
                "一"@zh ;
            :z 1 ;
            :b 2 ;
            rdfs:isDefinedBy :m .
        """
    )


def test_prefixes_are_sorted_and_aligned_below_the_comment_of_the_file() -> None:
    text = "# A file.\nPREFIX xsd: <http://x/>\n@prefix b: <http://b/>.\nb:x b:y b:z."
    assert format(text) == (
        "# A file.\n@prefix b:   <http://b/> .\n@prefix xsd: <http://x/> .\n\nb:x b:y b:z .\n"
    )


def test_a_prefix_below_a_base_stays_below_it() -> None:
    text = "@prefix z: <http://z/> .\n@base <http://b/> .\n@prefix a: <x#> .\n\n<s> a:p z:o .\n"
    assert format(text) == (
        "@prefix z: <http://z/> .\n@base <http://b/> .\n@prefix a: <x#> .\n\n<s> a:p z:o .\n"
    )


def test_comments_move_with_what_stands_below_them() -> None:
    text = """
        # the block
        :x
            # why p
            :p 1 ; # the one
            # why the type
            a :C ;
            :q # the objects
              2 , # two
              # three
              3
        .
        # the end
        """
    assert laid_out(text) == dedent(
        """\
        # the block
        # why the type
        :x a :C ;
            # why p
            :p 1 ; # the one
            :q
                # the objects
                2 , # two
                # three
                3 .
        # the end
        """
    )


def test_a_comment_in_brackets_stays_in_them() -> None:
    text = """
        :x :p [ # first
            :q ( 1 # one
              2 )
            # last
        ] ; :r () , [] .
        """
    assert laid_out(text) == dedent(
        """\
        :x :p [
                # first
                :q (
                    1 # one
                    2
                )
                # last
            ] ;
            :r ( ) , [] .
        """
    )


def test_neighbours_on_one_line_become_a_table() -> None:
    text = """
        :long a :Class ; :p "x" .
        :s a :C ; :p "y" .  # a remark
        """
    assert laid_out(text) == dedent(
        """\
        :long a :Class ; :p "x" .
        :s    a :C ;     :p "y" . # a remark
        """
    )


def test_what_does_not_fit_a_line_stands_one_on_each() -> None:
    names = [f":a-name-that-is-rather-long-{number}" for number in range(6)]
    commas, breaks = " ,\n".join(names), "\n".join(names)
    assert laid_out(f":x :p\n{commas} .") == (
        ":x :p\n" + " ,\n".join(f"        {name}" for name in names) + " .\n"
    )
    assert laid_out(f":x a :C ; :p\n( {breaks} ) .") == (
        ":x a :C ;\n    :p (\n" + "".join(f"        {name}\n" for name in names) + "    ) .\n"
    )


def test_terms_that_filled_lines_fill_them_still() -> None:
    words = " ".join(f'"word-{number}"' for number in range(20))
    lines = laid_out(f":x a :C ; :p ( {words} ) .").splitlines()
    assert lines[1] == "    :p ("
    assert lines[2].startswith('        "word-0" "word-1"')
    assert len(lines) == 6
    assert all(len(line) <= 100 for line in lines)


def test_strings_are_quoted_no_more_than_they_need() -> None:
    xsd = "http://www.w3.org/2001/XMLSchema#"
    text = (
        ":x :p 'it' , '''say \"so\"''' , 'q\"q' , \"\\u4e2d\\u200b\" , '''two\nlines''' , "
        f'"a"^^<{xsd}string> , "5"^^<{xsd}integer> , "5a"^^<{xsd}integer> .'
    )
    found = laid_out(text)
    for form in ('"it"', '"""say "so\\""""', '"q\\"q"', '"中\\u200B"', '"""two\nlines"""'):
        assert f" {form} " in found.replace("\n       ", "")
    for form in (' "a" ', " 5 ", f' "5a"^^<{xsd}integer> '):
        assert form in found


def test_a_number_before_the_dot_of_a_block_keeps_its_value() -> None:
    assert laid_out(":x :p 1.") == ":x :p 1 .\n"
    assert laid_out(":x :p 1.5e0 , 1.0, +2.") == ":x :p 1.5e0 , 1.0 , +2 .\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (":x :p 1", "here.ttl:"),
        ("@prefix : <http://a/> .\n\n:x foo:p 1 .", "here.ttl:3:"),
        ("@prefix : <http://a/> .\n:x :p <<( :a :b :c )>> .", "here.ttl:2:"),
        ('@prefix : <http://a/> .\n:x :p "open .', "here.ttl:2:"),
    ],
)
def test_what_is_not_turtle_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InputError, match=place):
        format(text, "here.ttl")


def test_files_are_written_only_where_all_are_turtle(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text("<http://a> a <http://b>.")
    (tmp_path / "releases" / "1.0.0").mkdir(parents=True)
    (tmp_path / "releases" / "1.0.0" / "old.ttl").write_text("<http://a> a <http://b>.")
    (tmp_path / "z.ttl").write_text("<http://a> a")
    with pytest.raises(InputError, match=r"z\.ttl:1"):
        format_files(tmp_path, check=False)
    assert (tmp_path / "a.ttl").read_text() == "<http://a> a <http://b>."
    (tmp_path / "z.ttl").unlink()
    assert format_files(tmp_path, check=True) == [tmp_path / "a.ttl"]
    assert (tmp_path / "a.ttl").read_text() == "<http://a> a <http://b>."
    assert format_files(tmp_path, check=False) == [tmp_path / "a.ttl"]
    assert (tmp_path / "a.ttl").read_text() == "<http://a> a <http://b> .\n"
    assert format_files(tmp_path, check=False) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ttl", "releases"]


PROTEGE = """<?xml version="1.0"?>
<rdf:RDF xmlns="https://w3id.org/aicluster/ontology/x#"
     xml:base="https://w3id.org/aicluster/ontology/x"
     xmlns:owl="http://www.w3.org/2002/07/owl#"
     xmlns:aic="https://w3id.org/aicluster/ontology#"
     xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
     xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
    <owl:Ontology rdf:about="https://w3id.org/aicluster/ontology/x"/>
    <owl:Class rdf:about="https://w3id.org/aicluster/ontology#Park">
        <rdfs:label xml:lang="zh">园区</rdfs:label>
        <rdfs:label xml:lang="en">park</rdfs:label>
        <rdfs:subClassOf><owl:Restriction>
            <owl:onProperty rdf:resource="https://w3id.org/aicluster/ontology#within"/>
            <owl:someValuesFrom rdf:resource="https://w3id.org/aicluster/ontology#City"/>
        </owl:Restriction></rdfs:subClassOf>
    </owl:Class>
    <rdf:Description>
        <rdf:type rdf:resource="http://www.w3.org/2002/07/owl#AllDisjointClasses"/>
        <owl:members rdf:parseType="Collection">
            <rdf:Description rdf:about="https://w3id.org/aicluster/ontology#Park"/>
            <rdf:Description rdf:about="https://w3id.org/aicluster/ontology#City"/>
        </owl:members>
    </rdf:Description>
</rdf:RDF>
"""


def test_rdf_xml_of_protege_becomes_turtle_with_its_prefixes(tmp_path: Path) -> None:
    path = tmp_path / "x.owl"
    path.write_text(PROTEGE)
    text = convert(path)
    assert graph(text) == graph(PROTEGE, RdfFormat.RDF_XML)
    assert text.partition("\n\n")[2] == dedent(
        """\
        <https://w3id.org/aicluster/ontology/x> a owl:Ontology .

        aic:Park a owl:Class ;
            rdfs:subClassOf [
                a owl:Restriction ;
                owl:onProperty aic:within ;
                owl:someValuesFrom aic:City
            ] ;
            rdfs:label "park"@en , "园区"@zh .

        [] a owl:AllDisjointClasses ;
            owl:members ( aic:Park aic:City ) .
        """
    )


def test_other_files_of_protege_are_named_or_refused_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "x.owl"
    path.write_text("<http://a> a <http://b>.")
    assert convert(path) == "<http://a> a <http://b> .\n"
    path.write_text('<?xml version="1.0"?>\n<Ontology xmlns="http://www.w3.org/2002/07/owl#"/>')
    with pytest.raises(InputError, match="OWL/XML is not read"):
        convert(path)
    path.write_text(PROTEGE.replace("</owl:Class>", ""))
    with pytest.raises(InputError, match=r"x\.owl.*not RDF/XML"):
        convert(path)


# ---- any graph, and any text

IRIS = st.sampled_from(
    [NamedNode(f"http://a/{name}") for name in ("x", "y#z", "é", "a.b", "1", "")]
)
NODES = IRIS | st.sampled_from([BlankNode(name) for name in "abcd"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
VALUES = (
    NODES
    | st.builds(Literal, TEXTS)
    | st.builds(lambda text, tag: Literal(text, language=tag), TEXTS, st.sampled_from(["en", "zh"]))
    | st.builds(Literal, st.integers() | st.booleans())
    | st.builds(lambda text: Literal(text, datatype=NamedNode("http://a/type")), TEXTS)
)
TRIPLES = st.lists(st.builds(Triple, NODES, IRIS, VALUES), max_size=12)


@given(TRIPLES)
@settings(deadline=None, max_examples=150)
def test_any_graph_survives_the_layout(triples: list[Triple]) -> None:
    source = serialize(triples, format=RdfFormat.TURTLE, prefixes={"": "http://a/"})
    assert source is not None
    once = format(source.decode())
    assert graph(once) == graph(source)
    assert format(once) == once


@given(TRIPLES)
@settings(deadline=None, max_examples=100)
def test_any_graph_survives_rdf_xml(tmp_path_factory: pytest.TempPathFactory, triples) -> None:  # type: ignore[no-untyped-def]
    named = [
        Triple(item.subject, NamedNode("http://a/p"), item.object)
        for item in triples
        if not isinstance(item.object, Literal) or item.object.value.isprintable()
    ]
    source = serialize(named, format=RdfFormat.RDF_XML, prefixes={"q": "http://a/"})
    assert source is not None
    path = tmp_path_factory.mktemp("xml") / "x.rdf"
    path.write_bytes(source)
    assert graph(convert(path)) == graph(source, RdfFormat.RDF_XML)


SPACE = st.sampled_from([" ", "  ", "\n", "\n\n\n\n", " # one\n", "\n# two\n", "\n\n  # three\n\n"])
TERM = st.sampled_from(
    [
        ":x",
        "<http://a/y>",
        "'s'",
        '"t"@zh',
        '"u"@en',
        "'''v\nw'''",
        "1.0",
        "-3",
        "true",
        "_:b",
        ":a\\,b",
    ]
)


def spaced(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    pieces: list[st.SearchStrategy[str]] = []
    for part in parts:
        pieces += [part if isinstance(part, st.SearchStrategy) else st.just(part), SPACE]
    return st.tuples(*pieces).map("".join)


def listed(item: st.SearchStrategy[str], mark: str, least: int = 1) -> st.SearchStrategy[str]:
    def join(parts: list[tuple[str, str]]) -> str:
        return (mark or " ").join(part + space for part, space in parts)

    return st.lists(st.tuples(item, SPACE), min_size=least, max_size=3).map(join)


def pairs(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    verb = st.sampled_from(["a", ":p", "<http://www.w3.org/2000/01/rdf-schema#label>"])
    return listed(st.tuples(verb, SPACE, listed(values, ",")).map("".join), ";")


VALUE = st.recursive(
    TERM,
    lambda inner: (
        spaced("[", pairs(inner), "]") | spaced("(", listed(inner, "", 0), ")") | spaced("[", "]")
    ),
    max_leaves=6,
)
SUBJECT = st.sampled_from([":s", "[]", "_:b", "( 1 2 )", "[ :p 1 ; :q 2 ]"])
STATEMENT = spaced(SUBJECT, pairs(VALUE), ".")


@given(st.lists(STATEMENT, max_size=4).map("".join), SPACE)
@settings(deadline=None, max_examples=400)
def test_any_text_keeps_its_graph_and_every_comment(text: str, space: str) -> None:
    source = f"{space}@prefix : <http://a/> .{space}{text}"
    once = format(source)
    assert graph(once) == graph(source)
    for word in ("# one", "# two", "# three"):
        assert once.count(word) == source.count(word)
    assert format(once) == once
