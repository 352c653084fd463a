"""What a warning says of a conflict is what is there, and how to see the other side."""

from __future__ import annotations

import json

import pytest

NO_TEXT = (b"\0was", b"\0theirs", b"\0mine")


@pytest.fixture
def side(loop, loop_of):
    """Another work tree on the same commit, with picture.bin and extra.md."""
    loop.repo.write(f"{loop.FOLDER}/picture.bin", NO_TEXT[0])
    loop.edit("extra.md", "was\n")
    loop.repo.commit("more")
    return loop_of(loop.worktree("side"))


def saved(side):
    side.does("save", "portal/__blueprint__")


def test_no_text_that_both_changed_is_told_with_the_way_to_the_other(loop, side):
    side.repo.write(f"{loop.FOLDER}/picture.bin", NO_TEXT[1])
    saved(side)
    other = loop.tip()[:10]
    loop.repo.write(f"{loop.FOLDER}/picture.bin", NO_TEXT[2])
    done = loop.does("save")
    assert (
        "warning: picture.bin is no text, and both sides changed it: what was saved here stands; "
        f"the other is git show {other}:artifacts/picture.bin\n"
    ) in done.stderr
    assert "marker" not in done.stderr
    shown = loop.repo.run("git", "show", f"{other}:artifacts/picture.bin")
    assert shown.stdout.encode() == NO_TEXT[1]
    assert loop.ledger("picture.bin").encode() == NO_TEXT[2]


def test_what_was_removed_here_and_edited_there_is_told_to_stay(loop, side):
    side.edit("extra.md", "theirs\n")
    saved(side)
    (loop.path / loop.FOLDER / "extra.md").unlink()
    done = loop.does("save")
    assert (
        "warning: extra.md was removed here, but somebody edited it: the ledger keeps the edited text; "
        "idse restore brings it here\n"
    ) in done.stderr
    assert "marker" not in done.stderr
    assert loop.ledger("extra.md") == "theirs\n"
    loop.does("restore")
    assert loop.text("extra.md") == "theirs\n"


def test_what_was_edited_here_and_removed_there_is_told_to_be_back(loop, side):
    (side.path / loop.FOLDER / "extra.md").unlink()
    saved(side)
    loop.edit("extra.md", "mine\n")
    done = loop.does("save")
    assert (
        "warning: extra.md was edited here, but somebody removed it: it is back in the ledger; "
        "idse log says who removed it\n"
    ) in done.stderr
    assert "marker" not in done.stderr
    assert loop.ledger("extra.md") == "mine\n"


def test_a_file_beside_a_folder_of_its_name_is_told_under_its_new_name(loop, side):
    side.edit("notes/a.md", "inner\n")
    saved(side)
    loop.edit("notes", "file\n")
    done = loop.does("save")
    assert (
        "warning: notes is a file on one side and a folder on the other: the file is notes~ in the ledger; "
        "idse restore brings both here\n"
    ) in done.stderr
    assert "marker" not in done.stderr
    assert loop.ledger("notes~") == "file\n"
    assert loop.ledger("notes/a.md") == "inner\n"


def test_json_says_of_each_conflict_what_kind_it_is(loop, side):
    side.edit("extra.md", "theirs\n")
    side.edit("plan.md", "theirs\n")
    saved(side)
    (loop.path / loop.FOLDER / "extra.md").unlink()
    loop.edit("plan.md", "mine\n")
    data = json.loads(loop.does("save", "--json").stdout)["data"]
    assert data["conflicts"] == ["extra.md", "plan.md"]
    assert data["conflict_kinds"] == {"extra.md": "removed-here", "plan.md": "markers"}
    assert loop.events()[0]["body"]["conflicts"] == ["extra.md", "plan.md"]


def test_a_commit_says_the_same_on_its_one_line(loop, side):
    side.repo.write(f"{loop.FOLDER}/picture.bin", NO_TEXT[1])
    saved(side)
    other = loop.tip()[:10]
    loop.repo.write(f"{loop.FOLDER}/picture.bin", NO_TEXT[2])
    loop.git("add", "--all")
    told = loop.repo.run("git", "commit", "-qm", "a picture").stderr.splitlines()[-1]
    assert told == (
        "idse: portal/__blueprint__: picture.bin is no text, and both sides changed it: what was saved here "
        f"stands; the other is git show {other}:artifacts/picture.bin"
    )
