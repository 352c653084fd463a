"""Answers requests for pages: from who asks for what to an answer, whatever server is around it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from idse_orchestrator.base.csv_lines import csv_lines
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.api.problems import BROKEN, NOTHING, Problem, ProblemError, problem_of
from idse_orchestrator.server.gateway.admission import FORBIDDEN, Denied
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import APPROVE
from idse_orchestrator.server.pages.rendering import html, icon, style, style_address
from idse_orchestrator.server.pages.views import Seen, Views, Window

if TYPE_CHECKING:
    from idse_orchestrator.server.model.push import Caller

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-cache",
}
"""What every answer says."""
HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"
_ENDINGS = {".json": JSON, ".csv": CSV}
_ROWS = 50
_ALL_ROWS = 5_000
"""Rows of a CSV or of JSON: the next ones are `?page=2`."""
_LONGEST_QUERY = 4_096


class Asked(NamedTuple):
    """A request for a page: `path` is decoded, `token` goes into forms; "" : there are none to send.

    `may_leave`: the login is one that can be ended here, and not a proxy's.
    """

    caller: Caller
    path: str
    query: Mapping[str, str] = {}
    token: str = ""
    known: str = ""
    may_leave: bool = True


class Answer(NamedTuple):
    """What is sent. `fault` is what nobody foresaw: it is raised once its page was sent, for the log."""

    status: int
    media: str
    body: bytes
    headers: Mapping[str, str] = {}
    fault: Exception | None = None


class Site:
    """The pages over `views`. `name` stands above all of them; `now` tells the time as ISO-8601.

    `home` is given where it is one repository, without keys and audit: the page that opens first. `writing`
    says why a caller may not write to a place; without it nothing is written anywhere.
    """

    def __init__(
        self,
        views: Views,
        name: str,
        now: Callable[[], str],
        *,
        home: str = "",
        writing: Callable[[Caller, Place], Denied | None] | None = None,
    ) -> None:
        self._views = views
        self._name = name
        self._now = now
        self._home = home
        self._writing = writing

    def answer(self, asked: Asked) -> Answer:
        """Answers a request, whatever happens."""
        try:
            return self._page(asked)
        except ProblemError as error:
            return self.problem(error.problem, asked)
        except IdseError as error:
            return self.problem(problem_of(error), asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            words = Problem(500, BROKEN, "a fault of the server", "who runs it finds more in the log")
            return self.problem(words, asked)._replace(fault=error)

    def _page(self, asked: Asked) -> Answer:
        if len(urlencode(asked.query)) > _LONGEST_QUERY or not all(map(_is_text, asked.query.values())):
            raise ProblemError(NOTHING)
        if asked.path == "/" and (where := self.first_page(asked.caller)):
            return redirect(where)
        seen, media = self._seen(asked)
        if media == JSON:
            data = {"schema": f"idse.pages.{seen.name}/1", **seen.data}
            return _tagged(asked, Answer(200, JSON, json.dumps(data, indent=1).encode()))
        if media == CSV:
            rows: Sequence[Mapping[str, Any]] = seen.data[seen.table]
            lines = csv_lines(
                seen.columns, [{name: _cell(row[name]) for name in seen.columns} for row in rows]
            )
            return _tagged(asked, Answer(200, CSV, "".join(f"{line}\r\n" for line in lines).encode()))
        return _tagged(asked, Answer(200, HTML, self.html(asked, seen)))

    def first_page(self, caller: Caller) -> str:
        """Returns where the first page of a caller is; "" : at the root."""
        return (self._home or f"/c/{caller.client}") if caller.client_id else ""

    def _seen(self, asked: Asked) -> tuple[Seen, str]:
        """Returns what a path shows and as what. A session that is called so comes first."""
        path, media = asked.path, HTML
        found = re.fullmatch(r"(.+)(\.json|\.csv)", path)
        if found and path.count("/") == _DEPTH:
            try:
                return self._at(path, asked, _window(asked.query, _ROWS)), HTML
            except ProblemError as error:
                if error.problem is not NOTHING:
                    raise
        if found:
            path, media = found[1], _ENDINGS[found[2]]
        seen = self._at(path, asked, _window(asked.query, _ROWS if media == HTML else _ALL_ROWS))
        if media == CSV and not seen.table:
            raise ProblemError(NOTHING)
        return seen, media

    def _at(self, path: str, asked: Asked, window: Window) -> Seen:
        views, caller, query = self._views, asked.caller, asked.query
        parts = path.split("/")[1:]
        if parts[0] == "designs" and len(parts) == 3 and not self._home:
            return views.design(caller, parts[1:], query)
        if parts[0] == "c" and all(parts):
            whole: Mapping[int, Callable[[], Seen]] = {
                2: lambda: views.client(caller, parts[1]),
                4: lambda: views.project(caller, parts[1:], query, window),
                5: lambda: views.session(caller, parts[1:], query, window),
            }
            return whole.get(len(parts), _nothing)()
        pages: dict[str, Callable[[], Seen]] = {
            "/": lambda: views.overview(caller),
            "/overview": lambda: views.overview(caller),
            "/findings": lambda: views.findings(caller, query, window),
            "/analytics": lambda: views.analytics(caller, query),
            "/sync": lambda: views.sync(caller, query, window),
        }
        if not self._home:
            pages["/audit"] = lambda: views.audit(caller, query, window)
            pages["/keys"] = lambda: views.keys(caller, query, self._now())
        return pages.get(path, _nothing)()

    # --- as HTML ---

    def why_not(self, asked: Asked) -> Denied | None:
        """Returns why a caller may not write where a page of a session is about; None where it may."""
        client, repository = asked.path.split("/")[2:4]
        if self._writing is None or not asked.token:
            return Denied(FORBIDDEN, "who logs in writes here; for programs there is REST")
        return self._writing(asked.caller, Place(client, repository))

    def html(
        self,
        asked: Asked,
        seen: Seen,
        problem: Problem | None = None,
        given: Mapping[str, str] = {},
    ) -> bytes:
        """Returns a page; on that of a session `problem` says what was refused of what was `given`."""
        crumbs = seen.crumbs[1:] if self._home and seen.name != "client" else seen.crumbs
        path = "/overview" if asked.path == "/" else asked.path
        formats = [("JSON", f"{quote(path)}.json{_words(asked.query)}")] if seen.has_data else []
        formats += [("CSV", f"{quote(path)}.csv{_words(asked.query)}")] if seen.table else []
        title = self._name if self._home and seen.name == "client" else seen.title
        page = self._frame(asked, title, seen.name) | {"crumbs": crumbs, "formats": formats}
        window = _window(asked.query, _ROWS)

        def address(**changes: object) -> str:
            return f"{quote(asked.path)}{_words({**asked.query, **changes})}"

        more: dict[str, object] = {}
        if seen.name == "session":
            may_write = self._writing is not None and self.why_not(asked) is None
            may_approve = not asked.caller.agent and APPROVE in asked.caller.scopes
            more = {"may_write": may_write, "may_approve": may_approve, "problem": problem, "given": given}
            more["at"] = quote(asked.path)
        return html(
            seen.name,
            **{**seen.data, **more},
            page=page,
            query=asked.query,
            window=window,
            address=address,
            pairs=_pairs,
        )

    def _frame(self, asked: Asked, title: str, name: str) -> dict[str, Any]:
        caller = asked.caller
        first = self.first_page(caller) or "/"
        chosen = _words({"client": asked.query.get("client", "")})
        menu = [("Sessions" if caller.client_id else "Clients", first, name in _OF_SESSIONS)]
        others = ["findings", "analytics", "sync", *([] if self._home else ["audit"])]
        others += ["keys"] if not caller.client_id else []
        menu += [(each.title(), f"/{each}{chosen}", name == each) for each in others]
        who = "" if self._home else (caller.name or caller.agent or caller.client or "operator")
        return {
            "title": title,
            "site": self._name,
            "is_agency": not self._home,
            "menu": menu,
            "who": who,
            "token": asked.token,
            "leaves": bool(asked.token) and asked.may_leave,
            "crumbs": (),
            "formats": (),
        }

    def problem(self, problem: Problem, asked: Asked | None = None, kept: Mapping[str, str] = {}) -> Answer:
        """Returns a problem as a page; with what was `kept` of a form, to go on with it later."""
        page = (
            self._frame(asked, _sentence(problem.detail), "problem")
            if asked is not None
            else self._bare(_sentence(problem.detail))
        )
        at = quote(asked.path) if asked is not None else ""
        body = html("problem", page=page, cause=problem.cause, fix=list(problem.fix), at=at, kept=kept)
        return Answer(problem.status, HTML, body, problem.headers)

    def login(
        self, to: str, words: str = "", status: int = 200, at: str = "/login", kept: Mapping[str, str] = {}
    ) -> Answer:
        """Returns the page on which a key is pasted; `words` say why the last one was none.

        It is sent to `at`, with what was `kept` of another form.
        """
        body = html("login", page=self._bare("Log in"), to=to, words=words, at=quote(at), kept=kept)
        return Answer(status, HTML, body, {"cache-control": "no-store"})

    def _bare(self, title: str) -> dict[str, Any]:
        return {
            "title": title,
            "site": self._name,
            "is_agency": not self._home,
            "menu": (),
            "who": "",
            "token": "",
            "leaves": False,
            "crumbs": (),
            "formats": (),
        }


_OF_SESSIONS = frozenset({"overview", "client", "project", "session"})
_DEPTH = 5
"""Slashes in the path of a session."""
PAGES = re.compile(
    r"/|/(?:c|designs)/[^\0]+|/(?:overview|findings|analytics|sync|audit|keys)(?:\.json|\.csv)?"
)
"""The paths that are pages; of all others the first thing that is said is that nothing is there."""


def static(path: str) -> Answer | None:
    """Returns the style or the icon; None for any other path. They say nothing of anybody."""
    forever = {"cache-control": "public, max-age=31536000, immutable"}
    if path == style_address():
        return Answer(200, "text/css; charset=utf-8", style(), forever)
    return Answer(200, "image/svg+xml", icon(), forever) if path == "/static/icon.svg" else None


def redirect(where: str, headers: Mapping[str, str] = {}) -> Answer:
    """Returns the answer that sends a browser to a path of this site."""
    return Answer(303, HTML, b"", {"location": where, "cache-control": "no-store", **headers})


def _nothing() -> Seen:
    raise ProblemError(NOTHING)


def _tagged(asked: Asked, answer: Answer) -> Answer:
    tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
    headers = {**answer.headers, "etag": tag}
    if tag in (each.strip().removeprefix("W/") for each in asked.known.split(",")):
        return Answer(304, "", b"", headers)
    return answer._replace(headers=headers)


def _window(query: Mapping[str, str], most: int) -> Window:
    text = query.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 else 1
    return Window(max(1, number), most)


def _words(query: Mapping[str, object]) -> str:
    """Returns a query string of what says something, the first page being nothing to say."""
    said = {name: str(value) for name, value in query.items() if value not in ("", None)}
    if said.get("page") == "1":
        del said["page"]
    return f"?{urlencode(said)}" if said else ""


def _pairs(values: Sequence[str]) -> list[tuple[str, str]]:
    return [(each, each) for each in values]


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def _is_text(value: str) -> bool:
    return not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
