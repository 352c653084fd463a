"""Documents of ledgers: now, at every commit, and only with the bytes they are named by."""

from __future__ import annotations

import pytest

from here import discover, ledger_writer
from idse_orchestrator.claims.ledger_documents import GitLedgerDocuments
from idse_orchestrator.ledger.events import Draft


@pytest.fixture
def ledgers(repo):
    repository = discover(str(repo.path))
    writer = ledger_writer(repository, clock=lambda: 1_767_225_600)

    def say(session, text, project="portal"):
        repo.write("scratch", text)
        blob = repo.git("hash-object", "-w", "--no-filters", "scratch")
        tree = repo.git("mktree", stdin=f"100644 blob {blob}\tspec.md\n")
        created = {"project": project, "session": session}
        plan = lambda tip: Draft("edited" if tip else "created", {} if tip else created, tree)  # noqa: E731 - a plan
        return writer.append(project, session, plan).commit, blob

    return say, GitLedgerDocuments(repository)


def test_tips_are_those_of_every_session_of_the_project_and_of_no_other(ledgers):
    say, documents = ledgers
    pay, blob = say("pay", "one")
    say("pay", "two", "other")
    say("portal2", "three", "portal2")
    tips = documents.tips("portal")
    assert list(tips) == ["pay"]
    assert (tips["pay"].commit, tips["pay"].blobs, tips["pay"].day) == (pay, {"spec": blob}, "2026-01-01")
    assert documents.tips("nobody") == {}


def test_the_history_has_every_commit_with_its_parents_and_documents(ledgers):
    say, documents = ledgers
    (first, one), (second, two) = say("pay", "one"), say("pay", "two")
    history = documents.history([second])
    assert {name: (each.parents, each.blobs["spec"]) for name, each in history.items()} == {
        first: ((), one),
        second: ((first,), two),
    }
    assert documents.history([]) == {}
    assert documents.history(["0" * 40]) == {}


def test_a_ref_that_is_no_commit_is_left_out(ledgers, repo):
    say, documents = ledgers
    _, blob = say("pay", "one")
    repo.git("update-ref", "refs/idse/sessions/portal/odd", blob)
    assert list(documents.tips("portal")) == ["pay"]


def test_a_commit_without_a_date_is_left_out(ledgers, repo):
    say, documents = ledgers
    commit, _ = say("pay", "one")
    tree = repo.git("rev-parse", f"{commit}^{{tree}}")
    data = f"tree {tree}\nauthor a <a@b>\ncommitter a <a@b>\n\nodd\n"
    odd = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=data)
    repo.git("update-ref", "refs/idse/sessions/portal/odd", odd)
    assert list(documents.tips("portal")) == ["pay"]
    assert documents.history([odd]) == {}


def test_contents_are_the_bytes_of_blobs_and_nothing_else(ledgers, repo):
    say, documents = ledgers
    commit, blob = say("pay", "one\r\n")
    assert documents.contents([blob, "", blob, commit, "0" * 40]) == {blob: b"one\r\n"}
