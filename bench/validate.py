"""What validation costs, compiled against pySHACL and against loading the same quads.

    python bench/validate.py [--triples 100000 1000000] [--pyshacl 100000] [--deltas 10 500]
                             [--broken 3300000]

The data are organizations, models and empowerments under the project's own shapes, of which
one in a thousand nodes is made to violate one; in those of `--broken`, every node, and their
reports are written in every format. CPU seconds count user and system time of the
process; each measurement runs in a process of its own, whose memory is read at its peak.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, Triple

from kg import ontology, vocab
from kg.settings import shipped
from kg.validate import Engine, NotConforming, Report, Shapes, validate, validate_delta

KINDS = ("Enterprise", "University", "ResearchInstitute", "Startup", "GovernmentBody")
AIC, ID = vocab.AIC, vocab.BASE
TYPE = f"<{vocab.RDF}type>"
LABEL = f"<{vocab.SKOS}prefLabel>"
SHAPES = NamedNode(ontology.GRAPHS["shapes"])
YEAR, DATE = f"^^<{vocab.XSD}gYear>", f"^^<{vocab.XSD}date>"
#: One node in so many violates a shape.
EVERY = 1000


def cpu() -> float:
    times = os.times()
    return times.user + times.system


def resident() -> int:
    """Bytes of memory now, from when on `peak` counts."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    found = Path("/proc/self/status").read_text().partition(f"{name}:")[2]
    return int(found.split()[0]) * 1024


def fixed() -> Iterator[Quad]:
    """The ontology and its vocabularies: what the data refer to."""
    for quad in ontology.quads(shipped("ontology")):
        if quad.graph_name != SHAPES:
            yield Quad(quad.subject, quad.predicate, quad.object)


def lines(triples: int, every: int = EVERY, seed: int = 7) -> Iterator[str]:
    """About so many statements in N-Triples: eight of ten are empowerments and their evidence."""
    chance = random.Random(seed)
    blocks = triples // 100

    def aic(name: str) -> str:
        return f"<{AIC}{name}>"

    def flawed() -> bool:
        return chance.randrange(every) == 0

    status, basis = f"<{ID}status/sourced>", f"<{ID}basis/case>"
    for block in range(blocks):
        org = f"<{ID}organization/o{block}>"
        place, field = f"<{ID}place/p{block % 400}>", f"<{ID}field/f{block % 50}>"
        model, source = f"<{ID}model/m{block}>", f"<{ID}evidence/e{block}>"
        if block < 400:
            yield f'{place} {TYPE} {aic("City")} .\n{place} {LABEL} "city {block}"@en .\n'
            yield f'{place} {aic("gbCode")} "{110000 + block}" .\n'
        if block < 50:
            yield f"{field} {TYPE} {aic('ApplicationField')} .\n"
            yield f'{field} {LABEL} "field {block}"@en .\n{field} {LABEL} "领域{block}"@zh .\n'
            yield f'{field} <{vocab.SKOS}notation> "f{block}" .\n'
            yield f"{field} <{vocab.SKOS}inScheme> <{ID}scheme/fields> .\n"
        yield f"{org} {TYPE} {aic(KINDS[block % 5])} .\n"
        if not flawed():
            yield f'{org} {LABEL} "Organization {block}"@en .\n{org} {LABEL} "组织{block}"@zh .\n'
        yield f'{org} <{vocab.SKOS}altLabel> "Org. {block}" .\n'
        yield f"{org} {aic('locatedIn')} {place} .\n"
        year = "19x8" if flawed() else str(1900 + block % 120)
        yield f'{org} {aic("foundedIn")} "{year}"{YEAR} .\n'
        home = f'"home {block}"' if flawed() else f"<https://example.org/{block}>"
        yield f"{org} <{vocab.FOAF}homepage> {home} .\n"
        yield f"{source} {TYPE} {aic('Evidence')} .\n"
        yield f"{source} <{vocab.DCTERMS}source> <https://example.org/report/{block}> .\n"
        yield f'{source} <{vocab.DCTERMS}title> "Report {block}" .\n'
        yield f"{model} {TYPE} {aic('AIModel')} .\n"
        yield f'{model} {LABEL} "Model {block}"@en .\n{model} {aic("developedBy")} {org} .\n'
        issued = "2020-13-45" if flawed() else f"2020-{1 + block % 12:02}-{1 + block % 28:02}"
        yield f'{model} {aic("publicationDate")} "{issued}"{DATE} .\n'
        yield f'{model} {aic("parameterCount")} "{block + 1}.5"^^<{vocab.XSD}decimal> .\n'
        for number in range(9):
            event = f"<{ID}empowerment/x{block}-{number}>"
            yield f"{event} {TYPE} {aic('Empowerment')} .\n"
            giver = place if flawed() else org
            yield f"{event} {aic('empowerer')} {giver} .\n{event} {aic('inField')} {field} .\n"
            other = f"<{ID}organization/o{(block * 7 + number + 1) % blocks}>"
            yield f"{event} {aic('beneficiary')} {giver if flawed() else other} .\n"
            yield f"{event} {aic('viaArtefact')} {model} .\n{event} {aic('basis')} {basis} .\n"
            yield f'{event} {aic("year")} "{2010 + number}"{YEAR} .\n'
            yield f"{event} {aic('status')} {status} .\n"
            if not flawed():
                yield f"{event} {aic('evidencedBy')} {source} .\n"


def shapes() -> Shapes:
    paths = ontology.modules(shipped("ontology"), "shapes")
    return Shapes.compile(
        q for path in paths for q in ontology.read(path, ontology.GRAPHS["shapes"])
    )


