"""The pages of an Agency over HTTP: who is logged in, and whether a page of ours sent it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import Request

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.api.app import LARGEST_BODY, body_of
from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, USAGE, Problem, ProblemError, problem_of
from idse_orchestrator.server.gateway.app import CALLER
from idse_orchestrator.server.gateway.door import secret_in
from idse_orchestrator.server.pages.form_text import MOST
from idse_orchestrator.server.pages.proxied import ProxyLogins
from idse_orchestrator.server.pages.site import HEADERS, PAGES, Answer, Asked, redirect, static
from idse_orchestrator.server.pages.writing import LOOK, is_writing
from idse_orchestrator.server.tenants.logins import LOGIN_SECONDS, form_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.pages.site import Site
    from idse_orchestrator.server.pages.writing import Writing
    from idse_orchestrator.server.tenants.logins import Logins

LARGEST_FORM = 16 * 1024
LARGEST_UNKNOWN = 6 * MOST + LARGEST_FORM
"""Bytes of a document's form from somebody who is not logged in any more: the text must not be lost.

Six of them are one line feed, as a browser sends it."""
_MOST_FIELDS = 32
_NOTHING = Answer(404, "text/plain; charset=utf-8", b"there is nothing here\n")
_ELSEWHERE = Problem(
    421,
    NOT_AUTHORIZED,
    "this is another server",
    "the request asks for a host that this Agency does not know as its own",
    fix=('in agency.toml: url = "https://…", as its clients write it',),
)
_FOREIGN = Problem(403, NOT_AUTHORIZED, "this request comes from another site")
_NO_TOKEN = Problem(
    403, NOT_AUTHORIZED, "this form is of another login", "open the page again, and repeat it"
)
_ENDED = "This login ended, so nothing is saved yet. Paste the key again to go on with your text."
_METHOD = Problem(405, NOT_AUTHORIZED, "pages are read", headers={"allow": "GET, HEAD"})


class _Told(NamedTuple):
    """A request: header names are in lower case; `form` is what a POST brings."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    form: Mapping[str, str]

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")


