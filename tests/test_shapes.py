"""The node shapes: valid SHACL, silent on sound data, exact about each kind of fault."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import pytest
from pyoxigraph import Quad, RdfFormat, Store, parse
from rdflib import RDF, RDFS, SH, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from kg import vocab
from kg.settings import shipped
from kg.validate import Report, Shapes, reference, validate, validate_delta

with warnings.catch_warnings():
    # pySHACL imports parts of rdflib and of its own that announce their retirement.
    warnings.simplefilter("ignore")
    import pyshacl

AIC = Namespace(vocab.AIC)
AICSH = Namespace("https://w3id.org/aicluster/ontology/shapes#")

#: `aic:` and the rest as everywhere, and one prefix per kind of resource: `place:beijing`.
KINDS = sorted({*vocab.KINDS.values(), "spatial-level", "status", "basis", "tier", "measure"})
KINDS += ["base", "sector", "scheme", "claim", "bound", "as-of", "period", "sample", "concept"]
KINDS += ["cluster", "component", "policy", "relation"]
NAMES = {**vocab.PREFIXES, **{kind: f"{vocab.BASE}{kind}/" for kind in KINDS}}
HEADER = "".join(f"@prefix {prefix}: <{iri}> .\n" for prefix, iri in NAMES.items())

#: One sound node for every shape, with every property that a shape constrains.
SOUND = """
evidence:e1 a aic:Evidence ;
    dcterms:source <https://example.org/report> ; dcterms:title "A report" ;
    dcterms:issued "2023-05-19"^^xsd:date ; aic:quote "so it says" ; aic:row "a.csv, 1" .

scheme:s a skos:ConceptScheme .
status:sourced a aic:AssertionStatus ; skos:notation "sourced" ; skos:inScheme scheme:s ;
    skos:prefLabel "sourced"@en , "有来源"@zh .
basis:model a aic:EmpowermentBasis ; skos:notation "model" ; skos:inScheme scheme:s ;
    skos:prefLabel "model"@en , "模型"@zh .
tier:general a aic:MembershipTier ; skos:notation "general" ; skos:inScheme scheme:s ;
    skos:prefLabel "general"@en , "普通"@zh .
measure:m a aic:Measure ; skos:notation "m" ; skos:inScheme scheme:s ;
    skos:prefLabel "measure"@en , "指标"@zh .
sector:tertiary a aic:EconomicSector ; skos:notation "tertiary" ; skos:inScheme scheme:s ;
    skos:prefLabel "tertiary sector"@en , "第三产业"@zh .
base:unstated a aic:Denominator ; skos:notation "unstated" ; skos:inScheme scheme:s ;
    skos:prefLabel "not stated"@en , "未说明"@zh .
spatial-level:1 a aic:SpatialLevel ; skos:notation "1" ; skos:inScheme scheme:s ;
    skos:prefLabel "zone"@en , "创新区"@zh .
spatial-level:2 a aic:SpatialLevel ; skos:notation "2" ; skos:inScheme scheme:s ;
    skos:prefLabel "city"@en , "城市"@zh .
spatial-level:3 a aic:SpatialLevel ; skos:notation "3" ; skos:inScheme scheme:s ;
    skos:prefLabel "region"@en , "区域"@zh .
spatial-level:4 a aic:SpatialLevel ; skos:notation "4" ; skos:inScheme scheme:s ;
    skos:prefLabel "nationwide"@en , "全国"@zh .
spatial-level:5 a aic:SpatialLevel ; skos:notation "5" ; skos:inScheme scheme:s ;
    skos:prefLabel "worldwide"@en , "全球"@zh .
field:finance a aic:ApplicationField ; skos:notation "finance" ; skos:inScheme scheme:s ;
    skos:prefLabel "finance"@en , "金融"@zh .
technology:nlp a aic:Technology ; skos:notation "nlp" ; skos:inScheme scheme:s ;
    skos:prefLabel "language"@en , "语言"@zh ; aic:wikidataId "Q30642" .
industry:i a aic:Industry ; skos:notation "I" ; skos:inScheme scheme:s ;
    skos:prefLabel "information"@en , "信息"@zh ; aic:sectorOfThree "tertiary" .
industry:i65 a aic:Industry ; skos:notation "I65" ; skos:inScheme scheme:s ;
    skos:prefLabel "software"@en , "软件"@zh ; aic:sectorOfThree "tertiary" ;
    skos:broader industry:i .

place:world a aic:World ; skos:prefLabel "World"@en ; aic:spatialLevel spatial-level:5 .
place:cn a aic:Country ; skos:prefLabel "China"@en ; aic:isoCode "CN" ;
    aic:spatialLevel spatial-level:4 ; aic:directlyWithin place:world .
place:sg a aic:Country ; skos:prefLabel "Singapore"@en ; aic:isoCode "SG" .
place:bth a aic:Region ; skos:prefLabel "Beijing-Tianjin-Hebei"@en ;
    aic:spatialLevel spatial-level:3 ; aic:directlyWithin place:cn .
place:hebei a aic:Province ; skos:prefLabel "Hebei"@en ; aic:gbCode "13" ;
    aic:directlyWithin place:cn , place:bth .
place:beijing a aic:City , aic:Province ; skos:prefLabel "Beijing"@en , "北京"@zh ;
    skos:altLabel "Peking"@en ; aic:isoCode "CN-BJ" ; aic:gbCode "11" ;
    aic:geonamesId "1816670" ; aic:wikidataId "Q956" ; aic:population 18960744 ;
    wgs84:lat 39.9075 ; wgs84:long 116.39723 ;
    aic:spatialLevel spatial-level:2 ; aic:directlyWithin place:cn , place:bth .
place:haidian a aic:County ; skos:prefLabel "Haidian"@en ; aic:gbCode "110108" ;
    aic:directlyWithin place:beijing .
place:zone a aic:NewInnovationZone ; skos:prefLabel "A zone"@en ;
    aic:spatialLevel spatial-level:1 ; aic:directlyWithin place:haidian .

organization:baidu a aic:MegaPlatform ; skos:prefLabel "Baidu"@en , "百度"@zh ;
    skos:altLabel "Baidu Inc." ; aic:locatedIn place:haidian ; aic:rorId "03vs3wt56" ;
    aic:wikidataId "Q14772" ; aic:lei "5493001NTNQJDH60PM02" ; aic:registryStatus "active" ;
    aic:registryType "company" ; aic:foundedIn "2000"^^xsd:gYear ;
    foaf:homepage <https://www.baidu.com/> ; org:hasSubOrganization organization:lab .
organization:lab a aic:AILaboratory ; skos:prefLabel "A laboratory"@en ;
    aic:foundedIn "1088"^^xsd:gYear ; org:subOrganizationOf organization:baidu ;
    aic:relatedOrganization organization:baidu ; aic:successor organization:baidu ;
    aic:predecessor organization:baidu .
