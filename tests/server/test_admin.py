"""The database of clients and repositories: many at once, killed in the middle, and moved about."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from idse_orchestrator.errors import (
    ConflictError,
    HomeError,
    InvalidNameError,
    NameTakenError,
    NotConfirmedError,
    QuotaError,
    UnknownNameError,
)
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants import database
from idse_orchestrator.server.tenants.admin import Admin, Found, Moved
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.home import read_record
from idse_orchestrator.server.tenants.issued_keys import Wanted

SHOP = Place("acme", "shop")
WRITER = """\
import sys
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.issued_keys import Wanted
from idse_orchestrator.server.tenants.audit import AuditEntry
admin = Admin(sys.argv[1])
number = 0
while True:
    number += 1
    admin.audit.write(AuditEntry(sys.argv[2], "push", sys.argv[3], detail=str(number)))
    if number % 5 == 0:
        admin.keys.issue(Wanted("acme", name=f"{sys.argv[3]}-{number}"))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.fixture
def acme(tenants):
    tenants.add_client("acme")
    tenants.add_repository(SHOP)
    return tenants


def commit(tenants, place=SHOP, ref="refs/heads/main"):
    """Puts a commit into a repository, as a push would."""
    git = ["git", "-C", tenants.home.git_dir(place)]
    tree = (
        subprocess.run([*git, "mktree"], input=b"", capture_output=True, check=True).stdout.decode().strip()
    )
    made = subprocess.run([*git, "commit-tree", "-m", "one", tree], capture_output=True, check=True)
    subprocess.run([*git, "update-ref", ref, made.stdout.decode().strip()], check=True)
    return made.stdout.decode().strip()


class TestNames:
    @pytest.mark.parametrize(
        "name", ["", "Acme", "a_b", "-a", "a" * 40, "api", "mcp", "git", "static", "login", "ä"]
    )
    def test_a_client_has_a_name_that_addresses_can_hold(self, tenants, name):
        with pytest.raises(InvalidNameError):
            tenants.add_client(name)
        assert tenants.admin.clients() == []

    def test_a_name_is_given_once(self, acme):
        for names in (("acme", "apex"), ("apex", "acme"), ("acme", "apex")):
            acme.rename_client(*names)
        with pytest.raises(NameTakenError):
            acme.add_client("acme")
        acme.add_client("beta")
        with pytest.raises(NameTakenError):
            acme.rename_client("beta", "acme")
        assert {client.name for client in acme.admin.clients()} == {"apex", "beta"}

    def test_clients_do_not_take_names_of_repositories_from_each_other(self, acme):
        acme.add_client("beta")
        assert acme.add_repository(Place("beta", "shop")).exists
        with pytest.raises(NameTakenError):
            acme.add_repository(SHOP)

    def test_what_is_not_there_is_told_with_what_is(self, acme):
        with pytest.raises(UnknownNameError, match="client 'acne'") as caught:
            acme.admin.client("acne")
        assert caught.value.words == ("did you mean acme?",)
        with pytest.raises(UnknownNameError, match="repository 'acme/shopp'"):
            acme.admin.repository(Place("acme", "shopp"))


