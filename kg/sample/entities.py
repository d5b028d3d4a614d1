"""The organizations, parks, conferences and policies of a sample, each with a name and a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import polars as pl

from kg.sample.draws import Draws, Shares, quotas
from kg.sample.marginals import Marginals

#: Who takes part in relations, in this order: count → its word in keys, its names, its class.
ORGANIZATIONS: Final[dict[str, tuple[str, str, str, str]]] = {
    "enterprises": ("enterprise", "Enterprise", "企业", "PillarEnterprise"),
    "universities": ("university", "University", "高校", "AIUniversity"),
    "institutes": ("institute", "Institute", "研究机构", "ResearchInstitute"),
    "innovation-organizations": ("innovation", "Innovation Organization", "新型创新组织", ""),
    "investors": ("investor", "Investor", "投资者", ""),
    "alliances": ("alliance", "Alliance", "产业联盟", "IndustryAlliance"),
}
_KINDS: Final = {
    "enterprises": "enterprise",
    "innovation-organizations": "innovation-organization",
    "investors": "investor",
}

#: The mega-platforms are as many as the report names, whatever the scale.
MEGA_PLATFORMS: Final = 4
_CITIES: Final = ("beijing", "shanghai", "tianjin", "chongqing")
# A city whose population is not known is taken for a small one.
_SMALL: Final = 100_000


def keys(word: str, count: int) -> pl.Series:
    """The keys of a kind, numbered from 1: `sample-enterprise-00017`."""
    return pl.select(pl.lit(f"sample-{word}-") + _numbers(count)).to_series().alias("key")


def _numbers(count: int) -> pl.Expr:
    return pl.int_range(1, count + 1).cast(pl.String).str.zfill(5)


def _named(word: str, en: str, zh: str, count: int) -> pl.DataFrame:
    number = _numbers(count)
    return pl.select(
        key=pl.lit(f"sample-{word}-") + number,
        name_en=pl.lit(f"Sample {en} ") + number,
        name_zh=pl.lit(f"样本{zh}") + number,
    )


@dataclass(frozen=True)
class Places:
    """How likely each city and province is, for what follows the enterprises and for the rest."""

    enterprises: Mapping[str, Shares]  # province → its cities, each with its share of all
    population: Shares  # city → weight
    provinces: Shares  # province → weight

    @classmethod
    def of(cls, marginals: Marginals, cities: pl.DataFrame) -> Places:
        """Weigh the rows of `tables/cities.csv`: population, times the pull of what is named."""
        pull, given = marginals.numbers("pull"), marginals.numbers("province")
        weights: dict[str, dict[str, Fraction]] = {
            each: {} for each in marginals.groups["province"]
        }
        for slug, parent, population in cities.select("slug", "parents", "population").iter_rows():
            province = slug if slug in _CITIES else parent
            if province in weights:
                drawn = pull.get(province, Fraction(1)) if slug not in weights else Fraction(1)
                people = int(population or _SMALL)
                weights[province][slug] = people * drawn * pull.get(slug, Fraction(1))
        provinces = {each: sum(of.values(), Fraction(0)) for each, of in weights.items()}
        rest = 100 - sum(given.values(), Fraction(0))
        others = sum(weight for each, weight in provinces.items() if each not in given)
        share = {
            each: given.get(each, rest * weight / others) for each, weight in provinces.items()
        }
        return cls(
            {
                each: {slug: share[each] * w / provinces[each] for slug, w in of.items()}
                for each, of in weights.items()
            },
            {slug: weight for of in weights.values() for slug, weight in of.items()},
            provinces,
        )

    def like_enterprises(self, count: int) -> dict[str, int]:
        """City → how many: each province its share, and within it each city its own."""
        wanted = {each: sum(of.values(), Fraction(0)) for each, of in self.enterprises.items()}
        found: dict[str, int] = {}
        for province, of_province in quotas(count, wanted).items():
            found |= quotas(of_province, self.enterprises[province])
        return found

    def like_population(self, count: int) -> dict[str, int]:
        """City → how many, by population and pull."""
        return quotas(count, self.population)


def at_least_one(total: int, shares: Shares) -> dict[str, int]:
    """Quotas of which none is zero, where the total allows."""
    if total < len(shares):
        return quotas(total, shares)
    return {label: count + 1 for label, count in quotas(total - len(shares), shares).items()}


@dataclass(frozen=True)
class Entities:
    """The tables of entities, and the keys by which relations name them."""

    organizations: pl.DataFrame
    parks: pl.DataFrame
    conferences: pl.DataFrame
    policies: pl.DataFrame
    keys: Mapping[str, pl.Series]
    editions: Mapping[int, int]  # year → conferences held, which stand in this order

    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables by name."""
        return {
            "sample_organizations": self.organizations,
            "sample_parks": self.parks,
            "sample_conferences": self.conferences,
            "sample_policies": self.policies,
        }


