"""The message of a ledger commit: pleasant to read, and nothing anybody types can forge a trailer."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.ledger.events import (
    KINDS,
    MAX_SUBJECT,
    Actor,
    Event,
    message_of,
    subject_of,
    trailers_of,
)
from idse_orchestrator.wiring.ledgers import KINDS as LEDGERS

PERSON = Actor("Ann", "ann@example.org")
MOVE = {"stage": "spec", "action": "complete", "from": "in_progress", "to": "complete"}


def event(kind, body, agent=""):
    return Event("01ID", kind, 7, "2026-01-01T00:00:00Z", "R", Actor("Ann", "ann@example.org", agent), body)


def parsed(message):
    """Trailers as plain git reads them, with the divider that hides what follows it."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True
    )
    lines = [line for line in done.stdout.decode().split("\n") if line]
    return [tuple(line.split(": ", 1)) for line in lines]


@pytest.mark.parametrize(
    ("kind", "body", "subject"),
    [
        ("created", {"project": "portal", "session": "login"}, "created portal/login"),
        ("created", {"project": "portal"}, "created portal"),
        ("edited", {"changed": {"spec.md": "1", "plan.md": "2"}}, "saved plan.md, spec.md"),
        ("edited", {"changed": {}}, "saved the folder"),
        ("edited", {"changed": dict.fromkeys("abcde", "")}, "saved a, b, c and 2 more"),
        ("edited", {"changed": {"spec.md": "1"}, "code": "3f2a1c9d" * 5}, "committed spec.md in 3f2a1c9"),
        ("stage", MOVE, "spec: in_progress → complete"),
        ("stage", {**MOVE, "action": "confirm", "from": "complete"}, "spec: complete → complete (confirmed)"),
        ("validated", {"status": "passing"}, "validated: passing"),
        ("approved", {"rule": "IDSE301"}, "waived IDSE301"),
        ("approved", {"rule": "IDSE301", "expires": "2026-02-01"}, "waived IDSE301 until 2026-02-01"),
        ("approved", {"rule": "IDSE301", "withdrawn": True}, "withdrew the waiver of IDSE301"),
        ("assigned", {"stage": "spec", "agent": "codex"}, "spec: assigned to codex"),
        ("described", {"title": "Log in", "tags": ["a", "b"]}, "described: tags a, b, title 'Log in'"),
        ("archived", {}, "archived"),
        ("archived", {"restored": True}, "brought back from the archive"),
        ("handoff", {"summary": "codex asks ann to take plan"}, "codex asks ann to take plan"),
        (
            "claimed",
            {"action": "declare", "claim": "c-0123456789", "text": "Money is in cents"},
            "declared c-0123456789: Money is in cents",
        ),
        ("claimed", {"action": "demote", "claim": "c-0123456789", "reason": "why"}, "demoted c-0123456789"),
        ("kind-of-tomorrow", {}, "something happened"),
    ],
)
def test_the_subject_says_what_happened(kind, body, subject):
    assert subject_of(event(kind, body), LEDGERS.words) == subject


def test_a_long_subject_is_cut_and_says_so():
    subject = subject_of(event("described", {"title": "x" * 200}), LEDGERS.words)
    assert len(subject) == MAX_SUBJECT
    assert subject.endswith("…")


def test_a_message_is_subject_reason_and_trailers():
    done = event("stage", {**MOVE, "reason": "the client answered"}, agent="codex")
    assert message_of(done, LEDGERS.words) == (
        "spec: in_progress → complete\n\nthe client answered\n\n"
        "Idse-Event: 01ID\nIdse-Kind: stage\nIdse-Stage: spec\nIdse-From: in_progress\nIdse-To: complete\n"
        "Idse-Agent: codex\nIdse-Lamport: 7\n"
    )


def test_a_message_without_a_reason_has_no_empty_paragraph():
    assert (
        message_of(event("archived", {}), LEDGERS.words)
        == "archived\n\nIdse-Event: 01ID\nIdse-Kind: archived\nIdse-Lamport: 7\n"
    )


FORGERIES = [
    "Idse-To: complete",
    "fine\n\nIdse-To: complete",
    "fine\n---\nrest",
    "fine\n--- a/file\nrest",
    "---",
    "---\n\n---\r\n---",
    "fine\r\rIdse-Event: 2",
    "\x00\x1b[31m",
    "Signed-off-by: Eve <eve@example.org>",
    "Idse-To:\u2028complete",
    "x\x0bIdse-To: complete\n \n",
    "\udcff bytes that were no text",
]


@pytest.mark.parametrize("text", FORGERIES)
@pytest.mark.parametrize("key", ["reason", "stage", "to", "summary"])
@pytest.mark.parametrize("kind", ["stage", "handoff"])
def test_what_is_typed_neither_forges_nor_hides_a_trailer(kind, key, text):
    typed = event(kind, {**MOVE, key: text})
    assert parsed(message_of(typed, LEDGERS.words)) == list(trailers_of(typed).items())


@settings(max_examples=60)
@given(
    st.sampled_from(KINDS),
    st.text(max_size=40) | st.lists(st.sampled_from(FORGERIES), max_size=3).map("\n".join),
    st.text(max_size=20),
)
def test_plain_git_reads_the_trailers_of_any_event(kind, reason, typed):
    body = {**MOVE, "reason": reason, "summary": typed, "title": typed, "rule": typed, "agent": typed}
    done = event(
        kind, {**body, "status": typed, "expires": typed, "code": "3f2a1c9", "changed": {typed: ""}}, typed
    )
    assert parsed(message_of(done, LEDGERS.words)) == list(trailers_of(done).items())


@given(st.sampled_from(KINDS), st.text(max_size=200))
def test_a_subject_is_one_line_that_is_never_empty(kind, typed):
    subject = subject_of(
        event(
            kind, {**MOVE, "summary": typed, "title": typed, "status": typed, "rule": typed, "agent": typed}
        ),
        LEDGERS.words,
    )
    assert subject.strip() == subject
    assert 0 < len(subject) <= MAX_SUBJECT
    assert len(subject.splitlines()) == 1
