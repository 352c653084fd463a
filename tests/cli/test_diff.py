"""`idse diff`: what the folder has that its ledger has not."""

from __future__ import annotations

import json

import pytest

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.worktree.workspace import GitWorkspace

FOLDER = ".idse/projects/portal/sessions/login"


@pytest.fixture
def portal(repo):
    """A session whose spec was completed, and saved again with another text since."""
    repository = discover(str(repo.path))
    writer, workspace = ledger_writer(repository), GitWorkspace(repository)
    writer.append_to_project("portal", lambda _tip: Draft("created", {"project": "portal"}))

    def append(kind, **body):
        captured = workspace.capture("portal", "login")
        body = body | ({"artifact": captured.files["spec.md"], "upstream": {}} if "action" in body else {})
        writer.append("portal", "login", lambda _tip: Draft(kind, body, captured.tree))

    repo.write(f"{FOLDER}/spec.md", "one\n")
    repo.write(f"{FOLDER}/implementation/README.md", "built\n")
    append("created", project="portal", session="login")
    append("stage", stage="spec", action="start", **{"from": "pending", "to": "in_progress"})
    append("stage", stage="spec", action="complete", **{"from": "in_progress", "to": "complete"})
    repo.write(f"{FOLDER}/spec.md", "one\ntwo\n")
    append("edited", changed={"spec.md": "2"})
    workspace.set_current("portal", "login")
    return repo


def diff(repo, *args, code=0):
    done = repo.idse("diff", *args)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_folder_that_is_what_the_ledger_holds_has_no_difference(portal):
    done = portal.idse("diff", "--exit-code")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing differs" in done.stderr


def test_unsaved_changes_are_a_patch_that_git_can_apply(portal):
    before = portal.read(f"{FOLDER}/spec.md")
    portal.write(f"{FOLDER}/spec.md", b"one\ntwo\nthree \xff\n")
    portal.write(f"{FOLDER}/implementation/README.md", "built twice\n")
    portal.run("sh", "-c", "idse diff > ../patch")
    portal.run("git", "apply", "-R", f"--directory={FOLDER}", "../patch")
    assert portal.read(f"{FOLDER}/spec.md") == before
    assert portal.read(f"{FOLDER}/implementation/README.md") == b"built\n"


def test_new_and_missing_documents_are_changes(portal):
    portal.write(f"{FOLDER}/notes.md", "n\n")
    (portal.path / FOLDER / "spec.md").unlink()
    assert diff(portal, "--name-only").splitlines() == ["notes.md", "spec.md"]
    assert "2 files changed" in diff(portal, "--stat")
    changes = json.loads(diff(portal, "--json"))["data"]["changes"]
    assert [(change["status"], change["stage"]) for change in changes] == [("A", None), ("D", "spec")]


def test_a_stage_limits_it_to_its_document(portal):
    portal.write(f"{FOLDER}/spec.md", "other\n")
    portal.write(f"{FOLDER}/implementation/README.md", "other\n")
    assert diff(portal, "implementation", "--name-only") == "implementation/README.md\n"
    assert diff(portal, "plan", "--exit-code") == ""
    diff(portal, "spec", "--exit-code", code=1)


def test_since_complete_compares_with_the_completed_text_however_often_it_was_saved(portal):
    out = diff(portal, "--since-complete")
    assert "+two" in out.splitlines()
    assert "+one" not in out
    assert diff(portal, "spec", "--since-complete") == out
    portal.write(f"{FOLDER}/spec.md", "one\n")
    assert diff(portal, "--since-complete", "--exit-code") == ""


def test_since_complete_of_a_stage_shows_what_changed_in_the_documents_that_it_builds_on(loop):
    loop.finish("intent", "context")
    loop.edit("intent.md", loop.text("intent.md") + "\nFor admins too.\n")
    loop.does("stage", "confirm", "intent", "-m", "wider")
    assert loop.does("diff", "intent", "--since-complete", "--name-only").stdout == ""
    assert "+For admins too." in loop.does("diff", "context", "--since-complete").stdout.splitlines()
    loop.does("stage", "confirm", "context", "-m", "it stands")
    assert loop.does("diff", "context", "--since-complete", "--name-only").stdout == ""


def test_an_entry_or_a_revision_of_the_code_can_be_the_other_side(portal):
    code = portal.commit()
    portal.write(f"{FOLDER}/spec.md", "one\ntwo\nthree\n")
    assert "+three" in diff(portal, "--at", "HEAD").splitlines()
    assert "+three" in diff(portal, "--at", code[:10]).splitlines()
    assert "+two" in diff(portal, "--at", "@{1}").splitlines()
    assert (
        "+two"
        in diff(portal, "--at", portal.git("rev-parse", "refs/idse/sessions/portal/login~1")).splitlines()
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("sepc",), "did you mean spec?"),
        (("plan", "--since-complete"), "was never completed"),
        (("--at", "nonsense"), "neither an entry of the ledger nor a revision"),
        (("--at", "--output=x"), "neither an entry of the ledger nor a revision"),
        (("--at", "HEAD", "--since-complete"), "exclude each other"),
        (("--session", "nosuch"), "there is no session"),
    ],
)
def test_what_cannot_be_compared_is_said_clearly(portal, args, words):
    done = portal.idse("diff", *args)
    assert done.returncode == 2
    assert words in done.stderr


def test_nothing_of_the_repository_is_changed_by_looking(portal):
    portal.write(f"{FOLDER}/spec.md", "other\n")
    before = portal.git("for-each-ref"), portal.git("status", "--porcelain")
    diff(portal)
    diff(portal, "--since-complete")
    assert (portal.git("for-each-ref"), portal.git("status", "--porcelain")) == before


def test_a_configured_diff_program_does_not_run(portal):
    portal.git("config", "diff.external", "touch ran; false")
    portal.write(f"{FOLDER}/spec.md", "other\n")
    assert "+other" in diff(portal).splitlines()
    assert not (portal.path / "ran").exists()


def test_in_colour_nothing_of_a_document_is_obeyed(portal):
    portal.write(f"{FOLDER}/spec.md", "one\n\x1b[2Jtwo\n--- a\n+++ b\n@@ -1 +1 @@\n")
    out = diff(portal, "--color", "always")
    assert "\x1b[2J" not in out
    assert "\x1b[32m+\\x1b[2Jtwo\x1b[0m" in out
    assert "\x1b[32m+--- a\x1b[0m" in out
