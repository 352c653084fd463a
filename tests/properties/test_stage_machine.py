"""The stages as a state machine, held to a model that is as simple as the rules are.

The model knows words only; the ledger knows events. Whatever anybody does in whatever order, both
agree on every stage, a replay gives the snapshot, and the order in which events arrive is nothing.
"""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from idse_orchestrator.base.names import ulid
from idse_orchestrator.ledger.events import Actor, Event, event_from_json
from idse_orchestrator.pipeline.stage_state_model import (
    SessionState,
    standings,
    state_from_json,
    state_to_json,
)
from idse_orchestrator.wiring.ledgers import KINDS

apply = KINDS["session"].apply


def fold(project, session, events):
    return KINDS["session"].fold((project, session), events)


ORDER = ["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"]
MOVES = {
    ("pending", "start"): "in_progress",
    ("in_progress", "complete"): "complete",
    ("complete", "confirm"): "complete",
    ("in_progress", "reopen"): "in_progress",
    ("complete", "reopen"): "in_progress",
}

stages = st.sampled_from(ORDER)
texts = st.sampled_from(["a", "b", "c"])


class StageMachine(RuleBasedStateMachine):
    """One replica's session; the model is `status`, `documents` and what was `sealed` when."""

    def __init__(self):
        super().__init__()
        self.events = []
        self.state = SessionState("portal", "login")
        self.status = dict.fromkeys(ORDER, "pending")
        self.documents = dict.fromkeys(ORDER, "a")
        self.sealed = {}
        self.reopened = dict.fromkeys(ORDER, 0)
        self.refused = 0

    @initialize()
    def create(self):
        self.append("created", {"type": "feature", "title": "Log in"})

    @rule(stage=stages, text=texts)
    def edit(self, stage, text):
        self.documents[stage] = text
        self.append("edited", {"changed": {stage: text}})

    @rule(stage=stages)
    def start(self, stage):
        self.move(stage, "start")

    @rule(stage=stages)
    def complete(self, stage):
        self.move(stage, "complete")

    @rule(stage=stages)
    def confirm(self, stage):
        self.move(stage, "confirm")

    @rule(stage=stages)
    def reopen(self, stage):
        self.move(stage, "reopen")

    @rule(stage=stages)
    def complete_without_having_seen_the_last_reopening(self, stage):
        """What a merge brings: the other side completed while we reopened."""
        if self.reopened[stage]:
            self.move(stage, "complete", seen=self.reopened[stage] - 1)

    @rule(stages=st.permutations(ORDER), how_many=st.integers(1, 7))
    def complete_several(self, stages, how_many):
        for stage in stages[:how_many]:
            self.move(stage, "start")
            self.move(stage, "complete")

    def move(self, stage, action, seen=None):
        upstream = {name: self.documents[name] for name in ORDER[: ORDER.index(stage)]}
        known = self.reopened[stage] if seen is None else seen
        self.append(
            "stage",
            {
                "stage": stage,
                "action": action,
                "artifact": self.documents[stage],
                "upstream": upstream,
                "reopens": {"R": known},
            },
        )
        after = MOVES.get((self.status[stage], action))
        if after is None or (after == "complete" and known < self.reopened[stage]):
            self.refused += 1
            return
        self.status[stage] = after
        if action == "reopen":
            self.reopened[stage] += 1
        if after == "complete":
            self.sealed[stage] = dict(upstream, **{stage: self.documents[stage]})

    def append(self, kind, body):
        number = len(self.events) + 1
        one = Event(ulid(number, bytes(10)), kind, number, f"{number:04}", "R", Actor("Ann", "a@b.c"), body)
        self.events.append(one)
        self.state = apply(self.state, one)

    @invariant()
    def the_ledger_and_the_model_agree_on_every_stage(self):
        assert {stage: record.status for stage, record in self.state.stages.items()} == self.status
        assert len(self.state.not_applied) == self.refused

    @invariant()
    def a_stage_holds_exactly_while_the_documents_are_what_was_sealed(self):
        for one in standings(self.state, self.documents, lambda *_: False):
            now = {name: self.documents[name] for name in ORDER[: ORDER.index(one.stage) + 1]}
            assert one.holds == (self.status[one.stage] == "complete" and self.sealed[one.stage] == now)

    @invariant()
    def the_session_is_complete_when_all_stages_are(self):
        everything = all(status == "complete" for status in self.status.values())
        assert (self.state.effective_status == "complete") == everything

    @invariant()
    def a_replay_gives_the_snapshot_byte_for_byte(self):
        replayed = fold("portal", "login", self.events)
        assert state_to_json(replayed) == state_to_json(self.state)

    @invariant()
    def the_snapshot_survives_being_stored(self):
        assert state_from_json(state_to_json(self.state)) == self.state

    def teardown(self):
        """Events that arrive in any order, some of them twice, over the wire, tell the same story."""
        stored = [event_from_json(one.to_json()) for one in self.events]
        arriving = stored + stored[::2]
        random.Random(len(stored)).shuffle(arriving)
        assert fold("portal", "login", arriving) == self.state


TestStageMachine = StageMachine.TestCase
TestStageMachine.settings = settings(max_examples=60, stateful_step_count=30)