class TestMoves:
    def test_a_renamed_repository_keeps_id_content_and_its_old_name(self, acme):
        tip, ident = commit(acme), acme.admin.repository(SHOP).id
        found = acme.rename_repository(SHOP, "store")
        assert (found.id, found.name, found.former) == (ident, "store", ("shop",))
        assert sorted(os.listdir(acme.home.client_dir("acme"))) == [
            "client.json",
            "store.git",
            "store.git.json",
        ]
        assert read_record(acme.home.record(found.place)) == (ident, ("shop",))
        with open(os.path.join(acme.home.git_dir(found.place), "refs/heads/main")) as file:
            assert file.read().strip() == tip
        assert acme.admin.repository(SHOP) == found

    def test_there_and_back(self, acme):
        acme.rename_repository(SHOP, "store")
        back = acme.rename_repository(Place("acme", "store"), "shop")
        assert (back.name, back.former) == ("shop", ("store",))
        assert acme.rename_repository(SHOP, "shop") == back
        assert sorted(os.listdir(acme.home.client_dir("acme"))) == [
            "client.json",
            "shop.git",
            "shop.git.json",
        ]

    def test_a_renamed_client_takes_folder_and_rules_along(self, acme):
        rules = os.path.join(acme.home.rules, "acme.yaml")
        with open(rules, "w") as file:
            file.write("policy: {}\n")
        found = acme.rename_client("acme", "apex")
        assert os.listdir(acme.home.git) == ["apex"]
        assert read_record(acme.home.client_record("apex")) == (found.id, ("acme",))
        assert os.listdir(acme.home.rules) == ["apex.yaml"]
        assert acme.rename_client("apex", "apex") == found
        assert os.listdir(acme.home.rules) == ["apex.yaml"]

    def test_where_the_folder_cannot_move_nothing_is_changed(self, acme):
        os.makedirs(os.path.join(acme.home.git_dir(Place("acme", "store")), "in the way"))
        with pytest.raises(Exception, match="cannot be written"):
            acme.rename_repository(SHOP, "store")
        assert acme.admin.repository(SHOP).name == "shop"
        assert os.path.isdir(acme.home.git_dir(SHOP))
        assert acme.admin.audit.verify() == []

    def test_a_rename_waits_for_a_push_to_end(self, acme):
        order = []
        with acme.home.locked(SHOP):
            thread = threading.Thread(
                target=lambda: (acme.rename_repository(SHOP, "store"), order.append("moved"))
            )
            thread.start()
            thread.join(0.3)
            order.append("pushed")
            assert os.path.isdir(acme.home.git_dir(SHOP))
        thread.join()
        assert order == ["pushed", "moved"]

    def test_a_first_push_to_a_client_that_just_moved_makes_no_folder(self, acme):
        _, secret = acme.admin.keys.issue(Wanted("acme", scopes=("push", "create")))
        caller = acme.admin.keys.caller(secret)
        acme.rename_client("acme", "apex")
        with pytest.raises(ConflictError, match="apex"):
            acme.add_repository(Place("acme", "new"), caller)
        assert os.listdir(acme.home.git) == ["apex"]


class TestDeletion:
    def test_only_what_is_archived_and_only_by_its_name(self, acme):
        with pytest.raises(ConflictError, match="not archived"):
            acme.delete_repository(SHOP, confirm="acme/shop")
        acme.archive_repository(SHOP)
        for wrong in ("", "shop", "acme/shop.git", "Acme/shop"):
            with pytest.raises(NotConfirmedError):
                acme.delete_repository(SHOP, confirm=wrong)
        assert os.path.isdir(acme.home.git_dir(SHOP))

    def test_its_bundle_brings_everything_back(self, acme, tmp_path):
        tip, notes = commit(acme), commit(acme, ref="refs/idse/sessions/portal/login")
        acme.archive_repository(SHOP)
        _, bundle = acme.delete_repository(SHOP, confirm="acme/shop")
        assert not os.path.exists(acme.home.git_dir(SHOP))
        assert os.listdir(acme.home.client_dir("acme")) == ["client.json"]
        subprocess.run(["git", "clone", "-q", "--mirror", bundle, tmp_path / "back"], check=True)
        listed = subprocess.run(
            ["git", "-C", tmp_path / "back", "for-each-ref"], capture_output=True, check=True
        )
        assert tip in listed.stdout.decode()
        assert notes in listed.stdout.decode()

    def test_an_empty_repository_needs_no_bundle(self, acme):
        acme.archive_repository(SHOP)
        assert acme.delete_repository(SHOP, confirm="acme/shop")[1] == ""
        assert os.listdir(acme.home.backup) == []

    @pytest.mark.parametrize("at_once", [True, False])
    def test_a_purge_leaves_nothing_of_it_and_the_chain_holds(self, acme, at_once):
        commit(acme)
        client = acme.admin.client("acme").id
        acme.admin.audit.write(AuditEntry(client, "push", "k", "shop", detail="Ann's work"))
        acme.archive_repository(SHOP)
        acme.delete_repository(SHOP, confirm="acme/shop", purge=at_once)
        if not at_once:
            assert len(os.listdir(acme.home.backup)) == 1
            with pytest.raises(ConflictError, match="deleted before"):
                acme.delete_repository(SHOP, confirm="acme/shop")
            acme.delete_repository(SHOP, confirm="acme/shop", purge=True)
        assert os.listdir(acme.home.backup) == []
        assert "Ann's work" not in str(acme.admin.audit.rows(client))
        assert acme.admin.audit.verify() == []
        with pytest.raises(NameTakenError):
            acme.add_repository(SHOP)

    def test_a_client_is_deleted_last_and_its_keys_end(self, acme):
        _, secret = acme.admin.keys.issue(Wanted("acme"))
        acme.admin.archive_client("acme")
        with pytest.raises(ConflictError, match="still has repositories"):
            acme.delete_client("acme", confirm="acme")
        acme.delete_repository(SHOP, confirm="acme/shop")
        acme.delete_client("acme", confirm="acme", purge=True)
        assert acme.admin.keys.caller(secret) is None
        assert (acme.admin.clients(), os.listdir(acme.home.git)) == ([], [])
        with pytest.raises(NameTakenError):
            acme.add_client("acme")
        with pytest.raises(UnknownNameError, match="was deleted"):
            acme.admin.client("acme")
        assert acme.admin.audit.verify() == []


