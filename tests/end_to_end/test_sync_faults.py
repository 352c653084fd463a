"""What goes wrong on the way to an Agency loses nothing, doubles nothing, and is never called a success."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import pytest

IDSE = str(pathlib.Path(sys.executable).parent / "idse")
FOLDER = ".idse/projects/portal/sessions"
LOGIN = "refs/idse/sessions/portal/login"
PAY = "refs/idse/sessions/portal/pay"
SUCCESS = re.compile(r"\bpushed\b|\bpulled\b|\bmerged\b|up to date")
NUMBER = iter(range(1_000_000))


def published(repo):
    rows = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse").splitlines()
    return dict(row.split(" ") for row in rows)


def sync(repo, direction="push"):
    done = repo.idse("sync", direction, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


def edit(repo, session="login", name="intent.md"):
    """Save a text that no one saved before; the ledger commit that has it."""
    repo.write(f"{FOLDER}/{session}/{name}", f"# A title\n\nText {next(NUMBER)}.\n")
    done = repo.idse("save", session)
    assert done.returncode == 0, done.stderr
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


def hook(repo, name, script):
    path = repo.path / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def assert_no_success(done):
    """Nothing that a person or a program reads sounds as if all were well."""
    assert not SUCCESS.search(done.stdout), done.stdout
    assert not SUCCESS.search(done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def assert_nothing_is_left_behind(repo):
    names = [path.name for path in (repo.path / ".git/idse").iterdir()]
    assert [name for name in names if name.startswith("incoming-")] == []
    assert repo.git("for-each-ref", "refs/idse-local/pending/", "refs/idse-local/outgoing/") == ""
    assert list((repo.path / ".git/refs/idse").rglob("*.lock")) == []


def assert_same(*repos):
    first, *others = map(published, repos)
    for other in others:
        assert other == first


@pytest.fixture
def agency(bare_remote):
    return bare_remote


@pytest.fixture
def one(begun, agency):
    """A clone with the sessions login and pay, both on the Agency."""
    assert begun.idse("session", "new", "pay").returncode == 0
    assert begun.idse("sync", "setup", str(agency.path)).returncode == 0
    sync(begun)
    return begun


@pytest.fixture
def clone_of(tmp_path, agency):
    """``clone_of(repo, name)``: another clone of its code and its ledgers, with an id of its own."""

    def make(repo, name):
        path = tmp_path / name
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(repo.path), str(path)], check=True)
        other = type(repo)(path)
        other.git("remote", "remove", "origin")
        assert other.idse("sync", "setup", str(agency.path)).returncode == 0
        sync(other, "pull")
        assert other.idse("init", "portal", "--no-hooks").returncode == 0
        return other

    return make


@pytest.fixture(params=[True, False], ids=["atomic", "not atomic"])
def any_agency(one, agency, request):
    """The Agency, with and without atomic pushes."""
    agency.git("config", "receive.advertiseAtomic", str(request.param).lower())
    return agency


def test_a_hook_that_declines_one_ref_keeps_no_other_back(one, any_agency):
    hook(any_agency, "update", f'test "$1" != {LOGIN} || {{ echo login is closed >&2; exit 1; }}')
    before = published(any_agency)
    edit(one)
    pay = edit(one, "pay")
    done = one.idse("sync", "push", "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, data["ok"]) == (1, False)
    assert {ref["ref"]: ref["result"] for ref in data["refs"] if "/sync/" not in ref["ref"]} == {
        LOGIN: "rejected",
        PAY: "pushed",
    }
    assert "login is closed" in next(ref["why"] for ref in data["refs"] if ref["ref"] == LOGIN)
    there = published(any_agency)
    assert (there[PAY], there[LOGIN]) == (pay, before[LOGIN])
    noted = json.loads(any_agency.git("show", f"{data['sync_point']}:sync.json"))
    assert [move["ref"] for move in noted["refs"]] == [PAY]
    assert_nothing_is_left_behind(one)


def test_what_a_hook_declined_goes_with_the_next_push_and_is_told_until_then(one, any_agency):
    closed = hook(any_agency, "update", f'test "$1" != {LOGIN}')
    edit(one)
    for _ in range(2):
        done = one.idse("sync", "push")
        assert done.returncode == 1
        assert "portal/login" in done.stdout
        assert_no_success(done)
    closed.unlink()
    assert [ref["result"] for ref in sync(one)["refs"]] == ["pushed"]
    assert_same(one, any_agency)


def test_a_hook_that_declines_sync_points_keeps_no_ledger_back(one, any_agency):
    hook(any_agency, "update", 'case "$1" in refs/idse/sync/*) exit 1;; esac')
    tip = edit(one)
    done = one.idse("sync", "push", "--json")
    data = json.loads(done.stdout)["data"]
    assert done.returncode == 1
    assert {ref["result"] for ref in data["refs"] if "/sync/" in ref["ref"]} == {"rejected"}
    assert published(any_agency)[LOGIN] == tip
    assert data["sync_point"] is None
    assert_nothing_is_left_behind(one)


def test_more_declined_refs_than_a_push_has_tries_keep_no_other_back(one, agency):
    from idse_orchestrator.app.ports import Draft
    from idse_orchestrator.git.ledger.writer import GitLedgerWriter
    from idse_orchestrator.git.repository import discover

    writer = GitLedgerWriter(discover(str(one.path)))
    for number in range(35):
        body = {"project": "portal", "session": f"closed-{number}", "type": "feature"}
        writer.append("portal", f"closed-{number}", lambda _, body=body: Draft("created", body))
    hook(agency, "update", 'case "$1" in */closed-*) exit 1;; esac')
    pay = edit(one, "pay")
    done = one.idse("sync", "push", "--json")
    results = [ref["result"] for ref in json.loads(done.stdout)["data"]["refs"]]
    assert (done.returncode, results.count("rejected")) == (1, 35)
    assert published(agency)[PAY] == pay


def test_a_hook_that_declines_everything_is_told_for_every_ref(one, any_agency):
    hook(any_agency, "pre-receive", "echo closed for today >&2; exit 1")
    before = published(any_agency)
    edit(one)
    edit(one, "pay")
    done = one.idse("sync", "push")
    assert done.returncode == 1
    assert done.stdout.count("closed for today") >= 2
    assert_no_success(done)
    assert published(any_agency) == before
    assert_nothing_is_left_behind(one)
