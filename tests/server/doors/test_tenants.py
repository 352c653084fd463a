"""No door tells anybody of another client: every address and every tool, for everyone who should not know.

What is asked for is the same each time, and none of its names, texts, ids or counts may come back.
"""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.server.api.routes import ROUTES
from idse_orchestrator.server.mcp.tools import TOOLS
from idse_orchestrator.server.tenants.designs import Designs
from rest_bed import Rest, ready

ENGINES = ("sqlite", "postgresql")
SECRET = "the-plan-of-the-moon"
BODIES = {
    "make_project": lambda acme: {"repository": acme.place, "name": "x"},
    "make_session": lambda acme: {"project_id": acme.project, "name": "x"},
    "edit": lambda _: b"x",
    "move": lambda _: {"action": "start"},
    "hand_over": lambda _: {"action": "request", "to": "claude-code", "stage": "intent", "reason": "x"},
}
ARGUMENTS = {
    "path": "intent.md",
    "stage": "intent",
    "action": "start",
    "documents": {"intent.md": "x"},
    "tip": "0" * 40,
}
BUTTON = {"name": "button", "summary": "A button"}
BY_OPERATORS = {"clients", "client", "keys"}


def ids(route):
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
def _secret_of_module(engine):
    return {"engine": engine}


@pytest.fixture
def acme(server, _secret_of_module, tmp_path_factory):
    """A client with a secret, and others who must not learn of it: made once for all routes."""
    if len(_secret_of_module) == 1:
        ready(server)
        folder = tmp_path_factory.mktemp("kit")
        about = {"format": 1, "library": "kit", "version": "1", "components": [BUTTON]}
        (folder / "design.json").write_text(json.dumps(about))
        (folder / "README.md").write_text("# Kit\n")
        Designs(server.home.path).add(str(folder))
        key = server.key(SECRET, "read", "push", "create")
        rest = Rest(server, key)
        project = rest.project(f"{SECRET}-project")
        session = rest.session(project, f"{SECRET}-session", title=SECRET)
        path = f"/sessions/{session}/artifacts/intent.md"
        assert rest.put(path, f"# {SECRET}", rest.tip(session)).status == 200
        other = server.key("other", "read", "push", "create")
        assert Rest(server, other).project("own")
        ended = {state: server.key(SECRET, "read", "push") for state in ("revoked", "expired")}
        ended_ids = {state: server.admin.keys.caller(secret).key_id for state, secret in ended.items()}
        tokens = {state: Rest(server, secret).token() for state, secret in ended.items()}
        server.admin.keys.revoke(ended_ids["revoked"])
        with server.admin.database.writing() as writing:
            writing.run(
                "UPDATE api_keys SET expires_at = '2020-01-01T00:00:00Z' WHERE id = :id",
                id=ended_ids["expired"],
            )
        _secret_of_module.update(
            rest=rest,
            project=project,
            session=session,
            place=f"{SECRET}/shop",
            client=server.admin.client(SECRET).id,
            keys={
                "no key": "",
                "nonsense": "idse_nonsense",
                "another client's": other,
                "revoked": ended["revoked"],
                "expired": ended["expired"],
                "a token of MCP": Rest(server, key).token(),
                "of another repository": server.key(SECRET, "read", "push", repositories=("else",)),
                "of another project": server.key(SECRET, "read", "push", projects=("else",)),
            },
            tokens={
                "no key": "",
                "a key": key,
                "another client's": Rest(server, other).token(),
                "revoked": tokens["revoked"],
                "expired": tokens["expired"],
            },
        )
    import types

    return types.SimpleNamespace(**_secret_of_module)


def asked(acme, rest, route):
    """Asks for what the route is about, with a body that is good."""
    ident = acme.project if "/projects/" in route.path else acme.session
    ident = acme.client if "/clients/" in route.path else ident
    words = {"metric": "passing", "library": "kit", "component": "button"}
    path = route.path.format(id=ident, path="intent.md", stage="intent", **words)
    body = BODIES[route.handle](acme) if route.is_write else None
    headers = {"If_Match": "*"} if route.handle == "edit" else {}
    return rest.call(route.method, path, body, **headers)


