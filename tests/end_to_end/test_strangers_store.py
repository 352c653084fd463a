"""A store that somebody else wrote fails: the command says which one, and what it said, and is no defect."""

from __future__ import annotations

import pathlib
import sqlite3

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "how-to" / "write-a-store.md"


@pytest.fixture
def stranger(tmp_path, make_repo):
    """A repository in whose surroundings the store of the how-to is installed and holds project portal."""
    package, ledgers = tmp_path / "package", tmp_path / "ledgers"
    info = package / "sqlite_store-1.0.dist-info"
    info.mkdir(parents=True)
    code = PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    (package / "sqlite_store.py").write_text(code, encoding="utf-8")
    (info / "METADATA").write_text("Name: sqlite-store\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[idse_orchestrator.stores]\nsqlite = sqlite_store:open_store\n")
    repo = make_repo("stranger")
    environment = {"PYTHONPATH": str(package), "IDSE_STORE": f"sqlite:{ledgers}"}
    repo.asks = lambda *words: repo.idse(*words, env=environment)
    assert repo.asks("init", "portal").returncode == 0
    repo.database = ledgers / "ledgers.sqlite"
    return repo


def does(path, *orders):
    database = sqlite3.connect(path)
    for order in orders:
        database.execute(order)
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("order", "words", "told"),
    [
        ("alter table entries rename column state to gone", ("log",), "no such column: state"),
        ("alter table tips rename column tip to gone", ("status",), "no such column: tip"),
        ("alter table contents rename column content to gone", ("show", "@{0}:intent"), "no such column"),
    ],
)
def test_what_a_store_fails_with_is_told_with_its_name(stranger, order, words, told):
    assert stranger.asks("show", "@{0}:intent").returncode == 0
    does(stranger.database, order)
    done = stranger.asks(*words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error[IDSE015]: the store 'sqlite' failed")
    assert (told in done.stderr, str(stranger.database.parent) in done.stderr) == (True, True)


def test_what_fails_while_it_is_read_is_told_too(stranger):
    does(stranger.database, "update entries set artifacts = '[' where id not in (select tip from tips)")
    done = stranger.asks("log")
    assert done.returncode == 2
    assert "entries: JSONDecodeError" in done.stderr


@pytest.mark.parametrize(
    "order",
    [
        """update entries set state = cast('{"forged": true}' as blob) where id in (select tip from tips)""",
        "delete from entries where id in (select tip from tips)",
        "delete from entries where id not in (select tip from tips)",
    ],
)
def test_an_entry_that_was_changed_or_lost_is_named_by_fsck(stranger, order):
    assert stranger.asks("fsck").returncode == 0
    does(stranger.database, order)
    done = stranger.asks("fsck")
    assert done.returncode == 1, done.stderr
    assert "refs/idse/sessions/portal/__blueprint__" in done.stdout


def test_a_document_that_was_changed_is_damage(stranger):
    does(stranger.database, "update contents set content = cast('forged' as blob)")
    done = stranger.asks("show", "@{0}:intent")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[IDSE013]")


def test_a_store_that_was_forgotten_is_asked_for_by_name(stranger, tmp_path):
    folder = tmp_path / "plain"
    (folder / "inside").mkdir(parents=True)
    assert stranger.asks("export", str(tmp_path / "copy")).returncode == 0
    place = f"filesystem:{tmp_path / 'copy'}"
    assert stranger.idse("--store", place, "switch", "portal/__blueprint__", cwd=folder).returncode == 0
    done = stranger.idse("status", cwd=folder / "inside")
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error[IDSE046]: the ledgers of this project are in a store that was not named\n  --> {folder}\n"
    )
    assert stranger.idse("status", cwd=folder / "inside", env={"IDSE_STORE": place}).returncode == 0
