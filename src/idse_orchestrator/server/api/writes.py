"""What can be written: documents, moves of stages, handoffs, sessions and projects, by REST and MCP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.handoff import ACCEPT, APPROVE, REJECT, REQUEST
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.refs import project_ref, session_ref
from idse_orchestrator.server.api.problems import (
    NOT_AUTHORIZED,
    NOTHING,
    Problem,
    ProblemError,
    denied_problem,
    written,
)
from idse_orchestrator.server.gateway.admission import Denied
from idse_orchestrator.server.model.names import Place, place_in
from idse_orchestrator.server.model.push import APPROVE as MAY_APPROVE
from idse_orchestrator.server.projection.ids import project_id, session_id
from idse_orchestrator.server.writing.desk import Asked
from idse_orchestrator.sessions.create_session import SessionRequest
from idse_orchestrator.sessions.ports import Move

if TYPE_CHECKING:
    from idse_orchestrator.server.api.reads import Reads, Where
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.writing.desk import Build, Desk, Written
    from idse_orchestrator.server.writing.replica import Replica

ANSWERS = (REQUEST, ACCEPT, REJECT, APPROVE)


class Told(NamedTuple):
    """What a request says of itself: `tip` is that of If-Match, `name` the Idempotency-Key, both "" : none.

    `digest` is of the whole request.
    """

    tip: str = ""
    name: str = ""
    digest: str = ""


class Writes:
    """Writes for callers; what they may not know of is not there."""

    def __init__(self, desk: Desk, reads: Reads) -> None:
        self._desk = desk
        self._reads = reads

    async def edit(
        self,
        caller: Caller,
        ident: str,
        documents: Mapping[str, bytes],
        told: Told,
        reason: str = "",
        blobs: Mapping[str, str] | None = None,
    ) -> Written:
        """Writes documents of a session; `blobs` are ids that they must have before, by path."""
        where = await self._reads.aside(self._reads.where, caller, ident)

        def build(replica: Replica) -> None:
            replica.edit(_session(where), documents, reason)

        return await self._of_session(caller, where, told, build, blobs or {})

    async def check(
        self, caller: Caller, ident: str, documents: Mapping[str, bytes], stage: str
    ) -> Mapping[str, Any]:
        """Returns the report on a session as if it had `documents`: of the gate of `stage`, "" : on all."""
        where = await self._reads.aside(self._reads.where, caller, ident)

        def build(replica: Replica) -> None:
            replica.edit(_session(where), documents)

        asked = Asked(await self._place(where), _checked(session_ref, *where.names), where.names)
        found = await self._desk.try_out(caller, asked, build, stage)
        if isinstance(found, Denied):
            raise ProblemError(denied_problem(found))
        return found.report

    async def move(self, caller: Caller, ident: str, move: Move, told: Told) -> Written:
        """Moves a stage of a session, if its gate holds."""
        where = await self._reads.aside(self._reads.where, caller, ident)

        def build(replica: Replica) -> None:
            replica.move(_session(where), move._replace(agent=caller.agent))

        return await self._of_session(caller, where, told, build, {})

    async def hand_over(self, caller: Caller, ident: str, given: Mapping[str, str], told: Told) -> Written:
        """Asks for a handoff, or answers one; `given` has action, to, stage, reason and handoff."""
        where = await self._reads.aside(self._reads.where, caller, ident)
        action = given.get("action", "")
        if action not in ANSWERS:
            raise UsageError(f"{action!r} is no answer to a handoff", cause="known: " + ", ".join(ANSWERS))
        if action == APPROVE and (caller.agent or MAY_APPROVE not in caller.scopes):
            why = "a key of an agent never approves" if caller.agent else "this key may not approve"
            raise ProblemError(Problem(403, NOT_AUTHORIZED, why))

        def build(replica: Replica) -> None:
            key, reason = _session(where), given.get("reason", "")
            if action == REQUEST:
                stage, to_agent = given.get("stage", ""), given.get("to", "")
                replica.request_handoff(key, to_agent, stage, reason, caller.agent)
            else:
                replica.answer_handoff(key, action, given.get("handoff", ""), reason, caller.agent)

        return await self._of_session(caller, where, told, build, {})

    async def make_session(self, caller: Caller, ident: str, request: SessionRequest, told: Told) -> Written:
        """Makes a session in the project of that id."""
        where = await self._reads.aside(self._reads.project_where, caller, ident)
        (project,) = where.names

        def build(replica: Replica) -> None:
            replica.make_session(project, request, request.type)

        names = (project, request.name)
        there = where._replace(names=names, id=session_id(where.repository_id, *names))
        return await self._of_session(caller, there, told._replace(tip=""), build, {})

    async def make_project(self, caller: Caller, at: str, name: str, stack: str, told: Told) -> Written:
        """Makes a project in the repository at CLIENT/REPOSITORY, which is made as by a first push."""
        place = place_in(at)
        if place is None or (caller.client_id and place.client != caller.client):
            raise ProblemError(NOTHING)
        if caller.projects and name not in caller.projects:
            raise ProblemError(Problem(403, NOT_AUTHORIZED, f"this key is not for project {name}"))
        asked = Asked(place, _checked(project_ref, name), (name,), "", {}, told.name, told.digest)
        done = written(
            await self._desk.write(caller, asked, lambda replica: replica.make_project(name, stack))
        )
        repository = await self._reads.aside(self._reads.repository_id, place)
        return _with_id(done, project_id(repository, name))

    async def _of_session(
        self, caller: Caller, where: Where, told: Told, build: Build, blobs: Mapping[str, str]
    ) -> Written:
        ref = _checked(session_ref, *where.names)
        asked = Asked(await self._place(where), ref, where.names, told.tip, blobs, told.name, told.digest)
        return _with_id(written(await self._desk.write(caller, asked, build)), where.id)

    async def _place(self, where: Where) -> Place:
        place: Place = await self._reads.aside(self._reads.place, where)
        return place


def _checked(make: Any, *names: str) -> str:  # noqa: ANN401 - one of two functions
    """Returns the ref of a ledger. InvalidNameError where the names cannot stand in one."""
    from idse_orchestrator.base.names import check_name

    for kind, name in zip(("project", "session"), names, strict=False):
        check_name(kind, name)
    return str(make(*names))


def _session(where: Where) -> tuple[str, str]:
    project, session = where.names
    return project, session


def _with_id(done: Written, ident: str) -> Written:
    return done._replace(answer={"id": ident, **done.answer})
