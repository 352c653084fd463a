"""The door of git over HTTP: who asks, for which repository, and what comes of it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import time
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.gateway.admission import CLOSED, NOWHERE, Admitted, Denied, admit, late_refusal
from idse_orchestrator.server.gateway.admission import FORBIDDEN as FORBIDDEN_HERE
from idse_orchestrator.server.gateway.admission import FULL as NO_ROOM
from idse_orchestrator.server.gateway.backend import (
    Backend,
    Patience,
    Request,
    TooLargeError,
    cgi_environment,
)
from idse_orchestrator.server.gateway.limits import BusyServerError
from idse_orchestrator.server.gateway.policy import git_environment
from idse_orchestrator.server.gateway.receiving import Receiving
from idse_orchestrator.server.model.names import INFO, RECEIVE, Asked, Place, asked_over_http

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.gateway.backend import Receive, Send
    from idse_orchestrator.server.model.push import Caller

OK, MOVED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT, TOO_LARGE = 200, 308, 401, 403, 404, 408, 413
TOO_MANY, BROKEN, UNAVAILABLE, FULL = 429, 500, 503, 507

_LISTING_BYTES = 0
_FETCH_BYTES = 32 * 1024 * 1024
_METHODS = {True: "GET", False: "POST"}
TURN = b"idse-turn"
_LONGEST_TURN = 64


class Answer(NamedTuple):
    """An answer without git: a status, a sentence, and more headers."""

    status: int
    words: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Entry(NamedTuple):
    """A line of the log: never a key, a body or a document."""

    push: str
    method: str
    path: str
    client: str
    key: str
    status: int
    seconds: float
    result: str = ""
    address: str = ""


def secret_in(headers: Mapping[bytes, bytes]) -> str:
    """Returns the key that a request shows, as the password of Basic or as a Bearer token; "" : none."""
    kind, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return rest.strip().decode("ascii", "replace")
    if kind.lower() != b"basic":
        return ""
    try:
        return base64.b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


NO_KEY = Answer(
    UNAUTHORIZED, "a key is needed", ((b"www-authenticate", b'Basic realm="idse", charset="UTF-8"'),)
)
_NOWHERE = Answer(NOT_FOUND, "there is no such repository")
_LATER = ((b"retry-after", b"60"),)
_DENIED = {
    NOWHERE: _NOWHERE,
    FORBIDDEN_HERE: Answer(FORBIDDEN, ""),
    NO_ROOM: Answer(FULL, ""),
    CLOSED: Answer(UNAVAILABLE, "", _LATER),
}


class GitDoor:
    """Serves git's requests for all repositories of an Agency."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency

    async def __call__(self, scope: Mapping[str, object], receive: Receive, send: Send) -> Entry:
        """Answers one request; returns what the log says of it."""
        began = time.monotonic()
        headers: Mapping[bytes, bytes] = dict(scope["headers"])  # type: ignore[call-overload]
        visit = _Visit(self._agency, scope, headers, receive, send)
        try:
            answer = await visit.answer()
        except BusyServerError as busy:
            code = TOO_MANY if visit.is_paced else UNAVAILABLE
            answer = Answer(code, "busy", ((b"retry-after", str(busy.seconds).encode()),))
        except TooLargeError:
            answer = Answer(TOO_LARGE, "the push is larger than this Agency takes")
        except TimeoutError:
            answer = Answer(TIMED_OUT, "nothing came for too long")
        except IdseError as error:
            answer = unusable(error)
        if answer is not None and not visit.has_answered:
            await send_answer(send, answer)
        caller = visit.caller
        return Entry(
            visit.id,
            str(scope["method"]),
            visit.shown,
            caller.client if caller else "",
            caller.key_id if caller else "",
            answer.status if answer else OK,
            time.monotonic() - began,
            visit.result,
            visit.address,
        )


def unusable(error: IdseError) -> Answer:
    """Returns the answer where something of the server is broken. Its paths are no business of a caller."""
    return Answer(UNAVAILABLE, f"{error.message}: talk to who runs this Agency", _LATER)


async def send_answer(send: Send, answer: Answer) -> None:
    """Sends an answer in plain text, which git shows to its user."""
    body = f"{answer.words}\n".encode()
    headers = {b"content-type": b"text/plain; charset=utf-8", b"cache-control": b"no-store"}
    headers = {**headers, b"content-length": str(len(body)).encode(), **dict(answer.headers)}
    await send({"type": "http.response.start", "status": answer.status, "headers": list(headers.items())})
    await send({"type": "http.response.body", "body": body})


def _always() -> bool:
    return True