organization:alliance a aic:IndustryAlliance ; skos:prefLabel "An alliance"@en .

platform:x a aic:Platform ; skos:prefLabel "A platform"@en ; aic:developedBy organization:baidu .
product:x a aic:Product ; skos:prefLabel "A product"@en ; aic:developedBy organization:baidu .
model:ernie a aic:AIModel ; skos:prefLabel "ERNIE"@en ; aic:developedBy organization:baidu ;
    aic:usesTechnology technology:nlp ; aic:publicationDate "2019-04-19"^^xsd:date ;
    aic:parameterCount 110000000.0 ; aic:trainingCompute 1.0e20 ; aic:domain "Language" ;
    aic:category "通用" .
project:paddle a aic:SoftwareProject ; skos:prefLabel "Paddle"@en ;
    aic:hostedBy organization:alliance ; aic:stage "graduated" ;
    aic:repository <https://example.org/paddle> .

empowerment:x a aic:Empowerment ; aic:empowerer organization:baidu ;
    aic:beneficiary organization:lab ; aic:inField field:finance ;
    aic:viaTechnology technology:nlp ; aic:viaArtefact model:ernie ; aic:basis basis:model ;
    aic:underDesignation designation:x ;
    aic:year "2023"^^xsd:gYear ; aic:status status:sourced ; aic:evidencedBy evidence:e1 .
membership:x a aic:AllianceMembership ; org:member organization:baidu ;
    org:organization organization:alliance ; aic:tier tier:general ;
    aic:status status:sourced ; aic:evidencedBy evidence:e1 .
programme:p a aic:Programme ; skos:prefLabel "A programme"@en .
designation:x a aic:Designation ; aic:designee place:beijing ; aic:programme programme:p ;
    aic:focus "driving"@en , "驾驶"@zh ; aic:approved "2019-02"^^xsd:gYearMonth ;
    aic:status status:sourced ; aic:evidencedBy evidence:e1 .

conference-series:aaai a aic:ConferenceSeries ; skos:prefLabel "AAAI"@en ;
    aic:ccfRank "A" ; aic:ccfSubfield "AI" .
conference:aaai-2022 a aic:ConferenceEdition ; skos:prefLabel "AAAI 2022"@en ;
    aic:ofSeries conference-series:aaai ; aic:year "2022"^^xsd:gYear ; aic:heldIn place:beijing ;
    aic:dateText "February 22" ; foaf:homepage <https://aaai.org/> .

report-edition:2023 a aic:ReportEdition ; skos:prefLabel "Report 2023"@en ;
    dcterms:issued "2023-05-19"^^xsd:date .
observation:x a aic:StatisticalObservation ; aic:measure measure:m ; aic:about field:finance ;
    aic:base base:unstated ; aic:edition report-edition:2023 ; aic:value 12.16 ; aic:unit "%" ;
    aic:rank 1 ; aic:claim "C131" ; aic:bound bound:exact ; aic:status status:sourced ;
    aic:asOf "2023-05-19"^^xsd:date ; aic:asOfBasis as-of:stated ; aic:evidencedBy evidence:e1 .
bound:exact a aic:Bound ; skos:notation "exact" ; skos:inScheme scheme:s ;
    skos:prefLabel "exact"@en , "准确"@zh .
base:none a aic:Denominator ; skos:notation "none" ; skos:inScheme scheme:s ;
    skos:prefLabel "none"@en , "无"@zh .
as-of:stated a aic:AsOfBasis ; skos:notation "stated" ; skos:inScheme scheme:s ;
    skos:prefLabel "stated"@en , "给出"@zh .
period:p a aic:Period ; skos:prefLabel "2014 to 2022"@en ;
    aic:since "2014"^^xsd:gYear ; aic:until "2022"^^xsd:gYear .
sample:s a aic:SampleDatabase ; skos:prefLabel "A sample"@en .
claim:c a aic:Claim ; aic:claim "C131" ; aic:claimKind concept:ClaimKind ;
    aic:subjectText "smart city" ; aic:measureText "share" ; aic:valueText "12.16" ;
    aic:unitText "%" ; aic:statedSubject field:finance ; aic:states observation:x ;
    aic:statedProperty aic:hasTrend ; aic:during period:p ; aic:confidence 0.9 ;
    aic:status status:sourced ; aic:evidencedBy evidence:e1 .

cluster:c a aic:AIIndustrialInnovationCluster ; skos:prefLabel "A cluster"@en ;
    aic:hasComponent component:a , component:b , component:c , component:d ;
    aic:distributedIn place:beijing .
cluster:i a aic:IndustrialIntelligentInnovationCluster ; skos:prefLabel "Another"@en ;
    aic:hasSpecialisedField field:finance .
component:a a aic:EnterpriseCluster ; skos:prefLabel "Firms"@en .
component:b a aic:InnovationResource ; skos:prefLabel "Resources"@en .
component:c a aic:InnovationSystem ; skos:prefLabel "System"@en .
component:d a aic:CyberspaceIndustrialEcology ; skos:prefLabel "Ecology"@en .

