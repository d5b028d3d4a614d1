"""Lines as a column: what a text holds comes out of it, and the same text out of that."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from kg.nquads import lines_of, write

OBJECTS = st.text(st.sampled_from('"\\\r\n\t\x0b\x1f ,a\u00a0\u2028集'), max_size=5).map(Literal)
QUADS = st.builds(Quad, st.just(NamedNode("x:s")), st.just(NamedNode("x:p")), OBJECTS)


@given(st.lists(QUADS))
def test_text_of_statements_is_read_line_by_line_and_written_again(quads: list[Quad]) -> None:
    text = serialize(quads, format=RdfFormat.N_QUADS) or b""
    lines = lines_of(text)
    assert lines.to_list() == text.decode().split("\n")[:-1]
    file = BytesIO()
    write(lines, file)
    assert file.getvalue() == text
