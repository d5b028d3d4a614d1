"""`kg link …`: which mentions mean one entity."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.commands.common import Command
from kg.errors import InputError
from kg.settings import Settings, shipped
from kg.terminal import OK, err, listing, out, print_json, progress

if TYPE_CHECKING:
    from kg.etl import Context
    from kg.etl.links import Decision
    from kg.link import Corpus
    from kg.link.decide import Clusters


def add_commands(command: Command) -> None:
    """Add `link` with `review`, `export` and `why`."""
    text = "Find which mentions mean one entity; accept what agrees, queue the rest."
    each = command("link", _link, text)
    _options(each)
    actions = each.add_subparsers(metavar="ACTION")
    review = command("review", _review, "Decide on the pairs that wait.", parents=actions)
    review.add_argument("--reviewer", metavar="NAME", help="who decides (default: your user name)")
    _options(review, data=False)
    export = command("export", _export, "Write every mention with its entity.", parents=actions)
    export.add_argument(
        "file", nargs="?", metavar="FILE", help="a CSV file (default: the terminal)"
    )
    _options(export)
    why = command("why", _why, "Say what makes two keys one, or keeps them apart.", parents=actions)
    for name in ("one", "other"):
        why.add_argument(
            name, metavar=name.upper(), help="a key, like organization/baidu, or a name"
        )
    _options(why)


def _options(parser: argparse.ArgumentParser, *, data: bool = True) -> None:
    if data:
        parser.add_argument("--data", type=Path, metavar="DIR", help="folder of third-party tables")
    parser.add_argument(
        "--tables",
        type=Path,
        metavar="DIR",
        help="folder of the project's tables (default: its own)",
    )


def _context(options: argparse.Namespace, settings: Settings) -> Context:
    from kg.etl import Context

    tables = options.tables or shipped("tables")
    return Context(tables, shipped("ontology") / "vocabularies", settings.base)


def _read(options: argparse.Namespace, context: Context) -> Corpus:
    from kg import link

    with progress() as show:
        return link.read(_sources(options, context), context, show)


def _sources(options: argparse.Namespace, context: Context) -> Any:
    from kg.build import Inputs

    sources, notices = Inputs(tables=context.tables, data=options.data).sources()
    for notice in notices:
        err.print(f"notice: {notice}")
    # What is made up is never the same as what is real.
    return [(source, folder) for source, folder in sources if not source.dataset.synthetic]


def _link(options: argparse.Namespace, settings: Settings) -> int:
    from kg import link
    from kg.link import decide

    context = _context(options, settings)
    folder = context.tables / "links"
    sources = _sources(options, context)
    with progress() as show:
        corpus, linkage = link.link(sources, context, decide.today(), show)
    link.save(folder, linkage.links, linkage.queue)
    clusters = decide.Clusters(linkage.links)
    mentions = Counter(mention.kind for mention in corpus.mentions)
    summary = {
        "mentions": dict(sorted(mentions.items())),
        "keys": len(corpus.entities),
        "entities": len({clusters.root(key) for key in corpus.entities}),
        "decisions": len(linkage.links.decisions),
        "accepted": len(linkage.accepted),
        "waiting": len(linkage.queue),
    }
    if options.json:
        print_json(summary)
        return OK
    kinds = ", ".join(f"{count:,} of {kind}s" for kind, count in sorted(mentions.items()))
    out.print(f"mentions: {kinds}")
    out.print(f"{summary['keys']:,} keys of sources mean {summary['entities']:,} entities")
    out.print(f"decisions: {summary['decisions']:,}, of which new: {summary['accepted']:,}")
    if linkage.queue:
        out.print(f"waiting for a person: {len(linkage.queue):,}; `kg link review` asks for each")
    out.print(f"tables: {folder}")
    return OK


def _review(options: argparse.Namespace, settings: Settings) -> int:
    from kg.link import decide
    from kg.link.review import Review

    folder = _context(options, settings).tables / "links"
    review = Review(folder, options.reviewer or getpass.getuser(), decide.today())
    if not options.json:
        review.run(_ask, lambda text: err.print(text, style="red"))
    left = len(review.waiting)
    if options.json:
        print_json([asdict(pair) for pair in review.waiting])
    else:
        out.print(f"decided: {review.decided}, skipped: {review.skipped}, waiting: {left}")
    return OK


def _ask(pair: Decision, left: int) -> str:
    word = {"same": "the same?", "part": "a part of it?", "apart": "not the same?"}[pair.relation]
    out.print(f"\n[bold]{left} waiting[/bold]: {word} ({pair.confidence:g})", markup=True)
    for label, key in (
        (pair.subject_label, pair.subject),
        (pair.object_label, pair.object),
    ):
        out.print(f"  {label or '(no name)'}   id:{key}")
    out.print(f"  {pair.comment}")
    out.print("(a)ccept as the same, (r)eject, (p)art of, (s)kip, (q)uit: ", end="")
    sys.stdout.flush()
    return sys.stdin.readline() or "q"


def _export(options: argparse.Namespace, settings: Settings) -> int:
    from kg.link import export

    context = _context(options, settings)
    corpus = _read(options, context)
    rows = export.lines(context, corpus)
    if options.json:
        print_json([asdict(row) for row in rows])
    elif options.file is None:
        export.write(rows, sys.stdout)
    else:
        try:
            with Path(options.file).open("w", encoding="utf-8", newline="") as file:
                count = export.write(rows, file)
        except OSError as error:
            raise InputError(f"{options.file}: cannot be written: {error.strerror}") from None
        out.print(f"{count:,} mentions written to {options.file}")
    return OK


def _why(options: argparse.Namespace, settings: Settings) -> int:
    from kg.link import candidates, decide, export

    context = _context(options, settings)
    corpus = _read(options, context)
    clusters = decide.Clusters(context.links)
    keys = [_key(corpus, clusters, name) for name in (options.one, options.other)]
    resolver = export.Resolver(context, corpus)
    found = [
        each
        for each in candidates.candidates(corpus, context.register.of_name)
        if {each.subject, each.object} == set(keys)
    ]
    paths = {key: resolver.path(key) for key in keys}
    same = clusters.root(keys[0]) == clusters.root(keys[1])
    fault = clusters.fault(*keys)
    if options.json:
        print_json(
            {
                "same": same,
                "apart": fault,
                "decisions": {key: [asdict(step) for step in path] for key, path in paths.items()},
                "evidence": [asdict(each) for each in found],
            }
        )
        return OK
    table = listing("key", "decision", "means", "sure", "by", "because")
    for key, path in paths.items():
        for step in path:
            by = step.reviewer or step.author
            table.add_row(key, step.relation, step.object, f"{step.confidence:g}", by, step.comment)
        if not path:
            table.add_row(key, "none", key, "", "", "")
    out.print(table)
    for each in found:
        against = f"; against: {', '.join(each.against)}" if each.against else ""
        out.print(f"evidence: {', '.join(each.evidence)}{against} ({each.score:g})")
    out.print("the same" if same else f"not the same{f': {fault}' if fault else ''}")
    return OK


def _key(corpus: Corpus, clusters: Clusters, text: str) -> str:
    """The key that a person means by a key, or by a name that one entity alone has."""
    bare = text.removeprefix("id:")
    for key in (bare, f"organization/{bare}"):
        if key in corpus.entities:
            return key
    named = sorted(key for key, entity in corpus.entities.items() if text in entity.labels)
    if len({clusters.root(key) for key in named}) == 1:
        return named[0]
    if named:
        raise InputError(f"{text!r} names several: {', '.join(named)}")
    raise InputError(f"{text!r} is no key and no name of any source that is at hand")