place:park a aic:AIIndustrialPark ; skos:prefLabel "A park"@en .
place:tech a aic:HighTechPark ; skos:prefLabel "A high-tech park"@en .
place:district a aic:District ; skos:prefLabel "A district"@en ; aic:directlyWithin place:beijing .
policy:p a aic:Policy ; skos:prefLabel "A policy"@en .
"""

#: Concept classes whose notation is a slug, and those whose list is closed.
SLUGS = [
    "OrganizationRole", "Discipline", "StudyProgramme", "Topic", "Driver", "Challenge",
    "StrategicGoal", "StrategicMeasure", "Trend", "Characteristic", "ActorType",
    "InnovationStage", "AnalysisMethod", "ActivityArea", "LayoutArea", "Measure", "Denominator",
]  # fmt: skip
CLOSED = {
    "ClaimKind": "share",
    "ClusterRole": "core",
    "ParticipationRole": "host",
    "SiteRole": "branch",
    "EducationLevel": "doctoral",
    "AsOfBasis": "stated",
    "Bound": "lower",
}
SOUND += "".join(
    f'concept:{kind} a aic:{kind} ; skos:notation "{CLOSED.get(kind, kind.lower())}" ; '
    'skos:inScheme scheme:s ; skos:prefLabel "one"@en , "一"@zh .\n'
    for kind in [*SLUGS, *CLOSED]
)

#: Kinds of organization (and a few others), each with the kind that it is not also of.
APART = {
    "Enterprise": ("GovernmentBody", "Warning"),
    "PlatformEnterprise": ("InvestmentInstitution", "Warning"),
    "MegaPlatform": ("Startup", "Violation"),
    "PillarEnterprise": ("University", "Warning"),
    "Unicorn": ("MegaPlatform", "Warning"),
    "SME": ("MegaPlatform", "Violation"),
    "Startup": ("IntelligentTransformationEnterprise", "Warning"),
    "IntelligentTransformationEnterprise": ("MegaPlatform", "Warning"),
    "InnovativeLeadingEnterprise": ("Startup", "Warning"),
    "EducationOrganization": ("Enterprise", "Warning"),
    "University": ("HigherVocationalSchool", "Violation"),
    "HigherVocationalSchool": ("ResearchInstitute", "Warning"),
    "ResearchUniversity": ("ResearchInstitute", "Warning"),
    "AIUniversity": ("AILaboratory", "Warning"),
    "ResearchInstitute": ("University", "Warning"),
    "ResearchFacility": ("University", "Warning"),
    "NewInnovationOrganization": ("University", "Warning"),
    "AILaboratory": ("GovernmentBody", "Warning"),
    "Investor": ("IndustryAlliance", "Warning"),
    "InvestmentInstitution": ("NonInvestmentInvestor", "Violation"),
    "IndustryAlliance": ("Enterprise", "Warning"),
    "GovernmentBody": ("IndustryAlliance", "Warning"),
    "HealthcareOrganization": ("InvestmentInstitution", "Warning"),
    "NonprofitOrganization": ("Enterprise", "Warning"),
    "StandardsBody": ("InvestmentInstitution", "Warning"),
    "NonInvestmentInvestor": ("StandardsBody", "Warning"),
}
KINDS_OF_ORGANIZATION = sorted(APART)
SOUND += "".join(
    f'organization:{kind} a aic:{kind} ; skos:prefLabel "{kind}"@en .\n'
    for kind in KINDS_OF_ORGANIZATION
)

#: The other relations: their class and what each must say.
RELATIONS = {
    "TechnologyCollaboration": "aic:participant organization:lab , organization:baidu",
    "TechnologyInput": "aic:supplier organization:lab ; aic:receiver organization:baidu",
    "Investment": "aic:investor organization:lab ; aic:investee organization:baidu ; "
    'aic:round "A" ; aic:amount 5000000.0 ; aic:currency "CNY"',
    "Acquisition": "aic:investor organization:baidu ; aic:investee organization:lab",
    "ConferenceParticipation": "aic:attendee organization:baidu ; "
    "aic:atEdition conference:aaai-2022 ; aic:participationRole concept:ParticipationRole",
    "Siting": "aic:sitedOrganization organization:baidu ; aic:sitedAt place:beijing ; "
    "aic:siteRole concept:SiteRole",
    "RoleHolding": "aic:roleHolder organization:baidu ; aic:role concept:OrganizationRole ; "
    'aic:since "2010"^^xsd:gYear ; aic:until "2015-06"^^xsd:gYearMonth',
    "PolicyAdoption": "aic:issuer organization:GovernmentBody ; aic:adoptedPolicy policy:p ; "
    "aic:forPlace place:beijing ; aic:inField field:finance ; "
    'aic:adopted "2017-07"^^xsd:gYearMonth',
    "ProgrammeOffering": "aic:offeredBy organization:University ; aic:offers concept:Discipline ; "
    'aic:educationLevel concept:EducationLevel ; aic:authorised "2021"^^xsd:gYear',
    "ClusterMembership": "org:member organization:baidu ; aic:inCluster cluster:c ; "
    "aic:clusterRole concept:ClusterRole",
}
SOUND += "".join(
    f"relation:{kind} a aic:{kind} ; {roles} ; aic:status status:sourced ; "
    "aic:evidencedBy evidence:e1 .\n"
    for kind, roles in RELATIONS.items()
)
# Each cluster has members of two kinds.
SOUND += "".join(
    f"relation:m{number} a aic:ClusterMembership ; org:member {member} ; aic:inCluster {cluster} ; "
    "aic:status status:sourced ; aic:evidencedBy evidence:e1 .\n"
    for number, (member, cluster) in enumerate(
        [
            ("organization:lab", "cluster:c"),
            ("organization:lab", "cluster:i"),
            ("organization:baidu", "cluster:i"),
        ]
    )
)


@cache
def shapes() -> Graph:
    graph = Graph()
    files = sorted((shipped("ontology") / "shapes").glob("*.ttl"))
    assert len(files) == 12
    for path in files:
        graph.parse(path, format="turtle")
    return graph


@cache
def hierarchy() -> Graph:
    """What a validator needs of the ontology: the classes and what they stand under."""
    graph = Graph()
    for path in sorted(shipped("ontology").glob("*.ttl")):
        for triple in Graph().parse(path, format="turtle").triples((None, RDFS.subClassOf, None)):
            graph.add(triple)
    return graph


def data(extra: str = "", cut: tuple[str, str] | None = None) -> Graph:
    graph = Graph().parse(data=HEADER + SOUND, format="turtle")
    if cut:
        pattern = (name(cut[0]), name(cut[1]), None)
        assert pattern in graph, f"nothing to cut at {cut}"
        graph.remove(pattern)
    return graph.parse(data=HEADER + extra, format="turtle") + hierarchy()


@cache
def sound_graph() -> Graph:
    return data()


def name(curie: str) -> URIRef:
    prefix, _, local = curie.partition(":")
    return URIRef(NAMES[prefix] + local)


def quads(graph: Graph) -> list[Quad]:
    """The graph's statements, blank nodes by the same labels."""
    text = graph.serialize(format="nt").encode()
    return list(parse(text, format=RdfFormat.N_TRIPLES))


@cache
def compiled() -> Shapes:
    return Shapes.compile(quads(shapes()))


@cache
def sound() -> tuple[frozenset[Quad], Report]:
    """The sound data as a store keeps them, and their report."""
    store = stored(quads(data()))
    return frozenset(store), validate(store, compiled())


def stored(statements: Iterable[Quad]) -> Store:
    store = Store()
    store.bulk_extend(statements)
    return store


def results(graph: Graph) -> Graph:
    """The standard report; `test_differential` holds its engine to pySHACL's results."""
    return standard(validate(stored(quads(graph)), compiled()))


def standard(report: Report) -> Graph:
    return reference.graph(parse(report.turtle, format=RdfFormat.TURTLE))


def edited(extra: str, cut: tuple[str, str] | None) -> tuple[Store, set[Quad], set[Quad]]:
    """The sound data after an edit, and the statements that it put in and took out."""
    before = sound()[0]
    gone = {q for q in before if cut and (q.subject.value, q.predicate.value)
            == (str(name(cut[0])), str(name(cut[1])))}  # fmt: skip
    assert gone or not cut, f"nothing to cut at {cut}"
    new = set(stored(parse((HEADER + extra).encode(), format=RdfFormat.TURTLE)))
    return stored(before - gone | new), new - before, gone - new


