"""Makes workspaces and clones in turns: ``workspace_turns.py REPOSITORY ROUNDS``; prints medians as JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

from idse_orchestrator.runner.work.child import Start, run_to_end
from idse_orchestrator.runner.work.sandbox import BWRAP, Reach, Sandbox
from idse_orchestrator.runner.work.workspace import Workspaces, make_place, release_place
from idse_orchestrator.worktree.work_tree import discover


def main(folder: str, rounds: int) -> None:
    """Measures both in each round."""
    vault = discover(folder, os.environ)
    base = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as root:
        spaces = Workspaces(vault, root)
        ours, clones, wrapped, bare = [], [], [], []
        for number in range(rounds):
            began = time.perf_counter()
            place = make_place(root, ("portal", "work", f"T{number}"))
            run_to_end(spaces.checkout(place, base))
            spaces.private(place, base)
            ours.append(time.perf_counter() - began)
            release_place(place, keep=False)
            target = os.path.join(root, f"clone-{number}")
            began = time.perf_counter()
            subprocess.run(["git", "clone", "-q", "--shared", folder, target], check=True)
            clones.append(time.perf_counter() - began)
            shutil.rmtree(target)
            wrapped += _seconds(Sandbox(BWRAP, shutil.which("bwrap") or ""), root)
            bare += _seconds(Sandbox("none"), root)
    found = {
        "ours": median(ours) * 1e3,
        "clone": median(clones) * 1e3,
        "ratio": median(one / other for one, other in zip(ours, clones, strict=True)),
        "bwrap": (median(wrapped) - median(bare)) * 1e3 if wrapped else None,
    }
    print(json.dumps(found))


def _seconds(sandbox: Sandbox, root: str) -> list[float]:
    """How long ``true`` takes in a sandbox; nothing where it does not run."""
    if sandbox.name == BWRAP and not sandbox.program:
        return []
    start = Start(("true",), {"PATH": "/usr/bin:/bin"}, root, mark="bench")
    began = time.perf_counter()
    child = run_to_end(sandbox.start(start, Reach((root,), (), ())))
    return [time.perf_counter() - began] if child.ended and child.ended.code == 0 else []


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
