"""What is accepted, what waits, and which key stays."""

from __future__ import annotations

from itertools import permutations

import pytest

from kg.errors import InputError
from kg.etl.links import Decision, Entry, Links
from kg.link import decide
from kg.link.candidates import Candidate, candidates, rank
from kg.link.mentions import Corpus, Entity
from kg.vocab import digest

DATE = "2026-11-26"


def named(source: str, name: str, place: str = "", **more: object) -> Entity:
    return entity(f"organization/{source}-{digest(name)}", source, name, place=place, **more)


def entity(key: str, source: str, *labels: str, place: str = "", **more: object) -> Entity:
    made = Entity(key, source, dict.fromkeys(labels))
    made.places |= {place} - {""}
    for name, value in more.items():
        setattr(made, name, value)
    return made


def corpus(*entities: Entity) -> Corpus:
    return Corpus([], {each.key: each for each in entities})


def resolved(*entities: Entity, links: Links | None = None) -> decide.Linkage:
    made = corpus(*entities)
    found = candidates(made, lambda _: None)
    return decide.resolve(made, links or Links(), found, DATE)


def joined(linkage: decide.Linkage, one: Entity, other: Entity) -> bool:
    clusters = decide.Clusters(linkage.links)
    return clusters.root(one.key) == clusters.root(other.key)


def waits(linkage: decide.Linkage, one: Entity, other: Entity) -> bool:
    return any(pair.pair == {one.key, other.key} for pair in linkage.queue)


REGISTRY = entity(
    "organization/ror-05amsz404", "ror", "Baichuan (China)", "百川智能", place="beijing",
    identifiers={("ror", "05amsz404")},
)  # fmt: skip


def test_a_name_and_a_city_that_agree_are_accepted() -> None:
    one = named("llms", "百川智能", "beijing")
    linkage = resolved(REGISTRY, one)
    assert joined(linkage, REGISTRY, one)
    (decision,) = linkage.accepted
    assert (decision.object, decision.reviewer) == (REGISTRY.key, "")
    assert decision.comment == "name, city"


def test_a_name_alone_waits_for_a_person() -> None:
    one = named("list", "Baichuan")
    linkage = resolved(REGISTRY, one)
    assert not linkage.accepted
    assert waits(linkage, REGISTRY, one)


def test_a_name_in_another_country_waits() -> None:
    one = named("list", "Baichuan", "us")
    assert waits(resolved(REGISTRY, one), REGISTRY, one)


def test_names_that_differ_in_one_character_are_never_accepted() -> None:
    one, other = named("a", "医渡科技", "beijing"), named("b", "医联科技", "beijing")
    assert not joined(resolved(one, other), one, other)


def test_a_unit_is_proposed_as_a_part_and_not_joined() -> None:
    whole = entity("organization/pku", "curated", "Peking University", "北京大学", place="beijing")
    unit = named("llms", "北京大学信息工程学院", "beijing")
    linkage = resolved(whole, unit)
    assert not joined(linkage, whole, unit)
    (pair,) = linkage.queue
    assert (pair.subject, pair.relation, pair.object) == (unit.key, "part", whole.key)


def test_a_withdrawn_record_under_a_former_name_waits_and_of_the_same_name_is_joined() -> None:
    new = entity("organization/ror-2", "ror", "Gulf University", identifiers={("ror", "2")})
    same, former = (
        entity(f"organization/ror-{n}", "ror", name, identifiers={("ror", str(n))},
               status="withdrawn", related={"successor": {new.key}})
        for n, name in ((1, "Gulf University"), (3, "Coast College"))
    )  # fmt: skip
    for each in (same, former):
        for relation in ("parent", "child", "related", "predecessor"):
            each.related.setdefault(relation, set())
    linkage = resolved(new, same, former)
    assert joined(linkage, new, same)
    assert decide.Clusters(linkage.links).root(same.key) == new.key
    assert not joined(linkage, new, former)
    assert waits(linkage, new, former)


def test_records_that_a_registry_keeps_apart_are_not_joined_by_a_shared_item() -> None:
    group, firm = (
        entity(f"organization/ror-{n}", "ror", name, place="shenzhen",
               identifiers={("ror", str(n)), ("wikidata", "Q795900")})
        for n, name in ((1, "BGI Group"), (2, "BGI Genomics"))
    )  # fmt: skip
    assert not resolved(group, firm).accepted


def test_models_of_one_name_are_joined_where_their_developer_is_one() -> None:
    firm, maker = named("epoch", "Baichuan"), named("llms", "百川智能")
    pair = Decision(
        maker.key, "", "same", firm.key, "", "ManualMappingCuration", 1.0, "me", "me", DATE
    )
    theirs, ours, another = (
        entity(f"model/{source}-{digest(name)}", source, name,
               related={"developer": {developer.key}})
        for source, name, developer in (
            ("epoch", "Taichu", firm), ("llms", "taichu", maker), ("llms", "太初", maker),
        )
    )  # fmt: skip
    assert not resolved(firm, maker, theirs, ours).accepted
    linkage = resolved(firm, maker, theirs, ours, another, links=Links([pair]))
    assert joined(linkage, theirs, ours)
    assert not joined(linkage, theirs, another)
    assert waits(linkage, theirs, another)


