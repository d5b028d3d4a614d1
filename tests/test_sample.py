"""The made-up sample: the report's counts and shares, growing centralisation, equal bytes."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import crash
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Store

from kg import vocab
from kg.build import Inputs, Outcome, build
from kg.build.inputs import predecessor
from kg.errors import InputError, ReleaseError
from kg.etl import load
from kg.release import Home, Release, load_store, write_dump
from kg.sample import Sample, generate
from kg.sample.draws import Draws, quotas
from kg.settings import Settings, shipped

#: Relations between organizations: table → the columns of both sides, and of the year.
TIES = {
    "sample_empowerments": ("empowerer", "beneficiary", "year"),
    "sample_inputs": ("supplier", "receiver", "year"),
    "sample_collaborations": ("first", "second", "year"),
    "sample_investments": ("investor", "investee", "year"),
    "sample_memberships": ("member", "alliance", "since"),
}
TECHNOLOGY = ("sample_empowerments", "sample_inputs", "sample_collaborations")
RELATIONS = (*TIES, "sample_participations", "sample_sitings", "sample_adoptions")
YEARS = [str(year) for year in range(2014, 2023)]

#: The bytes of scale 0.1, seed 1: whatever changes them changes every sample.
DIGEST = "4d32f3105e09e313c2a1b762511ddb4b0d2ff9a2c43051f8f1b562321ed8dc79"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The report's own size."""
    return generate(tmp_path_factory.mktemp("sample"))


def table(sample: Sample, name: str) -> pl.DataFrame:
    return pl.read_csv(sample.folder / f"{name}.csv", infer_schema=False)


def claims() -> dict[str, str]:
    path = shipped("tables") / "report_claims.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["value"] for row in csv.DictReader(file)}


def marginals() -> list[dict[str, str]]:
    path = shipped("tables") / "sample_marginals.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def digest(sample: Sample) -> str:
    hashed = hashlib.sha256()
    for path in sorted(sample.folder.glob("*.csv")):
        hashed.update(path.name.encode())
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


# --- what it is fitted to ------------------------------------------------------------------------


def test_sourced_marginals_are_the_numbers_of_the_claims() -> None:
    values = claims()
    sourced = [row for row in marginals() if row["source"].startswith("C") and row["number"]]
    printed = [row for row in sourced if row["status"] == "sourced"]
    assert len(printed) >= 24
    for row in printed:
        assert row["number"] == values[row["source"]], row


def test_marginals_of_2020_are_in_the_table_of_editions() -> None:
    path = shipped("tables") / "report_editions.csv"
    with path.open(encoding="utf-8", newline="") as file:
        (other,) = (row["other"] for row in csv.DictReader(file) if row["edition"] == "2020")
    given = [row["number"] for row in marginals() if row["source"] == "2020"]
    assert len(given) == 8
    for number in given:
        assert number in other


def test_sample_has_the_counts_of_the_report(sample: Sample) -> None:
    kinds = table(sample, "sample_organizations")["key"].str.extract("sample-([a-z]+)-")
    assert dict(Counter(kinds)) == {
        "enterprise": 2200,
        "investor": 5722,
        "university": 438,
        "institute": 307,
        "alliance": 967,
        "innovation": 347,
        "authority": 31,
    }
    assert sample.rows["sample_conferences"] == 2318
    assert sample.rows["sample_policies"] == 775
    assert sample.rows["sample_parks"] == 3507
    assert sum(sample.rows[name] for name in RELATIONS) == 60_000


