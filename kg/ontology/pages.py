"""The ontology as pages for people: modules, vocabularies, diagrams, and who uses each term.

Own templates rather than pyLODE: 3.4.1 does not start (RDFLib/pyLODE#260), and even mended it
knows neither two languages side by side nor shapes, queries and examples beside a term. The
pages hold their style, run no script and fetch nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from kg import vocab
from kg.ontology.book import Book, Examples, Queries
from kg.ontology.modules import modules, version
from kg.ontology.versions import EXTENSIONS, IRI, document, versions
from kg.release import SYNTHETIC_NOTICE

#: The named query whose answer gives an example of each term.
EXAMPLES: Final = "ontology/examples-of-terms"


def write_pages(
    folder: Path, target: Path, *, examples: Examples, queries: Queries, synthetic: bool = False
) -> list[Path]:
    """Write the pages below `target`, and beside them the data they link to; gives the files."""
    target.mkdir(parents=True, exist_ok=True)
    written = []
    made = pages(folder, examples=examples, queries=queries, synthetic=synthetic)
    for path, text in made.items():
        written.append(target / _file(path, "html"))
        written[-1].write_text(text, encoding="utf-8")
    paths = ["", *versions(folder), "shapes"]
    paths += [path.stem for path in modules(folder, "")]
    paths += [f"vocabularies/{path.stem}" for path in modules(folder, "vocabularies")]
    for path in paths:
        found = document(folder, path)
        for extension, media_type in EXTENSIONS.items():
            if found is not None:
                file = target / _file(path, extension)
                file.write_bytes(found.serialise(media_type))
                written.append(file)
    return written


def examples(found: Mapping[str, Any], base: str) -> dict[str, list[tuple[str, str]]]:
    """Term → its example and that one's name, from the answer of the named query `EXAMPLES`."""
    return {
        row["term"]["value"]: [(iri, row["nameEn"]["value"] if "nameEn" in row else short)]
        for row in found["results"]["bindings"]
        if row["example"]["type"] == "uri"
        for iri in (row["example"]["value"],)
        for short in (vocab.shorten(iri, base),)
    }


def _file(path: str, form: str) -> str:
    """The name of the file for the document at `path`: `vocabularies/fields` is one name."""
    if not path:
        return "index.html" if form == "html" else f"ontology.{form}"
    return f"{path.replace('/', '-')}.{form}"


def pages(
    folder: Path,
    *,
    examples: Examples,
    queries: Queries,
    address: Callable[[str, str], str] = _file,
    query_address: Callable[[str], str] | None = None,
    synthetic: bool = False,
) -> dict[str, str]:
    """Path of a document → its page. `address` gives the link to a document's path in a form.

    The default links files that lie in one folder; a server gives its own. A query is linked
    where `query_address` says how. The pages say where their examples are `synthetic`.
    """
    book = Book(folder, examples, queries, address)
    environment = Environment(
        loader=PackageLoader("kg.ontology"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "address": address,
        "query_address": query_address,
        "synthetic": SYNTHETIC_NOTICE if synthetic else None,
        "forms": {"ttl": "Turtle", "rdf": "RDF/XML", "jsonld": "JSON-LD", "nt": "N-Triples"},
        "version": version(folder),
        "versions": versions(folder),
        "ontology": book.front,
        "modules": book.modules,
        "vocabularies": book.vocabularies,
        "iri": IRI,
        "shorten": vocab.shorten,
    }
    found = {"": environment.get_template("index.html").render(page=None)}
    for page in (*book.modules, *book.vocabularies):
        path = f"{page.part}/{page.name}" if page.part else page.name
        template = environment.get_template("vocabulary.html" if page.part else "module.html")
        found[path] = template.render(page=page, path=path)
    return found
