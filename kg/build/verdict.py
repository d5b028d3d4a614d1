"""The gate: a report traced to the rows it speaks of, and what a release keeps of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from kg import etl
from kg.build.inputs import Work
from kg.etl import Context, Source
from kg.tables import Account, Sheet, write_rejects
from kg.validate import NotConforming, Report, Result
from kg.validate.results import IN_MEMORY, in_order


def judged(report: Report, work: Work, accounts: Collection[Account]) -> Report:
    """The report with the rows that each result without origins came from.

    Where something is violated, it is left with the rejects in `Home.refused`, and raised as
    NotConforming.
    """
    report = traced(report, work.staged.pairs(), work.context)
    if not report.conforms:
        with work.home.refusing() as folder:
            write_reports(folder, report, accounts)
        raise NotConforming(report)
    return report


def traced(
    report: Report, sources: Iterable[tuple[Source, Mapping[str, Sheet]]], context: Context
) -> Report:
    """The report with the rows of each result without origins.

    One that does not fit in memory stays as it is, and says so.
    """
    if len(report.results) > IN_MEMORY:
        notice = f"rows are not traced: there are more than {IN_MEMORY:,} results"
        return replace(report, notices=tuple(dict.fromkeys((*report.notices, notice))))
    untraced = [result for result in report.results if not result.origins]
    if not untraced:
        return report
    keys = {(result.focus, result.path, result.value) for result in untraced}
    found = etl.origins(sources, context, keys)
    results = (
        result
        if result.origins
        else replace(result, origins=tuple(found[result.focus, result.path, result.value]))
        for result in report.results
    )
    return replace(report, results=tuple(results))


def write_reports(folder: Path, report: Report, accounts: Iterable[Account]) -> None:
    """Write the validation report and the rejects into a folder."""
    report.write(folder)
    rejects = [reject for account in accounts for reject in account.rejects]
    write_rejects(rejects, folder / "rejects.csv")


def moved(
    report: Report,
    places: Mapping[tuple[str, str], Mapping[int, int]],
    touched: Collection[str],
) -> Report:
    """The report with origins moved: source and table → old line → new line.

    A result of which a row has no place any more, or whose focus is `touched`, has no
    origins: they are to be traced anew.
    """

    def place(result: Result) -> Result:
        if result.focus in touched:
            return replace(result, origins=())
        found = [
            replace(origin, line=places[of].get(origin.line, 0))
            if (of := (origin.source, origin.table)) in places
            else origin
            for origin in result.origins
        ]
        found.sort(key=lambda origin: origin.place)
        return replace(result, origins=tuple(found) if all(at.line for at in found) else ())

    return replace(report, results=in_order(map(place, report.results)))
