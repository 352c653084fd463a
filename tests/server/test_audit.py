"""The audit: a chain in which nothing can be changed, dropped, added or moved unseen."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest

from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import AuditEntry

COLUMNS = (
    *("client_id", "id", "at", "key_id", "action", "repository", "outcome", "rule", "salt", "detail"),
    *("certificate", "details_hash", "previous_hash", "hash"),
)


@pytest.fixture
def chain(admin, clock):
    """Five rows of one client, three of another, and the operator's; returns (admin, client id)."""
    mine, other = admin.add_client("acme").id, admin.add_client("beta").id
    for number in range(4):
        clock.at += 1
        admin.audit.write(
            AuditEntry(mine, "push", f"key{number}", "shop", "ok", "IDSE402", f"detail {number}", "G ann")
        )
    for client in (other, other, ""):
        admin.audit.write(AuditEntry(client, "push", "k", "shop"))
    assert admin.audit.verify() == []
    return admin, mine


def tamper(admin, statement, *values):
    """Writes in the database as somebody would who can: beside idse, and behind its back."""
    connection = sqlite3.connect(admin.database.path)
    count = connection.execute(statement, values).rowcount
    connection.commit()
    connection.close()
    return count


def test_there_is_no_column_that_is_not_tried(chain):
    assert tuple(chain[0].audit.rows(chain[1])[0]) == COLUMNS


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("row", [1, 3, 5])
def test_a_changed_column_is_found(chain, column, row):
    admin, mine = chain
    value = 77 if column == "id" else "other"
    assert (
        tamper(admin, f"UPDATE audit SET {column} = ? WHERE client_id = ? AND id = ?", value, mine, row) == 1
    )
    assert admin.audit.verify() != []


@pytest.mark.parametrize("column", ["detail", "salt", "certificate"])
def test_a_detail_that_is_taken_out_is_found(chain, column):
    admin, mine = chain
    tamper(admin, f"UPDATE audit SET {column} = '' WHERE client_id = ? AND id = 3", mine)
    assert [(fault.id, fault.what) for fault in admin.audit.verify()] == [
        (3, "its detail or certificate was changed")
    ]


def test_all_details_of_a_row_taken_out_without_a_word_are_found(chain):
    admin, mine = chain
    tamper(
        admin,
        "UPDATE audit SET detail = '', salt = '', certificate = '' WHERE client_id = ? AND id = 3",
        mine,
    )
    assert [(fault.id, fault.what) for fault in admin.audit.verify()] == [
        (3, "its detail was taken out, and no row says so")
    ]


@pytest.mark.parametrize("row", [1, 2, 4, 5])
def test_a_dropped_row_is_found_the_last_one_too(chain, row):
    admin, mine = chain
    assert tamper(admin, "DELETE FROM audit WHERE client_id = ? AND id = ?", mine, row) == 1
    assert admin.audit.verify() != []


def test_a_whole_chain_that_is_dropped_is_found(chain):
    admin, mine = chain
    tamper(admin, "DELETE FROM audit WHERE client_id = ?", mine)
    assert [fault.client_id for fault in admin.audit.verify()] == [mine]


def test_a_head_that_is_dropped_is_found(chain):
    admin, mine = chain
    tamper(admin, "DELETE FROM audit_heads WHERE client_id = ?", mine)
    assert admin.audit.verify() != []


def test_rows_that_change_places_are_found(chain):
    admin, mine = chain
    for before, after in ((2, 99), (3, 2), (99, 3)):
        tamper(admin, "UPDATE audit SET id = ? WHERE client_id = ? AND id = ?", after, mine, before)
    assert admin.audit.verify() != []


def test_a_row_that_is_moved_to_another_client_is_found(chain):
    admin, mine = chain
    other = admin.client("beta").id
    tamper(admin, "UPDATE audit SET client_id = ?, id = 4 WHERE client_id = ? AND id = 5", other, mine)
    assert {fault.client_id for fault in admin.audit.verify()} == {mine, other}


def test_a_row_that_is_put_in_is_found(chain):
    admin, mine = chain
    row = {**admin.audit.rows(mine)[-1], "id": 6, "key_id": "me"}
    names = ", ".join(COLUMNS)
    tamper(admin, f"INSERT INTO audit ({names}) VALUES ({', '.join('?' * len(COLUMNS))})", *row.values())
    assert admin.audit.verify() != []


def test_the_chain_goes_on_where_it_was(chain, clock):
    admin, mine = chain
    again = Admin(admin.database.path, lambda: clock.at)
    again.audit.write(AuditEntry(mine, "push"))
    again.close()
    assert admin.audit.verify() == []
    assert [row["id"] for row in admin.audit.rows(mine)] == [1, 2, 3, 4, 5, 6]


def test_a_purge_takes_details_out_and_the_chain_still_holds(chain):
    admin, mine = chain
    admin.add_repository(None, Place("acme", "shop"))
    admin.rename_repository(Place("acme", "shop"), "store")
    admin.audit.write(AuditEntry(mine, "push", "k", "store", detail="a person's name"))
    admin.purge(mine, ("store", "shop"))
    assert admin.audit.verify() == []
    about = [
        row for row in admin.audit.rows(mine) if row["repository"] and row["action"] != "repository purge"
    ]
    assert len(about) == 7
    assert not any(row["detail"] or row["certificate"] or row["salt"] for row in about)
    assert [row["action"] for row in admin.audit.rows(mine)][-2:] == ["repository purge"] * 2
    assert admin.audit.rows(mine)[0]["detail"] == "acme"
    assert admin.audit.rows(admin.client("beta").id)[-1]["salt"]
    admin.audit.write(AuditEntry(mine, "push", "k", "store", detail="after"))
    tamper(admin, "UPDATE audit SET detail = '', salt = '' WHERE client_id = ? AND detail = 'after'", mine)
    assert admin.audit.verify() != []


def test_every_change_of_tenants_and_keys_has_its_row(agency, admin):
    agency("client", "add", "acme")
    agency("repository", "add", "acme/shop")
    key = agency("key", "issue", "acme", "--email", "ann@example.org", "--json").data["id"]
    agency("key", "rotate", key)
    agency("key", "revoke", key)
    agency("repository", "rename", "acme/shop", "store")
    agency("client", "quota", "acme", "--bytes", "1G")
    agency("repository", "archive", "acme/store")
    agency("repository", "delete", "acme/store", "--confirm", "acme/store")
    rows = admin.audit.rows(admin.client("acme").id)
    assert [row["action"] for row in rows] == [
        *("client add", "repository add", "key issue", "key rotate", "key revoke", "repository rename"),
        *("client quota", "repository archive", "repository delete"),
    ]
    assert json.loads(rows[2]["detail"])["emails"] == ["ann@example.org"]
    assert admin.audit.verify() == []


def test_threads_and_clients_write_at_once_and_every_row_is_there(admin):
    clients = [admin.add_client(f"c{number}").id for number in range(3)]

    def write(name):
        for number in range(9):
            admin.audit.write(AuditEntry(clients[number % 3], "push", name, detail=str(number)))
        admin.close()

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admin.audit.verify() == []
    rows = [row for client in clients for row in admin.audit.rows(client, 1, 1000)]
    assert len({(row["key_id"], row["detail"]) for row in rows}) == len(rows) == 45
