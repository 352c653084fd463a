"""What an older tool kept in ``.idse/idse.db`` comes over, or is told by name; the source is only read."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

DB = ".idse/idse.db"
FILE = ".idse/projects/p/sessions/s/intents/intent.md"
SCHEMA = """
CREATE TABLE projects(id integer primary key,name text,stack text,owner text,current_session_id int);
CREATE TABLE sessions(id integer primary key,project_id int,session_id text,name text,session_type text,
  description text,is_blueprint int,parent_session text,owner text,status text,created_at text,
  updated_at text);
CREATE TABLE artifacts(id integer primary key,project_id int,session_id int,stage text,content text,
  content_hash text,created_at text,updated_at text);
CREATE TABLE session_state(session_id int,state_json text,updated_at text);
CREATE TABLE project_state(project_id int,state_json text);
CREATE TABLE collaborators(session_id int,name text,role text);
CREATE TABLE session_tags(session_id int,tag text);
CREATE TABLE agents(agent_id text,role text,mode text);
CREATE TABLE agent_stages(agent_id text,stage text);
CREATE TABLE blueprint_claims(claim_id integer primary key,project_id int,claim_text text,classification text,
  status text,supersedes_claim_id int,promotion_record_id int,origin text,created_at text,updated_at text);
CREATE TABLE claim_lifecycle_events(id integer primary key,claim_id int,old_status text,new_status text,
  reason text,actor text,created_at text);
CREATE TABLE promotion_records(id integer primary key,project_id int,claim_id int,evidence_json text);
CREATE TABLE promotion_record_sources(record_id int,artifact_id int);
CREATE TABLE sync_metadata(key text,value text);
"""
CASE = """
INSERT INTO projects(id,name) VALUES(1,'p');
INSERT INTO sessions VALUES(1,1,'s','s','feature','',0,'__blueprint__','someone','complete',
  '2026-02-01T00:00:00','2026-02-02T00:00:00');
INSERT INTO sessions VALUES(2,1,'only-in-db','only-in-db','feature','',0,'__blueprint__','someone','draft',
  '2026-02-01T00:00:00','2026-02-02T00:00:00');
