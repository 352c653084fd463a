"""What stands behind each address: a method for each entry of the table of routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.design_reference import SCHEME
from idse_orchestrator.server.api.problems import USAGE, Problem, ProblemError
from idse_orchestrator.server.api.reads import check_reads
from idse_orchestrator.server.api.sight import USUAL, Page, limit_of
from idse_orchestrator.server.api.writes import Told, Writes
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.sessions.create_session import SessionRequest
from idse_orchestrator.sessions.ports import Move

if TYPE_CHECKING:
    from idse_orchestrator.server.api.reads import Reads
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.writing.desk import Desk, Written


class Reply(NamedTuple):
    """An answer: `data` in JSON's own types, or a text. `tag` is its ETag, "" : that of its content.

    An answer that is known to be what the caller has needs no data.
    """

    data: object = None
    text: bytes | None = None
    tag: str = ""
    headers: Mapping[str, str] = {}
    status: int = 200


class Visit(NamedTuple):
    """A request of one caller."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None
    told: Told = Told()


class Resources:
    """Answers for one Agency. What only reads is for threads; what asks the judge or writes waits for it."""

    def __init__(self, reads: Reads, writes: Writes, desk: Desk) -> None:
        self._reads = reads
        self._writes = writes
        self._desk = desk
        self.aside = reads.aside

    # --- reading; all of these are for threads ---

    def projects(self, visit: Visit) -> Reply:
        """Answers GET /projects."""
        return self._page(visit, self._reads.projects(visit.caller, *_cursor(visit)))

    def project(self, visit: Visit) -> Reply:
        """Answers GET /projects/{id}."""
        found = self._reads.project(visit.caller, visit.path["id"])
        return Reply(found, tag=found["tip"])

    def sessions_of(self, visit: Visit) -> Reply:
        """Answers GET /projects/{id}/sessions."""
        self._reads.project_where(visit.caller, visit.path["id"])
        return self._sessions(visit, {"project_id": visit.path["id"]})

    def sessions(self, visit: Visit) -> Reply:
        """Answers GET /sessions."""
        return self._sessions(visit, {})

    def knows_at_once(self, handle: str) -> bool:
        """Tests whether `tag` knows an answer, and costs next to nothing."""
        return handle == "sessions" and self._reads.is_at_hand

    def tag(self, visit: Visit) -> str:
        """Returns the tag of GET /sessions."""
        words = {name: value for name, value in visit.query.items() if name not in ("after", "limit")}
        return self._reads.sessions_tag(visit.caller, words, *_cursor(visit))

    def _sessions(self, visit: Visit, more: Mapping[str, str]) -> Reply:
        words = {name: value for name, value in visit.query.items() if name not in ("after", "limit")}
        wanted, cursor = {**words, **more}, _cursor(visit)
        if "if-none-match" in visit.headers:  # most who ask so hear that nothing changed
            tag = self._reads.sessions_tag(visit.caller, wanted, *cursor)
            if matches(visit.headers["if-none-match"], tag):
                return Reply(tag=tag)
        return self._page(visit, self._reads.sessions(visit.caller, wanted, *cursor))

    def session(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}."""
        found = self._reads.session(visit.caller, visit.path["id"])
        return Reply(found, tag=found["tip"])

    def artifacts(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/artifacts."""
        return self._page(visit, self._reads.artifacts(visit.caller, visit.path["id"]))

    def artifact(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/artifacts/{path}."""
        blob, data = self._reads.artifact(visit.caller, visit.path["id"], visit.path["path"])
        return Reply(text=data, tag=blob)

    def stages(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/stages."""
        return self._page(visit, self._reads.stages(visit.caller, visit.path["id"]))

    def events(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/events."""
        wanted = {name: value for name, value in visit.query.items() if name not in ("after", "limit")}
        return self._page(visit, self._reads.events(visit.caller, visit.path["id"], wanted, *_cursor(visit)))

    def findings(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/findings."""
        return self._page(visit, self._reads.findings(visit.caller, visit.path["id"]))

    def sync_events(self, visit: Visit) -> Reply:
        """Answers GET /sync-events."""
        return self._page(visit, self._reads.sync_events(visit.caller, *_cursor(visit)))

    def audit(self, visit: Visit) -> Reply:
        """Answers GET /audit."""
        return self._page(visit, self._reads.audit(visit.caller, *_cursor(visit)))

    def analytics(self, visit: Visit) -> Reply:
        """Answers GET /analytics."""
        return self._page(visit, self._reads.analytics(visit.caller, visit.query.get("since", "")))

    def metric(self, visit: Visit) -> Reply:
        """Answers GET /analytics/{metric}."""
        since, name = visit.query.get("since", ""), visit.path["metric"]
        return self._page(visit, self._reads.analytics(visit.caller, since, name))

    def reports(self, visit: Visit) -> Reply:
        """Answers GET /reports."""
        return self._page(visit, self._reads.standings(visit.caller))

    def designs(self, visit: Visit) -> Reply:
        """Answers GET /designs."""
        return self._page(visit, self._reads.designs(visit.caller))

    def design_library(self, visit: Visit) -> Reply:
        """Answers GET /designs/{library}."""
        version = visit.query.get("version", "")
        return Reply(self._reads.design_library(visit.caller, visit.path["library"], version))

    def design(self, visit: Visit) -> Reply:
        """Answers GET /designs/{library}/{component}."""
        name = f"{visit.path['library']}/{visit.path['component']}"
        version = visit.query.get("version", "")
        words = f"{SCHEME}{name}@{version}" if version else f"{SCHEME}{name}"
        return Reply(self._reads.design(visit.caller, words))

    def clients(self, visit: Visit) -> Reply:
        """Answers GET /clients."""
        return self._page(visit, self._reads.clients(visit.caller))

    def client(self, visit: Visit) -> Reply:
        """Answers GET /clients/{id}."""
        return Reply(self._reads.client(visit.caller, visit.path["id"]))

    def keys(self, visit: Visit) -> Reply:
        """Answers GET /clients/{id}/keys."""
        return self._page(visit, self._reads.keys(visit.caller, visit.path["id"]))

    def _page(self, visit: Visit, page: Page) -> Reply:
        data = {"items": page.items, "after": page.after or None}
        headers = {}
        if page.after:
            query = urlencode({**visit.query, "after": page.after})
            headers["link"] = f'<?{query}>; rel="next"'
        return Reply(data, tag=page.tag, headers=headers)

    # --- asking the judge ---

    async def gate(self, visit: Visit) -> Reply:
        """Answers GET /sessions/{id}/stages/{stage}."""
        where = await self._reads.aside(self._reads.where, visit.caller, visit.path["id"])
        place = await self._reads.aside(self._reads.place, where)
        names = (where.names[0], where.names[1])
        question = self._desk.examination(place, names, where.tip, visit.path["stage"])
        return Reply((await self._desk.examine(question)).report)

    async def constitution(self, visit: Visit) -> Reply:
        """Answers GET /constitution."""
        check_reads(visit.caller)
        ident = visit.query.get("project_id", "")
        project, place = "", Place(visit.caller.client, "-")
        if ident:
            where = await self._reads.aside(self._reads.project_where, visit.caller, ident)
            (project,), place = where.names, await self._reads.aside(self._reads.place, where)
        found = await self._desk.examine(self._desk.examination(place, (project, ""), "", ""))
        return Reply({"types": found.types, "rules": found.rules})

    # --- writing ---

    async def make_project(self, visit: Visit) -> Reply:
        """Answers POST /projects."""
        body = visit.body
        done = await self._writes.make_project(
            visit.caller, body.repository, body.name, body.stack, visit.told
        )
        return _written(done, f"projects/{done.answer['id']}")

    async def make_session(self, visit: Visit) -> Reply:
        """Answers POST /sessions."""
        body = visit.body
        request = SessionRequest(
            body.name, body.type, title=body.title, parents=tuple(body.parents), owner=body.owner
        )
        done = await self._writes.make_session(visit.caller, body.project_id, request, visit.told)
        return _written(done, f"sessions/{done.answer['id']}")

    async def edit(self, visit: Visit) -> Reply:
        """Answers PUT /sessions/{id}/artifacts/{path}."""
        ident, path, told = visit.path["id"], visit.path["path"], visit.told
        if not told.tip:
            raise ProblemError(
                Problem(428, USAGE, "If-Match is needed", fix=["send the ETag of the document"])
            )
        where = await self._reads.aside(self._reads.where, visit.caller, ident)
        blobs = {}
        if told.tip == "*":
            blobs, told = {path: ""}, told._replace(tip="")
        elif told.tip != where.tip and await self._reads.aside(self._is_blob, visit, told.tip):
            blobs, told = {path: told.tip}, told._replace(tip="")
        return _written(await self._writes.edit(visit.caller, ident, {path: visit.body}, told, blobs=blobs))

    def _is_blob(self, visit: Visit, name: str) -> bool:
        """Tests whether an id is that of the document now; one of a tip is another one."""
        try:
            found = self._reads.artifact_id(visit.caller, visit.path["id"], visit.path["path"])
        except ProblemError:
            return False
        return found == name

    async def move(self, visit: Visit) -> Reply:
        """Answers POST /sessions/{id}/stages/{stage}."""
        move = Move(visit.path["stage"], visit.body.action, visit.body.reason)
        return _written(await self._writes.move(visit.caller, visit.path["id"], move, _on_any(visit.told)))

    async def hand_over(self, visit: Visit) -> Reply:
        """Answers POST /sessions/{id}/handoffs."""
        given = visit.body.model_dump()
        told = _on_any(visit.told)
        return _written(await self._writes.hand_over(visit.caller, visit.path["id"], given, told))


def _on_any(told: Told) -> Told:
    """Returns what a request says of itself: its If-Match may be a star, which is whatever there is."""
    return told._replace(tip="") if told.tip == "*" else told


def _cursor(visit: Visit) -> tuple[str, int]:
    return visit.query.get("after", ""), limit_of(visit.query.get("limit", str(USUAL)))


def _written(done: Written, location: str = "") -> Reply:
    headers = {"location": f"/api/v1/{location}"} if location else {}
    if done.is_again:
        headers["idempotency-replayed"] = "true"
    return Reply(done.answer, tag=done.tip, headers=headers, status=201 if location else 200)


def matches(said: str, tag: str) -> bool:
    """Tests whether a tag is among those of If-None-Match."""
    return said == "*" or f'"{tag}"' in (each.strip().removeprefix("W/") for each in said.split(","))
