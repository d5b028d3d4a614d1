"""Who may change what: every write goes through here before anything of it is tried.

A release's own graphs belong to their tables: an edit goes to a graph `…/graph/edits/<name>`,
which must stand in the request as it is, not in a variable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from starlette.requests import Request

from api.live import Live
from api.problems import Forbidden, Unauthorized
from kg import vocab
from kg.errors import InputError
from kg.sparql import Operation
from kg.tokens import Tokens
from kg.workers import Load, Step, Update


async def update(operations: Sequence[Operation], base: str, request: Request, live: Live) -> None:
    """Do a SPARQL update, whole or not at all."""
    steps = tuple(Step(each.text, each.merged) for each in operations)
    graphs = frozenset[str | None]().union(*(each.writes for each in operations))
    if live.tokens:
        for each in operations:
            if each.anywhere:
                raise Forbidden(
                    f"{each.place}: {each.kind} chooses its graphs when it runs; expected "
                    f"<{vocab.EDITS}…> by name"
                )
        who = _allowed(request, graphs, live.tokens)
        await live.write(Update(steps, base, tuple(graphs)), request, who)
        return
    anywhere = any(each.anywhere for each in operations)
    write = Update(steps, base, None if anywhere else tuple(graphs))
    await live.write(write, request, "")


async def load(write: Load, request: Request, live: Live) -> None:
    """Do what the graph store protocol's PUT or POST asks."""
    who = _allowed(request, {write.graph}, live.tokens) if live.tokens else ""
    await live.write(write, request, who)


def _allowed(request: Request, graphs: Collection[str | None], tokens: Tokens) -> str:
    """Who asks; raises Unauthorized or Forbidden."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise Unauthorized("expected Authorization: Bearer <token>; `kg token add` makes one")
    try:
        token = tokens.known(credentials.strip())
    except InputError as error:
        raise Forbidden(f"no token can be checked: {error}") from None
    if token is None:
        raise Unauthorized("this token is not known; it may have been revoked")
    for graph in sorted(graphs, key=str):
        if graph is None:
            raise Forbidden(
                "the default graph is the merge of the others; expected GRAPH "
                f"<{vocab.EDITS}…>, WITH it, or ?graph= with it"
            )
        if not graph.startswith(vocab.EDITS):
            raise Forbidden(f"<{graph}> belongs to its source; expected <{vocab.EDITS}…>")
        if not token.allows(graph):
            raise Forbidden(f"the token {token.name} may not write to <{graph}>")
    return token.name
