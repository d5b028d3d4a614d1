"""The release that answers now, and the change to the next while requests go on.

A publish is noticed by the link it moves. The new release is loaded and warmed beside the
old one, then every request that begins asks the new one; the old one ends with its last
answer. A release that cannot be opened is said in the log, and the old one stays. At the start
there is no old one: a large release is read from disk until it is in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.requests import Request

from api.cache import Results
from api.negotiation import Choice
from api.problems import Conflict
from api.relay import Relay
from kg import build, ontology, vocab
from kg.catalogue import Catalogue
from kg.errors import KnowledgeGraphError, NoRelease, ReleaseError
from kg.release import Home, Manifest, Release
from kg.settings import Settings, shipped
from kg.tokens import Tokens
from kg.workers import FORMATS, Answer, Change, Lease, LookUp, Pool, Query, Write, ondisk

_LOG: Final = logging.getLogger(__name__)

#: Whether the release that the request at hand is answered from is synthetic.
SYNTHETIC: Final = ContextVar("synthetic", default=False)

#: Seconds between two looks at the link, and after a release that could not be opened.
_INTERVAL: Final = 0.3
_PAUSE: Final = 5.0

#: Labels whose resources are kept.
_LABELS: Final = 1000

#: Quads up to which a change is applied to what is in memory, and not loaded anew.
_LITTLE: Final = 50_000

#: Quads above which a server that starts does not wait until they are in memory.
_MUCH: Final = 200_000

#: Quads above which look-ups and counting queries have columns: of fewer the engine has them soon.
_MANY: Final = 50_000

#: Seconds that answers still open have when the server ends.
_PATIENCE: Final = 2.0


@dataclass(frozen=True, eq=False)
class Generation:
    """One release with the workers that answer from it."""

    release: Release
    manifest: Manifest
    catalogue: Catalogue
    settings: Settings
    pool: Pool
    lease: contextlib.ExitStack
    results: Results
    totals: dict[str, int] = field(default_factory=dict)  #: query → its rows
    called: dict[str, list[str]] = field(default_factory=dict)  #: query for a label → resources
    bound: dict[tuple[str, ...], tuple[str, Choice]] = field(default_factory=dict)  #: of hot URLs
    heads: dict[tuple[str | int, ...], bytes] = field(default_factory=dict)  #: of answers, by kind
    empty_graphs: bool = False  #: there may be graphs without a triple

    @property
    def base(self) -> str:
        """The IRI under which its resources stand."""
        return self.manifest.base

    async def ask(self, text: str, media_type: str) -> Answer:
        """Answer a query on the release's own dataset; raises as `Evaluator.evaluate` does."""
        return await self.evaluate(Query(text, media_type))

    async def resources(self, text: str) -> list[str]:
        """The IRIs that a query finds as `?resource`; kept, since hot labels are asked again."""
        if text not in self.called:
            answer = await self.ask(text, FORMATS["json"])
            body = b"".join([chunk async for chunk in answer.chunks])
            if len(self.called) >= _LABELS:
                self.called.clear()
            rows = json.loads(body)["results"]["bindings"]
            self.called[text] = [row["resource"]["value"] for row in rows]
        return self.called[text]

    @property
    def deadline(self) -> float:
        """Seconds that a query may run."""
        return self.settings.deadline

    def limits(self, deadline: float) -> str:
        """What an answer is limited to, as a header says it (RFC 8941)."""
        settings = self.settings
        return (
            f"seconds={deadline:g}, memory={settings.query_memory}, "
            f"rows={settings.max_rows}, bytes={settings.max_bytes}"
        )

    async def evaluate(
        self,
        query: Query,
        deadline: float | None = None,
        client: str = "",
        begun: Lease | None = None,
    ) -> Answer:
        """Answer a query within the deadline; raises as `Evaluator.evaluate` does."""
        return await self.pool.evaluate(query, deadline or self.deadline, client, begun)

    def gauges(self) -> dict[str, float]:
        """What is under way, for operators."""
        return {
            **self.pool.gauges(),
            "cache_bytes": self.results.size,
            "cache_hits_total": self.results.hits,
            "cache_misses_total": self.results.misses,
            "release_quads": self.manifest.quads,
            "release_in_memory": float(self.pool.in_memory),
            "release_columns": float(self.pool.columns),
        }

    async def changes(self, write: Write, home: Home) -> Change:
        """What a write would change; raises as `evaluate` does, and InputError for a document."""
        if not self.pool.in_memory:
            with home.trying() as folder:
                store, memory = self.release.store_path, self.settings.query_memory
                return await ondisk.change(store, folder, write, self.deadline, memory)
        answer = await self.pool.evaluate(write, self.deadline)
        return Change.unpack(b"".join([chunk async for chunk in answer.chunks]))

    async def close(self) -> None:
        """Finish what is under way, end the workers, and let go of the release."""
        with self.lease:
            await self.pool.close()


