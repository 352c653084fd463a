"""Events are appended to a ledger in any DesignStore."""

from __future__ import annotations

import json
import os

import pytest

from idse_orchestrator.errors import CorruptLedgerError, NewerLedgerError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.ledger.refs import HIGHEST
from idse_orchestrator.stores.entry import Content, make_entry
from idse_orchestrator.stores.filesystem_store import FilesystemStore
from idse_orchestrator.stores.plain_documents import Place
from idse_orchestrator.stores.plain_ledgers import Folders, StoreLedgerReader
from idse_orchestrator.wiring.acting import PlainActing
from idse_orchestrator.wiring.ledgers import store_writer
from memory_store import MemoryStore

LOGIN = ("portal", "login")
TWO = (Draft("created", {}), Draft("described", {"title": "Log in"}))


@pytest.fixture(params=["memory", "filesystem"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FilesystemStore(str(tmp_path / "store"))


@pytest.fixture
def writer(store, tmp_path):
    place = Place(str(tmp_path), "", "filesystem")
    return store_writer(place.private, store, Folders(store), PlainActing(place.private, os.environ, str))


def test_events_that_are_planned_together_stand_one_after_the_other(store, writer):
    first, second = writer.append_all(*LOGIN, lambda _: TWO)
    assert (first.state.lamport, second.state.lamport, second.state.title) == (1, 2, "Log in")
    assert store.load_session(LOGIN).tip == second.commit
    third = writer.append(*LOGIN, lambda _: TWO[1])
    assert (third.state.events, store.load_session(LOGIN).tip) == (3, third.commit)
    assert writer.append_all(*LOGIN, lambda _: ()) == [third]


def test_of_events_that_are_planned_together_none_is_seen_where_one_cannot_be_written(store, writer):
    first = writer.append(*LOGIN, lambda _: TWO[0])
    with pytest.raises(CorruptLedgerError):
        writer.append_all(*LOGIN, lambda _: (TWO[1], Draft("edited", {}, artifacts="1" * 40)))
    assert store.load_session(LOGIN).tip == first.commit


def test_a_ledger_of_a_newer_format_needs_a_newer_idse_and_is_not_damaged(store, writer):
    tip = writer.append(*LOGIN, lambda _: TWO[0])
    newest = next(iter(store.entries(LOGIN)))
    state = json.dumps({**json.loads(newest.state), "format": HIGHEST + 1}).encode()
    content = Content(newest.event, state, newest.artifacts)
    newer = make_entry(content, [tip.commit], "Ada <ada@example.org> 0 +0000", "idse: paint\n")
    store.save_session(LOGIN, [newer], tip.commit)
    for ask in (
        lambda: writer.append(*LOGIN, lambda _: TWO[1]),
        lambda: StoreLedgerReader(store, Folders(store)).session(*LOGIN),
    ):
        with pytest.raises(NewerLedgerError, match="needs a newer idse"):
            ask()
