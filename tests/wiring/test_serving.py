"""What a server needs is made of a bare repository, an actor and settings; nothing around it counts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import validate
from idse_orchestrator.ledger.entries import Span
from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.sessions.choice import LEDGER, Choice
from idse_orchestrator.wiring.application import Application
from idse_orchestrator.worktree.work_tree import discover

KEY = ("portal", "login")
ann = Actor("Ann", "ann@example.org", "claude", "01AAAAAAAAAAAAAAAAAAAAAAAA")
app = Application.serving(discover(sys.argv[1], {}), ann, {"agency.timeout": "7"})
begun = {"project": "portal", "session": "login", "type": "feature"}
app.writer.append(*KEY, lambda _: Draft("created", begun))
app.agents.handing_over("codex").writer.append(*KEY, lambda _: Draft("described", {"title": "of codex"}))
app.writer.append(*KEY, lambda _: Draft("described", {"title": "of claude"}))
entries = [drawn.entry for drawn in app.history.entries(Span((KEY,)))]
validation, scope = app.judging.validation_of(Choice(LEDGER, scope=Scope(*KEY)))
print(json.dumps({
    "title": app.reader.session(*KEY).state.title,
    "agents": [entry.agent for entry in entries],
    "people": sorted({entry.event.actor.name for entry in entries}),
    "replicas": sorted({entry.event.replica for entry in entries}),
    "defects": len(check_ledgers(app.ledger_source, expected=app.expected_merge).defects),
    "blocks": validate(validation, scope).blocks(),
    "agent": app.agent,
    "timeout": app.setting("agency.timeout"),
    "work tree": app.is_bare,
}))
"""


@pytest.fixture
def served(bare_remote, tmp_path):
    """What a server without any environment found."""
    bare_remote.git("config", "idse.agent", "somebody-else")
    bare_remote.git("config", "user.name", "Somebody Else")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(bare_remote.path)],
        env={"HOME": str(tmp_path / "nowhere"), "IDSE_AGENT": "somebody-else"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_server_needs_a_bare_repository_an_actor_and_settings(served):
    assert served == {
        "title": "of claude",
        "agents": ["claude", "codex", "claude"],
        "people": ["Ann"],
        "replicas": ["01AAAAAAAAAAAAAAAAAAAAAAAA"],
        "defects": 0,
        "blocks": False,
        "agent": "claude",
        "timeout": "7",
        "work tree": True,
    }
