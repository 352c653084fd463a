"""Designs over REST and as resources of MCP, and the metrics of clients."""

from __future__ import annotations

import asyncio
import contextlib
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from idse_orchestrator.server.tenants.designs import Designs
from rest_bed import Rest

ENGINES = ("sqlite", "postgresql")
BUTTON = {"name": "button", "summary": "A button", "files": ["button.css", "icon.bin"]}


@pytest.fixture(scope="module")
def kit(_server_of_module, tmp_path_factory):
    """A library in two versions."""
    for version in ("1.0", "1.1"):
        folder = tmp_path_factory.mktemp("kit")
        about = {"format": 1, "library": "kit", "version": version, "components": [BUTTON]}
        (folder / "design.json").write_text(json.dumps(about))
        (folder / "README.md").write_text(f"# Kit {version}\n")
        (folder / "button.css").write_text("a {}\n")
        (folder / "icon.bin").write_bytes(b"\0\1")
        Designs(_server_of_module.home.path).add(str(folder))


def test_a_reference_is_resolved(acme, kit, engine):
    [library] = acme.rest.get("/designs").data["items"]
    assert (library["library"], library["newest"], library["components"]) == ("kit", "1.1", ["button"])
    found = acme.rest.get("/designs/kit/button").data
    assert (found["reference"], found["readme"]) == ("agency://kit/button@1.1", "# Kit 1.1\n")
    assert found["files"] == [{"path": "button.css", "text": "a {}\n"}, {"path": "icon.bin", "text": None}]
    assert acme.rest.get("/designs/kit/button?version=1.0").data["readme"] == "# Kit 1.0\n"
    assert acme.rest.get("/designs/kit").data["version"] == "1.1"
    assert acme.rest.get("/designs/kit?version=1.0").data["components"][0]["summary"] == "A button"


@pytest.mark.parametrize(
    "path", ["/designs/kot", "/designs/kit/buton", "/designs/kit/button?version=2", "/designs/K/b"]
)
def test_what_is_not_there_is_404_with_what_is_near(acme, kit, engine, path):
    said = acme.rest.get(path)
    assert said.status == 404
    if "buton" in path:
        assert said.data["cause"] == "did you mean agency://kit/button?"


@contextlib.asynccontextmanager
async def speaking(server, rest):
    headers = {"Authorization": f"Bearer {rest.token()}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        door = streamable_http_client(f"http://{server.address}/mcp", http_client=http)
        async with Client(door) as client:
            yield client


def test_an_agent_reads_them_as_resources(server, acme, kit, engine):
    async def work():
        async with speaking(server, acme.rest) as client:
            listed = (await client.list_resources()).resources
            assert [str(each.uri) for each in listed] == ["agency://kit/button"]
            [template] = (await client.list_resource_templates()).resource_templates
            assert template.uri_template == "agency://{library}/{component}@{version}"
            read = await client.read_resource("agency://kit/button@1.0")
            assert json.loads(read.contents[0].text)["reference"] == "agency://kit/button@1.0"
            with pytest.raises(MCPError, match="no component"):
                await client.read_resource("agency://kit/none")

    asyncio.run(work())


def test_metrics_and_reports_are_of_the_callers_client(server, acme, engine):
    acme.rest.session(acme.project, "measured")
    lines = {(each["metric"], each["part"]): each for each in acme.rest.get("/analytics").data["items"]}
    assert {each["client"] for each in lines.values()} == {acme.name}
    assert lines["passing", ""]["value"] == 1
    assert lines["passing", ""]["met"] is True
    one = acme.rest.get("/analytics/documented").data["items"]
    assert {each["metric"] for each in one} == {"documented"}
    assert len(one) > 1
    assert acme.rest.get("/analytics/passing?since=2999-01-01").data["items"][0]["rows"] == 0
    assert acme.rest.get("/analytics/none").status == 404
    assert acme.rest.get("/analytics?since=yesterday").status == 422
    [standing] = acme.rest.get("/reports").data["items"]
    assert (standing["client"], standing["blocked"]) == (acme.name, 0)
    operator = Rest(server, server.key("", "read"))
    assert acme.name in {each["client"] for each in operator.get("/reports").data["items"]}
    assert acme.name in {each["client"] for each in operator.get("/analytics/passing").data["items"]}
    for limits in ({"repositories": ("shop",)}, {"projects": ("portal",)}):
        limited = Rest(server, server.key(acme.name, "read", **limits))
        assert limited.get("/analytics").status == limited.get("/reports").status == 403
