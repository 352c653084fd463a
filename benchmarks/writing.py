"""The rows of appends: beside the same objects, made by libgit2 alone in the same repository."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bed import HERE, Bed
from measure import Figure, at_most
from rows import LEDGER, Sizes

_IN_A_ROUND = 20
_PROCESSES = 8


@dataclass(frozen=True)
class _Round:
    """What a group did: milliseconds of each append, and how many a second all its processes made."""

    times: Sequence[float]
    rate: float


@dataclass(frozen=True)
class _Pair:
    """Rounds of appends, each followed by one of the floor; a ratio is the median of theirs."""

    ours: Sequence[_Round]
    floor: Sequence[_Round]

    def slower(self, what: str, limit: float) -> Figure:
        """The figure of the median append."""
        ours, floor = ([_percentile(one.times, 50) for one in rounds] for rounds in (self.ours, self.floor))
        return _figure(what, ours, floor, limit, "ms")

    def rate(self, what: str, limit: float) -> Figure:
        """The figure of how many a second."""
        ours, floor = ([1000 / one.rate for one in rounds] for rounds in (self.ours, self.floor))
        return _figure(what, ours, floor, limit, "ms each")

    def slowest(self, what: str, limit: float) -> Figure:
        """The figure of the slowest hundredth of all appends."""
        ours, floor = ([time for one in rounds for time in one.times] for rounds in (self.ours, self.floor))
        return _figure(what, [_percentile(ours, 99)], [_percentile(floor, 99)], limit, "ms")


def appending(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Appending alone, beside many packed refs, and with eight processes on one ledger."""
    folder = bed.project("append")
    alone = _measured(bed, folder, "alone", 1, sizes)
    together = _measured(bed, folder, "together", _PROCESSES, sizes)
    bed.build(folder, "sessions", sizes.many_sessions)
    beside = _measured(bed, folder, "beside", 1, sizes)
    there = int(bed.run("git", "rev-list", "--count", f"{LEDGER}together", cwd=folder))
    wanted = sum(len(one.times) for one in together.ours) + 1
    return [
        alone.slower("append, in process", 3),
        beside.slower(f"append, beside {sizes.many_sessions:,} refs", 3),
        together.rate("append, 8 processes on one ledger", 3.2),
        together.slowest("append, 8 processes, p99", 2.8),
        Figure("append, 8 processes, events there", f"{there:,}", f"{wanted:,}", there == wanted),
    ]


def _figure(what: str, ours: Sequence[float], floor: Sequence[float], limit: float, unit: str) -> Figure:
    ratio = median(one / other for one, other in zip(ours, floor, strict=True))
    return at_most(what, ratio, limit, "x libgit2", f"{median(ours):.2f} of {median(floor):.2f} {unit}")


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[(len(values) - 1) * percent // 100]


def _measured(bed: Bed, folder: str, session: str, processes: int, sizes: Sizes) -> _Pair:
    """Rounds of `processes` of each side, which wait for each other's rounds to end."""
    ours = _start(bed, processes, "appending.py", folder, session)
    floor = _start(bed, processes, "floors.py", "append", folder, f"refs/floor/{session}", LEDGER + session)
    how_many = min(_IN_A_ROUND, sizes.appends)
    rounds = [(_round(ours, how_many), _round(floor, how_many)) for _ in range(sizes.appends // how_many)]
    for worker in (*ours, *floor):
        worker.communicate()
        if worker.returncode:
            raise RuntimeError("a process that appends failed")
    return _Pair([one for one, _ in rounds], [one for _, one in rounds])


def _start(bed: Bed, processes: int, script: str, *arguments: str) -> list[subprocess.Popen[str]]:
    command, pipe = (sys.executable, os.path.join(HERE, script), *arguments), subprocess.PIPE
    workers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, env=bed.environment, text=True)
        for _ in range(processes)
    ]
    for worker in workers:
        _line(worker)
    return workers


def _round(workers: Sequence[subprocess.Popen[str]], how_many: int) -> _Round:
    """Let them all go together and take what they print."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(f"{how_many}\n")
        worker.stdin.flush()
    lines = [[float(word) for word in _line(worker).split()] for worker in workers]
    seconds = max(line[1] for line in lines) - min(line[0] for line in lines)
    times = [time for line in lines for time in line[2:]]
    return _Round(times, len(times) / seconds)


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError("a process that appends failed")
    return line


ROWS: dict[str, Callable[[Bed, Sizes], list[Figure]]] = {"append": appending}
