"""A worker for tests: does what its question says, and says which process it was."""

from __future__ import annotations

import os
import time

from idse_orchestrator.base.workers import answer


def done(question):
    """`[number, process]`, after what `question` asks for: to be killed, to fail, to be slow."""
    number, wish = question
    if wish == "die":
        os.kill(os.getpid(), 9)
    if wish == "fail":
        raise OSError("no disk")
    if wish == "sleep":
        time.sleep(0.5)
    return [number, os.getpid()]


if __name__ == "__main__":
    answer(done)
