"""The list of sessions, where something is wrong with one of them, or with all."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def portal(repo, once):
    """A project with two sessions, committed."""

    def make():
        assert repo.idse("init", "portal").returncode == 0
        assert repo.idse("spawn", "login").returncode == 0
        repo.git("add", "-A")
        repo.commit("start")

    once(repo, make)
    return repo


@pytest.mark.parametrize("command", [("session", "list"), ("status", "--all")], ids=" ".join)
def test_a_damaged_ledger_is_told_and_hides_no_other(portal, command):
    portal.git("update-ref", "refs/idse/sessions/portal/evil", "HEAD")
    done = portal.idse(*command)
    assert done.returncode == 1
    assert "__blueprint__" in done.stdout
    assert "login" in done.stdout
    assert "refs/idse/sessions/portal/evil" in done.stderr


def test_a_damaged_ledger_is_a_diagnostic_in_json(portal):
    portal.git("update-ref", "refs/idse/sessions/portal/evil", "HEAD")
    done = portal.idse("session", "list", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert [row["session"] for row in told["data"]["sessions"]] == ["__blueprint__", "login"]
    assert [row["code"] for row in told["diagnostics"]] == ["IDSE013"]


def test_a_clone_that_carries_a_project_is_told_where_its_history_may_be(portal):
    done = portal.clone("second").idse("status")
    assert done.returncode == 2
    assert "this branch carries portal, and this clone has no ledger of it" in done.stderr
    assert "idse init portal  # fetches them where the Agency or origin has them" in done.stderr
    assert "idse init portal" in done.stderr
