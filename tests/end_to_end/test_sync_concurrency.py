"""Several work trees and processes of one repository save, move stages and sync while git repacks it."""

from __future__ import annotations

import pathlib
import subprocess
import sys

IDSE = str(pathlib.Path(sys.executable).parent / "idse")
LOGIN = "refs/idse/sessions/portal/login"
PAY = "refs/idse/sessions/portal/pay"
OWN = pathlib.Path(__file__).parents[2] / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
ROUNDS = 5
HOUSEWORK = (
    ("gc", "--quiet"),
    ("pack-refs", "--all"),
    ("maintenance", "run", "--quiet", "--task=loose-objects", "--task=incremental-repack"),
    ("pack-refs", "--all", "--prune"),
)

WORKER = """
import os, subprocess, sys
idse, out, name, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
promised = os.open(out, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
folder = ".idse/projects/portal/sessions/login"

def run(*args):
    done = subprocess.run([idse, *args], capture_output=True, text=True)
    if done.returncode not in (0, 75):
        sys.exit(f"{args} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.returncode == 0

for number in range(rounds):
    text = f"# {name}\\n\\n{name} was here {number} times.\\n"
    with open(f"{folder}/{name}.md", "w", encoding="utf-8") as file:
        file.write(text)
    if run("save", "login", "-m", f"promise {name} {number}"):
        os.write(promised, f"promise {name} {number}\\n".encode())
    action = ("complete", "reopen")[number % 2]
    if name == "one" and run("stage", action, "intent", "--session", "pay", "-m", f"move {number}"):
        os.write(promised, f"move {number}\\n".encode())
    run("sync", ("push", "pull")[number % 2])
"""


def published(repo):
    rows = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse").splitlines()
    return dict(row.split(" ") for row in rows)


def work_trees(repo):
    """The main work tree, and linked ones on branches of their own."""
    paths = {"one": repo.path}
    for name in ("two", "three", "four"):
        paths[name] = repo.path.with_name(name)
        repo.git("worktree", "add", "-q", "-b", name, str(paths[name]))
    return paths


def work(places, tmp_path, rounds):
    """A process for each (name, folder), and what each of them promised so far."""
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    return [
        subprocess.Popen(
            [sys.executable, str(script), IDSE, str(tmp_path / "promised"), name, str(rounds)],
            cwd=folder,
            stderr=subprocess.PIPE,
        )
        for name, folder in places
    ]


def test_git_may_do_its_housework_while_work_trees_save_move_stages_and_sync(begun, bare_remote, tmp_path):
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert begun.idse("session", "new", "pay").returncode == 0
    begun.write(".idse/projects/portal/sessions/pay/intent.md", (OWN / "intent.md").read_bytes())
    places = work_trees(begun).items()
    workers = work(places, tmp_path, ROUNDS)
    rounds = 0
    while any(worker.poll() is None for worker in workers):
        command = HOUSEWORK[rounds % len(HOUSEWORK)]
        for repo in (begun, bare_remote):
            repo.run("git", *command)
        rounds += 1
    said = [worker.communicate(timeout=300)[1].decode() for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers), said
    assert rounds > 1
    assert begun.idse("sync", "push").returncode == 0
    promised = (tmp_path / "promised").read_text().splitlines()
    told = begun.git("log", "--format=%B", LOGIN, PAY).splitlines()
    assert {line: told.count(line) for line in promised} == dict.fromkeys(promised, 1)
    assert len(promised) > 2 * ROUNDS
    assert published(begun) == published(bare_remote)
    assert begun.idse("fsck").returncode == 0
    for repo in (begun, bare_remote):
        done = repo.run("git", "fsck", "--connectivity-only")
        assert done.returncode == 0, done.stderr