class TestQuotas:
    def test_repositories(self, tenants):
        tenants.add_client("acme", max_repositories=1)
        tenants.add_repository(SHOP)
        with pytest.raises(QuotaError, match="may have 1"):
            tenants.add_repository(Place("acme", "site"))
        assert not os.path.exists(tenants.home.git_dir(Place("acme", "site")))
        tenants.admin.set_quota("acme", max_bytes=None, max_repositories=2)
        assert tenants.add_repository(Place("acme", "site")).exists

    def test_bytes_are_those_of_all_repositories_of_the_client(self, acme):
        acme.add_repository(Place("acme", "site"))
        acme.admin.set_quota("acme", max_bytes=1000, max_repositories=None)
        caller = acme.admin.keys.caller(acme.admin.keys.issue(Wanted("acme"))[1])
        acme.admin.note_bytes(SHOP, 300)
        acme.admin.note_bytes(Place("acme", "site"), 600)
        assert acme.admin.place(caller, SHOP).bytes_left == 100
        assert acme.admin.used(SHOP) == 900
        acme.admin.note_bytes(SHOP, 500)
        assert acme.admin.place(caller, SHOP).bytes_left == 0
        commit(acme)
        assert acme.measure(SHOP) > 100
        assert acme.admin.repository(SHOP).pushed_at


class TestFirstPush:
    def test_the_same_twice_finds_the_one_that_was_made(self, acme):
        caller = acme.admin.keys.caller(acme.admin.keys.issue(Wanted("acme", scopes=("push", "create")))[1])
        first = acme.add_repository(Place("acme", "new"), caller)
        assert acme.add_repository(Place("acme", "new"), caller) == first

    def test_a_folder_that_cannot_be_made_leaves_no_row(self, acme):
        def fails(_ident):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            acme.admin.add_repository(None, Place("acme", "new"), fails)
        with pytest.raises(UnknownNameError):
            acme.admin.repository(Place("acme", "new"))
        assert acme.admin.audit.verify() == []

    def test_ten_at_once_make_one(self, acme):
        caller = acme.admin.keys.caller(acme.admin.keys.issue(Wanted("acme", scopes=("push", "create")))[1])
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(acme.add_repository(Place("acme", "new"), caller)))
            for _ in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({each.repository_id for each in found}) == 1
        assert len(found) == 10
        assert sorted(os.listdir(acme.home.client_dir("acme"))) == [
            *("client.json", "new.git", "new.git.json", "shop.git", "shop.git.json"),
        ]


def test_a_kill_in_the_middle_of_writing_loses_no_row_that_was_told(admin, tmp_path):
    """Several processes write, each is killed at a moment of its own, three rounds on one database."""
    client = admin.add_client("acme").id
    acknowledged = {}
    for turn in range(3):
        names = [f"w{turn}{number}" for number in range(3)]
        children = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, admin.database.path, client, name],
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in names
        ]
        for child in children:  # all are at work
            child.stdout.readline()
        for name, child in zip(names, children, strict=True):
            for _ in range(random.randrange(2, 15)):
                child.stdout.readline()
            os.kill(child.pid, signal.SIGKILL)
            told = child.stdout.read().split("\n")[:-1]
            acknowledged[name] = int(told[-1]) if told else 0
            child.stdout.close()
            child.wait()
    assert admin.audit.verify() == []
    rows = admin.audit.rows(client, 0, 100_000)
    kept = {name: max(int(r["detail"]) for r in rows if r["key_id"] == name) for name in acknowledged}
    assert all(kept[name] >= acknowledged[name] for name in acknowledged)
    keys = {each.name for each in admin.keys.all()}
    assert {f"{n}-{i}" for n, last in acknowledged.items() for i in range(5, last + 1, 5)} <= keys
    assert sum(row["action"] == "key issue" for row in rows) == len(keys)


def test_a_forked_child_uses_no_connection_of_its_parent(admin):
    admin.add_client("acme")
    parent = admin.database._connection()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            same = admin.database._connection() is parent
            os.write(writer, b"%d%d" % (same, len(admin.clients())))
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(reader, 10) == b"01"
    assert admin.database._connection() is parent


