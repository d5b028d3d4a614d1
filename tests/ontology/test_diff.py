"""kg.ontology.diff and editions: what an edit means, at which level, from wherever it is read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg import vocab
from kg.errors import InputError
from kg.ontology.diff import Change, Diff, diff
from kg.ontology.editions import Version
from kg.settings import shipped

ONTOLOGY = shipped("ontology")
FILES = sorted(path.relative_to(ONTOLOGY).as_posix() for path in ONTOLOGY.rglob("*.ttl"))

PREFIXES = """\
@prefix aic: <https://w3id.org/aicluster/ontology#> .
@prefix ex: <https://example.org/> .
@prefix dcterms: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<https://w3id.org/aicluster/ontology> a owl:Ontology ; owl:versionInfo "1.2.3" .
aic:Thing a owl:Class ; rdfs:label "thing"@en .
aic:Part a owl:Class ; rdfs:subClassOf aic:Thing ; rdfs:label "part"@en .
"""


def version(text: str = "", shapes: str = "", name: str = "v") -> Version:
    files = {"aicluster.ttl": (PREFIXES + text).encode()}
    if shapes:
        files["shapes/core.ttl"] = (PREFIXES.partition("\n<https")[0] + "\n" + shapes).encode()
    return Version(name, files)


def compare(before: str, after: str) -> Diff:
    return diff(version(before), version(after))


def compare_shapes(before: str, after: str) -> Diff:
    return diff(version(shapes=before), version(shapes=after))


def only(found: Diff) -> Change:
    (change,) = found.changes
    return change


def aic(name: str) -> str:
    return vocab.AIC + name


# --- nothing changed --------------------------------------------------------------------------


def test_every_shipped_file_is_looked_at() -> None:
    assert len(FILES) >= 20


@pytest.mark.parametrize("name", FILES)
def test_a_module_does_not_differ_from_itself(name: str) -> None:
    one = Version.load(str(ONTOLOGY / name), ONTOLOGY)
    assert diff(one, one).changes == ()


def test_the_whole_ontology_does_not_differ_from_itself() -> None:
    one = Version.load(str(ONTOLOGY), ONTOLOGY)
    assert diff(one, one).level == "none"
    assert diff(one, one).version == one.number


BLOCKS = [
    "aic:A a owl:Class ; rdfs:subClassOf aic:Thing , [ a owl:Restriction ; owl:onProperty aic:p ;"
    " owl:allValuesFrom aic:B ] .",
    "aic:B a owl:Class ; rdfs:label 'b'@en .",
    "aic:p a owl:ObjectProperty ; rdfs:domain [ owl:unionOf ( aic:A aic:B ) ] .",
    "[] a owl:AllDisjointClasses ; owl:members ( aic:A aic:B ) .",
    "_:x a owl:Axiom ; owl:annotatedSource aic:A ; rdfs:comment 'why'@en .",
]


@given(st.permutations(BLOCKS))
def test_order_of_blocks_is_no_difference(blocks: list[str]) -> None:
    assert compare("\n".join(BLOCKS), "\n".join(blocks)).changes == ()


@given(st.sets(st.sampled_from(range(len(BLOCKS)))), st.sets(st.sampled_from(range(len(BLOCKS)))))
def test_what_is_added_one_way_is_removed_the_other_way(one: set[int], other: set[int]) -> None:
    before, after = ("\n".join(BLOCKS[at] for at in sorted(each)) for each in (one, other))
    there, back = compare(before, after), compare(after, before)
    for kind, inverse in (("added", "removed"), ("removed", "added"), ("renamed", "renamed")):
        assert len(there.of(kind)) == len(back.of(inverse))  # type: ignore[arg-type]
    assert {c.term for c in there.of("added")} == {c.term for c in back.of("removed")}
    assert {(c.term, c.predicate, c.before, c.after) for c in there.of("axiom")} == {
        (c.term, c.predicate, c.after, c.before) for c in back.of("axiom")
    }
    assert (there.level == "none") == (back.level == "none")


def test_names_and_nesting_of_blank_nodes_are_no_difference() -> None:
    before = "aic:p a owl:ObjectProperty ; rdfs:domain [ owl:unionOf ( aic:Thing aic:Part ) ] ."
    after = (
        "aic:p a owl:ObjectProperty ; rdfs:domain _:d . _:d owl:unionOf _:l ."
        " _:l <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> aic:Thing ;"
        " <http://www.w3.org/1999/02/22-rdf-syntax-ns#rest> ( aic:Part ) ."
    )
    assert compare(before, after).changes == ()


def test_pairwise_disjointness_equals_the_list_of_disjoint_classes() -> None:
    classes = "aic:A a owl:Class . aic:B a owl:Class . "
    before = classes + "[] a owl:AllDisjointClasses ; owl:members ( aic:B aic:A ) ."
    assert compare(before, classes + "aic:A owl:disjointWith aic:B .").changes == ()


def test_cyclic_blank_nodes_are_compared() -> None:
    text = "aic:Thing rdfs:seeAlso _:a . _:a rdfs:seeAlso _:b . _:b rdfs:seeAlso _:a ."
    assert compare(text, text).changes == ()


# --- levels -----------------------------------------------------------------------------------

P = "aic:p a owl:ObjectProperty "

LEVELS = {
    "term added": ("", "aic:New a owl:Class .", "minor"),
    "term removed": ("aic:Old a owl:Class .", "", "major"),
    "term deprecated": ("", "aic:Part owl:deprecated true .", "minor"),
    "label changed": (
        "aic:Old a owl:Class ; rdfs:label 'old'@en .",
        "aic:Old a owl:Class ; rdfs:label 'elder'@en .",
        "patch",
    ),
    "comment added": ("", "aic:Part rdfs:comment 'a part'@en .", "patch"),
    "domain narrowed": (
        P + "; rdfs:domain aic:Thing .",
        P + "; rdfs:domain aic:Part .",
        "major",
    ),
    "domain added": (P + ".", P + "; rdfs:domain aic:Part .", "major"),
    "domain widened": (
        P + "; rdfs:domain aic:Part .",
        P + "; rdfs:domain aic:Thing .",
        "minor",
    ),
    "domain dropped": (P + "; rdfs:domain aic:Part .", P + ".", "minor"),
    "range widened to a union": (
        P + "; rdfs:range aic:Part .",
        P + "; rdfs:range [ owl:unionOf ( aic:Part ex:Other ) ] .",
        "minor",
    ),
    "range narrowed from a union": (
        P + "; rdfs:range [ owl:unionOf ( aic:Part ex:Other ) ] .",
        P + "; rdfs:range aic:Part .",
        "major",
    ),
    "datatype widened": (
        "aic:d a owl:DatatypeProperty ; rdfs:range xsd:integer .",
        "aic:d a owl:DatatypeProperty ; rdfs:range xsd:decimal .",
        "minor",
    ),
    "datatype changed": (
        "aic:d a owl:DatatypeProperty ; rdfs:range xsd:integer .",
        "aic:d a owl:DatatypeProperty ; rdfs:range xsd:string .",
        "major",
    ),
    "new disjointness": ("", "aic:Part owl:disjointWith aic:Thing .", "major"),
    "disjoint from a new class": (
        "",
        "aic:New a owl:Class . [] a owl:AllDisjointClasses ; owl:members ( aic:New aic:Part ) .",
        "minor",
    ),
    "disjointness dropped": ("aic:Part owl:disjointWith aic:Thing .", "", "minor"),
    "functional": (P + ".", P + ", owl:FunctionalProperty .", "major"),
    "no longer functional": (P + ", owl:FunctionalProperty .", P + ".", "minor"),
    "transitive": (P + ".", P + ", owl:TransitiveProperty .", "minor"),
    "no longer transitive": (P + ", owl:TransitiveProperty .", P + ".", "major"),
    "another kind": (P + ".", "aic:p a owl:DatatypeProperty .", "major"),
    "superclass added": ("", "aic:Part rdfs:subClassOf ex:Other .", "minor"),
    "superclass dropped": ("aic:Part rdfs:subClassOf ex:Other .", "", "major"),
    "restriction added": (
        "",
        "aic:Part rdfs:subClassOf [ a owl:Restriction ; owl:onProperty aic:p ;"
        " owl:allValuesFrom aic:Thing ] .",
        "major",
    ),
    "inverse added": (P + ".", P + "; owl:inverseOf aic:q .", "minor"),
}


@pytest.mark.parametrize("name", LEVELS)
def test_level_follows_the_written_rule(name: str) -> None:
    before, after, level = LEVELS[name]
    found = compare(before, after)
    assert found.level == level, found.text()


def shape(body: str) -> str:
    return f"ex:PartShape a sh:NodeShape ; sh:targetClass aic:Part ; {body} ."


def on_p(body: str) -> str:
    return shape(f"sh:property [ sh:path aic:p ; {body} ]")


SHAPES = {
    "minimum raised": (on_p("sh:minCount 1"), on_p("sh:minCount 2"), "major"),
    "minimum lowered": (on_p("sh:minCount 2"), on_p("sh:minCount 1"), "minor"),
    "maximum lowered": (on_p("sh:maxCount 2"), on_p("sh:maxCount 1"), "major"),
    "maximum dropped": (on_p("sh:maxCount 2 ; sh:minCount 1"), on_p("sh:minCount 1"), "minor"),
    "list shortened": (on_p("sh:in ( 'a' 'b' )"), on_p("sh:in ( 'a' )"), "major"),
    "list extended": (on_p("sh:in ( 'a' )"), on_p("sh:in ( 'a' 'b c' )"), "minor"),
    "pattern changed": (on_p("sh:pattern '^a'"), on_p("sh:pattern '^b'"), "major"),
    "warning made a violation": (on_p("sh:severity sh:Warning"), on_p("sh:minCount 0"), "major"),
    "violation made a warning": (on_p("sh:minCount 1"), on_p("sh:minCount 1 ; sh:severity"
                                                            " sh:Warning"), "minor"),
    "constraint added": (shape("sh:nodeKind sh:IRI"),
                         shape("sh:nodeKind sh:IRI ; sh:property [ sh:path aic:p ]"), "major"),
    "constraint gone": (shape("sh:nodeKind sh:IRI ; sh:property [ sh:path aic:p ]"),
                        shape("sh:nodeKind sh:IRI"), "minor"),
    "closed": (shape("sh:nodeKind sh:IRI"), shape("sh:nodeKind sh:IRI ; sh:closed true"), "major"),
    "message changed": (on_p("sh:message 'a'@en"), on_p("sh:message 'b'@en"), "patch"),
    "shape added": ("ex:none a ex:Nothing .", "ex:none a ex:Nothing . " + on_p("sh:minCount 1"),
                    "major"),
    "shape removed": ("ex:none a ex:Nothing . " + on_p("sh:minCount 1"), "ex:none a ex:Nothing .",
                      "minor"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_level_of_a_shape_follows_the_written_rule(name: str) -> None:
    before, after, level = SHAPES[name]
    found = compare_shapes(before, after)
    assert found.level == level, found.text()


def test_shape_for_a_new_class_is_minor() -> None:
    before = version("", on_p("sh:minCount 1"))
    new = "ex:NewShape a sh:NodeShape ; sh:targetClass aic:New ; sh:nodeKind sh:IRI ."
    after = version("aic:New a owl:Class .", on_p("sh:minCount 1") + new)
    assert diff(before, after).level == "minor"


@pytest.mark.parametrize(
    ("number", "edit", "follows"),
    [
        ("1.2.3", "aic:Thing a owl:Class .", "1.2.3"),
        ("1.2.3", "aic:Thing rdfs:comment 'x'@en .", "1.2.4"),
        ("1.2.3", "aic:New a owl:Class .", "1.3.0"),
        ("1.2.3", "aic:Part owl:disjointWith aic:Thing .", "2.0.0"),
        ("0.1.4", "aic:Part owl:disjointWith aic:Thing .", "0.2.0"),
        ("0.1.4", "aic:New a owl:Class .", "0.2.0"),
        ("0.1.4", "aic:Thing rdfs:comment 'x'@en .", "0.1.5"),
    ],
)
def test_version_that_follows_is_computed(number: str, edit: str, follows: str) -> None:
    base = PREFIXES.replace("1.2.3", number)
    one, other = (Version("v", {"aicluster.ttl": text.encode()}) for text in (base, base + edit))
    assert diff(one, other).version == follows


def test_version_number_alone_is_no_change() -> None:
    other = Version("b", {"aicluster.ttl": PREFIXES.replace("1.2.3", "1.2.4").encode()})
    assert diff(version(), other).changes == ()


# --- renames ----------------------------------------------------------------------------------

OLD = (
    "aic:dateText a owl:DatatypeProperty ; rdfs:domain aic:Part ; rdfs:range xsd:string ;"
    " rdfs:label 'date text'@en ; skos:definition 'The dates as printed.'@en ."
)


def test_rename_is_proposed_with_its_score() -> None:
    change = only(compare(OLD, OLD.replace("aic:dateText", "aic:dateAsPrinted")))
    assert (change.kind, change.term, change.to) == (
        "renamed",
        aic("dateText"),
        aic("dateAsPrinted"),
    )
    assert 0.6 <= change.score < 1
    assert change.level == "major"


def test_what_follows_from_a_rename_is_not_told_again() -> None:
    use = " aic:sub a owl:DatatypeProperty ; rdfs:subPropertyOf aic:dateText ."
    found = compare(OLD + use, (OLD + use).replace("aic:dateText", "aic:dateAsPrinted"))
    assert only(found).kind == "renamed"


def test_unlike_terms_are_not_proposed_as_a_rename() -> None:
    other = (
        "aic:budget a owl:DatatypeProperty ; rdfs:domain aic:Thing ; rdfs:range xsd:decimal ;"
        " rdfs:label 'budget'@en ; skos:definition 'Money that may be spent.'@en ."
    )
    found = compare(OLD, other)
    assert {change.kind for change in found.changes} == {"added", "removed"}


def test_replacement_that_the_ontology_states_is_a_rename_for_sure() -> None:
    kept = (
        OLD.replace("aic:dateText", "aic:printed")
        + " aic:dateText a owl:DatatypeProperty ; owl:deprecated true ;"
        " dcterms:isReplacedBy aic:printed ."
    )
    change = only(compare(OLD, kept))
    assert (change.kind, change.to, change.score) == ("renamed", aic("printed"), 1.0)


def test_deprecation_names_the_replacement() -> None:
    found = compare("", "aic:Part owl:deprecated true ; dcterms:isReplacedBy aic:Thing .")
    (change,) = found.of("deprecated")
    assert (change.term, change.to) == (aic("Part"), aic("Thing"))


# --- output -----------------------------------------------------------------------------------


def test_text_markdown_and_json_tell_the_same() -> None:
    found = compare(OLD, "aic:Part rdfs:label 'piece'@en .")
    assert "- aic:dateText" in found.text()
    assert "major" in found.text().splitlines()[0]
    assert "1.2.3 is followed by 2.0.0" in found.text()
    assert "`aic:dateText`" in found.markdown()
    data = found.data()
    assert (data["level"], data["version"]) == ("major", "2.0.0")
    assert {(c["kind"], c["term"]) for c in data["changes"]} == {
        ("removed", aic("dateText")), ("label", aic("Part")),
    }  # fmt: skip


# --- where versions are read from -------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits of an ontology; returns its ontology folder."""
    folder = tmp_path / "work" / "ontology"
    folder.mkdir(parents=True)

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        command = ["git", "-C", str(folder.parent), *who, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (folder / "aicluster.ttl").write_text(PREFIXES, encoding="utf-8")
    git("add", ".")
    git("commit", "-qm", "one")
    git("tag", "v1")
    (folder / "aicluster.ttl").write_text(PREFIXES + OLD, encoding="utf-8")
    git("commit", "-qam", "two")
    return folder


@pytest.mark.parametrize("name", ["git:v1", "v1", "HEAD~1", "git:HEAD~1"])
def test_git_revision_is_read(repository: Path, name: str) -> None:
    one, two = Version.load(name, repository), Version.load(str(repository), repository)
    assert [change.term for change in diff(one, two).of("added")] == [aic("dateText")]


def test_frozen_version_is_read_by_its_number(tmp_path: Path) -> None:
    frozen = tmp_path / "releases" / "1.2.3"
    frozen.mkdir(parents=True)
    (frozen / "aicluster.ttl").write_text(PREFIXES, encoding="utf-8")
    (tmp_path / "aicluster.ttl").write_text(PREFIXES + OLD, encoding="utf-8")
    one, two = Version.load("1.2.3", tmp_path), Version.load(str(tmp_path), tmp_path)
    assert one.number == "1.2.3"
    assert [change.kind for change in diff(one, two).changes] == ["added"]


@pytest.mark.parametrize("name", ["nowhere", "git:nowhere", "9.9.9", "--output=x"])
def test_unknown_version_is_named(repository: Path, name: str) -> None:
    with pytest.raises(InputError, match=name):
        Version.load(name, repository)


def test_syntax_error_is_named_with_file_and_line() -> None:
    with pytest.raises(InputError, match=r"aicluster\.ttl:\d+:\d+: not Turtle"):
        _ = version("aic:x a ;; .").parts


def test_folder_without_turtle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected Turtle files"):
        Version.load(str(tmp_path), tmp_path)
