"""No code of ours forks: a fork of a process with threads may wait for ever for a lock that nobody holds."""

from __future__ import annotations

import ast
import pathlib

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
    assert found == {}