def test_shares_of_fields_and_industries_are_those_of_the_report(sample: Sample) -> None:
    rows = pl.concat(table(sample, name).select("field", "industry") for name in TECHNOLOGY)
    values = claims()

    def share(part: int, whole: int) -> str:
        return f"{Decimal(100 * part) / whole:.2f}"

    fields = Counter(rows["field"])
    for row in marginals():
        if row["group"] == "field" and row["number"]:
            got = share(fields[row["key"]], rows.height)
            assert abs(Decimal(got) - Decimal(row["number"])) <= Decimal("0.01")
    assert len(fields) == 19
    rest = [count for field, count in fields.items() if count < rows.height * 0.08]
    assert len(rest) == 14
    assert max(rest) - min(rest) <= 1
    industries = Counter(rows["industry"])
    sectors, sections = Counter[str](), Counter[str]()
    sector_of = sectors_of_three()
    for code, count in industries.items():
        sectors[sector_of[code]] += count
        sections[code[0]] += count
    assert share(sectors["tertiary"], rows.height) == values["C136"]
    assert share(sectors["secondary"], rows.height) == values["C137"]
    assert share(sectors["primary"], rows.height) == "0.69"
    tertiary = {"i": "C138", "m": "C139", "l": "C140", "j": "C141", "f": "C142"}
    for section, claim in tertiary.items():
        got = Decimal(share(sections[section], sectors["tertiary"]))
        assert abs(got - Decimal(values[claim])) <= Decimal("0.01")
    assert share(sections["c"], sectors["secondary"]) == values["C143"]
    for division, claim in {"c39": "C144", "c36": "C145", "c38": "C146"}.items():
        got = Decimal(share(industries[division], sections["c"]))
        assert abs(got - Decimal(values[claim])) <= Decimal("0.01")


def sectors_of_three() -> dict[str, str]:
    """Industry → its sector, as the vocabulary says it and not the sample."""
    store = Store()
    store.load(path=shipped("ontology") / "vocabularies" / "industries.ttl")
    found = {}
    for quad in store.quads_for_pattern(None, NamedNode(vocab.AIC + "sectorOfThree"), None, None):
        assert isinstance(quad.subject, NamedNode)
        assert isinstance(quad.object, Literal)
        found[quad.subject.value.rpartition("/")[2]] = quad.object.value
    return found


def test_enterprises_are_where_the_edition_of_2020_puts_them(sample: Sample) -> None:
    cities = pl.read_csv(shipped("tables") / "cities.csv", infer_schema=False)
    province = dict(cities.select("slug", "parents").iter_rows())
    organizations = table(sample, "sample_organizations")
    places = organizations.filter(pl.col("key").str.contains("-enterprise-"))["place"]
    counts = Counter(
        place if province[place] == "cn" else province[place] for place in places.to_list()
    )
    for name, share in {
        "beijing": 42.5,
        "guangdong": 16.9,
        "shanghai": 15.3,
        "zhejiang": 8.3,
    }.items():
        assert abs(100 * counts[name] / 2200 - share) < 0.05
    assert len(counts) >= 30  # the smallest province may round to none
    wuhan, yichang = (places.to_list().count(name) for name in ("wuhan", "yichang"))
    assert wuhan > yichang


def test_every_province_adopts_policies_through_its_own_authority(sample: Sample) -> None:
    adoptions = table(sample, "sample_adoptions")
    assert adoptions["policy"].n_unique() == adoptions.height == 775
    assert adoptions.select("place", "issuer").n_unique() == adoptions["place"].n_unique() == 31


def test_every_investor_invests(sample: Sample) -> None:
    investors = table(sample, "sample_investments")["investor"]
    assert investors.filter(investors.str.contains("-investor-")).n_unique() == 5722


def test_names_say_that_they_are_made_up(sample: Sample) -> None:
    for name in ("organizations", "parks", "conferences", "policies"):
        rows = table(sample, f"sample_{name}")
        assert rows["name_en"].str.starts_with("Sample ").all()
        assert rows["name_zh"].str.starts_with("样本").all()
    first = table(sample, "sample_organizations").row(16, named=True)
    assert (first["name_en"], first["name_zh"]) == ("Sample Enterprise 00017", "样本企业00017")


def test_nobody_is_related_to_itself(sample: Sample) -> None:
    for name, (one, other, _) in TIES.items():
        rows = table(sample, name)
        assert not (rows[one] == rows[other]).any(), name


def test_conferences_are_attended_in_the_year_they_are_held(sample: Sample) -> None:
    rows = table(sample, "sample_participations")
    assert (rows["edition"].str.slice(-4) == rows["year"]).all()
    assert set(rows["edition"]) <= set(table(sample, "sample_conferences")["key"])


# --- the network ---------------------------------------------------------------------------------


