"""Evaluation of queries in processes that can be killed.

`Evaluator` is the seam: query, deadline → a stream of bytes. `Pool` stands behind it with
forked workers of one release; a cluster can stand there later. `evaluate` is the same
evaluation in this process, for the command line.
"""

from kg.workers.engine import FORMATS, GRAPH_FORMATS, SOLUTION_FORMATS, Query, evaluate
from kg.workers.pool import Answer, Evaluator, Pool

__all__ = [
    "FORMATS",
    "GRAPH_FORMATS",
    "SOLUTION_FORMATS",
    "Answer",
    "Evaluator",
    "Pool",
    "Query",
    "evaluate",
]
