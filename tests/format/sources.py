"""What an older tool left behind, for `make_bundle.py` to take over: a repository and a folder."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

    from clones import House

STAGES = {"intent": "intents", "context": "contexts", "spec": "specs", "plan": "plans", "tasks": "tasks"}
HANDOFF = """\
# Handoff

## Metadata
- **Cycle ID:** 7
- **From:** claude
- **To:** codex
- **Timestamp:** 2025-04-05T06:07:08Z
- **IDSE Stage:** Production
"""
AGENTS = {
    "agents": [{"id": "Claude Code", "stages": ["spec"], "mode": "planning"}, {"id": "codex"}],
    "handoff_rules": [
        {"from_stage": "spec", "to_stage": "plan", "from_agent": "Claude Code", "to_agent": "codex"}
    ],
}
LONG_AGO = 1_700_000_000


def old_repository(house: House) -> pathlib.Path:
    """A repository with project `legacy`: sessions in three layouts, each touched by several commits."""
    place = house.folder / "old"
    place.mkdir()
    house.run(place, "git", "init", "-q")
    for turn, text in enumerate(("first\r\n", "second\r\n", "third\n")):
        for stage, folder in STAGES.items():
            words = f"# {stage.title()}\n\nThe {text}People sign in, and nothing is left open.\n"
            _put(place, f"projects/legacy/sessions/login/{folder}/{stage}.md", words)
            _put(place, f".idse/projects/legacy/sessions/done/{folder}/{stage}.md", words)
            _put(place, f"{folder}/projects/legacy/sessions/login/{stage}.md", words if turn else "other\n")
        if turn:
            _records(place)
        date = f"2024-03-0{turn + 1}T05:06:07+0200"
        who = {"NAME": "Past Äuthor", "EMAIL": "past@example.org", "DATE": date}
        env = {f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in who.items()}
        house.run(place, "git", "add", "--all", ".")
        house.run(place, "git", "commit", "-q", "-m", f"turn {turn}", **env)
    return _aged(place)


def old_folder(house: House) -> pathlib.Path:
    """A folder that is no repository, with projects `plain` and `flat`."""
    place = house.folder / "old-folder"
    for stage, folder in STAGES.items():
        _put(place, f"projects/plain/CamelCase/{folder}/{stage}.md", f"# {stage}\n\n[REQUIRES INPUT]\n")
        _put(place, f"plain:odd/{folder}/{stage}.md", f"# {stage}\n\nA colon.\n")
        _put(place, f".idse/projects/flat/sessions/g/{stage}.md", f"# {stage}\r\n\r\nFlat.\r\n")
    _put(place, "projects/plain/CamelCase/.owner", "ann\n")
    return _aged(place)


def _records(place: pathlib.Path) -> None:
    stages = {"intent": "completed", "context": "complete", "spec": "draft", "plan": "in_progress"}
    _put(place, "projects/legacy/sessions/login/session_state.json", json.dumps({"stages": stages}))
    _put(place, "projects/legacy/agent_registry.json", json.dumps(AGENTS))
    _put(place, "projects/legacy/CURRENT_SESSION", "login")
    _put(place, "governance/feedback/handoff_claude_to_codex_7.md", HANDOFF)
    about = {
        "name": "Done",
        "status": "archived",
        "owner": "ann",
        "tags": ["auth"],
        "parent_session": "login",
    }
    more = {"collaborators": ["bob"], "created_at": "2025-01-02T03:04:05+01:00"}
    _put(place, ".idse/projects/legacy/sessions/done/metadata/session.json", json.dumps({**about, **more}))


def _put(place: pathlib.Path, path: str, text: str) -> None:
    target = place / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(text.encode())


def _aged(place: pathlib.Path) -> pathlib.Path:
    """The same with files that are not of today."""
    for path in place.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    return place