def tells_nothing(acme, said):
    told = said.text + json.dumps(said.headers)
    for secret in (SECRET, acme.project, acme.session, acme.client):
        assert secret not in told, told


@pytest.mark.parametrize("prefix", ["/api/v1", "/api"])
@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_no_route_tells_anybody_who_should_not_know(server, acme, route, prefix):
    refused = {"no key", "nonsense", "revoked", "expired", "a token of MCP"}
    for who, key in acme.keys.items():
        said = asked(acme, Rest(server, key, prefix), route)
        if who in refused:
            assert (said.status, said.code) == (401, "IDSE021"), who
            assert said.headers["www-authenticate"]
        elif "{id}" in route.path or route.is_write:
            assert said.status in (403, 404), (who, said)
        else:
            assert said.status in (200, 403), (who, said)
        if who == "another client's" or who in refused:
            tells_nothing(acme, said)
        elif said.status == 200 and route.is_page and route.handle not in ("audit", "sync_events", "designs"):
            assert said.data["items"] == [], who


@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_its_own_client_is_answered(acme, route):
    said = asked(acme, acme.rest, route)
    if route.handle in BY_OPERATORS:
        assert said.status == 403
    else:
        assert said.status < 400 or said.status in (409, 412, 422), said


@pytest.mark.parametrize("route", [each for each in ROUTES if each.is_write], ids=ids)
def test_a_key_that_only_reads_writes_nothing(server, acme, route):
    said = asked(acme, Rest(server, server.key(SECRET, "read")), route)
    assert said.status in (403, 404), said


@pytest.mark.parametrize("route", [each for each in ROUTES if not each.is_write], ids=ids)
def test_a_key_that_only_pushes_reads_nothing(server, acme, route):
    said = asked(acme, Rest(server, server.key(SECRET, "push")), route)
    assert said.status == 403, said


@pytest.mark.parametrize("name", TOOLS)
def test_no_tool_tells_anybody_who_should_not_know(server, acme, name):
    tool = TOOLS[name]
    given = {each: ARGUMENTS.get(each, acme.session) for each in tool.needed}
    given |= {"action": "request"} if name == "handoff" else {}
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    for who, token in acme.tokens.items():
        said = Rest(server, token, "").call("POST", "/mcp", ask, **headers)
        tells_nothing(acme, said)
        if who != "another client's":
            assert said.status == 401, who
            continue
        result = said.data["result"]
        answer = json.loads(result["content"][0]["text"])
        if given:
            assert result["isError"], said
            assert answer["status"] == 404
        else:
            assert {each["client"] for each in answer["items"]} <= {"other"}
    good = Rest(server, acme.rest.token(), "").call("POST", "/mcp", ask, **headers)
    assert SECRET in good.text or name in ("move_stage", "handoff", "sync_push", "next", "validate", "log")


@pytest.mark.parametrize("tool", ["push", "pull"])
def test_what_answers_as_plain_http_tells_nothing_either(server, acme, tool):
    body = {"session_id": acme.session}
    if tool == "push":
        body |= {"tip": "0" * 40, "documents": {"intent.md": "x"}}
    for who, token in acme.tokens.items():
        said = Rest(server, token, "/mcp").call("POST", f"/sync/{tool}", body)
        assert said.status == (404 if who == "another client's" else 401), who
        tells_nothing(acme, said)
    good = Rest(server, acme.rest.token(), "/mcp").call("POST", f"/sync/{tool}", body)
    assert good.status == (409 if tool == "push" else 200)
    assert SECRET in good.text


def test_an_operator_sees_all_clients_and_their_keys_without_secrets(server, acme):
    rest = Rest(server, server.key("", "read"))
    names = [each["name"] for each in rest.get("/clients").data["items"]]
    assert {SECRET, "other"} <= set(names)
    keys = rest.get(f"/clients/{acme.client}/keys").data["items"]
    assert keys
    assert all("hash" not in each and len(each["prefix"]) < 12 for each in keys)
    assert {each["client"] for each in rest.get("/sessions").data["items"]} >= {SECRET}
    assert rest.get(f"/sessions/{acme.session}").data["title"] == SECRET
