"""The rows of tasks: taking, ending and queueing them, listing ten thousand, and who must not notice them."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Sequence
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


def living(bed: Bed, sizes: Sizes) -> list[Figure]:
    """The life of a task beside its objects by libgit2 alone, and a take beside a third of them."""
    folder, like = _begun(bed, "lives", max(sizes.tasks // 5, 20))
    ours = _start(bed, 1, "task_worker.py", folder, "lives", "")
    floor = _start(bed, 1, "floors.py", "lives", folder, like)
    takes = _start(bed, 1, "task_worker.py", folder, "takes", "")
    lives, taken = [], []
    for _ in range(max(1, min(sizes.tasks // 5, 1_000) // _IN_A_ROUND)):
        one, other, third = (_round(each, _IN_A_ROUND) for each in (ours, floor, takes))
        lives.append((median(one.times), median(other.times)))
        taken.append((median(third.times), median(other.times) / 3))
    for worker in (*ours, *floor, *takes):
        worker.communicate()
    return [
        _slower("task, a life of three events", lives, 1.35),
        _slower("task, a take", taken, 1.5, f"; {1000 / median(one for one, _ in taken):,.0f}/s"),
    ]


def _begun(bed: Bed, name: str, count: int) -> tuple[str, str]:
    """A project with `count` tasks, and the ref of one that lived."""
    folder, script = bed.project(name), os.path.join(HERE, "task_worker.py")
    bed.run(sys.executable, script, folder, "enqueue", str(count), cwd=folder)
    bed.run(sys.executable, script, folder, "lives", "", cwd=folder, stdin="1\n")
    listed = bed.run("git", "for-each-ref", "--format=%(refname)", PLACE, cwd=folder).split("\n")
    return folder, next(ref for ref in listed if ref.startswith(f"{PLACE}L"))


def _slower(what: str, pairs: Sequence[tuple[float, float]], limit: float, more: str = "") -> Figure:
    ratio = median(one / other for one, other in pairs)
    ours, floor = (median(each) for each in zip(*pairs, strict=True))
    return at_most(what, ratio, limit, "x libgit2", f"{ours:.2f} of {floor:.2f} ms{more}")


def working(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Take and finish, by one, two and four processes that race for every task."""
    figures = []
    count = max(sizes.tasks // 25, 20)
    for processes, limit in ((1, 1.6), (2, 3), (4, 3)):  # who loses a race reads what the other one wrote
        folder, like = _begun(bed, f"work-{processes}", count)
        ours = _raced(bed, processes, ("task_worker.py", folder, "works", "w"))
        floor = _raced(bed, processes, ("floors.py", "lives", folder, like, str(count)))
        had = [task for _, _, *tasks in ours for task in tasks]
        made = sum(int(each[2]) for each in floor)
        rates = [len(had) / _seconds(ours), made / _seconds(floor)]
        name = f"take and finish, {processes} process{'es' if processes > 1 else ''}"
        detail = f"{rates[0]:,.0f} of {rates[1]:,.0f}/s"
        double = len(had) - len(set(had))
        whole = double == 0 and len(had) == made == count
        figures += [
            at_most(name, rates[1] / rates[0], limit, "x libgit2", detail),
            Figure(f"{name}, taken twice", f"{double} of {len(had)}", f"0 of {count}", whole),
        ]
    return figures


def _raced(bed: Bed, processes: int, words: Sequence[str]) -> list[list[str]]:
    """Lets processes go together; what each of them prints."""
    workers = _start(bed, processes, *words)
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lines = [_line(worker).split() for worker in workers]
    for worker in workers:
        worker.communicate()
    return lines


def _seconds(lines: Sequence[Sequence[str]]) -> float:
    return max(float(line[1]) for line in lines) - min(float(line[0]) for line in lines)


def queueing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Ten thousand tasks at once, beside `git fast-import` of the very same commits and refs."""
    folder, other = bed.project("queue"), os.path.join(bed.folder, "floor")
    script = os.path.join(HERE, "task_worker.py")
    said = float(bed.run(sys.executable, script, folder, "enqueue", str(sizes.tasks), cwd=folder))
    refs = bed.run("git", "for-each-ref", "--format=%(refname)", PLACE, cwd=folder)
    stream = bed.run("git", "fast-export", "--stdin", cwd=folder, stdin=refs + "\n")
    bed.run("git", "init", "-q", other, cwd=bed.folder)
    started = time.perf_counter()
    bed.run("git", "fast-import", "--quiet", cwd=other, stdin=stream + "\n")
    floor = time.perf_counter() - started
    detail = f"{said:.1f} of {floor:.1f} s; {sizes.tasks / said:,.0f}/s"
    return [at_most(f"tasks queued, {sizes.tasks:,} at once", said / floor, 3, "x fast-import", detail)]


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
