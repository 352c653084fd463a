"""Row-level security as PostgreSQL holds it: each table, each verb, each role, whatever came before."""

from __future__ import annotations

import json

import psycopg
import pytest

from idse_orchestrator.errors import UsageError
from idse_orchestrator.server.projection import schema
from idse_orchestrator.server.projection.postgres_setup import set_up
from idse_orchestrator.server.projection.postgres_store import Login, PostgresStore
from idse_orchestrator.server.projection.store import EVERYONE
from projection_bed import row_of

TABLES = [*schema.tables().values()]
WRITTEN = {table.name for table in TABLES} - {"clients", "repositories"}
DENIED = (psycopg.errors.InsufficientPrivilege,)


@pytest.fixture(scope="module")
def reached(postgres):
    """Addresses of one database by role; each client has one row in each table."""
    url = postgres.database()
    with psycopg.connect(url, autocommit=True) as founder:
        if not founder.execute("SELECT 1 FROM pg_roles WHERE rolname = 'authenticated'").fetchall():
            founder.execute("CREATE ROLE authenticated LOGIN")  # as on Supabase
    login = set_up(url)
    store = PostgresStore(login)
    with store.writing(EVERYONE) as writing:
        for table in TABLES:
            writing.add(table.name, [row_of(table, client) for client in ("a", "b")])
    store.close()
    who = psycopg.conninfo.make_conninfo(url, user="authenticated")
    return {"idse_app": login.app, "idse_admin": login.admin, "authenticated": who, "founder": url}


@pytest.fixture
def connected(reached):
    """Opens a transaction of a role, for a client that the server says, or a token."""
    opened = []

    def connect(role, client=None, claims=None):
        connection = psycopg.connect(reached[role])
        opened.append(connection)
        connection.execute("SET search_path = projection")
        if client is not None:
            connection.execute("SELECT set_config('app.current_client_id', %s, true)", (client,))
        if claims is not None:
            connection.execute("SELECT set_config('request.jwt.claims', %s, true)", (claims,))
        return connection

    yield connect
    for connection in opened:
        connection.close()


def seen(connection, table):
    """Whose rows a connection sees."""
    return {row[0] for row in connection.execute(f"SELECT {table.tenant} FROM {table.name}")}


def write(connection, table, client):
    """Adds another row of a client; returns how many came."""
    marks = ", ".join(["%s"] * len(table.columns))
    return connection.execute(f"INSERT INTO {table.name} VALUES ({marks})", row_of(table, client, 1)).rowcount


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
class TestEachTable:
    def test_without_a_client_there_is_nothing(self, connected, table):
        for role in ("idse_app", "authenticated"):
            assert seen(connected(role), table) == set()
            assert seen(connected(role, ""), table) == set()

    def test_the_client_of_the_transaction_sees_its_own(self, connected, table):
        for role in ("idse_app", "authenticated"):
            assert seen(connected(role, "a"), table) == {"a"}
            assert seen(connected(role, "c"), table) == set()

    def test_claims_alone_select_the_client(self, connected, table):
        for role in ("idse_app", "authenticated"):
            assert seen(connected(role, claims=json.dumps({"client_id": "b", "role": role})), table) == {"b"}
            for nobody in ("", "{}", '{"client_id": null}', '{"client_id": ""}'):
                assert seen(connected(role, claims=nobody), table) == set()

    def test_operators_see_all(self, connected, table):
        assert seen(connected("idse_admin"), table) == {"a", "b"}

    def test_the_owner_is_bound_as_well(self, connected, table):
        connection = connected("idse_admin", "a")
        connection.execute("SET LOCAL ROLE idse_owner")
        assert seen(connection, table) == {"a"}

    def test_nobody_adds_a_row_for_another(self, connected, table):
        if table.name in WRITTEN:
            assert write(connected("idse_app", "a"), table, "a") == 1
        for role, client in (("idse_app", "a"), ("idse_app", None), ("authenticated", "a")):
            with pytest.raises(DENIED):
                write(connected(role, client), table, "b")
        with pytest.raises(DENIED):
            write(connected("authenticated", "a"), table, "a")
        connection = connected("idse_admin", "a")
        connection.execute("SET LOCAL ROLE idse_owner")
        with pytest.raises(DENIED):
            write(connection, table, "b")

    def test_nobody_changes_or_deletes_what_is_anothers(self, connected, table):
        column = table.columns[-1]
        value = "'x'" if table.kinds[-1] == "TEXT" else "7"
        for verb in (f"UPDATE {table.name} SET {column} = {value}", f"DELETE FROM {table.name}"):
            words = f"{verb} WHERE {table.tenant} = 'b'"
            if table.name in WRITTEN - {"audit"}:
                assert connected("idse_app", "a").execute(words).rowcount == 0
                connection = connected("idse_app", "b")
                assert connection.execute(words).rowcount == 1
                connection.rollback()  # or the next one waits for it
            else:
                with pytest.raises(DENIED):
                    connected("idse_app", "b").execute(words)
            with pytest.raises(DENIED):
                connected("authenticated", "b").execute(words)

    def test_no_row_can_be_given_away(self, connected, table):
        with pytest.raises(DENIED):
            connected("idse_app", "a").execute(f"UPDATE {table.name} SET {table.tenant} = 'b'")

    def test_nobody_empties_or_unlocks_it(self, connected, table):
        for words in (
            f"TRUNCATE {table.name}",
            f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table.name} NO FORCE ROW LEVEL SECURITY",
            f"DROP POLICY own ON {table.name}",
            f"DROP TABLE {table.name} CASCADE",
            "SET LOCAL ROLE idse_owner",
            "SET LOCAL ROLE idse_admin",
            f"SET LOCAL row_security = off; SELECT * FROM {table.name}",
        ):
            for role in ("idse_app", "authenticated"):
                connection = connected(role, "a")
                with pytest.raises(DENIED):
                    connection.execute(words).fetchall()


