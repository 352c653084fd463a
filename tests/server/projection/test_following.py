"""The projection behind a server that runs: who pushed reads it, and whatever fails, no push does."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import time

import psycopg
import pytest

from agency_bed import AgencyBed, bearer, left_out
from idse_orchestrator.base.files import file_lock
from idse_orchestrator.errors import StorageError
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.projection.index import compare
from idse_orchestrator.server.projection.opening import POSTGRESQL, keep_login, open_store
from idse_orchestrator.server.projection.postgres_setup import set_up
from idse_orchestrator.server.projection.project import Projector
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.home import follower_socket
from idse_orchestrator.server.tenants.tenancy import Tenants
from idse_orchestrator.wiring.ledgers import KINDS
from postgres_bed import NoDiskError, PostgresBed, programs, why_not
from projection_bed import quiet
from pushes import Clone, ref_of
from rest_bed import Rest

SLOW = 20.0
SMALL = "postgresql on a small disk"


@pytest.fixture
def small_postgres():
    """A PostgreSQL whose files have a disk of their own, which is soon full."""
    found = programs()
    if found is None:
        left_out(why_not())
    try:
        bed = PostgresBed(found, disk=160)
    except NoDiskError:
        pytest.skip("no disk can be mounted here")
    try:
        bed.start()
        yield bed
    finally:
        bed.remove()


@pytest.fixture
def serving(tmp_path, request, sealed):
    """A server in each engine, and a store that reads its projection; `url` is that of the superuser."""
    engine = request.param
    url = ""
    if engine != "sqlite":
        url = request.getfixturevalue("small_postgres" if engine == SMALL else "postgres").database()
        engine = POSTGRESQL

    def database(home):
        if not url:
            return ""
        keep_login(home, set_up(url))
        return POSTGRESQL

    bed = AgencyBed(tmp_path / "agency", database)
    bed.store = open_store(bed.home, engine, {})
    bed.database_url = url
    bed.start()
    bed.until(lambda: state(bed) == "ok", SLOW)
    yield bed
    bed.stop()
    bed.store.close()


both = pytest.mark.parametrize("serving", ["sqlite", POSTGRESQL], indirect=True)
on_sqlite = pytest.mark.parametrize("serving", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("serving", [POSTGRESQL], indirect=True)


def state(bed):
    """What /readyz says of the projection."""
    status, body, _ = bed.get("/readyz")
    assert status == 200
    return json.loads(body)["projection"]


def follower(bed):
    """The process that writes the projection; None where none runs."""
    for pid in bed.children():
        with contextlib.suppress(OSError):
            if b"projection.follower" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


def push(bed, clone, key, *refs):
    """Pushes with plain git; returns how long it took."""
    began = time.monotonic()
    names = refs or (ref_of(),)
    clone.repo.git("push", "--quiet", bed.url("shop/web"), *names, env=bearer(key))
    return time.monotonic() - began


def begin(bed, clone, key):
    """Pushes a session that is called before, whose rows are there then."""
    clone.create(title="before")
    push(bed, clone, key)
    bed.until(lambda: titles(bed) == {"before"}, SLOW)


def titles(bed):
    """Titles of the sessions of shop, as its projection has them; what cannot be asked has none."""
    client = bed.admin.client("shop").id
    return {row["title"] for row in bed.store.read("SELECT title FROM sessions", client=client)}


def describe(clone, title, session="login"):
    """Gives a session another title."""
    clone.append(session, "described", {"title": title})


def same_as_git(bed):
    """Tests whether the tables are as they would be if they were made anew."""
    projector = Projector(bed.home, bed.admin, bed.store, KINDS)
    return compare(projector, bed.admin.repositories(), quiet) == []


@pytest.fixture
def key(serving):
    """A key of shop."""
    return serving.key("shop")


@both
def test_who_pushed_reads_what_was_pushed(serving, clone, key):
    rest = Rest(serving, key)
    clone.create(title="0")
    for number in range(4):
        push(serving, clone, key)
        assert [each["title"] for each in rest.get("/sessions").data["items"]] == [str(number)]
        describe(clone, str(number + 1))
    assert same_as_git(serving)


@both
def test_a_push_waits_for_no_row_and_whoever_reads_then_does(serving, clone, key):
    """Whatever door a read comes by, it sees what was acknowledged before it; others do not wait for that."""
    rest, token = Rest(serving, key), Rest(serving, key).token()
    strange = Rest(serving, serving.key("mill"))
    clone.create_project()
    clone.create(title="before")
    push(serving, clone, key, ref_of(), "refs/idse/projects/portal")
    listed = rest.get("/sessions")
    session = listed.data["items"][0]["id"]
    assert strange.get("/sessions").status == 200
    describe(clone, "after")
    os.kill(follower(serving), signal.SIGSTOP)
    try:
        assert push(serving, clone, key) < 1.5  # a read would wait for two seconds
        asked = {
            "list": lambda: rest.get("/sessions").text,
            "one": lambda: rest.get(f"/sessions/{session}").text,
            "known": lambda: rest.get("/sessions", If_None_Match=listed.headers["etag"]).text,
            "page": lambda: serving.get("/c/shop/web/portal", key)[1],
            "mcp": lambda: Rest(serving, token, "").post("/mcp/sync/pull", {"session_id": session}).text,
        }
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            reading = {name: pool.submit(ask) for name, ask in asked.items()}
            began = time.monotonic()
            assert strange.get("/sessions").status == 200
            assert time.monotonic() - began < 0.5
            assert not any(each.done() for each in reading.values())
            os.kill(follower(serving), signal.SIGCONT)
            said = {name: each.result() for name, each in reading.items()}
    finally:
        os.kill(follower(serving), signal.SIGCONT)
    tip = clone.tip(ref_of())
    assert {name for name, text in said.items() if (tip if name == "mcp" else "after") not in text} == set()


@on_postgres
def test_a_database_that_is_locked_fails_no_push_and_is_caught_up_with(serving, clone, key):
    begin(serving, clone, key)
    with psycopg.connect(serving.database_url) as other:
        other.execute("LOCK TABLE projection.sessions IN ACCESS EXCLUSIVE MODE")
        describe(clone, "meanwhile")
        assert push(serving, clone, key) < SLOW / 2
        assert state(serving) in ("ok", "it is being looked at")
    serving.until(lambda: titles(serving) == {"meanwhile"}, SLOW)
    assert same_as_git(serving)


@on_postgres
def test_a_database_that_is_gone_fails_no_push_and_is_caught_up_with(serving, clone, key, postgres):
    begin(serving, clone, key)
    postgres.stop(signal.SIGQUIT)
    try:
        describe(clone, "meanwhile")
        push(serving, clone, key)
        describe(clone, "later")
        assert push(serving, clone, key) < SLOW / 2
        serving.until(lambda: "cannot be used" in state(serving), SLOW)
        operator = serving.key("")
        assert "idse_projection_lag_refs 0.0" not in serving.get("/metrics", operator)[1]
    finally:
        postgres.start()
    serving.store.close()
    serving.until(lambda: state(serving) == "ok", 2 * SLOW)
    assert titles(serving) == {"later"}
    assert same_as_git(serving)


@on_postgres
def test_reads_that_wait_for_a_database_hold_up_no_push(serving, clone, key, postgres):
    begin(serving, clone, key)
    postgres.stop(signal.SIGQUIT)
    rest = Rest(serving, key)
    try:
        with concurrent.futures.ThreadPoolExecutor(40) as others:
            reading = [others.submit(rest.get, "/sessions") for _ in range(40)]
            time.sleep(0.5)
            describe(clone, "meanwhile")
            assert push(serving, clone, key) < SLOW / 2
            assert not all(each.done() for each in reading)
            assert {each.result().status for each in reading} == {503}
    finally:
        postgres.start()
    serving.store.close()
    serving.until(lambda: state(serving) == "ok", 2 * SLOW)


@on_sqlite
def test_a_file_that_is_being_written_fails_no_push(serving, clone, key):
    begin(serving, clone, key)
    other = sqlite3.connect(f"{serving.home.path}/projection.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    describe(clone, "meanwhile")
    assert push(serving, clone, key) < SLOW / 2
    assert titles(serving) == {"before"}
    other.execute("ROLLBACK")
    other.close()
    serving.until(lambda: titles(serving) == {"meanwhile"}, SLOW)
    with file_lock(serving.home.run, 1, "projection.lock"):
        describe(clone, "again")
        assert push(serving, clone, key) < SLOW / 2
    serving.until(lambda: titles(serving) == {"again"}, SLOW)
    assert same_as_git(serving)


@on_sqlite
def test_a_full_disk_fails_no_push(serving, clone, key):
    begin(serving, clone, key)
    process = follower(serving)
    before = resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    describe(clone, "meanwhile")
    push(serving, clone, key)
    serving.until(lambda: "cannot be used" in state(serving), SLOW)
    assert titles(serving) == {"before"}
    resource.prlimit(process, resource.RLIMIT_FSIZE, before)
    serving.until(lambda: state(serving) == "ok" and titles(serving) == {"meanwhile"}, 2 * SLOW)
    assert same_as_git(serving)


@pytest.mark.parametrize("serving", [SMALL], indirect=True)
def test_a_full_disk_below_postgresql_fails_no_push(serving, clone, key, small_postgres):
    begin(serving, clone, key)
    ballast = pathlib.Path(small_postgres.data, "ballast")
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    assert shutil.disk_usage(small_postgres.data).free == 0
    clone.save_files("login", {"intent.md": "".join(map(str, range(40_000))).encode()})
    describe(clone, "meanwhile")
    assert push(serving, clone, key) < SLOW / 2
    serving.until(lambda: "cannot be used" in state(serving), SLOW)
    describe(clone, "later")
    assert push(serving, clone, key) < SLOW / 2
    assert titles(serving) == {"before"}
    ballast.unlink()
    serving.until(lambda: state(serving) == "ok" and titles(serving) == {"later"}, 3 * SLOW)
    assert same_as_git(serving)


@on_sqlite
def test_a_file_that_was_deleted_or_damaged_is_made_anew(serving, clone, key):
    begin(serving, clone, key)
    for name in os.listdir(serving.home.path):
        if name.startswith("projection.db"):
            os.unlink(f"{serving.home.path}/{name}")
    describe(clone, "after")
    push(serving, clone, key)
    serving.until(lambda: os.path.exists(f"{serving.home.path}/projection.db"), SLOW)
    serving.until(lambda: state(serving) == "ok" and titles(serving) == {"after"}, SLOW)
    assert same_as_git(serving)


@on_sqlite
def test_a_file_that_was_deleted_is_made_anew_although_nobody_pushes(serving, clone, key):
    begin(serving, clone, key)
    os.unlink(f"{serving.home.path}/projection.db")

    def is_there():
        with contextlib.suppress(StorageError):  # it is being made
            return titles(serving) == {"before"}
        return False

    serving.until(lambda: state(serving) == "ok" and is_there(), SLOW)
    assert same_as_git(serving)


@both
def test_what_was_renamed_or_deleted_is_so_at_once(serving, clone, key):
    begin(serving, clone, key)
    client = serving.admin.client("shop").id
    tenants = Tenants(serving.home, serving.admin, agency_git(os.environ))
    tenants.rename_repository(Place("shop", "web"), "store")

    def names():
        return [row["name"] for row in serving.store.read("SELECT name FROM repositories", client=client)]

    serving.until(lambda: names() == ["store"], SLOW)
    assert titles(serving) == {"before"}
    tenants.archive_repository(Place("shop", "store"))
    tenants.delete_repository(Place("shop", "store"), confirm="shop/store")
    serving.until(lambda: not names(), SLOW)
    assert titles(serving) == set()
    assert serving.store.read("SELECT blob_id FROM blobs", client=client) == []


@both
def test_the_process_is_killed_and_nothing_is_missing_in_the_end(serving, clone, key):
    clone.create(title="0")
    push(serving, clone, key)
    for number in range(1, 4):
        describe(clone, str(number))
        process = follower(serving)
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            pushing = other.submit(push, serving, clone, key)
            time.sleep(0.05 * number)
            os.kill(process, signal.SIGKILL)
            pushing.result()
        serving.until(lambda before=process: follower(serving) not in (None, before), SLOW)
        serving.until(lambda number=number: state(serving) == "ok" and titles(serving) == {str(number)}, SLOW)
    assert same_as_git(serving)


@both
def test_a_server_that_was_killed_catches_up_at_the_start(serving, clone, key):
    begin(serving, clone, key)
    stopped = follower(serving)
    os.kill(stopped, signal.SIGSTOP)  # it does not come to write
    describe(clone, "meanwhile")
    push(serving, clone, key)
    serving.stop(signal.SIGKILL)
    os.kill(stopped, signal.SIGKILL)
    assert titles(serving) == {"before"}
    serving.start()
    serving.until(lambda: state(serving) == "ok", SLOW)
    assert titles(serving) == {"meanwhile"}
    assert same_as_git(serving)


@both
def test_rules_of_a_project_reach_its_other_sessions(serving, clone, key):
    clone.create_project()
    clone.create("login")
    clone.create("search")
    push(serving, clone, key, ref_of("login"), ref_of("search"), "refs/idse/projects/portal")
    serving.until(lambda: titles(serving), SLOW)
    client = serving.admin.client("shop").id
    asked = "SELECT session_name, judged_by FROM sessions"
    before = {row["session_name"]: row["judged_by"] for row in serving.store.read(asked, client=client)}
    clone.project_files(constitution_yaml="rules: [nonsense\n")
    push(serving, clone, key, "refs/idse/projects/portal")
    serving.until(lambda: same_as_git(serving), SLOW)
    after = {row["session_name"]: row["judged_by"] for row in serving.store.read(asked, client=client)}
    assert before.keys() == after.keys() == {"login", "search"}
    broken = serving.store.read("SELECT rules_broken FROM projects", client=client)
    assert "constitution.yaml" in broken[0]["rules_broken"]


@on_postgres
def test_a_server_does_not_start_where_no_policy_binds_its_role(serving):
    serving.stop()
    with psycopg.connect(serving.database_url, autocommit=True) as founder:
        founder.execute("GRANT idse_admin TO idse_app")
        try:
            with pytest.raises(AssertionError, match="sees the rows of every client"):
                serving.start()
        finally:
            founder.execute("REVOKE idse_admin FROM idse_app")


def _pushes(serving, make_repo, clones, times):
    """Pushes of many clones at once: each its own session, and one that all share."""
    key = serving.key("shop")

    def work(number):
        clone = Clone(make_repo(f"clone-{number}"))
        clone.create(f"own-{number}", title="0")
        for turn in range(times):
            describe(clone, str(turn), f"own-{number}")
            push(serving, clone, key, ref_of(f"own-{number}"))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(clones)))
    serving.until(lambda: state(serving) == "ok" and titles(serving) == {str(times - 1)}, SLOW)
    assert same_as_git(serving)


@both
def test_pushes_at_once_make_what_a_rebuild_makes(serving, make_repo):
    _pushes(serving, make_repo, 5, 2)


@pytest.mark.soak
@both
def test_a_hundred_pushes_at_once_make_what_a_rebuild_makes(serving, make_repo):
    serving.stop()
    with open(serving.home.configuration_file, "a") as file:
        file.write("pushes_a_minute = 10000\n")
    serving.start()
    _pushes(serving, make_repo, 100, 3)


@both
def test_the_socket_is_its_owners_alone(serving):
    assert os.stat(follower_socket(serving.home)).st_mode & 0o077 == 0
