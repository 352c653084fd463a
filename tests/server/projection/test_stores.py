"""What every store promises, whichever engine is below."""

from __future__ import annotations

import concurrent.futures

import pytest

from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.projection import schema
from idse_orchestrator.server.projection.store import EVERYONE
from projection_bed import row_of

CLIENTS = ("a", "b")


@pytest.fixture
def store(opened, home):
    """A store in which each client has one row in each table."""
    made = opened(home)
    made.make()
    with made.writing(EVERYONE) as writing:
        for table in schema.tables().values():
            writing.add(table.name, [row_of(table, client) for client in CLIENTS])
    return made


@pytest.mark.parametrize("name", [*schema.tables(), *schema.views()])
def test_a_client_sees_its_rows_whatever_it_asks_for(store, name):
    table = schema.tables().get(name)
    tenant = table.tenant if table else "client_id"
    for client in CLIENTS:
        assert {row[tenant] for row in store.read(f"SELECT * FROM {name}", client=client)} == {client}
        asked = f"SELECT * FROM {name} WHERE {tenant} <> :client OR 1 = 1"
        assert {row[tenant] for row in store.read(asked, client=client)} == {client}
    assert store.read(f"SELECT * FROM {name}", client="nobody") == []
    assert {row[tenant] for row in store.read(f"SELECT * FROM {name}", client=EVERYONE)} == set(CLIENTS)


def test_who_reads_cannot_write(store):
    for client in (*CLIENTS, EVERYONE):
        with store.reading(client) as reading, pytest.raises(Exception, match=r"(?i)read-?only|view"):
            reading.read("DELETE FROM sessions")
        with pytest.raises(IdseError):
            store.read("DELETE FROM sessions", client=client)
    assert len(store.read("SELECT * FROM sessions", client=EVERYONE)) == len(CLIENTS)


def test_threads_that_share_connections_never_see_each_others_client(store):
    def ask(number):
        client = CLIENTS[number % 2]
        seen = {row["client_id"] for row in store.read("SELECT client_id FROM sessions", client=client)}
        with store.reading(client) as reading:
            for _ in range(3):
                seen |= {row["client_id"] for row in reading.read("SELECT client_id FROM events")}
        return seen == {client}

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, range(400)))
        list(pool.map(lambda _: store.close() if store.engine == "sqlite" else None, range(12)))


def test_a_query_amid_that_of_another_client_changes_nothing_for_it(store):
    with store.reading("a") as reading:
        assert [row["client_id"] for row in store.read("SELECT * FROM events", client="b")] == ["b"]
        assert [row["client_id"] for row in reading.read("SELECT * FROM events")] == ["a"]
        assert len(store.read("SELECT * FROM events", client=EVERYONE)) == len(CLIENTS)
        assert [row["client_id"] for row in reading.read("SELECT * FROM events")] == ["a"]


def test_a_transaction_is_of_one_moment(store):
    with store.reading("a") as reading:
        before = reading.read("SELECT * FROM sessions")
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            other.submit(_rename, store).result()
        assert reading.read("SELECT * FROM sessions") == before
    assert [row["title"] for row in store.read("SELECT title FROM sessions", client="a")] == ["other"]


def _rename(store):
    with store.writing("a") as writing:
        writing.run("UPDATE sessions SET title = 'other' WHERE client_id = :client")
    if store.engine == "sqlite":
        store.close()


def test_what_fails_half_way_leaves_nothing(store):
    before = store.read("SELECT * FROM sessions", client=EVERYONE)
    with pytest.raises(RuntimeError):
        _delete_and_stumble(store, RuntimeError)
    with pytest.raises(IdseError):
        _delete_and_stumble(store)
    assert store.read("SELECT * FROM sessions", client=EVERYONE) == before


def _delete_and_stumble(store, error=None):
    with store.writing("a") as writing:
        writing.run("DELETE FROM sessions WHERE client_id = :client")
        if error is not None:
            raise error
        writing.run("SELECT nothing FROM nowhere")


def test_rows_that_are_there_stay_where_they_are_asked_to(store):
    table = schema.tables()["blobs"]
    with store.writing("a") as writing:
        rows = [("a", "blob_id0", "other"), ("a", "new", "text")]
        assert writing.add_new("blobs", rows) == 1
        assert writing.add_new("blobs", rows) == writing.add_new("blobs", []) == 0
        writing.run_many("DELETE FROM blobs WHERE client_id = :client AND blob_id = :id", [{"id": "new"}])
    assert [tuple(row.values()) for row in store.read("SELECT * FROM blobs", client="a")] == [
        row_of(table, "a")
    ]


def test_a_query_may_hold_what_marks_stand_for_elsewhere(store):
    found = store.read("SELECT '100%' AS a, '%s' AS b, 'x:y' AS c, :d AS d", client="a", d="%(e)s :f")
    assert found == [{"a": "100%", "b": "%s", "c": "x:y", "d": "%(e)s :f"}]


def test_tables_of_another_version_are_known_as_such(store, monkeypatch):
    assert store.is_current()
    monkeypatch.setattr(schema, "_MADE_BY", 99)
    schema.version.cache_clear()
    try:
        assert not store.is_current()
    finally:
        monkeypatch.undo()
        schema.version.cache_clear()
    store.make()
    assert store.is_current()
    assert store.read("SELECT * FROM sessions", client=EVERYONE) == []


def test_two_writers_for_one_client_take_turns(store):
    with concurrent.futures.ThreadPoolExecutor(1) as other:
        with store.writing("a") as writing:
            late = other.submit(_rename, store)
            with pytest.raises(TimeoutError):
                late.result(timeout=0.3)
            writing.run("UPDATE sessions SET title = 'mine', owner = 'mine' WHERE client_id = :client")
        late.result(timeout=5)
    found = store.read("SELECT title, owner FROM sessions", client="a")
    assert found == [{"title": "other", "owner": "mine"}]
