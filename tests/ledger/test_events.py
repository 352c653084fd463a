"""Events and their canonical JSON: equal events have equal bytes, and bytes that are none are refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.ledger.events import Actor, Event, event_from_json

EVENT = Event(
    "01X",
    "edited",
    7,
    "2026-01-01T00:00:00Z",
    "R",
    Actor("Ünal", "u@example.org", "codex"),
    {"b": 1, "a": "ä"},
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
events = st.builds(
    Event,
    words,
    words,
    st.integers(0),
    words,
    words,
    st.builds(Actor, words, words, words, st.just("")),  # its clone is the event's
    st.dictionaries(words, values),
)


def test_the_json_of_an_event_is_canonical():
    assert EVENT.to_json().decode() == (
        '{"actor":{"agent":"codex","email":"u@example.org","name":"Ünal"},"at":"2026-01-01T00:00:00Z",'
        '"body":{"a":"ä","b":1},"format":1,"id":"01X","kind":"edited","lamport":7,"replica":"R"}'
    )


@given(events)
def test_every_event_survives_its_json(event):
    assert event_from_json(event.to_json()) == event


@given(events)
def test_writing_what_was_read_gives_the_same_bytes(event):
    assert event_from_json(event.to_json()).to_json() == event.to_json()


@given(st.dictionaries(words, values))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"actor":1}', b'"text"']
)
def test_bytes_that_are_no_event_are_a_value_error(data):
    with pytest.raises(ValueError, match=r".+"):
        event_from_json(data)


@given(st.binary(max_size=60) | st.builds(lambda value: json.dumps(value).encode(), values))
def test_no_bytes_at_all_raise_anything_else(data):
    with contextlib.suppress(ValueError):
        event_from_json(data)


def test_the_agent_is_who_acted_where_there_was_one():
    assert Actor("Ann", "a@example.org", "codex").label == "codex"
    assert Actor("Ann", "a@example.org").label == "Ann"