@dataclass(frozen=True)
class Fault:
    """One edit of the sound data, and the one result it must give."""

    fact: str
    shape: str
    focus: str
    path: str
    component: str
    add: str = ""
    cut: bool = False
    severity: str = "Violation"


def fault(
    fact: str,
    shape: str,
    focus: str,
    path: str,
    component: str,
    value: str | None = None,
    *,
    replace: bool = True,
    severity: str = "Violation",
    also: str = "",
) -> Fault:
    """The property at `path` of `focus` gets `value` (None: loses all), instead of or besides."""
    add = also if value is None else f"{focus} {path} {value} . {also}"
    return Fault(fact, shape, focus, path, component, add, value is None or replace, severity)


def besides(fact: str, shape: str, focus: str, path: str, component: str, value: str) -> Fault:
    return fault(fact, shape, focus, path, component, value, replace=False)


E, M, D = "empowerment:x", "membership:x", "designation:x"
S, B, L = "observation:x", "organization:baidu", "place:beijing"
C, A = "conference:aaai-2022", "model:ernie"
TWO_STATUSES = """status:sourced , status:memory . status:memory a aic:AssertionStatus ;
    skos:notation "memory" ; skos:inScheme scheme:s ; skos:prefLabel "memory"@en , "记忆"@zh"""

