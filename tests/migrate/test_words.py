"""What older tools wrote is read in each of its forms, and nothing in it ever raises."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.migrate.files import is_blank, stage_statuses
from idse_orchestrator.migrate.governance import governance_story, handoff_story, taken_registry
from idse_orchestrator.migrate.words import (
    Moment,
    created_in,
    current_session,
    owner_in,
    parse_time,
    people_in,
    session_record,
)

NAIVE = st.datetimes(
    min_value=dt.datetime(2, 1, 1),  # noqa: DTZ001 - naive times are what older tools wrote
    max_value=dt.datetime(9998, 12, 31),  # noqa: DTZ001 - the same
)


@given(NAIVE)
def test_a_naive_time_is_read_as_utc_and_said_to_be_guessed(moment):
    assert parse_time(moment.isoformat()) == Moment(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"), guessed=True
    )


@given(
    NAIVE,
    st.integers(-14 * 60, 14 * 60),
)
def test_a_time_with_an_offset_is_that_moment_in_utc(moment, minutes):
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    utc = moment.replace(tzinfo=zone).astimezone(dt.UTC)
    told = parse_time(moment.replace(tzinfo=zone).isoformat())
    assert told == Moment(utc.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0"))


@pytest.mark.parametrize(
    "text", ["", "soon", "2025-02-30", "2025-13-01", "2025-01-01T25:00", None, 5, [], "9" * 9]
)
def test_what_is_no_time_is_none(text):
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("data", "session"),
    [
        (b"login", "login"),
        (b"\xef\xbb\xbflogin\r\n", "login"),
        (b"# comment\nlogin\n", "login"),
        (b"session_id: login\ncanonical_root: /a/b\n", "login"),
        (b'session_id: "login"\n', "login"),
        (b"../projects/p/sessions/login/", "login"),
        (b"", ""),
        (b"# nothing\n", ""),
    ],
)
def test_a_current_session_names_one(data, session):
    assert current_session(data).session == session


@pytest.mark.parametrize(
    ("data", "owner"),
    [
        (b"ann", "ann"),
        (b"ann\n", "ann"),
        (b"unknown", ""),
        (b"Created: 2025-01-01T00:00:00\n", ""),
        (b"Created: 2025-01-01\nOwner: ann\n", "ann"),
        (b"# Owner\n\n- **Owner:** ann\n- **Since:** 2025\n", "ann"),
        (b"# A page\n\nabout nobody at all\n", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_an_owner_is_read_in_each_form(data, owner):
    assert owner_in(data) == owner


def test_an_owner_file_may_say_when():
    assert created_in(b"Created: 2025-01-02T03:04:05\nOwner: x") == Moment(
        "2025-01-02T03:04:05Z", guessed=True
    )


def test_collaborators_are_lines_or_items():
    assert people_in(b"# People\n- ann\n* bob\ncy\n\n2. di\n- ann\n") == ("ann", "bob", "cy", "di")


def test_the_words_for_stages_are_ours_afterwards_and_others_are_doubted():
    record = session_record(
        b'{"stages": {"Intent": "completed", "specs": "In Progress", "plan": {"status": "draft"},'
        b' "tasks": "blocked", "deploy": "complete", "feedback": 7}}'
    )
    assert record.stages == {"intent": "complete", "spec": "in_progress", "plan": "pending"}
    assert len(record.doubts) == 3


@given(st.binary(max_size=400))
def test_no_bytes_make_any_reader_raise(data):
    for read in (session_record, current_session, owner_in, created_in, people_in, taken_registry, is_blank):
        read(data)
    governance_story(data)
    handoff_story("x/handoff_claude_to_codex_1.md", data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["stages", "agents", "handoff_rules", "id", "owner", "active_llm", "tags", "intent"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_no_json_makes_any_reader_raise(value):
    import json

    data = json.dumps(value).encode()
    session_record(data)
    taken_registry(data)
    governance_story(data)


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        ("# Spec\n\n## Overview\n", True),
        ("# Spec\n\n[REQUIRES INPUT]\n", True),
        ("# Spec\n\n<!-- write what it does, in some words -->\n", True),
        ("| --- | --- |\n\n---\n", True),
        ("# Spec\n\nIt lets people sign in.\n", False),
        ("設計はここに書かれています。とても長い", False),
    ],
)
def test_a_document_with_nothing_but_its_template_is_blank(text, blank):
    assert is_blank(text.encode()) is blank


def test_a_stage_is_complete_where_source_and_document_agree():
    recorded = {"intent": "complete", "context": "complete", "spec": "pending", "plan": "complete"}
    statuses = stage_statuses({"intent", "context", "spec"}, {"context"}, recorded)
    assert [statuses[stage] for stage in ("intent", "context", "spec", "plan", "tasks")] == [
        "complete",
        "in_progress",
        "in_progress",
        "pending",
        "pending",
    ]
