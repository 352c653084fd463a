"""Whatever stands in a source, in any layouts: the counts add up, the bytes come back, and only once."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile

from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.migrate.apply import apply_plan
from idse_orchestrator.migrate.files import DUPLICATE, MIGRATED, SIDE
from idse_orchestrator.migrate.plan import plan_migration
from idse_orchestrator.migrate.values import NEW, MigrationRequest, count
from idse_orchestrator.wiring.application import Application
from idse_orchestrator.wiring.migration import Migration

FOLDERS = ("intents", "contexts", "specs", "plans", "tasks", "implementation", "feedback", "metadata", "odd")
NAMES = (
    "intent.md",
    "context.md",
    "spec.md",
    "plan.md",
    "tasks.md",
    "task.md",
    "README.md",
    "feedback.md",
    ".owner",
    "SPEC.md",
    "two\nlines.txt",
    "session_state.json",
    "session.json",
    "handoff_claude_to_codex_1.md",
    "2025-01-02T03-04-05Z_claude_to_codex_login.md",
    "agent_registry.json",
)
SESSIONS = ("login", "Login", "log in", "p:login", "current", "\u00fcber", "__blueprint__")
LAYOUTS = (
    "{folder}/projects/p/sessions/{session}/{name}",
    "{folder}/current/{name}",
    "projects/p/sessions/{session}/{folder}/{name}",
    "projects/p/sessions/{session}/{name}",
    ".idse/projects/p/sessions/{session}/{folder}/{name}",
    ".idse/projects/p/sessions/{session}/{name}",
    "projects/p/{session}/{folder}/{name}",
    "p:{session}/{folder}/{name}",
    "{folder}/{name}",
    "{name}",
    "reports/projects/p/sessions/{session}/{name}",
    "q/{session}/{folder}/{name}",
    "projects/q/sessions/{session}/{folder}/{name}",
    "governance/state/state.json",
)
BYTES = st.sampled_from(
    [
        b"",
        b"# Spec\n\nSome words that somebody has written.\n",
        b"# Spec\r\n\r\nSome words that somebody has written.\r\n",
        b"# Legacy path notice\n",
        b"[REQUIRES INPUT]\n",
        b"\xff\xfe\x00",
        b'{"stages": {"spec": "completed"}, "status": "complete"}',
        b"login",
        b"## Metadata\n- From: claude\n- To: codex\n- Cycle ID: 1\n- Session: login\n",
        b"## Metadata\r\n- From: Claude Code\r\n- To: codex\r\n- Cycle ID: 1\r\n- Project: p/base\r\n",
        b'{"active_llm": "x", "last_handoff": {"project": "p/login", "handoff_document": "spec.md"}}',
        b'{"agents": [{"id": "claude"}]}',
    ]
)
NOTES = st.sampled_from(
    [b"{", b'{"session_id": "login", "project": "p"}', b'{"session_id": "x", "project": "r"}']
)


@st.composite
def sources(draw):
    files = {".idse/projects/p/sessions/base/spec.md": b"# Spec\n\nSo that there is a session at all.\n"}
    for _ in range(draw(st.integers(0, 14))):
        path = draw(st.sampled_from(LAYOUTS)).format(
            folder=draw(st.sampled_from(FOLDERS)),
            session=draw(st.sampled_from(SESSIONS)),
            name=draw(st.sampled_from(NAMES)),
        )
        files[path] = draw(BYTES)
    if draw(st.booleans()):
        files[".idse_active_session.json"] = draw(NOTES)
    if draw(st.booleans()):
        files["CURRENT_SESSION"] = draw(st.sampled_from([b"login", b"session_id: base\n", b"nobody"]))
    return files


@given(sources())
@settings(max_examples=25)
def test_every_file_is_accounted_for_and_every_byte_comes_back_and_the_second_run_does_nothing(files):
    with tempfile.TemporaryDirectory() as folder:
        old, new = os.path.join(folder, "old"), os.path.join(folder, "new")
        for path, data in files.items():
            target = pathlib.Path(old, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        subprocess.run(["git", "init", "-q", new], check=True)
        plan, written = migrated(old, new)
        assert [fate.path for fate in plan.fates] == sorted(files, key=os.fsencode)
        assert sum(count(plan.fates).values()) == len(files)
        assert set(written.written) == {session.key for session in plan.sessions if session.verdict == NEW}
        reader = Application(new, os.environ).reader
        for session in plan.sessions:
            tip = reader.session(*session.key)
            assert dict(reader.tree_files(tip.artifacts)) == dict(session.arranged.files)
            for fate in session.arranged.fates:
                if fate.fate in (MIGRATED, SIDE, DUPLICATE):
                    assert shown(new, session, fate.target) == files[fate.path]
        again, nothing = migrated(old, new)
        assert not nothing.changed
        assert again.fates == plan.fates
        assert subprocess.run(["idse", "fsck", "-q"], cwd=new, check=False).returncode == 0
        shutil.rmtree(old)


def migrated(old, new):
    migration = Migration(Application(new, os.environ), old, lambda *_: None)
    plan, found = plan_migration(migration.planning, MigrationRequest())
    return plan, apply_plan(migration.applying(found), plan)


def shown(new, session, path):
    name = f"refs/idse/sessions/{session.name}:artifacts/{path}"
    return subprocess.run(["git", "cat-file", "blob", name], cwd=new, check=True, capture_output=True).stdout
