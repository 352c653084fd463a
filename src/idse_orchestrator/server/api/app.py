"""REST as an ASGI application: keys, limits, bodies, ETags and pages are the same for every address."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping, MutableMapping
from traceback import extract_tb
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route as At

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.api.problems import (
    BROKEN,
    BUSY,
    MEDIA_TYPE,
    NO_KEY,
    NOTHING,
    UNKNOWN,
    USAGE,
    Problem,
    ProblemError,
    busy,
    problem_of,
)
from idse_orchestrator.server.api.reads import digest_of
from idse_orchestrator.server.api.resources import Reply, Resources, Visit, matches
from idse_orchestrator.server.api.routes import ROUTES, TEXT, Route, openapi
from idse_orchestrator.server.api.sight import is_text
from idse_orchestrator.server.api.writes import Told
from idse_orchestrator.server.gateway.app import CALLER, FAULT
from idse_orchestrator.server.gateway.door import secret_in
from idse_orchestrator.server.gateway.limits import BusyServerError, Pace

if TYPE_CHECKING:
    from starlette.requests import Request

    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.push import Caller

FAULTY = 500
"""Statuses from here on are no business of who asked."""
LARGEST_BODY = 4 * 1024 * 1024
_LONGEST_NAME = 200


class Api:
    """REST for one Agency."""

    def __init__(self, agency: Agency, resources: Resources) -> None:
        self._agency = agency
        self._resources = resources
        self._pace = Pace(agency.configuration.requests_a_minute)
        self._pacing = threading.Lock()

    # --- who asks ---

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Returns whose key a request shows, and counts it. ProblemError; for threads."""
        secret = secret_in(headers)
        caller = self._agency.admin.keys.caller(secret) if secret else None
        if caller is None:
            self._agency.metrics.auth_failures.inc()
            raise ProblemError(NO_KEY)
        self.count(caller)
        return caller

    def count(self, caller: Caller) -> None:
        """Counts a request of a caller; ProblemError where it is one too many."""
        try:
            with self._pacing:
                self._pace.count(caller.key_id)
        except BusyServerError as error:
            raise ProblemError(busy(error.seconds, is_paced=True)) from None

    # --- the way in and out ---

    async def answer(self, route: Route, request: Request) -> Response:
        """Answers one request of an address."""
        try:
            if not route.is_write and route.handle not in _ASKING:
                unchanged = self._unchanged(route, request)
                if unchanged is not None:
                    return unchanged
                return await self._resources.aside(self._read, route, request)
            caller = await asyncio.to_thread(self._admitted, request)
            visit = _visit(route, request, caller)
            if route.is_write:
                visit = await self._with_body(route, request, visit)
            reply = await getattr(self._resources, route.handle)(visit)
            return _response(route, reply, request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            return problem_response(told(error, request.scope))

    def _unchanged(self, route: Route, request: Request) -> Response | None:
        """Returns that a list is what the caller has; None: it has to be looked at.

        What SQLite finds in an index takes less time than to hand the question to a thread, and nobody who
        writes keeps it waiting.
        """
        said = request.headers.get("if-none-match")
        if said is None or not self._resources.knows_at_once(route.handle):
            return None
        headers = dict(request.scope["headers"])
        caller = self._agency.admin.keys.caller(secret_in(headers), notes_use=False)
        try:
            if caller is None or self._agency.following.is_behind(caller.client_id):
                return None  # whoever waits does so in a thread
            tag = self._resources.tag(_visit(route, request, caller))
        except (ProblemError, IdseError):
            return None  # it is told where it is looked at
        if not tag or not matches(said, tag):
            return None
        self.count(caller)
        request.scope[CALLER] = caller
        return _response(route, Reply(tag=tag), request)

    def _read(self, route: Route, request: Request) -> Response:
        visit = _visit(route, request, self._admitted(request))
        return _response(route, getattr(self._resources, route.handle)(visit), request)

    def _admitted(self, request: Request) -> Caller:
        caller = self.caller(dict(request.scope["headers"]))
        request.scope[CALLER] = caller
        return caller

    async def _with_body(self, route: Route, request: Request, visit: Visit) -> Visit:
        data = await body_of(request, self._agency.configuration.silence)
        body: object = data
        if route.body is not None:
            try:
                body = route.body.model_validate_json(data)
            except ValidationError as error:
                raise ProblemError(_unfit(error)) from None
        name = visit.headers.get("idempotency-key", "")
        if len(name) > _LONGEST_NAME:
            raise ProblemError(Problem(422, USAGE, "the Idempotency-Key is too long"))
        tip = visit.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
        whole = f"{route.method}\0{request.url.path}\0{tip}\0".encode() + data
        return visit._replace(body=body, told=Told(tip, name, digest_of(whole)))


_ASKING = frozenset({"gate", "constitution"})


def problem_from(error: Exception) -> Problem:
    """Returns the problem that an exception is; of what nobody foresaw it says no more than that."""
    if isinstance(error, ProblemError):
        return error.problem
    if isinstance(error, IdseError):
        return problem_of(error)
    if isinstance(error, BusyServerError):
        return busy(error.seconds, is_paced=error.is_paced)
    if isinstance(error, (OSError, EOFError, asyncio.LimitOverrunError)):
        return Problem(503, BUSY, "the judge is gone, or busy", headers={"retry-after": "5"})
    return Problem(500, BROKEN, "a fault of the server: its operator finds more in the log")


def told(error: Exception, scope: MutableMapping[str, Any]) -> Problem:
    """Returns the problem that an exception is, and leaves for the log what is a fault of ours."""
    problem = problem_from(error)
    if problem.status >= FAULTY:
        scope[FAULT] = _fault(error)
    return problem


def _fault(error: Exception) -> str:
    """Returns what the log says of a fault: what it is and where, and nothing that a request brought."""
    if isinstance(error, ProblemError):
        return f"{error.problem.code}: {error.problem.detail}"
    if isinstance(error, IdseError):
        return f"{error.code}: {error.message}"
    place = extract_tb(error.__traceback__)[-1:]
    where = "".join(f" at {os.path.basename(each.filename)}:{each.lineno}" for each in place)
    return f"{type(error).__name__}{where}"


async def body_of(request: Request, silence: float, most: int = LARGEST_BODY) -> bytes:
    """Returns the body of a request. ProblemError where it is too large, or nothing comes for too long."""
    found = b""
    parts = request.stream()
    try:
        while True:
            async with asyncio.timeout(silence):
                part = await anext(parts, None)
            if part is None:
                return found
            found += part
            if len(found) > most:
                raise ProblemError(Problem(413, USAGE, f"the body has more than {most:,} bytes"))
    except TimeoutError:
        raise ProblemError(Problem(408, BUSY, "nothing came for too long")) from None


def _visit(route: Route, request: Request, caller: Caller) -> Visit:
    path = {str(name): str(value) for name, value in request.path_params.items()}
    if path.get("stage", STAGES[0]) not in STAGES:
        raise ProblemError(Problem(404, UNKNOWN, f"there is no stage {path['stage']!r}", ", ".join(STAGES)))
    known = {*route.filters, *(("after", "limit") if route.is_cut else ())}
    query = dict(request.query_params)
    for name in query:
        if name not in known:
            said = ", ".join(sorted(known)) or "none"
            raise ProblemError(Problem(422, USAGE, f"there is no parameter {name!r}", f"known: {said}"))
    if not all(map(is_text, query.values())):
        raise ProblemError(Problem(422, USAGE, "a parameter is no text"))
    if not all(map(is_text, path.values())) or not _is_unicode(request.scope["raw_path"]):
        raise ProblemError(NOTHING)
    return Visit(caller, path, query, request.headers)


def _is_unicode(raw: bytes) -> bool:
    """Tests whether a path as it came is UTF-8: another one was made into other letters by now."""
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return True


def _unfit(error: ValidationError) -> Problem:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return Problem(422, USAGE, "the body does not fit", first["msg"], where)


def _response(route: Route, reply: Reply, request: Request) -> Response:
    data = b"" if reply.tag else _bytes(reply)
    tag = reply.tag or digest_of(data)
    headers = {**reply.headers, "etag": f'"{tag}"', "cache-control": "private, no-cache"}
    if not route.is_write and matches(request.headers.get("if-none-match", ""), tag):
        return Response(None, 304, headers)
    headers["x-content-type-options"] = "nosniff"
    media = "application/json" if reply.text is None else TEXT
    return Response(data or _bytes(reply), reply.status, headers, media)


def _bytes(reply: Reply) -> bytes:
    if reply.text is not None:
        return reply.text
    try:
        return to_json(reply.data)
    except PydanticSerializationError:  # half a character, which JSON can escape
        return json.dumps(reply.data, separators=(",", ":")).encode()


def problem_response(problem: Problem) -> Response:
    """Returns a problem as an answer."""
    headers = {**problem.headers, "cache-control": "no-store"}
    return Response(json.dumps(problem.data()), problem.status, headers, MEDIA_TYPE)


def rest(api: Api, version: str, prefixes: tuple[str, ...] = ("/api/v1", "/api")) -> Starlette:
    """Returns the application: every address of the table under each of `prefixes`, and OpenAPI."""
    document = json.dumps(openapi(version)).encode()
    tag = digest_of(document)

    async def described(request: Request) -> Response:
        headers = {"etag": f'"{tag}"'}
        if matches(request.headers.get("if-none-match", ""), tag):
            return Response(None, 304, headers)
        return Response(document, 200, headers, "application/json")

    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    found = [At(f"{prefix}/openapi.json", described) for prefix in prefixes]
    for prefix in prefixes:
        for path, methods in by_path.items():
            at = prefix + path.replace("{path}", "{path:path}")
            found.append(At(at, _endpoint(api, methods), methods=list(methods)))
    return Starlette(routes=found, exception_handlers={HTTPException: not_here})


def _endpoint(api: Api, methods: Mapping[str, Route]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await api.answer(methods["GET" if request.method == "HEAD" else request.method], request)

    return endpoint


async def not_here(_request: Request, error: Exception) -> Response:
    """Answers where no address is, or none with that method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {404: "there is nothing here", 405: "this address has other methods"}
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code = UNKNOWN if status == 404 else USAGE
    return problem_response(
        Problem(status, code, words.get(status, "this cannot be answered"), headers=headers)
    )
