"""What git says is in the tables, and what has gone from git is not; in both engines."""

from __future__ import annotations

import json
import time

from idse_orchestrator.server.projection import follower
from idse_orchestrator.server.projection.ids import project_id, session_id
from pushes import GOOD, ref_of


def one(bed, query, **given):
    """The one row that a query finds for the client of shop/web."""
    client = bed.admin.client("shop").id
    (row,) = bed.store.read(query, client=client, **given)
    return row


def test_a_push_is_there_at_once(bed, web, clone):
    clone.create_project()
    clone.create(title="Log in")
    clone.complete("intent")
    bed.projector.follow(web, bed.push(clone, web))
    session = one(bed, "SELECT * FROM sessions")
    assert session["id"] == session_id(web.id, "portal", "login")
    assert session["project_id"] == project_id(web.id, "portal")
    assert (session["title"], session["status"], session["blocking"]) == ("Log in", "active", 0)
    assert session["tip"] == clone.tip(ref_of())
    assert json.loads(session["state_json"])["session"] == "login"
    stages = bed.store.read("SELECT * FROM stages ORDER BY position", client=web.client_id)
    assert [(row["stage"], row["status"]) for row in stages][:2] == [
        ("intent", "complete"),
        ("context", "pending"),
    ]
    assert one(bed, "SELECT intent_md FROM sessions_wide")["intent_md"] == GOOD["intent"]
    kinds = bed.store.read(
        "SELECT kind, subject, seen_at FROM events WHERE ledger_id = :id ORDER BY lamport, event_id",
        client=web.client_id,
        id=session["id"],
    )
    assert [row["kind"] for row in kinds] == ["created", "stage", "edited", "stage"]
    assert all(row["seen_at"] for row in kinds)
    assert bed.differences() == []


def test_only_what_is_new_is_walked_and_the_rest_stays(bed, web, clone):
    clone.create()
    clone.create("search")
    bed.projector.follow(web, bed.push(clone, web))
    before = bed.rows("events")
    clone.complete("intent")
    moved = bed.push(clone, web)
    assert bed.projector.follow(web, moved) == len(moved) == 1
    after = bed.rows("events")
    assert set(before) < set(after)
    assert len(after) == len(before) + 3
    assert bed.projector.follow(web, moved) == 0
    assert bed.differences() == []


def test_a_text_stands_there_once_and_goes_with_its_last_document(bed, web, clone):
    clone.create()
    clone.create("search")
    clone.save(spec="# Spec\n\nalike\n")
    clone.save("search", spec="# Spec\n\nalike\n")
    bed.catch_up()
    bed.projector.follow(web, bed.push(clone, web))
    assert [row["text"] for row in bed.store.read("SELECT text FROM blobs", client=web.client_id)] == [
        "# Spec\n\nalike\n"
    ]
    clone.save(spec="# Spec\n\nother\n")
    bed.projector.follow(web, bed.push(clone, web))
    assert len(bed.rows("blobs")) == 2
    clone.save("search", spec=None)
    bed.projector.follow(web, bed.push(clone, web))
    assert [row["text"] for row in bed.store.read("SELECT text FROM blobs", client=web.client_id)] == [
        "# Spec\n\nother\n"
    ]
    assert bed.differences() == []


def test_what_no_database_takes_is_left_in_git_or_made_readable(bed, web, clone):
    clone.create(title="zero \0 in it")
    clone.save_files(
        "login", {"spec.md": b"a\0b", "plan.md": b"\xff\xfe", "tasks.md": b"x" * (256 * 1024 + 1)}
    )
    bed.projector.follow(web, bed.push(clone, web))
    assert len(bed.rows("artifacts")) == 3
    assert bed.rows("blobs") == []
    assert bed.differences() == []


def test_findings_are_those_of_the_servers_rules_today(bed, web, clone):
    clone.create()
    clone.complete("intent", "# Intent\n")
    bed.projector.follow(web, bed.push(clone, web))
    session = one(bed, "SELECT * FROM sessions")
    findings = bed.store.read("SELECT * FROM findings ORDER BY position", client=web.client_id)
    assert session["blocking"] == sum(row["blocks"] for row in findings) > 0
    assert session["blocking"] + session["warnings"] == len(findings)
    assert {row["tip"] for row in findings} == {clone.tip(ref_of())}
    assert bed.differences() == []


def test_other_rules_judge_all_anew(bed, web, clone):
    clone.create()
    bed.projector.follow(web, bed.push(clone, web))
    before = one(bed, "SELECT judged_by, blocking FROM sessions")
    assert before["blocking"] == 0
    with open(f"{bed.home.rules}/agency.yaml", "w") as file:
        file.write("policy:\n  waivers: none\n")
    assert bed.catch_up() == 1
    assert one(bed, "SELECT judged_by FROM sessions")["judged_by"] != before["judged_by"]
    with open(f"{bed.home.rules}/agency.yaml", "w") as file:
        file.write("rules: [\n")
    assert bed.catch_up() == 1
    assert "agency.yaml" in one(bed, "SELECT unreadable FROM sessions")["unreadable"]
    assert bed.differences() == []


