"""What a document states, and what it only mentions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.files import shipped_folder
from idse_orchestrator.claims.statements import statements_of

DOCUMENT = """\
# Spec

Two sentences stand here. They are two statements!

## 2. Functional Requirements

- FR-1: one
  that goes on
* [ ] two ~~not this~~ and this
1) three

> a quote
*some help of more words*
<!-- a comment
- in it -->
```
- code
```

### Deeper

- four

## Open Questions

- five
- six? Or six and a half?

## Design Decisions / Decision Log

Seven is a number
on two lines
"""


def told(text):
    return [each.text for each in statements_of(text.encode())]


def test_list_items_and_sentences_are_statements_and_nothing_else_is():
    assert told(DOCUMENT) == [
        "Two sentences stand here.",
        "They are two statements!",
        "FR-1: one that goes on",
        "[ ] two and this",
        "three",
        "four",
        "five",
        "six? Or six and a half?",
        "Seven is a number on two lines",
    ]


def test_each_statement_knows_its_line_its_kind_and_whether_it_is_asserted():
    found = {each.text: each for each in statements_of(DOCUMENT.encode())}
    assert (found["FR-1: one that goes on"].line, found["FR-1: one that goes on"].kind) == (7, "requirements")
    assert found["four"].kind == "requirements"
    assert found["Two sentences stand here."].kind == ""
    assert found["Seven is a number on two lines"].kind == "decisions"
    assert [each.text for each in found.values() if not each.asserts] == ["five", "six? Or six and a half?"]


def test_line_ends_and_a_byte_order_mark_make_no_difference():
    other = "\ufeff" + DOCUMENT.replace("\n", "\r\n")
    assert statements_of(other.encode()) == statements_of(DOCUMENT.encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"a\0b", b"\n\n"])
def test_what_is_no_text_states_nothing(data):
    assert statements_of(data) == ()


def test_fresh_templates_state_nothing_that_could_recur_as_a_candidate():
    import pathlib

    for path in pathlib.Path(shipped_folder("templates")).rglob("*.j2"):
        assert [each for each in statements_of(path.read_bytes()) if each.kind] == []


@given(st.binary(max_size=300))
def test_any_bytes_have_statements_without_failing(data):
    assert all(each.text and each.line >= 1 for each in statements_of(data))


@given(st.text(alphabet="ab -*#>\n`~.?!<1[]x\r\t|_", max_size=200))
def test_any_markdown_has_statements_on_one_line(text):
    assert all("\n" not in each.text for each in statements_of(text.encode()))
