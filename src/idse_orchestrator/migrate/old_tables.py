"""Reads the tables in which an older tool kept sessions, documents, stages, people, agents and claims.

Columns come and go between its versions, so every one may be missing. What is not read is told.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, counted, encodable, few, one_line
from idse_orchestrator.documents.project_workspace import SESSION_STATE
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate.old_claims import old_claims
from idse_orchestrator.migrate.paths import DATABASE, STAGE_FOLDERS, Place
from idse_orchestrator.migrate.stored import ROW, Row, Stored, Table, Value
from idse_orchestrator.migrate.words import parse_time, stage_named

_FOLDERS = {stage: folder for folder, stage in STAGE_FOLDERS.items()}
_CLAIMS, _CHANGES = "blueprint_claims", "claim_lifecycle_events"
_RECORDS = (
    *("projects", _CLAIMS, "promotion_candidates", "promotion_records", _CHANGES),
    *("artifact_edges", "feedback_signals", "blueprint_integrity"),
)
"""Tables about a project as a whole that are kept as they are; the first ones tell whose the others are."""
_KINDS = ("project", "claim", "candidate", "record", "artifact", "session")
_USED = frozenset({"id", "name", "current_session_id", "created_at", "updated_at"})
"""Columns about a project that are used, or say nothing that is missed."""

_TAKEN = frozenset(
    {"sessions", "artifacts", "session_state", "project_state", "collaborators", "session_tags"}
    | {"agents", "agent_stages"}
)


def read_tables(path: str, tables: Mapping[str, Table], odd: Iterable[str]) -> Stored:
    """Returns what the database at `path` holds. `odd` names what is no table, so that it is not read."""
    work = _Work(path, tables)
    if not (work.has("sessions", "session_id", "name") or work.has(_CLAIMS, "claim_text")):
        return Stored(path, tables=tuple(sorted((*(each.name for each in tables.values()), *odd))))
    work.read()
    if names := sorted(odd):
        work.found.notes.append(f"{path}: not read, since it is no plain table: {few(names)}")
    return work.found


class _Work:
    """Reads one database; what is found is collected in `found`."""

    def __init__(self, path: str, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self.found = Stored(path)
        self._owners: dict[str, dict[str, str]] = {kind: {} for kind in _KINDS}
        self._keys: dict[str, SessionKey] = {}
        self._named: dict[str, list[SessionKey]] = {}
        self._about: dict[SessionKey, dict[str, Any]] = {}
        self._lost: dict[str, int] = {}

    def has(self, table: str, *columns: str) -> bool:
        """Tests whether there is such a table, with one of `columns` at least."""
        return table in self._tables and not self._tables[table].columns.isdisjoint(columns)

    def read(self) -> None:
        """Reads all tables that are known."""
        projects = list(self._rows("projects"))
        for row in projects:
            self._owners["project"][_id(row)] = _text(row, "name")
        self._read_sessions()
        for row in projects:
            key = self._session(row, "current_session_id")
            if key is not None:
                self.found.current[key[0]] = key[1]
        documents = self._read_documents()
        self._read_people()
        self._read_states()
        for key, about in self._about.items():
            self._add(key, ("metadata", "session.json"), _json(about), about)
        self._read_agents()
        self._read_records()
        claims = sum(len(each.claims) for each in self.found.claims.values())
        self.found.counts = {"session": len(self._about), "document": documents, "claim": claims}
        self._tell_the_rest()

    def _rows(self, table: str, without: Collection[str] = ()) -> Iterator[Row]:
        return self._tables[table].rows(without) if table in self._tables else iter(())

    def _project(self, row: Row) -> str:
        """Returns the project that a row of the database belongs to; "" if it does not say."""
        for column in row:
            kind = next((kind for kind in _KINDS if column.endswith(f"{kind}_id")), "")
            project = self._owners[kind].get(_text(row, column)) if kind else None
            if project is not None:
                return project
        return self._only

    @property
    def _only(self) -> str:
        """The project that everything belongs to, if there is just one."""
        projects = self._owners["project"]
        return next(iter(projects.values())) if len(projects) == 1 else ""

    def _session(self, row: Row, column: str = "session_id") -> SessionKey | None:
        """Returns the session that a row is about: its number stands in `column`, or its name."""
        said = _text(row, column)
        if said in self._keys:
            return self._keys[said]
        named = self._named.get(said, ())
        mine = [key for key in named if len(named) > 1 and key[0] == self._project(row)] or named
        return mine[0] if len(mine) == 1 else None

    def _read_sessions(self) -> None:
        for row in sorted(self._rows("sessions"), key=_written):
            name = _text(row, "session_id") or _text(row, "name")
            owner = self._owners["project"].get(_text(row, "project_id"))
            key = (self._only if owner is None else owner, name)
            if not name:
                self._lose("sessions without a name")
                continue
            if key in self._about:
                self.found.notes.append(
                    f"{self.found.path}: {'/'.join(key)} is there twice: the later counts"
                )
            self._keys[_id(row)] = key
            self._owners["session"][_id(row)] = key[0]
            about = {column: _plain(value) for column, value in row.items() if column != ROW}
            about["is_blueprint"] = _text(row, "is_blueprint").lower() not in ("", "0", "false")
            about |= {column: _listed(row, column) for column in ("artifacts", "collaborators", "tags")}
            self._about[key] = about
            if key not in self.found.sessions:
                self.found.sessions[key] = {}
                self._named.setdefault(name, []).append(key)
        for about in self._about.values():  # a parent may be told by its number
            parent = self._keys.get(str(about.get("parent_session")))
            if isinstance(about.get("parent_session"), int) and parent is not None:
                about["parent_session"] = parent[1]

    def _read_documents(self) -> int:
        if not self.has("artifacts", "content"):
            return 0
        rows = sorted(self._rows("artifacts", ("content",)), key=_written, reverse=True)
        count = 0
        for row in rows:
            key = self._session(row)
            if key is None:
                self._lose("artifacts of no session")
                continue
            self._owners["artifact"][_id(row)] = key[0]
            about = {column: _plain(value) for column, value in row.items() if column not in (ROW, "content")}
            self._about[key]["artifacts"].append(about)
            number = row[ROW]
            if not isinstance(number, int) or not row["content"]:
                self._lose("artifacts without a text")
                continue
            count += 1
            said = _text(row, "stage")
            stage = stage_named(said)
            name = "README.md" if stage == "implementation" else f"{stage}.md"
            rest = (_FOLDERS[stage], name) if stage else (f"{_quoted(said) or 'artifact'}.md",)
            if self._path(key, rest) in self.found.texts:  # a later one has its place
                end = f"{rest[-1].removesuffix('.md')}-{number}.md"
                rest = (*rest[:-1], end)
            self._add(key, rest, number, row)
        return count

    def _read_people(self) -> None:
        for row in self._rows("collaborators"):
            key = self._session(row)
            if key is None:
                self._lose("collaborators of no session")
                continue
            person = {
                column: _plain(value) for column, value in row.items() if column not in (ROW, "session_id")
            }
            self._about[key]["collaborators"].append(person)
        for row in self._rows("session_tags"):
            key = self._session(row)
            tag = _text(row, "tag") or _text(row, "name")
            if key is None or not tag:
                self._lose("session_tags of no session")
            else:
                self._about[key]["tags"].append(tag)

    def _read_states(self) -> None:
        latest: dict[SessionKey, tuple[bytes, Row]] = {}
        for row in sorted(self._rows("session_state"), key=_written):
            key, state = self._session(row), _bytes(row.get("state_json"))
            if key is None:
                self._lose("session_state of no session")
            elif state is not None:
                latest[key] = (state, row)
        for key, (state, row) in latest.items():
            self._add(key, (SESSION_STATE,), state, row)
        for row in sorted(self._rows("project_state"), key=_written):
            state = _bytes(row.get("state_json"))
            if state is not None:
                project = self._project(row)
                path = f"{self.found.path}/{_quoted(project) or '%'}/{SESSION_STATE}"
                self.found.texts[path] = state
                self.found.states[path] = project

    def _read_agents(self) -> None:
        stages: dict[str, list[str]] = {}
        for row in self._rows("agent_stages"):
            stages.setdefault(_text(row, "agent_id"), []).append(_text(row, "stage"))
        agents: dict[str, list[dict[str, Any]]] = {}
        for row in self._rows("agents"):
            name = _text(row, "agent_id") or _text(row, "name")
            about = {column: _plain(value) for column, value in row.items() if column != ROW}
            own = stages.get(name) or stages.get(_id(row)) or []
            owner = self._owners["project"].get(_text(row, "project_id"), "")
            agents.setdefault(owner, []).append({**about, "id": name, "stages": own})
        for project, listed in agents.items():
            self.found.registries[project] = _json({"agents": listed})

    def _read_records(self) -> None:
        rows: dict[str, dict[str, list[dict[str, str]]]] = {_CLAIMS: {}, _CHANGES: {}}
        known = [name for name in _RECORDS if name in self._tables]
        for table in (*known, *filter(_is_sources, sorted(self._tables))):
            sizes: dict[str, int] = {}
            kept: dict[str, list[dict[str, Any]]] = {}
            for row in self._rows(table):
                project = _text(row, "name") if table == "projects" else self._project(row)
                if not project and len(self._owners["project"]) > 1:
                    self._lose(f"{table} of no project")
                    continue
                self._learn(table, row, project)
                plain = {column: _plain(value) for column, value in row.items() if column != ROW}
                if table != "projects" or any(plain[column] for column in plain.keys() - _USED):
                    size = sizes.get(project, 0)
                    sizes[project] = size + (len(_json(plain)) if size <= MAX_ARTIFACT_BYTES else 0)
                    own = kept.setdefault(project, [])
                    own += [plain] if sizes[project] <= MAX_ARTIFACT_BYTES else []
                if table in rows:
                    texts = {column: _text(row, column) for column in row}
                    rows[table].setdefault(project, []).append(
                        {**texts, "claim_id": self._claim_id(table, row)}
                    )
            for project, listed in kept.items():
                self._keep(table, project, listed, sizes[project])
        for project, claims in rows[_CLAIMS].items():
            self.found.claims[project] = old_claims(claims, rows[_CHANGES].get(project, ()))

    def _claim_id(self, table: str, row: Row) -> str:
        return _text(row, "claim_id") or (_id(row) if table == _CLAIMS else "")

    def _learn(self, table: str, row: Row, project: str) -> None:
        """Remembers whose the rows of a table are, for others that name them."""
        kind = {_CLAIMS: "claim", "promotion_candidates": "candidate", "promotion_records": "record"}.get(
            table
        )
        for column in (f"{kind}_id", f"promotion_{kind}_id") if kind else ():
            if column in row:
                self._owners[str(kind)].setdefault(_text(row, column), project)
        if kind:
            self._owners[kind].setdefault(_id(row), project)

    def _keep(self, table: str, project: str, listed: list[dict[str, Any]], size: int) -> None:
        data = _json(listed)
        if max(size, len(data)) > MAX_ARTIFACT_BYTES:
            self.found.notes.append(
                f"{self.found.path}: table {table} has more than {MAX_ARTIFACT_BYTES:,} bytes: it is not kept"
            )
            return
        place = Place(DATABASE, project, BLUEPRINT, (f"{table}.json",))
        path = self._path((project, BLUEPRINT), place.rest)
        self.found.texts[path] = data
        self.found.records.setdefault(project, {})[path] = place
        self.found.modified[path] = max(map(_date, listed))
        if table == _CLAIMS or table.startswith("promotion"):
            self.found.implied.add(project)

    def _add(self, key: SessionKey, rest: tuple[str, ...], text: bytes | int, row: Row) -> None:
        path = self._path(key, rest)
        self.found.texts[path] = text
        self.found.sessions[key][path] = Place(DATABASE, *key, rest)
        self.found.modified[path] = _date(row)

    def _path(self, key: SessionKey, rest: Iterable[str]) -> str:
        return "/".join((self.found.path, _quoted(key[0]) or "%", _quoted(key[1]), *rest))

    def _lose(self, what: str) -> None:
        self._lost[what] = self._lost.get(what, 0) + 1

    def _tell_the_rest(self) -> None:
        """Notes what is not taken over: rows that belong to nobody, and tables that have no match here."""
        known = {*_TAKEN, *_RECORDS, *filter(_is_sources, self._tables)}
        for name, table in sorted(self._tables.items()):
            rows = sum(1 for _ in table.rows(table.columns)) if name not in known else 0
            if rows:
                self._lost[one_line(table.name)] = rows
        words = [f"{what} ({counted(count, 'row', ',')})" for what, count in self._lost.items()]
        if words:
            self.found.notes.append(f"{self.found.path}: not taken over: {', '.join(words)}")


def _is_sources(table: str) -> bool:
    return table.startswith("promotion") and table.endswith("_sources")


def _id(row: Row) -> str:
    return _text(row, "id") if row.get("id") is not None else _text(row, ROW)


def _written(row: Row) -> tuple[str, int]:
    number = row[ROW]
    return _date(row), number if isinstance(number, int) else 0


def _date(row: Row) -> str:
    """Returns when a row was written last, as it says itself; "" if it does not."""
    moment = parse_time(_text(row, "updated_at")) or parse_time(_text(row, "created_at"))
    return moment.at if moment else ""


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else _said(value)


def _said(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _bytes(value: Value) -> bytes | None:
    return value if isinstance(value, bytes) or value is None else str(value).encode()


def _plain(value: Value) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Returns `value` as JSON has it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": b64encode(value).decode()}
    return value if value is None or isinstance(value, str | int) else repr(value)


def _listed(row: Row, column: str) -> list[Any]:
    """Returns a list that stands in one column: as JSON, or one value."""
    text = _text(row, column)
    try:
        found = json.loads(text) if text else []
    except ValueError:
        found = text
    return found if isinstance(found, list) else [found]


def _json(value: object) -> bytes:
    return (encodable(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)) + "\n").encode()


def _quoted(name: str) -> str:
    """Returns `name` as one part of a path."""
    return name.replace("%", "%25").replace("/", "%2F")
