"""The rows of what leads to code: the trace of a large session, and the answer of an agent's server."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from typing import TYPE_CHECKING

from bed import IDSE, Bed
from measure import Figure, Subject, at_most, beside, take_turns

if TYPE_CHECKING:
    from rows import Sizes

_FOLDER = ".idse/projects/portal/sessions/__blueprint__"
_TASKS = 200
_FILES = 500


def tracing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse trace` of many tasks and commits, against git listing what the same commits changed."""
    folder = bed.project("tracing")
    commits = sizes.traced
    bed.write(f"{folder}/{_FOLDER}/tasks.md", "".join(_task(number) for number in range(_TASKS)))
    bed.write(f"{folder}/{_FOLDER}/spec.md", "".join(_spec()))
    branch = bed.run("git", "symbolic-ref", "HEAD", cwd=folder)
    bed.run("git", "fast-import", "--quiet", cwd=folder, stdin="".join(_history(branch, commits)))
    listing = ("git", "log", "--format=%H", "--name-only")
    found = take_turns(
        bed,
        sizes.runs,
        {"floor": Subject(listing, folder), "trace": Subject((IDSE, "trace"), folder)},
    )
    shown = bed.run(IDSE, "trace", cwd=folder)
    if shown.count("no commit shows") >= _TASKS:
        raise RuntimeError("the trace does not find the commits")
    name = f"idse trace, {_TASKS} tasks, {commits:,} commits"
    return [beside(name, found["trace"], found["floor"], 2, "x git log --name-only")]


def _task(number: int) -> str:
    return f"- [x] Task 1.{number}: Do it (Files: src/file-{number}.py) (Acceptance: FR-{number // 4})\n"


def _spec() -> list[str]:
    rows = [f"- FR-{number}: it must do {number}\n" for number in range(_TASKS // 4)]
    return ["# Spec\n\n## Functional Requirements\n\n", *rows]


def _history(branch: str, commits: int) -> list[str]:
    """A stream of `commits` of three files each; half of them name a task."""
    stream = []
    for number in range(commits):
        trailer = f"\n\nIdse-Task: __blueprint__/1.{number % _TASKS}" if number % 2 else ""
        message = f"change {number}{trailer}\n"
        stream.append(f"commit {branch}\ncommitter A <a@b.c> {1_800_000_000 + number} +0000\n")
        stream.append(f"data {len(message.encode())}\n{message}")
        stream.append(f"from {branch}^0\n" if number == 0 else "")
        for file in range(3):
            content = f"{number}\n"
            path = f"src/file-{(number * 3 + file) % _FILES}.py"
            stream.append(f"M 100644 inline {path}\ndata {len(content)}\n{content}")
        stream.append("\n")
    return stream


def serving(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A server that runs says where the session stands, against the command that starts for it."""
    folder = bed.project("serving")
    cli = take_turns(bed, sizes.runs, {"status": Subject((IDSE, "status", "--json"), folder)})["status"].ms
    with subprocess.Popen(
        (IDSE, "mcp"),
        cwd=folder,
        env=bed.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        client = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "b", "version": "1"},
        }
        _ask(server, "initialize", client)
        _say(server, {"method": "notifications/initialized"})
        times = []
        for _ in range(sizes.runs + 1):
            began = time.perf_counter()
            answer = _ask(server, "tools/call", {"name": "status", "arguments": {}})
            times.append((time.perf_counter() - began) * 1000)
            if "portal" not in answer:
                raise RuntimeError("the server does not say where the session stands")
        server.terminate()
    ms = statistics.median(times[1:])
    return [at_most("mcp status", ms / cli, 0.25, "x idse status", f"{ms:.1f} of {cli:.0f} ms")]


def _ask(server: subprocess.Popen[str], method: str, params: object) -> str:
    _say(server, {"id": 1, "method": method, "params": params})
    assert server.stdout is not None
    return server.stdout.readline()


def _say(server: subprocess.Popen[str], message: dict[str, object]) -> None:
    assert server.stdin is not None
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    server.stdin.flush()
