"""Whole processes, timed from start to end, taking turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bed import Bed  # noqa: TC002 - our own, beside this file

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Subject:
    """A process to measure; `before` runs untimed in front of each run."""

    argv: Sequence[str]
    cwd: str
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True)
class Measured:
    """Median time in milliseconds, and peak memory in megabytes of the largest process."""

    ms: float
    mb: float


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    shown: str
    target: str
    met: bool = True

    @property
    def verdict(self) -> str:
        """In words."""
        return "met" if self.met else "NOT MET"


def at_most(what: str, value: float, limit: float, unit: str, detail: str = "") -> Figure:
    """A figure that has to be small; `detail` stands beside it."""
    shown = f"{value:.2f} {unit}" + (f" ({detail})" if detail else "")
    return Figure(what, shown, f"at most {limit:g} {unit}", value <= limit)


def beside(what: str, ours: Measured, floor: Measured, limit: float, unit: str) -> Figure:
    """A figure that has to be small beside a floor of the same run, whatever the machine."""
    return at_most(what, ours.ms / floor.ms, limit, unit, f"{ours.ms / 1000:.2f} of {floor.ms / 1000:.2f} s")


def take_turns(bed: Bed, runs: int, subjects: Mapping[str, Subject]) -> dict[str, Measured]:
    """Run every subject `runs` times, one after the other, after one run each that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    peaks: dict[str, float] = dict.fromkeys(subjects, 0.0)
    for turn in range(runs + 1):
        for name, subject in subjects.items():
            subject.before()
            ms, mb = _once(bed, subject)
            if turn:
                times[name].append(ms)
                peaks[name] = max(peaks[name], mb)
    return {name: Measured(statistics.median(times[name]), peaks[name]) for name in subjects}


def take_long_turns(bed: Bed, rounds: int, subjects: Mapping[str, Subject]) -> dict[str, Measured]:
    """The same for what takes seconds: no run for nothing, and the memory of all processes together."""
    found: dict[str, list[Measured]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            found[name].append(once(bed, subject))
    return {
        name: Measured(statistics.median(one.ms for one in runs), max(one.mb for one in runs))
        for name, runs in found.items()
    }


def once(bed: Bed, subject: Subject) -> Measured:
    """A single run, with the peak memory of all its processes together where the system tells it."""
    subject.before()
    started = time.perf_counter()
    process = _start(bed, subject)
    peak: list[float] = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    ms = (time.perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    _refuse_failure(subject, process)
    return Measured(ms, max(peak[0], _megabytes(usage.ru_maxrss)))


def _once(bed: Bed, subject: Subject) -> tuple[float, float]:
    started = time.perf_counter()
    process = _start(bed, subject)
    _, status, usage = os.wait4(process.pid, 0)
    ms = (time.perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    _refuse_failure(subject, process)
    return ms, _megabytes(usage.ru_maxrss)


def _start(bed: Bed, subject: Subject) -> subprocess.Popen[bytes]:
    null = subprocess.DEVNULL
    return subprocess.Popen(
        subject.argv, cwd=subject.cwd, env=bed.environment, stdin=null, stdout=null, stderr=null
    )


def _refuse_failure(subject: Subject, process: subprocess.Popen[bytes]) -> None:
    if process.returncode != 0:
        words = " ".join([os.path.basename(subject.argv[0]), *subject.argv[1:]])
        raise RuntimeError(f"`{words}` ended with {process.returncode}")


def _megabytes(maxrss: int) -> float:
    return maxrss / MEGABYTE if sys.platform == "darwin" else maxrss / 1024


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    """Add up what all processes of the tree hold, shared memory counted once (Linux only)."""
    while process.returncode is None and os.path.isdir("/proc/self"):
        peak[0] = max(peak[0], sum(_held(pid) for pid in _tree(process.pid)))
        time.sleep(0.05)


def _tree(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return [pid, *(found for child in children for found in _tree(child))]


def _held(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0
