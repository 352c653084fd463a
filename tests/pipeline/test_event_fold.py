"""State from events: each case of the fold, and what two replicas may do in good faith."""

from __future__ import annotations

import itertools

import pytest

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger.events import KINDS, Actor, Event
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_to_json
from idse_orchestrator.wiring.ledgers import KINDS as LEDGERS

apply = LEDGERS["session"].apply


def fold(project, session, events):
    return LEDGERS["session"].fold((project, session), events)


PERSON = Actor("Ann", "ann@example.org")


def event(number, kind, body=None, *, lamport=None, replica="R1", actor=PERSON):
    at = f"2026-01-01T00:00:{number:02}Z"
    return Event(f"ID{number:04}", kind, lamport or number, at, replica, actor, body or {})


def stage(number, action, name="intent", **more):
    extra = {key: more.pop(key) for key in ("lamport", "replica", "actor") if key in more}
    body = {"stage": name, "action": action, "artifact": f"blob{number}", "upstream": {}, **more}
    return event(number, "stage", body, **extra)


def folded(*events):
    return fold("portal", "login", events)


def test_no_events_are_an_empty_session():
    assert folded() == SessionState("portal", "login")


def test_a_session_is_created_once_and_the_second_creation_is_kept_in_sight():
    body = {"type": "exploratory", "title": "Log in", "owner": "ann", "parents": ["__blueprint__"]}
    state = folded(event(1, "created", body), event(2, "created", {"title": "Another"}))
    assert (state.type, state.title, state.owner, state.parents) == (
        "exploratory",
        "Log in",
        "ann",
        ("__blueprint__",),
    )
    assert state.created_at == "2026-01-01T00:00:01Z"
    assert [entry.event for entry in state.not_applied] == ["ID0002"]


def test_every_event_is_counted_and_the_clock_of_the_ledger_never_goes_back():
    state = folded(event(1, "created"), event(2, "edited", lamport=9), event(3, "handoff", lamport=4))
    assert (state.events, state.lamport, state.updated_at) == (3, 9, "2026-01-01T00:00:03Z")


@pytest.mark.parametrize("kind", ["edited", "migrated", "handoff", "kind-of-tomorrow"])
def test_an_event_that_tells_a_story_changes_nothing_but_the_count(kind):
    before = folded(event(1, "created"))
    after = apply(before, event(2, kind, {"anything": [1, 2]}))
    assert (after.events, after.stages, after.title) == (2, before.stages, before.title)
    assert after.not_applied == ()


def test_a_stage_goes_from_pending_over_in_progress_to_complete():
    state = folded(stage(1, "start"))
    assert state.stages["intent"].status == "in_progress"
    state = apply(state, stage(2, "complete", artifact="abc", upstream={}))
    record = state.stages["intent"]
    assert (record.status, record.artifact, record.event, record.by) == ("complete", "abc", "ID0002", "Ann")


def test_the_agent_that_acted_is_named_instead_of_the_person():
    state = folded(stage(1, "start", actor=Actor("Ann", "ann@example.org", "codex")))
    assert state.stages["intent"].by == "codex"


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ((), "complete"),
        ((), "confirm"),
        ((), "reopen"),
        (("start",), "start"),
        (("start",), "confirm"),
        (("start", "complete"), "start"),
        (("start", "complete"), "complete"),
    ],
)
def test_a_move_that_does_not_fit_is_kept_and_not_applied(before, action):
    moves = [stage(number, name) for number, name in enumerate(before, 1)]
    state = folded(*moves)
    after = apply(state, stage(9, action))
    assert after.stages == state.stages
    assert [entry.event for entry in after.not_applied] == ["ID0009"]
    assert after.not_applied[0].why


@pytest.mark.parametrize(
    "body", [{"stage": "deploy", "action": "start"}, {"stage": "spec", "action": "skip"}]
)
def test_a_move_this_version_does_not_know_is_kept_and_not_applied(body):
    state = folded(event(1, "stage", body))
    assert "does not know" in state.not_applied[0].why


def test_a_confirmation_seals_what_is_there_now():
    state = folded(
        stage(1, "start", "spec"),
        stage(2, "complete", "spec", artifact="old", upstream={"intent": "a"}),
        stage(3, "confirm", "spec", artifact="old", upstream={"intent": "b"}),
    )
    assert dict(state.stages["spec"].upstream) == {"intent": "b"}
    assert state.stages["spec"].status == "complete"