def test_two_curated_organizations_are_never_made_one() -> None:
    a = entity("organization/a", "curated", "Alpha", "阿尔法", place="beijing")
    b = entity("organization/b", "other", "Alpha", "阿尔法", place="beijing")
    linkage = resolved(a, b)
    assert not linkage.accepted
    assert "would join" in linkage.queue[0].comment


def test_a_rejected_pair_stays_rejected_and_is_not_asked_again() -> None:
    one = named("llms", "百川智能", "beijing")
    first = resolved(REGISTRY, one)
    pair = first.accepted[0]
    links = decide.judge(Links(), pair, "apart", "curator", DATE)
    again = resolved(REGISTRY, one, links=links)
    assert not again.accepted
    assert not again.queue
    # Nor does another key of the same organization bring them together.
    third = entity("organization/baichuan", "curated", "Baichuan", "百川智能", place="beijing")
    later = resolved(REGISTRY, one, third, links=links)
    assert not joined(later, REGISTRY, one)


def test_a_run_without_news_decides_nothing_new() -> None:
    one = named("llms", "百川智能", "beijing")
    first = resolved(REGISTRY, one)
    again = resolved(REGISTRY, one, links=first.links)
    assert not again.accepted
    assert again.links.register == first.links.register
    assert again.links.decisions == first.links.decisions


CURATED = entity("organization/baichuan", "curated", "百川智能", place="beijing")
FIRST = named("llms", "百川智能", "beijing")
SECOND = named("models", "百川智能", "beijing")


@pytest.mark.parametrize("order", list(permutations((CURATED, REGISTRY, FIRST, SECOND))))
def test_a_published_key_stays_when_sources_are_added_in_any_order(
    order: tuple[Entity, ...],
) -> None:
    links = Links()
    seen: list[Entity] = []
    stays = ""
    for each in order:
        seen.append(each)
        links = resolved(*seen, links=links).links
        links.check()
        root = decide.Clusters(links).root(each.key)
        # Only a curated key, which its own table spells, takes over from a published one.
        if stays and each is not CURATED:
            assert root == stays
        stays = root
        assert {links.register[other.key].replaced_by or other.key for other in seen} == {root}
    assert rank(stays) == 0


def test_a_split_gives_a_key_back() -> None:
    one = named("llms", "百川智能", "beijing")
    first = resolved(REGISTRY, one)
    assert first.links.register[one.key] == Entry(DATE, REGISTRY.key)
    (same,) = first.links.decisions
    apart = Decision(**{**vars(same), "relation": "apart"})
    again = resolved(REGISTRY, one, links=Links([apart], first.links.register))
    assert again.links.register[one.key] == Entry(DATE, "")
    assert not joined(again, REGISTRY, one)


def test_a_word_that_contradicts_an_earlier_one_is_refused() -> None:
    one = named("llms", "百川智能", "beijing")
    pair = resolved(REGISTRY, one).accepted[0]
    apart = decide.judge(Links(), pair, "apart", "curator", DATE)
    with pytest.raises(InputError, match="were judged not to be the same"):
        decide.judge(apart, pair, "same", "curator", DATE)
    same = decide.judge(Links(), pair, "same", "curator", DATE)
    with pytest.raises(InputError, match="are the same by an earlier decision"):
        decide.judge(same, pair, "part", "curator", DATE)


@pytest.mark.parametrize(
    ("evidence", "against", "accepted"),
    [
        (("name", "city"), (), True),
        (("name", "host"), (), True),
        (("alias", "page"), (), True),
        (("name", "country"), (), True),
        (("both names", "country"), (), True),
        (("stem", "ror", "host"), ("city",), True),
        (("curated name",), ("city",), True),
        (("curated name",), ("country",), False),
        (("name",), (), False),
        (("alias", "country"), (), False),
        (("stem", "city"), (), False),
        (("pinyin", "city"), (), False),
        (("acronym", "city"), (), False),
        (("alike", "host", "city"), (), False),
        (("host", "city"), (), False),
        (("wikidata", "host"), (), False),
        (("name", "host"), ("ror",), False),
        (("name", "city"), ("ambiguous name",), False),
        (("name", "city"), ("country",), False),
    ],
)
def test_two_things_must_agree_and_none_contradict(
    evidence: tuple[str, ...], against: tuple[str, ...], accepted: bool
) -> None:
    pair = Candidate("organization/a", "organization/b", "same", 0.9, evidence, against)
    assert (decide.confidence(pair) is not None) is accepted
