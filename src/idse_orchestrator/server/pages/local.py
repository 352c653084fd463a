"""The pages of one repository on loopback, by the web server of Python itself: read only, for one browser.

Loopback is no wall: any page that this machine's browser shows can ask it, and any user of it can connect. So
the address that is printed holds a token which works once, and becomes a cookie.
"""

from __future__ import annotations

import secrets
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from idse_orchestrator.errors import IdseError, StorageError, UsageError
from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, Problem, problem_of
from idse_orchestrator.server.pages.site import HEADERS, PAGES, Answer, Asked, redirect, static

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.pages.site import Site

_HOST = "127.0.0.1"
_SECONDS = 10
_FAULTY = 503
_NOTHING = Answer(404, "text/plain; charset=utf-8", b"there is nothing here\n")
_FOREIGN = Problem(403, NOT_AUTHORIZED, "this request comes from another site")
_READ_ONLY = Problem(405, NOT_AUTHORIZED, "these pages are read only", headers={"allow": "GET, HEAD"})
_CLOSED = Problem(
    403,
    NOT_AUTHORIZED,
    "this address was used",
    "it opens the pages once, in the browser that was first",
    fix=("idse dashboard  # prints another one",),
)


class Keeping(Protocol):
    """What pages are made from, and how it is kept as the ledgers are."""

    def look(self) -> None:
        """Reads what changed."""

    def mend(self) -> None:
        """Makes anew what is damaged."""


class LocalServer:
    """Serves `site` to `caller` on loopback at `port`; 0: any that is free.

    `keeping` looks before each page is made, `rest` runs after it. UsageError where the port is taken.
    """

    def __init__(
        self, site: Site, caller: Caller, port: int, keeping: Keeping, rest: Callable[[], None]
    ) -> None:
        self._site = site
        self._caller = caller
        self._keeping = keeping
        self._rest = rest
        self._token, self._cookie = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        self._turn = threading.Lock()
        try:
            self._server = _Server((_HOST, port), _handler(self))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"the dashboard cannot listen at port {port}",
                cause=getattr(error, "strerror", None) or str(error),
                fix=("idse dashboard  # takes any port that is free",),
            ) from error
        self._port = self._server.server_port

    @property
    def address(self) -> str:
        """The address that opens the pages, once."""
        return f"http://{_HOST}:{self._port}/?token={self._token}"

    def serve(self) -> None:
        """Serves until the process is interrupted."""
        self._server.serve_forever()

    def close(self) -> None:
        """Lets go of the port."""
        self._server.server_close()

    def answer(self, method: str, target: str, headers: Callable[[str], str]) -> Answer:
        """Answers one request; `headers` returns the header of that name, "" : there is none."""
        host, origin = headers("host"), headers("origin")
        is_ours = host in (f"{_HOST}:{self._port}", f"localhost:{self._port}")
        if not is_ours or origin not in ("", f"http://{host}"):
            return self._site.problem(_FOREIGN)
        if method not in ("GET", "HEAD"):
            return self._site.problem(_READ_ONLY)
        try:
            parts = urlsplit(target)
        except ValueError:
            return _NOTHING
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        if not PAGES.fullmatch(path):
            return static(path) or _NOTHING
        return self._page(path, query, headers)

    def _page(self, path: str, query: Mapping[str, str], headers: Callable[[str], str]) -> Answer:
        if "token" in query:
            return self._opened(query["token"], headers("cookie"))
        if not self._is_known(headers("cookie")):
            return self._site.problem(_CLOSED)
        asked = Asked(self._caller, path, query, known=headers("if-none-match"))
        try:
            return self._made(asked)
        except IdseError as error:
            return self._site.problem(problem_of(error), asked)
        finally:
            self._rest()

    def _made(self, asked: Asked) -> Answer:
        """Returns a page; what is kept for it is mended where that is why there is none."""
        try:
            self._keeping.look()
            answer = self._site.answer(asked)
        except StorageError:
            answer = None
        if answer is None or answer.status == _FAULTY:
            self._keeping.mend()
            answer = self._site.answer(asked)
        return answer

    def _opened(self, token: str, cookie: str) -> Answer:
        with self._turn:
            is_right = bool(self._token) and secrets.compare_digest(token.encode(), self._token.encode())
            if is_right:
                self._token = ""
        if is_right:
            words = f"{self._name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"
            return redirect("/", {"set-cookie": words})
        return redirect("/") if self._is_known(cookie) else self._site.problem(_CLOSED)

    @property
    def _name(self) -> str:
        """The name of the cookie: browsers do not tell ports apart."""
        return f"idse-{self._port}"

    def _is_known(self, cookie: str) -> bool:
        wanted = f"{self._name}={self._cookie}".encode()
        given = (each.strip().encode("utf-8", "replace") for each in cookie.split(";"))
        return any(secrets.compare_digest(each, wanted) for each in given)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET
    allow_reuse_address = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - theirs
        """Says nothing of a browser that went away, which is no fault; what is one is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(local: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version, sys_version = "idse", ""

        def do_GET(self) -> None:
            self._answer()

        do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815 - theirs

        def _answer(self) -> None:
            told = local.answer(self.command, self.path, lambda name: self.headers.get(name, ""))
            self.send_response(told.status)
            for name, value in {**HEADERS, **told.headers}.items():
                self.send_header(name, value)
            if told.media:
                self.send_header("content-type", told.media)
            self.send_header("content-length", str(len(told.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told.body)
            if told.fault is not None:
                raise told.fault

        def log_message(self, *_words: object) -> None:
            """Says nothing: the terminal is the user's."""

    return Handler
