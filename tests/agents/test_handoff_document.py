"""What the document of a handoff tells, from the entries of a ledger."""

from __future__ import annotations

from dataclasses import replace

from idse_orchestrator.agents.handoff import Handoff, HandoffRecord
from idse_orchestrator.agents.handoff_document import Judged, facts_of
from idse_orchestrator.ledger.entries import Entry
from idse_orchestrator.ledger.events import Actor, Event, subject_of
from idse_orchestrator.wiring.ledgers import KINDS

KEY = ("portal", "login")
ADA = Actor("Ada", "ada@example.org", "")
MOVED = {"from": "pending", "to": "in_progress"}


def entry(number, *parents, kind="", lamport=0, **body):
    """The commit cNUMBER, and its event; a merge where it has no kind."""
    event = Event(f"{number:026d}", kind, lamport or number, "2026-01-01T00:00:00Z", "0" * 26, ADA, body)
    names = tuple(f"c{parent}" for parent in parents)
    bare = Entry(f"c{number}", f"c{number}", names, 0, *KEY)
    return replace(bare, event=event, retold=subject_of(event, KINDS.words)) if kind else bare


def started(number, *parents, stage="intent", **more):
    return entry(number, *parents, kind="stage", stage=stage, action="start", **{**MOVED, **more})


def asked(number, *parents):
    return entry(number, *parents, kind="handoff", action="request", stage="spec", to="codex")


def done(entries, commit):
    told = HandoffRecord(Handoff("0" * 26, "spec", "", "codex"), commit)
    facts = facts_of(KEY, told, entries, {}, lambda *_: False, lambda *_: Judged((), ()))
    return [line.removeprefix("2026-01-01 ").removesuffix(", by Ada") for line in facts.done]


def test_what_was_merged_later_is_not_told_however_old_it_is():
    ledger = [
        entry(1, kind="created", project="portal", session="login"),
        started(2, 1),
        entry(3, 1, kind="described", title="elsewhere", lamport=2),
        asked(4, 2),
        entry(5, 3, 4),
    ]
    assert done(ledger, "c4") == ["created portal/login", "intent: pending → in_progress"]
    assert len(done([*ledger, asked(6, 5)], "c6")) == 3


def test_what_did_not_apply_is_told_as_such():
    ledger = [
        entry(1, kind="created", project="portal", session="login"),
        started(2, 1),
        started(3, 1, lamport=2),
        entry(4, 2, 3),
        asked(5, 4),
    ]
    assert done(ledger, "c5")[1:] == [
        "intent: pending → in_progress",
        "intent: pending → in_progress, by Ada: not applied, the stage was in_progress already",
    ]


def test_an_answer_that_did_not_apply_ends_nothing():
    late = f"{9:026d}"
    ledger = [
        entry(1, kind="created", project="portal", session="login"),
        entry(2, 1, kind="handoff", action="accept", handoff=late),
        asked(3, 2),
    ]
    assert done(ledger, "c3") == ["created portal/login"]
