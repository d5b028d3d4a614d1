"""The ontology's files: read as quads, and checked before anyone builds on them."""

from kg.ontology.modules import GRAPHS, modules, quads, read, terms, version

__all__ = ["GRAPHS", "modules", "quads", "read", "terms", "version"]
