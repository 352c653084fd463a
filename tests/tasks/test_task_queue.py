"""What people and workers do with tasks, on a real repository."""

from __future__ import annotations

import json
import os
import time

import pytest

from here import acting, discover
from idse_orchestrator.errors import FencedError, TaskStateError, UnfitEventError, UnknownNameError
from idse_orchestrator.tasks import board
from idse_orchestrator.tasks.board import tips_below
from idse_orchestrator.tasks.state import Change, NewTask
from idse_orchestrator.wiring.tasks import task_queue

BASE, CODE, INTO = "a" * 40, "b" * 40, "c" * 40
PLACE = "refs/idse-local/tasks/portal/login/"


class Clock:
    """A clock that stands until it is set."""

    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(repo, clock):
    vault = discover(str(repo.path))
    return task_queue(vault, acting(vault), clock)


@pytest.fixture
def agents_queue(repo):
    vault = discover(str(repo.path))
    return task_queue(vault, acting(vault, "claude"))


def begin(queue, *tasks):
    made = queue.enqueue("portal", "login", tasks or [NewTask("T001", "write it")])
    return made[0] if len(made) == 1 else made


def take(queue, state, **more):
    return queue.take(state, worker="w1", agent="shell", base=BASE, **more)


def now_of(queue, state):
    return queue.state(state.project, state.session, state.task)


def test_a_life_from_the_list_to_done(queue, repo):
    ready = begin(queue)
    assert (ready.state, ready.text, ready.home != "") == ("ready", "write it", True)
    held = take(queue, ready, reserve_usd=0.5, sandbox="bwrap")
    assert (held.state, held.attempt, held.worker, held.doer) == ("held", 1, "w1", "shell")
    review = queue.finish(
        held, code=CODE, usage={"cost_usd": 0.31, "basis": "reported"}, evidence={"final": "ok"}
    )
    assert (review.state, review.code, review.spent_usd, review.reserve_usd) == ("review", CODE, 0.31, 0)
    done = queue.accept(review, INTO)
    assert (done.state, done.into, done.take) == ("done", INTO, "")
    assert now_of(queue, done) == done
    assert [event.body.get("action") for event in queue.log("portal", "login", "T001")] == [
        None,
        "take",
        "finish",
        "accept",
    ]
    told = repo.git("log", "-1", "--skip=1", "--format=%s%n%(trailers:only)", f"{PLACE}T001").split("\n")
    assert told[0] == "T001: held → review by finish"
    assert {"Idse-From: held", "Idse-To: review", "Idse-Task: T001", f"Idse-Take: {held.take}"} <= set(told)
    assert "Idse-Attempt: 1" in told


def test_a_task_ledger_has_no_artifacts_no_reflog_and_stands_apart(queue, repo):
    begin(queue)
    assert repo.git("ls-tree", "--name-only", f"{PLACE}T001").split() == ["event.json", "state.json"]
    assert repo.git("for-each-ref", "refs/idse/") == ""
    take(queue, begin(queue, NewTask("T002", "another")))
    assert not (repo.path / ".git" / "logs" / "refs" / "idse-local").exists()


def test_finish_may_be_accepted_in_the_same_move(queue):
    assert queue.finish(take(queue, begin(queue)), code=CODE, into=INTO).state == "done"


def test_a_task_that_somebody_else_took_is_not_taken(queue, repo):
    ready = begin(queue)
    other = task_queue(discover(str(repo.path)), acting(discover(str(repo.path))))
    first = take(other, ready)
    assert take(queue, ready) is None
    assert now_of(queue, ready).take == first.take


def test_a_task_that_needs_something_else_by_now_is_not_taken(queue):
    seen = begin(queue)
    changed = queue.change(seen, NewTask("T001", "write it", needs=("T000",)))
    assert take(queue, seen) is None
    assert take(queue, changed).state == "held"


