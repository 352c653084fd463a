"""Bringing documents back is an edit like any other, and nothing is lost on the way."""

from __future__ import annotations

import pytest

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
INTENT = f"{FOLDER}/intent.md"
REF = "refs/idse/sessions/portal/__blueprint__"


@pytest.fixture
def portal(repo, once):
    """A project whose ledger holds three texts of the intent: the template, one, two."""

    def make():
        assert repo.idse("init", "portal").returncode == 0
        repo.commit("start")
        for text in ("one\n", "two\n"):
            repo.write(INTENT, text)
            assert repo.idse("save", "-m", text.strip()).returncode == 0

    once(repo, make)
    return repo


def _ledger_text(portal):
    return portal.git("show", f"{REF}:artifacts/intent.md")


def _one(portal):
    return portal.git("rev-parse", f"{REF}^")


def test_an_older_text_that_was_restored_can_be_saved(portal):
    assert portal.idse("restore", "--at", _one(portal)).returncode == 0
    assert portal.read(INTENT) == b"one\n"
    assert portal.idse("save", "-m", "one was right").returncode == 0
    assert _ledger_text(portal) == "one"


def test_an_older_text_that_was_restored_can_be_committed(portal):
    one = _one(portal)
    portal.commit("two")
    assert portal.idse("restore", "--at", one).returncode == 0
    portal.commit("one was right")
    assert _ledger_text(portal) == "one"


def test_text_that_was_forced_away_is_in_the_ledger_and_does_not_come_back(portal):
    portal.write(INTENT, "three\n")
    assert portal.idse("restore", "--force").returncode == 0
    assert portal.read(INTENT) == b"two\n"
    assert _ledger_text(portal) == "three"
    assert portal.idse("save").returncode == 0
    assert _ledger_text(portal) == "two"


def test_looking_at_an_older_text_needs_no_force_to_come_back(portal):
    assert portal.idse("restore", "--at", _one(portal)).returncode == 0
    done = portal.idse("restore")
    assert done.returncode == 0, done.stderr
    assert portal.read(INTENT) == b"two\n"


def test_a_restored_older_text_is_called_an_edit_that_is_not_saved_yet(portal):
    done = portal.idse("restore", "--at", _one(portal))
    assert "idse save" in done.stderr
    assert "idse save" not in portal.idse("restore").stderr


def test_what_somebody_saves_after_a_restore_is_kept(portal):
    one = _one(portal)
    other = portal.worktree("other")
    portal.write(f"{FOLDER}/context.md", "mine\n")
    assert portal.idse("save").returncode == 0
    assert portal.idse("restore", "--at", one).returncode == 0
    assert other.idse("restore", "portal/__blueprint__").returncode == 0
    other.write(f"{FOLDER}/plan.md", "theirs\n")
    assert other.idse("save", "portal/__blueprint__").returncode == 0
    assert portal.idse("save").returncode == 0
    assert _ledger_text(portal) == "one"
    assert portal.git("show", f"{REF}:artifacts/plan.md") == "theirs"


def test_work_that_nothing_holds_is_not_overwritten(portal):
    portal.write(INTENT, "three\n")
    done = portal.idse("restore", "--at", _one(portal))
    assert done.returncode == 3
    assert portal.read(INTENT) == b"three\n"


def test_a_document_that_was_deleted_is_brought_back_without_force(portal):
    (portal.path / INTENT).unlink()
    done = portal.idse("restore")
    assert done.returncode == 0, done.stderr
    assert portal.read(INTENT) == b"two\n"


def test_a_mixture_of_texts_that_the_ledger_has_is_no_work_to_lose(portal):
    portal.write(f"{FOLDER}/plan.md", "a plan\n")
    assert portal.idse("save").returncode == 0
    portal.write(INTENT, "one\n")
    assert portal.idse("restore").returncode == 0
    assert (portal.read(INTENT), portal.read(f"{FOLDER}/plan.md")) == (b"two\n", b"a plan\n")


def test_a_deleted_document_beside_one_that_nothing_holds_is_not_brought_back(portal):
    (portal.path / INTENT).unlink()
    portal.write(f"{FOLDER}/plan.md", "nobody else has this\n")
    assert portal.idse("restore").returncode == 3
    assert not (portal.path / INTENT).exists()
    assert portal.read(f"{FOLDER}/plan.md") == b"nobody else has this\n"


@pytest.mark.parametrize("name", ["@{1}", "__blueprint__@{1}", "portal/__blueprint__@{1}"])
def test_an_entry_may_be_named_by_its_distance_from_the_newest(portal, name):
    done = portal.idse("restore", "--at", name)
    assert done.returncode == 0, done.stderr
    assert portal.read(INTENT) == b"one\n"


@pytest.mark.parametrize("name", ["@{99}", "other@{1}", "@{x}"])
def test_a_distance_that_leads_nowhere_changes_nothing(portal, name):
    assert portal.idse("restore", "--at", name).returncode == 2
    assert portal.read(INTENT) == b"two\n"


def test_what_was_saved_before_a_restore_is_in_the_view_too(portal):
    view = portal.path / ".idse/projects/portal/session_state.json"
    view.unlink()  # it tells seconds, so an old one may well look like the new one
    portal.write(f"{FOLDER}/plan.md", "# Plan\n\nAnother one.\n")
    assert "saved what was here" in portal.idse("restore", "--force").stderr
    assert view.exists()
