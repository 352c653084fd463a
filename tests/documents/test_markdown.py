"""The outline of a document."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.markdown import (
    code_spans,
    comment_spans,
    outline_from_json,
    outline_of,
    outline_to_json,
    without_comments,
)


def test_a_section_reaches_to_the_next_heading_of_its_level_or_above():
    outline = outline_of("# A\n\n## B\n\nb\n\n### C\n\nc\n\n## D\nd")
    assert [(s.title, s.level, s.line, s.first, s.last) for s in outline.sections] == [
        ("A", 1, 1, 2, 12),
        ("B", 2, 3, 4, 10),
        ("C", 3, 7, 8, 10),
        ("D", 2, 11, 12, 12),
    ]


def test_an_underlined_heading_begins_below_its_underline():
    (section,) = outline_of("Goal\n====\ntext").sections
    assert (section.title, section.line, section.first, section.last) == ("Goal", 1, 3, 3)


@pytest.mark.parametrize(
    "text", ["```\n# A\n```", "    # A", "> # A", "- # A", "<!--\n# A\n-->", r"\# A", "#A"]
)
def test_what_only_looks_like_a_heading_opens_no_section(text):
    assert outline_of(text).sections == ()


def test_code_is_known_by_its_lines_also_inside_of_lists():
    assert outline_of("a\n\n```py\nb\n```\n\n- c\n\n  ~~~\n  d\n  ~~~\n\n      e\n").code == {
        3,
        4,
        5,
        9,
        10,
        11,
        13,
    }


def test_a_fence_has_its_first_word_its_line_and_its_content():
    (fence,) = outline_of("- a\n\n  ```YAML title\n  b: 1\n  ```\n").fences
    assert (fence.info, fence.line, fence.content) == ("yaml", 3, "b: 1\n")


def test_comments_are_known_by_their_lines():
    assert outline_of("<!-- a\nb\n-->\n\ntext\n\n<!-- c -->\n").comments == {1, 2, 3, 7}


def test_running_text_is_found_by_any_of_its_lines():
    outline = outline_of("a\nb\n\n- c\n  d\n\n```\ne\n```\n")
    assert [outline.block_at(line) for line in (1, 2, 3, 4, 5, 8)] == [
        (1, 2),
        (1, 2),
        (3, 3),
        (4, 5),
        (4, 5),
        (8, 8),
    ]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a `b` c", ["`b`"]),
        ("`` a ` b `` `c`", ["`` a ` b ``", "`c`"]),
        ("a ` b", []),
        (r"\`a` b`", ["` b`"]),
        ("``` a ` b `", ["` b `"]),
        ("`a\nb`", ["`a\nb`"]),
    ],
)
def test_inline_code_is_found_as_markdown_has_it(text, spans):
    assert [text[start:end] for start, end in code_spans(text)] == spans


@given(
    st.lists(st.sampled_from(["<!--", "-->", "<!-->", "a", "\n", "-", "<!", ">"]), max_size=30).map("".join)
)
def test_comments_are_what_their_pattern_finds_in_one_walk(text):
    pattern = re.compile(r"<!--.*?-->", re.DOTALL)
    assert list(comment_spans(text)) == [found.span() for found in pattern.finditer(text)]
    assert without_comments(text) == pattern.sub(lambda found: "\n" * found[0].count("\n"), text)


def test_thousands_of_comments_that_are_not_closed_are_looked_through_once():
    class Counted(str):
        __slots__ = ()
        looked = 0

        def find(self, what, start=0, *rest):
            found = str.find(self, what, start, *rest)
            Counted.looked += (found if found >= 0 else len(self)) - start
            return found

    text = Counted("<!-- todo\n" * 10_000)
    assert list(comment_spans(text)) == []
    assert Counted.looked <= 2 * len(text)


LINES = st.sampled_from(
    [
        "# A (b)",
        "## 1. C / D",
        "text",
        "- item",
        "> quote",
        "```py",
        "```",
        "<!-- note",
        "-->",
        "    code",
        "===",
        "",
    ]
)


@given(st.lists(LINES, max_size=12).map("\n".join))
def test_an_outline_that_was_kept_is_the_same(text):
    outline = outline_of(text)
    assert outline_from_json(outline_to_json(outline)) == outline


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1,2,3,4,5,6]", "null", "[[[1]],[],[],[],[],[]]"])
def test_what_is_no_outline_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whoever reads a cache has no use for the words
        outline_from_json(text)
