"""What the old way lost: sessions in branches, torn files, and a push that failed and said it had synced."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

FOLDER = ".idse/projects/portal/sessions/login"
VIEWS = (".idse/projects/portal/session_state.json", ".idse/projects/portal/CURRENT_SESSION")

WRITER = """
import os
import sys
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.wiring.application import Application
app = Application(sys.argv[1], os.environ)
for number in range(20):
    title = f"{sys.argv[2]} {number} " + "x" * (number * 97 % 4000)
    app.writer.append("portal", "login", lambda _: Draft("described", {"title": title}))
    app.views.refresh_all()
"""


def test_two_branches_that_each_make_a_session_merge_without_a_conflict(begun):
    """State is in refs and views are ignored, so branches have nothing to disagree about."""
    for branch in ("left", "right"):
        begun.git("switch", "-q", "-c", branch, "main")
        assert begun.idse("spawn", f"{branch}-work").returncode == 0
        begun.commit(f"begin {branch}")
    begun.git("merge", "-q", "--no-edit", "left")
    assert begun.git("status", "--porcelain") == ""
    assert begun.git("ls-files", *VIEWS) == ""
    listed = json.loads(begun.idse("session", "list", "--json").stdout)["data"]["sessions"]
    assert {"left-work", "right-work", "login"} <= {each["session"] for each in listed}
    assert begun.idse("fsck").returncode == 0


def test_eight_writers_at_once_never_tear_a_file(begun):
    """Whoever reads while they write finds a whole view each time, and every event is in the ledger."""
    before = int(begun.git("rev-list", "--count", "refs/idse/sessions/portal/login"))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(begun.path), str(number)], stderr=subprocess.PIPE)
        for number in range(8)
    ]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        for view in VIEWS:
            data = (begun.path / view).read_bytes()
            assert data
            if view.endswith(".json"):
                json.loads(data)
        seen += 1
    for writer in writers:
        _, words = writer.communicate(timeout=120)
        assert writer.returncode == 0, words.decode()
    assert seen > 10
    assert int(begun.git("rev-list", "--count", "refs/idse/sessions/portal/login")) == before + 160
    folder = pathlib.Path(begun.path, VIEWS[0]).parent
    assert [name for name in os.listdir(folder) if name.endswith((".tmp", ".lock"))] == []
    assert begun.idse("fsck").returncode == 0


def last_sync(repo):
    """What the command and the view say; they have to agree."""
    told = json.loads(repo.idse("status", "--json").stdout)["data"]["last_sync"]
    assert json.loads(repo.read(VIEWS[0]))["last_sync"] == told
    return told


def test_a_push_that_failed_does_not_move_last_sync(begun, bare_remote):
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    never = last_sync(begun)
    hook = bare_remote.path / "hooks" / "pre-receive"
    for script, code in (("exit 1", 1), ("kill -9 $PPID", 5)):
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)
        assert begun.idse("sync", "push").returncode == code
        assert last_sync(begun) == never
    hook.unlink()
    assert begun.idse("sync", "push").returncode == 0
    synced = last_sync(begun)
    assert synced != never
    begun.write(f"{FOLDER}/intent.md", "# Intent\n\nMore.\n")
    assert begun.idse("save", "login").returncode == 0
    gone = bare_remote.path.rename(bare_remote.path.with_name("gone"))
    assert begun.idse("sync", "push").returncode == 5
    assert last_sync(begun) == synced
    gone.rename(bare_remote.path)