FAULTS = [
    # Evidence
    fault(
        "evidence can be looked up",
        "Evidence",
        "evidence:e1",
        "dcterms:source",
        "MinCount",
        severity="Warning",
    ),
    fault("source is an IRI", "Evidence", "evidence:e1", "dcterms:source", "NodeKind", '"a page"'),
    fault("evidence has a title", "Evidence", "evidence:e1", "dcterms:title", "MinCount"),
    fault("title is plain text", "Evidence", "evidence:e1", "dcterms:title", "Datatype", '"A"@en'),
    fault("title is not empty", "Evidence", "evidence:e1", "dcterms:title", "MinLength", '""'),
    fault("issued is a date", "Evidence", "evidence:e1", "dcterms:issued", "Or", '"last year"'),
    fault("row is text", "Evidence", "evidence:e1", "aic:row", "Datatype", "17"),
    # Concepts
    fault(
        "concept has a Chinese label",
        "Concept",
        "field:finance",
        "skos:prefLabel",
        "MinCount",
        '"finance"@en',
    ),
    fault("concept has a notation", "Concept", "measure:m", "skos:notation", "MinCount"),
    fault("concept is in a scheme", "Concept", "field:finance", "skos:inScheme", "MinCount"),
    fault("scheme exists", "Concept", "field:finance", "skos:inScheme", "Class", "scheme:none"),
    fault(
        "status is a known one",
        "AssertionStatus",
        "status:sourced",
        "skos:notation",
        "In",
        '"guessed"',
    ),
    fault(
        "basis is a known one", "EmpowermentBasis", "basis:model", "skos:notation", "In", '"rumour"'
    ),
    fault("tier is a known one", "MembershipTier", "tier:general", "skos:notation", "In", '"gold"'),
    fault(
        "sector is a known one",
        "EconomicSector",
        "sector:tertiary",
        "skos:notation",
        "In",
        '"quaternary"',
    ),
    fault(
        "level is one of five",
        "SpatialLevel",
        "spatial-level:1",
        "skos:notation",
        "In",
        '"6"',
        also="place:zone a aic:SpatialUnit .",
    ),
    fault(
        "field's notation is a slug",
        "ApplicationField",
        "field:finance",
        "skos:notation",
        "Pattern",
        '"Finance!"',
    ),
    fault(
        "technology's notation is a slug",
        "Technology",
        "technology:nlp",
        "skos:notation",
        "Pattern",
        '"N L P"',
    ),
    Fault(
        "technology is no field",
        "Technology",
        "technology:nlp",
        "",
        "Not",
        "technology:nlp a aic:ApplicationField .",
    ),
    Fault(
        "field is no industry",
        "ApplicationField",
        "field:finance",
        "",
        "Not",
        'field:finance a aic:Industry ; aic:sectorOfThree "tertiary" .',
    ),
    fault(
        "industry has a GB/T code", "Industry", "industry:i65", "skos:notation", "Pattern", '"65"'
    ),
    besides(
        "division has one section",
        "Industry",
        "industry:i65",
        "skos:broader",
        "MaxCount",
        "industry:i65",
    ),
    fault("industry has a sector", "Industry", "industry:i", "aic:sectorOfThree", "MinCount"),
    fault(
        "sector is one of three", "Industry", "industry:i", "aic:sectorOfThree", "In", '"services"'
    ),
    # Places
    fault("place has a name", "SpatialUnit", "place:hebei", "skos:prefLabel", "MinCount"),
    besides(
        "one name per language", "SpatialUnit", L, "skos:prefLabel", "UniqueLang", '"Peking"@en'
    ),
    besides(
        "name is English or Chinese", "SpatialUnit", L, "skos:prefLabel", "LanguageIn", '"Pékin"@fr'
    ),
    besides("name has a language", "SpatialUnit", L, "skos:prefLabel", "LanguageIn", '"BJ"'),
    besides(
        "further name is text",
        "SpatialUnit",
        L,
        "skos:altLabel",
        "NodeKind",
        "<https://example.org/peking>",
    ),
    besides("parent is a place", "SpatialUnit", L, "aic:directlyWithin", "Class", "place:atlantis"),
    fault(
        "Wikidata id is no address",
        "SpatialUnit",
        L,
        "aic:wikidataId",
        "Pattern",
        '"http://www.wikidata.org/entity/Q956"',
    ),
    Fault(
        "two Wikidata ids are a warning",
        "SpatialUnit",
        L,
        "aic:wikidataId",
        "MaxCount",
        f'{L} aic:wikidataId "Q957" .',
        severity="Warning",
    ),
    fault(
        "GeoNames id has only digits", "SpatialUnit", L, "aic:geonamesId", "Pattern", '"gn1816670"'
    ),
    fault("GeoNames id is text", "SpatialUnit", L, "aic:geonamesId", "Datatype", "1816670"),
    fault("ISO code has its form", "SpatialUnit", L, "aic:isoCode", "Pattern", '"CHN"'),
    fault("GB code has even length", "SpatialUnit", L, "aic:gbCode", "Pattern", '"110"'),
    fault("latitude is on Earth", "SpatialUnit", L, "wgs84:lat", "MaxInclusive", "91.0"),
    fault("longitude is on Earth", "SpatialUnit", L, "wgs84:long", "MinInclusive", "-180.5"),
    fault("population is not negative", "SpatialUnit", L, "aic:population", "MinInclusive", "-1"),
    besides("one population", "SpatialUnit", L, "aic:population", "MaxCount", "1"),
    Fault(
        "zone is no park",
        "NewInnovationZone",
        "place:zone",
        "",
        "Not",
        "place:zone a aic:IndustrialPark .",
    ),
    fault(
        "zone is on level 1",
        "NewInnovationZone",
        "place:zone",
        "aic:spatialLevel",
        "HasValue",
        "spatial-level:2",
    ),
    Fault("city is on level 2", "City", L, "aic:spatialLevel", "HasValue", cut=True),
    fault(
        "province is on no level",
        "Province",
        "place:hebei",
        "aic:spatialLevel",
        "In",
        "spatial-level:3",
        replace=False,
    ),
    fault(
        "county is on no level",
        "County",
        "place:haidian",
        "aic:spatialLevel",
        "MaxCount",
        "spatial-level:2",
        replace=False,
    ),
    fault("region is on level 3", "Region", "place:bth", "aic:spatialLevel", "HasValue"),
    fault(
        "country is on level 4", "Country", "place:cn", "aic:spatialLevel", "In", "spatial-level:5"
    ),
    fault("country has an ISO code", "Country", "place:sg", "aic:isoCode", "MinCount"),
    fault(
        "world is on level 5",
        "World",
        "place:world",
        "aic:spatialLevel",
        "HasValue",
        "spatial-level:4",
    ),
    # Organizations
    fault(
        "organization has a name", "Organization", "organization:lab", "skos:prefLabel", "MinCount"
    ),
    fault(
        "place of an organization exists",
        "Organization",
        B,
        "aic:locatedIn",
        "Class",
        "place:nowhere",
    ),
    fault(
        "place is no organization", "Organization", B, "aic:locatedIn", "Class", "organization:lab"
    ),
    fault("ROR id has nine characters", "Organization", B, "aic:rorId", "Pattern", '"03vs3wt5"'),
    besides("one ROR id", "Organization", B, "aic:rorId", "MaxCount", '"00cmhce21"'),
    fault("LEI has twenty characters", "Organization", B, "aic:lei", "Pattern", '"5493001"'),
    fault(
        "status is active or inactive", "Organization", B, "aic:registryStatus", "In", '"withdrawn"'
    ),
    fault("founding year is a year", "Organization", B, "aic:foundedIn", "Datatype", "2000"),
    fault(
        "founding year is plausible",
        "Organization",
        B,
        "aic:foundedIn",
        "Pattern",
        '"0200"^^xsd:gYear',
    ),
    fault(
        "founding year is not ahead",
        "Organization",
        B,
        "aic:foundedIn",
        "Pattern",
        '"2201"^^xsd:gYear',
    ),
    fault("homepage is an IRI", "Organization", B, "foaf:homepage", "NodeKind", '"www.baidu.com"'),
    fault(
        "parent organization exists",
        "Organization",
        "organization:lab",
        "org:subOrganizationOf",
        "Class",
        "organization:none",
    ),
    fault(
        "successor exists",
        "Organization",
        "organization:lab",
        "aic:successor",
        "Class",
        "organization:none",
    ),
    # Artefacts
    Fault(
        "model without a maker is a warning",
        "AIModel",
        A,
        "aic:developedBy",
        "MinCount",
        cut=True,
        severity="Warning",
    ),
    fault("maker is an organization", "Artefact", A, "aic:developedBy", "Class", L),
    fault(
        "technology is of the vocabulary",
        "Artefact",
        A,
        "aic:usesTechnology",
        "Class",
        "field:finance",
    ),
    fault(
        "publication date is a day",
        "Artefact",
        A,
        "aic:publicationDate",
        "Datatype",
        '"2019"^^xsd:gYear',
    ),
    fault(
        "publication date is plausible",
        "Artefact",
        A,
        "aic:publicationDate",
        "MinInclusive",
        '"1919-04-19"^^xsd:date',
    ),
    fault(
        "parameter count is above zero", "AIModel", A, "aic:parameterCount", "MinExclusive", "0.0"
    ),
    fault("compute is a double", "AIModel", A, "aic:trainingCompute", "Datatype", '"1e20"'),
    fault(
        "host is an organization",
        "SoftwareProject",
        "project:paddle",
        "aic:hostedBy",
        "Class",
        "model:ernie",
    ),
    fault(
        "repository is an IRI",
        "SoftwareProject",
        "project:paddle",
        "aic:repository",
        "NodeKind",
        '"github.com"',
    ),
    fault(
        "project has one stage",
        "SoftwareProject",
        "project:paddle",
        "aic:stage",
        "MaxCount",
        '"incubating" , "graduated"',
    ),
    # Relations
    fault("relation has evidence", "Assertion", E, "aic:evidencedBy", "MinCount"),
    fault("evidence is evidence", "Assertion", M, "aic:evidencedBy", "Class", A),
    fault("relation has a status", "Assertion", D, "aic:status", "MinCount"),
    fault("relation has one status", "Assertion", E, "aic:status", "MaxCount", TWO_STATUSES),
    fault("status is of the vocabulary", "Assertion", E, "aic:status", "Class", "status:none"),
    fault("year is a year", "Relation", E, "aic:year", "Datatype", '"2023-01-01"^^xsd:date'),
    fault("year is plausible", "Relation", E, "aic:year", "Pattern", '"1023"^^xsd:gYear'),
    fault("field is of the vocabulary", "Relation", E, "aic:inField", "Class", "technology:nlp"),
    fault("technology is no field", "Relation", E, "aic:viaTechnology", "Class", "field:finance"),
    fault("empowerment has an empowerer", "Empowerment", E, "aic:empowerer", "MinCount"),
    fault("empowerer is no artefact", "Empowerment", E, "aic:empowerer", "Or", A),
    fault("beneficiary is no place", "Empowerment", E, "aic:beneficiary", "Or", L),
    fault("nobody empowers itself", "Empowerment", E, "aic:beneficiary", "Disjoint", B),
    fault("artefact is an artefact", "Empowerment", E, "aic:viaArtefact", "Class", B),
    fault("designation is a designation", "Empowerment", E, "aic:underDesignation", "Class", M),
    fault("empowerment has a basis", "Empowerment", E, "aic:basis", "MinCount"),
    fault("membership has a member", "AllianceMembership", M, "org:member", "MinCount"),
    besides(
        "membership has one member",
        "AllianceMembership",
        M,
        "org:member",
        "MaxCount",
        "organization:lab",
    ),
    fault(
        "member is of an alliance",
        "AllianceMembership",
        M,
        "org:organization",
        "Class",
        "organization:lab",
    ),
    fault(
        "membership's tier is of the vocabulary",
        "AllianceMembership",
        M,
        "aic:tier",
        "Class",
        "tier:none",
    ),
    fault("designation has a designee", "Designation", D, "aic:designee", "MinCount"),
    fault("designee is organization or place", "Designation", D, "aic:designee", "Or", A),
    fault("programme is of the vocabulary", "Designation", D, "aic:programme", "Class", B),
    fault("focus has a language", "Designation", D, "aic:focus", "LanguageIn", '"driving"'),
    fault("approval is a date", "Designation", D, "aic:approved", "Or", '"2019-02"'),
    fault("programme has a name", "Programme", "programme:p", "skos:prefLabel", "MinCount"),
    # Events
    fault(
        "rank is A, B, C or N",
        "ConferenceSeries",
        "conference-series:aaai",
        "aic:ccfRank",
        "In",
        '"A*"',
    ),
    fault(
        "subfield has two letters",
        "ConferenceSeries",
        "conference-series:aaai",
        "aic:ccfSubfield",
        "Pattern",
        '"ai"',
    ),
    fault("edition is of a series", "ConferenceEdition", C, "aic:ofSeries", "MinCount"),
    fault("series is a series", "ConferenceEdition", C, "aic:ofSeries", "Class", B),
    fault("edition has a year", "ConferenceEdition", C, "aic:year", "MinCount"),
    fault("edition is held in a place", "ConferenceEdition", C, "aic:heldIn", "Class", B),
    # Statistics
    fault(
        "issue date has a type",
        "ReportEdition",
        "report-edition:2023",
        "dcterms:issued",
        "Or",
        '"May 2023"',
    ),
    fault("figure has a measure", "StatisticalObservation", S, "aic:measure", "MinCount"),
    fault("figure has a base", "StatisticalObservation", S, "aic:base", "MinCount"),
    fault(
        "figure is not its own base",
        "StatisticalObservation",
        S,
        "aic:about",
        "Disjoint",
        "base:unstated",
    ),
    fault("figure is about no organization", "StatisticalObservation", S, "aic:about", "Or", B),
    fault("share is at most all", "ShareValue", S, "aic:value", "SPARQL", "100.01"),
    fault("value is a decimal", "StatisticalObservation", S, "aic:value", "Datatype", '"12.16"'),
    besides("figure has one value", "StatisticalObservation", S, "aic:value", "MaxCount", "12.1"),
    fault("unit is per cent", "StatisticalObservation", S, "aic:unit", "In", '"percent"'),
    fault(
        "figure is of an edition",
        "StatisticalObservation",
        S,
        "aic:edition",
        "Class",
        "evidence:e1",
    ),
    fault("rank starts at one", "StatisticalObservation", S, "aic:rank", "MinInclusive", "0"),
    fault("claim has a number", "Assertion", S, "aic:claim", "Pattern", '"131"'),
    fault("figure has evidence", "Assertion", S, "aic:evidencedBy", "MinCount"),
    fault("figure has a status", "Assertion", S, "aic:status", "MinCount"),
    fault("figure says whether it bounds", "StatisticalObservation", S, "aic:bound", "MinCount"),
    fault(
        "value is not negative", "StatisticalObservation", S, "aic:value", "MinInclusive", "-1.0"
    ),
    fault("share has a base", "ShareBase", S, "aic:base", "SPARQL", "base:none"),
    fault(
        "one figure for one question",
        "OneFigure",
        S,
        "aic:about",
        "SPARQL",
        "field:finance",
        also="""observation:y a aic:StatisticalObservation ; aic:measure measure:m ;
            aic:about field:finance ; aic:base base:unstated ; aic:edition report-edition:2023 ;
            aic:value 12.1 ; aic:unit "%" ; aic:bound bound:exact ; aic:status status:sourced ;
            aic:evidencedBy evidence:e1 .""",
    ),
    fault("sample has a name", "SampleDatabase", "sample:s", "skos:prefLabel", "MinCount"),
    fault("date says how it is known", "AsOf", S, "aic:asOfBasis", "MinCount"),
    fault("as-of is a date", "Assertion", S, "aic:asOf", "Or", '"so far"'),
    # Assertions in time
    fault(
        "confidence is at most one", "Assertion", "claim:c", "aic:confidence", "MaxInclusive", "1.5"
    ),
    fault("confidence is a number", "Assertion", "claim:c", "aic:confidence", "Datatype", '"high"'),
    fault(
        "nothing ends before it begins",
        "Order",
        "relation:RoleHolding",
        "aic:until",
        "SPARQL",
        '"2009-12"^^xsd:gYearMonth',
    ),
    fault("period begins", "Period", "period:p", "aic:since", "MinCount"),
    fault("period ends", "Period", "period:p", "aic:until", "MinCount"),
    fault(
        "since of a relation is a date",
        "Assertion",
        "relation:RoleHolding",
        "aic:since",
        "Or",
        '"long ago"',
    ),
    # Claims
    fault("claim has one number", "Claim", "claim:c", "aic:claim", "MinCount"),
    fault("claim has a kind", "Claim", "claim:c", "aic:claimKind", "MinCount"),
    fault("claim has its words", "Claim", "claim:c", "aic:valueText", "MinCount"),
    fault("claim has a subject", "Claim", "claim:c", "aic:statedSubject", "MinCount"),
    fault("claim states something", "Claim", "claim:c", "aic:states", "MinCount"),
    fault(
        "claim's property is an IRI", "Claim", "claim:c", "aic:statedProperty", "NodeKind", '"x"'
    ),
    fault("what is stated exists", "Claim", "claim:c", "aic:states", "Class", "field:none"),
    # Clusters
    fault("cluster has a name", "Cluster", "cluster:c", "skos:prefLabel", "MinCount"),
    fault("cluster lies in a place", "Cluster", "cluster:c", "aic:distributedIn", "Class", B),
    besides(
        "cluster has four components",
        "AIIndustrialCluster",
        "cluster:c",
        "aic:hasComponent",
        "MaxCount",
        "component:e . component:e a aic:EnterpriseCluster ; skos:prefLabel 'More'@en",
    ),
    Fault(
        "the two cluster kinds exclude one another",
        "AIIndustrialInnovationCluster",
        "cluster:c",
        "",
        "Not",
        "cluster:c a aic:IndustrialIntelligentInnovationCluster ; "
        "aic:hasSpecialisedField field:finance .",
    ),
    fault(
        "converging cluster without a field is a warning",
        "IndustrialIntelligentInnovationCluster",
        "cluster:i",
        "aic:hasSpecialisedField",
        "MinCount",
        severity="Warning",
    ),
    Fault(
        "cluster without members is a warning",
        "ClusterMembers",
        "cluster:new",
        "",
        "SPARQL",
        "cluster:new a aic:Cluster ; skos:prefLabel 'New'@en .",
        severity="Warning",
    ),
    fault("component has a name", "ClusterComponent", "component:a", "skos:prefLabel", "MinCount"),
    *[
        Fault(
            f"{kind} is of one kind",
            kind,
            f"component:{key}",
            "",
            "Not",
            f"component:{key} a aic:{other} .",
        )
        for key, kind, other in [
            ("a", "EnterpriseCluster", "InnovationSystem"),
            ("b", "InnovationResource", "EnterpriseCluster"),
            ("c", "InnovationSystem", "InnovationResource"),
            ("d", "CyberspaceIndustrialEcology", "InnovationSystem"),
        ]
    ],
    # Places beside the ladder
    fault(
        "park is on no level",
        "IndustrialPark",
        "place:park",
        "aic:spatialLevel",
        "MaxCount",
        "spatial-level:1",
        replace=False,
    ),
    Fault(
        "AI park that is a high-tech park is a warning",
        "AIIndustrialPark",
        "place:park",
        "",
        "Not",
        "place:park a aic:HighTechPark .",
        severity="Warning",
    ),
    Fault(
        "high-tech park is no new innovation zone",
        "HighTechPark",
        "place:tech",
        "",
        "Not",
        "place:tech a aic:NewInnovationZone ; aic:spatialLevel spatial-level:1 .",
    ),
    fault("district is in a city", "District", "place:district", "aic:directlyWithin", "MinCount"),
    fault("policy has a name", "Policy", "policy:p", "skos:prefLabel", "MinCount"),
    # Kinds of organization
    *[
        Fault(
            f"{kind} is not also {other}",
            kind,
            f"organization:{kind}",
            "",
            "Not",
            f"organization:{kind} a aic:{other} .",
            severity=severity,
        )
        for kind, (other, severity) in APART.items()
    ],
    *[
        Fault(
            f"{kind} is rarely a software project",
            kind,
            f"{kind.lower()}:x",
            "",
            "Not",
            f"{kind.lower()}:x a aic:SoftwareProject .",
            severity="Warning",
        )
        for kind in ("Platform", "Product")
    ],
    # Concepts
    *[
        fault(
            f"{kind}'s notation is a slug",
            kind,
            f"concept:{kind}",
            "skos:notation",
            "Pattern",
            '"Two Words"',
        )
        for kind in SLUGS
    ],
    *[
        fault(
            f"list of {kind} is closed",
            kind,
            f"concept:{kind}",
            "skos:notation",
            "In",
            '"something else"',
        )
        for kind in CLOSED
    ],
    # Further relations: what each must say
    *[
        fault(f"{kind} needs {path}", kind, f"relation:{kind}", path, component)
        for kind, path, component in [
            ("TechnologyCollaboration", "aic:participant", "MinCount"),
            ("TechnologyInput", "aic:supplier", "MinCount"),
            ("TechnologyInput", "aic:receiver", "MinCount"),
            ("Investment", "aic:investor", "MinCount"),
            ("Investment", "aic:investee", "MinCount"),
            ("ConferenceParticipation", "aic:attendee", "MinCount"),
            ("ConferenceParticipation", "aic:atEdition", "MinCount"),
            ("ConferenceParticipation", "aic:participationRole", "MinCount"),
            ("Siting", "aic:sitedOrganization", "MinCount"),
            ("Siting", "aic:sitedAt", "MinCount"),
            ("RoleHolding", "aic:roleHolder", "MinCount"),
            ("RoleHolding", "aic:role", "MinCount"),
            ("PolicyAdoption", "aic:issuer", "MinCount"),
            ("PolicyAdoption", "aic:adoptedPolicy", "MinCount"),
            ("ProgrammeOffering", "aic:offeredBy", "MinCount"),
            ("ProgrammeOffering", "aic:offers", "MinCount"),
            ("ClusterMembership", "org:member", "MinCount"),
            ("ClusterMembership", "aic:inCluster", "MinCount"),
        ]
    ],
    fault(
        "collaboration has two parties",
        "TechnologyCollaboration",
        "relation:TechnologyCollaboration",
        "aic:participant",
        "MinCount",
        "organization:lab",
    ),
    fault(
        "nobody supplies itself",
        "TechnologyInput",
        "relation:TechnologyInput",
        "aic:supplier",
        "Disjoint",
        "organization:baidu",
    ),
    fault(
        "amount is above nought",
        "Investment",
        "relation:Investment",
        "aic:amount",
        "MinExclusive",
        "0.0",
    ),
    fault(
        "currency is a code",
        "Investment",
        "relation:Investment",
        "aic:currency",
        "Pattern",
        '"yuan"',
    ),
    Fault(
        "amount has a currency",
        "Investment",
        "relation:Acquisition",
        "",
        "Or",
        "relation:Acquisition aic:amount 1.0 .",
    ),
    besides(
        "acquirer is one",
        "Acquisition",
        "relation:Acquisition",
        "aic:investor",
        "MaxCount",
        "organization:alliance",
    ),
    fault(
        "offered is a programme or discipline",
        "ProgrammeOffering",
        "relation:ProgrammeOffering",
        "aic:offers",
        "Or",
        "field:finance",
    ),
    fault(
        "adoption is dated",
        "PolicyAdoption",
        "relation:PolicyAdoption",
        "aic:adopted",
        "Or",
        '"2017"',
    ),
    Fault(
        "activity area is no technology",
        "ActivityArea",
        "concept:ActivityArea",
        "",
        "Not",
        "concept:ActivityArea a aic:Technology .",
    ),
    Fault(
        "layout area is no activity area",
        "LayoutArea",
        "concept:LayoutArea",
        "",
        "Not",
        "concept:LayoutArea a aic:ActivityArea .",
    ),
]