class TestSchema:
    def test_what_is_committed_is_on_the_disk(self, home, monkeypatch):
        monkeypatch.undo()
        rows = Admin(home.admin_db).database.read("PRAGMA synchronous")
        assert rows == [{"synchronous": 2}]
        assert Admin(home.admin_db).database.read("PRAGMA journal_mode") == [{"journal_mode": "wal"}]

    def test_statements_are_ones_that_postgresql_takes_as_well(self):
        text = "\n".join(database.migrations())
        assert not re.search(
            r"(?i)autoincrement|pragma|without rowid|strict|datetime\(|integer primary", text
        )
        tables = re.findall(r"CREATE TABLE (\w+)", text)
        assert tables == [
            *(
                "clients",
                "client_names",
                "repositories",
                "repository_names",
                "api_keys",
                "audit",
                "audit_heads",
                "answers",
                "logins",
            ),
        ]

    def test_an_older_database_is_brought_up_to_date_by_one_of_many(self, home, monkeypatch):
        steps = [
            *database.migrations(),
            "CREATE TABLE more (id TEXT PRIMARY KEY);\nINSERT INTO more VALUES ('x');",
        ]
        monkeypatch.setattr(database, "migrations", lambda: steps)
        admins = [Admin(home.admin_db) for _ in range(5)]
        threads = [threading.Thread(target=admin.clients) for admin in admins]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = admins[0].database.read("SELECT * FROM more")
        assert rows == [{"id": "x"}]
        assert admins[0].database.read("SELECT max(version) AS v FROM schema_versions") == [{"v": len(steps)}]

    def test_a_step_that_fails_changes_nothing(self, home, monkeypatch):
        steps = [*database.migrations(), "CREATE TABLE more (id TEXT);\nINSERT INTO nowhere VALUES (1);"]
        monkeypatch.setattr(database, "migrations", lambda: steps)
        with pytest.raises(HomeError):
            Admin(home.admin_db).clients()
        monkeypatch.undo()
        assert Admin(home.admin_db).clients() == []

    def test_a_newer_database_is_left_alone(self, home):
        with sqlite3.connect(home.admin_db) as connection:
            connection.execute("INSERT INTO schema_versions VALUES (99)")
        connection.close()
        with pytest.raises(HomeError, match="newer idse"):
            Admin(home.admin_db).clients()

    def test_a_missing_database_is_not_made_by_looking(self, home):
        os.unlink(home.admin_db)
        with pytest.raises(HomeError, match="missing"):
            Admin(home.admin_db).clients()
        assert not os.path.exists(home.admin_db)

    def test_a_damaged_one_is_told(self, home, admin):
        admin.close()
        with open(home.admin_db, "wb") as file:
            file.write(b"no database at all" * 500)
        with pytest.raises(HomeError, match="damaged"):
            admin.clients()

    def test_one_that_is_locked_for_too_long_is_told(self, home, admin, monkeypatch):
        monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.1)
        other = sqlite3.connect(home.admin_db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(Exception, match="was being written") as caught:
                admin.add_client("acme")
        finally:
            other.close()
        assert caught.value.exit_code == 75


def test_a_key_works_while_the_database_cannot_be_written(acme, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.05)
    _, secret = acme.admin.keys.issue(Wanted("acme"))
    acme.admin.close()
    other = sqlite3.connect(acme.home.admin_db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        caller = acme.admin.keys.caller(secret)
        assert isinstance(acme.admin.place(caller, SHOP), Found)
        assert not isinstance(acme.admin.place(caller, SHOP), Moved)
    finally:
        other.close()


def test_an_older_database_is_brought_up_and_kept_as_it_was(acme, monkeypatch):
    path, heads = acme.home.admin_db, acme.admin.audit.heads()
    steps = list(database.migrations())
    before = len(steps)
    monkeypatch.setattr(database, "migrations", lambda: steps)
    steps += [
        "ALTER TABLE clients ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';",
        "CREATE TABLE more (id TEXT PRIMARY KEY);",
    ]
    newer = Admin(path)
    assert [each.name for each in newer.clients()] == ["acme"]
    assert newer.database.read("SELECT colour FROM clients")[0] == {"colour": "grey"}
    assert newer.audit.heads() == heads
    assert newer.database.read("SELECT max(version) AS v FROM schema_versions") == [{"v": before + 2}]
    del steps[before:]
    kept = f"{path}.version-{before}"
    assert os.stat(kept).st_mode & 0o777 == 0o600
    assert Admin(kept).audit.heads() == heads
    with pytest.raises(HomeError, match=f"a newer idse has the database at version {before + 2}"):
        Admin(path).clients()
