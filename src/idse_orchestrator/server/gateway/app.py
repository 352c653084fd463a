"""The server's addresses: git's, and those that say how it is.

Raw ASGI: a framework would read from the client what is git's to read.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.errors import ConflictError, IdseError
from idse_orchestrator.server.gateway.door import (
    BROKEN,
    FORBIDDEN,
    NO_KEY,
    NOT_FOUND,
    OK,
    TOO_MANY,
    UNAVAILABLE,
    Answer,
    Entry,
    GitDoor,
    secret_in,
    send_answer,
    unusable,
)

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.gateway.backend import Receive, Send
    from idse_orchestrator.server.model.push import Caller

PROJECTION = "projection"
"""Said, and no reason to send pushes elsewhere: they go on without it."""
HEALTH, READY, METRICS, ROTATE = b"/healthz", b"/readyz", b"/metrics", b"/api/v1/keys/rotate"
_OWN = frozenset({HEALTH, READY, METRICS, ROTATE})
_JSON = ((b"content-type", b"application/json"),)


CALLER = "idse.caller"
"""Where in the scope of a request a door leaves who asks, for the log."""
FAULT = "idse.fault"
"""And where it leaves what went wrong in it, for the log as well."""
Door = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""


class App:
    """The ASGI application. `state` says by name what is well, and what is not; `log` takes lines of JSON.

    `doors` are further applications, by how the paths begin that are theirs.
    """

    def __init__(
        self,
        agency: Agency,
        state: Callable[[], Mapping[str, str]],
        doors: Mapping[bytes, Door],
        log: Callable[[str], None],
    ) -> None:
        self._agency = agency
        self._state = state
        self._doors = doors
        self._log = log
        self._git = GitDoor(agency)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request, whatever happens, and writes one line of the log."""
        if scope["type"] != "http":
            return
        crowd, address = self._agency.crowd, self._told_address(scope)
        if not crowd.enter(address):
            self._agency.metrics.turned_away.inc()
            await send_answer(send, _CROWDED)
            return
        try:
            await self._answer(scope, receive, send)
        finally:
            crowd.leave(address)

    def _told_address(self, scope: Mapping[str, Any]) -> str:
        """Returns the address that a proxy tells of its client; "" for whose own connection is counted."""
        client = scope.get("client")
        told = self._agency.address_of(client, dict(scope["headers"]))
        return "" if client and told == client[0] else told

    async def _answer(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        began = time.monotonic()
        path = scope["raw_path"]
        if path.startswith(b"/git/"):
            try:
                entry = await self._git(scope, receive, send)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
                shown = "/git"
                entry = Entry(
                    "", scope["method"], shown, "", "", BROKEN, time.monotonic() - began, repr(error)
                )
            self._log(_line(entry))
            return
        door = next((door for begin, door in self._doors.items() if path.startswith(begin)), None)
        if door is not None and path not in _OWN:
            await self._through(door, scope, receive, send, began)
            return
        answer = await self._other(path, scope)
        await send_answer(send, answer)
        if path not in (HEALTH, READY, METRICS):
            known = path.decode("ascii", "replace") if answer.status != NOT_FOUND else ""
            seconds = time.monotonic() - began
            self._log(_line(Entry("", scope["method"], known, "", "", answer.status, seconds)))

    async def _through(
        self, door: Door, scope: Mapping[str, Any], receive: Receive, send: Send, began: float
    ) -> None:
        """Has another application answer, and writes the line of the log."""
        told = {**scope, CALLER: None, FAULT: ""}
        status = BROKEN

        async def seen(message: Any) -> None:  # noqa: ANN401 - ASGI's own
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await door(told, receive, seen)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            told[FAULT] = repr(error)
        caller: Caller | None = told[CALLER]
        client, key = (caller.client, caller.key_id) if caller else ("", "")
        shown = scope["raw_path"].decode("ascii", "replace") if caller else ""
        address = self._agency.address_of(scope.get("client"), dict(scope["headers"]))
        seconds = time.monotonic() - began
        entry = Entry("", scope["method"], shown, client, key, status, seconds, told[FAULT], address)
        self._log(_line(entry))

    async def _other(self, path: bytes, scope: Mapping[str, Any]) -> Answer:
        if path == HEALTH:
            return Answer(OK, "ok")
        if path == READY:
            state = self._state()
            bad = [name for name, words in state.items() if not words.startswith("ok") and name != PROJECTION]
            return Answer(UNAVAILABLE if bad else OK, json.dumps(state), _JSON)
        if path not in (METRICS, ROTATE):
            return Answer(NOT_FOUND, "there is nothing here")
        try:
            return await self._with_key(path, scope)
        except IdseError as error:
            return unusable(error)

    async def _with_key(self, path: bytes, scope: Mapping[str, Any]) -> Answer:
        secret = secret_in(dict(scope["headers"]))
        caller = await asyncio.to_thread(self._agency.admin.keys.caller, secret) if secret else None
        if caller is None:
            self._agency.metrics.auth_failures.inc()
            return NO_KEY
        if path == METRICS:
            is_operator = not caller.client
            return Answer(OK, self._agency.metrics.text().decode()) if is_operator else _OPERATORS
        return await self._rotated(caller, str(scope["method"]))

    async def _rotated(self, caller: Caller, method: str) -> Answer:
        if method != "POST":
            return Answer(405, "POST gives a new key", ((b"allow", b"POST"),))
        try:
            new = await asyncio.to_thread(self._agency.admin.keys.rotate_own, caller, OVERLAP_SECONDS)
        except ConflictError as error:
            return Answer(FORBIDDEN, error.message)
        return Answer(OK, json.dumps({"key": new, "old_key_ends_in_seconds": OVERLAP_SECONDS}), _JSON)


OVERLAP_SECONDS = 24 * 3600
"""So long the old key goes on beside the new one."""
_CROWDED = Answer(TOO_MANY, "too many connections of one address", ((b"retry-after", b"5"),))
_OPERATORS = Answer(FORBIDDEN, "for keys of operators alone")


def _line(entry: Entry) -> str:
    row = entry._asdict()
    row["seconds"] = round(entry.seconds, 4)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"at": at, **row})
