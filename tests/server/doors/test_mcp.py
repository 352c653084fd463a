"""MCP by the official client, in both generations of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from rest_bed import Rest

GENERATIONS = ("legacy", "auto", "2026-07-28")


@contextlib.asynccontextmanager
async def speaking(server, token, mode):
    """A client that has a token."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        door = streamable_http_client(f"http://{server.address}/mcp", http_client=http)
        async with Client(door, mode=mode) as client:
            yield client


def told(result):
    """What a tool answers: whether it is an error, and its JSON."""
    return result.is_error, json.loads(result.content[0].text)


@pytest.mark.parametrize("mode", GENERATIONS)
def test_an_agent_reads_writes_and_moves_a_stage(server, acme, mode):
    key = server.key(acme.name, "read", "push", agent="claude-code")
    session = acme.rest.session(acme.project, f"by-{mode}")

    async def work():
        async with speaking(server, Rest(server, key).token(), mode) as client:
            tools = {each.name: each for each in (await client.list_tools()).tools}
            assert set(tools) == {
                *("list_projects", "list_sessions", "get_session", "get_artifact", "validate", "next", "log"),
                *("sync_pull", "sync_push", "move_stage", "handoff"),
            }
            assert all(each.output_schema is None for each in tools.values())

            async def call(name, **given):
                return told(await client.call_tool(name, {"session_id": session, **given}))

            is_error, projects = told(await client.call_tool("list_projects", {}))
            assert (is_error, [each["name"] for each in projects["items"]]) == (False, ["portal"])
            _, sessions = told(await client.call_tool("list_sessions", {"status": "active", "limit": 1}))
            assert sessions["after"]
            assert (await call("next"))[1]["stage"] == "intent"
            pulled = (await call("sync_pull"))[1]
            assert {each["path"] for each in pulled["documents"]} >= {"intent.md", "spec.md"}
            _, pushed = await call("sync_push", tip=pulled["tip"], documents={"intent.md": "# Intent\n\nnow"})
            assert pushed["tip"] != pulled["tip"]
            assert (await call("get_artifact", path="intent.md"))[1]["text"] == "# Intent\n\nnow"
            is_error, stale = await call("sync_push", tip=pulled["tip"], documents={"intent.md": "mine"})
            assert (is_error, stale["status"], stale["tip"]) == (True, 409, pushed["tip"])
            assert stale["conflicts"] == [{"path": "intent.md", "yours": "mine", "theirs": "# Intent\n\nnow"}]
            is_error, gate = await call("move_stage", stage="intent", action="complete")
            assert (is_error, gate["code"]) == (True, "IDSE010")
            assert gate["findings"] == (await call("validate", stage="intent"))[1]["findings"]
            is_error, no = await call("handoff", action="approve")
            assert (is_error, no["status"]) == (True, 403)
            events = (await call("log"))[1]["items"]
            assert [each["agent"] for each in events] == ["", "", "claude-code"]
            is_error, odd = await call("get_session", more="x")
            assert (is_error, odd["code"]) == (True, "IDSE001")
            assert (await call("log", limit="x"))[1]["code"] == "IDSE001"
            assert (await call("no_such_tool"))[1]["status"] == 404

    asyncio.run(work())


def test_a_client_of_oauth_finds_its_token_by_itself(server, acme):
    from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider

    class Kept:
        tokens = None
        info = None

        async def get_tokens(self):
            return self.tokens

        async def set_tokens(self, tokens):
            self.tokens = tokens

        async def get_client_info(self):
            return self.info

        async def set_client_info(self, info):
            self.info = info

    base = f"http://{server.address}"
    kept = Kept()
    auth = ClientCredentialsOAuthProvider(f"{base}/mcp", kept, acme.name, acme.key, issuer=base)

    async def work():
        async with httpx2.AsyncClient(auth=auth, timeout=60) as http:
            door = streamable_http_client(f"{base}/mcp", http_client=http)
            async with Client(door, mode="legacy") as client:
                return told(await client.call_tool("list_projects", {}))

    is_error, found = asyncio.run(work())
    assert not is_error
    assert found["items"]
    assert kept.tokens.access_token


def test_it_takes_post_alone_and_keeps_no_session(server, acme):
    token = acme.rest.token()
    rest = Rest(server, token, "")
    for method in ("GET", "DELETE", "PUT"):
        said = rest.call(method, "/mcp")
        assert (said.status, said.headers["allow"]) == (405, "POST")
    begin = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    said = rest.call("POST", "/mcp", begin, **headers)
    assert said.status == 200
    assert "mcp-session-id" not in said.headers
    assert rest.call("POST", "/mcp", b"x" * (5 << 20), **headers).status == 413
    assert rest.call("POST", "/mcp", b"{", **headers).status == 400


def test_plain_http_pulls_and_pushes(server, acme):
    rest = Rest(server, acme.rest.token(), "/mcp")
    pulled = rest.post("/sync/pull", {"session_id": acme.session})
    assert pulled.status == 200
    body = {"session_id": acme.session, "tip": pulled.data["tip"], "documents": {"intent.md": "one"}}
    assert rest.post("/sync/push", body).status == 200
    assert rest.post("/sync/push", body).status == 409
    assert rest.post("/sync/push", {**body, "more": 1}).status == 422
    assert rest.call("POST", "/sync/push", b"[]").status == 422
    assert rest.call("POST", "/sync/push", b"\xff").status == 422
    assert rest.get("/sync/push").status == 405


def test_what_is_no_text_is_told_in_words(server, acme):
    rest = Rest(server, acme.rest.token(), "/mcp")
    tip = acme.rest.tip(acme.session)
    for path in ("\ud800.md", "\udcff.md", "a\0.md"):
        said = rest.post("/sync/push", {"session_id": acme.session, "tip": tip, "documents": {path: "x"}})
        assert (said.status, said.data["detail"]) == (422, "an argument is no text")
    assert acme.rest.tip(acme.session) == tip
    assert rest.post("/sync/pull", {"session_id": "\0"}).status == 422


def test_a_page_of_another_site_is_refused_and_so_is_what_is_no_site(server, acme):
    rest = Rest(server, acme.rest.token(), "")
    for origin in ("https://evil.example", "http://[", "null"):
        assert rest.call("POST", "/mcp/sync/pull", {"session_id": acme.session}, Origin=origin).status == 403
        assert rest.call("POST", "/mcp", b"{}", Origin=origin).status == 403
    same = f"http://{server.address}"
    assert rest.call("POST", "/mcp/sync/pull", {"session_id": acme.session}, Origin=same).status == 200
