"""Entity resolution on the labelled pairs: precision, recall, CPU seconds.

    python bench/link.py DATA

DATA is the folder of third-party tables. Two resolutions are measured: what is accepted
without a person, from no decisions at all, and what the decision tables say.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kg.build import Inputs
from kg.etl import Context
from kg.etl.links import Links
from kg.link import candidates, decide, evaluate, mentions
from kg.link.export import Resolver
from kg.settings import shipped

PAIRS = Path(__file__).parents[1] / "tests" / "link" / "labelled_pairs.csv"


def main(data: Path) -> None:
    """Print one line a measurement."""
    context = Context(shipped("tables"), shipped("ontology") / "vocabularies")
    sources, _ = Inputs(data=data).sources()
    begun = time.process_time()
    corpus = mentions.read(sources, context)
    read = time.process_time()
    found = candidates.candidates(corpus, context.register.of_name)
    linkage = decide.resolve(corpus, Links(), found, decide.today())
    done = time.process_time()
    organizations = sum(each.kind == "organization" for each in corpus.entities.values())
    print(f"{len(corpus.mentions):,} mentions, {organizations:,} keys of organizations")
    print(f"read {read - begun:.1f} CPU-s, {len(found):,} candidates in {done - read:.1f} CPU-s")
    pairs = evaluate.labelled(PAIRS)
    for name, links in (("automatic", linkage.links), ("with decisions", context.links)):
        quality = evaluate.measure(pairs, Resolver(context, corpus, links), corpus)
        print(
            f"{name:15} {quality.pairs} pairs: precision {quality.precision:.3f}, "
            f"recall {quality.recall:.3f}"
        )
        for word, faults in (("joined", quality.wrong), ("missed", quality.missed)):
            for pair in faults:
                ends = (f"{text} ({source})" for source, _, text in (pair.one, pair.other))
                print(f"    {word}: {' and '.join(ends)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
