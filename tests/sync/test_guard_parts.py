"""A judgement in parts finds what a judgement in one finds, whatever becomes of a part's process."""

from __future__ import annotations

import os

import pytest

from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.sync.guard import WORTH_IT, judge_parts, parts_for


def defect(number):
    return Defect(f"refs/idse/sessions/portal/s{number}", "a" * 40, "tree-shape", f"é {number}")


def test_all_parts_are_told_whoever_did_them():
    works = [lambda number=number: iter([defect(number)]) for number in range(4)]
    assert sorted(judge_parts(works), key=lambda each: each.ref) == [defect(number) for number in range(4)]


def test_each_part_but_the_last_has_a_process_of_its_own(tmp_path):
    def work(number):
        (tmp_path / str(number)).write_text(str(os.getpid()))
        return iter([])

    judge_parts([lambda number=number: work(number) for number in range(3)])
    pids = [int((tmp_path / str(number)).read_text()) for number in range(3)]
    assert len(set(pids)) == 3
    assert pids[2] == os.getpid()


def test_a_part_whose_process_is_killed_is_done_again_here():
    here = os.getpid()

    def work():
        if os.getpid() != here:
            os.kill(os.getpid(), 9)
        return iter([defect(1)])

    assert judge_parts([work, lambda: iter([])]) == [defect(1)]


def test_an_error_in_a_part_is_raised_here():
    def work():
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        judge_parts([work, lambda: iter([])])


def test_few_refs_are_judged_in_one_process():
    assert parts_for(WORTH_IT - 1) == 1
    assert 1 <= parts_for(100 * WORTH_IT) <= 4
