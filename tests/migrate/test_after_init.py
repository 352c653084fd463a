"""A template that nobody wrote in gives way to the old session of its name; work of any kind does not."""

from __future__ import annotations

import pytest

REF = "refs/idse/sessions/portal/__blueprint__"
INTENT = ".idse/projects/portal/sessions/__blueprint__/intent.md"


@pytest.fixture
def source(old):
    old.session("D", "__blueprint__")
    return old


@pytest.fixture
def begun(taker):
    """What `idse init` leaves, committed."""
    assert taker.idse("init", "portal").returncode == 0
    taker.commit("start")
    return taker


def test_a_template_gives_way_with_its_folder(begun, source):
    planned = begun.idse("migrate", str(source.path), "--dry-run").stdout
    assert "portal/__blueprint__: new, instead of a template that nobody wrote in" in planned
    data = begun.migrate(source)
    assert data["written"] == ["portal/__blueprint__"]
    assert begun.kinds("portal/__blueprint__")[:2] == ["created", "migrated"]
    assert begun.read(INTENT) == (source.path / source.where("D", "intent", "__blueprint__")).read_bytes()
    assert begun.is_sound()
    assert not begun.migrate(source)["changed"]


def test_so_does_one_that_was_not_committed(taker, source):
    assert taker.idse("init", "portal").returncode == 0
    assert taker.migrate(source)["written"] == ["portal/__blueprint__"]
    assert taker.is_sound()


def _written(taker):
    taker.write(INTENT, "# Intent\n\nOurs.\n")


def _saved(taker):
    _written(taker)
    assert taker.idse("save").returncode == 0


def _described(taker):
    assert taker.idse("session", "set", "--title", "The shop").returncode == 0


def _typed(taker):
    assert taker.idse("session", "set", "--owner", "ana").returncode == 0


def _side_file(taker):
    taker.write(INTENT.replace("intent.md", "notes.txt"), "ours")


def _published(taker):
    taker.run("git", "init", "-q", "--bare", "../agency.git")
    done = taker.idse("sync", "setup", "../agency.git")
    assert done.returncode == 0, done.stderr
    assert taker.idse("sync", "push").returncode == 0


@pytest.mark.parametrize("work", [_written, _saved, _described, _typed, _side_file, _published])
def test_work_of_any_kind_stays_and_the_way_is_told(begun, source, work):
    work(begun)
    tip, text = begun.git("rev-parse", REF), begun.read(INTENT)
    done = begun.idse("migrate", str(source.path))
    assert done.returncode == 3
    assert "another session has that name here" in done.stdout
    assert "idse migrate PATH --project NAME" in done.stderr
    assert (begun.git("rev-parse", REF), begun.read(INTENT)) == (tip, text)
    assert begun.migrate(source, "--project", "older")["written"] == ["older/__blueprint__"]


def test_a_session_that_was_spawned_with_a_title_of_its_own_stays(begun, source):
    source.session("D", "login")
    assert begun.idse("spawn", "login", "--title", "Ours").returncode == 0
    data = begun.migrate(source, exits=3)
    assert data["written"] == ["portal/__blueprint__"]
    assert begun.state("portal/login")["title"] == "Ours"


def test_the_other_sessions_come_over_all_the_same(begun, source):
    source.session("D", "login")
    _saved(begun)
    assert begun.migrate(source, exits=3)["written"] == ["portal/login"]


def test_a_session_that_has_only_its_plan_gets_a_document_to_write_where_a_stage_begins(taker, old):
    old.put(old.where("C", "plan"), "# Plan\n\nOnly the plan was ever written down.\n")
    taker.migrate(old)
    assert taker.idse("stage", "start", "intent").returncode == 0
    assert b"# Intent" in taker.read(".idse/projects/portal/sessions/login/intent.md")