class TestReopeningBeatsAConcurrentCompletion:
    opened = (stage(1, "start"), stage(2, "complete"))

    def test_whatever_the_order_of_their_ids(self):
        reopened = stage(3, "reopen", lamport=3, replica="R2")
        for number in (0, 4):
            completed = stage(number, "confirm", lamport=4, replica="R1", reopens={})
            state = folded(*self.opened, reopened, completed)
            assert state.stages["intent"].status == "in_progress"
            assert [entry.event for entry in state.not_applied] == [completed.id]

    def test_a_completion_that_knew_of_the_reopening_holds(self):
        state = folded(
            *self.opened, stage(3, "reopen", replica="R2"), stage(4, "complete", reopens={"R2": 1})
        )
        assert state.stages["intent"].status == "complete"

    def test_knowing_of_one_reopening_is_not_knowing_of_another(self):
        state = folded(
            *self.opened,
            stage(3, "reopen", replica="R2"),
            stage(4, "reopen", replica="R3"),
            stage(5, "complete", reopens={"R2": 1}),
        )
        assert state.stages["intent"].status == "in_progress"
        assert dict(state.stages["intent"].reopens) == {"R2": 1, "R3": 1}


def test_a_verdict_is_the_last_one():
    state = folded(
        event(1, "validated", {"status": "failing", "constitution": "c1"}),
        event(2, "validated", {"status": "passing", "constitution": "c2"}),
    )
    assert (state.validation.status, state.validation.constitution) == ("passing", "c2")
    assert state.validation.at == "2026-01-01T00:00:02Z"


def test_a_waiver_replaces_the_one_for_its_rule_and_can_be_withdrawn():
    first = event(1, "approved", {"rule": "IDSE301", "reason": "client is away", "expires": "2026-02-01"})
    second = event(2, "approved", {"rule": "IDSE301", "reason": "still away"})
    other = event(3, "approved", {"rule": "IDSE202", "reason": "later"})
    state = folded(first, second, other)
    assert [(w.rule, w.reason, w.expires, w.by) for w in state.waivers] == [
        ("IDSE301", "still away", None, "Ann"),
        ("IDSE202", "later", None, "Ann"),
    ]
    withdrawn = event(4, "approved", {"rule": "IDSE301", "reason": "back", "withdrawn": True})
    assert [waiver.rule for waiver in apply(state, withdrawn).waivers] == ["IDSE202"]


def test_assignments_are_by_stage():
    state = folded(
        event(1, "assigned", {"stage": "spec", "agent": "codex"}),
        event(2, "assigned", {"stage": "plan", "agent": "claude"}),
        event(3, "assigned", {"stage": "spec", "agent": "ann"}),
    )
    assert dict(state.assigned) == {"spec": "ann", "plan": "claude"}


def test_a_description_changes_what_it_names_and_nothing_else():
    state = folded(
        event(1, "created", {"title": "Log in", "owner": "ann"}),
        event(2, "described", {"status": "review", "tags": ["a", "b"]}),
    )
    assert (state.title, state.owner, state.status, state.tags) == ("Log in", "ann", "review", ("a", "b"))


def test_an_archived_session_can_be_brought_back():
    state = folded(event(1, "archived"))
    assert state.status == "archived"
    assert apply(state, event(2, "archived", {"restored": True})).status == "active"


def test_a_session_is_complete_when_all_seven_stages_are():
    moves = [
        stage(10 * n + m, a, s) for n, s in enumerate(STAGES) for m, a in ((1, "start"), (2, "complete"))
    ]
    assert folded(*moves[:-1]).effective_status == "active"
    assert folded(*moves).effective_status == "complete"
    assert folded(*moves, event(99, "archived")).effective_status == "archived"


def test_the_order_in_which_events_arrive_does_not_matter():
    events = (
        event(1, "created", {"title": "a"}),
        stage(2, "start"),
        event(3, "described", {"title": "b"}, lamport=2, replica="R2"),
        stage(4, "complete"),
    )
    states = {repr(folded(*order)) for order in itertools.permutations(events)}
    assert len(states) == 1


def test_an_event_that_arrives_twice_counts_once():
    events = (event(1, "created"), stage(2, "start"))
    assert folded(*events, *events) == folded(*events)


def test_two_events_that_claim_one_id_give_one_state_in_every_order():
    mine, other = event(1, "described", {"title": "a"}), event(1, "described", {"title": "b"}, lamport=5)
    assert folded(mine, other) == folded(other, mine)
    assert folded(mine, other).events == 1


def test_equal_numbers_of_two_kinds_are_not_one_event():
    forged = [event(1, "created", {"title": title}) for title in (1, 1.0, True)]
    states = {state_to_json(folded(*order)) for order in itertools.permutations(forged)}
    assert len(states) == 1


def test_every_kind_has_a_case():
    bodies = {
        "stage": {"stage": "intent", "action": "start"},
        "validated": {"status": "passing", "constitution": "c"},
        "approved": {"rule": "IDSE301", "reason": "r"},
        "assigned": {"stage": "intent", "agent": "codex"},
        "claimed": {"action": "declare", "claim": "c-0123456789", "text": "t"},
    }
    for kind in KINDS:
        assert folded(event(1, kind, bodies.get(kind, {}))).not_applied == ()
