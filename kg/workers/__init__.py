"""Evaluation of queries in processes that can be killed.

`Evaluator` is the seam: query, deadline → a stream of bytes. `Pool` stands behind it with
forked workers of one release; a cluster can stand there later. `evaluate` is the same
evaluation in this process, for the command line.
"""

from kg.workers import ondisk
from kg.workers.answer import Answer, Evaluator
from kg.workers.columns.prepared import LookUp
from kg.workers.engine import FORMATS, GRAPH_FORMATS, SOLUTION_FORMATS, Query, evaluate
from kg.workers.lease import Lease
from kg.workers.pool import Pool
from kg.workers.writing import Change, Load, Step, Update, Write

__all__ = [
    "FORMATS",
    "GRAPH_FORMATS",
    "SOLUTION_FORMATS",
    "Answer",
    "Change",
    "Evaluator",
    "Lease",
    "Load",
    "LookUp",
    "Pool",
    "Query",
    "Step",
    "Update",
    "Write",
    "evaluate",
    "ondisk",
]