def node_shapes() -> list[Node]:
    return sorted(shapes().subjects(RDF.type, SH.NodeShape), key=str)


def shape_name(node_shape: Node) -> str:
    return str(node_shape).removeprefix(str(AICSH))


def test_shapes_are_valid_shacl() -> None:
    conforms, _, text = pyshacl.validate(
        Graph(), shacl_graph=shapes(), meta_shacl=True, inference="none"
    )
    assert conforms, text


def test_sound_data_gives_no_result_not_even_a_warning() -> None:
    report = results(data())
    assert not list(report.objects(None, SH.resultMessage))


@pytest.mark.parametrize("node_shape", node_shapes(), ids=shape_name)
def test_node_shape_targets_a_class_that_the_sound_data_has(node_shape: Node) -> None:
    graph = sound_graph()
    targets = list(shapes().objects(node_shape, SH.targetClass))
    paths = list(shapes().objects(node_shape, SH.targetSubjectsOf))
    assert len(targets) + len(paths) == 1
    classes = {c for target in targets for c in graph.transitive_subjects(RDFS.subClassOf, target)}
    assert any((None, RDF.type, c) in graph for c in classes) or any(
        (None, path, None) in graph for path in paths
    )


@pytest.mark.parametrize("seeded", FAULTS[::8], ids=lambda seeded: f"{seeded.shape}: {seeded.fact}")
def test_full_runs_of_both_engines_find_the_fault_as_the_delta_does(seeded: Fault) -> None:
    store, added, removed = edited(seeded.add, (seeded.focus, seeded.path) if seeded.cut else None)
    changes = [q.triple for q in added], [q.triple for q in removed]
    full = validate(store, compiled())
    assert validate_delta(store, compiled(), *changes, sound()[1]) == full
    theirs = validate(store, compiled(), engine="pyshacl")
    assert {r.key for r in full.results} == {r.key for r in theirs.results}