@pytest.mark.parametrize("view", schema.views())
def test_a_view_asks_with_the_rights_of_who_looks(connected, view):
    for role in ("idse_app", "authenticated"):
        assert connected(role).execute(f"SELECT * FROM {view}").fetchall() == []
        assert {row[0] for row in connected(role, "a").execute(f"SELECT client_id FROM {view}")} == {"a"}


def test_every_table_has_a_policy_that_is_forced(connected):
    found = (
        connected("founder")
        .execute(
            "SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner), "
            "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'projection' AND c.relkind = 'r'"
        )
        .fetchall()
    )
    tenants = {name: rest for name, *rest in found if name != schema.VERSIONS}
    assert tenants == {table.name: [True, True, "idse_owner", 2] for table in TABLES}


def test_the_next_user_of_a_connection_sees_nothing_of_the_last(reached):
    with psycopg.connect(reached["idse_app"], autocommit=True) as connection:
        connection.execute("SET search_path = projection")
        for claims, name in ((None, "a"), ("b", None), (None, None)):
            with connection.transaction():
                if name:
                    connection.execute("SELECT set_config('app.current_client_id', %s, true)", (name,))
                if claims:
                    value = json.dumps({"client_id": claims})
                    connection.execute("SELECT set_config('request.jwt.claims', %s, true)", (value,))
                found = {row[0] for row in connection.execute("SELECT client_id FROM sessions")}
                assert found == {each for each in (claims, name) if each}
            assert connection.execute("SELECT * FROM sessions").fetchall() == []


def test_one_connection_serves_one_client_after_the_other(reached):
    store = PostgresStore(Login(reached["idse_app"], reached["idse_admin"]))
    pool = store._pool("a")
    pool.resize(1, 1)
    try:
        for client in ("a", "b", "c", "a", "b"):
            found = {row["client_id"] for row in store.read("SELECT client_id FROM sessions", client=client)}
            assert found == {client} - {"c"}
            with pytest.raises(RuntimeError), store.writing(client):
                raise RuntimeError
    finally:
        store.close()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("ALTER ROLE {} SUPERUSER", "superuser"),
        ("ALTER ROLE {} BYPASSRLS", "BYPASSRLS"),
        ("GRANT idse_owner TO {}", "owns"),
        ("GRANT idse_admin TO {}", "idse_admin"),
        ("ALTER TABLE projection.sessions OWNER TO {}", "owns"),
    ],
)
def test_an_app_role_that_no_policy_binds_is_refused(postgres, how, says):
    url = postgres.database()
    login = set_up(url)
    name = f"app_{abs(hash(how))}"
    with psycopg.connect(url, autocommit=True) as founder:
        founder.execute(f"CREATE ROLE {name} LOGIN")
        founder.execute(f"GRANT idse_app TO {name}")
        store = PostgresStore(Login(psycopg.conninfo.make_conninfo(url, user=name), login.admin))
        try:
            store.check_role()
            founder.execute(how.format(name))
            with pytest.raises(UsageError) as caught:
                store.check_role()
            assert says in caught.value.cause
        finally:
            store.close()
            founder.execute(f"REASSIGN OWNED BY {name} TO founder; DROP OWNED BY {name}; DROP ROLE {name}")
