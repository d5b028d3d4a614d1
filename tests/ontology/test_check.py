"""Deliberate faults, one of each kind, in a copy of the project: each is found where it stands."""

# ruff: noqa: E501 - a table of faults reads row by row

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kg.errors import InputError
from kg.ontology.check import Checker, Result, Rule, check, rules, watch
from kg.ontology.findings import Finding
from kg.settings import shipped

PLACE = "ontology/place.ttl"
SHAPES = "ontology/shapes/place.ttl"
CONCEPTS = "ontology/vocabularies/concepts.ttl"
QUERY = "queries/places/faulty.rq"
MAPPING = "mappings/faulty.yml"
ALIGNMENT = "ontology/alignments/faulty.sssom.tsv"


def block(name: str, kind: str, *more: str, label: str = "", but: str = "") -> str:
    """A faultless term, with what `more` adds, without the line that starts with `but`."""
    words = label or re.sub(r"([A-Z])", r" \1", name).lower().strip()
    lines = [
        f'rdfs:label "{words}"@en , "{words[:3]}故障"@zh',
        f'skos:definition "What the test {name} is for."@en , "用于测试 {name}。"@zh',
        "rdfs:isDefinedBy aico:place",
        *more,
    ]
    kept = [line for line in lines if not but or not line.startswith(but)]
    return f"\naic:{name} a {kind} ;\n    " + " ;\n    ".join(kept) + " .\n"


def klass(name: str, *more: str, label: str = "", but: str = "") -> str:
    return block(name, "owl:Class", "rdfs:subClassOf aic:SpatialUnit", *more, label=label, but=but)


def link(name: str, *more: str, kind: str = "owl:ObjectProperty", but: str = "") -> str:
    sides = ["rdfs:domain aic:SpatialUnit", "rdfs:range aic:SpatialUnit"]
    given = [line.split()[0] for line in more]
    return block(
        name, kind, *(side for side in sides if side.split()[0] not in given), *more, but=but
    )


def value(name: str, *more: str) -> str:
    return block(name, "owl:DatatypeProperty", "rdfs:domain aic:SpatialUnit", *more)


def concept(name: str, *more: str, but: str = "", scheme: str = "scheme:spatial-levels") -> str:
    lines = [
        f'skos:prefLabel "{name}"@en , "{name}级"@zh',
        f'skos:notation "{name}"',
        f"skos:inScheme {scheme}",
        f"skos:topConceptOf {scheme}",
        *more,
    ]
    kept = [line for line in lines if not but or not line.startswith(but)]
    return (
        f"\nlevel:{name} a skos:Concept , aic:SpatialLevel ;\n    " + " ;\n    ".join(kept) + " .\n"
    )


def shape(
    *more: str, path: str = "aic:within", head: str = "sh:targetClass aic:SpatialUnit"
) -> str:
    message = 'sh:message "Mend it."@en , "请修正。"@zh'
    inner = " ;\n        ".join([f"sh:path {path}", message, *more])
    return f"\naicsh:FaultyShape a sh:NodeShape ;\n    {head} ;\n    sh:property [\n        {inner}\n    ] .\n"


@dataclass(frozen=True)
class Fault:
    """A fault: what is added to a file (or replaced in it), and the rule and text that show it."""

    name: str
    rule: str
    file: str
    added: str
    #: The finding stands on the line where this first occurs in what was added.
    marker: str
    replaces: str = ""


SSSOM = """#curie_map:
#  schema: https://schema.org/
#mapping_set_id: https://w3id.org/aicluster/ontology/alignments/faulty
subject_id\tpredicate_id\tobject_id\tmapping_justification\tconfidence
"""


def sssom(
    subject: str = "aic:City",
    predicate: str = "skos:closeMatch",
    match: str = "schema:City",
    confidence: str = "0.9",
) -> str:
    justified = "semapv:ManualMappingCuration"
    head = SSSOM.replace("#mapping", "#  semapv: https://w3id.org/semapv/vocab/\n#mapping")
    return head + "\t".join([subject, predicate, match, justified, confidence]) + "\n"


