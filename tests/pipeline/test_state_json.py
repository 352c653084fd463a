"""A session's state and its JSON: equal states have equal bytes, and both ways lead back."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger.refs import HIGHEST
from idse_orchestrator.pipeline.stage_state_model import (
    NotApplied,
    SessionState,
    StageRecord,
    ValidationVerdict,
    Waiver,
    state_from_json,
    state_to_json,
)
from idse_orchestrator.pipeline.values import ProjectState, project_from_json, project_to_json

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
tuples = st.lists(words, max_size=3).map(tuple)
blobs = st.dictionaries(words, words, max_size=3)
records = st.builds(
    StageRecord, words, words, words, words, words, blobs, st.dictionaries(words, st.integers(0), max_size=2)
)
marks = st.dictionaries(words, tuples, max_size=2).map(lambda found: tuple(sorted(found.items())))
waivers = st.builds(Waiver, words, words, words, st.none() | words, words, words, places=st.none() | marks)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
)
parts = st.dictionaries(st.sampled_from(["handoffs", "claims", "registry", "later"]), anything, max_size=2)
states = st.builds(
    SessionState,
    project=words,
    session=words,
    type=words,
    title=words,
    status=words,
    owner=words,
    tags=tuples,
    parents=tuples,
    created_at=words,
    updated_at=words,
    lamport=st.integers(0),
    events=st.integers(0),
    stages=st.fixed_dictionaries(dict.fromkeys(STAGES, records)),
    assigned=blobs,
    validation=st.builds(ValidationVerdict, words, words, words),
    waivers=st.lists(waivers, max_size=2).map(tuple),
    not_applied=st.lists(st.builds(NotApplied, words, words), max_size=2).map(tuple),
    parts=parts,
    format=st.just(1),
)
projects = st.builds(
    ProjectState,
    words,
    words,
    words,
    words,
    st.integers(0),
    st.integers(0),
    st.dictionaries(words, words),
    parts,
    st.lists(st.builds(NotApplied, words, words), max_size=2).map(tuple),
    st.just(1),
)


@given(states)
def test_every_state_survives_its_json(state):
    assert state_from_json(state_to_json(state)) == state


@given(states)
def test_writing_what_was_read_gives_the_same_bytes(state):
    data = state_to_json(state)
    assert state_to_json(state_from_json(data)) == data


@given(projects)
def test_every_project_survives_its_json(project):
    assert project_from_json(project_to_json(project)) == project


@pytest.mark.parametrize("read", [state_from_json, project_from_json])
@pytest.mark.parametrize("data", [b"", b"null", b"{}", b"[]", b"\xff", b"[" * 100_000, b"3"])
def test_bytes_that_are_no_state_are_a_value_error(read, data):
    with pytest.raises(ValueError, match=r".+"):
        read(data)


@pytest.mark.parametrize("key", sorted(json.loads(state_to_json(SessionState("p", "s")))))
@given(value=anything)
def test_a_state_with_anything_at_any_key_is_read_or_refused(key, value):
    raw = {**json.loads(state_to_json(SessionState("p", "s"))), key: value}
    with contextlib.suppress(ValueError):
        state_from_json(json.dumps(raw).encode())


def test_a_state_of_a_newer_format_says_so():
    raw = {**json.loads(state_to_json(SessionState("p", "s"))), "format": HIGHEST + 1}
    with pytest.raises(ValueError, match="newer"):
        state_from_json(json.dumps(raw).encode())


def test_a_state_without_one_of_the_stages_is_refused():
    raw = json.loads(state_to_json(SessionState("p", "s")))
    del raw["stages"]["plan"]
    with pytest.raises(ValueError, match="plan"):
        state_from_json(json.dumps(raw).encode())
