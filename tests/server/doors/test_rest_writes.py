"""Writes over REST: events by the server as one more replica, behind the same gates as a push."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from agency_bed import AgencyBed
from idse_orchestrator.server.model.names import place_in
from rest_bed import Rest, ready

GOOD = """# Intent

## Purpose / Goal

Sellers see every order on one page, so that none is forgotten.

## Problem / Opportunity

Orders come by mail, and every tenth of them is lost on a Friday.

## Stakeholders / Users

Sellers in the shop, and the people who pack.

## Success Criteria (measurable)

- SC-001: no order is older than one day without an answer.

## Constraints / Assumptions / Risks

The mail server stays what it is.

## Scope

In scope: the page. Out of scope: the mail server.

## Time / Priority

Before the summer, and before everything else in the shop.
"""


def ledger(server, place, session="login"):
    """What git has of a session, newest first: commit, author, committer, subject."""
    git_dir = server.home.git_dir(place_in(place))
    from idse_orchestrator.git.program import Git

    lines = Git(git_dir, {"PATH": "/usr/bin:/bin"}).lines(
        "log", "--format=%H%x09%an <%ae>%x09%cn%x09%s", f"refs/idse/sessions/portal/{session}"
    )
    return [line.split("\t") for line in lines]


def test_a_project_a_session_and_a_document_are_events_of_who_asks(server, acme):
    before = acme.rest.get(f"/sessions/{acme.session}").data
    assert before["name"] == "login"
    assert before["stages"][0]["status"] == "in_progress"
    assert len(before["artifacts"]) == 7
    said = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", GOOD, before["tip"])
    assert said.status == 200
    assert said.headers["etag"] == f'"{said.data["tip"]}"'
    commits = ledger(server, acme.place)
    assert commits[0][0] == said.data["tip"] == acme.rest.tip(acme.session)
    assert commits[0][1:3] == ["Ann <ann@example.org>", "Agency Core"]
    read = acme.rest.get(f"/sessions/{acme.session}/artifacts/intent.md")
    assert read.text == GOOD
    events = acme.rest.get(f"/sessions/{acme.session}/events").data["items"]
    assert [each["kind"] for each in events] == ["created", "stage", "edited"]
    assert events[-1]["id"] == said.data["events"][0]
    assert events[-1]["body"]["source"] == "agency"


def test_what_stands_so_already_makes_no_event(acme):
    tip = acme.rest.tip(acme.session)
    text = acme.rest.get(f"/sessions/{acme.session}/artifacts/intent.md").text
    said = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", text, tip)
    assert (said.status, said.data["tip"], said.data["events"]) == (200, tip, [])


def test_bytes_stay_as_they_are(acme):
    text = "\ufeff# Notes\r\nno last line break"
    path = f"/sessions/{acme.session}/artifacts/notes/one.md"
    said = acme.rest.call("PUT", path, text.encode(), If_Match="*")
    assert said.status == 200, said
    assert acme.rest.get(path).text == text


class TestIfMatch:
    def test_none_is_asked_for(self, acme):
        said = acme.rest.call("PUT", f"/sessions/{acme.session}/artifacts/intent.md", b"x")
        assert said.status == 428

    def test_a_tip_that_moved_is_412_with_the_new_one(self, acme):
        old = acme.rest.tip(acme.session)
        new = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "one", old).data["tip"]
        for path in ("intent.md", "spec.md"):
            said = acme.rest.put(f"/sessions/{acme.session}/artifacts/{path}", "two", old)
            assert (said.status, said.data["tip"], said.headers["etag"]) == (412, new, f'"{new}"')
        moved = acme.rest.post(
            f"/sessions/{acme.session}/stages/intent",
            {"action": "reopen", "reason": "x"},
            If_Match=f'"{old}"',
        )
        assert (moved.status, moved.data["tip"]) == (412, new)

    def test_the_tag_of_the_document_does_as_well(self, acme):
        path = f"/sessions/{acme.session}/artifacts/intent.md"
        tag = acme.rest.get(path).headers["etag"].strip('"')
        acme.rest.put(f"/sessions/{acme.session}/artifacts/spec.md", "other", acme.rest.tip(acme.session))
        assert acme.rest.put(path, "one", tag).status == 200
        assert acme.rest.put(path, "two", tag).status == 412

    def test_a_star_makes_what_is_not_there(self, acme):
        path = f"/sessions/{acme.session}/artifacts/notes.md"
        assert acme.rest.call("PUT", path, b"one", If_Match="*").status == 200
        assert acme.rest.call("PUT", path, b"two", If_Match="*").status == 412


class TestIdempotencyKey:
    def test_the_same_request_has_the_same_answer_and_is_made_once(self, server, acme):
        body = {"project_id": acme.project, "name": "cart"}
        first = acme.rest.post("/sessions", body, Idempotency_Key="k1")
        again = acme.rest.post("/sessions", body, Idempotency_Key="k1")
        assert (first.status, again.status) == (201, 201)
        assert first.data == again.data
        assert again.headers["idempotency-replayed"] == "true"
        assert len(ledger(server, acme.place, "cart")) == 2

    def test_another_body_is_422(self, acme):
        acme.rest.post("/sessions", {"project_id": acme.project, "name": "one"}, Idempotency_Key="k2")
        other = acme.rest.post("/sessions", {"project_id": acme.project, "name": "two"}, Idempotency_Key="k2")
        assert other.status == 422
        assert acme.rest.get("/sessions").text.count('"two"') == 0

    def test_the_name_of_another_key_is_another_name(self, server, acme):
        other = Rest(server, server.key(acme.name, "read", "push"))
        for number, rest in enumerate((acme.rest, other)):
            said = rest.post(
                "/sessions", {"project_id": acme.project, "name": f"s{number}"}, Idempotency_Key="k3"
            )
            assert said.status == 201

    @pytest.mark.parametrize("known", [True, False], ids=["by the database", "by the ledger"])
    def test_a_key_that_took_the_place_of_another_knows_its_writes(self, server, acme, known):
        path = f"/sessions/{acme.session}/artifacts/plan.md"
        tip, name = acme.rest.tip(acme.session), f"rotated-{known}"
        first = acme.rest.put(path, "rotated", tip, Idempotency_Key=name)
        key = acme.rest.key
        for _ in range(2):
            caller = server.admin.keys.caller(key)
            key = server.admin.keys.rotate_own(caller, 3600)
        if not known:
            with server.admin.database.writing() as writing:
                writing.run("DELETE FROM answers")
        again = Rest(server, key).put(path, "rotated", tip, Idempotency_Key=name)
        assert (again.status, again.data["events"]) == (200, first.data["events"])
        strange = server.key(acme.name, "read", "push")
        assert Rest(server, strange).put(path, "rotated", tip, Idempotency_Key=name).status == 412

    def test_an_edit_is_found_again_in_the_ledger_where_the_database_knows_nothing(self, server, acme):
        path = f"/sessions/{acme.session}/artifacts/intent.md"
        tip = acme.rest.tip(acme.session)
        first = acme.rest.put(path, "one", tip, Idempotency_Key="k4")
        with server.admin.database.writing() as writing:
            writing.run("DELETE FROM answers")
        again = acme.rest.put(path, "one", tip, Idempotency_Key="k4")
        assert (again.status, again.data["events"]) == (200, first.data["events"])
        assert acme.rest.put(path, "other", tip, Idempotency_Key="k4").status == 422
        assert len(ledger(server, acme.place)) == 3

    def test_one_whose_commit_was_lost_is_made_anew(self, server, acme):
        path = f"/sessions/{acme.session}/artifacts/intent.md"
        tip = acme.rest.tip(acme.session)
        first = acme.rest.put(path, "one", tip, Idempotency_Key="k5").data["tip"]
        from idse_orchestrator.git.program import Git

        git = Git(server.home.git_dir(place_in(acme.place)), {"PATH": "/usr/bin:/bin"})
        git.text("update-ref", "refs/idse/sessions/portal/login", tip)  # as a restore of git alone would
        again = acme.rest.put(path, "one", tip, Idempotency_Key="k5")
        assert again.status == 200
        assert again.data["tip"] != first
        assert "idempotency-replayed" not in again.headers


class TestGates:
    def test_a_stage_with_findings_is_not_completed(self, acme):
        said = acme.rest.post(f"/sessions/{acme.session}/stages/intent", {"action": "complete"})
        assert said.status == 409
        assert {each["rule"][:4] for each in said.data["findings"]} == {"IDSE"}
        assert all(each["name"] for each in said.data["findings"])
        report = acme.rest.get(f"/sessions/{acme.session}/stages/intent").data
        assert report["summary"]["blocks"]
        assert [each["rule"] for each in report["findings"]] == [
            each["rule"] for each in said.data["findings"]
        ]

    def test_a_good_one_is_and_the_next_begins(self, acme):
        acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", GOOD, acme.rest.tip(acme.session))
        report = acme.rest.get(f"/sessions/{acme.session}/stages/intent").data
        assert not report["summary"]["blocks"], report
        said = acme.rest.post(f"/sessions/{acme.session}/stages/intent", {"action": "complete"})
        assert said.status == 200, said
        assert (said.data["stages"]["intent"], said.data["stages"]["context"]) == ("complete", "in_progress")

    def test_a_complete_stage_is_not_written_over(self, server, acme):
        path = f"/sessions/{acme.session}/artifacts/intent.md"
        acme.rest.put(path, GOOD, acme.rest.tip(acme.session))
        done = acme.rest.post(f"/sessions/{acme.session}/stages/intent", {"action": "complete"})
        before = ledger(server, acme.place)
        said = acme.rest.put(path, GOOD + "\nmore\n", done.data["tip"])
        assert (said.status, said.code) == (409, "IDSE402")
        assert ledger(server, acme.place) == before
        reopened = acme.rest.post(
            f"/sessions/{acme.session}/stages/intent", {"action": "reopen", "reason": "more to say"}
        )
        assert reopened.status == 200
        assert acme.rest.put(path, GOOD + "\nmore\n", reopened.data["tip"]).status == 200

    def test_a_reason_is_needed_to_reopen(self, acme):
        said = acme.rest.post(f"/sessions/{acme.session}/stages/intent", {"action": "reopen"})
        assert said.status in (409, 422)


class TestWhoMay:
    def test_a_key_without_push_only_reads(self, server, acme):
        rest = Rest(server, server.key(acme.name, "read"))
        assert rest.get(f"/sessions/{acme.session}").status == 200
        said = rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "x", rest.tip(acme.session))
        assert said.status == 403

    def test_a_key_without_create_makes_no_repository(self, server, acme):
        rest = Rest(server, server.key(acme.name, "read", "push"))
        said = rest.post("/projects", {"repository": f"{acme.name}/other", "name": "p"})
        assert said.status == 404

    def test_a_key_for_one_project_writes_there_alone(self, server, acme):
        other = acme.rest.project("other")
        rest = Rest(server, server.key(acme.name, "read", "push", projects=("other",)))
        assert rest.get(f"/sessions/{acme.session}").status == 404
        assert rest.post("/sessions", {"project_id": acme.project, "name": "x"}).status == 404
        assert rest.post("/sessions", {"project_id": other, "name": "x"}).status == 201
        assert rest.post("/projects", {"repository": acme.place, "name": "third"}).status == 403

    def test_an_agent_acts_as_itself_and_never_approves(self, server, acme):
        rest = Rest(server, server.key(acme.name, "read", "push", agent="claude-code"))
        said = rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "x", rest.tip(acme.session))
        assert said.status == 200
        event = rest.get(f"/sessions/{acme.session}/events").data["items"][-1]
        assert event["agent"] == "claude-code"
        approve = {"action": "approve", "handoff": "01"}
        assert rest.post(f"/sessions/{acme.session}/handoffs", approve).status == 403
        person = Rest(server, server.key(acme.name, "read", "push"))
        assert person.post(f"/sessions/{acme.session}/handoffs", approve).status == 403

    def test_an_archived_repository_is_read_alone(self, server, acme):
        tip = acme.rest.tip(acme.session)
        server.admin.archive_repository(place_in(acme.place))
        said = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "x", tip)
        assert said.status == 403
        assert acme.rest.get(f"/sessions/{acme.session}").status == 200

    def test_who_has_no_bytes_left_writes_nothing(self, server, acme):
        tip = acme.rest.tip(acme.session)
        server.admin.set_quota(acme.name, max_bytes=1, max_repositories=None)
        server.admin.note_bytes(place_in(acme.place), 100)
        said = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "x", tip)
        assert said.status == 507


@pytest.mark.parametrize(
    ("path", "status"),
    [("a/../intent.md", 422), ("%2e%2e/intent.md", 422), (".git/config", 422), ("a%00b", 404), ("a/", 422)],
)
def test_no_path_leads_out_of_the_session(acme, path, status):
    said = acme.rest.put(f"/sessions/{acme.session}/artifacts/{path}", "x", acme.rest.tip(acme.session))
    assert said.status == status, said


def test_what_is_too_large_does_not_come_in(acme):
    path, tip = f"/sessions/{acme.session}/artifacts/big.md", acme.rest.tip(acme.session)
    assert acme.rest.put(path, "x" * (1 << 20 | 1), tip).status == 422
    assert acme.rest.put(path, "x" * (5 << 20), tip).status == 413


def test_a_session_has_the_type_and_the_name_that_it_can_have(acme):
    def made(**body):
        return acme.rest.post("/sessions", {"project_id": acme.project, **body})

    assert made(name="fix-it", type="fix").status == 201
    assert made(name="fix-it", type="fix").status == 409
    assert made(name="Fix-It").status in (409, 422)
    assert made(name="x", type="none").status == 404
    assert made(name="x", parents=["none"]).status == 404
    assert made(name="../x").status == 422
    assert made(name="x", more=1).status == 422
    assert made(name=1).status == 422


def test_the_audit_tells_of_every_write_and_holds(server, acme):
    acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", GOOD, acme.rest.tip(acme.session))
    done = acme.rest.post(f"/sessions/{acme.session}/stages/intent", {"action": "complete"})
    acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", "x", done.data["tip"])
    rows = [row for row in acme.rest.get("/audit").data["items"] if row["action"] == "write"]
    assert [row["outcome"] for row in rows] == ["ok", "ok", "ok", "ok", "refused"]
    assert rows[-1]["rule"].startswith("IDSE")
    assert json.loads(rows[0]["detail"])["refs"][0][0] == "refs/idse/projects/portal"
    assert server.admin.audit.verify() == []


def test_a_read_only_agency_takes_nothing(own_server):
    bed: AgencyBed = own_server
    key = bed.key("acme", "read", "push", "create")
    bed.start()
    ready(bed)
    rest = Rest(bed, key)
    session = rest.session(rest.project())
    tip = rest.tip(session)
    bed.stop()
    bed.start("--read-only")
    ready(bed)
    said = rest.put(f"/sessions/{session}/artifacts/intent.md", "x", tip)
    assert (said.status, said.headers["retry-after"]) == (503, "60")
    assert rest.get(f"/sessions/{session}").data["tip"] == tip


def test_where_only_signed_pushes_come_in_nobody_writes_without_a_signature(own_server):
    key = own_server.key("acme", "read", "push", "create")
    own_server.start()
    ready(own_server)
    rest = Rest(own_server, key)
    session = rest.session(rest.project())
    with open(f"{own_server.home.rules}/acme.yaml", "w", encoding="utf-8") as file:
        file.write("policy:\n  signed: required\n")
    said = rest.put(f"/sessions/{session}/artifacts/intent.md", "x", rest.tip(session))
    assert (said.status, said.code) == (409, "unsigned")


def test_a_path_that_is_no_unicode_is_nowhere_and_makes_no_document_of_another_name(acme):
    before = acme.rest.tip(acme.session)
    for path in ("%ff.md", "a%ed%a0%80.md", "%c3%28.md"):
        assert acme.rest.put(f"/sessions/{acme.session}/artifacts/{path}", "x", before).status == 404
    assert acme.rest.tip(acme.session) == before
    assert acme.rest.put(f"/sessions/{acme.session}/artifacts/%ef%bf%bd.md", "x", before).status == 200


def test_a_star_is_whatever_the_session_is_at(acme):
    path = f"/sessions/{acme.session}/stages/intent"
    assert acme.rest.post(path, {"action": "complete"}, If_Match="*").code == "IDSE010"
    assert acme.rest.post(path, {"action": "complete"}, If_Match='"0"').status == 412


class TestWhatAnEditTakesOut:
    """Why no blob is hidden by a command: see ADR 48."""

    def test_a_text_is_at_no_address_any_more_and_git_has_it(self, server, acme, make_repo):
        path, secret = f"/sessions/{acme.session}/artifacts/plan.md", "correct horse battery staple"
        assert acme.rest.put(path, f"# Plan\n\n{secret}\n", acme.rest.tip(acme.session)).status == 200
        blob = acme.rest.get(path).headers["etag"].strip('"')
        assert secret in acme.rest.get(path).text
        assert acme.rest.put(path, "# Plan\n", acme.rest.tip(acme.session)).status == 200
        page = f"/c/{acme.name}/shop/portal/login"
        told = [server.get(f"{page}{ending}", acme.rest.key)[1] for ending in ("", ".json")]
        below = ("", "/artifacts", "/artifacts/plan.md", "/events", "/findings", "/stages")
        told += [acme.rest.get(f"/sessions/{acme.session}{each}").text for each in below]
        told.append(acme.rest.get(path, If_None_Match=f'"{blob}"').text)
        token = Rest(server, acme.rest.token(), "")
        told.append(token.post("/mcp/sync/pull", {"session_id": acme.session}).text)
        assert [text for text in told if secret in text] == []
        with closing(sqlite3.connect(f"{server.home.path}/projection.db")) as tables:
            assert tables.execute("SELECT 1 FROM blobs WHERE blob_id = ?", (blob,)).fetchall() == []
        repo = make_repo("reader")
        repo.git("fetch", "--quiet", server.url(f"{acme.name}/shop", acme.rest.key), blob)
        assert secret in repo.git("cat-file", "blob", blob)