def write(path: Path, triples: int, every: int = EVERY) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines(triples, every))


def measure(task: str, triples: int) -> dict[str, float]:
    """One measurement in this process."""
    known, store = shapes(), Store()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.nt"
        write(data, triples, 1 if task == "broken" else EVERY)
        if task == "bulk_load":
            before = cpu()
            disk = Store(Path(folder) / "store")
            disk.bulk_load(path=data, format=RdfFormat.N_TRIPLES)
            disk.flush()
            return {"cpu": cpu() - before, "triples": len(disk)}
        store.bulk_load(path=data, format=RdfFormat.N_TRIPLES)
    store.bulk_extend(fixed())
    if task.startswith("delta"):
        return delta(store, known, int(task.removeprefix("delta")))
    loaded, before, since = resident(), cpu(), time.perf_counter()
    engine: Engine = "pyshacl" if task == "pyshacl" else "compiled"
    report = validate(store, known, engine=engine)
    found = {
        "cpu": cpu() - before,
        "wall": time.perf_counter() - since,
        "triples": len(store),
        "results": len(report.results),
        "memory": max(0, peak() - loaded),
    }
    return found | written(report, loaded) if task == "broken" else found


def written(report: Report, loaded: int) -> dict[str, float]:
    """The whole report in every format, and the text of which an error shows the first lines."""
    began = cpu()
    with tempfile.TemporaryDirectory() as folder:
        report.write(Path(folder))
        for name in ("csv", "junit"):
            with (Path(folder) / name).open("w", encoding="utf-8") as file:
                file.writelines(report.parts(name))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        with (Path(folder) / "csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _ in csv.reader(file)) == len(report.results) + 1
    return {
        "writing": cpu() - began,
        "size": size,
        "shown": len(str(NotConforming(report))),
        "memory": max(0, peak() - loaded),
    }


def delta(store: Store, known: Shapes, nodes: int) -> dict[str, float]:
    """The median of changes of so many nodes each: new empowerments, a tenth of them flawed."""
    report, spent, organizations = validate(store, known), [], len(store) // 200
    for turn in range(7):
        added = []
        for number in range(nodes):
            event = NamedNode(f"{ID}empowerment/new-{turn}-{number}")
            org = NamedNode(f"{ID}organization/o{(turn * 37 + number) % organizations}")
            values: dict[str, NamedNode | Literal] = {
                "empowerer": org,
                "inField": NamedNode(f"{ID}field/f{number % 50}"),
                "basis": NamedNode(f"{ID}basis/case"),
                "status": NamedNode(f"{ID}status/sourced"),
                "evidencedBy": NamedNode(f"{ID}evidence/e{number}"),
                "year": Literal("2023", datatype=NamedNode(vocab.XSD + "gYear")),
            }
            if number % 10 == 0:
                del values["evidencedBy"]
            added.append(Triple(event, NamedNode(TYPE[1:-1]), NamedNode(f"{AIC}Empowerment")))
            added += (Triple(event, NamedNode(AIC + p), o) for p, o in values.items())
        store.extend(Quad(each.subject, each.predicate, each.object) for each in added)
        before, count = time.process_time(), len(report.results)
        report = validate_delta(store, known, added, [], report)
        spent.append(time.process_time() - before)
        assert len(report.results) == count + (nodes + 9) // 10
    assert report == validate(store, known)
    return {"cpu": sorted(spent)[len(spent) // 2], "first": spent[0], "triples": len(store)}


def apart(task: str, triples: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", task, str(triples)],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--pyshacl", type=int, nargs="*", default=[100_000])
    parser.add_argument("--deltas", type=int, nargs="*", default=[10, 500])
    parser.add_argument("--broken", type=int, nargs="*", default=[])
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], int(options.measure[1]))))
        return
    for triples in options.triples:
        load, ours = apart("bulk_load", triples), apart("compiled", triples)
        each = ours["memory"] / ours["triples"]
        print(f"{int(ours['triples']):>10,} triples, {int(ours['results']):,} results", flush=True)
        print(f"  compiled   {ours['cpu']:>9.2f} CPU-s in {ours['wall']:.2f} s, "
              f"{each:.0f} B a triple above the store")  # fmt: skip
        print(f"  bulk_load  {load['cpu']:>9.2f} CPU-s, ratio {ours['cpu'] / load['cpu']:.2f}")
        for nodes in options.deltas:
            took = apart(f"delta{nodes}", triples)
            print(f"  delta      {1000 * took['cpu']:>9.1f} CPU-ms for {nodes} nodes", flush=True)
        if triples in options.pyshacl:
            theirs = apart("pyshacl", triples)
            ratio = theirs["cpu"] / ours["cpu"]
            print(f"  pyshacl    {theirs['cpu']:>9.2f} CPU-s, ratio {ratio:.0f}; "
                  f"{int(theirs['results']):,} results")  # fmt: skip
    for triples in options.broken:
        ours = apart("broken", triples)
        count = int(ours["results"])
        print(f"{int(ours['triples']):>10,} triples, {count:,} results")
        print(
            f"  compiled   {ours['cpu']:>9.2f} CPU-s, {1e6 * ours['cpu'] / count:.0f} µs a result"
        )
        print(
            f"  reports    {ours['writing']:>9.2f} CPU-s in six formats, "
            f"{ours['size'] / 1e6:,.0f} MB; {int(ours['shown']):,} characters shown"
        )
        print(f"  memory     {ours['memory'] / 2**20:>9.0f} MiB above the store", flush=True)


if __name__ == "__main__":
    main()
