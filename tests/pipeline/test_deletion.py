"""A deletion hides a session only from work that it knew of: the fold of whatever several clones did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.ledger.event_check import checked_event
from idse_orchestrator.ledger.events import Actor, Event
from idse_orchestrator.pipeline.kinds import SESSIONS
from idse_orchestrator.pipeline.stage_state_model import Deletion, state_from_json, state_to_json

CLONE = "01M8P4S9E0KW8SXHFV037RPSR9"
ANN = Actor("Ann", "ann@example.org")


class Clone:
    """What one clone knows: events, and which of them each event had seen."""

    def __init__(self, name, events=()):
        self.name = name
        self.events = dict(events)

    def state(self):
        return SESSIONS.fold(("portal", "login"), self.events.values())

    def does(self, number, kind, **body):
        lamport = self.state().lamport + 1
        made = Event(f"{number:03}", kind, lamport, "2026-01-01T00:00:00Z", self.name, ANN, body)
        self.events[made.id] = made
        return made

    def deletes(self, number):
        return self.does(number, "archived", deleted=True, seen=self.state().worked_on)


def begun():
    one = Clone("A")
    one.does(0, "created")
    one.does(1, "stage", stage="intent", action="start", **{"from": "pending", "to": "in_progress"})
    return one


def test_it_hides_and_comes_back():
    one = begun()
    gone = one.deletes(2)
    assert (one.state().effective_status, one.state().is_at_rest) == ("deleted", True)
    assert one.state().deletion == Deletion(1, 2, gone.id)
    one.does(3, "archived", deleted=False)
    assert (one.state().effective_status, one.state().not_applied) == ("active", ())


def test_what_was_archived_is_archived_again():
    one = begun()
    one.does(2, "archived")
    one.deletes(3)
    one.does(4, "archived", deleted=False)
    assert one.state().effective_status == "archived"


@pytest.mark.parametrize("number", [2, 4])
def test_an_edit_that_it_did_not_know_of_wins_in_either_order(number):
    one, other = begun(), Clone("B", begun().events)
    one.deletes(3)
    other.does(number, "edited", changed={})
    both = Clone("C", {**one.events, **other.events}).state()
    assert not both.is_deleted
    assert [entry.event for entry in both.not_applied] == (["003"] if number < 3 else [])
    assert both.deletion.event == ("" if number < 3 else "003")


def test_whoever_undoes_what_was_never_deleted_is_told():
    one = begun()
    one.does(2, "archived", deleted=False)
    assert one.state().not_applied[0].why == "the session was not deleted"


BODIES = [
    ("described", {"alias": "a; rm -rf ."}),
    ("described", {"alias": "../up"}),
    ("described", {"alias": 7}),
    ("archived", {"deleted": True}),
    ("archived", {"deleted": True, "seen": -1}),
    ("archived", {"deleted": 1, "seen": 2}),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_what_no_idse_writes_is_refused(kind, body):
    made = Event("01M8P4S9E0KW8SXHFV037RPSR8", kind, 1, "2026-01-01T00:00:00Z", CLONE, ANN, body, 3)
    event, problem = checked_event(made.to_json(), SESSIONS)
    assert (event, bool(problem)) == (None, True)
    fine = {"described": {"alias": ""}, "archived": {"deleted": True, "seen": 2}}[kind]
    assert checked_event(made._replace(body=fine).to_json(), SESSIONS)[1] == ""


def test_states_without_any_of_it_have_no_key_for_it():
    data = state_to_json(begun().state())
    assert b"alias" not in data
    assert b"deletion" not in data


STEP = st.tuples(
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["edit", "delete", "undo", "take A", "take B", "take C"]),
)


@given(st.lists(STEP, max_size=24), st.permutations(range(100, 124)))
def test_it_is_deleted_where_one_deletion_knew_of_all_else(steps, ids):
    """The definition, without any order: some deletion has all that is no deletion in its past."""
    clones = {name: Clone(name, begun().events) for name in "ABC"}
    past = {}
    for (name, step), number in zip(steps, ids, strict=False):
        clone, known = clones[name], set(clones[name].events)
        if step.startswith("take"):
            clone.events.update(clones[step[-1]].events)
            continue
        made = {
            "edit": lambda clone=clone, number=number: clone.does(number, "edited", changed={}),
            "delete": lambda clone=clone, number=number: clone.deletes(number),
            "undo": lambda clone=clone, number=number: clone.does(number, "archived", deleted=False),
        }[step]()
        past[made.id] = known
    everything = {**clones["A"].events, **clones["B"].events, **clones["C"].events}
    deletions = {key for key, each in everything.items() if each.body.get("deleted") is True}
    wanted = any(set(everything) - deletions <= past[each] for each in deletions)
    state = SESSIONS.fold(("portal", "login"), reversed(list(everything.values())))
    assert state.is_deleted == wanted
    assert state_from_json(state_to_json(state)) == state
