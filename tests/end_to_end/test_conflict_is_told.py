"""A conflict that a sync left is named wherever people look, until somebody resolves it."""

from __future__ import annotations

import json

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
INTENT = f"{FOLDER}/intent.md"
PLACE = {"ref": "refs/idse/sessions/portal/login", "path": "intent.md", "line": 3}


@pytest.fixture
def clones(begun, bare_remote, make_repo):
    """Two clones that have pushed and pulled."""
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert begun.idse("sync", "push").returncode == 0
    two = make_repo("other")
    two.git("pull", "-q", str(begun.path), "main")
    assert two.idse("init", "portal", "--agency", str(bare_remote.path)).returncode == 0
    assert two.idse("switch", "login").returncode == 0
    return begun, two


@pytest.fixture
def parted(clones):
    """Two clones that changed one line of intent.md; the first has pushed."""
    for repo, text in zip(clones, ("One line.", "Another line."), strict=True):
        repo.write(INTENT, f"# Intent\n\n{text}\n")
        assert repo.idse("save", "login").returncode == 0
    assert clones[0].idse("sync", "push").returncode == 0
    return clones


def answer(repo, *args):
    return json.loads(repo.idse(*args, "--json").stdout)


def test_a_sync_that_leaves_a_conflict_or_finds_one_says_so_and_exits_3(parted):
    one, two = parted
    for repo, direction in ((two, "push"), (two, "push"), (two, "pull"), (one, "pull"), (one, "push")):
        done = repo.idse("sync", direction)
        assert done.returncode == 3, done.stderr
        assert (
            "portal/login has conflict markers in intent.md, line 3: idse restore portal/login" in done.stderr
        )
        found = answer(repo, "sync", direction)
        assert found["schema"] == f"idse.sync-{direction}/2"
        assert (found["data"]["conflicts"], found["data"]["ok"]) == ([PLACE], False)


def test_everybody_who_looks_is_told_the_document_and_the_line(parted):
    _, two = parted
    assert two.idse("sync", "push").returncode == 3
    assert "conflict in the ledger: intent.md, line 3" in two.idse("status").stdout
    assert answer(two, "status")["data"]["conflicts"] == [{"stage": "intent", "path": "intent.md", "line": 3}]
    assert "a conflict in intent.md, line 3" in two.idse("next").stdout
    assert "conflict markers in intent.md, line 3" in two.idse("validate").stderr
    told = answer(two, "validate")["diagnostics"]
    assert [each["where"] for each in told] == ["portal/login:intent.md:3"]
    doctor = two.idse("doctor")
    assert doctor.returncode == 1
    assert "portal/login: intent.md, line 3" in doctor.stdout + doctor.stderr
    assert "conflict markers in intent.md, line 3" in two.idse("sync", "status").stderr
    assert answer(two, "sync", "status")["data"]["conflicts"] == [PLACE]
    assert "intent.md, line 3" in two.idse("prime").stdout


def test_next_leads_out_of_it_step_by_step(parted):
    _, two = parted
    assert two.idse("sync", "push").returncode == 3
    step = answer(two, "next")["data"]
    assert (step["commands"], step["stage"]) == (["idse restore"], "intent")
    assert two.idse("restore").returncode == 0
    assert "<<<<<<<" in two.read(INTENT).decode()
    step = answer(two, "next")["data"]
    assert step["commands"] == ["idse save"]
    assert "resolve" in step["why"]
    two.write(INTENT, "# Intent\n\nBoth lines.\n")
    assert answer(two, "next")["data"]["commands"] == ["idse save"]
    assert two.idse("save").returncode == 0
    assert answer(two, "next")["data"]["commands"] == ["idse stage complete intent"]
    done = two.idse("sync", "push")
    assert done.returncode == 0, done.stderr
    assert answer(two, "sync", "push")["data"]["conflicts"] == []
    assert two.idse("doctor").returncode == 0
    assert answer(two, "status")["data"]["conflicts"] == []


def test_a_conflict_that_somebody_else_left_and_resolved_is_told_and_forgotten(parted):
    one, two = parted
    assert two.idse("sync", "push").returncode == 3
    assert one.idse("sync", "pull").returncode == 3
    assert one.idse("restore").returncode == 0
    one.write(INTENT, "# Intent\n\nBoth lines.\n")
    assert one.idse("save").returncode == 0
    assert one.idse("sync", "push").returncode == 0
    assert two.idse("sync", "pull").returncode == 0
    assert two.idse("sync", "pull").returncode == 0
    assert not (two.path / ".git/idse/conflicts").exists()


@pytest.mark.parametrize("name", ["notes.md", "images/notes.md", "implementation/notes.md"])
def test_a_conflict_in_another_file_is_told_everywhere_and_led_out_of(clones, name):
    one, two = clones
    for repo in clones:
        repo.write(f"{FOLDER}/{name}", f"first\n{repo.path.name}\n")
        assert repo.idse("save", "login").returncode == 0
    one.idse("sync", "push")
    done = two.idse("sync", "push")
    assert done.returncode == 3
    assert f"conflict markers in {name}, line 2" in done.stderr
    assert f"{name}, line 2" in two.idse("doctor").stdout + two.idse("doctor").stderr
    assert f"conflict markers in {name}, line 2" in two.idse("validate").stderr
    assert f"conflict in the ledger: {name}, line 2" in two.idse("status").stdout
    assert answer(two, "status")["data"]["conflicts"] == [{"stage": None, "path": name, "line": 2}]
    step = answer(two, "next")["data"]
    assert (step["commands"], step["stage"], step["artifact"]) == (["idse restore"], None, name)
    assert two.idse("restore").returncode == 0
    assert answer(two, "next")["data"]["commands"] == ["idse save"]
    two.write(f"{FOLDER}/{name}", "first\nboth\n")
    assert two.idse("save").returncode == 0
    assert answer(two, "status")["data"]["conflicts"] == []
    assert answer(two, "next")["data"]["commands"] == ["idse stage complete intent"]


def test_markers_that_are_only_shown_are_no_conflict(begun, bare_remote):
    begun.idse("sync", "setup", str(bare_remote.path))
    begun.write(f"{FOLDER}/notes.md", "    <<<<<<< shown\n\n>>>>>>>> quoted\n")
    assert begun.idse("save", "login").returncode == 0
    assert begun.idse("sync", "push").returncode == 0
