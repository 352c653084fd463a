"""The documents that ledgers of a store hold: found again, and no more is read than is asked for."""

from __future__ import annotations

import pytest

from idse_orchestrator.stores.entry import Content, entry_id, make_entry
from idse_orchestrator.stores.plain_ledgers import StoreLedgerDocuments
from memory_store import MemoryStore

SESSIONS = ("login", "pay", "search")


class Watched(MemoryStore):
    """A store that notes whose entries were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def entries(self, key):
        self.asked.append(key[1])
        return super().entries(key)


def made(text, parents=(), artifacts=None):
    content = Content(b"{}", b'{"lamport":1}', artifacts)
    return make_entry(content, parents, "A <a@example.invalid> 1700000000 +0000", text)


@pytest.fixture
def store():
    store = Watched()
    for session in SESSIONS:
        spec = store.save_artifact(session.encode())
        first = made(f"{session}\n")
        second = made("spec\n", [entry_id(first)], {"spec.md": spec})
        store.save_session(("portal", session), [first, second], None)
    return store


def test_the_history_of_one_session_reads_that_ledger_alone(store):
    documents = StoreLedgerDocuments(store)
    tip = documents.tips("portal")["pay"]
    store.asked.clear()
    found = documents.history([tip.commit])
    assert store.asked == ["pay"]
    assert set(found) == {tip.commit, *tip.parents}
    assert found[tip.commit] == tip


def test_a_history_is_found_without_asking_for_the_tips_before(store):
    tip = store.load_session(("portal", "search")).tip
    found = StoreLedgerDocuments(store).history([tip])
    assert set(found) == {tip, *found[tip].parents}


def test_a_ledger_that_moved_meanwhile_still_holds_the_history_that_was_asked_for(store):
    documents = StoreLedgerDocuments(store)
    tip = documents.tips("portal")["pay"].commit
    store.save_session(("portal", "pay"), [made("more\n", [tip])], tip)
    assert tip in documents.history([tip])
