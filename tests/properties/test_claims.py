"""Claims converge: whoever has the same events has the same claims, and taking back beats promoting."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from here import discover, fold, ledger_writer
from idse_orchestrator.claims.claim import DEMOTED, PROMOTED, claims_of
from idse_orchestrator.ledger.events import Actor, Draft, Event
from idse_orchestrator.pipeline.stage_state_model import state_from_json, state_to_json
from idse_orchestrator.wiring.ledgers import KINDS, git_joiner

ACTOR = Actor("n", "e", "")
NAME = "c-0123456789"
REF = "refs/idse/sessions/portal/__blueprint__"
EVIDENCE = [{"session": "pay", "stage": "spec", "commit": "a" * 40, "blob": "b" * 40}]
BODIES = {
    "declare": {"text": "Whole cents", "section": ""},
    "promote": {"evidence": EVIDENCE},
    "reinforce": {"evidence": EVIDENCE},
    "demote": {"reason": "why"},
}


def body(action, **more):
    return {"action": action, "claim": NAME, **BODIES[action], **more}


def event(number, lamport, replica, action, **more):
    at = "2026-01-01T00:00:00Z"
    return Event(f"ID{number:02}", "claimed", lamport, at, replica, ACTOR, body(action, **more))


class Replica:
    """One clone of a blueprint's events, which acts on what it knows as `idse blueprint` does."""

    def __init__(self, name, events=()):
        self.name = name
        self.events = list(events)

    @property
    def claim(self):
        return claims_of(fold("p", "__blueprint__", self.events)).get(NAME)

    def act(self, action, number):
        lamport = 1 + max((each.lamport for each in self.events), default=0)
        seen = dict(self.claim.demotions) if self.claim else {}
        more = {"demotions": seen} if action == "promote" else {}
        self.events.append(event(number, lamport, self.name, action, **more))


actions = st.sampled_from(["declare", "promote", "promote", "reinforce", "demote"])


@given(
    st.lists(actions, max_size=4),
    st.lists(actions, max_size=4),
    st.lists(actions, max_size=4),
    st.permutations(range(40)),
)
def test_a_demotion_that_a_promotion_had_not_seen_wins_whoever_was_first(before, left, right, numbers):
    ids = iter(numbers)
    base = Replica("R0")
    for action in ["declare", *before]:
        base.act(action, next(ids))
    one, other = Replica("R1", base.events), Replica("R2", base.events)
    for action in left:
        one.act(action, next(ids))
    for action in [*right, "demote"]:
        other.act(action, next(ids))
    joined = Replica("R1", [*one.events, *other.events])
    assert joined.claim.status == DEMOTED
    joined.act("promote", next(ids))
    assert joined.claim.status == PROMOTED


@given(st.lists(st.tuples(st.sampled_from(["R1", "R2"]), actions, st.booleans()), max_size=10), st.randoms())
def test_replicas_that_gossip_at_random_agree_in_every_order_of_arrival(deeds, chance):
    replicas = {name: Replica(name) for name in ("R1", "R2")}
    for number, (name, action, syncs) in enumerate(deeds):
        replicas[name].act(action, number)
        if syncs:
            every = [*replicas["R1"].events, *replicas["R2"].events]
            replicas["R1"].events, replicas["R2"].events = list(every), list(every)
    every = [*replicas["R1"].events, *replicas["R2"].events]
    shuffled = list(every)
    chance.shuffle(shuffled)
    state = fold("p", "__blueprint__", every)
    assert fold("p", "__blueprint__", shuffled) == state
    assert state_from_json(state_to_json(state)) == state
    if every:
        assert set(claims_of(state)) <= {NAME}


def test_two_promotions_at_once_are_one_with_the_evidence_of_both():
    other = [{**EVIDENCE[0], "session": "search"}]
    events = (
        event(1, 1, "R1", "declare"),
        event(2, 2, "R1", "promote"),
        event(3, 2, "R2", "promote", evidence=other),
    )
    for order in itertools.permutations(events):
        state = fold("p", "__blueprint__", order)
        claim = claims_of(state)[NAME]
        assert (claim.status, [each.session for each in claim.evidence]) == (PROMOTED, ["pay", "search"])
        assert state.not_applied == ()


