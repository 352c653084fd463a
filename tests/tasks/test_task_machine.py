"""Random lives of a task, against a model that knows nothing of git; any prefix folds to what was written."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from here import acting, discover
from idse_orchestrator.errors import TaskStateError
from idse_orchestrator.ledger.event_check import checked_event
from idse_orchestrator.ledger.events import event_from_json
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.tasks.check import TaskSource
from idse_orchestrator.tasks.enqueue import NewTask
from idse_orchestrator.tasks.kind import TASK_KINDS, TASKS
from idse_orchestrator.tasks.state import from_plain, to_plain
from idse_orchestrator.wiring.tasks import task_queue

WORKERS = ("w0", "w1", "w2")
INTO = "c" * 40
COST = 0.25


MOVES = {
    "accept": (("review",), "done"),
    "reject": (("review",), "ready"),
    "approve": (("waiting",), "ready"),
    "refuse": (("waiting",), "failed"),
    "cancel": (("ready", "waiting", "held", "review"), "cancelled"),
    "retry": (("failed", "cancelled"), "ready"),
    "reopen": (("done",), "ready"),
    "change": (("ready",), "ready"),
}


class Model:
    """A task as a few words: what it is, who holds it, and how often it failed."""

    def __init__(self, attempts, *, waits):
        self.attempts, self.state = attempts, "waiting" if waits else "ready"
        self.holder, self.takes, self.failures = None, 0, 0
        self.dones = 0

    def take(self, worker):
        if self.state != "ready":
            return False
        self.state, self.takes = "held", self.takes + 1
        self.holder = (worker, self.takes)
        return True

    def settle(self, token, action):
        """Ends the attempt of `token`; False where it is fenced."""
        if self.state != "held" or self.holder != token:
            return False
        if action in ("fail", "expire"):
            self.failures += 1
            self.state = "ready" if self.failures < self.attempts else "failed"
        else:
            self.state = {"finish": "review", "finish+accept": "done", "release": "ready"}[action]
        self.dones += self.state == "done"
        return True

    def move(self, action):
        start, end = MOVES[action]
        if self.state not in start:
            return False
        self.state = end
        self.dones += end == "done"
        if action in ("retry", "reopen"):
            self.failures = 0
        return True


workers = st.sampled_from(WORKERS)
STEPS = st.one_of(
    st.tuples(st.just("take"), workers),
    st.tuples(st.just("take"), workers),
    st.tuples(st.sampled_from(["finish", "finish+accept", "fail", "fail", "release", "expire"]), workers),
    st.tuples(st.sampled_from(list(MOVES)), st.none()),
)


def ended(queue, taken, action):
    if action == "fail":
        return queue.fail(taken, why="failed", usage={"cost_usd": COST, "basis": "reported"})
    if action == "release":
        return queue.release(taken, why="drain")
    if action == "expire":
        return queue.expire(taken, why="worker-gone")
    into = INTO if action == "finish+accept" else ""
    return queue.finish(taken, into=into, usage={"basis": "unknown"})


def moved(queue, state, action):
    if action == "accept":
        return queue.accept(state, INTO)
    if action == "change":
        return queue.change(state, NewTask(state.task, "other"))
    return getattr(queue, action)(state)


@pytest.fixture
def place(repo):
    return discover(str(repo.path)), iter(range(10_000))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14), attempts=st.integers(1, 3), waits=st.booleans())
def test_any_life_is_what_the_model_says_and_every_prefix_folds_to_what_was_written(
    place, steps, attempts, waits
):
    vault, numbers = place
    queues = {name: task_queue(vault, acting(vault)) for name in (*WORKERS, "people")}
    people, name = queues["people"], f"T{next(numbers)}"
    asked = NewTask(name, "do it", caps={"attempts": attempts}, approve="yes?" if waits else "")
    state = people.enqueue("p", "s", [asked])[0]
    model = Model(attempts, waits=waits)
    tokens = {}
    for action, worker in steps:
        before = people.names("p", "s")[name]
        try:
            if action == "take":
                made = queues[worker].take(state, worker=worker, reserve_usd=COST)
                happened = made is not None
                if happened:
                    tokens[worker] = (made, (worker, made.attempt))
                assert model.take(worker) == happened
            elif worker:
                taken, token = tokens.get(worker, (state._replace(take="0" * 26), None))
                happened = model.settle(token, action)
                made = ended(queues[worker], taken, action)
                assert happened
            else:
                happened = model.move(action)
                made = moved(people, state, action)
                assert happened
        except TaskStateError:
            assert not happened
            made = None
        assert (people.names("p", "s")[name] != before) == happened, "what is refused writes nothing"
        now = people.state("p", "s", name)
        assert (now.state, now.attempt, now.failures) == (model.state, model.takes, model.failures)
        assert (now.take != "") == (now.state == "held")
        assert made is None or made == now
        assert now.failures <= attempts
    check_replay(people, vault, name)


def check_replay(queue, vault, name):
    """Every prefix of the events folds to the state that was written with the last of them, to the byte."""
    git = vault.git
    ref = TASKS.ref("p", "s", name)
    commits = git.lines("rev-list", "--reverse", ref)
    events = []
    takes = None
    for commit in commits:
        data = git.bytes("show", f"{commit}:event.json")
        event, problem = checked_event(data, TASKS)
        assert problem == ""
        events.append(event_from_json(data))
        folded = TASKS.fold(("p", "s", name), events)
        written = git.bytes("show", f"{commit}:state.json")
        assert TASKS.to_json(folded) == written
        assert folded.not_applied == ()
        assert from_plain(json.loads(written)) == folded
        assert from_plain(to_plain(folded)) == folded
        body = event.body
        if body.get("action") == "take":
            assert takes is None, "one holder at any commit"
            takes = event.id
        elif body.get("take"):
            assert body["take"] == takes, "who ends an attempt names the last take"
        if folded.state != "held":
            takes = None
    with TaskSource(vault, TASK_KINDS) as source:
        report = check_ledgers(source, only=lambda each: each.name == ref)
    assert report.defects == ()
    assert [each.commits for each in report.ledgers] == [len(commits)]
