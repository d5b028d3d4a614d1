"""What can be said of SPARQL from its text alone: tokens, form, parameters, what it writes.

`check` promises that a text which passes is one SPARQL query that reaches nothing outside
its dataset, also where the engine reads `SERVICEex:x` or `trueSERVICE` as two words; `update`
that a request for changes writes to the graphs that it names and to no other. Both parse and
never evaluate. Positions are those of the text as it was given.
"""

from kg.sparql.glance import bounded, glance
from kg.sparql.lexer import Token, decode, position, tokens
from kg.sparql.query import Form, bind, check, counted, form, limited, parameters, parse, rerouted
from kg.sparql.update import Operation, update

__all__ = [
    "Form",
    "Operation",
    "Token",
    "bind",
    "bounded",
    "check",
    "counted",
    "decode",
    "form",
    "glance",
    "limited",
    "parameters",
    "parse",
    "position",
    "rerouted",
    "tokens",
    "update",
]
