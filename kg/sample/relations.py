"""The relations of a sample: who is related to whom, in which year, in which field.

Of every relation one side is an enterprise chosen by `Attachment`, but for sitings and
adoptions; the other is drawn evenly. Every investor invests at least once, where there are
as many investments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from kg.sample.attachment import Attachment
from kg.sample.draws import Draws, Shares, quotas
from kg.sample.entities import Entities, Places, at_least_one, keys
from kg.sample.marginals import Marginals

#: Kinds whose enterprises are chosen by attachment, year by year and in this order.
_ATTACHED: Final = (
    "empowerment",
    "input",
    "collaboration",
    "financing",
    "investing",
    "membership",
    "participation",
)
#: Ties before the first year, of each mega-platform as a part of all enterprises, and fitness.
_MEGA: Final = (20, 3)
_PLATFORM: Final = (4, 2)  # ties, fitness
_UNITS: Final = 500  # an investment is so many million yuan at most


def counts(total: int, policies: int, marginals: Marginals) -> dict[str, int]:
    """Kind of relation → how many there are; they add up to the total."""
    kinds = quotas(total, marginals.shares("relation"))
    technology = quotas(kinds.pop("technology"), marginals.shares("technology-relation"))
    directed = quotas(technology.pop("directed"), marginals.shares("direction"))
    capital = quotas(kinds.pop("capital"), marginals.shares("capital"))
    kinds["siting"] -= policies
    return {**directed, **technology, **capital, **kinds, "adoption": policies}


def relations(
    draws: Draws, marginals: Marginals, places: Places, made: Entities, total: int
) -> dict[str, pl.DataFrame]:
    """The tables of relations by name."""
    wanted = counts(total, made.policies.height, marginals)
    return _Relations(draws, marginals, places, made, wanted).tables()


class _Relations:
    def __init__(
        self,
        draws: Draws,
        marginals: Marginals,
        places: Places,
        made: Entities,
        wanted: Mapping[str, int],
    ) -> None:
        self.draws, self.marginals, self.places = draws, marginals, places
        self.made, self.wanted = made, wanted
        self.enterprises = made.keys["enterprises"]
        self.partners = pl.concat(
            made.keys[name]
            for name in ("enterprises", "universities", "institutes", "innovation-organizations")
        )
        self.years = {
            kind: quotas(count, marginals.shares("year")) for kind, count in wanted.items()
        }
        self.hubs = self.attached()

    def attached(self) -> dict[str, pl.Series]:
        """Kind → positions of the enterprises chosen by attachment, year after year."""
        count = self.enterprises.len()
        stage = self.made.organizations["stage"].head(count)
        mega, platform = stage == "MegaPlatform", stage == "PlatformEnterprise"
        ones = pl.Series([1] * count)
        first, fitness = (
            ones.set(platform, of_platform).set(mega, of_mega)
            for of_platform, of_mega in zip(
                _PLATFORM, (max(count // _MEGA[0], 1), _MEGA[1]), strict=True
            )
        )
        attachment = Attachment(self.draws, first, fitness)
        chosen: dict[str, list[pl.Series]] = {kind: [] for kind in _ATTACHED}
        for year, strength in self.marginals.numbers("attachment").items():
            attachment.strength = int(strength)
            for kind in _ATTACHED:
                rows = self.years[kind][year]
                chosen[kind].append(attachment.choose(f"{kind}/{year}", rows))
            attachment.end_year()
        return {kind: pl.concat(parts) for kind, parts in chosen.items()}

    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables; a relation is numbered in the order of years."""
        subject = self.subjects()
        other = {
            "empowerment": ("empowerer", "beneficiary"),
            "input": ("supplier", "receiver"),
            "collaboration": ("first", "second"),
        }
        found = {
            f"sample_{kind}s": self.table(kind, names, self.partners, subject[kind])
            for kind, names in other.items()
        }
        return found | {
            "sample_investments": self.investments(),
            "sample_memberships": self.memberships(),
            "sample_participations": self.participations(),
            "sample_sitings": self.sitings(),
            "sample_adoptions": self.adoptions(),
        }

    def table(
        self, kind: str, names: tuple[str, str], pool: pl.Series, more: Mapping[str, pl.Series]
    ) -> pl.DataFrame:
        """Relations of an attached enterprise to another of a pool that begins with enterprises."""
        rows, size = self.wanted[kind], pool.len()
        hub, other = self.hubs[kind], self.draws.below(f"{kind}/other", rows, pool.len())
        other = ((other + 1) % size).zip_with(other == hub, other)
        return self.numbered(
            kind,
            {names[0]: self.enterprises.gather(hub), names[1]: pool.gather(other), **more},
        )

    def numbered(
        self, kind: str, columns: Mapping[str, pl.Series], year: str = "year"
    ) -> pl.DataFrame:
        of_year = pl.Series(
            year, [each for each, n in self.years[kind].items() for _ in range(n)], pl.String
        )
        key = keys(kind, self.wanted[kind])
        return pl.DataFrame(
            [key, *(column.alias(name) for name, column in columns.items()), of_year]
        )

    def subjects(self) -> dict[str, dict[str, pl.Series]]:
        """Kind of technology relation → field, technology and industry of each.

        Shares hold over the three kinds together, as the report states them.
        """
        kinds = ("empowerment", "input", "collaboration")
        total = sum(self.wanted[kind] for kind in kinds)
        columns = {
            name: self.draws.shared(name, found)
            for name, found in (
                ("field", quotas(total, self.marginals.shares("field"))),
                ("technology", quotas(total, self.marginals.shares("technology"))),
                ("industry", self.industries(total, "sector")),
            )
        }
        found, start = {}, 0
        for kind in kinds:
            rows = self.wanted[kind]
            found[kind] = {name: column.slice(start, rows) for name, column in columns.items()}
            start += rows
        return found

    def industries(self, total: int, group: str) -> dict[str, int]:
        """Industry → how many relations: a share within a group is of the group's own total."""
        found: dict[str, int] = {}
        for name, count in quotas(total, self.marginals.shares(group)).items():
            inner = name in self.marginals.groups
            found |= self.industries(count, name) if inner else {name: count}
        return found

    def spread(self, kind: str, group: str) -> pl.Series:
        return self.draws.shared(
            f"{kind}/{group}", quotas(self.wanted[kind], self.marginals.shares(group))
        )

    def covering(self, kind: str, pool: pl.Series) -> pl.Series:
        """One of a pool for each relation: each at least once, where there are as many."""
        rows = self.wanted[kind]
        places = self.draws.order(f"{kind}/covering", pool.len())
        turns = pl.int_range(rows, dtype=pl.UInt64, eager=True) % pool.len()
        return pool.gather(places.gather(turns))

    def investments(self) -> pl.DataFrame:
        financing = self.numbered(
            "financing",
            {
                "investor": self.covering("financing", self.made.keys["investors"]),
                "investee": self.enterprises.gather(self.hubs["financing"]),
            },
        )
        investing = self.table("investing", ("investor", "investee"), self.enterprises, {})
        both = []
        for kind, table in (("financing", financing), ("investing", investing)):
            millions = self.draws.below(f"{kind}/amount", table.height, _UNITS) + 1
            amount = millions.cast(pl.String) + "000000"
            both.append(
                table.insert_column(-1, self.spread(kind, "round").alias("round")).insert_column(
                    -1, amount.alias("amount")
                )
            )
        return pl.concat(both)

    def memberships(self) -> pl.DataFrame:
        columns = {
            "member": self.enterprises.gather(self.hubs["membership"]),
            "alliance": self.covering("membership", self.made.keys["alliances"]),
            "tier": self.spread("membership", "tier"),
        }
        return self.numbered("membership", columns, "since")

    def participations(self) -> pl.DataFrame:
        """Each in an edition that is held in the relation's own year."""
        editions, start = [], 0
        for year, held in self.made.editions.items():
            rows = self.years["participation"][str(year)]
            editions.append(self.draws.below(f"participation/edition/{year}", rows, held) + start)
            start += held
        columns = {
            "attendee": self.enterprises.gather(self.hubs["participation"]),
            "edition": self.made.keys["conferences"].gather(pl.concat(editions)),
            "role": self.spread("participation", "participation-role"),
        }
        return self.numbered("participation", columns)

    def sitings(self) -> pl.DataFrame:
        rows, parks = self.wanted["siting"], self.made.keys["parks"]
        columns = {
            "organization": self.partners.gather(
                self.draws.below("siting/organization", rows, self.partners.len())
            ),
            "park": parks.gather(self.draws.below("siting/park", rows, parks.len())),
            "role": self.spread("siting", "site-role"),
        }
        return self.numbered("siting", columns, "since")

    def adoptions(self) -> pl.DataFrame:
        """Every policy is adopted once, by the authority of the province it is for."""
        provinces: Shares = self.places.provinces
        place = self.draws.shared(
            "adoption/place", at_least_one(self.wanted["adoption"], provinces)
        )
        authorities = pl.DataFrame(
            {"place": list(provinces), "issuer": self.made.keys["authorities"]}
        )
        issuer = place.to_frame("place").join(
            authorities, on="place", how="left", maintain_order="left"
        )["issuer"]
        columns = {
            "policy": self.made.keys["policies"],
            "issuer": issuer,
            "place": place,
            "field": self.spread("adoption", "field"),
        }
        return self.numbered("adoption", columns, "adopted")