def test_a_ref_that_was_rewritten_by_hand_is_read_as_a_whole(bed, web, clone):
    clone.create()
    early = clone.tip(ref_of())
    clone.complete("intent")
    bed.projector.follow(web, bed.push(clone, web))
    bed.git(web, "update-ref", ref_of(), early)
    assert bed.catch_up() == 1
    assert len(bed.rows("events")) == 1
    bed.git(web, "update-ref", "-d", ref_of())
    assert bed.catch_up() == 1
    for table in ("sessions", "artifacts", "stages", "findings", "events", "blobs", "refs"):
        assert bed.rows(table) == []
    assert bed.differences() == []


def test_what_is_deleted_goes_and_what_is_renamed_keeps_its_ids(bed, web, clone):
    clone.create()
    clone.save(spec="# Spec\n")
    other = bed.add("shop/other")
    for each in (web, other):
        bed.projector.follow(each, bed.push(clone, each))
    ids = {row["id"] for row in bed.store.read("SELECT id FROM sessions", client=web.client_id)}
    assert len(ids) == 2
    bed.tenants.rename_repository(web.place, "site")
    bed.catch_up()
    assert {row["id"] for row in bed.store.read("SELECT id FROM sessions", client=web.client_id)} == ids
    assert {row["name"] for row in bed.store.read("SELECT name FROM repositories", client=web.client_id)} == {
        "site",
        "other",
    }
    bed.tenants.archive_repository(other.place)
    bed.tenants.delete_repository(other.place, confirm="shop/other")
    bed.catch_up()
    assert {
        row["repository_id"] for row in bed.store.read("SELECT * FROM sessions", client=web.client_id)
    } == {web.id}
    assert len(bed.rows("blobs")) == 1
    assert bed.differences() == []


def test_made_anew_it_is_the_same_and_readers_never_see_a_gap(bed, web, clone):
    clone.create_project()
    clone.create()
    clone.complete("intent")
    bed.projector.follow(web, bed.push(clone, web))
    tables = ("sessions", "events", "findings", "blobs", "artifacts", "refs", "audit")
    before = {table: bed.rows(table) for table in tables}
    bed.rebuild()
    assert {table: bed.rows(table) for table in tables} == before
    bed.rebuild()
    clone.complete("context")
    bed.projector.follow(web, bed.push(clone, web))
    assert bed.differences() == []


def test_a_difference_is_named_by_table_and_key(bed, web, clone):
    clone.create()
    bed.projector.follow(web, bed.push(clone, web))
    with bed.store.writing(web.client_id) as writing:
        writing.run("UPDATE sessions SET title = 'other' WHERE client_id = :client")
        writing.run("DELETE FROM stages WHERE client_id = :client AND stage = 'plan'")
        writing.add("blobs", [(web.client_id, "0" * 40, "nobody has it")])
    found = {(each.table, each.what) for each in bed.differences()}
    assert found == {("sessions", "title"), ("stages", "missing"), ("blobs", "too much")}
    bed.rebuild()
    assert bed.differences() == []


def test_the_audit_is_copied_and_what_was_taken_out_of_it_goes(bed, web, clone):
    clone.create()
    bed.projector.follow(web, bed.push(clone, web))
    rows = bed.store.read("SELECT action FROM audit ORDER BY id", client=web.client_id)
    assert [row["action"] for row in rows] == ["client add", "repository add", "push"]
    bed.tenants.archive_repository(web.place)
    bed.tenants.delete_repository(web.place, confirm="shop/web", purge=True)
    bed.catch_up()
    details = bed.store.read("SELECT detail FROM audit WHERE action = 'push'", client=web.client_id)
    assert details == [{"detail": ""}]
    assert bed.differences() == []


def test_looks_come_less_often_where_they_would_take_too_much(bed, web, clone, monkeypatch):
    clone.create()
    bed.push(clone, web)
    monkeypatch.setattr(follower, "_seconds_of_the_day_left", lambda: float("inf"))
    for share, is_often in ((1.0, True), (1e-9, False)):
        monkeypatch.setattr(follower, "_SHARE", share)
        worker = follower.Worker(bed.projector, bed.admin)
        while worker.state.words != follower.WELL or worker._round is not None:
            worker._go_on()
        assert (worker._due <= time.monotonic() + follower.EVERY_SECONDS) == is_often
        bed.store.close()
        bed.store.make()


def test_other_tenants_are_seen_and_a_database_nobody_wrote_to_is_not_read(bed, web):
    bed.projector.copy_tenants()
    assert not bed.projector.has_other_tenants()
    known, read = bed.admin.database, []
    bed.admin.database = type("Counted", (), {})()
    bed.admin.database.state = known.state
    bed.admin.database.read = lambda *given, **named: read.append(given) or known.read(*given, **named)
    assert not bed.projector.has_other_tenants()
    assert read == []
    bed.admin.database = known
    bed.add("shop/more")
    assert bed.projector.has_other_tenants()
    bed.projector.copy_tenants()
    assert not bed.projector.has_other_tenants()
