"""Work shared out to interpreters of our own, which start afresh: no process that may have threads is forked.

A worker is a module. It is given one question on standard input and answers on standard output, both as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def share_out(
    questions: Sequence[object],
    module: str,
    environment: Mapping[str, str],
    here: Callable[[Any], object],
) -> list[Any]:
    """The answers to all `questions`, in order: the last is answered `here`, each other by a worker `module`.

    What a worker cannot answer, for whatever reason, is answered here, too.
    """
    workers = [_started(question, module, environment) for question in questions[:-1]]
    try:
        last = here(questions[-1])
    except BaseException:
        for worker in workers:
            _end(worker)
        raise
    answers = [_answer(worker) for worker in workers]
    pairs = zip(questions, answers, strict=False)
    return [*(here(question) if answer is None else answer for question, answer in pairs), last]


def answer(work: Callable[[Any], object]) -> NoReturn:
    """Answers the one question of this process by `work`, and leaves."""
    json.dump(work(json.load(sys.stdin)), sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def cores() -> int:
    """Returns how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _started(question: object, module: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Returns a worker, with its question in a file: nobody has to wait until it reads.

    None where none can start.
    """
    from tempfile import TemporaryFile

    with suppress(OSError), TemporaryFile() as file:
        file.write(json.dumps(question).encode())
        file.seek(0)
        return subprocess.Popen(  # noqa: S603 - this very interpreter; -P: it imports nothing from a folder it is in
            [sys.executable, "-P", "-m", module],
            env=environment,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    return None


def _answer(worker: subprocess.Popen[bytes] | None) -> Any:  # noqa: ANN401 - whatever JSON holds
    if worker is None:
        return None
    text, _ = worker.communicate()
    return json.loads(text) if worker.returncode == 0 else None


def _end(worker: subprocess.Popen[bytes] | None) -> None:
    if worker is not None:
        worker.kill()
        worker.communicate()
