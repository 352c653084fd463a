"""A stage begins with a document to write: the ledger's, or else the template; never in place of another."""

from __future__ import annotations

import json
import shutil

import pytest


@pytest.fixture
def ready(loop, once):
    """`intent` is complete, and `context` could start."""
    once(loop.repo, lambda: loop.finish("intent", begins_next=False))
    return loop


def path(loop, name="context.md"):
    return loop.path / loop.FOLDER / name


def start(loop, *words):
    done = loop.does("stage", *(words or ("start", "context")), "--json")
    return json.loads(done.stdout)["data"]["documents"]


def lacking(loop):
    """Neither the folder nor the ledger has ``context.md``."""
    path(loop).unlink()
    loop.does("save")
    assert loop.ledger("context.md") == ""


def test_it_is_written_from_the_project_s_template(ready):
    ready.repo.write(".idse/templates/context.md.j2", "# Ours for {{ session }}, a {{ type }}\n")
    lacking(ready)
    (left,) = start(ready)
    assert left == {"stage": "context", "path": f"{ready.FOLDER}/context.md", "source": "template"}
    assert ready.text("context.md") == "# Ours for __blueprint__, a blueprint\n"
    ready.does("save")
    assert ready.ledger("context.md") == ready.text("context.md")


def test_it_is_brought_where_the_ledger_has_it(ready):
    ready.edit("context.md", "# Context\n\nBegun elsewhere.\n")
    ready.does("save")
    path(ready).unlink()
    assert "was not there: brought it from the ledger" in ready.does("stage", "start", "context").stderr
    assert ready.text("context.md") == "# Context\n\nBegun elsewhere.\n"
    assert ready.stage("context")["in_ledger"] is True


def test_what_is_there_stays(ready):
    ready.edit("context.md", "mine\n")
    assert start(ready) == []
    assert ready.text("context.md") == "mine\n"


def test_a_link_that_leads_nowhere_is_there(ready):
    lacking(ready)
    path(ready).symlink_to("nowhere")
    done = ready.repo.idse("stage", "start", "context")
    assert path(ready).is_symlink(), done.stderr
    assert not (path(ready).parent / "nowhere").exists()


def test_a_session_without_a_folder_gets_all_of_it(ready):
    ready.does("stage", "start", "context")
    ready.finish("context", "spec", "plan", "tasks")
    shutil.rmtree(path(ready).parent)
    assert start(ready, "start", "feedback") == []
    assert path(ready, "feedback/feedback.md").is_file()
    assert path(ready, "intent.md").is_file()
    assert ready.status()["differs"] == []


def test_completing_leaves_it_for_the_stage_that_begins(loop):
    loop.write_well("intent")
    path(loop).unlink()
    (left,) = start(loop, "complete")
    assert (left["stage"], left["source"]) == ("context", "template")
    assert "[REQUIRES INPUT]" in loop.text("context.md")


def test_a_folder_that_is_adopted_without_it_gets_the_first(repo):
    repo.write(".idse/projects/portal/sessions/login/notes.md", "# Notes\n")
    assert repo.idse("init", "portal").returncode == 0
    assert b"[REQUIRES INPUT]" in repo.read(".idse/projects/portal/sessions/login/intent.md")
    assert not (repo.path / ".idse/projects/portal/sessions/login/spec.md").exists()
    assert repo.git("show", "refs/idse/sessions/portal/login:artifacts/intent.md")
