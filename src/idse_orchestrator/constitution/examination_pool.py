"""Examines batches of files: on all cores, or in this process where no workers can be started or one dies.

Workers are spawned, not forked: that is safe on every platform, and the same everywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.rules import Constitution
from idse_orchestrator.constitution.validation_engine import DocumentKey, examine, hits_to_json
from idse_orchestrator.documents.artifact_reader import FileEntry

if TYPE_CHECKING:
    from idse_orchestrator.constitution.checks.document import Check


class Job(NamedTuple):
    """A file to examine; `size` is known even where `data` was not loaded."""

    key: DocumentKey
    size: int
    data: bytes


def examine_batch(
    jobs: Iterable[Job], constitution: Constitution, extra_checks: Mapping[str, Check]
) -> list[str]:
    """The verdict on each job, in order."""
    return [
        hits_to_json(
            examine(
                job.key.path,
                FileEntry(job.key.mode, job.key.blob, job.size),
                job.data,
                constitution,
                extra_checks,
            )
        )
        for job in jobs
    ]


MOST_WORKERS = 8

Examined = tuple[list[Job], list[str]]


class _NoWorkersError(Exception):
    """Workers cannot be started here, or one of them died."""


def examine_on_all_cores(batches: Iterable[list[Job]], constitution: Constitution) -> Generator[Examined]:
    """Each batch with its verdicts, in order; only a few batches are in memory at a time."""
    remaining = iter(batches)
    unfinished: deque[list[Job]] = deque()
    workers = min(_cores(), MOST_WORKERS)
    if workers > 1:
        with suppress(_NoWorkersError):
            yield from _shared(remaining, unfinished, workers, constitution)
    for jobs in chain(unfinished, remaining):
        yield jobs, examine_batch(jobs, constitution, {})


def _shared(
    remaining: Iterator[list[Job]], unfinished: deque[list[Job]], workers: int, constitution: Constitution
) -> Iterator[Examined]:
    """What workers examine; a batch stays in `unfinished` until its answer is here."""
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


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Worker:
    """What one worker process knows: the constitution, since its start."""

    constitution: Constitution


def _start(compiled: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _Worker.constitution = Constitution.from_json(compiled)


def _leave_with_parent() -> None:
    """End with the process that wanted the answers, even when it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _examine(jobs: list[Job]) -> list[str]:
    return examine_batch(jobs, _Worker.constitution, {})