class Live:
    """What a request asks for the release of the moment.

    `direct_graphs`: a URL below `/graphs/` is itself the name of a graph.
    """

    direct_graphs = False

    def __init__(self, home: Home, settings: Settings) -> None:
        self.tokens: Tokens | None = Tokens(home.path)
        self.relay = Relay(settings)
        #: What is done with a release before it goes live.
        self.warm: Callable[[Generation], Awaitable[None]] | None = None
        self._looked_up = 0
        self._writer = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._home = home
        self.settings = settings
        self._generation: Generation | None = None
        self._entering: asyncio.Task[None] | None = None  # the first release, into memory
        self._beside: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve the current release, then whichever becomes current, until the context ends."""
        async with self.relay.running():
            release = self._home.current()
            much = release.manifest.quads > _MUCH
            self._generation = await self._load(release, on_disk=much, warm=not much)
            if much:
                self._entering = asyncio.create_task(self._enter())
            watcher = asyncio.create_task(self._watch())
            try:
                yield
            finally:
                for task in filter(None, (watcher, self._entering)):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
                await self._end()

    async def _enter(self) -> None:
        """Serve from memory, if it fits there, and warm, what was opened on disk."""
        try:
            await self._reload(anew=False)
        except Exception:
            _LOG.exception("serving %s from disk", self.generation.release.id)

    async def write(self, write: Write, request: Request, who: str) -> None:  # noqa: ARG002
        """Make a release of the current one and a write, and serve it; who asks may do so.

        Writers wait for each other, readers for none. Raises NotConforming with the report
        where the candidate violates a shape; then nothing has changed.
        """
        async with self._writer:
            if self._entering:  # a change of what is in memory takes a part of the time
                await asyncio.shield(self._entering)
            with self.held() as generation:
                change = await generation.changes(write, self._home)
                if not change:
                    return
                # From here on it is done to its end, also where the client leaves.
                graphs = [graph for graph in write.touched if graph]
                agent = vocab.resource("agent", who, generation.base)
                await asyncio.shield(self._publish(generation, change, graphs, agent))

    async def _publish(
        self, generation: Generation, change: Change, graphs: list[str], agent: str
    ) -> None:
        if generation.release.id != self._home.current().id:
            raise Conflict("another release went live meanwhile; ask again")
        outcome = await asyncio.to_thread(build.change, self._home, graphs, change.apply, agent)
        await self._advance(outcome.release)

    async def _advance(self, release: Release) -> None:
        """Serve a release from now on: a small change of what is in memory is only applied."""
        async with self._changing:
            before = self.generation
            if release.id == before.release.id:
                return
            generation = await self._followed(before, release)
            if generation is None:
                # What is as large as a release that did not fit the memory is not tried there.
                as_large = release.manifest.quads > 0.9 * before.manifest.quads
                on_disk = as_large and not before.pool.in_memory
                generation = await self._load(release, on_disk=on_disk)
                self._retire(before)
            self._generation = generation
        _LOG.warning("serving %s, no longer %s", release.id, before.release.id)

    def reload(self) -> None:
        """Load the current release and the catalogue anew, beside what is served."""
        self._aside(self._reload())

    async def _reload(self, *, anew: bool = True) -> None:
        async with self._changing:
            before = self.generation
            try:
                generation = await self._load(self._home.current(), anew=anew)
            except KnowledgeGraphError as error:
                _LOG.error("still serving %s as it was: %s", before.release.id, error)
                return
            self._generation = generation
        if anew:
            _LOG.warning("serving %s, loaded anew", generation.release.id)
        self._retire(before)

    async def _followed(self, before: Generation, release: Release) -> Generation | None:
        """The generation of a release that is a small change of one in memory, else None."""
        if not before.pool.in_memory or before.base != release.manifest.base:
            return None
        step = await asyncio.to_thread(_step, before.release, release)
        if step is None:
            return None
        with contextlib.ExitStack() as stack:
            stack.enter_context(release.lease())
            await before.pool.change(step, release.id, release.store_path, release.dump_path)
            before.lease.close()  # what is in memory needs no file
            return replace(
                before,
                release=release,
                manifest=release.manifest,
                lease=stack.pop_all(),
                results=Results(self.settings.cache),
                totals={},
                called={},
                bound={},
                heads={},
            )

    @property
    def writable(self) -> bool:
        """Whether anyone may write here."""
        return self.tokens is None or bool(self.tokens.all())

    def new_graph(self, base: str, key: str) -> str:
        """The IRI of a graph that is to be made under a key."""
        return f"{base}/{key}" if self.direct_graphs else vocab.graph(f"edits/{key}")

    async def _end(self) -> None:
        last, self._generation = self._generation, None
        if last:
            self._retire(last)
        _, late = await asyncio.wait(self._beside, timeout=_PATIENCE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @property
    def generation(self) -> Generation:
        """The generation that answers now; raises NoRelease before the first and after the last."""
        if self._generation is None:
            raise NoRelease("no release is being served: the server starts or ends")
        SYNTHETIC.set(self._generation.manifest.synthetic)
        return self._generation

    def look_up(
        self, generation: Generation, asked: LookUp, format: str
    ) -> tuple[str, bytes] | None:
        """Media type and bytes of its answer, in this process; None where a worker is needed."""
        lookups = generation.pool.lookups
        if lookups is None or lookups.release != generation.release.id:
            return None
        found = lookups.answer(asked, format)
        self._looked_up += found is not None
        return found

    def gauges(self) -> dict[str, float]:
        """What is under way, for operators."""
        return {**self.generation.gauges(), "lookups_total": self._looked_up}

    @property
    def results(self) -> Results | None:
        """The answers kept of what is served now."""
        return self._generation.results if self._generation else None

    def mark(self) -> None:
        """Remember for the request at hand whether what is served is synthetic."""
        with contextlib.suppress(NoRelease):
            _ = self.generation

    @contextlib.contextmanager
    def held(self) -> Iterator[Generation]:
        """One generation for the whole of a request, however many queries it asks."""
        generation = self.generation
        generation.pool.enter()
        try:
            yield generation
        finally:
            generation.pool.leave()

    async def _watch(self) -> None:
        refused = ""
        while True:
            await asyncio.sleep(_INTERVAL)
            try:
                release = self._home.current()
                if release.id == self.generation.release.id:
                    refused = ""
                    continue
                await self._advance(release)
            except Exception as error:  # whatever it is, a later publish must still be noticed
                if str(error) != refused:
                    refused = str(error)
                    _LOG.error("still serving %s: %s", self.generation.release.id, error)
                await asyncio.sleep(_PAUSE)

    async def _load(
        self, release: Release, *, anew: bool = False, on_disk: bool = False, warm: bool = True
    ) -> Generation:
        """Open a release; raises ReleaseError where that fails, and then holds nothing of it."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(release.lease())
            manifest = release.manifest
            catalogue = await self._catalogue(manifest.base, anew=anew)
            settings = self.settings
            pool = await Pool.start(
                release.store_path,
                None if on_disk else release.dump_path,
                workers=settings.workers,
                queue=settings.queue,
                memory=settings.query_memory,
                in_memory_limit=settings.memory,
                release=release.id,
                queue_of_client=settings.queue_of_client,
                relay=self.relay.port,
                columns=manifest.quads > _MANY,
            )
            generation = Generation(
                release,
                manifest,
                catalogue,
                settings,
                pool,
                contextlib.ExitStack(),
                Results(settings.cache),
            )
            try:
                answer = await generation.ask("ASK {}", "text/csv")
                async for _ in answer.chunks:
                    pass
                if self.warm and warm:
                    await self.warm(generation)
            except BaseException as error:
                await pool.close()
                if isinstance(error, KnowledgeGraphError):
                    raise ReleaseError(f"{release.path}: it does not answer: {error}") from None
                raise
            generation.lease.enter_context(stack.pop_all())
            return generation

    async def _catalogue(self, base: str, *, anew: bool = False) -> Catalogue:
        if not anew and self._generation and self._generation.base == base:
            return self._generation.catalogue
        return await asyncio.to_thread(
            lambda: Catalogue.load(
                shipped("queries"), terms=ontology.terms(shipped("ontology")), base=base
            )
        )

    def _retire(self, generation: Generation) -> None:
        self._aside(generation.close())

    def _aside(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside what is served; the server ends after it."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _step(before: Release, after: Release) -> Change | None:
    """What makes one release of the other, where both stand on one dump and it is little."""
    if not after.dump_path.samefile(before.dump_path):
        return None
    changes = [*after.changes_since(before)]
    if len(changes) > _LITTLE:
        return None
    added = (line for gained, line in changes if gained)
    removed = (line for gained, line in changes if not gained)
    return Change(_text(removed), _text(added))


def _text(lines: Iterable[bytes]) -> str:
    return b"".join(line + b"\n" for line in lines).decode()
