"""IRIs: what a person may write for one, how keys are minted, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyoxigraph import RdfFormat, parse

from kg import vocab
from kg.errors import InputError

BAIDU = "https://w3id.org/aicluster/id/organization/baidu"
PRINTED = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
#: Texts that are nearly IRIs: the characters that grammars treat differently, in any order.
NEARLY = st.text('a:/?#[]@%41.-~é中<> "{}|^`\\\ue000\ufffe\U0001f600\x85', max_size=12)


@pytest.mark.parametrize("text", [BAIDU, "id:organization/baidu", "organization/baidu", "baidu"])
def test_an_iri_a_curie_and_a_key_mean_the_same_resource(text: str) -> None:
    assert vocab.expand(text, kind="organization") == BAIDU


@pytest.mark.parametrize(
    ("text", "iri"),
    [
        ("aic:Organization", vocab.AIC + "Organization"),
        ("graph:source/ror", vocab.GRAPH + "source/ror"),
        ("aic:", vocab.AIC),
        ("urn:uuid:1", "urn:uuid:1"),
        ("http://例え.example/%E4?q#f", "http://例え.example/%E4?q#f"),
    ],
)
def test_a_full_iri_or_a_curie_needs_no_kind(text: str, iri: str) -> None:
    assert vocab.expand(text) == iri


@pytest.mark.parametrize(
    "text",
    ["", "baidu", "a/b/c", "Organization/Baidu", "schema:Person", "aic:a b", "http://a b", "a//b",
     "/baidu", "organization/", "organization/bai_du", "organization/baidu\n", "../baidu"],
)  # fmt: skip
def test_what_is_no_iri_no_curie_and_no_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a full IRI"):
        vocab.expand(text)


def test_resources_follow_the_base_and_terms_do_not() -> None:
    base = "http://localhost/id/"
    texts = ["organization/baidu", "id:organization/baidu", BAIDU, "aic:Organization", "graph:x"]
    assert [vocab.expand(text, base=base) for text in texts] == [
        *["http://localhost/id/organization/baidu"] * 3, vocab.AIC + "Organization",
        vocab.GRAPH + "x",
    ]  # fmt: skip
    assert vocab.rebase(vocab.AIC + "Organization", base) == vocab.AIC + "Organization"
    assert vocab.rebase(BAIDU, vocab.BASE) == BAIDU


@pytest.mark.parametrize("key", ["baidu", "gb-110109", "v1.5", "4paradigm", "ror-00cmhce21"])
def test_a_key_is_lower_case_words_joined_by_hyphens_or_dots(key: str) -> None:
    assert vocab.resource("organization", key) == f"{vocab.BASE}organization/{key}"


@pytest.mark.parametrize(
    "key", ["", "Baidu", "a b", "a--b", "-a", "a-", "a.", "a/b", "百度", "a\n", "..", "٣"]
)
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(InputError, match=r"resource key .* of kind organization: expected"):
        vocab.resource("organization", key)


def test_a_digest_never_changes() -> None:
    assert vocab.digest("科大讯飞", "星火") == "45b7748ff5cebe36"
    assert vocab.digest("") == "e4a6a0577479b2b4"


@given(st.lists(PRINTED, min_size=1, max_size=3), st.lists(PRINTED, min_size=1, max_size=3))
@settings(max_examples=100)
@example(["a", "b"], ["ab"])
@example(["a", "b"], ["b", "a"])
@example(["a", ""], ["a"])
@example(["a", "b"], ["a|b"])
def test_different_keys_have_different_digests(one: list[str], other: list[str]) -> None:
    assert (vocab.digest(*one) == vocab.digest(*other)) == (one == other)


@pytest.mark.parametrize(
    "iri",
    ["http://a", "http://a/", "http://", "http:///x", "http://u:p@a:8080/b//c?d=/?e#f/?", "urn:a:b",
     "mailto:a@b.cn", "a:/x//y", "http://a/%E4%B8", "http://百度.中国/公司", "tag:a,2020:b"],
)  # fmt: skip
def test_an_absolute_iri_is_one(iri: str) -> None:
    assert vocab.is_iri(iri)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a/b", "//a", "1a:b", "http://a b", "http://a<b", "http://a>b", 'http://a"b',
     "http://a/{b}", "http://a/b|c", "http://a/b^c", "http://a/`", "http://a\\b", "http://a/%",
     "http://a/%4", "http://a/%zz", "http://a/[b]", "http://a#b#c", "http://a:b/", "http://a@b@c",
     "http://a/\x85", "http://a/\ue000", "http://a/\ufffe", "http://a\n", " http://a", "a:x["],
)  # fmt: skip
def test_what_is_no_iri_is_refused(text: str) -> None:
    assert not vocab.is_iri(text)


@given(st.one_of(NEARLY, NEARLY.map("http://".__add__), PRINTED.map("http://a/".__add__)))
@settings(max_examples=100)
@example("http:////")
@example("http://a/\U000e0001")
def test_the_store_reads_every_iri_that_is_accepted(text: str) -> None:
    if vocab.is_iri(text):
        line = f"<{text}> <a:b> <{text}> .\n"
        assert [q.subject.value for q in parse(line.encode(), format=RdfFormat.N_QUADS)] == [text]


def test_a_possible_curie_is_not_taken_for_an_iri_that_is_written_out() -> None:
    texts = ["schema:Person", "http://a/b", "urn:a:b", "http://a b"]
    assert [vocab.is_written_out(text) for text in texts] == [False, True, True, False]
