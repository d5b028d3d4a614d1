"""What a change of the ontology breaks, tried and not guessed; and renames carried out everywhere.

`impact` compares two versions, finds every use of each changed term, and builds a candidate with
the new one. `migrate` applies a migration file to copies of the project's folders, builds a
candidate from them, and only then writes the files and publishes; else nothing has changed.
docs/maintainers-day.md shows both at work.
"""

from __future__ import annotations

from kg.migration.impact import Impact, impact
from kg.migration.migrate import Migration, migrate
from kg.migration.project import Project, Triples, Use, triples, uses

__all__ = [
    "Impact",
    "Migration",
    "Project",
    "Triples",
    "Use",
    "impact",
    "migrate",
    "triples",
    "uses",
]