class _Visit:
    """One request of git."""

    def __init__(
        self,
        agency: Agency,
        scope: Mapping[str, object],
        headers: Mapping[bytes, bytes],
        receive: Receive,
        send: Send,
    ) -> None:
        self._agency = agency
        self._headers = headers
        self._receive = receive
        self._send = send
        self._method = str(scope["method"])
        self._path = bytes(scope["raw_path"])  # type: ignore[call-overload]
        self._query = bytes(scope["query_string"])  # type: ignore[call-overload]
        self._client = scope.get("client")
        self.id = secrets.token_hex(8)
        self.caller: Caller | None = None
        self.is_paced = False
        self.has_answered = False
        self.result = ""
        self.shown = ""
        self.address = agency.address_of(self._client, headers)

    async def answer(self) -> Answer | None:
        """Answers, or returns what to answer instead of git."""
        agency = self._agency
        asked = asked_over_http(self._path, self._query)
        if asked is None or _METHODS[asked.is_listing] != self._method:
            return _NOWHERE
        self.shown = f"{asked.place} {asked.service}"
        secret = secret_in(self._headers)
        caller = await asyncio.to_thread(agency.admin.keys.caller, secret) if secret else None
        if caller is None:
            agency.metrics.auth_failures.inc()
            return NO_KEY
        self.caller = caller
        allowed = await asyncio.to_thread(admit, agency, caller, asked)
        if isinstance(allowed, Denied) and allowed.place is not None and not asked.is_listing:
            # A git that was asked for its key looks at the new address, and then talks to the old one.
            asked = asked._replace(place=allowed.place)
            allowed = await asyncio.to_thread(admit, agency, caller, asked)
        if isinstance(allowed, Admitted):
            rest = INFO if asked.is_listing else f"/{asked.service}"
            return await self._run(asked, caller, allowed.root, allowed.path + rest)
        if allowed.place is not None:
            return self._elsewhere(allowed.words, allowed.place)
        return _DENIED[allowed.reason]._replace(words=allowed.words)

    def _elsewhere(self, words: str, place: Place) -> Answer:
        rest = self._path.decode("ascii").partition(".git")[2]
        query = f"?{self._query.decode('ascii')}" if self._query else ""
        where = f"{self._agency.url}/git/{place}.git{rest}{query}"
        return Answer(MOVED, words, ((b"location", where.encode()),))

    async def _run(self, asked: Asked, caller: Caller, root: str, path: str) -> Answer | None:
        agency = self._agency
        turn = self._headers.get(TURN, b"").decode("ascii", "replace")[:_LONGEST_TURN]
        if turn and asked.is_listing:
            await agency.turns.take(asked.place, turn)
        is_push = asked.service == RECEIVE and not asked.is_listing
        if is_push:
            self.is_paced = True
            agency.pace.count(caller.key_id)
            self.is_paced = False
        try:
            async with agency.places.place(caller.client):
                if turn:
                    agency.turns.keep(asked.place, turn)
                request = self._request(asked, caller, root, path)
                if is_push:
                    await self._push(asked.place, caller, request)
                else:
                    most = _LISTING_BYTES if asked.is_listing else _FETCH_BYTES
                    await self._pass(Backend.start(self._environment(request), most, self._patience), None)
        finally:
            if turn:
                (agency.turns.give if is_push else agency.turns.rest)(asked.place, turn)
        return None

    @property
    def _patience(self) -> Patience:
        return Patience(self._agency.configuration.silence, self._agency.configuration.request_seconds)

    def _request(self, asked: Asked, caller: Caller, root: str, path: str) -> Request:
        query = f"service={asked.service}" if asked.is_listing else ""
        return Request(root, path, self._method, query, self._headers, caller.key_id, self.address)

    def _environment(self, request: Request) -> dict[str, str]:
        agency = self._agency
        return git_environment(agency.hook, agency.limits, cgi_environment(request))

    async def _pass(self, starting: Awaitable[Backend], receiving: Receiving | None) -> None:
        backend = await starting
        before_end = _always
        if receiving is not None:
            receiving.started()
            before_end = self._agency.hook.is_whole
        try:
            await backend.serve(self._receive, self._send, before_end)
        finally:
            self.has_answered = backend.has_begun
        if backend.has_begun and receiving is None:
            await self._finish()

    async def _finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _push(self, place: Place, caller: Caller, request: Request) -> None:
        agency = self._agency
        began = time.monotonic()
        async with AsyncExitStack() as stack:
            receiving = await stack.enter_async_context(agency.receiving(place))
            environment = {**self._environment(request), **receiving.environment}
            most = agency.configuration.max_pack_bytes + (1 << 20)
            starting = Backend.start(environment, most, self._patience, receiving.descriptors)
            still = partial(late_refusal, agency, caller, place)
            recorder = agency.recorder(place, caller, self.id, still)
            asked = partial(asyncio.to_thread, still)
            answering = asyncio.create_task(receiving.answer(recorder.question, recorder.decide, asked))
            try:
                await self._pass(starting, receiving)
            finally:
                answering.cancel()
                with suppress(asyncio.CancelledError):
                    await answering
            self.result = recorder.result
            if receiving.verdict is not None:
                agency.metrics.judging.observe(receiving.judged_seconds)
        if self.has_answered:
            # The lock is free, and the client still waits: its next read waits for the rows.
            agency.follow(recorder)
            await self._finish()
        agency.pushed(place, recorder, time.monotonic() - began)