FAULTS = [
    # Files and modules
    Fault("syntax error", "syntax", PLACE, '\naic:Faulty a owl:Class ;; ; rdfs:label "x .\n', '"x .'),
    Fault("undefined prefix", "undefined-prefix", PLACE, "\naic:Faulty a foo:Bar .\n", "foo:Bar"),
    Fault("import of a module that is not there", "import-missing", PLACE, "\naico:place owl:imports\n    aico:nowhere .\n", "aico:nowhere"),
    Fault("import from the network", "import-missing", PLACE, "\naico:place owl:imports\n    <http://www.w3.org/ns/org> .\n", "<http://www.w3.org/ns/org>"),
    Fault("import cycle", "import-cycle", "ontology/core.ttl", "\naico:core owl:imports\n    aico:place .\n", ""),
    Fault("module not imported by the root", "import-not-in-root", "ontology/extra.ttl", '@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<https://w3id.org/aicluster/ontology/extra> a owl:Ontology .\n', ""),
    Fault("module with another name", "module-header", "ontology/extra.ttl", '@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<https://w3id.org/aicluster/ontology/other> a owl:Ontology .\n', "@prefix"),
    Fault("module without a title", "module-title-missing", "ontology/extra.ttl", '@prefix owl: <http://www.w3.org/2002/07/owl#> .\n<https://w3id.org/aicluster/ontology/extra> a owl:Ontology .\n', "<https://w3id.org/aicluster/ontology/extra>"),
    Fault("version that is no semantic version", "version-mismatch", "ontology/aicluster.ttl", 'owl:versionInfo "latest"', "owl:versionInfo", replaces=r'owl:versionInfo "[^"]*"'),
    Fault("root without a licence", "root-metadata-missing", "ontology/aicluster.ttl", "", "<https://w3id.org/aicluster/ontology> a", replaces=r"\n    dcterms:license [^;]*;"),
    # Names and words
    Fault("class without a label", "label-missing", PLACE, klass("Faulty", but="rdfs:label"), "aic:Faulty"),
    Fault("property without a Chinese label", "label-missing", PLACE, link("faulty", 'rdfs:label "faulty"@en', but='rdfs:label "faulty"@en ,'), "aic:faulty"),
    Fault("two labels in one language", "label-repeated", PLACE, klass("Faulty", 'rdfs:label "another"@en'), "rdfs:label"),
    Fault("label without a language", "label-untagged", PLACE, klass("Faulty", 'skos:altLabel "naked"'), "skos:altLabel"),
    Fault("label with stray white space", "label-whitespace", PLACE, klass("Faulty", 'skos:altLabel "two  spaces"@en'), "skos:altLabel"),
    Fault("label in the other script", "label-language-swapped", PLACE, klass("Faulty", 'rdfs:label "城市群"@en', but='rdfs:label "faulty"'), "rdfs:label"),
    Fault("two classes with one label", "label-equal", PLACE, klass("Zone", label="new innovation zone"), "aic:Zone"),
    Fault("class without a definition", "definition-missing", PLACE, klass("Faulty", but="skos:definition"), "aic:Faulty"),
    Fault("two definitions in one language", "definition-repeated", PLACE, klass("Faulty", 'skos:definition "Something else."@en'), "skos:definition"),
    Fault("definition copied from another class", "definition-equal", PLACE, klass("Faulty") + klass("Gaulty", 'skos:definition "What the test Faulty is for."@en', but='skos:definition "What the test Gaulty'), 'is for."@en .'),
    Fault("definition that repeats the label", "definition-is-label", PLACE, klass("Faulty", 'skos:definition "Faulty."@en'), "skos:definition"),
    Fault("class in lower case", "name-of-class", PLACE, klass("faulty"), "aic:faulty"),
    Fault("property in upper case", "name-of-property", PLACE, link("Faulty"), "aic:Faulty"),
    Fault("class that joins two concepts", "name-merges-concepts", PLACE, klass("CityOrCounty"), "aic:CityOrCounty"),
    Fault("class for the rest", "name-is-miscellaneous", PLACE, klass("OtherPlace"), "aic:OtherPlace"),
    Fault("property that says what rdf:type says", "name-is-is", PLACE, link("isA"), "aic:isA"),
    Fault("term that no module defines", "isdefinedby-missing", PLACE, klass("Faulty", but="rdfs:isDefinedBy"), "aic:Faulty"),
    Fault("term that another module defines", "isdefinedby-elsewhere", PLACE, klass("Faulty", "rdfs:isDefinedBy aico:event", but="rdfs:isDefinedBy aico:place"), "rdfs:isDefinedBy"),
    Fault("term in two modules", "term-repeated", "ontology/event.ttl", "\naic:City a owl:Class .\n", ""),
    Fault("term without a kind", "term-without-kind", PLACE, '\naic:Faulty rdfs:label "faulty"@en .\n', "aic:Faulty"),
    # Structure
    Fault("property without a domain", "domain-missing", PLACE, block("faulty", "owl:ObjectProperty", "rdfs:range aic:City"), "aic:faulty"),
    Fault("property without a range", "range-missing", PLACE, block("faulty", "owl:ObjectProperty", "rdfs:domain aic:City"), "aic:faulty"),
    Fault("two domains", "domain-several", PLACE, link("faulty", "rdfs:domain aic:City , aic:Province"), "rdfs:domain"),
    Fault("two ranges", "range-several", PLACE, link("faulty", "rdfs:range aic:City , aic:Province"), "rdfs:range"),
    Fault("cycle of classes", "class-cycle", PLACE, klass("Faulty", "rdfs:subClassOf aic:Gaulty") + klass("Gaulty", "rdfs:subClassOf aic:Faulty"), "rdfs:subClassOf"),
    Fault("cycle of properties", "property-cycle", PLACE, link("faulty", "rdfs:subPropertyOf aic:gaulty") + link("gaulty", "rdfs:subPropertyOf aic:faulty"), "rdfs:subPropertyOf"),
    Fault("class under no other", "class-orphan", PLACE, block("Faulty", "owl:Class"), "aic:Faulty"),
    Fault("superclass that follows already", "subclass-redundant", PLACE, klass("Faulty", "rdfs:subClassOf aic:City"), "rdfs:subClassOf aic:SpatialUnit"),
    Fault("class under two disjoint classes", "disjoint-superclasses", PLACE, block("Faulty", "owl:Class", "rdfs:subClassOf aic:City , aic:Region"), "rdfs:subClassOf"),
    Fault("class disjoint with itself", "disjoint-with-itself", PLACE, klass("Faulty", "owl:disjointWith aic:Faulty"), "aic:Faulty"),
    Fault("siblings without disjointness", "disjointness-missing", PLACE, klass("Faulty") + block("Gaulty", "owl:Class", "rdfs:subClassOf aic:Faulty") + block("Haulty", "owl:Class", "rdfs:subClassOf aic:Faulty"), "aic:Faulty"),
    Fault("property that is its own inverse", "inverse-of-itself", PLACE, link("faulty", "owl:inverseOf aic:faulty"), "owl:inverseOf"),
    Fault("inverse of a symmetric property", "inverse-of-symmetric", PLACE, link("faulty", "owl:inverseOf aic:within", kind="owl:ObjectProperty , owl:SymmetricProperty"), "aic:faulty"),
    Fault("inverse whose range is another class", "inverse-mismatch", PLACE, link("faulty", "rdfs:domain aic:Organization", "owl:inverseOf aic:within"), "rdfs:domain"),
    Fault("two inverses", "inverse-several", PLACE, link("faulty", "owl:inverseOf aic:within , aic:directlyWithin"), "owl:inverseOf"),
    Fault("symmetric property between two kinds", "symmetric-mismatch", PLACE, link("faulty", "rdfs:range aic:Organization", kind="owl:ObjectProperty , owl:SymmetricProperty"), "rdfs:range"),
    Fault("symmetric and asymmetric", "symmetric-and-asymmetric", PLACE, link("faulty", kind="owl:ObjectProperty , owl:SymmetricProperty , owl:AsymmetricProperty"), "aic:faulty"),
    Fault("subproperty of a property of others", "subproperty-domain", PLACE, link("faulty", "rdfs:range aic:Organization", "rdfs:subPropertyOf aic:within"), "rdfs:range"),
    Fault("object property with a datatype", "range-of-object-property", PLACE, link("faulty", "rdfs:range xsd:string"), "rdfs:range"),
    Fault("datatype property with a class", "range-of-datatype-property", PLACE, value("faulty", "rdfs:range aic:City"), "rdfs:range"),
    # Deprecation
    Fault("deprecated without a replacement", "deprecated-without-replacement", PLACE, klass("Faulty", "owl:deprecated true"), "owl:deprecated"),
    Fault("replaced by nothing that exists", "deprecated-replacement-unusable", PLACE, klass("Faulty", "owl:deprecated true", "dcterms:isReplacedBy aic:Gaulty"), "dcterms:isReplacedBy"),
    Fault("axiom about a deprecated term", "deprecated-in-axiom", PLACE, klass("Faulty", "owl:deprecated true", "dcterms:isReplacedBy aic:City") + link("faulty", "rdfs:range aic:Faulty"), "rdfs:range"),
    Fault("mapping to a deprecated term", "deprecated-in-use", PLACE, "    owl:deprecated true ; dcterms:isReplacedBy aic:Province ;\n    rdfs:label \"city\"@en", "", replaces=r"    rdfs:label \"city\"@en"),
    # OWL 2 DL
    Fault("undeclared superclass", "dl-undeclared", PLACE, klass("Faulty", "rdfs:subClassOf aic:Gaulty"), "rdfs:subClassOf aic:Gaulty"),
    Fault("undeclared term of others", "dl-undeclared", PLACE, klass("Faulty", "<https://schema.org/name> \"x\"@en"), "<https://schema.org/name>"),
    Fault("undeclared range", "dl-undeclared", PLACE, link("faulty", "rdfs:range aic:Gaulty"), "rdfs:range"),
    Fault("term that OWL does not have", "dl-reserved", PLACE, klass("Faulty", "owl:disjointFrom aic:City"), "owl:disjointFrom"),
    Fault("object and datatype property", "dl-punning", PLACE, block("faulty", "owl:ObjectProperty , owl:DatatypeProperty"), "aic:faulty"),
    Fault("class and property", "dl-punning", PLACE, block("Faulty", "owl:Class , owl:ObjectProperty"), "aic:Faulty"),
    Fault("datatype that OWL does not have", "dl-datatype", PLACE, value("faulty", "rdfs:range xsd:duration"), "rdfs:range"),
    Fault("restriction without a property", "dl-malformed", PLACE, klass("Faulty", "rdfs:subClassOf [ a owl:Restriction ; owl:allValuesFrom aic:City ]"), "rdfs:subClassOf ["),
    Fault("cardinality that is a word", "dl-malformed", PLACE, klass("Faulty", 'rdfs:subClassOf [ a owl:Restriction ; owl:onProperty aic:population ; owl:maxCardinality "one" ]'), "rdfs:subClassOf ["),
    Fault("list that is not closed", "dl-malformed", PLACE, klass("Faulty", "rdfs:subClassOf [ a owl:Class ; owl:intersectionOf [ <http://www.w3.org/1999/02/22-rdf-syntax-ns#first> aic:City ] ]"), "rdfs:subClassOf ["),
    Fault("datatype property under an object property", "dl-mixed-properties", PLACE, value("faulty", "rdfs:range xsd:string", "rdfs:subPropertyOf aic:within"), "rdfs:subPropertyOf"),
    Fault("symmetric datatype property", "dl-mixed-properties", PLACE, block("faulty", "owl:DatatypeProperty , owl:SymmetricProperty", "rdfs:range xsd:string"), "aic:faulty"),
    Fault("functional transitive property", "dl-non-simple", PLACE, link("faulty", kind="owl:TransitiveProperty , owl:ObjectProperty ,\n    owl:FunctionalProperty"), "owl:FunctionalProperty"),
    Fault("cardinality of a transitive property", "dl-non-simple", PLACE, klass("Faulty", 'rdfs:subClassOf [ a owl:Restriction ; owl:onProperty aic:within ; owl:maxCardinality "1"^^xsd:nonNegativeInteger ]'), "rdfs:subClassOf [" ),
    Fault("chain that leads back", "dl-irregular-chain", PLACE, link("faulty", "owl:propertyChainAxiom ( aic:gaulty aic:directlyWithin )") + link("gaulty", "rdfs:subPropertyOf aic:faulty", "owl:propertyChainAxiom ( aic:faulty aic:faulty )"), "owl:propertyChainAxiom"),
    # OWL 2 RL
    Fault("superclass that asks for some", "rl-profile", PLACE, klass("Faulty", "rdfs:subClassOf [ a owl:Restriction ; owl:onProperty aic:within ; owl:someValuesFrom aic:City ]"), "rdfs:subClassOf ["),
    Fault("superclass that is a union", "rl-profile", PLACE, klass("Faulty", "rdfs:subClassOf [ a owl:Class ; owl:unionOf ( aic:City aic:County ) ]"), "rdfs:subClassOf ["),
    Fault("cardinality of two", "rl-profile", PLACE, klass("Faulty", 'rdfs:subClassOf [ a owl:Restriction ; owl:onProperty aic:directlyWithin ; owl:maxCardinality "2"^^xsd:nonNegativeInteger ]'), "rdfs:subClassOf ["),
    Fault("disjoint union", "rl-profile", PLACE, klass("Faulty", "owl:disjointUnionOf ( aic:City aic:County )"), "owl:disjointUnionOf"),
    Fault("reflexive property", "rl-profile", PLACE, link("faulty", kind="owl:ObjectProperty , owl:ReflexiveProperty"), "aic:faulty"),
    Fault("range of everything", "rl-profile", PLACE, link("faulty", "rdfs:range owl:Thing"), "rdfs:range"),
    # Vocabularies
    Fault("concept without a Chinese label", "skos-label-missing", CONCEPTS, concept("9", 'skos:prefLabel "nine"@en', but="skos:prefLabel \"9\""), "level:9"),
    Fault("concept with two preferred labels", "skos-label-repeated", CONCEPTS, concept("9", 'skos:prefLabel "nine"@en'), "skos:prefLabel"),
    Fault("concept with a label of no language", "skos-label-untagged", CONCEPTS, concept("9", 'skos:altLabel "nine"'), "level:9"),
    Fault("label that is preferred and alternative", "skos-label-both", CONCEPTS, concept("9", 'skos:altLabel "9"@en'), "skos:altLabel"),
    Fault("two concepts with one label", "skos-label-equal", CONCEPTS, concept("9") + concept("99", 'skos:prefLabel "9"@en , "九"@zh', but="skos:prefLabel \"99\""), "level:99"),
    Fault("cycle of concepts", "skos-broader-cycle", CONCEPTS, concept("9", "skos:broader level:99", but="skos:top") + concept("99", "skos:broader level:9", but="skos:top"), "skos:broader"),
    Fault("related and broader", "skos-broader-and-related", CONCEPTS, concept("9", "skos:broader level:1 ; skos:related level:1", but="skos:top"), "skos:related"),
    Fault("broader concept of another scheme", "skos-broader-elsewhere", CONCEPTS, concept("9", "skos:broader status:sourced", but="skos:top"), "skos:broader"),
    Fault("broader concept that is not there", "skos-concept-undescribed", CONCEPTS, concept("9", "skos:broader level:77", but="skos:top"), "skos:broader"),
    Fault("concept in no scheme", "skos-not-in-scheme", CONCEPTS, '\nlevel:9 a skos:Concept ; skos:prefLabel "9"@en , "九"@zh ; skos:broader level:1 .\n', "level:9"),
    Fault("concept that hangs nowhere", "skos-orphan", CONCEPTS, concept("9", but="skos:top"), "level:9"),
    Fault("top concept with a broader one", "skos-top-with-broader", CONCEPTS, concept("9", "skos:broader level:1"), "skos:broader"),
    Fault("scheme without top concepts", "skos-scheme-without-top", CONCEPTS, '\nscheme:faulty a skos:ConceptScheme ; skos:prefLabel "faulty"@en , "错"@zh .\n', "scheme:faulty"),
    Fault("scheme without a label", "skos-scheme-label-missing", CONCEPTS, "\nscheme:faulty a skos:ConceptScheme .\n", "scheme:faulty"),
    Fault("two concepts with one notation", "skos-notation-repeated", CONCEPTS, concept("9", 'skos:notation "1"', but='skos:notation "9"'), "skos:notation"),
    Fault("exact and broad match at once", "skos-match-clash", CONCEPTS, concept("9", "skos:exactMatch status:sourced ; skos:broadMatch status:sourced"), "skos:exactMatch"),
    Fault("match within a scheme", "skos-match-in-scheme", CONCEPTS, concept("9", "skos:closeMatch level:1"), "level:9"),
    Fault("concept of two disjoint kinds", "skos-two-kinds", CONCEPTS, concept("9", "a aic:Technology"), "a aic:Technology"),
    Fault("vocabulary with an unknown class", "unknown-term", CONCEPTS, "\nlevel:9 a aic:SpatialRung .\n", "aic:SpatialRung"),
    # Shapes
    Fault("shape for a class that does not exist", "shape-target-unknown", SHAPES, shape(head="sh:targetClass aic:Faulty"), "aic:Faulty"),
    Fault("shape for a property that does not exist", "shape-path-unknown", SHAPES, shape(path="aic:faulty"), "aic:faulty"),
    Fault("shape that asks for an unknown class", "shape-class-unknown", SHAPES, shape("sh:class aic:Faulty"), "aic:Faulty"),
    Fault("shape that asks an object property for text", "shape-kind-of-value", SHAPES, shape("sh:datatype xsd:string"), "aic:within"),
    Fault("shape that asks for another datatype", "shape-range-mismatch", SHAPES, shape("sh:datatype xsd:decimal", path="aic:population"), "aic:population"),
    Fault("shape that asks for more than it allows", "shape-count-impossible", SHAPES, shape("sh:minCount 2", "sh:maxCount 1"), "sh:minCount"),
    Fault("shape with bounds the wrong way round", "shape-bounds-impossible", SHAPES, shape("sh:minInclusive 9", "sh:maxInclusive 1", path="aic:population"), "sh:minInclusive"),
    Fault("constraint without a Chinese message", "shape-message-missing", SHAPES, shape("sh:maxCount 3").replace(' , "请修正。"@zh', ""), "aic:within"),
    Fault("unknown severity", "shape-severity-unknown", SHAPES, shape("sh:severity aic:City"), "aic:City"),
    Fault("shape out of force", "shape-deactivated", SHAPES, shape("sh:deactivated true"), "sh:deactivated"),
    Fault("class without a shape", "shape-missing", PLACE, klass("Faulty"), "aic:Faulty"),
    Fault("shape that nothing uses", "shape-orphan", SHAPES, shape(head='sh:name "x"@en'), "aicsh:FaultyShape"),
    Fault("term that SHACL does not have", "shape-syntax", SHAPES, shape("sh:maximumCount 1"), "sh:maximumCount"),
    Fault("count that is text", "shape-syntax", SHAPES, shape('sh:maxCount "1"'), "sh:maxCount"),
    Fault("property shape without a path", "shape-syntax", SHAPES, "\naicsh:FaultyShape a sh:NodeShape ; sh:targetClass aic:City ;\n    sh:property aicsh:Nowhere .\n", "sh:property"),
    Fault("pattern that is no regular expression", "shape-pattern", SHAPES, shape('sh:pattern "^[0-9"', path="aic:gbCode"), "sh:pattern"),
    Fault("constraint that is no SPARQL", "shape-query", SHAPES, '\naicsh:FaultyShape a sh:NodeShape ; sh:targetClass aic:City ;\n    sh:sparql [ sh:message "x"@en , "错"@zh ;\n        sh:select "SELECT $this WHERE { $this " ] .\n', "sh:select"),
    # Mappings, queries, alignments
    Fault("mapping to a term that does not exist", "unknown-term", MAPPING, "maps:\n  x:\n    - aic:faulty: y\n", "aic:faulty"),
    Fault("query for a term that does not exist", "unknown-term", QUERY, "PREFIX aic: <https://w3id.org/aicluster/ontology#>\nSELECT ?x WHERE {\n  ?x aic:inhabitants ?y\n} ORDER BY ?x\n", "aic:inhabitants"),
    Fault("query that is no SPARQL", "query-syntax", QUERY, "SELECT ?x WHERE {\n  ?x ?y\n}\n", ""),
    Fault("alignment of a term that does not exist", "alignment", ALIGNMENT, sssom(subject="aic:Faulty"), "aic:Faulty"),
    Fault("alignment with an unknown predicate", "alignment", ALIGNMENT, sssom(predicate="skos:sameMatch"), "skos:sameMatch"),
    Fault("alignment with an undeclared prefix", "alignment", ALIGNMENT, sssom(match="fibo:City"), "fibo:City"),
    Fault("alignment with a confidence above one", "alignment", ALIGNMENT, sssom(confidence="1.5"), "1.5"),
    Fault("alignment without a column", "alignment", ALIGNMENT, SSSOM.replace("\tpredicate_id", ""), "subject_id"),
    Fault("alignment with a row twice", "alignment", ALIGNMENT, sssom() + sssom().splitlines()[-1] + "\n", ""),
    Fault("term that no query uses", "no-competency-question", PLACE, klass("Faulty"), "aic:Faulty"),
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    """A copy of what ships, and a checker of it that reads again what changed."""
    root = tmp_path_factory.mktemp("project")
    for name in ("ontology", "mappings", "queries"):
        shutil.copytree(shipped(name), root / name)
    return Checker(root, reason=False)


def seed(root: Path, fault: Fault) -> str:
    """Write the fault; returns the file's new text."""
    path = root / fault.file
    path.parent.mkdir(exist_ok=True)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if fault.replaces:
        text, count = re.subn(fault.replaces, lambda _: fault.added, text, count=1)
        assert count == 1
    else:
        text += fault.added
    path.write_text(text, encoding="utf-8")
    return text


@pytest.fixture
def seeded(project: Checker, request: pytest.FixtureRequest) -> Iterator[tuple[Result, Fault, str]]:
    fault: Fault = request.param
    path = project.root / fault.file
    before = path.read_bytes() if path.exists() else None
    text = seed(project.root, fault)
    try:
        yield project.run(), fault, text
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


@pytest.mark.parametrize("seeded", FAULTS, ids=lambda fault: fault.name, indirect=True)
def test_fault_is_named_with_rule_file_and_line(seeded: tuple[Result, Fault, str]) -> None:
    result, fault, text = seeded
    found = [one for one in result.findings if one.rule == fault.rule]
    if not fault.marker:
        assert found
        return
    start = 0 if fault.replaces else len(text) - len(fault.added)
    line = text.count("\n", 0, text.index(fault.marker, start)) + 1
    assert (fault.file, line) in {(one.file, one.line) for one in found}, [str(x) for x in found]


def test_faults_are_of_at_least_forty_kinds() -> None:
    assert len({fault.rule for fault in FAULTS}) >= 40
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_every_rule_has_a_fault_that_it_catches() -> None:
    names = {rule.name for rule in rules(shipped("ontology"))}
    assert names - {fault.rule for fault in FAULTS} == set()


# What ships


def test_what_ships_has_no_errors(project: Checker) -> None:
    result = project.run()
    assert [str(one) for one in result.findings if one.severity == "error"] == []
    assert result.ok


@pytest.mark.parametrize("rule", rules(shipped("ontology")), ids=lambda rule: rule.name)
def test_message_of_rule_names_only_what_its_query_gives(rule: Rule) -> None:
    selected = set(re.findall(r"\?(\w+)", rule.text[: rule.text.index("WHERE")]))
    assert "term" in selected
    assert set(re.findall(r"\{(\w+)\}", rule.message)) <= selected


def test_rule_with_a_broken_header_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "faulty.rq"
    path.write_text("#+ severity: error\n#+ title: x\nSELECT ?term WHERE { ?term a ?term }\n")
    with pytest.raises(InputError, match=r"faulty\.rq:2: expected severity, message or advice"):
        Rule.read(path)


def test_rule_that_is_no_sparql_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faulty.rq"
    path.write_text("#+ severity: error\n#+ message: x\nSELECT ?term WHERE { ?term\n")
    with pytest.raises(InputError, match=r"faulty\.rq"):
        Rule.read(path)


def test_folder_without_an_ontology_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the folder of the ontology"):
        check(tmp_path)


# Output

FOUND = Finding(
    "label-missing", "error", "ontology/a b.ttl", 3, "urn:x", "no 100% label\nat all", "add"
)


def test_finding_reads_as_a_line_that_editors_follow() -> None:
    assert str(FOUND) == "ontology/a b.ttl:3: error label-missing: no 100% label\nat all"


def test_result_is_not_ok_with_an_error_and_ok_with_a_warning() -> None:
    assert not Result([FOUND]).ok
    assert Result([Finding("x", "warning", "f", 1, "", "m")]).ok


def test_text_groups_findings_by_file() -> None:
    text = Result([FOUND, Finding("x", "info", "ontology/a b.ttl", 4, "", "m")]).text()
    assert text.count("ontology/a b.ttl") == 1
    assert "1 errors, 0 warnings, 1 infos" in text


def test_sarif_names_rule_level_and_place() -> None:
    (run,) = json.loads(json.dumps(Result([FOUND]).sarif()))["runs"]
    (one,) = run["results"]
    assert one["ruleId"] == run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"]
    assert one["level"] == "error"
    place = one["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "ontology/a%20b.ttl"
    assert place["region"]["startLine"] == 3


def test_github_annotation_escapes_what_ends_a_command() -> None:
    assert Result([FOUND]).github() == (
        "::error file=ontology/a b.ttl,line=3,title=label-missing::no 100%25 label%0Aat all\n"
    )


def test_data_is_json_with_counts() -> None:
    data = json.loads(json.dumps(Result([FOUND]).data()))
    assert data["ok"] is False
    assert data["counts"] == {"error": 1, "warning": 0, "info": 0}
    assert data["findings"][0]["line"] == 3


# Watching


def test_watch_checks_again_after_a_save(tmp_path: Path) -> None:
    for name in ("ontology",):
        shutil.copytree(shipped(name), tmp_path / name)
    results: list[Result] = []
    done = threading.Event()

    def on_result(result: Result) -> None:
        results.append(result)
        if len(results) == 1:
            path = tmp_path / PLACE
            path.write_text(path.read_text(encoding="utf-8") + klass("Faulty", but="rdfs:label"))
        else:
            done.set()

    watch(tmp_path, on_result, interval=0.01, stop=done.is_set)
    rules_found = [{one.rule for one in result.findings} for result in results]
    assert "label-missing" not in rules_found[0]
    assert "label-missing" in rules_found[1]
