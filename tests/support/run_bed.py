"""A project whose tasks are complete, for tests of the runner; and what a run left, read back from git."""

from __future__ import annotations

import json
from itertools import pairwise

from greeting import DOCUMENTS

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
KEY = "portal/__blueprint__"
BRANCH = f"idse/{KEY}"
SIX = [path for path in DOCUMENTS if not path.startswith(("feedback", "implementation"))]

THREE = """\
- [ ] T001 [P] Write the tests (Files: tests/test_greet.py)
- [ ] T002 [P] Write the function (Files: src/greet.py)
- [ ] T003 Tell users (Deps: T002) (Files: docs/greet.md)
"""
_OTHER_PHASES = ("Phase 1 – Core Behavior", "Phase 2 – NFRs / Hardening")
WRITE = 'for path in $IDSE_PATHS; do mkdir -p "$(dirname "$path")"; echo "$IDSE_TASK" >>"$path"; done'
"""An agent that does what it is asked for: it writes into each file that a task declares."""


def begin_project(repo, tasks=THREE):
    """Makes the project `portal` in `repo`, with a first commit, and completes its stages up to tasks."""
    repo.write("README.md", "hello\n")
    repo.write("Makefile", "T%:\n\t@mkdir -p src docs tests; for p in $$IDSE_PATHS; do echo $@ >>$$p; done\n")
    assert repo.idse("init", "portal").returncode == 0
    complete_tasks(repo, tasks)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "first")
    return repo


def complete_tasks(repo, tasks):
    """Writes the documents and completes them."""
    for path in SIX:
        repo.write(f"{FOLDER}/{path}", DOCUMENTS[path])
    more = [f"## {phase}\n\nNone: all of it is above.\n" for phase in _OTHER_PHASES]
    parts = ("# Tasks: Greeting", "## Phase 0 – Foundations", tasks, *more)
    repo.write(f"{FOLDER}/tasks.md", "\n\n".join(parts))
    done = repo.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks")
    assert done.returncode == 0, done.stdout + done.stderr


def events_of(repo, task):
    """Returns the bodies of the events of a task, the first one first."""
    ref = f"refs/idse-local/tasks/{KEY}/{task}"
    commits = repo.git("rev-list", "--reverse", ref).split()
    return [json.loads(repo.git("show", f"{commit}:event.json"))["body"] for commit in commits]


def states_of(repo):
    """Returns task to state, from the snapshots of the tips."""
    refs = repo.git("for-each-ref", "--format=%(refname)", f"refs/idse-local/tasks/{KEY}/").split()
    found = {}
    for ref in refs:
        state = json.loads(repo.git("show", f"{ref}:state.json"))
        found[state["task"]] = state["state"]
    return found


def check_invariants(repo, most_attempts=3):
    """Reads the chains back: linear, legal, one holder at a time, at most one `done`, attempts bounded."""
    refs = repo.git("for-each-ref", "--format=%(refname)", f"refs/idse-local/tasks/{KEY}/").split()
    assert refs
    for ref in refs:
        parents = [row.split() for row in repo.git("rev-list", "--parents", ref).split("\n")]
        assert all(len(row) <= 2 for row in parents), ref
        bodies = events_of(repo, ref.rpartition("/")[2])
        moves = bodies[1:]
        assert all(one["to"] == other["from"] for one, other in pairwise(moves)), ref
        assert sum(each["to"] == "done" for each in moves) <= 1, ref
        holds, failures = False, 0
        for each in moves:
            if each["action"] == "take":
                assert not holds, ref
                holds = True
            elif each["action"] in ("finish", "fail", "release", "expire"):
                assert holds, ref
                holds = False
            failures += each["action"] in ("fail", "expire") or each.get("why") == "conflict"
        assert failures <= most_attempts, ref
        assert "not_applied" not in json.loads(repo.git("show", f"{ref}:state.json")), ref
    branch = repo.run("git", "rev-list", "--format=%(trailers:key=Idse-Task,valueonly)", BRANCH).stdout
    for ref in refs:
        name = ref.removeprefix("refs/idse-local/tasks/")
        assert branch.split("\n").count(name) <= 1, f"{name} is on the branch twice"
