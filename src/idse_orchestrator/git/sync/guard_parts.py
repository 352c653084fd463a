"""A judgement of very many refs in several processes: Python reads JSON on one processor only.

A part that fails in its process for whatever reason is done again here, where the reason can be told.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from idse_orchestrator.domain.ledger.defects import Defect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WORTH_IT = 2_000
"""Refs from which on the second process saves more than it costs."""
_MOST = 4


def parts_for(count: int) -> int:
    """Into how many parts the judgement of `count` refs is divided."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST, processors, count // WORTH_IT + 1)) if count >= WORTH_IT else 1


def judge_parts(works: Sequence[Callable[[], Iterable[Defect]]]) -> list[Defect]:
    """What all `works` find, the last first; it is done in this process, each other in one of its own."""
    children = [(work, *_started(work)) for work in works[:-1]]
    found: list[Defect] = []
    try:
        found += works[-1]()
    finally:
        for child in children:
            found += _finished(*child)
    return found


def _started(work: Callable[[], Iterable[Defect]]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:  # nothing of the parent's may run in here: no clean-up, no lock, no output
        os.close(reading)
        _answer(work, writing)
    os.close(writing)
    return pid, reading


def _answer(work: Callable[[], Iterable[Defect]], writing: int) -> None:
    code = 1
    try:
        rows = [(defect.ref, defect.commit, defect.code, defect.what) for defect in work()]
        with open(writing, "w", encoding="ascii") as pipe:
            json.dump(rows, pipe)
        code = 0
    finally:
        os._exit(code)


def _finished(work: Callable[[], Iterable[Defect]], pid: int, reading: int) -> list[Defect]:
    with open(reading, encoding="ascii") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status != 0:
        return list(work())
    return [Defect(*row) for row in json.loads(text)]
