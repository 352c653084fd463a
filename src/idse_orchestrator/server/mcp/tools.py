"""The tools: what each takes, and what it answers. They read and write by the same code as REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.tool_schemas import (
    COUNT,
    DOCUMENTS,
    HANDOFF,
    MOVE,
    NAMED_STAGE,
    TEXT,
    Schema,
    check,
    one_of,
)
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.api.problems import USAGE, Problem, ProblemError
from idse_orchestrator.server.api.sight import USUAL, is_text, limit_of
from idse_orchestrator.server.api.writes import ANSWERS, Told
from idse_orchestrator.sessions.ports import Move

if TYPE_CHECKING:
    from idse_orchestrator.server.api.reads import Reads
    from idse_orchestrator.server.api.sight import Page
    from idse_orchestrator.server.api.writes import Writes
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.writing.desk import Desk

Given = Mapping[str, Any]
Call = Callable[["Tools", "Caller", Given], Awaitable[Any]]


class Tool(NamedTuple):
    """A tool: what it says of itself, and its arguments in JSON Schema."""

    description: str
    call: Call
    arguments: Mapping[str, Schema] = {}
    needed: tuple[str, ...] = ()


class Tools:
    """The tools of one Agency."""

    def __init__(self, reads: Reads, writes: Writes, desk: Desk) -> None:
        self._reads = reads
        self._writes = writes
        self._desk = desk

    async def call(self, name: str, caller: Caller, given: Given) -> Any:  # noqa: ANN401 - JSON's own types
        """Returns what a tool answers, in JSON's own types. Raises ProblemError and IdseError."""
        tool = TOOLS.get(name)
        if tool is None:
            raise ProblemError(
                Problem(404, USAGE, f"there is no tool {name!r}", "tools: " + ", ".join(TOOLS))
            )
        check(tool.arguments, tool.needed, given)
        if not all(map(is_text, _texts(given))):
            raise ProblemError(Problem(422, USAGE, "an argument is no text"))
        return await tool.call(self, caller, given)

    def designs(self, caller: Caller) -> Page:
        """Returns the libraries of designs."""
        return self._reads.designs(caller)

    def design(self, caller: Caller, reference: str) -> Any:  # noqa: ANN401
        """Returns the component that a reference means."""
        return self._reads.design(caller, reference)

    async def list_projects(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Lists projects."""
        page = await self._reads.aside(self._reads.projects, caller, *_cursor(given))
        return {"items": page.items, "after": page.after or None}

    async def list_sessions(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Lists sessions."""
        wanted = {name: str(given[name]) for name in _FILTERS if given.get(name)}
        page = await self._reads.aside(self._reads.sessions, caller, wanted, *_cursor(given))
        return {"items": page.items, "after": page.after or None}

    async def get_session(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Shows a session."""
        return await self._reads.aside(self._reads.session, caller, given["session_id"])

    async def next(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Says what is next in a session, and which agent should."""
        found = await self._reads.aside(self._reads.session, caller, given["session_id"])
        stage = found["next"]["stage"]
        agent = next((each["assigned"] for each in found["stages"] if each["stage"] == stage), "")
        return {**found["next"], "agent": agent, "tip": found["tip"], "handoffs": found["handoffs"]}

    async def get_artifact(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Reads a document."""
        ident, path = given["session_id"], given["path"]
        blob, data = await self._reads.aside(self._reads.artifact, caller, ident, path)
        return {"path": path, "blob_id": blob, "text": _text(path, data)}

    async def validate(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Says what the rules find, or what a gate would say."""
        where = await self._reads.aside(self._reads.where, caller, given["session_id"])
        place = await self._reads.aside(self._reads.place, where)
        names = (where.names[0], where.names[1])
        question = self._desk.examination(place, names, where.tip, str(given.get("stage", "")))
        return (await self._desk.examine(question)).report

    async def log(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Lists events."""
        wanted = {"stage": str(given["stage"])} if given.get("stage") else {}
        ident = given["session_id"]
        page = await self._reads.aside(self._reads.events, caller, ident, wanted, *_cursor(given))
        return {"items": page.items, "after": page.after or None}

    async def sync_pull(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Returns the documents of a session and its tip."""
        return await self._reads.aside(self._pulled, caller, given["session_id"])

    def _pulled(self, caller: Caller, ident: str) -> Any:  # noqa: ANN401
        """Reads all documents; where somebody writes meanwhile, once more."""
        while True:
            tip = self._reads.where(caller, ident).tip
            found = []
            for row in self._reads.artifacts(caller, ident).items:
                blob, data = self._reads.artifact(caller, ident, row["path"])
                found.append({"path": row["path"], "blob_id": blob, "text": _text(row["path"], data)})
            if self._reads.where(caller, ident).tip == tip:
                return {"session_id": ident, "tip": tip, "documents": found}

    async def sync_push(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Writes documents that were made on a tip; on another tip it is a conflict, with both texts."""
        ident, documents = given["session_id"], given["documents"]
        if not documents:
            raise ProblemError(Problem(422, USAGE, "there is no document to write"))
        told = Told(given["tip"])
        data = {path: _bytes(path, text) for path, text in documents.items()}
        try:
            done = await self._writes.edit(caller, ident, data, told, str(given.get("reason", "")))
        except ProblemError as error:
            if error.problem.status != 412:
                raise
            theirs = await self._reads.aside(self._theirs, caller, ident, documents)
            more = {**error.problem.more, "conflicts": theirs}
            raise ProblemError(error.problem._replace(status=409, more=more)) from None
        return done.answer

    def _theirs(self, caller: Caller, ident: str, documents: Mapping[str, str]) -> list[dict[str, Any]]:
        found = []
        for path, ours in documents.items():
            try:
                theirs: str | None = _text(path, self._reads.artifact(caller, ident, path)[1])
            except ProblemError:
                theirs = None
            found.append({"path": path, "yours": ours, "theirs": theirs})
        return found

    async def move_stage(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Moves a stage, if its gate holds."""
        move = Move(given["stage"], given["action"], str(given.get("reason", "")))
        told = Told(str(given.get("tip", "")))
        return (await self._writes.move(caller, given["session_id"], move, told)).answer

    async def handoff(self, caller: Caller, given: Given) -> Any:  # noqa: ANN401
        """Asks for a handoff, or answers one."""
        return (await self._writes.hand_over(caller, given["session_id"], given, Told())).answer


_SESSION: Mapping[str, Schema] = {"session_id": TEXT}
_PAGE: Mapping[str, Schema] = {"after": TEXT, "limit": COUNT}
_FILTERS = ("project_id", "project", "status", "type", "owner")

PUSH = Tool(
    "Write documents of a session, by path. `tip` is that of sync_pull or get_session: if somebody wrote "
    "meanwhile it is a conflict, with both texts.",
    Tools.sync_push,
    {**_SESSION, "tip": TEXT, "documents": DOCUMENTS, "reason": TEXT},
    ("session_id", "tip", "documents"),
)
PULL = Tool("All documents of a session, and its tip.", Tools.sync_pull, _SESSION, ("session_id",))

TOOLS: Mapping[str, Tool] = {
    "list_projects": Tool("The projects of this client.", Tools.list_projects, _PAGE),
    "list_sessions": Tool(
        "Sessions, those that changed last first.",
        Tools.list_sessions,
        {**dict.fromkeys(_FILTERS, TEXT), **_PAGE},
    ),
    "get_session": Tool(
        "Where a session stands: stages, documents, handoffs, findings, what is next.",
        Tools.get_session,
        _SESSION,
        ("session_id",),
    ),
    "get_artifact": Tool(
        "The text of a document.", Tools.get_artifact, {**_SESSION, "path": TEXT}, ("session_id", "path")
    ),
    "validate": Tool(
        "Every finding about a session, or with `stage` what its gate would say.",
        Tools.validate,
        {**_SESSION, "stage": NAMED_STAGE},
        ("session_id",),
    ),
    "next": Tool("What to do now, and who should.", Tools.next, _SESSION, ("session_id",)),
    "log": Tool(
        "The history of a session, oldest first.",
        Tools.log,
        {**_SESSION, "stage": NAMED_STAGE, **_PAGE},
        ("session_id",),
    ),
    "sync_pull": PULL,
    "sync_push": PUSH,
    "move_stage": Tool(
        "Complete a stage (the next one begins), start, reopen or confirm it; its gate must hold.",
        Tools.move_stage,
        {**_SESSION, "stage": NAMED_STAGE, "action": MOVE, "reason": TEXT, "tip": TEXT},
        ("session_id", "stage", "action"),
    ),
    "handoff": Tool(
        "Ask another agent to go on (request: to, stage, reason), or answer what is offered. Only people "
        "approve.",
        Tools.handoff,
        {**_SESSION, "action": one_of(*ANSWERS), **HANDOFF, "handoff": TEXT},
        ("session_id", "action"),
    ),
}


def _cursor(given: Given) -> tuple[str, int]:
    return str(given.get("after", "")), limit_of(str(given.get("limit", USUAL)))


def _texts(given: Given) -> Iterator[str]:
    """Yields what names or filters something: values, and paths of documents."""
    for value in given.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from value


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ProblemError(Problem(409, USAGE, f"{path} is no text; git has it")) from None


def _bytes(path: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ProblemError(Problem(422, USAGE, f"{path} is no Unicode")) from None
