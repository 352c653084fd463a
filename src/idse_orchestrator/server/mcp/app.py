"""MCP as an ASGI application: streamable HTTP without sessions, its tokens, and two tools as plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from mcp.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
)
from mcp_types import Tool as Listed
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from idse_orchestrator.agents.tool_schemas import whole
from idse_orchestrator.documents.design_reference import SCHEME
from idse_orchestrator.server.api.app import body_of, not_here, problem_response, told
from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, USAGE, Problem, ProblemError
from idse_orchestrator.server.gateway.app import CALLER
from idse_orchestrator.server.mcp.tokens import SECONDS, Tokens
from idse_orchestrator.server.mcp.tools import TOOLS, Tools

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams, ReadResourceRequestParams
    from starlette.types import Receive, Scope, Send

    from idse_orchestrator.server.api.app import Api
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.push import Caller

RESOURCE = "/.well-known/oauth-protected-resource/mcp"
ISSUER = "/.well-known/oauth-authorization-server"
TOKEN = "/mcp/auth/token"  # noqa: S105 - an address
_LARGEST_FORM = 16 * 1024


class Mcp:
    """MCP for one Agency."""

    def __init__(self, agency: Agency, api: Api, tools: Tools, tokens: Tokens, version: str) -> None:
        self._agency = agency
        self._api = api
        self._tools = tools
        self._tokens = tokens
        server: Server[Any] = Server(
            "idse-agency",
            version=version,
            on_list_tools=self._listed,
            on_call_tool=self._called,
            on_list_resources=self._designs,
            on_list_resource_templates=self._templates,
            on_read_resource=self._read,
        )
        self._manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        self._ready: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._plain = Starlette(
            routes=[
                Route(TOKEN, self._token, methods=["POST"]),
                Route("/mcp/sync/push", self._push, methods=["POST"]),
                Route("/mcp/sync/pull", self._pull, methods=["POST"]),
                Route(RESOURCE, self._resource),
                Route(ISSUER, self._issuer),
            ],
            exception_handlers={HTTPException: not_here},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["path"] != "/mcp":
            await self._plain(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            await self._let_in(request)
        except ProblemError as error:
            await problem_response(error.problem)(scope, receive, send)
            return
        if request.method != "POST":  # no stream of events stands open here, and no session can be ended
            words = "this address takes POST alone"
            problem = Problem(405, USAGE, words, headers={"allow": "POST"})
            await problem_response(problem)(scope, receive, send)
            return
        await self._started()
        await self._manager.handle_request(scope, receive, send)

    async def _started(self) -> None:
        """Begins, with the first request, what serves all of them."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._ready))
        await asyncio.shield(self._ready)

    async def _run(self, ready: asyncio.Future[None]) -> None:
        async with self._manager.run():
            ready.set_result(None)
            await asyncio.Event().wait()

    # --- who asks ---

    async def _let_in(self, request: Request) -> Caller:
        """Returns who asks, by a token of ours whose key is still good; it is left in the scope."""
        self._refuse_strange_origin(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        key = self._tokens.key_of(token.strip()) if kind.lower() == "bearer" else ""
        caller = await asyncio.to_thread(self._agency.admin.keys.caller_by_id, key) if key else None
        if caller is None:
            self._agency.metrics.auth_failures.inc()
            where = f"{self._base(request)}{RESOURCE}"
            asks = {"www-authenticate": f'Bearer realm="idse", resource_metadata="{where}"'}
            words = f"a token is needed: POST {TOKEN} gives one for a key"
            raise ProblemError(Problem(401, NOT_AUTHORIZED, words, headers=asks))
        await asyncio.to_thread(self._api.count, caller)
        request.scope[CALLER] = caller
        return caller

    def _refuse_strange_origin(self, request: Request) -> None:
        """Refuses a page of another site: a browser says where it comes from."""
        origin = request.headers.get("origin", "")
        if origin and _netloc_of(origin) not in (request.headers.get("host"), self._netloc()):
            raise ProblemError(Problem(403, NOT_AUTHORIZED, "this page is of another site"))

    def _netloc(self) -> str:
        return urlsplit(self._agency.url).netloc

    def _base(self, request: Request) -> str:
        return self._agency.url or f"http://{request.headers.get('host', 'localhost')}"

    async def _token(self, request: Request) -> Response:
        """Exchanges a key for a token: OAuth's client credentials, with the key as the secret."""
        try:
            form = parse_qs((await body_of(request, 30, _LARGEST_FORM)).decode("ascii"))
            wrong = self._misasked(form, request)
            if wrong:
                return _oauth_error(wrong)
            secret = _secret(request.headers.get("authorization", "")) or form.get("client_secret", [""])[0]
            caller = await asyncio.to_thread(self._agency.admin.keys.caller, secret) if secret else None
            if caller is None:
                self._agency.metrics.auth_failures.inc()
                return _oauth_error("invalid_client", 401)
            await asyncio.to_thread(self._api.count, caller)
        except (UnicodeDecodeError, ValueError):
            return _oauth_error("invalid_request")
        except ProblemError as error:
            return problem_response(error.problem)
        request.scope[CALLER] = caller
        answer = {
            "access_token": self._tokens.make(caller),
            "token_type": "Bearer",
            "expires_in": SECONDS,
            "scope": " ".join(caller.scopes),
        }
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    def _misasked(self, form: Mapping[str, list[str]], request: Request) -> str:
        """Returns OAuth's word for what is wrong with a form; "" : nothing."""
        if form.get("grant_type") != ["client_credentials"]:
            return "unsupported_grant_type"
        audiences = (self._tokens.audience, f"{self._base(request)}/mcp")
        return "" if all(each in audiences for each in form.get("resource", ())) else "invalid_target"

    async def _resource(self, request: Request) -> Response:
        base = self._base(request)
        return JSONResponse(
            {
                "resource": f"{base}/mcp",
                "authorization_servers": [base],
                "bearer_methods_supported": ["header"],
                "resource_name": "IDSE Agency Core",
            }
        )

    async def _issuer(self, request: Request) -> Response:
        base = self._base(request)
        return JSONResponse(
            {
                "issuer": base,
                "token_endpoint": f"{base}{TOKEN}",
                "authorization_endpoint": f"{base}{TOKEN}",  # the only grant here has no use for it
                "response_types_supported": [],
                "grant_types_supported": ["client_credentials"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    # --- tools ---

    async def _listed(
        self, _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Listed(
                    name=name,
                    description=tool.description,
                    input_schema=whole(tool.arguments, tool.needed),
                )
                for name, tool in TOOLS.items()
            ]
        )

    async def _called(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        caller = _caller_of(context)
        try:
            found = await self._tools.call(params.name, caller, params.arguments or {})
            text, is_error = json.dumps(found, separators=(",", ":")), False
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            text, is_error = json.dumps(told(error, _scope_of(context)).data()), True
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=is_error)

    # --- designs, as resources ---

    async def _designs(
        self, context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        page = await asyncio.to_thread(self._tools.designs, _caller_of(context))
        return ListResourcesResult(
            resources=[
                Resource(name=f"{each['library']}/{name}", uri=f"{SCHEME}{each['library']}/{name}")
                for each in page.items
                for name in each["components"]
            ]
        )

    async def _templates(
        self, _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        words = "A component to adapt, as plans refer to it; without a version the newest is meant."
        form = f"{SCHEME}{{library}}/{{component}}@{{version}}"
        return ListResourceTemplatesResult(
            resource_templates=[ResourceTemplate(name="design", uri_template=form, description=words)]
        )

    async def _read(
        self, context: ServerRequestContext[Any], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        try:
            found = await asyncio.to_thread(self._tools.design, _caller_of(context), str(params.uri))
        except ProblemError as error:
            raise MCPError(INVALID_PARAMS, error.problem.detail, error.problem.data()) from error
        text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        contents = TextResourceContents(uri=params.uri, mime_type="application/json", text=text)
        return ReadResourceResult(contents=[contents])

    async def _push(self, request: Request) -> Response:
        return await self._by_http("sync_push", request)

    async def _pull(self, request: Request) -> Response:
        return await self._by_http("sync_pull", request)

    async def _by_http(self, tool: str, request: Request) -> Response:
        """Calls a tool with the body's JSON as its arguments."""
        try:
            caller = await self._let_in(request)
            data = await body_of(request, self._agency.configuration.silence)
            return JSONResponse(await self._tools.call(tool, caller, _arguments(data)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            return problem_response(told(error, request.scope))


def _scope_of(context: ServerRequestContext[Any]) -> Scope:
    request = context.request
    assert isinstance(request, Request)  # noqa: S101 - nothing gets here without one
    return request.scope


def _caller_of(context: ServerRequestContext[Any]) -> Caller:
    caller: Caller = _scope_of(context)[CALLER]
    return caller


def _netloc_of(origin: str) -> str | None:
    """Returns host and port of an origin; None where it has none, as a page in a sandbox."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _arguments(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProblemError(Problem(422, USAGE, "the body is no JSON object"))
    return found


def _secret(header: str) -> str:
    """Returns the secret of HTTP Basic, whose parts OAuth has encoded as those of a form."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return unquote(base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2])
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _oauth_error(code: str, status: int = 400) -> Response:
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="idse"'
    return JSONResponse({"error": code}, status, headers)
