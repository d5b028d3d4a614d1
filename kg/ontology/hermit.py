"""One question to HermiT, in a process of its own: N-Triples in, JSON out.

owlready2 (LGPL, unmodified) brings HermiT and starts Java. Run as a program of its own,
so that a reasoner that hangs is a process to kill.
"""

from __future__ import annotations

import io
import json
import sys

import owlready2  # type: ignore[import-untyped]


def main() -> None:
    """Answer {"consistent": …, "unsatisfiable": [IRI …]}, or {"error": …}."""
    world = owlready2.World()
    ontology = world.get_ontology("https://w3id.org/aicluster/ontology/check")
    ontology.load(fileobj=io.BytesIO(sys.stdin.buffer.read()), format="ntriples")
    answer: dict[str, object]
    try:
        owlready2.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        answer = {"consistent": False, "unsatisfiable": []}
    except owlready2.OwlReadyJavaError as error:
        answer = {"error": str(error)}
    else:
        found = (one for one in world.inconsistent_classes() if one is not owlready2.Nothing)
        answer = {"consistent": True, "unsatisfiable": sorted(one.iri for one in found)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
