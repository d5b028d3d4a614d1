"""What inference costs: `python bench/infer.py [TRIPLES] [--small N]`.

One run, over a world of organizations in nested places with empowerments, investments and
memberships: the fixpoint, the stores that take it in, single changes, and the same rules by
`reasonable` (without the property chains that it lacks) and by owlrl (at a small size). Each
part runs in a forked process; CPU is user and system time, memory what the part adds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import owlrl
import rdflib
import reasonable
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, Triple

from kg import ontology, vocab
from kg.infer import Rules, infer, materialise, update
from kg.settings import shipped

TYPE, LABEL = f"<{vocab.RDF}type>", f"<{vocab.SKOS}prefLabel>"
GRAPH, INFERRED = NamedNode(vocab.graph("source/bench")), NamedNode(vocab.graph("inferred"))
KINDS = ("Unicorn", "Startup", "University", "AILaboratory", "Enterprise", "MegaPlatform")
LEVELS = (("Country", 1), ("Region", 7), ("Province", 31), ("City", 340), ("County", 3000))
SIDE = {NamedNode(name) for name in vocab.SIDE_GRAPHS}
FIELDS, INDUSTRIES, TECHNOLOGIES, ALLIANCES = 19, 97, 17, 10


def aic(name: str) -> str:
    return f"<{vocab.AIC}{name}>"


def one(kind: str, key: object) -> str:
    return f"<{vocab.BASE}{kind}/{key}>"


def world(size: int) -> Iterator[tuple[str, str, str]]:
    """Triples of the places, then of organizations with what belongs to them, up to a size."""
    draw = random.Random(1)
    above = [one("place", "world")]
    for level, count in LEVELS:
        few = range(min(count, 1 + size // 100))
        here = [one("place", f"{level.lower()}-{number}") for number in few]
        for number, place in enumerate(here):
            yield place, TYPE, aic(level)
            yield place, aic("directlyWithin"), above[number % len(above)]
            yield place, LABEL, f'"{level} {number}"@en'
        above = here
    for number in range(INDUSTRIES):
        yield one("industry", number), f"<{vocab.SKOS}broader>", one("industry", f"s{number % 20}")
    made, number = 0, 0
    while made < size:
        for triple in organization(number, draw, above):
            yield triple
            made += 1
        number += 1


def organization(
    number: int, draw: random.Random, counties: list[str]
) -> Iterator[tuple[str, str, str]]:
    this = one("organization", number)
    other = one("organization", draw.randrange(number + 1))
    yield this, TYPE, aic(draw.choice(KINDS))
    yield this, LABEL, f'"Organization {number}"@en'
    yield this, LABEL, f'"组织{number}"@zh'
    yield this, aic("locatedIn"), draw.choice(counties)
    yield this, aic("foundingYear"), f'"{1980 + number % 40}"^^<{vocab.XSD}gYear>'
    yield this, aic("wikidataId"), f'"Q{number}"'
    for part in range(2):
        fact, evidence = (one(kind, f"{number}-{part}") for kind in ("empowerment", "evidence"))
        yield fact, TYPE, aic("Empowerment")
        yield fact, aic("empowerer"), this
        yield fact, aic("inField"), one("field", draw.randrange(FIELDS))
        yield fact, aic("viaTechnology"), one("technology", draw.randrange(TECHNOLOGIES))
        yield fact, aic("since"), f'"{2010 + number % 13}"^^<{vocab.XSD}gYear>'
        yield fact, aic("evidencedBy"), evidence
        yield evidence, aic("quote"), f'"quotation {number} {part}"'
    yield (
        one("empowerment", f"{number}-1"),
        aic("inIndustry"),
        one("industry", draw.randrange(INDUSTRIES)),
    )
    if draw.random() < 0.3:
        yield one("investment", number), aic("investor"), this
        yield one("investment", number), aic("investee"), other
    if draw.random() < 0.2:
        yield this, f"<{vocab.ORG}subOrganizationOf>", other
        yield one("membership", number), f"<{vocab.ORG}member>", this
        yield (
            one("membership", number),
            f"<{vocab.ORG}organization>",
            one("organization", draw.randrange(ALLIANCES)),
        )


def measured(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds, MiB that it adds, and the answer of a function in a process of its own."""
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)

    def child() -> None:
        status = Path("/proc/self/status").read_text()
        before = int(status.split("VmRSS:")[1].split()[0])
        began = time.process_time()
        answer = run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        send.send((time.process_time() - began, max(0, peak - before) / 1024, answer))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    send.close()
    try:
        found: tuple[float, float, Any] = receive.recv()
    finally:
        process.join()
    return found


def filled(triples: list[tuple[str, str, str]], schema: list[Quad]) -> Store:
    store = Store()
    text = "".join(f"{s} {p} {o} .\n{s} {p} {o} {GRAPH} .\n" for s, p, o in triples)
    store.load(text.encode(), format=RdfFormat.N_QUADS, lenient=True)
    for quad in schema:
        store.add(quad)
        if quad.graph_name not in SIDE:
            store.add(Quad(quad.subject, quad.predicate, quad.object))
    return store


def texts(store: Store, rules: Rules) -> tuple[int, int]:
    found = infer(store, rules)
    return len(found), sum(map(len, found.lines(DefaultGraph(), INFERRED)))


