"""Mappings as RML (http://w3id.org/rml/): RML-Core, RML-IO and RML-FNML, out and in.

What RML has no word for (columns and their rules, the dataset) travels as one literal,
`kgf:definition`, that other engines pass over; so what is exported can be imported again.
"""

from __future__ import annotations

from kg.etl.rml.reading import Given, read
from kg.etl.rml.writing import export

__all__ = ["Given", "export", "read"]