INSERT INTO artifacts VALUES(1,1,1,'intent','# Intent

The newer text, in the database.
','h','2026-02-01T00:00:00','2026-02-02T00:00:00');
INSERT INTO artifacts VALUES(2,1,2,'intent','# Intent

No file has this.
','h','2026-02-01T00:00:00','2026-02-02T00:00:00');
INSERT INTO session_state VALUES(1,'{"stages":{"intent":"completed"},"validation_status":"passing"}',
  '2026-02-02T00:00:00');
INSERT INTO blueprint_claims VALUES(1,1,'Storage is one file.','invariant','active',NULL,1,'converged',
  '2026-02-01T00:00:00','2026-02-01T00:00:00');
"""


def fill(old, *scripts, path=DB, schema=SCHEMA):
    """Write a database; its statements come from scripts."""
    target = old.path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(target)) as connection:
        connection.executescript("\n".join((schema, *scripts)))
    return target


@pytest.fixture
def case(old):
    """The older tool's own words: a document in a file, and a newer one of it in the database."""
    old.put(FILE, "# Intent\n\nThe older text, in the file.\n")
    fill(old, CASE)
    return old


@pytest.fixture
def run(taker, bound_idse):
    """Run ``idse migrate --json`` as somebody whom the modes of files concern; root reads everything."""

    def run(old, *args):
        argv = [*bound_idse, "migrate", str(old.path), *args, "--json"]
        done = subprocess.run(argv, cwd=taker.path, capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout)["data"]

    return run


def fates(data, kind="files"):
    return {entry["path"]: (entry["fate"], entry["reason"]) for entry in data[kind]}


def doubts(data, session):
    return next(each["doubts"] for each in data["sessions"] if each["session"] == session)


def test_all_of_it_comes_over_or_is_told(case, taker):
    before = case.snapshot()
    data = taker.migrate(case)
    assert data["written"] == ["p/__blueprint__", "p/only-in-db", "p/s"]
    held = taker.folder("p/s")
    assert held["intent.md"] == b"# Intent\n\nThe older text, in the file.\n"
    assert held["migrated/database/intents/intent.md"] == b"# Intent\n\nThe newer text, in the database.\n"
    assert any("another intent, of 2026-02-02T00:00:00Z" in doubt for doubt in doubts(data, "p/s"))
    assert "migrated/database/metadata/session.json" in held
    assert "metadata/session.json" not in held
    assert taker.stages("p/s")["intent"] == "complete"
    assert taker.read(".idse/projects/p/CURRENT_SESSION").strip() == b"only-in-db"
    assert taker.folder("p/only-in-db")["intent.md"] == b"# Intent\n\nNo file has this.\n"
    state = taker.state("p/only-in-db")
    assert (state["owner"], state["status"], state["parents"]) == ("someone", "draft", ["__blueprint__"])
    assert state["created_at"] == "2026-02-01T00:00:00Z"
    [claim] = (
        taker.state("p/__blueprint__")["parts"]["claims"].values()
        if "parts" in taker.state("p/__blueprint__")
        else taker.state("p/__blueprint__")["claims"].values()
    )
    assert (claim["text"], claim["status"]) == ("Storage is one file.", "declared")
    assert "active" in claim["reason"]
    assert "invariant" in claim["reason"]
    assert any("promote" in doubt for doubt in doubts(data, "p/__blueprint__"))
    assert fates(data) == {DB: ("migrated", "2 sessions, 2 documents, 1 claim"), FILE: ("migrated", "")}
    assert case.snapshot() == before
    assert taker.is_sound()


def test_twice_changes_nothing(case, taker):
    taker.migrate(case)
    refs = taker.refs()
    assert not taker.migrate(case)["changed"]
    assert taker.refs() == refs


def test_in_place_the_second_run_says_so(make_old, taker):
    old = make_old("repo")
    old.put(FILE, "# Intent\n\nThe older text, in the file.\n")
    fill(old, CASE)
    taker.migrate(old)
    taker.commit("what the first run wrote")
    refs, before = taker.refs(), old.snapshot()
    data = taker.migrate(old)
    assert {each["verdict"] for each in data["sessions"]} == {"migrated already"}
    assert (data["changed"], taker.refs(), old.snapshot()) == (False, refs, before)
    assert not any("declare" in note for note in data["notes"])


def test_two_clones_get_the_same_commits_of_what_only_a_database_has(case, make_taker):
    os.utime(case.path / DB, (1_700_000_000, 1_700_000_000))
    one, two = make_taker("one"), make_taker("two")
    one.migrate(case)
    os.utime(case.path / DB, (1_800_000_000, 1_800_000_000))
    two.migrate(case)
    for session in ("__blueprint__", "only-in-db"):
        ref = f"refs/idse/sessions/p/{session}"
        assert one.git("rev-parse", ref) == two.git("rev-parse", ref)


def test_a_source_that_is_nothing_but_a_database_comes_over(old, taker):
    fill(old, CASE)
    assert taker.migrate(old)["written"] == ["p/__blueprint__", "p/only-in-db", "p/s"]
    assert taker.folder("p/s")["intent.md"].endswith(b"in the database.\n")


def test_the_same_text_is_a_duplicate_and_no_doubt(case, taker):
    case.put(FILE, "# Intent\n\nThe newer text, in the database.\n")
    data = taker.migrate(case)
    assert fates(data, "records")[f"{DB}/p/s/intents/intent.md"][0] == "duplicate"
    assert not any("another intent" in doubt for doubt in doubts(data, "p/s"))


def test_what_a_file_says_of_a_session_counts_and_the_other_is_told(case, taker):
    record = {"owner": "ann", "status": "review", "updated_at": "2026-01-01T00:00:00Z"}
    case.json(".idse/projects/p/sessions/s/metadata/session.json", record)
    case.json(".idse/projects/p/sessions/s/session_state.json", {"stages": {"intent": "in_progress"}})
    data = taker.migrate(case)
    assert taker.state("p/s")["owner"] == "ann"
    assert taker.stages("p/s")["intent"] == "in_progress"
    said = " ".join(doubts(data, "p/s"))
    for words in (
        "owner is 'ann' in the files, and 'someone'",
        "status is 'review'",
        "intent is in_progress",
    ):
        assert words in said


def test_an_owner_in_a_file_of_its_own_counts_too(case, taker):
    case.put(".idse/projects/p/sessions/s/metadata/.owner", "ann\n")
    data = taker.migrate(case)
    assert taker.state("p/s")["owner"] == "ann"
    assert any("'someone'" in doubt for doubt in doubts(data, "p/s"))


def test_people_tags_agents_current_session_and_earlier_texts(case, taker):
    more = """
    INSERT INTO collaborators VALUES(2,'bob','reviewer');
    INSERT INTO session_tags VALUES(2,'auth'),('2','web');
    INSERT INTO agents VALUES('claude','writes','implementation'),('codex','checks','review');
    INSERT INTO agent_stages VALUES('claude','spec'),('claude','plan');
    INSERT INTO artifacts VALUES(3,1,2,'intent','An older one.','','','2025-01-01');
    INSERT INTO artifacts VALUES(4,1,2,'research','What was read.','','','');
    INSERT INTO artifacts VALUES(5,1,2,'implementation','# Done

All of it was built, and it runs.','','','');
    UPDATE projects SET current_session_id = 2;
    """
    fill(case, more, schema="")
    data = taker.migrate(case)
    state = taker.state("p/only-in-db")
    assert state["tags"] == ["auth", "web"]
    assert taker.events("p/only-in-db")[0]["body"]["collaborators"] == ["bob"]
    held = taker.folder("p/only-in-db")
    assert held["implementation/README.md"].startswith(b"# Done")
    assert held["migrated/database/intents/intent-3.md"] == b"An older one."
    assert held["migrated/database/research.md"] == b"What was read."
    assert data["current"] == "p/only-in-db"
    assert data["agents"] == 2
    assert json.loads(taker.idse("agents", "list", "--json").stdout)["data"]["agents"][0]["stages"]


def test_agents_of_a_file_count_and_those_that_only_the_database_has_are_named(case, taker):
    case.json(".idse/projects/p/agent_registry.json", {"agents": [{"id": "codex"}]})
    fill(case, "INSERT INTO agents VALUES('claude','',''),('codex','','');", schema="")
    data = taker.migrate(case)
    assert data["agents"] == 1
    assert any("claude" in note and "agent_registry.json counts" in note for note in data["notes"])


def test_a_file_says_which_session_is_current(case, taker):
    fill(case, "UPDATE projects SET current_session_id = 2;", schema="")
    case.put("CURRENT_SESSION", "s")
    assert taker.migrate(case)["current"] == "p/s"
    assert taker.read(".idse/projects/p/CURRENT_SESSION").strip() == b"s"


def test_claims_that_count_no_more_are_demoted_with_the_reason_of_then(case, taker):
    more = """
    INSERT INTO blueprint_claims VALUES
      (2,1,'Money is whole cents.','constraint','superseded',NULL,NULL,'',
      '2026-01-01','2026-01-05');
    INSERT INTO blueprint_claims VALUES
      (3,1,'Money is whole cents of a euro.','decisions','odd word',2,NULL,'','2026-01-04','2026-01-05');
    INSERT INTO blueprint_claims VALUES(4,1,'X','','active',NULL,NULL,'','',''),
      (5,1,'storage is one file','','active',NULL,NULL,'','','');
    INSERT INTO claim_lifecycle_events VALUES
      (1,2,'active','superseded','It said no currency.','ann','2026-01-05');
    INSERT INTO promotion_records VALUES(1,1,1,'{"tests": 4}');
    INSERT INTO promotion_record_sources VALUES(1,1);
    """
    fill(case, more, schema="")
    data = taker.migrate(case)
    events = [event for event in taker.events("p/__blueprint__") if event["kind"] == "claimed"]
    claims = {each["text"]: each for each in taker.state("p/__blueprint__")["claims"].values()}
    gone = claims["Money is whole cents."]
    assert (gone["status"], gone["section"]) == ("demoted", "constraints")
    assert "It said no currency." in gone["reason"]
    assert "ann" in gone["reason"]
    assert gone["at"] == "2026-01-05T00:00:00Z"
    assert claims["Money is whole cents of a euro."]["section"] == "decisions"
    assert len(events) == 4
    said = " ".join(doubts(data, "p/__blueprint__"))
    for words in ("claim 4 is not taken over", "claim 5 says what another", "status 'odd_word'"):
        assert words in said
    held = taker.folder("p/__blueprint__")
    assert json.loads(held["migrated/database/promotion_records.json"])[0]["evidence_json"] == '{"tests": 4}'
    assert "migrated/database/promotion_record_sources.json" in held
    assert "migrated/database/claim_lifecycle_events.json" in held
    assert taker.is_sound()


def test_a_blueprint_that_is_here_gets_the_claims_that_no_session_of_the_source_has(case, taker):
    assert taker.idse("init", "p").returncode == 0
    assert taker.idse("blueprint", "declare", "Nothing is deleted for good").returncode == 0
    before = taker.folder("p/__blueprint__")
    data = taker.migrate(case)
    assert data["completed"] == ["p/__blueprint__"]
    claims = taker.state("p/__blueprint__")["claims"].values()
    assert {each["text"] for each in claims} == {"Nothing is deleted for good", "Storage is one file."}
    after = taker.folder("p/__blueprint__")
    assert after.keys() - before.keys() == {"migrated/database/blueprint_claims.json"}
    assert {path: after[path] for path in before} == before
    refs = taker.refs()
    assert not taker.migrate(case)["changed"]
    assert taker.refs() == refs


def test_claims_of_a_blueprint_whose_name_is_taken_are_named(case, taker):
    case.session("D", "__blueprint__", "p")
    assert taker.idse("init", "p").returncode == 0
    taker.write(".idse/projects/p/sessions/__blueprint__/intent.md", "# Intent\n\nWork of our own.\n")
    assert taker.idse("save", "__blueprint__").returncode == 0
    data = taker.migrate(case, exits=3)
    assert "p/__blueprint__" not in data["written"]
    assert any("Storage is one file." in note and "idse blueprint declare" in note for note in data["notes"])


def test_nothing_of_one_project_gets_into_another(case, taker):
    more = """
    INSERT INTO projects(id,name) VALUES(2,'q');
    INSERT INTO sessions(id,project_id,session_id) VALUES(3,2,'s');
    INSERT INTO artifacts(id,session_id,stage,content) VALUES(9,3,'spec','The spec of q alone.');
    INSERT INTO blueprint_claims(claim_id,project_id,claim_text) VALUES(9,2,'Only q may know this secret.');
    INSERT INTO claim_lifecycle_events(claim_id,new_status,reason) VALUES(9,'active','secret of q');
    INSERT INTO promotion_records(id,claim_id,evidence_json) VALUES(7,9,'secret');
    INSERT INTO promotion_record_sources VALUES(7,9),(70,90);
    """
    fill(case, more, schema="")
    data = taker.migrate(case)
    assert set(taker.sessions()) == {"p/__blueprint__", "p/only-in-db", "p/s", "q/__blueprint__", "q/s"}
    for session in ("p/__blueprint__", "p/only-in-db", "p/s"):
        assert not any(b"secret" in content for content in taker.folder(session).values())
    held = taker.folder("q/__blueprint__")
    assert b"secret" in held["migrated/database/promotion_records.json"]
    assert json.loads(held["migrated/database/promotion_record_sources.json"]) == [
        {"artifact_id": 9, "record_id": 7}
    ]
    assert any("promotion_record_sources of no project (1 row)" in note for note in data["notes"])


def test_tables_that_have_no_match_here_are_named_with_their_rows(case, taker):
    fill(case, "INSERT INTO sync_metadata VALUES('token','abc'),('x','y');", schema="")
    data = taker.migrate(case)
    assert any("sync_metadata (2 rows)" in note for note in data["notes"])
    for session in taker.sessions():
        assert not any(b"abc" in content for content in taker.folder(session).values())


def test_a_table_too_large_to_be_kept_is_named(case, taker):
    fill(case, "INSERT INTO promotion_records VALUES(1,1,1,hex(zeroblob(600000)));", schema="")
    data = taker.migrate(case)
    assert any("table promotion_records has more than" in note for note in data["notes"])
    assert "migrated/database/promotion_records.json" not in taker.folder("p/__blueprint__")


def test_columns_and_tables_may_be_missing(old, taker):
    schema = """
    CREATE TABLE Sessions(Session_ID text, something_new text);
    CREATE TABLE artifacts(session_id text, stage text, content text);
    INSERT INTO Sessions VALUES('a','kept as it is');
    INSERT INTO artifacts VALUES('gone','spec','x');
    INSERT INTO artifacts VALUES('a','Specs','# Spec\n\nEverything that is wanted is here.\n');
    """
    fill(old, schema=schema)
    data = taker.migrate(old, "--project", "web")
    assert data["written"] == ["web/a"]
    assert taker.folder("web/a")["spec.md"].startswith(b"# Spec")
    assert b"kept as it is" in taker.folder("web/a")["migrated/database/metadata/session.json"]
    assert any("artifacts of no session (1 row)" in note for note in data["notes"])


def test_a_database_that_names_no_project_is_told_so_and_stops_nothing(old, taker):
    old.session("C")
    old.session("C", project="other")
    fill(old, schema="CREATE TABLE sessions(session_id text); INSERT INTO sessions VALUES('a');")
    data = taker.migrate(old)
    assert data["written"] == ["other/login", "portal/login"]
    [(fate, reason)] = fates(data, "records").values()
    assert fate == "unknown"
    assert "--project" in reason


def test_a_session_of_no_project_joins_the_one_of_its_name_in_the_project_asked_for(case, taker):
    more = """
    INSERT INTO projects(id,name) VALUES(2,'q');
    INSERT INTO sessions(id,session_id) VALUES(3,'s');
    INSERT INTO artifacts(session_id,stage,content) VALUES(3,'spec','# Spec

It names no project at all.');
    """
    fill(case, more, schema="")
    data = taker.migrate(case, "--project", "p")
    assert taker.folder("p/s")["spec.md"].startswith(b"# Spec")
    assert len(data["records"]) == 8


def test_values_of_any_type_are_read(case, taker):
    with closing(sqlite3.connect(case.path / DB)) as connection:
        rows = [
            (10, "spec", b"bytes \xff\0 as they are"),
            (11, "plan", None),
            (12, "tasks", 42),
            (13, None, "?"),
        ]
        connection.executemany("INSERT INTO artifacts(id,session_id,stage,content) VALUES(?,2,?,?)", rows)
        connection.execute("UPDATE sessions SET owner = ?, description = ? WHERE id = 2", (b"\xff\xfe", 3.5))
        connection.execute("INSERT INTO sessions(id,session_id,project_id) VALUES(7,77,1),(8,NULL,1)")
        connection.commit()
    data = taker.migrate(case)
    held = taker.folder("p/only-in-db")
    assert held["spec.md"] == b"bytes \xff\0 as they are"
    assert held["tasks.md"] == b"42"
    assert "plan.md" not in held
    assert held["migrated/database/artifact.md"] == b"?"
    assert "p/77" in taker.sessions()
    said = " ".join(data["notes"])
    assert "artifacts without a text (1 row)" in said
    assert "sessions without a name (1 row)" in said
    assert taker.is_sound()


def test_names_may_be_odd(case, taker):
    with closing(sqlite3.connect(case.path / DB)) as connection:
        names = ["feature/x", "a b", "..", "Ünïcode", "new\nline", "%2F", "x" * 300]
        connection.executemany(
            "INSERT INTO sessions(session_id,project_id) VALUES(?,1)", [(name,) for name in names]
        )
        connection.execute('CREATE TABLE "we""ird; DROP TABLE sessions; --"("a""b" text)')
        connection.execute('INSERT INTO "we""ird; DROP TABLE sessions; --" VALUES(1)')
        connection.commit()
    data = taker.migrate(case)
    called = {each["called"]: each["session"] for each in data["sessions"]}
    assert called["p/feature/x"] == "p/feature-x"
    assert len(taker.sessions()) == 3 + 7
    assert any('we"ird' in note for note in data["notes"])
    assert taker.is_sound()


def test_a_text_too_large_for_a_ledger_is_named(case, taker):
    fill(
        case,
        "INSERT INTO artifacts(id,session_id,stage,content) VALUES(20,2,'spec',zeroblob(1100000)),"
        "(21,2,'plan',zeroblob(70000000));",
        schema="",
    )
    data = taker.migrate(case)
    for stage in ("spec", "plan"):
        fate, reason = fates(data, "records")[f"{DB}/p/only-in-db/{stage}s/{stage}.md"]
        assert fate == "unknown"
        assert "larger than" in reason
    assert "p/only-in-db" in data["written"]


@pytest.mark.parametrize(
    "statement",
    [
        """CREATE VIEW artifacts AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n)
        SELECT i AS id, 1 AS session_id, 'spec' AS stage, i AS content FROM n""",
        "CREATE VIRTUAL TABLE artifacts USING fts3(session_id, stage, content)",
        "CREATE TABLE artifacts(session_id text primary key, stage text, content text) WITHOUT ROWID",
        "CREATE TABLE artifacts(session_id text, stage text, content text AS (zeroblob(900000000)))",
    ],
)
def test_what_only_looks_like_a_table_is_not_run(case, taker, statement):
    fill(case, "DROP TABLE artifacts;", statement, schema="")
    data = taker.migrate(case)
    assert "p/only-in-db" in data["written"]
    assert "AS (zero" in statement or any(
        note.endswith("no plain table: artifacts") for note in data["notes"]
    )


def test_a_trigger_has_nothing_to_wait_for(case, taker):
    fill(
        case,
        "CREATE TRIGGER t AFTER UPDATE ON sessions BEGIN DELETE FROM artifacts; END;",
        "CREATE TRIGGER u AFTER INSERT ON sessions BEGIN DELETE FROM artifacts; END;",
        schema="",
    )
    before = case.snapshot()
    assert "p/only-in-db" in taker.migrate(case)["written"]
    assert case.snapshot() == before


def test_a_database_of_an_unknown_shape_is_named_with_its_tables(old, taker):
    old.session("C")
    fill(old, schema="CREATE TABLE fruit(a); CREATE TABLE birds(b); CREATE VIEW seen AS SELECT 1;")
    data = taker.migrate(old)
    fate, reason = fates(data)[DB]
    assert fate == "unknown"
    assert "birds, fruit, seen" in reason
    assert data["databases"][0]["tables"] == ["birds", "fruit", "seen"]
    assert data["written"] == ["portal/login"]


def test_one_of_an_unknown_shape_alone_is_an_error_that_names_them(old, taker):
    fill(old, schema="CREATE TABLE fruit(a);")
    assert "fruit" in taker.refused(old)["cause"]


def test_an_empty_one_is_told(old, taker):
    old.session("C")
    old.put(DB)
    assert fates(taker.migrate(old))[DB] == ("unknown", "an empty database")


def damaged(path):
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 4] = b"\xa5" * (4096 * 2)
    path.write_bytes(data)


def emptied(path):
    """Makes a page of documents say that it has no rows: who only reads gets fewer, and no error."""
    with closing(sqlite3.connect(path)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'")
    data = bytearray(path.read_bytes())
    data[(page - 1) * 4096 + 3 : (page - 1) * 4096 + 5] = b"\0\0"
    path.write_bytes(data)


UNREADABLE = {
    "emptied": (emptied, "damaged"),
    "no database": (lambda path: path.write_text("not a database at all\n"), "no SQLite database"),
    "encrypted": (lambda path: path.write_bytes(bytes(range(256)) * 64), "encrypted"),
    "pointer": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "damaged": (damaged, "damaged"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size // 2 + 100), "mal"),
    "no more than a head": (lambda path: os.truncate(path, 100), ""),
    "closed": (lambda path: path.chmod(0), "Permission denied"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_one_that_cannot_be_read_waits_and_stops_nothing(case, taker, run, kind):
    harm, why = UNREADABLE[kind]
    for number in range(200):
        case.put(f".idse/projects/p/sessions/s/notes-{number}.md", "x")
    fill(
        case,
        *(
            f"INSERT INTO artifacts(session_id,stage,content) VALUES(2,'x{n}',hex(zeroblob(300)));"
            for n in range(60)
        ),
        schema="",
    )
    harm(case.path / DB)
    before = case.snapshot() if kind != "closed" else None
    code, data = run(case)
    assert code == 3
    fate, reason = fates(data)[DB]
    assert fate == "unknown"
    assert why in reason
    assert data["databases"][0]["problem"]
    assert data["written"] == ["p/s"]
    assert before is None or case.snapshot() == before


def test_one_that_cannot_be_read_alone_is_an_error_that_says_why(old, taker):
    old.put(DB, "nothing of the kind")
    assert "no SQLite database" in taker.refused(old)["cause"]


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("UPDATE sessions SET owner = 'not yet'")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_locked_one_waits_and_what_only_it_has_comes_with_the_next_run(case, taker, how):
    argv = [sys.executable, "-c", LOCKER, str(case.path / DB), how]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as locker:
        assert locker.stdout.readline() == "locked\n"
        done = taker.idse("migrate", str(case.path), "--json")
        locker.stdin.close()
    data = json.loads(done.stdout)["data"]
    assert done.returncode == 3
    assert "locked" in fates(data)[DB][1]
    assert data["written"] == ["p/s"]
    (case.path / f"{DB}-journal").unlink(missing_ok=True)
    data = taker.migrate(case)
    assert data["written"] == ["p/__blueprint__", "p/only-in-db"]
    assert data["completed"] == ["p/s"]
    held = taker.folder("p/s")
    assert held["intent.md"] == b"# Intent\n\nThe older text, in the file.\n"
    assert held["migrated/database/intents/intent.md"] == b"# Intent\n\nThe newer text, in the database.\n"
    assert (taker.path / ".idse/projects/p/sessions/s/migrated/database/session_state.json").exists()
    refs = taker.refs()
    data = taker.migrate(case)
    assert (data["changed"], taker.refs()) == (False, refs)
    assert {each["verdict"] for each in data["sessions"]} == {"migrated already"}
    assert taker.is_sound()


def test_what_comes_late_replaces_nothing_that_was_written_meanwhile(case, taker):
    case.session("D", "__blueprint__", "p")
    database = (case.path / DB).read_bytes()
    (case.path / DB).write_bytes(b"not yet")
    assert taker.idse("migrate", str(case.path)).returncode == 3
    folder = taker.path / ".idse/projects/p/sessions/s"
    (folder / "migrated/database/intents").mkdir(parents=True)
    (folder / "migrated/database/intents/intent.md").write_text("Somebody else's.\n")
    assert taker.idse("save", "s").returncode == 0
    (folder / "intent.md").write_text("# Intent\n\nWritten here since, and not saved yet.\n")
    (folder / "migrated/database/session_state.json").write_text("mine")
    (case.path / DB).write_bytes(database)
    before = taker.stages("p/s")
    planned = taker.migrate(case, "--dry-run")
    data = taker.migrate(case)
    assert planned["records"] == data["records"]
    assert data["completed"] == ["p/__blueprint__", "p/s"]
    claims = taker.state("p/__blueprint__")["claims"].values()
    assert [each["text"] for each in claims] == ["Storage is one file."]
    assert taker.stages("p/s") == before
    assert (folder / "intent.md").read_text().endswith("not saved yet.\n")
    assert (folder / "migrated/database/session_state.json").read_text() == "mine"
    held = taker.folder("p/s")
    assert held["migrated/database/intents/intent.md"] == b"Somebody else's.\n"
    assert held["migrated/database/session_state.json"].startswith(b"{")
    taken = fates(data, "records")[f"{DB}/p/s/intents/intent.md"]
    assert taken == ("unknown", "something else stands at migrated/database/intents/intent.md already")
    assert not taker.migrate(case)["changed"]


def test_what_waits_in_a_wal_is_read_and_nothing_is_written_beside_it(case, taker):
    connection = sqlite3.connect(case.path / DB, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE artifacts SET content = 'Only the -wal has this.' WHERE id = 2")
    assert b"Only the -wal" not in (case.path / DB).read_bytes()
    before = case.snapshot()
    data = taker.migrate(case)
    assert case.snapshot() == before
    connection.close()
    assert taker.folder("p/only-in-db")["intent.md"] == b"Only the -wal has this."
    assert {path: fate for path, (fate, _) in fates(data).items()} == {
        DB: "migrated",
        f"{DB}-wal": "migrated",
        f"{DB}-shm": "stub",
        FILE: "migrated",
    }


def test_one_in_wal_mode_without_a_wal_gets_none(case, taker):
    with closing(sqlite3.connect(case.path / DB, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    before = case.snapshot()
    assert "p/only-in-db" in taker.migrate(case)["written"]
    assert case.snapshot() == before


KILLED = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE artifacts SET content = 'never committed ' || content")
connection.executemany("INSERT INTO sync_metadata VALUES(?, hex(zeroblob(2000)))", [(n,) for n in range(200)])
os._exit(1)
"""


def test_what_a_killed_program_left_half_done_is_not_taken(case, taker):
    subprocess.run([sys.executable, "-c", KILLED, str(case.path / DB)], check=False)
    assert (case.path / f"{DB}-journal").stat().st_size
    assert b"never committed" in (case.path / DB).read_bytes()
    before = case.snapshot()
    data = taker.migrate(case)
    assert case.snapshot() == before
    assert taker.folder("p/only-in-db")["intent.md"] == b"# Intent\n\nNo file has this.\n"
    assert fates(data)[f"{DB}-journal"][0] == "migrated"


def test_a_journal_that_names_other_files_has_none_of_them_deleted(case, taker, tmp_path):
    """SQLite deletes what it takes for the finished journal of several databases."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    subprocess.run([sys.executable, "-c", KILLED, str(case.path / DB)], check=False)
    name = os.fsencode(victim)
    checksum = sum(byte if byte < 128 else byte - 256 for byte in name)
    tail = b"".join(
        (
            (0x40000000 // 4096 + 1).to_bytes(4, "big"),
            name,
            len(name).to_bytes(4, "big"),
            checksum.to_bytes(4, "big"),
            bytes.fromhex("d9d505f920a163d7"),
        )
    )
    with open(case.path / f"{DB}-journal", "ab") as journal:
        journal.write(tail)
    done = taker.idse("migrate", str(case.path), "--json")
    assert done.returncode == 3
    assert "several databases" in fates(json.loads(done.stdout)["data"])[DB][1]
    assert victim.read_text() == "mine"


def test_a_part_that_is_a_link_keeps_it_waiting(case, taker):
    (case.path / f"{DB}-wal").symlink_to("/etc/hostname")
    done = taker.idse("migrate", str(case.path), "--json")
    assert done.returncode == 3
    assert "-wal is no file" in fates(json.loads(done.stdout)["data"])[DB][1]


def test_a_link_to_a_database_is_not_followed(old, taker, make_old):
    fill(make_old("elsewhere"), CASE)
    old.session("C")
    (old.path / ".idse").mkdir()
    (old.path / DB).symlink_to("../../elsewhere/.idse/idse.db")
    data = taker.migrate(old)
    assert fates(data)[DB] == (
        "unknown",
        "a symbolic link to ../../elsewhere/.idse/idse.db: links are not followed",
    )
    assert data["written"] == ["portal/login"]


def test_two_databases_in_one_source_are_both_read(case, taker):
    more = "UPDATE artifacts SET content='# Intent\n\nThe third text of it.\n' WHERE id=1;"
    fill(
        case, CASE, more, "UPDATE sessions SET session_id='third' WHERE id=2;", path="old/.idse/store.sqlite3"
    )
    data = taker.migrate(case)
    assert "p/third" in data["written"]
    texts = {content for path, content in taker.folder("p/s").items() if path.endswith("intent.md")}
    assert len(texts) == 3
    assert len(taker.state("p/__blueprint__")["claims"]) == 1
    assert taker.is_sound()


def test_only_names_of_the_older_tool_are_looked_into(old, taker):
    old.session("C")
    fill(old, CASE, path="app/data.db")
    assert fates(taker.migrate(old))["app/data.db"] == ("unknown", "it belongs to no layout")


@pytest.mark.parametrize("bare", [False, True])
def test_a_repository_has_it_too_and_its_earlier_versions_are_named(
    make_repo, make_old, taker, tmp_path, bare
):
    source = make_repo("whole")
    old = make_old("whole")
    old.put(FILE, "# Intent\n\nThe older text, in the file.\n")
    fill(old, CASE)
    source.commit("all of it")
    fill(old, "UPDATE sessions SET owner = 'ann';", schema="")
    source.commit("another owner")
    path = old.path
    if bare:
        path = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(old.path), str(path)], check=True)
    data = taker.migrate(path)
    assert taker.folder("p/only-in-db")["intent.md"] == b"# Intent\n\nNo file has this.\n"
    assert taker.state("p/only-in-db")["owner"] == "ann"
    assert any("not as it was in 1 earlier commit" in note for note in data["notes"])
    assert not taker.migrate(path)["changed"]
    assert not any("earlier commit" in note for note in taker.migrate(path, "--no-history")["notes"])
    assert taker.is_sound()


def test_no_notice_stands_in_the_place_of_a_database(case, taker, tmp_path):
    assert taker.migrate(case, "--archive", str(tmp_path / "notices"))["written"]
    found = [
        os.path.relpath(os.path.join(folder, name), tmp_path / "notices")
        for folder, _, names in os.walk(tmp_path / "notices")
        for name in names
    ]
    assert sorted(found) == [FILE, "IDSE-MIGRATED.md"]


def test_the_report_in_words_names_what_differs(case, taker):
    done = taker.idse("migrate", str(case.path), "--dry-run")
    assert "database .idse/idse.db: 2 sessions, 2 documents, 1 claim" in done.stdout
    assert (
        "texts of databases: 1 migrated, 0 duplicates, 5 side files, 0 stubs, 0 unknown: 6 in all"
        in done.stdout
    )
    assert "→ migrated/database/intents/intent.md" in done.stdout
