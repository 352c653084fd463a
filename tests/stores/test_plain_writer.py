"""Events are appended to a ledger in any DesignStore."""

from __future__ import annotations

import os

import pytest

from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.stores.filesystem_store import FilesystemStore
from idse_orchestrator.stores.plain_documents import Place
from idse_orchestrator.stores.plain_folders import Folders
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
