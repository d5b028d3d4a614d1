"""Releases: built whole, checked, published in one step, and never changed afterwards.

`Home` holds them; whatever happens to a process, `Home.current()` is one whole release.
Layout: current → releases/<id>, releases/<id>/{store/, dump.nq.zst, patch.rdfp.zst after a small
change, manifest.json, reports},
candidates/ (what is being built or removed), lock, history (what rollback returns to).
"""

from __future__ import annotations

from kg.dump import read_dump
from kg.patch import Patch, difference
from kg.release.comparison import ClassChange, Comparison, GraphChange, compare
from kg.release.content import ContentHash, identity, write_dump
from kg.release.description import SYNTHETIC_NOTICE, Address, describe
from kg.release.durable import link_tree
from kg.release.home import STATE, Candidate, Home, Release
from kg.release.loading import Loading, fill, load_store
from kg.release.manifest import Manifest, Source, tool_versions

__all__ = [
    "STATE",
    "SYNTHETIC_NOTICE",
    "Address",
    "Candidate",
    "ClassChange",
    "Comparison",
    "ContentHash",
    "GraphChange",
    "Home",
    "Loading",
    "Manifest",
    "Patch",
    "Release",
    "Source",
    "compare",
    "describe",
    "difference",
    "fill",
    "identity",
    "link_tree",
    "load_store",
    "read_dump",
    "tool_versions",
    "write_dump",
]