def test_attempts_that_fail_count_and_those_that_are_released_do_not(queue):
    state = begin(queue)
    state = queue.release(take(queue, state), why="drain")
    for expected in ("ready", "ready", "failed"):
        state = queue.fail(take(queue, state), why="no-evidence", exit=1)
        assert state.state == expected
    assert (state.attempt, state.failures, state.why) == (4, 3, "no-evidence")
    assert take(queue, state) is None
    again = queue.retry(state, reason="the test was wrong")
    assert (again.state, again.failures, again.reason) == ("ready", 0, "the test was wrong")


def test_a_cap_of_the_list_says_how_many_attempts_there_are(queue):
    state = begin(queue, NewTask("T001", "once", caps={"attempts": 1}))
    assert queue.fail(take(queue, state), why="failed").state == "failed"


def test_what_waits_for_a_time_is_not_taken_before(queue, clock):
    held = take(queue, begin(queue))
    later = queue.release(held, why="limit", not_before=clock.now + 60)
    assert take(queue, later) is None
    assert not queue.board("portal", "login").ready("2023-11-14T22:13:20Z")
    clock.now += 61
    assert take(queue, later).attempt == 2


def test_a_late_holder_is_fenced_and_writes_nothing(queue, repo):
    late = take(queue, begin(queue))
    gone = queue.expire(late, why="lease-over")
    assert (gone.state, gone.failures, gone.why) == ("ready", 1, "lease-over")
    second = take(queue, gone)
    before = repo.git("rev-parse", f"{PLACE}T001")
    for ending in (
        lambda: queue.finish(late, code=CODE),
        lambda: queue.fail(late, why="failed"),
        lambda: queue.release(late, why="drain"),
        lambda: queue.expire(late, why="worker-gone"),
    ):
        with pytest.raises(FencedError, match="attempt 1 of T001"):
            ending()
    assert repo.git("rev-parse", f"{PLACE}T001") == before
    assert queue.finish(second, code=CODE).state == "review"


def test_of_an_attempt_that_was_cut_off_the_reserve_is_spent(queue):
    held = take(queue, begin(queue), reserve_usd=0.25)
    assert queue.expire(held, why="worker-gone").spent_usd == 0.25
    held = take(queue, begin(queue, NewTask("T002", "b")), reserve_usd=0.25)
    assert queue.finish(held, usage={"basis": "unknown"}).spent_usd == 0.25
    held = take(queue, begin(queue, NewTask("T003", "c")), reserve_usd=0.25)
    assert queue.cancel(held, reason="no").spent_usd == 0.25


def test_whoever_takes_may_be_asked_under_the_lock(queue):
    ready = begin(queue)
    assert take(queue, ready, allowed=lambda _: False) is None
    assert take(queue, ready, allowed=lambda found: found.task == "T001") is not None


def test_a_person_approves_rejects_cancels_and_reopens(queue):
    waiting = begin(queue, NewTask("look", "look", approve="Read it before it is mended"))
    assert (waiting.state, take(queue, waiting)) == ("waiting", None)
    ready = queue.approve(waiting)
    review = queue.finish(take(queue, ready), code=CODE)
    back = queue.reject(review, reason="wrong\nfile")
    assert (back.state, back.failures, back.reason) == ("ready", 0, "wrong file")
    review = queue.finish(take(queue, back), code=CODE)
    assert queue.reject(review, why="conflict").failures == 1
    done = queue.finish(take(queue, now_of(queue, back)), into=INTO)
    assert queue.reopen(done).state == "ready"
    assert queue.cancel(done).state == "cancelled"
    refused = queue.refuse(begin(queue, NewTask("no", "no", approve="well?")), reason="no")
    assert refused.state == "failed"


LEGAL = {
    "ready": {"take", "cancel", "change"},
    "waiting": {"approve", "refuse", "cancel"},
    "held": {"finish", "fail", "release", "expire", "cancel"},
    "review": {"accept", "reject", "cancel"},
    "done": {"reopen"},
    "failed": {"retry"},
    "cancelled": {"retry"},
}


