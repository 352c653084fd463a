"""The index of a long ledger: complete up to the commit it was asked about, made again where it is broken."""

from __future__ import annotations

import os

import pytest

from here import discover, ledger_writer
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.ledger import event_index
from idse_orchestrator.ledger.event_index import EventIndex
from idse_orchestrator.ledger.events import Draft

REF = "refs/idse/sessions/portal/login"


class Ledger:
    """A ledger of one event more with each `append`, and its index."""

    def __init__(self, repo):
        self.repo = repo
        self.vault = discover(str(repo.path))
        self.writer = ledger_writer(self.vault)
        self.events = {}
        self.folder = os.path.join(self.vault.private, "events")

    def append(self, count=1):
        for _ in range(count):
            kind = "described" if self.events else "created"
            body = {"title": f"title {len(self.events)}"} if self.events else {"session": "login"}
            made = self.writer.append("portal", "login", lambda _, kind=kind, body=body: Draft(kind, body))
            event = self.repo.git("log", "-1", "--format=%(trailers:key=Idse-Event,valueonly)", REF).strip()
            self.events[event] = made.commit
        return self.repo.git("rev-parse", REF)

    def covering(self, tip, *, make=True, ref=REF):
        return EventIndex(self.vault.private, self.vault.git).covering(ref, tip, make=make)

    def is_complete(self, table):
        return all(table.commits(event) == [commit] for event, commit in self.events.items())


@pytest.fixture
def ledger(repo, monkeypatch):
    """Few rows are sorted already, so that both parts of a table are asked."""
    monkeypatch.setattr(event_index, "_FEWEST", 4)
    return Ledger(repo)


def test_nothing_is_made_where_nobody_asked_for_it(ledger):
    assert ledger.covering(ledger.append(), make=False) is None
    assert not os.path.exists(ledger.folder)


def test_every_event_is_found_however_the_ledger_grew(ledger):
    for count in (1, 3, 1, 1, 7, 1):
        tip = ledger.append(count)
        assert ledger.is_complete(ledger.covering(tip))
    assert ledger.covering(tip).commits("7ZZZZZZZZZZZZZZZZZZZZZZZZZ") == []
    assert len(os.listdir(ledger.folder)) == 2


def test_a_prefix_finds_all_that_begin_with_it(ledger):
    table = ledger.covering(ledger.append(9))
    shared = min(ledger.events)[:5]
    wanted = [commit for event, commit in ledger.events.items() if event.startswith(shared)]
    assert sorted(table.commits(shared)) == sorted(wanted)


def test_an_index_that_is_ahead_serves_for_what_came_before(ledger):
    before, after = ledger.append(6), ledger.append(2)
    ledger.covering(after)
    files = sorted(os.listdir(ledger.folder))
    assert ledger.is_complete(ledger.covering(before))
    assert sorted(os.listdir(ledger.folder)) == files


def test_a_ledger_that_went_another_way_is_known_on_both(ledger):
    fork, one = ledger.append(5), ledger.append(3)
    ledger.covering(one)
    ledger.repo.git("update-ref", REF, fork)
    other = ledger.append(3)
    for tip in (other, one, other):
        assert ledger.is_complete(ledger.covering(tip))


def test_nothing_new_is_read_twice(ledger, monkeypatch):
    ledger.covering(ledger.append(6))
    read = []
    kept = EventIndex._rows_since
    monkeypatch.setattr(
        EventIndex, "_rows_since", lambda self, *tips: read.append(kept(self, *tips)) or read[-1]
    )
    for _ in range(3):
        ledger.covering(ledger.append())
    assert [len(rows) for rows in read] == [1, 1, 1]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0" * 99, None])
@pytest.mark.parametrize("which", [0, 1])
def test_a_broken_or_missing_file_is_made_again(ledger, damage, which):
    tip = ledger.append(7)
    ledger.covering(tip)
    path = os.path.join(ledger.folder, sorted(os.listdir(ledger.folder))[which])
    os.unlink(path)
    if damage is not None:
        with open(path, "wb") as file:
            file.write(damage)
    assert ledger.is_complete(ledger.covering(tip))
    assert ledger.is_complete(ledger.covering(ledger.append()))


def test_rows_that_were_torn_are_not_believed(ledger):
    ledger.covering(ledger.append(6))
    tip = ledger.append(2)
    ledger.covering(tip)
    path = os.path.join(ledger.folder, min(os.listdir(ledger.folder)))
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 1)
    assert ledger.is_complete(ledger.covering(tip))


def test_a_commit_that_is_gone_begins_the_index_anew(ledger):
    fork, gone = ledger.append(3), ledger.append(3)
    ledger.covering(gone)
    for event, commit in list(ledger.events.items()):
        if commit not in ledger.repo.git("rev-list", fork).split():
            del ledger.events[event]
    ledger.repo.git("update-ref", REF, fork)
    ledger.repo.git("reflog", "expire", "--expire=now", "--all")
    ledger.repo.git("gc", "--quiet", "--prune=now")
    assert ledger.is_complete(ledger.covering(ledger.append()))


def test_what_git_cannot_read_is_no_index(ledger):
    ledger.append()
    with pytest.raises(GitFailedError):
        ledger.covering("1" * 40)


def test_words_that_look_like_a_commit_lead_nowhere_else(ledger):
    tip = ledger.append()
    reason = f"why\n\ncommit {'1' * 40}\nIdse-Event: {'0' * 26}"
    made = ledger.writer.append(
        "portal", "login", lambda _: Draft("described", {"title": "x", "reason": reason})
    )
    table = ledger.covering(made.commit)
    assert ledger.is_complete(table)
    assert set(table.commits("0")) == {tip, made.commit}


def test_a_folder_that_cannot_be_written_takes_nothing_away(ledger):
    tip = ledger.append(6)
    os.makedirs(ledger.vault.private, exist_ok=True)
    with open(ledger.folder, "w", encoding="utf-8") as file:
        file.write("in the way")
    assert ledger.is_complete(ledger.covering(tip))
