"""What workers do with tasks: ``python task_worker.py REPOSITORY lives|takes|works|enqueue ARGUMENT``.

`lives` begins, takes and finishes a task, `takes` only takes one of those that are ready, both in rounds (see
`floors.in_rounds`). `works` waits for a line, then takes and finishes whatever is ready until nothing is, and
prints start, end, and the ids of the tasks that it had. `enqueue` queues ARGUMENT tasks and prints how many
seconds that took.
"""

from __future__ import annotations

import itertools
import os
import sys
import time

from floors import in_rounds

from idse_orchestrator.tasks.enqueue import NewTask
from idse_orchestrator.wiring.application import Application
from idse_orchestrator.wiring.tasks import queue_of

BASE, CODE = "a" * 40, "b" * 40
KEY = ("portal", "__blueprint__")


def new(count: int, name: str = "T") -> list[NewTask]:
    """Tasks as a list has them: each third waits for nothing, the others for the one before."""
    return [
        NewTask(
            f"{name}{number:05}",
            f"Write part {number} of it",
            (f"{name}{number - 1:05}",) if number % 3 else (),
            (f"src/part_{number}.py",),
            position=number,
        )
        for number in range(count)
    ]


def main(folder: str, what: str, argument: str) -> None:
    """Do it."""
    queue = queue_of(Application(folder, os.environ))
    numbers = itertools.count()

    def live() -> None:
        (state,) = queue.enqueue(*KEY, [NewTask(f"L{os.getpid()}-{next(numbers)}", "Write a part of it")])
        held = queue.take(state, worker="bench", agent="shell", base=BASE)
        queue.finish(held, code=CODE, into=CODE, evidence={"final": "ok", "changed": "ok"})

    if what == "lives":
        in_rounds(live)
    elif what == "takes":
        waiting = iter([state for state in queue.board(*KEY).states if state.state == "ready"])
        in_rounds(lambda: queue.take(next(waiting), worker="bench", agent="shell", base=BASE))
    elif what == "works":
        states = queue.board(*KEY).states
        print("ready", flush=True)
        sys.stdin.readline()
        started, had = time.time(), []
        for state in states:
            held = queue.take(state, worker=argument, agent="shell", base=BASE)
            if held is not None:
                queue.finish(held, code=CODE, into=CODE, evidence={"final": "ok"})
                had.append(state.task)
        print(started, time.time(), *had, flush=True)
    else:
        tasks = new(int(argument))
        started = time.perf_counter()
        queue.enqueue(*KEY, tasks)
        print(time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
