"""The git ledger as a store: what concerns git alone."""

from __future__ import annotations

import subprocess

import pytest

from here import discover
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.stores.entry import Content, make_entry
from idse_orchestrator.stores.git_ledger import GitStore

KEY = ("portal", "login")


@pytest.fixture
def store(repo):
    store = GitStore(discover(str(repo.path)))
    content, who = Content(b"{}", b'{"lamport":1}'), "A <a@example.invalid> 1700000000 +0000"
    begun = make_entry(content, [], who, "begin\n")
    store.save_session(KEY, [begun], None)
    return store


def test_looking_at_one_ledger_after_another_starts_no_program_for_each(store, monkeypatch):
    tip = store.load_session(KEY).tip
    monkeypatch.setattr(subprocess, "Popen", lambda *_args, **_more: pytest.fail("a program was started"))
    assert store.load_session(KEY).tip == tip
    assert len(list(store.entries(KEY))) == 1


def test_a_tip_that_git_moved_meanwhile_is_seen(store, repo):
    assert store.load_session(KEY) is not None
    repo.git("pack-refs", "--all")
    assert store.load_session(KEY) is not None
    repo.git("update-ref", "-d", "refs/idse/sessions/portal/login")
    assert store.load_session(KEY) is None


def test_a_ref_that_holds_nonsense_is_damage(store, repo):
    (repo.path / ".git/refs/idse/sessions/portal/login").write_text("nonsense\n")
    with pytest.raises(CorruptLedgerError, match="damaged"):
        store.load_session(KEY)
