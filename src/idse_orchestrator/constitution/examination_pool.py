"""Examines batches of files: on all cores, or in this process where no workers can be started or one dies.

Workers are spawned, not forked: that is safe on every platform, and the same everywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import wait

from idse_orchestrator.base.workers import cores
from idse_orchestrator.constitution.rules import Constitution
from idse_orchestrator.constitution.validation_engine import Job, examine_batch

MOST_WORKERS = 8

Examined = tuple[list[Job], list[str]]


class _NoWorkersError(Exception):
    """Workers cannot be started here, or one of them died."""


def examine_on_all_cores(batches: Iterable[list[Job]], constitution: Constitution) -> Generator[Examined]:
    """Yields each batch with its verdicts, in order; only a few batches are in memory at a time."""
    remaining = iter(batches)
    unfinished: deque[list[Job]] = deque()
    workers = min(cores(), MOST_WORKERS)
    if workers > 1:
        with suppress(_NoWorkersError):
            yield from _shared(remaining, unfinished, workers, constitution)
    for jobs in chain(unfinished, remaining):
        yield jobs, examine_batch(jobs, constitution, {})


def _shared(
    remaining: Iterator[list[Job]], unfinished: deque[list[Job]], workers: int, constitution: Constitution
) -> Iterator[Examined]:
    """Yields what workers examine; a batch stays in `unfinished` until its answer is here."""
    answers: deque[Future[list[str]]] = deque()
    with _executor(workers, constitution) as executor:
        for jobs in remaining:
            unfinished.append(jobs)
            answers.append(_submitted(executor, jobs))
            if len(answers) >= 2 * workers:
                verdicts = _answer(answers.popleft())
                yield unfinished.popleft(), verdicts
        while answers:
            verdicts = _answer(answers.popleft())
            yield unfinished.popleft(), verdicts


def _submitted(executor: ProcessPoolExecutor, jobs: list[Job]) -> Future[list[str]]:
    try:
        return executor.submit(_examine, jobs)
    except (BrokenProcessPool, OSError) as error:
        raise _NoWorkersError from error


def _answer(future: Future[list[str]]) -> list[str]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _NoWorkersError from error


def _executor(workers: int, constitution: Constitution) -> ProcessPoolExecutor:
    try:
        return ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(constitution.to_json(),),
        )
    except (OSError, ImportError, NotImplementedError) as error:
        raise _NoWorkersError from error


class _Worker:
    """What one worker process knows: the constitution, since its start."""

    constitution: Constitution


def _start(compiled: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _Worker.constitution = Constitution.from_json(compiled)


def _leave_with_parent() -> None:
    """Ends with the process that wanted the answers, even when it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _examine(jobs: list[Job]) -> list[str]:
    return examine_batch(jobs, _Worker.constitution, {})