def on_disk(lines: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.bulk_load(lines, format=RdfFormat.N_QUADS)
        store.flush()


def changes(store: Store, rules: Rules, times: int = 30) -> tuple[float, float, int]:
    """Mean CPU-ms to carry one more place of an organization through, and to take it back."""
    insert = remove = 0.0
    size = 0
    for number in range(times):
        triple = Triple(
            NamedNode(f"{vocab.BASE}organization/{number}"),
            NamedNode(vocab.AIC + "locatedIn"),
            NamedNode(f"{vocab.BASE}place/county-{number}"),
        )
        quad = Quad(triple.subject, triple.predicate, triple.object, GRAPH)
        store.add(quad)
        began = time.process_time()
        added, _ = update(store, rules, [triple], [])
        insert += time.process_time() - began
        size += len(added)
        store.remove(quad)
        began = time.process_time()
        update(store, rules, [], [triple])
        remove += time.process_time() - began
    return insert / times * 1000, remove / times * 1000, size // times


def without_chains(schema: list[Quad]) -> list[Quad]:
    """What `reasonable` covers as we do; domains and ranges go too: they infer nothing here."""
    left_out = {vocab.OWL + "propertyChainAxiom", vocab.RDFS + "domain", vocab.RDFS + "range"}
    return [quad for quad in schema if quad.predicate.value not in left_out]


def by_reasonable(file: str) -> tuple[float, int]:
    reasoner = reasonable.PyReasoner()
    began = time.process_time()
    reasoner.load_file(file)
    loaded = time.process_time() - began
    return loaded, len(reasoner.reason())


def by_owlrl(file: str) -> int:
    graph = rdflib.Graph().parse(file, format="nt")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return len(graph)


def as_file(folder: str, name: str, triples: list[tuple[str, str, str]], schema: list[Quad]) -> str:
    path = Path(folder) / name
    lines = [f"{s} {p} {o} .\n" for s, p, o in triples]
    path.write_text("".join(lines + [f"{quad.triple} .\n" for quad in schema]), encoding="utf-8")
    return str(path)


def row(name: str, seconds: float, memory: float, note: str = "") -> None:
    print(f"{name:<44}{seconds:>9.2f} CPU-s{memory:>9,.0f} MiB  {note}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("triples", nargs="?", type=int, default=1_000_000)
    options.add_argument("--small", type=int, default=2_000, help="triples for owlrl")
    given = options.parse_args()
    schema = [q for q in ontology.quads(shipped("ontology"))]
    axioms = [quad for quad in schema if quad.graph_name == NamedNode(ontology.GRAPHS[""])]
    rules, common = Rules.compile(axioms), Rules.compile(without_chains(axioms))
    triples = list(world(given.triples))
    store = filled(triples, schema)
    print(f"{len(triples):,} triples, {len(rules)} rules, {len(common)} without chains")

    seconds, memory, (inferred, size) = measured(lambda: texts(store, rules))
    row("fixpoint and its N-Quads", seconds, memory, f"{inferred:,} inferred, {size / 1e6:.0f} MB")
    fixpoint = seconds
    seconds, memory, _ = measured(lambda: infer(store, rules).insert(store, DefaultGraph()))
    row("… into the default graph, as a build does", seconds, memory, f"{inferred:,} quads")
    seconds, memory, _ = measured(lambda: materialise(store, rules))
    row("… into both graphs in memory", seconds, memory, f"{2 * inferred:,} quads")
    materialised = seconds
    lines = store.dump(format=RdfFormat.N_QUADS) or b""
    lines += b"".join(infer_in_child(store, rules))
    seconds, memory, _ = measured(lambda: on_disk(lines))
    count = len(store) + 2 * inferred
    row("bulk_load of the same quads on disk", seconds, memory, f"{count:,} quads")
    print(f"  fixpoint / bulk_load     {fixpoint / seconds:>8.2f}")
    print(f"  materialise / bulk_load  {materialised / seconds:>8.2f}")
    seconds, memory, (insert, remove, count) = measured(
        lambda: (materialise(store, rules), changes(store, rules))[1]
    )
    print(f"one triple inserted {insert:.1f} CPU-ms, removed {remove:.1f} ({count} quads follow)")

    with tempfile.TemporaryDirectory() as folder:
        file = as_file(folder, "world.ttl", triples, without_chains(axioms))
        ours, _, (found, _) = measured(lambda: texts(store, common))
        row("without chains: fixpoint and its N-Quads", ours, 0, f"{found:,} inferred")
        seconds, memory, (loading, total) = measured(lambda: by_reasonable(file))
        row("reasonable", seconds - loading, memory, f"{total:,} triples in all")
        print(f"  reasonable / ours        {(seconds - loading) / ours:>8.1f}")
        few = list(world(given.small))
        small = filled(few, schema)
        file = as_file(folder, "small.nt", few, axioms)
        ours, _, (found, _) = measured(lambda: texts(small, rules))
        row(f"{len(few):,} triples: ours", ours, 0, f"{found:,} inferred")
        seconds, memory, total = measured(lambda: by_owlrl(file))
        row("owlrl", seconds, memory, f"{total:,} triples in all")
        print(f"  owlrl / ours             {seconds / ours:>8.1f}")


def infer_in_child(store: Store, rules: Rules) -> list[bytes]:
    """The inferred lines; threads that joins start must not be here when a part is forked."""
    answer: list[bytes] = measured(
        lambda: list(infer(store, rules).lines(DefaultGraph(), INFERRED))
    )[2]
    return answer


if __name__ == "__main__":
    main()
