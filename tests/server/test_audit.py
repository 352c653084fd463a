"""The audit: a chain in which nothing can be changed, dropped, added or moved unseen."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import threading

import pytest

from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.issued_keys import Wanted

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


class TestCommand:
    """`idse agency audit`, and the comparison with backups."""

    @pytest.fixture
    def acme(self, tenants, clock):
        tenants.add_client("acme")
        clock.at += 3600
        tenants.add_repository(Place("acme", "shop"))
        key, _ = tenants.admin.keys.issue(Wanted("acme", name="=HYPERLINK(1)", emails=("ann@example.org",)))
        clock.at += 86_400
        detail = json.dumps({"push": "1", "refs": [["refs/idse/sessions/portal/login", "", "a" * 40]]})
        mine = tenants.admin.client("acme").id
        tenants.admin.audit.write(AuditEntry(mine, "push", key.id, "shop", detail=detail))
        tenants.add_client("beta")
        return tenants

    @pytest.mark.usefixtures("acme")
    def test_rows_come_newest_first_with_names_and_in_short(self, agency):
        lines = agency("audit").out.splitlines()
        assert sorted(line.split("  ")[1:3] for line in lines[:2]) == [
            ["acme/shop", "push"],
            ["beta", "client add"],
        ]
        assert sorted(line.split("  ")[1:3] for line in lines[2:]) == [
            ["acme", "client add"],
            ["acme", "key issue"],
            ["acme/shop", "repository add"],
        ]
        assert lines == sorted(lines, key=lambda line: line[:20], reverse=True)
        assert any(line.endswith("<ann@example.org>  sessions/portal/login") for line in lines)
        assert len(agency("audit", "acme").out.splitlines()) == 4
        assert len(agency("audit", "-n", "2").out.splitlines()) == 2
        assert len(agency("audit", "--since", "2023-11-15").out.splitlines()) == 2
        assert agency("audit", "--since", "1h").out == ""  # the tests' clock stands in 2023
        assert agency("audit", "--since", "soon").code == 2
        assert agency("audit", "nobody").code == 2

    @pytest.mark.usefixtures("acme")
    def test_json_and_csv(self, agency):
        told = agency("audit", "acme", "--json")
        push = next(row for row in told.data if row["action"] == "push")
        assert push["detail"]["refs"][0][0] == "refs/idse/sessions/portal/login"
        assert (push["client"], push["repository"], push["rule"]) == ("acme", "shop", None)
        assert json.loads(agency("audit", "acme", "--format", "json").out)["data"] == told.data
        rows = list(csv.DictReader(io.StringIO(agency("audit", "acme", "--format", "csv").out)))
        assert len(rows) == 4
        assert {row["holder"][0] for row in rows if row["holder"]} == {"'"}
        assert agency("audit", "--format", "csv", "--json").code == 2

    def test_a_chain_that_was_written_anew_is_found_by_the_last_backup(self, agency, acme, tmp_path):
        assert agency("backup", str(tmp_path / "b")).code == 0
        assert "has all 5 rows" in agency("doctor", "-v").out
        mine = acme.admin.client("acme").id
        rows = acme.admin.audit.rows(mine)
        with acme.admin.database.writing() as writing:
            writing.run("DELETE FROM audit WHERE client_id = :client", client=mine)
            writing.run("DELETE FROM audit_heads WHERE client_id = :client", client=mine)
        for row in rows[:-1]:
            acme.admin.audit.write(AuditEntry(mine, row["action"], row["key_id"], row["repository"]))
        assert acme.admin.audit.verify() == []
        told = agency("doctor")
        assert told.code == 1
        assert f"row 4 of client {mine}: it is in the backup, and not here" in told.out
        acme.admin.audit.write(AuditEntry(mine, "push"))
        assert "it is another one than in the backup" in agency("doctor").out
        os.unlink(acme.home.last_backup)
        assert agency("doctor").code == 0
        assert agency("doctor", "--backup", str(tmp_path / "b")).code == 1
        assert agency("doctor", "--backup", str(tmp_path / "none")).code == 1

    def test_a_restore_tells_of_an_audit_that_does_not_hold(self, agency, acme, tmp_path):
        with acme.admin.database.writing() as writing:
            writing.run("UPDATE audit SET action = 'other' WHERE id = 2")
        assert agency("backup", str(tmp_path / "b")).code == 0
        told = agency("restore", str(tmp_path / "b"), "--home", str(tmp_path / "new"))
        assert (told.code, "the audit of the backup does not hold: row 2" in told.err) == (1, True)
