"""A judgement in parts finds what a judgement in one finds, whatever becomes of a part's process."""

from __future__ import annotations

import os
import pathlib
import threading

import pytest

import here
from idse_orchestrator.base.workers import share_out
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.sync import guard
from idse_orchestrator.sync.guard import WORTH_IT, parts_for
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import git_guard

SUPPORT = str(pathlib.Path(here.__file__).parent)


def shared(*questions, by=lambda question: [question[0], os.getpid()]):
    return share_out(questions, "share_worker", {**os.environ, "PYTHONPATH": SUPPORT}, by)


def test_all_parts_are_told_in_order_whoever_did_them():
    assert [number for number, _ in shared((0, "sleep"), (1, ""), (2, ""), (3, ""))] == [0, 1, 2, 3]


def test_each_part_but_the_last_has_a_process_of_its_own():
    processes = [process for _, process in shared((0, ""), (1, ""), (2, ""))]
    assert len(set(processes)) == 3
    assert processes[2] == os.getpid()


@pytest.mark.parametrize("fault", ["die", "fail"])
def test_a_part_whose_process_ends_badly_is_done_again_here(fault):
    assert shared((0, fault), (1, "")) == [[0, os.getpid()], [1, os.getpid()]]


def test_a_part_for_which_no_process_can_start_is_done_here(monkeypatch):
    monkeypatch.setattr("sys.executable", "/no/such/python")
    assert shared((0, ""), (1, "")) == [[0, os.getpid()], [1, os.getpid()]]


@pytest.mark.parametrize("bad", [0, 1])
def test_an_error_in_a_part_is_raised_here(bad):
    def work(question):
        if question[0] == bad:
            raise OSError("no disk")
        return question

    with pytest.raises(OSError, match="no disk"):
        shared((0, "fail"), (1, ""), by=work)


def test_few_refs_are_judged_in_one_process():
    assert parts_for(WORTH_IT - 1) == 1
    assert 1 <= parts_for(100 * WORTH_IT) <= 4


@pytest.fixture
def vault(repo):
    """A repository with twelve ledgers, of which the fifth and the eighth are no ledgers."""
    vault = here.discover(str(repo.path))
    writer = here.ledger_writer(vault)
    for number in range(12):
        body = {"project": "portal", "session": f"s{number}", "type": "feature"}
        writer.append("portal", f"s{number}", lambda _, body=body: Draft("created", body))
    for number in (5, 8):
        repo.git("update-ref", f"refs/idse/sessions/portal/s{number}", repo.commit(allow_empty=True))
    return vault


def judged(vault):
    rows = vault.git.lines("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/sessions/")
    moves = [RefMove(ref, "", new) for ref, _, new in (row.partition(" ") for row in rows)]
    return git_guard(vault).outgoing(moves)


def test_parts_find_what_one_judgement_finds(vault, monkeypatch):
    alone = judged(vault)
    assert set(alone) == {f"refs/idse/sessions/portal/s{number}" for number in (5, 8)}
    monkeypatch.setattr(guard, "parts_for", lambda _: 3)
    monkeypatch.setattr(guard, "judge_part", refused_but(guard.judge_part, 1))
    assert judged(vault) == alone


def refused_but(work, times):
    """`work` for so many calls in this process: the other parts have to be done elsewhere."""
    calls = iter(range(times))

    def counted(*arguments):
        next(calls)
        return work(*arguments)

    return counted


def test_several_threads_judge_in_parts_at_once(vault, monkeypatch):
    alone = judged(vault)
    monkeypatch.setattr(guard, "parts_for", lambda _: 2)
    found = []
    threads = [threading.Thread(target=lambda: found.append(judged(vault))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [alone] * 4
