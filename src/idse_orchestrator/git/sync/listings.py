"""Refs of this repository, listed by git while something else is waited for."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence

    from idse_orchestrator.git.program import Git


@contextmanager
def listings(git: Git, questions: Sequence[Sequence[str]]) -> Iterator[Callable[[], list[bytes]]]:
    """Start `git for-each-ref` with each of the `questions`; the function waits, and gives what they say.

    Each is read by a thread: what git has to say is more than a pipe holds.
    """
    answers = [b""] * len(questions)
    children = [git.start("for-each-ref", *question) for question in questions]

    def read(number: int, child: subprocess.Popen[bytes]) -> None:
        answers[number] = child.communicate()[0]

    readers = [Thread(target=read, args=item) for item in enumerate(children)]
    for reader in readers:
        reader.start()

    def collect() -> list[bytes]:
        for reader in readers:
            reader.join()
        return answers

    try:
        yield collect
    finally:
        for child in children:
            child.kill()
        collect()
