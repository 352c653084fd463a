"""Many clients at one server: clones that race, slow ones, and a server that dies under all of them."""

from __future__ import annotations

import os
import subprocess

import pytest

from agency_bed import BIN, bearer
from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

SHARED = "refs/idse/sessions/portal/shared"


def says(repo, session, title=""):
    """Appends an event to a session's ledger, which is made; returns its tip."""
    key = ("portal", session)
    created = Draft("created", {"project": "portal", "session": session})
    writer = ledger_writer(discover(str(repo.path)))
    writer.append(*key, lambda tip: None if tip else created)
    if title:
        writer.append(*key, lambda _: Draft("described", {"title": title}))
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


def started(repo, *words, env):
    """Starts a program in a repository."""
    return subprocess.Popen(
        words, cwd=repo.path, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def pushes(server, place, since=0):
    """The requests that brought a pack for `place`."""
    return [
        each
        for each in server.entries()[since:]
        if (each["method"], each["path"]) == ("POST", f"{place} git-receive-pack")
    ]


@pytest.mark.parametrize(
    ("client", "number", "most"),
    [("few", 4, 6), pytest.param("many", 10, 15, marks=pytest.mark.soak)],
)
def test_clones_that_push_one_session_at_once_end_on_one_id(server, repo, client, number, most):
    place = f"{client}/shop"
    env = bearer(server.key(client))
    repo.write("README.md", "the shop\n")
    repo.commit("begin")
    says(repo, "shared", "begun")
    repo.git("remote", "add", "agency", server.url(place))
    assert repo.idse("sync", "push", env=env).returncode == 0
    clones = [repo.clone(f"clone-{each}") for each in range(number)]
    for each, clone in enumerate(clones):
        clone.git("remote", "add", "agency", server.url(place))
        assert clone.idse("sync", "pull", env=env).returncode == 0
        says(clone, "shared", f"said by {each}")
        says(clone, f"own-{each}", "mine")
    before = len(server.entries())
    racing = [started(clone, str(BIN / "idse"), "sync", "push", env=env) for clone in clones]
    for each in racing:
        out, err = each.communicate(timeout=300)
        assert each.returncode == 0, out + err
    assert number <= len(pushes(server, place, before)) <= most
    tips = set()
    for clone in clones:
        done = clone.idse("sync", "pull", env=env)
        assert done.returncode == 0, done.stderr
        refs = clone.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/sessions")
        assert refs.count("\n") == number
        tips.add(refs)
    assert len(tips) == 1