def brought_to(queue, state):
    """A task in `state`."""
    if state in ("waiting", "failed"):
        begun = begin(queue, NewTask("T001", "a", approve="yes?"))
        return begun if state == "waiting" else queue.refuse(begun)
    begun = begin(queue)
    if state == "ready":
        return begun
    if state == "cancelled":
        return queue.cancel(begun)
    held = take(queue, begun)
    return held if state == "held" else queue.finish(held, **({"into": INTO} if state == "done" else {}))


def acts(queue, state):
    """Action to what does it."""
    return {
        "finish": lambda: queue.finish(state),
        "fail": lambda: queue.fail(state, why="failed"),
        "release": lambda: queue.release(state, why="drain"),
        "expire": lambda: queue.expire(state, why="worker-gone"),
        "accept": lambda: queue.accept(state, INTO),
        "reject": lambda: queue.reject(state),
        "approve": lambda: queue.approve(state),
        "refuse": lambda: queue.refuse(state),
        "cancel": lambda: queue.cancel(state),
        "retry": lambda: queue.retry(state),
        "reopen": lambda: queue.reopen(state),
        "change": lambda: queue.change(state, NewTask("T001", "other")),
    }


@pytest.mark.parametrize("start", LEGAL)
def test_an_action_from_another_state_writes_nothing_and_says_so(queue, repo, start):
    state = brought_to(queue, start)
    before = repo.git("rev-parse", f"{PLACE}T001")
    if "take" not in LEGAL[start]:
        assert take(queue, state) is None
    for action, act in acts(queue, state).items():
        if action not in LEGAL[start]:
            with pytest.raises(TaskStateError, match="T001"):
                act()
    assert repo.git("rev-parse", f"{PLACE}T001") == before


def test_only_a_person_approves_cancels_retries_and_reopens(queue, agents_queue):
    state = begin(queue, NewTask("T001", "a", approve="yes?"))
    for act in (agents_queue.approve, agents_queue.refuse, agents_queue.cancel):
        with pytest.raises(TaskStateError, match="only a person"):
            act(state)
    failed = queue.refuse(state)
    with pytest.raises(TaskStateError, match="only a person"):
        agents_queue.retry(failed)


def test_an_unknown_task_is_named_with_what_is_near(queue):
    begin(queue)
    with pytest.raises(UnknownNameError, match="there is no task 'T01'") as caught:
        queue.state("portal", "login", "T01")
    assert caught.value.fix or caught.value.words


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x.lock", "a b", "-x", "a\nb", "é", "x" * 65])
def test_a_hostile_name_is_no_task(queue, repo, name):
    with pytest.raises(ValueError, match="no task can be called"):
        begin(queue, NewTask(name, "a"))
    assert repo.git("for-each-ref", "refs/idse-local/") == ""


def test_many_begin_and_change_in_one_step(queue, repo):
    begin(queue, *(NewTask(f"T{number:03}", "a", position=number) for number in range(500)))
    assert len(repo.git("for-each-ref", PLACE).split("\n")) == 500
    changes = [Change(f"T{number:03}", "change", NewTask("", "b").said) for number in range(500)]
    assert len(queue.apply("portal", "login", [], changes)) == 500
    assert {each.text for each in queue.board("portal", "login").states} == {"b"}
    repo.git("fsck", "--strict")


def test_the_board_reads_only_what_moved_and_may_be_deleted(queue, repo, monkeypatch):
    begin(queue, *(NewTask(f"T{number:03}", "a", position=number) for number in range(100)))
    before = queue.board("portal", "login")
    (kept,) = (repo.path / ".git" / "idse" / "run" / "board" / "portal").glob("login.*")
    take(queue, before.ready()[0])
    vault = discover(str(repo.path))
    other = task_queue(vault, acting(vault))
    read = []
    monkeypatch.setattr(other._boards, "_read", lambda key: read.append(key[2]) or other._tip(key))
    after = other.board("portal", "login")
    assert (read, after.counts) == (["T000"], {"held": 1, "ready": 99})
    assert after.states == queue.board("portal", "login").states
    whole = kept.read_bytes()
    for damage in (b"", b"{}", whole[:-1], whole[:100] + b"\0" + whole[101:], b"00000000" + whole[8:]):
        kept.write_bytes(damage)
        assert task_queue(vault, acting(vault)).board("portal", "login").counts == after.counts
    kept.unlink()
    repo.git("pack-refs", "--all")
    assert task_queue(vault, acting(vault)).board("portal", "login").counts == after.counts


