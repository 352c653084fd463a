# ruff: noqa: S608 - names of tables and columns are ours, and values are given
"""What can be read: projects, sessions, their documents, events and findings, sync points and the audit.

REST and MCP answer from here. Every function asks for one caller; what that caller may not know of is not
there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from idse_orchestrator.agents.handoff import handoff_to_dict, handoffs_of
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.design_reference import newest, reference_of
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.git.objects import BLOB, objects_of
from idse_orchestrator.pipeline.stage_state_model import Standing, state_from_json
from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, NOTHING, USAGE, Problem, ProblemError
from idse_orchestrator.server.api.sight import Page, Sight, cut, parsed, sight_of, values_of
from idse_orchestrator.server.model.metrics import BY_NAME
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import READ
from idse_orchestrator.server.projection.report import report, row_of
from idse_orchestrator.server.projection.store import EVERYONE
from idse_orchestrator.server.tenants.designs import Designs
from idse_orchestrator.sessions.status import next_action

if TYPE_CHECKING:
    from idse_orchestrator.documents.design_reference import Catalogue
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.projection.store import Tables
    from idse_orchestrator.server.tenants.admin import Admin, Client
    from idse_orchestrator.server.tenants.home import Home

_SESSION = (
    "s.id, c.name AS client, r.name AS repository, s.project_id, s.project, s.session_name AS name, "
    "s.alias, s.type, s.title, s.status, s.validation, s.owner, s.tip, s.events, s.blocking, s.warnings, "
    "s.unreadable, s.tags_json, s.parents_json, s.created_at, s.updated_at"
)
_OF_SESSION = (
    "FROM sessions s JOIN repositories r ON r.client_id = s.client_id AND r.id = s.repository_id "
    "JOIN clients c ON c.id = s.client_id"
)
_TAG = "s.id || s.tip || '.' || s.blocking || '.' || s.warnings AS tag"
_PROJECT = (
    "p.id, c.name AS client, r.name AS repository, p.name, p.stack, p.tip, p.events, p.rules_broken, "
    "p.created_at, p.updated_at"
)
_OF_PROJECT = (
    "FROM projects p JOIN repositories r ON r.client_id = p.client_id AND r.id = p.repository_id "
    "JOIN clients c ON c.id = p.client_id"
)
_READERS = 8
"""Reads at once. Those beyond wait for their turn."""
T = TypeVar("T")
FILTERS = ("project", "project_id", "repository", "status", "type", "owner")
_COLUMNS = {
    "project": "s.project",
    "project_id": "s.project_id",
    "repository": "r.name",
    "status": "s.status",
    "type": "s.type",
    "owner": "s.owner",
}


class Where(NamedTuple):
    """Where a session or a project is: `names` are project and session, or the project alone."""

    client_id: str
    id: str
    repository_id: str
    names: tuple[str, ...]
    tip: str


class Reads:
    """Reads the projection in `store` for callers; texts that it does not hold come from git."""

    def __init__(self, store: Tables, admin: Admin, home: Home) -> None:
        self._store = store
        self._admin = admin
        self._home = home
        self._designs = Designs(home.path)
        self._threads = ThreadPoolExecutor(_READERS, "idse-read")

    @property
    def is_at_hand(self) -> bool:
        """Tests whether the tables are in this process, and not behind a connection."""
        return self._store.engine == "sqlite"

    async def aside(self, read: Callable[..., T], *given: object) -> T:
        """Returns what `read` does with `given`, in a thread for reads.

        They have their own: while a database does not answer, git, keys and the audit go on in the others.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, read, *given)

    def projects(self, caller: Caller, after: str, limit: int) -> Page:
        """Returns a page of projects, by name."""
        sight = self._sight(caller)
        conditions, given = sight.where("p.repository_id", "p.name")
        if after:
            given["name"], given["last"] = values_of(after, (str, str))
            conditions.append("(p.name, p.id) > (:name, :last)")
        query = f"SELECT {_PROJECT} {_OF_PROJECT} {_and(conditions)} ORDER BY p.name, p.id LIMIT :most"
        return cut(self._rows(sight, query, {**given, "most": limit + 1}), limit, ("name", "id"))

    def project(self, caller: Caller, ident: str) -> dict[str, Any]:
        """Returns one project, with its agents and settings."""
        sight = self._sight(caller)
        conditions, given = sight.where("p.repository_id", "p.name")
        query = (
            f"SELECT {_PROJECT}, p.registry_json, p.state_json {_OF_PROJECT} "
            f"{_and([*conditions, 'p.id = :id'])}"
        )
        row = _one(self._rows(sight, query, {**given, "id": ident}))
        row["registry"] = json.loads(row.pop("registry_json") or "null")
        row["settings"] = json.loads(row.pop("state_json")).get("settings", {})
        return row

    def sessions(self, caller: Caller, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """Returns a page of sessions, those that changed last first. `wanted` are values of FILTERS."""
        rows = self._sessions(_SESSION, caller, wanted, after, limit)
        tags = (f"{row['id']}{row['tip']}.{row['blocking']}.{row['warnings']}" for row in rows)
        page = cut(rows, limit, ("updated_at", "id"))._replace(tag=digest_of("\n".join(tags).encode()))
        for row in page.items:
            row["tags"], row["parents"] = _list(row.pop("tags_json")), _list(row.pop("parents_json"))
        return page

    def sessions_tag(self, caller: Caller, wanted: Mapping[str, str], after: str, limit: int) -> str:
        """Returns the tag of the same page: of ids, tips and what was found."""
        rows = self._sessions(_TAG, caller, wanted, after, limit)
        return digest_of("\n".join([row["tag"] for row in rows]).encode())

    def _sessions(
        self, columns: str, caller: Caller, wanted: Mapping[str, str], after: str, limit: int
    ) -> list[dict[str, Any]]:
        """Returns `columns` of one session more than the limit."""
        sight = self._sight(caller)
        conditions, given = sight.where("s.repository_id", "s.project")
        for name, value in wanted.items():
            conditions.append(f"{_COLUMNS[name]} = :f_{name}")
            given[f"f_{name}"] = value
        if after:
            given["at"], given["last"] = values_of(after, (str, str))
            conditions.append("(s.updated_at, s.id) < (:at, :last)")
        of = "FROM sessions s" if columns == _TAG and "repository" not in wanted else _OF_SESSION
        query = f"SELECT {columns} {of} {_and(conditions)} ORDER BY s.updated_at DESC, s.id DESC LIMIT :most"
        return self._rows(sight, query, {**given, "most": limit + 1})

    def session(self, caller: Caller, ident: str) -> dict[str, Any]:
        """Returns one session with its stages, documents, handoffs, and what is next."""
        sight = self._sight(caller)
        conditions, given = sight.where("s.repository_id", "s.project")
        query = f"SELECT {_SESSION}, s.state_json {_OF_SESSION} {_and([*conditions, 's.id = :id'])}"
        with self._store.reading(sight.client) as reading:
            row = _one(reading.read(query, **given, id=ident))
            stages = [parsed(each) for each in reading.read(_STAGES, id=ident)]
            artifacts = reading.read(_ARTIFACTS, id=ident)
        state = state_from_json(row.pop("state_json").encode())
        blobs = {each["stage"]: each["blob_id"] for each in artifacts}
        standings = [
            Standing(
                each["stage"],
                each["status"],
                each["condition"],
                tuple(each["causes"] or ()),
                each["artifact"],
                blobs.get(each["stage"], ""),
            )
            for each in stages
        ]
        action = next_action(state, standings)
        return {
            **parsed(row),
            "stages": stages,
            "artifacts": artifacts,
            "handoffs": [handoff_to_dict(each) for each in handoffs_of(state)],
            "next": {**action._asdict(), "commands": list(action.commands)},
        }

    def where(self, caller: Caller, ident: str) -> Where:
        """Returns where a session is; ProblemError where this caller knows of none."""
        sight = self._sight(caller)
        conditions, given = sight.where("s.repository_id", "s.project")
        query = (
            "SELECT s.client_id, s.repository_id, s.project, s.session_name, s.tip FROM sessions s "
            + _and([*conditions, "s.id = :id"])
        )
        row = _one(self._rows(sight, query, {**given, "id": ident}))
        names = (row["project"], row["session_name"])
        return Where(row["client_id"], ident, row["repository_id"], names, row["tip"])

    def project_where(self, caller: Caller, ident: str) -> Where:
        """Returns where a project is; ProblemError where this caller knows of none."""
        sight = self._sight(caller)
        conditions, given = sight.where("p.repository_id", "p.name")
        query = "SELECT p.client_id, p.repository_id, p.name, p.tip FROM projects p " + _and(
            [*conditions, "p.id = :id"]
        )
        row = _one(self._rows(sight, query, {**given, "id": ident}))
        return Where(row["client_id"], ident, row["repository_id"], (row["name"],), row["tip"])

    def place(self, where: Where) -> Place:
        """Returns the place of the repository, as it is called now."""
        rows = self._admin.database.read(
            "SELECT c.name AS client, r.name FROM repositories r JOIN clients c ON c.id = r.client_id "
            "WHERE r.client_id = :client AND r.id = :id AND r.deleted_at IS NULL AND c.deleted_at IS NULL",
            client=where.client_id,
            id=where.repository_id,
        )
        if not rows:
            raise ProblemError(NOTHING)
        return Place(rows[0]["client"], rows[0]["name"])

    def repository_id(self, place: Place) -> str:
        """Returns the id of the repository at a place that is there."""
        return self._admin.repository(place).id

    def artifacts(self, caller: Caller, ident: str) -> Page:
        """Returns the documents of a session, without their texts."""
        where = self.where(caller, ident)
        return Page(self._store.read(_ARTIFACTS, client=where.client_id, id=ident))

    def artifact(self, caller: Caller, ident: str, path: str) -> tuple[str, bytes]:
        """Returns blob id and content of a document. One that the projection does not hold comes from git."""
        where = self.where(caller, ident)
        row = _one(self._store.read(_ARTIFACT, client=where.client_id, id=ident, path=path))
        if row["text"] is not None:
            return row["blob_id"], row["text"].encode()
        return row["blob_id"], objects_of(self._home.git_dir(self.place(where))).read(row["blob_id"], BLOB)

    def artifact_id(self, caller: Caller, ident: str, path: str) -> str:
        """Returns the blob id of a document."""
        where = self.where(caller, ident)
        return str(
            _one(self._store.read(_ARTIFACT_ID, client=where.client_id, id=ident, path=path))["blob_id"]
        )

    def stages(self, caller: Caller, ident: str) -> Page:
        """Returns the seven stages of a session."""
        where = self.where(caller, ident)
        return Page([parsed(row) for row in self._store.read(_STAGES, client=where.client_id, id=ident)])

    def events(self, caller: Caller, ident: str, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        """Returns a page of the events of a session, oldest first; `wanted` are kind, stage or agent."""
        where = self.where(caller, ident)
        given: dict[str, object] = {"id": ident, "most": limit + 1}
        conditions = ["ledger_id = :id"]
        for name, value in wanted.items():
            conditions.append(f"{name} = :f_{name}")
            given[f"f_{name}"] = value
        if after:
            given["at"], given["last"] = values_of(after, (int, str))
            conditions.append("(lamport, event_id) > (:at, :last)")
        query = (
            "SELECT event_id AS id, kind, stage, action, lamport, at, seen_at, replica, agent, who, "
            "commit_id, subject, body AS body_json FROM events "
            f"WHERE client_id = :client AND {' AND '.join(conditions)} ORDER BY lamport, event_id LIMIT :most"
        )
        page = cut(self._store.read(query, client=where.client_id, **given), limit, ("lamport", "id"))
        return page._replace(items=[parsed(row) for row in page.items])

    def findings(self, caller: Caller, ident: str) -> Page:
        """Returns what the rules find in a session now."""
        where = self.where(caller, ident)
        rows = self._store.read(_FINDINGS, client=where.client_id, id=ident)
        return Page(
            [
                {
                    **{name: value for name, value in row.items() if name not in ("waiver", "blocks")},
                    "blocks": bool(row["blocks"]),
                    "waiver": json.loads(row["waiver"]) if row["waiver"] else None,
                }
                for row in rows
            ]
        )

    def sync_events(self, caller: Caller, after: str, limit: int) -> Page:
        """Returns a page of sync points, the newest first."""
        sight = self._whole(caller)
        conditions, given = sight.where("e.repository_id")
        if after:
            given["at"], given["last"] = values_of(after, (str, str))
            conditions.append("(e.at, e.commit_id) < (:at, :last)")
        query = (
            "SELECT e.commit_id AS id, c.name AS client, r.name AS repository, e.replica, e.direction, e.at, "
            "e.refs_json FROM sync_events e "
            "JOIN repositories r ON r.client_id = e.client_id AND r.id = e.repository_id "
            f"JOIN clients c ON c.id = e.client_id {_and(conditions)} "
            "ORDER BY e.at DESC, e.commit_id DESC LIMIT :most"
        )
        page = cut(self._rows(sight, query, {**given, "most": limit + 1}), limit, ("at", "id"))
        return page._replace(items=[parsed(row) for row in page.items])

    def audit(self, caller: Caller, after: str, limit: int) -> Page:
        """Returns a page of the audit of the caller's client, oldest first; an operator's is the Agency's."""
        self._whole(caller)
        last = values_of(after, (int,))[0] if after else 0
        names = self._names(caller)
        found: list[dict[str, Any]] = []
        while len(found) <= limit and (rows := self._admin.audit.rows(caller.client_id, last, 200)):
            last = rows[-1]["id"]
            found += [
                {name: row[name] for name in _OF_AUDIT}
                for row in rows
                if names is None or row["repository"] in names
            ]
        return cut(found[: limit + 1], limit, ("id",))

    def analytics(self, caller: Caller, since: str, name: str = "") -> Page:
        """Returns the metrics of the caller's client, or of all for operators; only `name`, if it is one."""
        if name and name not in BY_NAME:
            raise ProblemError(NOTHING)
        if since and not re.fullmatch(r"\d{4}-\d\d-\d\d", since, re.ASCII):
            raise ProblemError(Problem(422, USAGE, "`since` is a day such as 2026-01-31"))
        lines = report(self._store, self._all(caller), since).lines
        return Page([row_of(line) for line in lines if name in ("", line.metric.name)])

    def standings(self, caller: Caller) -> Page:
        """Returns how the caller's client stands, or how all do, for operators."""
        return Page([each._asdict() for each in report(self._store, self._all(caller)).standings])

    def _all(self, caller: Caller) -> str:
        """Returns the client of a caller who may see what is about all of its repositories."""
        if self._whole(caller).repositories is not None:
            words = "this key is for single repositories, and this is about all"
            raise ProblemError(Problem(403, NOT_AUTHORIZED, words))
        return caller.client_id or EVERYONE

    def catalogue(self) -> Catalogue:
        """Returns which designs there are, for all clients."""
        return self._designs.catalogue()

    def designs(self, caller: Caller) -> Page:
        """Returns the libraries of designs, which are there for all clients."""
        check_reads(caller)
        return Page(
            [
                {
                    "library": name,
                    "versions": list(versions),
                    "newest": newest(versions),
                    "components": list(versions[newest(versions)]),
                }
                for name, versions in self._designs.catalogue().items()
            ]
        )

    def design_library(self, caller: Caller, name: str, version: str) -> dict[str, Any]:
        """Returns a version of a library."""
        check_reads(caller)
        try:
            return self._designs.library(name, version).model_dump(exclude={"format"})
        except UnknownNameError as error:
            raise ProblemError(Problem(404, error.code, error.message)) from error

    def design(self, caller: Caller, words: str) -> dict[str, Any]:
        """Returns the component that a reference means, with its files."""
        check_reads(caller)
        reference = reference_of(words)
        if reference is None:
            raise ProblemError(NOTHING)
        try:
            found = self._designs.find(reference)
        except UnknownNameError as error:
            problem = Problem(404, error.code, error.message, "\n".join(error.words))
            raise ProblemError(problem) from error
        files = [{"path": name, "text": found.text(name)} for name in found.component.files]
        shown = {"reference": found.reference, "readme": found.readme, "files": files}
        return {**shown, "component": found.component.model_dump()}

    def clients(self, caller: Caller) -> Page:
        """Returns all clients, for operators."""
        _refuse_clients(caller)
        return Page([_plain(each) for each in self._admin.clients()])

    def client(self, caller: Caller, ident: str) -> dict[str, Any]:
        """Returns one client, for operators."""
        _refuse_clients(caller)
        return _one([_plain(each) for each in self._admin.clients() if ident in (each.id, each.name)])

    def keys(self, caller: Caller, ident: str) -> Page:
        """Returns the keys of a client, for operators."""
        found = self.client(caller, ident)
        keys = (each._asdict() for each in self._admin.keys.all(found["name"]))
        return Page([{n: v for n, v in key.items() if n not in ("client", "client_id")} for key in keys])

    def _names(self, caller: Caller) -> frozenset[str] | None:
        """Returns all names of the repositories that a key is limited to; None where it is not."""
        ids = sight_of(caller, self._admin).repositories
        if ids is None:
            return None
        rows = self._admin.database.read(
            "SELECT name, repository_id FROM repository_names WHERE client_id = :client",
            client=caller.client_id,
        )
        return frozenset(row["name"] for row in rows if row["repository_id"] in ids)

    def _sight(self, caller: Caller) -> Sight:
        check_reads(caller)
        return sight_of(caller, self._admin)

    def _whole(self, caller: Caller) -> Sight:
        """Returns the sight of a caller who may see what is about whole repositories."""
        if caller.projects:
            words = "this key is for single projects, and this is about whole repositories"
            raise ProblemError(Problem(403, NOT_AUTHORIZED, words))
        return self._sight(caller)

    def _rows(self, sight: Sight, query: str, given: Mapping[str, object]) -> list[dict[str, Any]]:
        return self._store.read(query, client=sight.client or EVERYONE, **given)


_STAGES = (
    "SELECT stage, status, condition, causes_json, at, who, artifact, reopens, assigned FROM stages "
    "WHERE session_id = :id ORDER BY position"
)
_ARTIFACTS = "SELECT path, stage, blob_id, bytes FROM artifacts WHERE session_id = :id ORDER BY path"
_ARTIFACT = (
    "SELECT a.blob_id, b.text FROM artifacts a "
    "LEFT JOIN blobs b ON b.client_id = a.client_id AND b.blob_id = a.blob_id "
    "WHERE a.client_id = :client AND a.session_id = :id AND a.path = :path"
)
_ARTIFACT_ID = "SELECT blob_id FROM artifacts WHERE client_id = :client AND session_id = :id AND path = :path"
_FINDINGS = (
    "SELECT rule, severity, blocks, stage, path, line, message, hint, waiver, waiver_ignored FROM findings "
    "WHERE client_id = :client AND session_id = :id ORDER BY position"
)
_OF_AUDIT = (
    "id",
    "at",
    "key_id",
    "action",
    "repository",
    "outcome",
    "rule",
    "detail",
    "previous_hash",
    "hash",
)


def digest_of(data: bytes) -> str:
    """Returns what tells one content from another."""
    return hashlib.sha256(data).hexdigest()


@lru_cache(4096)
def _list(text: str) -> tuple[Any, ...]:
    """Returns what a JSON list of names holds: rows have the same ones again and again."""
    return tuple(json.loads(text)) if text else ()


def check_reads(caller: Caller) -> None:
    """Raises ProblemError where a key may not read."""
    if READ not in caller.scopes:
        raise ProblemError(Problem(403, NOT_AUTHORIZED, "this key may not read"))


def _refuse_clients(caller: Caller) -> None:
    check_reads(caller)
    if caller.client_id:
        raise ProblemError(Problem(403, NOT_AUTHORIZED, "for keys of operators alone"))


def _plain(client: Client) -> dict[str, Any]:
    return {name: value for name, value in client._asdict().items() if name != "deleted_at"}


def _and(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _one(rows: list[dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        raise ProblemError(NOTHING)
    return rows[0]
