"""The named queries, and what a person writes for their parameters.

`queries` reads and checks the files and makes RDF terms of values; `labels` takes what a
resource is called for its IRI.
"""

from __future__ import annotations

from kg.catalogue.labels import resolved
from kg.catalogue.queries import CONTROLS, Catalogue, NamedQuery, Parameter, Type, View

__all__ = ["CONTROLS", "Catalogue", "NamedQuery", "Parameter", "Type", "View", "resolved"]
