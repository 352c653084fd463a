"""No code of ours forks: a fork of a process with threads may wait for ever for a lock that nobody holds."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys

import pytest

SOURCE = pathlib.Path(__file__).parents[2] / "src"
FORKS = {"fork", "forkpty"}
POOLS = {"Pool", "Process", "ProcessPoolExecutor"}


def forks_in(code):
    """What in `code` forks, or starts processes without saying that they start afresh."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and node.attr in FORKS:
            yield node.lineno, f"os.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from ((node.lineno, f"os.{name.name}") for name in node.names if name.name in FORKS)
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {each.value for each in node.args if isinstance(each, ast.Constant)}
        if called in ("get_context", "set_start_method") and words != {"spawn"}:
            yield node.lineno, f"{called}({words or ''})"
        if called in POOLS and "mp_context" not in {each.arg for each in node.keywords}:
            yield node.lineno, f"{called} without a context"
        if any(each.arg == "preexec_fn" for each in node.keywords):
            yield node.lineno, "preexec_fn"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos.fork()",
        "from os import fork",
        "import multiprocessing\nmultiprocessing.get_context('fork')",
        "import multiprocessing\nmultiprocessing.get_context()",
        "multiprocessing.set_start_method('forkserver')",
        "ProcessPoolExecutor(4)",
        "multiprocessing.Pool(4)",
        "subprocess.Popen(['x'], preexec_fn=print)",
    ],
)
def test_a_fork_would_be_seen(code):
    assert list(forks_in(code))


def test_nothing_forks():
    found = {
        f"{path.relative_to(SOURCE)}:{line}": what
        for path in sorted(SOURCE.rglob("*.py"))
        for line, what in forks_in(path.read_text())
    }
    # The judge is a process of its own without threads, and forks for each push: docs/adr/0042.
    judge = "idse_orchestrator/server/gateway/judge.py"
    assert {place.rpartition(":")[0] for place in found} == {judge}
    assert len(found) == 1


def test_the_judge_that_forks_imports_nothing_that_starts_threads():
    script = (
        "import sys, idse_orchestrator.server.gateway.judge, idse_orchestrator.wiring.ledgers as ledgers\n"
        "from idse_orchestrator.server.judgement.judge import prepare\n"
        "prepare(ledgers.KINDS)\n"
        "import threading\n"
        "heavy = {'asyncio', 'uvicorn', 'concurrent.futures'}\n"
        "print(threading.active_count(), sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"