def centralisation(ties: pl.DataFrame) -> Fraction:
    """Freeman's (1978) degree centralisation of the simple undirected graph of these ties."""
    ends = ties.select(pl.min_horizontal("a", "b"), pl.max_horizontal("a", "b").alias("c")).unique()
    degrees = pl.concat([ends["a"], ends["c"]]).value_counts()["count"].to_list()
    n, most = len(degrees), max(degrees)
    return Fraction(sum(most - degree for degree in degrees), (n - 1) * (n - 2))


def test_freeman_centralisation_of_a_star_is_one_and_of_a_ring_zero() -> None:
    star = pl.DataFrame({"a": ["hub"] * 5, "b": list("vwxyz")})
    ring = pl.DataFrame({"a": list("vwxyz"), "b": list("wxyzv")})
    assert (centralisation(star), centralisation(ring)) == (1, 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_network_is_more_centralised_every_year(tmp_path: Path, seed: int) -> None:
    made = generate(tmp_path, Decimal("0.5"), seed)
    ties = pl.concat(
        table(made, name).select(a=one, b=other, year=year)
        for name, (one, other, year) in TIES.items()
    )
    so_far = [centralisation(ties.filter(pl.col("year") <= year)) for year in YEARS]
    assert all(before < after for before, after in pairwise(so_far)), [*map(float, so_far)]
    alone = [centralisation(ties.filter(pl.col("year") == year)) for year in YEARS]
    # A year alone is small and may stumble; over three years it never does.
    assert all(before < after for before, after in zip(alone, alone[3:], strict=False))
    assert alone[-1] > 5 * alone[0]


def test_mega_platforms_end_in_the_centre(sample: Sample) -> None:
    degrees = Counter[str]()
    for name, (one, other, _) in TIES.items():
        rows = table(sample, name)
        degrees.update([*rows[one], *rows[other]])
    stages = table(sample, "sample_organizations").filter(pl.col("stage") == "MegaPlatform")
    assert {key for key, _ in degrees.most_common(4)} == set(stages["key"])


# --- the same bytes ------------------------------------------------------------------------------


def test_same_seed_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    assert digest(generate(tmp_path / "a", Decimal("0.1"))) == DIGEST
    assert digest(generate(tmp_path / "b", Decimal("0.1"), seed=2)) != DIGEST


def test_sample_is_written_over_an_older_one(tmp_path: Path) -> None:
    generate(tmp_path, Decimal("0.2"), seed=9)
    assert digest(generate(tmp_path, Decimal("0.1"))) == DIGEST


def test_draws_are_splitmix64() -> None:
    mask = (1 << 64) - 1
    found = Draws(7).numbers("any", 1000).to_list()
    state = (int.from_bytes(hashlib.blake2b(b"7/any", digest_size=8).digest(), "little")) & mask
    for number in found:
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        assert number == z ^ (z >> 31)


def test_draws_are_as_likely_as_their_weights() -> None:
    weights = pl.Series([1, 0, 3, 6])
    counts = Counter(Draws(1).weighted("w", 100_000, weights))
    assert counts[1] == 0
    for position, weight in enumerate(weights):
        assert abs(counts[position] - 10_000 * weight) < 1000
    assert sorted(Draws(1).order("o", 1000)) == list(range(1000))


@given(st.integers(0, 10_000), st.lists(st.integers(0, 9999), min_size=1, max_size=20).filter(any))
def test_quotas_add_up_and_are_within_one_of_their_share(total: int, parts: list[int]) -> None:
    shares = {str(number): Fraction(part, 100) for number, part in enumerate(parts)}
    counts = quotas(total, shares)
    assert sum(counts.values()) == total
    for label, share in shares.items():
        assert abs(counts[label] - total * 100 * share / sum(parts)) < 1


@pytest.mark.parametrize("scale", ["0.001", "1000", "NaN", "Infinity", "-1"])
def test_scale_out_of_bounds_is_refused(tmp_path: Path, scale: str) -> None:
    with pytest.raises(InputError, match=r"expected a number from 0\.01 to 100"):
        generate(tmp_path, Decimal(scale))


def test_negative_seed_and_a_file_in_the_way_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seed -1"):
        generate(tmp_path, Decimal("0.01"), seed=-1)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        generate(tmp_path / "file", Decimal("0.01"))


# --- its release ---------------------------------------------------------------------------------


def quiet(_: str, __: float) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    generate(folder, Decimal("0.01"))
    return folder


def real_release(home: Home) -> Release:
    """Publish something small that is not marked as synthetic, with an edit by hand."""
    line = f"<http://e/a> <http://e/a> <http://e/a> <{vocab.EDITS}notes> .".encode()
    with home.building() as candidate:
        content = write_dump([line], candidate.dump_path)
        load_store(candidate.store_path, candidate.dump_path)
        made = crash.manifest(content, "2026-01-01T00:00:00+00:00")
        return home.publish(candidate, replace(made, synthetic=False))


@pytest.fixture(scope="module")
def outcome(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The release of a small sample, forced over a real one."""
    home = Home(tmp_path_factory.mktemp("home"))
    real_release(home)
    return build(home, Settings(), Inputs(data=small, synthetic=True, force=True), quiet)


def test_release_of_a_sample_conforms_without_a_warning_or_reject(outcome: Outcome) -> None:
    assert outcome.report.conforms
    assert set(outcome.report.counts().values()) == {0}
    for account in outcome.accounts:
        assert account.read == account.mapped > 0, account.table


def test_release_of_a_sample_is_marked_and_holds_reference_data_alone_besides(
    outcome: Outcome,
) -> None:
    manifest = outcome.release.manifest
    assert manifest.synthetic
    sources = {name for name in manifest.graphs if "/source/" in name}
    assert sources == {vocab.graph("source/sample"), vocab.graph("source/places")}


def test_build_without_asking_has_no_sample(small: Path) -> None:
    found, notices = Inputs().sources()
    assert not any(source.dataset.synthetic for source, _ in found)
    assert notices == []


def test_sample_beside_real_data_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"synthetic data \(sample\) is never mixed with real"):
        build(Home(tmp_path), Settings(), Inputs(data=small), quiet)


def test_real_data_beside_a_sample_is_refused(small: Path, tmp_path: Path) -> None:
    for path in small.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (real,) = (each for each in load(shipped("mappings")) if each.dataset.name == "lfai")
    for of_source in real.tables.values():
        path = tmp_path / of_source.access
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(InputError, match=r"never mixed with real data \(lfai\)"):
        build(Home(tmp_path / "home"), Settings(), Inputs(data=tmp_path, synthetic=True), quiet)


def test_sample_with_a_table_missing_is_refused(small: Path, tmp_path: Path) -> None:
    for path in small.iterdir():
        if path.name != "sample_parks.csv":
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(InputError, match=r"sample_parks\.csv is not in"):
        Inputs(data=tmp_path, synthetic=True).sources()


def test_synthetic_release_takes_no_real_ones_place(small: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    real = real_release(home)
    with pytest.raises(ReleaseError, match=f"release {real.id} is current and holds real data"):
        build(home, Settings(), Inputs(data=small, synthetic=True), quiet)
    assert home.current().id == real.id


def test_synthetic_release_takes_a_real_ones_place_where_forced(outcome: Outcome) -> None:
    home = Home(outcome.release.path.parents[1])
    assert home.current().id == outcome.release.id
    assert [release.manifest.synthetic for release in home.releases()] == [False, True]
    home.refuse_synthetic_over_real()  # over a synthetic one, it need not be forced


def test_edits_of_real_data_do_not_come_into_a_synthetic_release(outcome: Outcome) -> None:
    assert not [name for name in outcome.release.manifest.graphs if name.startswith(vocab.EDITS)]


def test_release_continues_the_newest_of_its_own_kind(outcome: Outcome) -> None:
    home = Home(outcome.release.path.parents[1])
    real, made_up = home.releases()
    assert predecessor(home, synthetic=True) == (made_up, True)
    # Not current, so it is not built upon; but its edits are taken over.
    assert predecessor(home, synthetic=False) == (real, False)


def test_synthetic_release_is_the_first_of_an_empty_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.refuse_synthetic_over_real()
    assert predecessor(home, synthetic=True) == (None, False)
