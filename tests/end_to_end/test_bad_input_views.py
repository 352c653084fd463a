"""Views that somebody edited, deleted or replaced: validate says so, and the next write repairs them."""

from __future__ import annotations

import os

import pytest

CURRENT = ".idse/projects/portal/CURRENT_SESSION"
STATE = ".idse/projects/portal/session_state.json"


def edited(path):
    path.write_text("../../elsewhere\n")


def emptied(path):
    path.write_text("")


def deleted(path):
    path.unlink()


def linked_out(path):
    path.unlink()
    path.symlink_to(path.parents[5] / "victim")


def turned_into_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


SPOILS = [edited, emptied, deleted, linked_out, turned_into_a_pipe]


@pytest.mark.parametrize("view", [CURRENT, STATE])
@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("command", [("save",), ("doctor", "--fix"), ("switch", "login")])
def test_a_spoiled_view_is_written_anew(begun, spoil, view, command):
    whole = begun.read(view)
    victim = begun.path.parent / "victim"
    victim.write_text("not ours\n")
    spoil(begun.path / view)
    done = begun.idse(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert begun.read(view) == whole
    assert not (begun.path / view).is_symlink()
    assert victim.read_text() == "not ours\n"


@pytest.mark.parametrize("view", [CURRENT, STATE])
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_spoiled_view_misleads_no_reader(begun, unchanged, spoil, view):
    before = [begun.idse(*command).stdout for command in (("status",), ("next",), ("log",))]
    spoil(begun.path / view)
    with unchanged(begun):
        assert [begun.idse(*command).stdout for command in (("status",), ("next",), ("log",))] == before


@pytest.mark.parametrize("view", [CURRENT, STATE])
@pytest.mark.parametrize("arguments", [(), ("--all",)])
def test_validate_tells_of_an_edited_view(begun, unchanged, view, arguments):
    edited(begun.path / view)
    with unchanged(begun):
        done = begun.idse("validate", "--format", "concise", *arguments)
    assert done.returncode == 0
    words = "differs from what the ledger says; it is a view, edits to it have no effect"
    assert f"{view}:1:1: warning[IDSE704] {view} {words}\n" in done.stdout or (
        f"{view}: warning[IDSE704] {view} {words}\n" in done.stdout
    )


def test_a_view_that_is_a_folder_says_what_to_do(begun, refused):
    deleted(begun.path / STATE)
    (begun.path / STATE).mkdir()
    assert refused(begun, "IDSE015", 2, "save") == (
        "error[IDSE015]: the repository cannot be written\n"
        f"  --> {begun.path}/{STATE}\n"
        "   = cause: Is a directory\n"
        "   = hint:  move away what stands there, then run the command again\n"
        "   = help:  idse help IDSE015\n"
    )


def test_a_view_is_never_committed(begun):
    begun.git("add", "--force", CURRENT)
    head = begun.git("rev-parse", "HEAD")
    done = begun.run("git", "commit", "-m", "a view")
    assert (done.returncode, begun.git("rev-parse", "HEAD")) == (1, head)
    assert f"error[IDSE703]: {CURRENT} is a view of the ledger and must not be committed" in done.stderr
