"""The rows of tasks: taking, ending and queueing them, listing ten thousand, and who must not notice them."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from statistics import median

from bed import HERE, IDSE, Bed
from measure import Figure, Subject, at_most, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file
from task_worker import KEY, NewTask
from writing import _line, _round, _start

PLACE = f"refs/idse-local/tasks/{KEY[0]}/{KEY[1]}/"
_IN_A_ROUND = 20
_DENSE = 5_000
_NEEDS = 3


def at_least(what: str, rate: float, limit: float, unit: str, detail: str = "") -> Figure:
    """A figure that has to be large."""
    shown = f"{rate:,.0f} {unit}" + (f" ({detail})" if detail else "")
    return Figure(what, shown, f"at least {limit:g} {unit}", rate >= limit)


def living(bed: Bed, sizes: Sizes) -> list[Figure]:
    """The life of a task beside its objects by libgit2 alone, and takes by one process."""
    folder = bed.project("lives")
    script = os.path.join(HERE, "task_worker.py")
    bed.run(sys.executable, script, folder, "enqueue", str(max(sizes.tasks // 5, 20)), cwd=folder)
    bed.run(sys.executable, script, folder, "lives", "", cwd=folder, stdin="1\n")
    like = bed.run("git", "for-each-ref", "--format=%(refname)", f"{PLACE}L*", cwd=folder).split("\n")[0]
    ours = _start(bed, 1, "task_worker.py", folder, "lives", "")
    floor = _start(bed, 1, "floors.py", "lives", folder, like)
    takes = _start(bed, 1, "task_worker.py", folder, "takes", "")
    pairs, rates = [], []
    for _ in range(max(1, min(sizes.tasks // 5, 1_000) // _IN_A_ROUND)):
        one, other = _round(ours, _IN_A_ROUND), _round(floor, _IN_A_ROUND)
        pairs.append((median(one.times), median(other.times)))
        rates.append(_round(takes, min(_IN_A_ROUND, sizes.tasks)).rate)
    for worker in (*ours, *floor, *takes):
        worker.communicate()
    ratio = median(one / other for one, other in pairs)
    detail = f"{median(one for one, _ in pairs):.2f} of {median(other for _, other in pairs):.2f} ms"
    return [
        at_most("task, a life of three events", ratio, 1.35, "x libgit2", detail),
        at_least("tasks taken, one process", median(rates), 800, "/s", f"up to {max(rates):,.0f}"),
    ]


def working(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Take and finish, by one, two and four processes that race for every task."""
    figures = []
    script = os.path.join(HERE, "task_worker.py")
    count = max(sizes.tasks // 25, 20)
    for processes, limit in ((1, 500), (2, 300), (4, 300)):
        folder = bed.project(f"work-{processes}")
        bed.run(sys.executable, script, folder, "enqueue", str(count), cwd=folder)
        workers = _start(bed, processes, "task_worker.py", folder, "works", "w")
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        lines = [_line(worker).split() for worker in workers]
        for worker in workers:
            worker.communicate()
        seconds = max(float(line[1]) for line in lines) - min(float(line[0]) for line in lines)
        had = [task for line in lines for task in line[2:]]
        name = f"take and finish, {processes} process{'es' if processes > 1 else ''}"
        double = len(had) - len(set(had))
        is_whole = double == 0 and len(had) == count
        figures += [
            at_least(name, count / seconds, limit, "/s"),
            Figure(f"{name}, taken twice", f"{double} of {len(had)}", f"0 of {count}", is_whole),
        ]
    return figures


def queueing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Ten thousand tasks at once, beside `git update-ref` of as many refs."""
    folder = bed.project("queue")
    script = os.path.join(HERE, "task_worker.py")
    said = bed.run(sys.executable, script, folder, "enqueue", str(sizes.tasks), cwd=folder)
    refs = bed.run("git", "for-each-ref", "--format=%(objectname) %(refname)", PLACE, cwd=folder).split("\n")
    rows = [row.split(" ") for row in refs]
    lines = "".join(f"create {ref.replace('/tasks/', '/floor/')} {at}\n" for at, ref in rows)
    started = time.perf_counter()
    bed.run("git", "update-ref", "--stdin", cwd=folder, stdin=lines)
    floor = time.perf_counter() - started
    detail = f"{float(said):.1f} s, its refs alone {floor:.1f} s"
    return [at_least(f"tasks queued, {sizes.tasks:,} at once", sizes.tasks / float(said), 1500, "/s", detail)]


def listing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse task list`, and commands that must not notice that there are tasks."""
    with_tasks, without = bed.project("with"), bed.project("without")
    script = os.path.join(HERE, "task_worker.py")
    bed.run(sys.executable, script, with_tasks, "enqueue", str(sizes.tasks), cwd=with_tasks)
    bed.run(IDSE, "task", "list", cwd=with_tasks)
    commit = ("git", "commit", "-q", "--allow-empty", "-m", "work")
    runs = max(1, sizes.runs // 2)
    found = take_turns(
        bed,
        runs,
        {
            "list": Subject((IDSE, "task", "list"), with_tasks),
            "refs": Subject(("git", "for-each-ref", PLACE), with_tasks),
            "status with": Subject((IDSE, "status"), with_tasks),
            "status without": Subject((IDSE, "status"), without),
            "commit with": Subject(commit, with_tasks),
            "commit without": Subject(commit, without),
        },
    )
    return [
        _beside(found, f"idse task list, {sizes.tasks:,} tasks", "list", "refs", 2, "x for-each-ref"),
        _beside(
            found, f"idse status, {sizes.tasks:,} tasks", "status with", "status without", 1.1, "x without"
        ),
        _beside(
            found, f"git commit, {sizes.tasks:,} tasks", "commit with", "commit without", 1.1, "x without"
        ),
    ]


def _beside(found, what, ours, floor, limit, unit):  # noqa: ANN001, ANN202 - a script's own helper
    detail = f"{found[ours].ms:.0f} of {found[floor].ms:.0f} ms"
    return at_most(what, found[ours].ms / found[floor].ms, limit, unit, detail)


def ordering(bed: Bed, sizes: Sizes) -> list[Figure]:
    """What is ready among 5,000 tasks with 15,000 needs, in process."""
    del bed
    from idse_orchestrator.tasks.graph import Graph

    count = min(_DENSE, sizes.tasks)
    chance = random.Random(1)
    tasks = [
        NewTask(
            f"T{number:05}",
            "",
            tuple(f"T{chance.randrange(max(0, number - 200), number):05}" for _ in range(_NEEDS))
            if number
            else (),
            position=number,
        )
        for number in range(count)
    ]
    met = {task.task: False for task in tasks}
    times = []
    for _ in range(max(3, sizes.runs)):
        started = time.process_time()
        Graph(tasks).unmet(met)
        times.append((time.process_time() - started) * 1000)
    return [at_most(f"graph of {count:,} tasks", min(times), 15, "ms", f"median {median(times):.1f}")]


ROWS: dict[str, Callable[[Bed, Sizes], list[Figure]]] = {
    "task lives": living,
    "task races": working,
    "task queue": queueing,
    "task list": listing,
    "task graph": ordering,
}
