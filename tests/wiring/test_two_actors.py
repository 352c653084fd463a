"""Two actors at once in one process, on one bare repository: each signs the events it appended."""

from __future__ import annotations

import os
import threading
from itertools import pairwise

import pytest

from idse_orchestrator.ledger.events import Actor, Draft, event_from_json
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.wiring.ledgers import git_joiner, git_source, git_writer
from idse_orchestrator.worktree.work_tree import discover

ANN = Actor("Ann", "ann@example.org", "claude", "01AAAAAAAAAAAAAAAAAAAAAAAA")
BEN = Actor("Ben", "ben@example.org", "codex", "01BBBBBBBBBBBBBBBBBBBBBBBB")
EACH = 100
TOGETHER = 5
"""After so many appends one waits for the other, so that neither is done before the other begins."""
SHARED = ("portal", "shared")


@pytest.fixture
def vault(bare_remote, monkeypatch):
    """A bare repository, in a process whose environment says that somebody else acts."""
    monkeypatch.setenv("IDSE_AGENT", "nobody-here")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Nobody Here")
    return discover(str(bare_remote.path), {})


def described(actor, number):
    """What `actor` appends; it begins the ledger where there is none."""
    title = {"title": f"{actor.name} {number}"}
    return lambda tip: Draft("described" if tip else "created", title)


def act(vault, actor, together, failures):
    """Append to the ledger that both share and to the actor's own, by turns."""
    writer = git_writer(vault, lambda: actor)
    try:
        for number in range(EACH):
            if number % TOGETHER == 0:
                together.wait(60)
            writer.append(*SHARED, described(actor, number))
            writer.append("portal", actor.name.lower(), described(actor, number))
    except BaseException as error:  # noqa: BLE001 - a thread has nobody else to tell
        failures.append(error)
        together.abort()


@pytest.fixture
def entries(vault):
    """Commit, author, committer and event of each entry, by ledger, the oldest first."""
    before, failures, together = dict(os.environ), [], threading.Barrier(2)
    threads = [threading.Thread(target=act, args=(vault, who, together, failures)) for who in (ANN, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert (failures, dict(os.environ)) == ([], before)

    def of(session):
        rows = vault.git.lines(
            "log", "--reverse", "--format=%H%x09%an <%ae>%x09%cn <%ce>", session_ref("portal", session)
        )
        for row in rows:
            commit, author, committer = row.split("\t")
            data = vault.git.bytes("cat-file", "blob", f"{commit}:event.json")
            yield author, committer, event_from_json(data)

    return {session: list(of(session)) for session in ("shared", "ann", "ben")}


def test_two_actors_in_two_threads_sign_their_own_events_and_lose_none(vault, entries):
    for session, ours in entries.items():
        for author, committer, event in ours:
            who = ANN if event.body["title"].startswith("Ann") else BEN
            assert event.actor == who._replace(replica=""), session
            assert event.replica == who.replica
            assert author == committer == f"{who.name} <{who.email}>"
    wanted = {name: [f"{name} {number}" for number in range(EACH)] for name in ("Ann", "Ben")}
    titles = [event.body["title"] for _, _, event in entries["shared"]]
    assert {name: [each for each in titles if each.startswith(name)] for name in wanted} == wanted
    assert [event.body["title"] for _, _, event in entries["ann"]] == wanted["Ann"]
    assert [event.body["title"] for _, _, event in entries["ben"]] == wanted["Ben"]
    assert [event.lamport for _, _, event in entries["shared"]] == list(range(1, 2 * EACH + 1))
    report = check_ledgers(git_source(vault), expected=git_joiner(vault).expected)
    assert not report.defects
    vault.git.bytes("fsck", "--strict", "--no-dangling")

    turns = [event.actor.name for _, _, event in entries["shared"]]
    assert sum(one != other for one, other in pairwise(turns)) >= EACH / TOGETHER
