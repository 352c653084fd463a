"""The rows about REST: a list of many sessions beside its bare SQL, and what did not change beside a file."""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from statistics import median
from typing import Any

from agency import make_home, serving
from bed import IDSE, Bed
from measure import Figure, at_most
from rows import Sizes  # noqa: TC002 - our own, beside this file

from idse_orchestrator.server.gateway.app import App
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.projection.ids import project_id, session_id
from idse_orchestrator.server.projection.opening import open_store
from idse_orchestrator.wiring.serving import agency_at, doors_of

LIST = "/api/v1/sessions"
_SQL = (
    "SELECT s.id, c.name AS client, r.name AS repository, s.project_id, s.project, s.session_name AS name, "
    "s.alias, s.type, s.title, s.status, s.validation, s.owner, s.tip, s.events, s.blocking, s.warnings, "
    "s.unreadable, s.tags_json, s.parents_json, s.created_at, s.updated_at FROM sessions s "
    "JOIN repositories r ON r.client_id = s.client_id AND r.id = s.repository_id "
    "JOIN clients c ON c.id = s.client_id WHERE s.client_id = :client "
    "ORDER BY s.updated_at DESC, s.id DESC LIMIT 51"
)


def rest(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A page of 50 sessions out of many, in one process with its query; and 304 beside a static answer."""
    home, key = make_home(bed, "requests_a_minute = 1000000")
    turns = 3 if sizes.runs == 1 else 1000
    with open(os.devnull, "w", encoding="utf-8") as log, redirect_stdout(log):
        found = asyncio.run(_inside(home, key, sizes.many_sessions, turns))
    figures = [
        at_most(
            f"REST, 50 of {sizes.many_sessions:,} sessions",
            found["list"] / found["sql"],
            3,
            "x bare SQL",
            f"{found['list']:.2f} of {found['sql']:.2f} ms",
        )
    ]
    with serving(bed, IDSE, "agency", "serve", "--listen", "127.0.0.1:0") as served:
        told = _outside(served.address, key, turns)
    detail = f"{told['304']:.2f} of {told['static']:.2f} ms"
    return [*figures, at_most("REST, 304", told["304"] / told["static"], 2, "x static answer", detail)]


def filled(home: str, count: int) -> tuple[Any, Any]:
    """Returns the Agency and its projection, with rows of so many sessions."""
    agency = agency_at(home, os.environ)
    agency.admin.add_repository(None, Place("acme", "shop"), lambda _ident: None)
    repository = agency.admin.repositories("acme")[0]
    client, ident = repository.client_id, repository.id
    store = open_store(agency.home, "sqlite", {})
    store.make()
    project = project_id(ident, "portal")
    rows = []
    for number in range(count):
        name = f"session-{number:05}"
        at = f"2026-01-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z"
        texts = ("portal", name, "", "feature", f"Title of {name}", "active", "passing", "Ann", "ccipppp")
        rest_of = (
            f"{number:040x}",
            12,
            0,
            1,
            "",
            "",
            '["a","b"]',
            "[]",
            f'{{"state":"{"x" * 2500}"}}',
            at,
            at,
        )
        rows.append((client, session_id(ident, "portal", name), ident, project, *texts, *rest_of))
    with store.writing(client) as writing:
        writing.add("clients", [(client, "acme", "", "")])
        writing.add("repositories", [(client, ident, "shop", "", "")])
        writing.add("projects", [(client, project, ident, "portal", "", "x", 1, "", "", "", "{}", "")])
        writing.add("sessions", rows)
    return agency, store


async def _inside(home: str, key: str, count: int, turns: int) -> Mapping[str, float]:
    """Returns medians in milliseconds, of the query and of the answer, which take turns."""
    agency, store = filled(home, count)
    app = App(agency, dict, doors_of(agency), lambda _line: None)
    client = agency.admin.client("acme").id
    times: dict[str, list[float]] = {"sql": [], "list": []}
    for _ in range(turns):
        began = time.perf_counter()
        store.read(_SQL, client=client)
        between = time.perf_counter()
        status = await asked(app, key)
        ended = time.perf_counter()
        if status != 200:
            raise RuntimeError(f"the list answers {status}")
        times["sql"].append(between - began)
        times["list"].append(ended - between)
    return {name: 1000 * median(each) for name, each in times.items()}


async def asked(app: Callable[..., Any], key: str, path: str = LIST, login: str = "") -> int:
    """Asks for a path without a network, with a key or as who is logged in; returns the status."""
    said = []
    who = (b"cookie", f"idse={login}".encode()) if login else (b"authorization", f"Bearer {key}".encode())
    shown = [(b"host", b"127.0.0.1"), who]

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b""}

    where, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": where, "raw_path": where.encode(),
        "query_string": query.encode(),
        "headers": shown, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2), "scheme": "http", "root_path": "", "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }  # fmt: skip
    await app(scope, receive, send)
    return int(said[0]["status"])


def _outside(address: str, key: str, turns: int) -> Mapping[str, float]:
    """Returns medians in milliseconds, of a static answer and of one that says that nothing changed."""
    connection = http.client.HTTPConnection(address)

    def ask(path: str, **headers: str) -> tuple[float, int, str]:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}", **headers})
        answer = connection.getresponse()
        answer.read()
        return time.perf_counter() - began, answer.status, answer.headers.get("etag", "")

    tag = ask(LIST)[2]
    times: dict[str, list[float]] = {"static": [], "304": []}
    for _ in range(turns):
        times["static"].append(ask("/api/v1/openapi.json")[0])
        seconds, status, _tag = ask(LIST, **{"If-None-Match": tag})
        if status != 304:
            raise RuntimeError(f"what did not change is {status}")
        times["304"].append(seconds)
    return {name: 1000 * median(each) for name, each in times.items()}


ROWS = {"rest": rest}
