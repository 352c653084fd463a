"""Rows of what must not cost more the longer the past is: exponents of time over size."""

from __future__ import annotations

import math
import os
import sys

from bed import HERE, IDSE, Bed
from measure import Figure, Subject, at_most, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

_REF = "refs/idse/sessions/portal/many"


def after_one_event(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Push, pull and show of one event, in ledgers of more and more events."""
    subjects = {}
    for events in (max(5, sizes.many_events // 100), max(10, sizes.many_events // 10), sizes.many_events):
        subjects |= _one_event(Bed(os.path.join(bed.folder, str(events))), events)
    found = take_turns(bed, min(sizes.runs, 7), subjects)
    return [
        _growth(
            f"{what}, one event more",
            {events: found[way, events].ms for way, events in subjects if way == what},
            0.1,
        )
        for what in ("sync push", "sync pull", "show")
    ]


def _one_event(bed: Bed, events: int) -> dict[tuple[str, int], Subject]:
    ours, theirs = bed.project("ours"), os.path.join(bed.folder, "theirs")
    url = os.path.join(bed.folder, "agency.git")
    bed.build(ours, "events", events)
    bed.run("git", "init", "-q", "--bare", url, cwd=bed.folder)
    bed.run(IDSE, "sync", "setup", url, cwd=ours)
    bed.run(IDSE, "sync", "push", cwd=ours)
    bed.run("git", "init", "-q", theirs, cwd=bed.folder)
    bed.run(IDSE, "sync", "setup", url, cwd=theirs)
    bed.run(IDSE, "sync", "pull", cwd=theirs)
    first = bed.run("git", "log", "-1", "--format=%(trailers:key=Idse-Event,valueonly)", _REF, cwd=ours)

    def append() -> None:
        bed.run(sys.executable, os.path.join(HERE, "appending.py"), ours, "many", cwd=ours, stdin="1\n")

    return {
        ("sync push", events): Subject((IDSE, "sync", "push"), ours, append),
        ("sync pull", events): Subject((IDSE, "sync", "pull"), theirs),
        ("show", events): Subject((IDSE, "show", first), ours),
    }


def criss_cross(bed: Bed, sizes: Sizes) -> list[Figure]:
    """The judgement of histories in which two sides merge each other's past again and again."""
    deepest = 400 if sizes.many_events > 1000 else 8
    subjects = {}
    for depth in (deepest // 8, deepest // 4, deepest // 2, deepest):
        folder = bed.project(str(depth))
        bed.run(sys.executable, os.path.join(HERE, "crossing.py"), folder, str(depth), cwd=folder)
        subjects[depth] = Subject((IDSE, "fsck", "--quiet"), folder)
    found = take_turns(bed, min(sizes.runs, 3), {str(depth): subject for depth, subject in subjects.items()})
    return [_growth("fsck of a criss-cross", {depth: found[str(depth)].ms for depth in subjects}, 1.2)]


def _growth(what: str, times: dict[int, float], limit: float) -> Figure:
    """The exponent between the smallest size and the largest."""
    least, most = min(times), max(times)
    exponent = math.log(times[most] / times[least]) / math.log(most / least)
    detail = ", ".join(f"{times[size]:.0f}" for size in sorted(times))
    return at_most(f"{what}, {least:,} to {most:,}", exponent, limit, "exponent", f"{detail} ms")
