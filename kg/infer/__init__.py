"""Inference: the ontology's axioms as rules, run to their fixpoint and kept there.

`axioms` compiles OWL 2 RL to `rules`, `fixpoint` runs them over a whole store, column by
column, `incremental` carries a change through, `derivation` says why a triple holds.
"""

from __future__ import annotations

from kg.infer.derivation import Derivation, explain
from kg.infer.fixpoint import GRAPH, Inferred, infer, materialise
from kg.infer.incremental import update
from kg.infer.rules import Atom, Rule, Rules, Unused

__all__ = [
    "GRAPH",
    "Atom",
    "Derivation",
    "Inferred",
    "Rule",
    "Rules",
    "Unused",
    "explain",
    "infer",
    "materialise",
    "update",
]
