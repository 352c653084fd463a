"""The rows of runs: tasks to the end, what a workspace costs, and who takes over from the dead."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from statistics import median, quantiles

from bed import IDSE, Bed
from measure import Figure, at_most
from rows import Sizes  # noqa: TC002 - our own, beside this file

_SESSION = "work"
_FOLDER = f".idse/projects/portal/sessions/{_SESSION}"
_INTENT = """\
# Intent
## Goal
Have it.
## Problem / Opportunity
It is not there, and three of five people ask for it.
## Stakeholders / Users
All.
## Success Criteria
- SC-1: nobody asks for it any more
## Constraints / Assumptions / Risks
None known.
## Scope
In: it. Out: the rest.
## Time / Priority
This week.
"""


def listed(bed: Bed, name: str, count: int) -> str:
    """A project whose list of `count` tasks is complete; none of them waits for another."""
    folder = bed.project(name)
    bed.run(IDSE, "spawn", _SESSION, "--type", "fix", cwd=folder)
    lines = "".join(f"- [ ] T{number:04} [P] Write number {number}\n" for number in range(1, count + 1))
    rest = "## Phase 1 - Core Behavior\n\nNone.\n\n## Phase 2 - NFRs / Hardening\n\nNone.\n"
    texts = {"intent.md": _INTENT, "tasks.md": f"# Tasks\n\n## Phase 0 - Foundations\n\n{lines}\n{rest}"}
    for path, text in texts.items():
        with open(os.path.join(folder, _FOLDER, path), "w", encoding="utf-8") as file:
            file.write(text)
    bed.run(IDSE, "stage", "complete", "intent", "tasks", cwd=folder)
    return folder


def running(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Tasks that are taken, worked on in a workspace, judged, merged and accepted, three at a time."""
    count = max(min(sizes.tasks // 60, 150), 6)
    figures = []
    for sandbox, limit in (("none", 30), ("auto", 25)):
        folder = listed(bed, f"run-{sandbox}", count)
        began = time.perf_counter()
        lines, rss = _run(bed, folder, "-j", "3", "--sandbox", sandbox, "--agent", "echo >$IDSE_TASK")
        seconds = time.perf_counter() - began
        over = json.loads(lines[-1][1])["data"]
        assert over["totals"] == {"done": count}, over
        figures.append(at_least(f"tasks to the end, sandbox {sandbox}", count / seconds, limit, "/s"))
        if sandbox == "none":
            figures.append(at_most("a run of them holds", rss, 60, "MB"))
    return figures


def starting(bed: Bed, sizes: Sizes) -> list[Figure]:
    """From a taken task to the first instruction of its agent, and git processes for each attempt."""
    count = max(min(sizes.tasks // 200, 50), 3)
    folder = listed(bed, "starting", count)
    counted, shim = os.path.join(bed.folder, "gits"), os.path.join(bed.folder, "shim")
    os.makedirs(shim)
    with open(os.path.join(shim, "git"), "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\necho "$*" >>{counted}\nexec {shutil.which("git")} "$@"\n')
    os.chmod(file.name, 0o755)
    stamped = 'date +%s%N >$IDSE_OUT/at; echo >"$IDSE_TASK"'
    lines, _ = _run(bed, folder, "--sandbox", "none", "--agent", stamped)
    waits = []
    for at, line in lines:
        data = json.loads(line)["data"]
        if data["what"] == "took":
            ref = f"refs/idse-local/outputs/portal/{_SESSION}/{data['task']}/1"
            waits.append(int(bed.run("git", "show", f"{ref}:at", cwd=folder)) / 1e6 - at * 1e3)
    late = quantiles(waits, n=20)[-1] if len(waits) > 1 else waits[0]
    figures = [at_most("taken to agent started, p95", late, 100, "ms", f"p50 {median(waits):.0f} ms")]
    other = listed(bed, "counting", count)
    path = f"{shim}{os.pathsep}{os.environ['PATH']}"
    _run(bed, other, "--sandbox", "none", "--agent", "echo >$IDSE_TASK", path=path)
    with open(counted, encoding="utf-8") as log:
        attempts = sum(" read-tree " in line or " add -A" in line for line in log)
    figures.append(at_most("git processes an attempt", attempts / count, 2, ""))
    return figures


def preparing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A workspace beside `git clone --shared`, made in turns by one process; and what bubblewrap adds."""
    folder = bed.project("preparing")
    for number in range(10):  # of many files, writing them is most of both
        with open(os.path.join(folder, f"f{number}.txt"), "w", encoding="utf-8") as file:
            file.write("line\n" * 50)
    bed.run("git", "add", "-A", cwd=folder)
    bed.run("git", "commit", "-q", "-m", "files", cwd=folder)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workspace_turns.py")
    rounds = str(max(min(sizes.runs, 21), 3))
    found = json.loads(bed.run(sys.executable, script, folder, rounds, cwd=folder))
    detail = f"{found['ours']:.1f} of {found['clone']:.1f} ms"
    figures = [at_most("workspace beside git clone --shared", found["ratio"], 0.6, "x", detail)]
    if found["bwrap"] is not None:
        figures.append(at_most("bubblewrap adds", found["bwrap"], 20, "ms"))
    return figures


def taking_over(bed: Bed, sizes: Sizes) -> list[Figure]:
    """From kill -9 of a run to the taking of its task by another."""
    times = []
    for number in range(max(min(sizes.runs // 5, 3), 1)):
        folder = listed(bed, f"over-{number}", 1)
        words = (IDSE, "run", _SESSION, "--sandbox", "none", "--json", "--agent")
        first = _start(bed, folder, *words, "sleep 60")
        assert first.stdout is not None
        first.stdout.readline()
        second = _start(bed, folder, *words, "echo >$IDSE_TASK")
        time.sleep(1.5)
        first.send_signal(signal.SIGKILL)
        began = time.perf_counter()
        assert second.stdout is not None
        for line in second.stdout:
            if json.loads(line)["data"]["what"] == "took":
                times.append(time.perf_counter() - began)
                break
        for process in (first, second):
            process.communicate()
    return [at_most("kill -9 to taken again", median(times), 1.5, "s")]


def at_least(what: str, rate: float, limit: float, unit: str) -> Figure:
    """A figure that has to be large."""
    return Figure(what, f"{rate:,.0f} {unit}", f"at least {limit:g} {unit}", rate >= limit)


def _start(bed: Bed, folder: str, *words: str, path: str = "") -> subprocess.Popen[str]:
    environment = {**bed.environment, **({"PATH": path} if path else {})}
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def _run(bed: Bed, folder: str, *args: str, path: str = "") -> tuple[list[tuple[float, str]], float]:
    """Runs the tasks; returns when each line came (Unix time) with it, and the peak of its memory in MB."""
    process = _start(bed, folder, IDSE, "run", _SESSION, "--json", *args, path=path)
    assert process.stdout is not None
    lines, peak = [], 0.0
    for line in process.stdout:
        lines.append((time.time(), line))
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                peak = max(peak, *(int(row.split()[1]) / 1000 for row in file if row.startswith("VmHWM")))
        except (OSError, TypeError):
            continue
    assert process.wait() == 0
    return lines, peak


ROWS = {
    "run": running,
    "run, starting": starting,
    "run, workspace": preparing,
    "run, killed": taking_over,
}
