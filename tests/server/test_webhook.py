"""An address is told of refused pushes and completed stages: in order, signed, until it takes it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import threading
import time

import pytest

from agency_bed import AgencyBed, bearer
from idse_orchestrator.server.gateway import webhook
from idse_orchestrator.server.gateway.webhook import Webhook
from idse_orchestrator.server.tenants.audit import AuditEntry
from pushes import GOOD, Clone, ref_of
from rest_bed import Rest, ready

BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")


class Receiver:
    """A web server that keeps what it is told; `answers` are statuses for the first requests."""

    def __init__(self):
        self.told, self.answers, self.fresh = [], [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_args):
                """Says nothing."""

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.answers.pop(0) if outer.answers else 204
                outer.told.append(
                    (status, {name.lower(): value for name, value in self.headers.items()}, body)
                )
                outer.fresh.set()
                self.send_response(status)
                self.send_header("Location", outer.url)
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - the name that the library asks for

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self):
        return [json.loads(body) for status, _, body in self.told if status < 300]

    def until(self, count, seconds=30):
        end = time.monotonic() + seconds
        while len(self.bodies()) < count:
            assert time.monotonic() < end, self.told
            self.fresh.wait(0.05)
            self.fresh.clear()
        return self.bodies()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_server_tells_of_both(receiver, tmp_path, repo):
    bed = AgencyBed(tmp_path / "home")
    with open(bed.home.configuration_file, "a") as file:
        file.write(f'webhook = "{receiver.url}"\n')
    bed.key("told")
    bed.start()
    try:
        secret = bed.key("told")
        clone = Clone(repo, agent="claude-code")
        clone.create()
        clone.complete("intent")
        push = ("git", "push", bed.url("told/shop"), "refs/idse/*:refs/idse/*")
        assert repo.run(*push, env=bearer(secret)).returncode == 0
        [done] = receiver.until(1)
        assert done["type"] == "stages.completed"
        assert (done["data"]["client"], done["data"]["repository"]) == ("told", "shop")
        [stage] = done["data"]["completed"]
        assert stage["commit"] == clone.tip(ref_of())
        assert (stage["project"], stage["session"], stage["stage"]) == ("portal", "login", "intent")
        assert stage["agent"] == "claude-code"
        clone.save(intent=BAD)
        assert repo.run(*push, env=bearer(secret)).returncode == 1
        refused = receiver.until(2)[1]
        assert refused["type"] == "push.refused"
        assert {each["rule"] for each in refused["data"]["refused"]} == {"IDSE301", "IDSE402"}
        assert refused["data"]["refused"][0]["ref"] == ref_of()
        assert "The log" not in json.dumps(receiver.bodies())
        operator = bed.key("", "read")
        assert "idse_webhook_behind_rows 0.0" in bed.get("/metrics", operator)[1]
    finally:
        assert bed.stop() == 0


def test_a_server_tells_of_what_was_written_over_rest_as_well(receiver, tmp_path):
    bed = AgencyBed(tmp_path / "home")
    with open(bed.home.configuration_file, "a") as file:
        file.write(f'webhook = "{receiver.url}"\n')
    rest = Rest(bed, bed.key("told"))
    bed.start()
    try:
        ready(bed)
        session = rest.session(rest.project())
        path = f"/sessions/{session}/artifacts/intent.md"
        assert rest.put(path, GOOD["intent"], rest.tip(session)).status == 200
        done = rest.post(f"/sessions/{session}/stages/intent", {"action": "complete"})
        assert done.status == 200, done
        [told] = receiver.until(1)
        assert told["type"] == "stages.completed"
        [stage] = told["data"]["completed"]
        assert (stage["project"], stage["session"], stage["stage"]) == ("portal", "login", "intent")
        assert rest.put(path, BAD, rest.tip(session)).status == 409
        assert receiver.until(2)[1]["type"] == "push.refused"
    finally:
        assert bed.stop() == 0


@pytest.fixture
def hook(home, admin, receiver, tenants):
    tenants.add_client("shop")
    made = Webhook(home, admin, receiver.url)
    assert made.send()
    return made


def refusal(admin, number):
    detail = json.dumps({"push": "p", "refs": [], "refused": [["r", "IDSE402", str(number)]], "recorded": []})
    entry = AuditEntry(admin.client("shop").id, "push", "k", "web", "refused", "IDSE402", detail)
    admin.audit.write(entry)


def numbers(receiver):
    return [each["data"]["refused"][0]["message"] for each in receiver.bodies()]


def test_what_was_before_is_not_told_and_what_comes_later_is_told_once(hook, admin, receiver):
    assert receiver.told == []
    for number in range(3):
        refusal(admin, number)
    assert hook.send()
    assert hook.send()
    assert numbers(receiver) == ["0", "1", "2"]
    assert hook.behind == 0


@pytest.mark.parametrize("status", [500, 404, 302, 410])
def test_who_does_not_take_it_gets_it_again_in_order_under_the_same_id(hook, admin, receiver, status):
    refusal(admin, 0)
    refusal(admin, 1)
    receiver.answers[:] = [204, status]
    assert not hook.send()
    assert hook.behind == 1
    again = Webhook(hook._home, admin, receiver.url)  # the server was killed meanwhile
    assert again.send()
    assert numbers(receiver) == ["0", "1"]
    ids = [headers["webhook-id"] for _, headers, _ in receiver.told]
    assert ids[1] == ids[2] != ids[0]


def test_nobody_there_is_no_error(hook, admin, receiver):
    refusal(admin, 0)
    away = Webhook(hook._home, admin, "http://127.0.0.1:9/hook")
    assert not away.send()
    assert hook.send()
    assert numbers(receiver) == ["0"]


def test_a_message_is_signed_as_standard_webhooks_are(hook, admin, receiver):
    refusal(admin, 0)
    hook.send()
    [(_, headers, body)] = receiver.told
    secret = pathlib.Path(hook._secret_file).read_text().strip()
    assert secret.startswith("whsec_")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def test_a_push_that_git_is_not_through_with_is_waited_for(hook, admin, receiver, tenants, repo, clock):
    clone = Clone(repo)
    clone.create()
    clone.complete("intent")
    tenants.add_repository(webhook.Place("shop", "web"))
    detail = {"push": "p", "refs": [[ref_of(), "", clone.tip(ref_of())]], "refused": [], "recorded": []}
    clock.at = time.time()
    admin.audit.write(AuditEntry(admin.client("shop").id, "push", "k", "web", "ok", "", json.dumps(detail)))
    refusal(admin, 1)
    assert hook.send()
    assert receiver.told == []
    repo.git("push", "-q", hook._home.git_dir(webhook.Place("shop", "web")), "refs/idse/*:refs/idse/*")
    assert hook.send()
    assert [each["type"] for each in receiver.bodies()] == ["stages.completed", "push.refused"]


def test_a_repository_that_was_renamed_meanwhile_is_found(hook, admin, receiver, tenants, repo):
    clone = Clone(repo)
    clone.create()
    clone.complete("intent")
    tenants.add_repository(webhook.Place("shop", "web"))
    repo.git("push", "-q", hook._home.git_dir(webhook.Place("shop", "web")), "refs/idse/*:refs/idse/*")
    detail = {"push": "p", "refs": [[ref_of(), "", clone.tip(ref_of())]], "refused": [], "recorded": []}
    admin.audit.write(AuditEntry(admin.client("shop").id, "push", "k", "web", "ok", "", json.dumps(detail)))
    tenants.rename_repository(webhook.Place("shop", "web"), "store")
    assert hook.send()
    assert [each["type"] for each in receiver.bodies()] == ["stages.completed"]


def test_a_push_that_never_came_in_is_left_out(hook, admin, receiver, tenants, monkeypatch):
    tenants.add_repository(webhook.Place("shop", "web"))
    detail = {"push": "p", "refs": [[ref_of(), "", "1" * 40]], "refused": [], "recorded": []}
    admin.audit.write(AuditEntry(admin.client("shop").id, "push", "k", "web", "ok", "", json.dumps(detail)))
    monkeypatch.setattr(webhook, "_SETTLED", -1)
    refusal(admin, 1)
    assert hook.send()
    assert numbers(receiver) == ["1"]
