"""A stage is completed and a rule asks for a handoff: who is killed in between has done both or neither."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture
def team(loop, once):
    """The agent claude does intent and hands context on to codex by itself; its document is written."""

    def make():
        loop.does("agents", "add", "claude", "--stage", "intent", "--protocol", "automatic")
        loop.does("agents", "add", "codex", "--stage", "context")
        loop.does("agents", "rule", "add", "intent", "claude", "context", "codex")
        loop.write_well("intent")

    once(loop, make)
    return loop


def kill_when_the_ledger_moves(loop):
    """Complete intent in a process that is killed as soon as its ledger stands elsewhere."""
    ref = loop.path / ".git" / loop.REF
    before = ref.read_bytes()
    process = subprocess.Popen(
        [str(pathlib.Path(sys.executable).parent / "idse"), "stage", "complete", "intent"],
        cwd=loop.path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while ref.read_bytes() == before:
        assert time.monotonic() < until, "the ledger never moved"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_process_killed_when_the_stage_is_complete_has_asked_for_the_handoff(team):
    for _ in range(3):
        kill_when_the_ledger_moves(team)
        status = team.status()
        assert status["stages"][0]["status"] == "complete"
        assert [(each["stage"], each["to"]) for each in status["handoffs"]] == [("context", "codex")]
        assert team.does("fsck").returncode == 0
        team.does("handoff", "reject", "-m", "once more")
        team.does("stage", "reopen", "intent", "-m", "once more")