@pytest.mark.parametrize("seeded", FAULTS, ids=lambda seeded: f"{seeded.shape}: {seeded.fact}")
def test_fault_is_found_where_it_is(seeded: Fault) -> None:
    cut = (seeded.focus, seeded.path) if seeded.cut else None
    store, added, removed = edited(seeded.add, cut)
    changes = [q.triple for q in added], [q.triple for q in removed]
    report = standard(validate_delta(store, compiled(), *changes, sound()[1]))
    owner = AICSH[seeded.shape + "Shape"]
    sources = {owner, *shapes().objects(owner, SH.property)}
    found = [
        result
        for result in report.objects(None, SH.result)
        if report.value(result, SH.focusNode) == name(seeded.focus)
        and report.value(result, SH.sourceShape) in sources
        and report.value(result, SH.sourceConstraintComponent)
        == SH[seeded.component + "ConstraintComponent"]
    ]
    assert len(found) == 1, report.serialize()
    assert report.value(found[0], SH.resultSeverity) == SH[seeded.severity]
    if seeded.path:
        path = report.value(found[0], SH.resultPath)
        path = report.value(path, SH.alternativePath) or path
        head = report.value(path, RDF.first) or path
        assert head == name(seeded.path)
    messages = set(report.objects(found[0], SH.resultMessage))
    assert {m.language for m in messages} == {"en", "zh"}  # type: ignore[attr-defined]


