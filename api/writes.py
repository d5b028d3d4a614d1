"""Who may change what: every write goes through here before anything of it is read or tried.

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
from kg.tokens import Token
from kg.workers import Load, Step, Update


def identify(request: Request, live: Live) -> Token | None:
    """Whose token a request has; None where anyone may write. Raises Unauthorized or Forbidden."""
    if live.tokens is None:
        return None
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise Unauthorized("expected Authorization: Bearer <token>; `kg token add` makes one")
    try:
        token = live.tokens.known(credentials.strip())
    except InputError as error:
        raise Forbidden(f"no token can be checked: {error}") from None
    if token is None:
        raise Unauthorized("this token is not known; it may have been revoked")
    return token


async def update(
    token: Token | None, operations: Sequence[Operation], base: str, request: Request, live: Live
) -> None:
    """Do a SPARQL update, whole or not at all, for who `identify` found."""
    steps = tuple(Step(each.text, each.merged) for each in operations)
    graphs = frozenset[str | None]().union(*(each.writes for each in operations))
    if token:
        for each in operations:
            if each.anywhere:
                raise Forbidden(
                    f"{each.place}: {each.kind} chooses its graphs when it runs; expected "
                    f"<{vocab.EDITS}…> by name"
                )
        allow(token, graphs)
        await live.write(Update(steps, base, tuple(graphs)), request, token.name)
        return
    anywhere = any(each.anywhere for each in operations)
    write = Update(steps, base, None if anywhere else tuple(graphs))
    await live.write(write, request, "")


async def load(token: Token | None, write: Load, request: Request, live: Live) -> None:
    """Do what the graph store protocol's PUT or POST asks."""
    if token:
        allow(token, {write.graph})
    await live.write(write, request, token.name if token else "")


def allow(token: Token, graphs: Collection[str | None]) -> None:
    """Raise Forbidden unless a token may write to all of these graphs."""
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