def test_refs_that_stand_still_are_not_listed_again_and_every_move_is_seen(queue, repo, monkeypatch):
    begin(queue, *(NewTask(f"T{number:03}", "a", position=number) for number in range(80)))
    folder = repo.path / ".git" / PLACE
    os.utime(folder, (time.time() - 60,) * 2)
    vault = discover(str(repo.path))
    other = task_queue(vault, acting(vault))
    listed = []
    monkeypatch.setattr(board, "tips_below", lambda *args: listed.append(args) or tips_below(*args))
    assert other.board("portal", "login").counts == {"ready": 80}
    assert other.board("portal", "login").counts == {"ready": 80}
    assert task_queue(vault, acting(vault)).board("portal", "login").counts == {"ready": 80}
    assert len(listed) == 1
    for number in range(20):
        take(queue, queue.state("portal", "login", f"T{number:03}"))
        assert len(other.board("portal", "login").held) == number + 1
    os.utime(folder, (time.time() - 60,) * 2)
    assert len(other.board("portal", "login").held) == 20
    repo.git("pack-refs", "--all", "--prune")
    take(queue, queue.state("portal", "login", "T050"))
    assert len(other.board("portal", "login").held) == 21


def test_a_move_in_the_same_tick_of_a_coarse_clock_is_seen(queue, repo):
    begin(queue, *(NewTask(f"T{number:03}", "a", position=number) for number in range(80)))
    folder = repo.path / ".git" / PLACE
    before = os.stat(folder)
    vault = discover(str(repo.path))
    other = task_queue(vault, acting(vault))
    assert not other.board("portal", "login").held
    take(queue, queue.state("portal", "login", "T000"))
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(other.board("portal", "login").held) == 1


def test_a_damaged_task_is_named_and_hides_no_other(queue, repo):
    begin(queue, NewTask("T001", "a"), NewTask("T002", "b"), NewTask("T003", "c"))
    repo.write("a.py", b"code")
    repo.git("add", "a.py")
    repo.commit("code")
    repo.git("update-ref", f"{PLACE}T001", "HEAD")
    (repo.path / ".git" / PLACE / "T003").write_text("nonsense\n")
    board = queue.board("portal", "login")
    assert sorted(board.unreadable) == ["T001", "T003"]
    assert [each.task for each in board.states] == ["T002"]


@pytest.mark.parametrize(
    ("ending", "where"),
    [
        ({"why": "I could not do it, sorry"}, "why"),
        ({"why": "failed", "exit": "secret"}, "exit"),
        ({"why": "failed", "usage": {"summary": "what I did"}}, "usage.summary"),
        ({"why": "failed", "usage": {"cost_usd": float("nan")}}, "usage.cost_usd"),
        ({"why": "failed", "evidence": {"said": "ok"}}, "evidence.said"),
        ({"why": "failed", "evidence": {"final": "as I told you"}}, "evidence.final"),
    ],
)
def test_what_an_agent_says_is_refused_and_nothing_is_written(queue, repo, ending, where):
    held = take(queue, begin(queue))
    with pytest.raises(UnfitEventError) as caught:
        queue.fail(held, **ending)
    assert caught.value.cause.startswith(where)
    assert now_of(queue, held) == held


def test_no_event_has_room_for_what_an_agent_says(queue, repo):
    held = take(queue, begin(queue))
    queue.finish(held, code=CODE, evidence={"final": "ok"})
    event = json.loads(repo.git("show", f"{PLACE}T001:event.json"))
    assert set(event["body"]) == {
        *("action", "from", "to", "task", "take", "attempt", "code", "base", "usage", "evidence")
    }
