"""Words of statements: what makes two of them one claim, and how much of one is in another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.claims.words import (
    THRESHOLD,
    best_overlap,
    claim_id,
    ids_in,
    may_share,
    overlap,
    unlabelled,
    words_of,
)

TEXT = "Every response comes within 200 ms"
texts = st.text(max_size=60)


@pytest.mark.parametrize(
    "same",
    [
        "every response comes within 200 ms.",
        "The EVERY response – comes, within 200 ms!",
        "FR-12: Every response comes within 200 ms",
        "FR-12 Every response comes within 200 ms",
        "**NFR-2** Every response comes within 200 ms",
        "[ ] C3. Every response comes within 200 ms",
        "Every `response` comes within **200** ms",
        "Ｅｖｅｒｙ response comes within ２００ ms",
    ],
)
def test_the_same_words_in_another_dress_are_the_same_claim(same):
    assert claim_id(same) == claim_id(TEXT)


@pytest.mark.parametrize(
    "other",
    [
        "Every response comes within 300 ms",
        "Every response never comes within 200 ms",
        "Within 200 ms every response comes",
        "UTF-16 every response comes within 200 ms",
    ],
)
def test_other_words_or_another_order_are_another_claim(other):
    assert claim_id(other) != claim_id(TEXT)


def test_a_name_that_only_looks_like_a_label_stays_a_word():
    assert claim_id("UTF-8 is used everywhere") != claim_id("UTF-16 is used everywhere")
    assert unlabelled("FR-1: UTF-8 is used") == "UTF-8 is used"
    assert unlabelled("UTF-8 is used") == "UTF-8 is used"


@pytest.mark.parametrize(
    ("statement", "percent"),
    [
        (TEXT, 100),
        ("Pages: every response comes within 200 ms at p95", 100),
        ("Every response comes within 200 seconds", 83),
        ("Every response comes", 50),
        ("Every response does not come within 200 ms", 0),
        ("Every response won't come within 200 ms", 0),
        ("Nothing of that", 0),
        ("", 0),
    ],
)
def test_the_overlap_counts_the_words_of_the_claim_and_denial_is_none(statement, percent):
    assert overlap(words_of(TEXT), words_of(statement)) == percent


def test_a_claim_that_denies_is_found_where_it_is_denied():
    claim = words_of("Passwords are never logged")
    assert best_overlap(claim, map(words_of, ["Passwords are logged", "Passwords are never logged."])) == 100
    assert best_overlap(claim, [words_of("Passwords are logged")]) == 0
    assert best_overlap(claim, []) == 0


def test_scripts_without_spaces_are_compared_by_character():
    claim = words_of("金額は整数のセントで保存する")
    assert len(claim.unique) > 8
    assert overlap(claim, words_of("- 金額は整数のセントで保存する。")) == 100
    assert overlap(claim, words_of("日付は協定世界時")) < THRESHOLD


def test_ids_are_found_whole_and_in_either_case():
    assert ids_in("see `C-0123456789`, c-01234567890 and c-012345678, x-c-0123456789") == {"c-0123456789"}


@given(texts)
def test_any_text_has_an_id_of_one_shape_and_is_wholly_in_itself(text):
    words = words_of(text)
    assert ids_in(claim_id(text)) == {claim_id(text)}
    assert overlap(words, words) == (100 if words.unique else 0)


@given(texts, texts)
def test_an_overlap_is_a_percentage_and_no_quick_look_misses_one(claim, statement):
    percent = overlap(words_of(claim), words_of(statement))
    assert 0 <= percent <= 100
    document = f"# Title\n\n- {statement}\n".encode("utf-8", "replace")
    if percent >= THRESHOLD:
        assert may_share(words_of(claim), document)
