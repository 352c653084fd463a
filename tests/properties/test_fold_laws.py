"""Laws of the fold that must hold for any events of any replicas, sensible or not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger.events import Actor, Event
from idse_orchestrator.pipeline.stage_state_model import state_from_json, state_to_json
from idse_orchestrator.wiring.ledgers import KINDS

apply = KINDS["session"].apply


def fold(project, session, events):
    return KINDS["session"].fold((project, session), events)


words = st.sampled_from(["a", "b", "codex", ""])
stages = st.sampled_from([*STAGES, "deploy"])
replicas = st.sampled_from(["R1", "R2", "R3"])
counts = st.dictionaries(replicas, st.integers(0, 2), max_size=2)

BODIES = {
    "created": st.fixed_dictionaries(
        {"title": words, "owner": words, "parents": st.lists(words, max_size=2)}
    ),
    "edited": st.fixed_dictionaries({"changed": st.dictionaries(words, words)}),
    "stage": st.fixed_dictionaries(
        {
            "stage": stages,
            "action": st.sampled_from(
                ["start", "start", "complete", "complete", "confirm", "reopen", "skip"]
            ),
            "artifact": words,
            "upstream": st.dictionaries(stages, words, max_size=2),
            "reopens": counts,
        }
    ),
    "validated": st.fixed_dictionaries({"status": words, "constitution": words}),
    "approved": st.fixed_dictionaries({"rule": words, "reason": words, "withdrawn": st.booleans()}),
    "assigned": st.fixed_dictionaries({"stage": stages, "agent": words}),
    "handoff": st.fixed_dictionaries(
        {
            "action": st.sampled_from(["request", "request", "accept", "reject", "approve", "shout"]),
            "stage": stages,
            "to": words,
            "from": words,
            "approval": st.booleans(),
            "handoff": st.integers(0, 30).map(lambda number: f"ID{number:02}"),
        }
    ),
    "described": st.fixed_dictionaries({"tags": st.lists(words, max_size=2), "status": words}),
    "archived": st.fixed_dictionaries({"restored": st.booleans()}),
    "claimed": st.fixed_dictionaries(
        {
            "action": st.sampled_from(
                ["declare", "declare", "promote", "promote", "reinforce", "demote", "shout"]
            ),
            "claim": words,
            "text": words,
            "demotions": counts,
            "evidence": st.lists(
                st.fixed_dictionaries({"session": words, "stage": stages, "commit": words, "blob": words}),
                max_size=2,
            ),
        }
    ),
    "kind-of-tomorrow": st.just({}),
}


def _event(kind):
    ids = st.integers(0, 30).map(lambda number: f"ID{number:02}")
    actors = st.builds(Actor, words, words, words)
    parts = (ids, st.just(kind), st.integers(1, 12), words, replicas, actors, BODIES[kind], st.just(1))
    return st.builds(Event, *parts)


events = st.sampled_from(sorted(BODIES)).flatmap(_event)
histories = st.lists(events, max_size=25)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_arrival_is_nothing(history, chance):
    arriving = list(history)
    chance.shuffle(arriving)
    assert fold("p", "s", arriving) == fold("p", "s", history)


@given(histories, histories)
def test_what_arrives_twice_changes_nothing(history, more):
    assert fold("p", "s", [*history, *more, *history]) == fold("p", "s", [*history, *more])


@given(histories, histories, histories)
def test_the_union_of_three_replicas_is_one_whoever_meets_first(one, two, three):
    assert fold("p", "s", [*one, *two, *three]) == fold("p", "s", [*three, *one, *two])


@given(histories)
def test_every_event_is_counted_once_and_no_more_than_counted_is_refused(history):
    state = fold("p", "s", history)
    assert state.events == len({event.id for event in history})
    assert len(state.not_applied) <= state.events


@given(histories)
def test_every_state_can_be_stored_and_read(history):
    state = fold("p", "s", history)
    assert state_from_json(state_to_json(state)) == state


@given(histories, events)
def test_an_event_never_changes_another_stage(history, event):
    before = fold("p", "s", history)
    after = apply(before, event)
    moved = {stage for stage in STAGES if before.stages[stage] != after.stages[stage]}
    assert moved <= {event.body.get("stage")}
