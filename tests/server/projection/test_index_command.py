"""`idse agency index`, `init --database`, and what doctor says: as an operator types them."""

from __future__ import annotations

import os
import stat
from importlib.machinery import PathFinder

import psycopg
import pytest

from idse_orchestrator.server.projection.opening import open_store
from idse_orchestrator.server.tenants.home import open_home
from projection_bed import ProjectionBed


@pytest.fixture
def filled(tmp_path, monkeypatch, sealed, clone):
    """A home with one session, which no projection knows yet; the commands work on it."""
    bed = ProjectionBed(tmp_path / "home", lambda home: open_store(home, "sqlite", {}))
    bed.store.remove()
    web = bed.add("shop/web")
    clone.create()
    clone.complete("intent")
    bed.push(clone, web)
    return bed


@pytest.fixture
def agency(agency, monkeypatch, tmp_path):
    """The commands, on the home that `filled` makes."""
    monkeypatch.setenv("IDSE_AGENCY_HOME", str(tmp_path / "home"))
    return agency


@pytest.fixture
def home(tmp_path):
    """No home but that of `filled`."""
    return type("Nothing", (), {"path": str(tmp_path / "home")})


class TestIndex:
    def test_it_makes_what_is_missing_and_brings_the_rest_up_to_date(self, filled, agency):
        told = agency("index", "--json")
        assert (told.code, told.data["behind"], told.data["differences"]) == (0, 1, [])
        assert agency("index", "shop/web", "--json").data["behind"] == 0
        assert len(filled.rows("sessions")) == 1

    def test_it_says_where_the_tables_differ_and_mends_it(self, filled, agency):
        agency("index")
        with filled.store.writing(filled.admin.client("shop").id) as writing:
            writing.run("UPDATE sessions SET owner = 'somebody' WHERE client_id = :client")
        told = agency("index", "--compare", "shop")
        assert told.code == 1
        assert ": owner" in told.err
        assert "next: idse agency index --rebuild" in told.err
        assert agency("index", "--rebuild").code == 0
        told = agency("index", "--compare")
        assert (told.code, "no row of 1 repository is otherwise" in told.err) == (0, True)

    @pytest.mark.usefixtures("filled")
    def test_what_cannot_be_meant_is_refused(self, agency):
        assert agency("index", "--rebuild", "--compare").code == 2
        assert agency("index", "shop/web/x").code == 2
        assert agency("index", "nobody").code == 2
        assert agency("index", "shop/nothing").code == 2

    @pytest.mark.usefixtures("filled")
    def test_a_backup_leaves_it_out_and_it_is_made_again(self, agency, tmp_path):
        agency("index")
        assert agency("backup", str(tmp_path / "saved")).code == 0
        assert not [name for name in os.listdir(tmp_path / "saved") if name.startswith("projection")]
        assert agency("restore", str(tmp_path / "saved"), "--home", str(tmp_path / "again")).code == 0
        told = agency("index", "--compare", "--json", "--home", str(tmp_path / "again"))
        assert (told.code, told.data["behind"]) == (0, 1)


def checks(agency):
    """What doctor says of the projection."""
    found = {each["name"]: each for each in agency("doctor", "--json").data["checks"]}
    return found["projection"]["verdict"], found["projection"]["says"]


def test_doctor_tells_how_it_stands(filled, agency):
    assert checks(agency) == ("ok", "it is not made yet: a server makes it, or idse agency index")
    agency("index")
    assert checks(agency) == ("ok", "it is there, and no server keeps it up to date")
    with open(filled.home.configuration_file, "a") as file:
        file.write('database = "postgresql"\n')
    verdict, words = checks(agency)
    assert verdict == "problem"
    assert "nothing says how to log in" in words


class TestPostgres:
    def test_init_makes_roles_tables_and_logins_that_nobody_else_reads(
        self, agency, tmp_path, postgres, monkeypatch
    ):
        url = postgres.database()
        folder = str(tmp_path / "new")
        assert agency("init", "--home", folder, "--database", url).code == 0
        made = open_home(folder)
        assert made.configuration({}).database == "postgresql"
        with open(made.configuration_file) as file:
            assert "postgresql://" not in file.read()
        for role in ("app", "admin"):
            path = os.path.join(made.secrets, f"database-{role}")
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            with open(path) as file:
                assert f"user=idse_{role}" in file.read()
        assert agency("index", "--compare", "--home", folder).code == 0
        assert agency("doctor", "--home", folder).code == 0
        monkeypatch.setenv("IDSE_AGENCY_DATABASE_APP", url)  # the superuser
        told = agency("doctor", "--home", folder)
        assert told.code == 1
        assert "sees the rows of every client" in told.out + told.err

    def test_a_password_in_the_address_is_refused_before_anything_is_made(self, agency, tmp_path):
        told = agency("init", "--home", str(tmp_path / "new"), "--database", "postgresql://u:secret@h/d")
        assert told.code == 2
        assert "PGPASSWORD" in told.err
        assert "secret@" not in told.err
        assert not os.path.exists(tmp_path / "new")

    def test_a_database_that_is_not_there_or_not_fit_is_told(self, agency, tmp_path, postgres):
        told = agency("init", "--home", str(tmp_path / "a"), "--database", "postgresql://u@/d?host=/nowhere")
        assert told.code == 2
        assert "cannot be set up" in told.err
        assert agency("init", "--home", str(tmp_path / "b"), "--database", "nonsense").code == 2
        url = postgres.database()
        with psycopg.connect(url, autocommit=True) as founder:
            founder.execute("CREATE ROLE nobody_special LOGIN")
        poor = psycopg.conninfo.make_conninfo(url, user="nobody_special")
        told = agency("init", "--home", str(tmp_path / "c"), "--database", poor)
        assert (told.code, "may create roles" in told.err) == (2, True)

    def test_without_its_packages_the_line_to_type_is_told(self, agency, tmp_path, monkeypatch):
        find = PathFinder.find_spec
        monkeypatch.setattr(
            PathFinder, "find_spec", lambda name, *rest: None if name == "psycopg" else find(name, *rest)
        )
        told = agency("init", "--home", str(tmp_path / "new"), "--database", "postgresql://u@h/d")
        assert told.code == 2
        assert "pip install 'idse-orchestrator[agency,postgres]'" in told.err