def entities(
    draws: Draws, marginals: Marginals, places: Places, counts: Mapping[str, int]
) -> Entities:
    """Make the entities of a sample."""
    organizations = [
        _organizations(draws, marginals, places, name, counts[name]) for name in ORGANIZATIONS
    ]
    authorities = _named("authority", "Authority", "主管部门", len(places.provinces)).with_columns(
        kind=pl.lit("GovernmentBody"),
        stage=pl.lit(None, pl.String),
        place=pl.Series(list(places.provinces)),
    )
    parks = _named("park", "AI Park", "人工智能产业园", counts["parks"]).with_columns(
        city=draws.shared("parks/city", places.like_population(counts["parks"]))
    )
    years = at_least_one(counts["conferences"], marginals.shares("year"))
    editions = {int(year): count for year, count in years.items()}
    made = {
        name: table["key"] for name, table in zip(ORGANIZATIONS, organizations, strict=True)
    } | {"authorities": authorities["key"], "parks": parks["key"]}
    conferences = _conferences(draws, places, editions)
    policies = _named("policy", "Policy", "政策", counts["policies"])
    return Entities(
        pl.concat([*organizations, authorities]),
        parks,
        conferences,
        policies,
        made | {"conferences": conferences["key"], "policies": policies["key"]},
        editions,
    )


def _organizations(
    draws: Draws, marginals: Marginals, places: Places, name: str, count: int
) -> pl.DataFrame:
    word, en, zh, kind = ORGANIZATIONS[name]
    table = _named(word, en, zh, count)
    spread = pl.Series([kind] * count, dtype=pl.String)
    stage = pl.Series([None] * count, dtype=pl.String)
    if name == "enterprises":
        mega = min(MEGA_PLATFORMS, count)
        others = quotas(count - mega, marginals.shares(_KINDS[name]))
        # Platforms stand next to the mega-platforms, so that their numbers tell them.
        first = others.pop("PlatformEnterprise")
        stage = pl.concat(
            [
                pl.Series(
                    ["MegaPlatform"] * mega + ["PlatformEnterprise"] * first, dtype=pl.String
                ),
                draws.shared(f"{name}/kind", others),
            ]
        )
    elif name in _KINDS:
        spread = draws.shared(f"{name}/kind", quotas(count, marginals.shares(_KINDS[name])))
    alike = name in ("enterprises", "investors", "innovation-organizations")
    cities = places.like_enterprises(count) if alike else places.like_population(count)
    return table.with_columns(kind=spread, stage=stage, place=draws.shared(f"{name}/city", cities))


def _conferences(draws: Draws, places: Places, editions: Mapping[int, int]) -> pl.DataFrame:
    """Series that go on once they have begun: the editions of a year are the first so many."""
    held = [
        _named("series", "Conference", "会议", count)
        .rename({"key": "series", "name_en": "series_en", "name_zh": "series_zh"})
        .with_columns(year=pl.lit(str(year)))
        for year, count in editions.items()
    ]
    table = pl.concat(held)
    city = draws.shared("conferences/city", places.like_population(table.height))
    return table.select(
        pl.col("series").str.replace("series", "conference", literal=True).alias("key")
        + "-"
        + pl.col("year"),
        pl.concat_str("series_en", "year", separator=" ").alias("name_en"),
        pl.concat_str("series_zh", pl.lit("（"), "year", pl.lit("）")).alias("name_zh"),
        "series",
        "series_en",
        "series_zh",
        "year",
        city.alias("city"),
    )
