"""Handoffs in the fold: who asked, who may answer, and what counts where two answered at once."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.agents.handoff import handoffs_of
from idse_orchestrator.ledger import event_check
from idse_orchestrator.ledger.events import HANDOFF, Actor, Event, message_of, subject_of
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_from_json, state_to_json
from idse_orchestrator.wiring.ledgers import KINDS


def fold(project, session, events):
    return KINDS["session"].fold((project, session), events)


def event_problem(data):
    return event_check.event_problem(data, KINDS["session"])


def plain_event(data):
    return event_check.plain_event(data, KINDS["session"])


ADA = Actor("Ada", "ada@example.org")


def event(number, agent="", /, **body):
    actor = ADA._replace(agent=agent)
    return Event(f"{number:026d}", HANDOFF, number, "2026-01-01T00:00:00Z", "0" * 26, actor, body)


def asked(number=1, to="codex", stage="spec", **more):
    return event(number, "claude", action="request", stage=stage, **{"from": "claude", "to": to}, **more)


def answer(number, action, agent="", handoff=1):
    return event(number, agent, action=action, handoff=f"{handoff:026d}")


def after(*events):
    return fold("p", "s", events)


def why(state):
    return [entry.why for entry in state.not_applied]


def test_a_request_is_open_until_it_is_answered():
    (open_,) = handoffs_of(after(asked()))
    assert (open_.stage, open_.from_agent, open_.to_agent, open_.by) == ("spec", "claude", "codex", "claude")


def test_an_accepted_stage_is_assigned_to_the_addressee():
    state = after(asked(), answer(2, "accept", "codex"))
    assert (handoffs_of(state), state.assigned) == ((), {"spec": "codex"})


def test_a_rejected_handoff_assigns_nothing():
    state = after(asked(), answer(2, "reject", "codex"))
    assert (handoffs_of(state), state.assigned) == ((), {})


@pytest.mark.parametrize("second", ["accept", "reject"])
@pytest.mark.parametrize("first", ["accept", "reject"])
def test_of_two_answers_made_at_once_the_first_counts_and_the_second_is_kept(first, second):
    alone = after(asked(), answer(2, first, "codex"))
    both = after(asked(), answer(2, first, "codex"), answer(3, second, "codex"))
    assert (both.assigned, handoffs_of(both)) == (alone.assigned, ())
    assert why(both) == ["the handoff was not open any more"]


def test_an_agent_accepts_what_is_offered_to_it_only_and_a_person_may_for_all():
    assert why(after(asked(), answer(2, "accept", "gemini"))) == [
        "it is for codex to accept, and gemini acted"
    ]
    assert after(asked(), answer(2, "accept")).assigned == {"spec": "codex"}


def test_who_asked_may_take_it_back():
    assert handoffs_of(after(asked(), answer(2, "reject", "claude"))) == ()
    assert len(handoffs_of(after(asked(), answer(2, "reject", "gemini")))) == 1


def test_what_needs_approval_waits_for_a_person():
    request = asked(approval=True)
    assert why(after(request, answer(2, "accept", "codex"))) == ["no person had approved it"]
    assert why(after(request, answer(2, "approve", "codex"))) == ["only a person can approve a handoff"]
    approved = after(request, answer(2, "approve"), answer(3, "accept", "codex"))
    assert approved.assigned == {"spec": "codex"}


def test_a_second_approval_changes_nothing():
    state = after(asked(approval=True), answer(2, "approve"), answer(3, "approve"))
    assert (handoffs_of(state)[0].approved_by, why(state)) == ("Ada", ["it was approved already"])


def test_accepting_one_offer_of_a_stage_ends_the_others_of_it():
    state = after(asked(1), asked(2, "gemini"), asked(3, stage="plan"), answer(4, "accept", "codex"))
    assert [open_.stage for open_ in handoffs_of(state)] == ["plan"]


def test_the_same_offer_made_twice_is_one():
    state = after(asked(1), asked(2))
    assert (len(handoffs_of(state)), why(state)) == (1, ["spec was offered to codex already"])


def test_a_handoff_without_an_action_tells_a_story_and_changes_nothing():
    state = after(event(1, summary="handed over long ago"))
    assert (handoffs_of(state), state.not_applied, state.events) == ((), (), 1)


def test_open_handoffs_are_in_the_state_only_while_there_are_any():
    state = after(asked(reason="done", after="context", approval=True), answer(2, "approve"))
    assert state_from_json(state_to_json(state)) == state
    assert KINDS["session"].state_problem(state_to_json(state)) is None
    assert "handoffs" not in json.loads(state_to_json(SessionState("p", "s")))


@pytest.mark.parametrize(
    "one", [asked(), asked(reason="x", after="intent", approval=True), answer(2, "accept", "codex")]
)
def test_handoffs_are_plain_events_that_the_schema_takes(one):
    assert plain_event(one.to_json()) == one
    assert event_problem(one.to_json()) is None


@pytest.mark.parametrize(
    "body",
    [
        {"action": "request", "stage": "spec"},
        {"action": "request", "stage": "spec", "to": ""},
        {"action": "request", "stage": "cooking", "to": "a"},
        {"action": "accept"},
        {"action": "accept", "handoff": "1"},
        {"action": ["accept"], "handoff": "1" * 26},
        {"action": None, "handoff": "1" * 26},
    ],
)
def test_a_handoff_that_is_none_is_refused(body):
    assert event_problem(event(1, **body).to_json())
    assert plain_event(event(1, **body).to_json()) is None


def test_the_message_tells_who_hands_what_to_whom():
    assert subject_of(asked(), KINDS.words) == "spec: claude → codex (handoff asked for)"
    assert "Idse-To: codex" in message_of(asked(), KINDS.words)
