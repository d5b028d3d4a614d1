"""What the order of patterns costs: `python bench/joins.py [QUADS]`.

Asks a synthetic graph of about QUADS quads (default 1,000,000, in memory and on disk) for joins as
they are written and as `kg.workers.joins` puts them, and prints CPU milliseconds of each, the
ratio, and what putting them in order takes: at first, and once the counts are known.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, QuerySolutions, Store

from kg.workers.joins import ordered

EX = "http://example.org/"
QUERIES = {
    "common, then rare": "{ ?e :in ?f ; :by ?o ; :note ?x }",
    "rare, then common": "{ ?e :note ?x ; :by ?o ; :in ?f }",
    "two classes": "{ ?e :kind :Common ; :kind :Rare ; :by ?o }",
    "chain to the rare": "{ ?o :name ?n . ?e :by ?o . ?e :note ?x }",
    "common, optional rare": "{ ?o :name ?n . ?e :by ?o ; :kind :Rare OPTIONAL { ?e :note ?x } }",
    "nothing rare": "{ ?e :in ?f ; :by ?o . ?o :name ?n }",
    "one bound": "{ ?e :by :o1 ; :in ?f ; :kind ?k }",
}


def made(quads: int) -> Store:
    chance = random.Random(5)
    events = quads // 3
    store = Store()

    def triples() -> list[Quad]:
        found = []

        def add(subject: str, predicate: str, target: NamedNode | Literal) -> None:
            found.append(
                Quad(NamedNode(EX + subject), NamedNode(EX + predicate), target, DefaultGraph())
            )

        for number in range(events):
            event = f"e{number}"
            add(event, "in", NamedNode(f"{EX}f{chance.randrange(50)}"))
            add(event, "by", NamedNode(f"{EX}o{chance.randrange(events // 10)}"))
            add(event, "kind", NamedNode(f"{EX}Common"))
            if number % 1000 == 0:
                add(event, "note", Literal(f"note {number}"))
                add(event, "kind", NamedNode(f"{EX}Rare"))
        for number in range(events // 10):
            add(f"o{number}", "name", Literal(f"name {number}"))
        return found

    store.bulk_extend(triples())
    return store


def cpu(store: Store, text: str) -> tuple[float, int]:
    """CPU milliseconds of the best of three, and the rows."""
    best, rows = float("inf"), 0
    for _ in range(3):
        begun = time.process_time()
        found = store.query(text)
        assert isinstance(found, QuerySolutions)
        rows = sum(1 for _ in found)
        best = min(best, time.process_time() - begun)
    return best * 1000, rows


def timed(store: Store, text: str) -> tuple[float, str]:
    begun = time.process_time()
    found = ordered(store, text)
    return (time.process_time() - begun) * 1000, found


def main() -> None:
    quads = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    memory = made(quads)
    with tempfile.TemporaryDirectory() as folder:
        disk = Store(folder)
        disk.bulk_extend(memory)
        for name, store in (("memory", memory), ("disk", disk)):
            print(f"{name}, {len(memory):,} triples; CPU ms      written   ordered    ratio"
                  "   to order: at first, then")  # fmt: skip
            for what, pattern in QUERIES.items():
                text = f"PREFIX : <{EX}> SELECT * {pattern}"
                first, put = timed(store, text)
                again, _ = timed(store, text)
                before, rows = cpu(store, text)
                after, same = cpu(store, put)
                assert rows == same, what
                print(f"  {what:<24} {before:>18.2f} {after:>9.2f} {before / after:>8.1f}"
                      f"   {first:>17.2f} {again:>6.3f}")  # fmt: skip
        del disk


if __name__ == "__main__":
    main()