class PagesDoor:
    """An ASGI application. `count` counts a request of a caller; ProblemError where it is one too many."""

    def __init__(
        self,
        agency: Agency,
        site: Site,
        logins: Logins,
        count: Callable[[Caller], None],
        writing: Writing,
    ) -> None:
        self._agency = agency
        self._site = site
        self._logins = logins
        self._count = count
        self._proxied = ProxyLogins(agency.configuration, agency.admin.keys)
        self._writing = writing
        is_safe = agency.url.startswith("https://")
        self._cookie = "__Host-idse" if is_safe else "idse"
        self._attributes = f"; Path=/; HttpOnly; SameSite=Lax{'; Secure' if is_safe else ''}"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Answers one request."""
        try:
            told = _told(scope, b"")
            if told.method == "POST" and is_writing(told.path):
                answer = await self._written(scope, receive, told)
            else:
                body = await self._body(scope, receive, LARGEST_FORM) if told.method == "POST" else b""
                answer = await asyncio.to_thread(self._answer, scope, _told(scope, body))
        except ProblemError as error:
            answer = self._site.problem(error.problem)
        except IdseError as error:
            answer = self._site.problem(problem_of(error))
        headers = {**HEADERS, **answer.headers}
        if answer.media:
            headers["content-type"] = answer.media
        headers["content-length"] = str(len(answer.body))
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})
        if answer.fault is not None:
            raise answer.fault

    async def _body(self, scope: Any, receive: Any, most: int) -> bytes:  # noqa: ANN401 - ASGI's own
        return await body_of(Request(scope, receive), self._agency.configuration.silence, most)

    async def _written(self, scope: Any, receive: Any, told: _Told) -> Answer:  # noqa: ANN401 - ASGI's own
        """Answers a form of a page that writes. What somebody typed stays, whatever is wrong."""
        self._check_origin(told)
        caller, secret, may_leave = await asyncio.to_thread(self._who, scope, told)
        if caller is not None:
            scope[CALLER] = caller
            self._count(caller)
        body = await self._body(scope, receive, LARGEST_BODY if caller else LARGEST_UNKNOWN)
        form = await asyncio.to_thread(_form, body)  # a large one takes a second
        headers: Mapping[str, str] = {}
        if caller is None and form.get("key"):
            caller, secret = await asyncio.to_thread(self._begun, scope, form["key"])
            headers = self._cookie_of(secret) if caller is not None else {}
            form = {**form, "do": LOOK, "token": form_token(secret)}
        if caller is None:
            self._agency.metrics.auth_failures.inc()
            return self._site.login(told.path, _ENDED, 401, told.path, form)
        token = form_token(secret) if secret else ""
        refused = None if secret and _is_same(form.get("token", ""), token) else _NO_TOKEN
        asked = Asked(caller, told.path, told.query, token, may_leave=may_leave)
        answer = await self._writing.sent(asked, form, refused)
        return answer._replace(headers={**answer.headers, **headers})

    def _answer(self, scope: Any, told: _Told) -> Answer:  # noqa: ANN401 - ASGI's own; a return for each
        if told.method in ("GET", "HEAD") and (found := static(told.path)):
            return found
        is_form = told.path in ("/login", "/logout")
        if not (is_form or PAGES.fullmatch(told.path)):
            return _NOTHING
        self._check_origin(told)
        if told.path == "/login":
            return self._log_in(scope, told)
        if told.method == "POST" and told.path == "/logout":
            return self._log_out(told)
        if told.method not in ("GET", "HEAD"):
            raise ProblemError(_METHOD)
        caller, secret, may_leave = self._who(scope, told)
        if caller is None:
            return self._to_login(told)
        scope[CALLER] = caller
        self._count(caller)
        token = form_token(secret) if secret else ""
        known = told.header(b"if-none-match")
        asked = Asked(caller, told.path, told.query, token, known, may_leave)
        return self._writing.first(asked) if is_writing(told.path) else self._site.answer(asked)

    def _check_origin(self, told: _Told) -> None:
        """Raises ProblemError for a host that is not ours, and for what another site sends.

        A name that leads to a loopback address is no wall, as anybody can register one: an address is.
        """
        host = told.header(b"host")
        if not self._is_ours(host):
            raise ProblemError(_ELSEWHERE)
        origin = told.header(b"origin")
        is_foreign = origin and urlsplit(origin).netloc != host
        if is_foreign or (told.method == "POST" and not origin):
            raise ProblemError(_FOREIGN)

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in ("localhost", urlsplit(self._agency.url).hostname):
                return True
            ip_address(name)
        except ValueError:
            return False
        return True

    # --- logging in and out ---

    def _who(self, scope: Any, told: _Told) -> tuple[Caller | None, str, bool]:  # noqa: ANN401 - ASGI's own
        """Returns who asks, the secret of the login, and whether it can be ended here.

        The secret is "" for a key in a header.
        """
        proxied = self._proxied.caller(scope)
        if proxied is not None:
            return proxied, self._proxied.secret(proxied), False
        secret = self._secret(told)
        caller = self._logins.caller(secret) if secret else None
        if caller is None and (key := secret_in(told.headers)):
            secret, caller = "", self._agency.admin.keys.caller(key)
        return caller, secret if caller is not None else "", True

    def _begun(self, scope: Any, key: str) -> tuple[Caller | None, str]:  # noqa: ANN401 - ASGI's own
        """Returns whose key it is, and the secret of a new login; None and "" where it is none."""
        caller = self._agency.admin.keys.caller(key.strip())
        if caller is None:
            self._agency.metrics.auth_failures.inc()
            return None, ""
        scope[CALLER] = caller
        self._count(caller)
        return caller, self._logins.begin(caller)

    def _cookie_of(self, secret: str) -> Mapping[str, str]:
        return {"set-cookie": f"{self._cookie}={secret}{self._attributes}; Max-Age={LOGIN_SECONDS}"}

    def _secret(self, told: _Told) -> str:
        for each in told.header(b"cookie").split(";"):
            name, _, value = each.strip().partition("=")
            if name == self._cookie:
                return value
        return ""

    def _to_login(self, told: _Told) -> Answer:
        if told.path.endswith((".json", ".csv")):
            self._agency.metrics.auth_failures.inc()
            return self._site.login("/", "A key is needed.", 401)
        words = "&".join(f"{quote(name)}={quote(value)}" for name, value in told.query.items())
        to = quote(told.path) + (f"?{words}" if words else "")
        return redirect(f"/login?to={quote(to)}" if to != "/" else "/login")

    def _log_in(self, scope: Any, told: _Told) -> Answer:  # noqa: ANN401 - ASGI's own
        if self._proxied.caller(scope):
            return redirect(_place(told.query.get("to", "")))
        if told.method != "POST":
            return self._site.login(_place(told.query.get("to", "")))
        to = _place(told.form.get("to", ""))
        caller, secret = self._begun(scope, told.form.get("key", ""))
        if caller is None:
            return self._site.login(to, "This is no key, or one that ended.", 401)
        return redirect(to, self._cookie_of(secret))

    def _log_out(self, told: _Told) -> Answer:
        secret = self._secret(told)
        if not _is_same(told.form.get("token", ""), form_token(secret)):
            raise ProblemError(_NO_TOKEN)
        self._logins.end(secret)
        return redirect("/login", {"set-cookie": f"{self._cookie}={self._attributes}; Max-Age=0"})


def _told(scope: Any, body: bytes) -> _Told:  # noqa: ANN401 - ASGI's own
    path = unquote(scope["raw_path"].decode("ascii", "replace"))
    query = dict(parse_qsl(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True))
    return _Told(scope["method"], path, query, dict(scope["headers"]), _form(body))


def _form(body: bytes) -> Mapping[str, str]:
    """Returns what a form holds; no browser sends a text that is no UTF-8, or more fields than a page has."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except UnicodeDecodeError:
        raise ProblemError(Problem(422, USAGE, "this form is no text in UTF-8")) from None
    except ValueError:
        raise ProblemError(Problem(422, USAGE, "this form has more fields than a page sends")) from None
    return dict(pairs)


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def _place(to: str) -> str:
    """Returns a path of these pages with its query; the first page for anything else."""
    is_page = PAGES.fullmatch(unquote(to.partition("?")[0])) and "\\" not in to and to.isprintable()
    return to if is_page and to.isascii() else "/"