def test_a_claim_that_was_demoted_starts_anew_with_the_evidence_of_its_promotion():
    other = [{**EVIDENCE[0], "session": "search"}]
    events = (
        event(1, 1, "R1", "declare"),
        event(2, 2, "R1", "promote"),
        event(3, 3, "R1", "demote"),
        event(4, 4, "R1", "promote", evidence=other, demotions={"R1": 1}),
    )
    claim = claims_of(fold("p", "__blueprint__", events))[NAME]
    assert (claim.status, [each.session for each in claim.evidence]) == (PROMOTED, ["search"])


def test_what_does_not_apply_is_kept_and_says_why():
    told = {}
    for action in ("promote", "reinforce", "demote"):
        state = fold("p", "__blueprint__", [event(1, 1, "R1", action)])
        told[action] = state.not_applied[0].why
    assert set(told.values()) == {"there was no such claim"}
    state = fold(
        "p",
        "__blueprint__",
        [event(1, 1, "R1", "declare"), event(2, 2, "R2", "demote"), event(3, 2, "R1", "promote")],
    )
    assert [entry.why for entry in state.not_applied] == ["the claim was demoted meanwhile"]


def test_a_ledger_without_claims_has_the_bytes_it_had_before_there_were_any():
    created = Event("ID01", "created", 1, "2026-01-01T00:00:00Z", "R1", ACTOR, {"title": "t"})
    assert b"claims" not in state_to_json(fold("p", "s", [created]))


# --- the same in two real clones, through M(a, b) ---


class Clone:
    """A repository with the ledger of a blueprint."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.writer = ledger_writer(self.repository)

    @property
    def tip(self):
        return self.repo.git("rev-parse", REF)

    def act(self, action):
        def plan(tip):
            claim = claims_of(tip.state).get(NAME)
            more = {"demotions": dict(claim.demotions)} if claim and action == "promote" else {}
            return Draft("claimed", body(action, **more))

        return self.writer.append("portal", "__blueprint__", plan)

    def fetch(self, other):
        name = f"refs/other/{other.repo.path.name}"
        self.repo.git("fetch", "--quiet", str(other.repo.path), f"+{REF}:{name}")
        return self.repo.git("rev-parse", name)

    def join(self, other):
        made = git_joiner(self.repository).join(REF, self.tip, self.fetch(other))
        self.repo.git("update-ref", REF, made)
        return made


@pytest.fixture
def two_clones(make_repo):
    counter = itertools.count()

    def make():
        number = next(counter)
        one, other = Clone(make_repo(f"one{number}")), Clone(make_repo(f"other{number}"))
        created = Draft("created", {"project": "portal", "session": "__blueprint__", "type": "blueprint"})
        one.writer.append("portal", "__blueprint__", lambda _: created)
        one.act("declare")
        other.repo.git("fetch", "--quiet", str(one.repo.path), f"{REF}:{REF}")
        return one, other

    return make


@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(actions, max_size=3), st.lists(actions, max_size=3))
def test_two_clones_that_promote_and_demote_at_once_end_demoted_with_one_commit(two_clones, left, right):
    one, other = two_clones()
    for action in [*left, "promote"]:
        one.act(action)
    for action in [*right, "demote"]:
        other.act(action)
    before = other.tip
    made = one.join(other)
    assert git_joiner(other.repository).join(REF, before, other.fetch(one)) == made
    state = one.repo.git("show", f"{made}:state.json")
    assert KINDS["session"].state_problem(state.encode()) is None
    assert json.loads(state)["claims"][NAME]["status"] == DEMOTED
    assert one.repo.idse("fsck").returncode == 0
    one.act("promote")
    assert json.loads(one.repo.git("show", f"{REF}:state.json"))["claims"][NAME]["status"] == PROMOTED