def test_entity_without_an_iri_is_a_violation() -> None:
    report = results(data('[] a aic:Policy ; skos:prefLabel "No name"@en .'))
    (result,) = report.objects(None, SH.result)
    assert report.value(result, SH.sourceShape) == AICSH.EntityShape
    assert report.value(result, SH.resultSeverity) == SH.Violation


def test_cluster_of_one_kind_of_member_is_a_warning() -> None:
    report = results(
        data(cut=("relation:m0", "aic:inCluster"), extra="relation:m0 a aic:Relation .")
    )
    shapes_found = set(report.objects(None, SH.sourceShape))
    assert AICSH.ClusterKindsShape in shapes_found


def test_empowerment_of_nothing_is_a_warning() -> None:
    graph = data(cut=(E, "aic:inField"))
    graph.remove((name(E), AIC.beneficiary, None))
    report = results(graph)
    (result,) = report.objects(None, SH.result)
    assert report.value(result, SH.sourceShape) == AICSH.EmpowermentTargetShape
    assert report.value(result, SH.resultSeverity) == SH.Warning


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        (B, "aic:locatedIn"),
        (B, "aic:rorId"),
        (E, "aic:viaTechnology"),
        (E, "aic:year"),
        (M, "aic:tier"),
        (D, "aic:approved"),
        (C, "aic:heldIn"),
        (S, "aic:rank"),
        ("evidence:e1", "dcterms:issued"),
        (A, "aic:publicationDate"),
    ],
)
def test_what_is_not_known_may_stay_empty(subject: str, path: str) -> None:
    assert not list(results(data(cut=(subject, path))).objects(None, SH.result))


def test_every_node_shape_and_every_kind_of_constraint_is_seeded() -> None:
    seeded = {AICSH[f.shape + "Shape"] for f in FAULTS} | {AICSH.EmpowermentTargetShape}
    assert seeded | {AICSH.EntityShape, AICSH.ClusterKindsShape} == set(node_shapes())
    parameters = {
        SH.minCount, SH.maxCount, SH["class"], SH.datatype, SH.nodeKind, SH["in"], SH["or"],
        SH["not"], SH.pattern, SH.minLength, SH.languageIn, SH.uniqueLang, SH.hasValue,
        SH.disjoint, SH.minInclusive, SH.maxInclusive, SH.minExclusive, SH.sparql,
    }  # fmt: skip
    descriptive = {
        SH.path, SH.alternativePath, SH.inversePath, SH.name, SH.message, SH.severity,
        SH.targetClass, SH.targetSubjectsOf, SH.property, SH.select
    }  # fmt: skip
    used = {p for p in shapes().predicates() if str(p).startswith(vocab.SH)}
    assert used - descriptive == parameters
    kinds = {str(p).removeprefix(vocab.SH) for p in parameters}
    found = {f.component[0].lower() + f.component[1:] for f in FAULTS}
    assert {"sparql" if each == "sPARQL" else each for each in found} == kinds


def test_every_shape_that_can_report_says_what_to_do_in_both_languages() -> None:
    graph = shapes()
    described = {*graph.objects(None, SH.property), *graph.subjects(RDF.type, SH.PropertyShape)}
    for shape in described | set(node_shapes()):
        assert {n.language for n in graph.objects(shape, SH.name)} == {"en", "zh"}  # type: ignore[attr-defined]
        messages = list(graph.objects(shape, SH.message))
        if shape in described or {SH["not"], SH.sparql} & set(graph.predicates(shape)):
            assert {m.language for m in messages} == {"en", "zh"}  # type: ignore[attr-defined]
            assert all(isinstance(m, Literal) and str(m)[-1] in ".。" for m in messages)


def test_shape_writes_no_resource_iri_because_resources_move_with_the_base() -> None:
    assert not [n for t in shapes() for n in t if str(n).startswith(vocab.BASE)]


def test_no_constraint_is_repeated_on_a_subclass() -> None:
    graph = shapes()
    targets = {shape: graph.value(shape, SH.targetClass) for shape in node_shapes()}
    for lower, low in targets.items():
        if low is None:
            continue
        above = set(hierarchy().transitive_objects(low, RDFS.subClassOf)) - {low}
        for upper, high in targets.items():
            if high in above:
                shared = set(graph.objects(lower, SH.property)) & set(
                    graph.objects(upper, SH.property)
                )
                assert not shared, f"{shape_name(lower)} repeats {shape_name(upper)}"


def test_every_class_of_the_sound_data_is_reached_by_a_shape() -> None:
    reached = {
        c
        for target in shapes().objects(None, SH.targetClass)
        for c in hierarchy().transitive_subjects(RDFS.subClassOf, target)
    }
    own = {c for c in data().objects(None, RDF.type) if str(c).startswith(vocab.AIC)}
    assert own <= reached
