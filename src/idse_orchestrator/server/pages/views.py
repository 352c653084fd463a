# ruff: noqa: S608 - names of tables and columns are ours, and values are given
"""What each page shows: rows of the projection as one caller may see them, in JSON's own types.

A page of one client is read with the eyes of that client, also for an operator: the store shows no other row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.design_reference import (
    SCHEME,
    problem_with,
    reference_of,
    written_references,
)
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.server.api.problems import NOT_AUTHORIZED, NOTHING, Problem, ProblemError
from idse_orchestrator.server.api.reads import check_reads
from idse_orchestrator.server.api.sight import Sight, sight_of
from idse_orchestrator.server.model.metrics import METRICS, SHARE, said
from idse_orchestrator.server.pages.rendering import day
from idse_orchestrator.server.projection.report import metric_lines, row_of, standings
from idse_orchestrator.server.projection.store import EVERYONE

if TYPE_CHECKING:
    from idse_orchestrator.server.api.reads import Reads
    from idse_orchestrator.server.model.metrics import Metric
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.pages.versions import Versions
    from idse_orchestrator.server.projection.report import Line
    from idse_orchestrator.server.projection.store import Row, Tables
    from idse_orchestrator.server.tenants.admin import Admin

Given = Mapping[str, str]
"""The words of a query string."""
LETTERS = {
    "c": "complete",
    "h": "changed",
    "s": "stale",
    "i": "in_progress",
    "p": "pending",
    "n": "not_needed",
}
"""What the letters of a session's `standing` mean, in the order of a bar: what is done comes first."""
_NO_KIND = dict.fromkeys(LETTERS.values(), 0)
_NEEDS = "CASE WHEN s.blocking > 0 OR s.unreadable <> '' THEN 1 ELSE 0 END"
_ORDER = (
    f"ORDER BY CASE WHEN s.status = 'archived' THEN 1 ELSE 0 END, {_NEEDS} DESC, s.updated_at DESC, s.id DESC"
)
_OF_SESSION = (
    "FROM sessions s JOIN repositories r ON r.client_id = s.client_id AND r.id = s.repository_id "
    "JOIN clients c ON c.id = s.client_id"
)


class Window(NamedTuple):
    """Which rows of a table: `most` of them, after `number` - 1 times as many."""

    number: int = 1
    most: int = 50

    @property
    def skipped(self) -> int:
        """How many rows stand before."""
        return (self.number - 1) * self.most


class Seen(NamedTuple):
    """What a page shows: `data` for its template and JSON; `table` names the list that is its table.

    Without `has_data` it is a page alone, and no JSON.
    """

    name: str
    title: str
    data: Mapping[str, Any]
    table: str = ""
    columns: tuple[str, ...] = ()
    crumbs: tuple[tuple[str, str], ...] = ()
    has_data: bool = True


class Views:
    """Reads what pages show from `store`, for callers; for threads."""

    def __init__(self, store: Tables, reads: Reads, admin: Admin, versions: Versions) -> None:
        self._store = store
        self._reads = reads
        self._admin = admin
        self._versions = versions

    def narrowed(self, caller: Caller, client: str) -> Caller:
        """Returns the caller as one who sees that client alone; ProblemError where it may not know of it."""
        check_reads(caller)
        if caller.client_id:
            if client != caller.client:
                raise ProblemError(NOTHING)
            return caller
        rows = self._store.read("SELECT id FROM clients WHERE name = :name", client=EVERYONE, name=client)
        if not rows:
            raise ProblemError(NOTHING)
        return caller._replace(client_id=rows[0]["id"], client=client)

    # --- the pages ---

    def overview(self, caller: Caller) -> Seen:
        """Returns all clients, those that need attention first; for operators."""
        _refuse_clients(caller)
        bars = self._bars(EVERYONE, "s.client_id", [], {})
        ids = {each["name"]: each["id"] for each in self._clients()}
        rows = []
        for standing in standings(self._store):
            row = standing._asdict()
            row["at"] = f"/c/{standing.client}"
            row["kinds"] = bars.get(ids.get(standing.client, ""), _NO_KIND)
            rows.append(row)
        columns = ("client", "repositories", "sessions", "active", "blocked", "stale", "waived")
        more = ("last_event", "last_push", "audit_row", "audit_hash")
        return Seen("overview", "Clients", {"clients": rows}, "clients", (*columns, *more))

    def client(self, caller: Caller, name: str) -> Seen:
        """Returns the projects of a client, and the sessions of it that need a look."""
        caller = self.narrowed(caller, name)
        sight = self._sight(caller)
        conditions, given = sight.where("s.repository_id", "s.project")
        alive = [*conditions, "s.status <> 'deleted'"]
        rows = self._read(
            caller,
            "SELECT r.name AS repository, s.repository_id, s.project, count(*) AS sessions, "
            "sum(CASE WHEN s.status = 'active' THEN 1 ELSE 0 END) AS active, "
            f"sum({_NEEDS}) AS blocked, max(s.updated_at) AS last_event {_OF_SESSION} {_and(alive)} "
            "GROUP BY r.name, s.repository_id, s.project "
            "ORDER BY blocked DESC, last_event DESC, r.name, s.project",
            given,
        )
        bars = self._bars(caller.client_id, "s.repository_id, s.project", conditions, given)
        for row in rows:
            row["kinds"] = bars.get(f"{row.pop('repository_id')}/{row['project']}", _NO_KIND)
            row["at"] = f"/c/{name}/{row['repository']}/{row['project']}"
        needy = self._read(
            caller,
            "SELECT r.name AS repository, s.project, s.session_name AS session, s.title, s.blocking, "
            f"s.unreadable, s.updated_at {_OF_SESSION} {_and([*alive, f'{_NEEDS} = 1'])} "
            "ORDER BY s.blocking DESC, s.updated_at, s.id LIMIT 12",
            given,
        )
        for row in needy:
            row["at"] = f"/c/{name}/{row['repository']}/{row['project']}/{row['session']}"
        columns = ("repository", "project", "sessions", "active", "blocked", "last_event")
        data = {"client": name, "projects": rows, "needy": needy}
        return Seen("client", name, data, "projects", columns)

    def project(self, caller: Caller, path: Sequence[str], query: Given, window: Window) -> Seen:
        """Returns the grid of a project: its sessions, each with seven stages."""
        name, repository, project = path
        caller = self.narrowed(caller, name)
        conditions, given = self._sight(caller).where("s.repository_id", "s.project")
        conditions = [*conditions, "s.repository_id = :of", "s.project = :project", _ALIVE]
        given = {**given, "of": self._repository_id(caller, repository), "project": project}
        stands = self._read(
            caller,
            f"SELECT s.standing, s.type, count(*) AS n FROM sessions s {_and(conditions)} "
            "GROUP BY s.standing, s.type",
            given,
        )
        rules = self._rules_broken(caller, repository, project)
        if rules is None and not stands:
            raise ProblemError(NOTHING)
        narrow, more = _grid_filters(query)
        wanted, asked = [*conditions, *narrow], {**given, **more}
        total = sum(row["n"] for row in stands)
        if narrow:
            found = f"SELECT count(*) AS n FROM sessions s {_and(wanted)}"
            total = self._read(caller, found, asked)[0]["n"]
        # The index knows the order of all of them, so that only those of this page are read.
        rows = self._read(
            caller,
            "SELECT s.id, s.session_name AS session, s.alias, s.title, s.type, s.status, s.owner, "
            "s.standing, s.blocking, s.warnings, s.unreadable, s.updated_at FROM sessions s "
            f"WHERE s.client_id = :client AND s.id IN (SELECT s.id FROM sessions s {_and(wanted)} {_ORDER} "
            f"LIMIT :most OFFSET :skipped) {_ORDER}",
            {**asked, "most": window.most, "skipped": window.skipped},
        )
        self._add_stages(caller, rows)
        for row in rows:
            row["at"] = f"/c/{name}/{repository}/{project}/{row['session']}"
        data = {
            "client": name,
            "repository": repository,
            "project": project,
            "rules_broken": rules or "",
            "show": query.get("show", "all"),
            "types": sorted({row["type"] for row in stands}),
            "by_stage": _by_stage(stands),
            "total": total,
            "sessions": rows,
        }
        columns = ("session", "alias", "title", "type", "status", "owner", "blocking", "warnings")
        title = f"{repository}/{project}"
        return Seen("project", title, data, "sessions", (*columns, *STAGES, "updated_at"), _crumbs(name))

    def session(self, caller: Caller, path: Sequence[str], query: Given, window: Window) -> Seen:
        """Returns one session: stages, findings, one document, events."""
        name, repository, project, session = path
        caller, ident = self.find(caller, path)
        whole = self._reads.session(caller, ident)
        stages = {each["stage"]: each for each in whole["stages"]}
        findings = list(self._reads.findings(caller, ident).items)
        for stage, each in stages.items():
            each["kind"] = kind_of(each["status"], each["condition"])
            each["blocks"] = sum(1 for row in findings if row["stage"] == stage and row["blocks"])
        whole["artifacts"].sort(key=lambda each: (_PLACES.get(each["stage"], len(STAGES)), each["path"]))
        document = self._document(caller, ident, whole["artifacts"], stages, query.get("document", ""))
        changes = self._changes(caller, ident, whole)
        designs = self._designs(caller, ident, whole["artifacts"])
        events = self._read(
            caller,
            "SELECT event_id AS id, kind, stage, action, at, agent, who, subject, commit_id FROM events "
            "WHERE client_id = :client AND ledger_id = :id ORDER BY lamport DESC, event_id DESC "
            "LIMIT :most OFFSET :skipped",
            {"id": ident, "most": window.most, "skipped": window.skipped},
        )
        data = {
            **whole,
            "findings": findings,
            "document": document,
            "changes": changes,
            "designs": designs,
            "total": whole["events"],
            "log": events,
        }
        columns = ("at", "kind", "stage", "action", "who", "agent", "subject", "commit_id")
        crumbs = (*_crumbs(name), (f"{repository}/{project}", f"/c/{name}/{repository}/{project}"))
        return Seen("session", session, data, "log", columns, crumbs)

    def find(self, caller: Caller, path: Sequence[str]) -> tuple[Caller, str]:
        """Returns who reads a session, and its id. `path` is client, repository, project and session."""
        name, *names = path
        caller = self.narrowed(caller, name)
        conditions, given = self._sight(caller).where("s.repository_id", "s.project")
        columns = {"repository": "r.name", "project": "s.project", "session": "s.session_name"}
        conditions = [*conditions, *(f"{column} = :{word}" for word, column in columns.items())]
        given = {**given, **dict(zip(columns, names, strict=True))}
        found = self._read(caller, f"SELECT s.id {_OF_SESSION} {_and(conditions)}", given)
        if not found:
            raise ProblemError(NOTHING)
        return caller, str(found[0]["id"])

    def writer_of(self, caller: Caller, ident: str, blob: str) -> str:
        """Returns who saved a document of a session, and when; "" where no event says."""
        rows = self._read(
            caller,
            "SELECT who, agent, at FROM events WHERE client_id = :client AND ledger_id = :id "
            "AND kind = 'edited' AND body LIKE :blob ORDER BY lamport DESC LIMIT 1",
            {"id": ident, "blob": f'%"{blob}"%'},
        )
        return f"{rows[0]['agent'] or rows[0]['who']}, {day(rows[0]['at'])} UTC," if rows and blob else ""

    def _changes(self, caller: Caller, ident: str, whole: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Returns what changed since stages of a session were completed."""
        if not any(each["kind"] in ("changed", "stale") or each["reopens"] for each in whole["stages"]):
            return []
        query = "SELECT state_json FROM sessions WHERE client_id = :client AND id = :id"
        state = self._read(caller, query, {"id": ident})[0]["state_json"]
        blobs = {each["stage"]: each["blob_id"] for each in whole["artifacts"] if each["stage"]}
        where = self._reads.where(caller, ident)
        return self._versions.since_complete(where, state, whole["stages"], blobs)

    def _designs(self, caller: Caller, ident: str, artifacts: Sequence[Row]) -> list[dict[str, str]]:
        """Returns the designs that the plan of a session names, each with where it is; "" : nowhere."""
        paths = [each["path"] for each in artifacts if each["stage"] == "plan"]
        text = self._reads.artifact(caller, ident, paths[0])[1].decode("utf-8", "replace") if paths else ""
        if SCHEME not in text:
            return []
        catalogue = self._reads.catalogue()
        found = []
        for words in dict.fromkeys(words for _, words in written_references(text)):
            reference = reference_of(words)
            problem = "no such reference" if reference is None else problem_with(reference, catalogue)
            found.append({"reference": words, "at": "" if problem else design_at(words), "problem": problem})
        return found

    def design(self, caller: Caller, path: Sequence[str], query: Given) -> Seen:
        """Returns a component of a library: what it is for, and its files."""
        version = query.get("version", "")
        words = f"{SCHEME}{'/'.join(path)}{version and f'@{version}'}"
        return Seen("design", words, self._reads.design(caller, words))

    def findings(self, caller: Caller, query: Given, window: Window) -> Seen:
        """Returns what the rules find today, what blocks first."""
        who, caller = caller, self._asked(caller, query)
        conditions, given = self._sight(caller).where("s.repository_id", "s.project")
        conditions = [*conditions, "s.status <> 'deleted'"]
        of = (
            "FROM findings f JOIN sessions s ON s.client_id = f.client_id AND s.id = f.session_id "
            "JOIN repositories r ON r.client_id = s.client_id AND r.id = s.repository_id "
            "JOIN clients c ON c.id = s.client_id"
        )
        waived = "f.waiver <> '' AND f.waiver_ignored = ''"
        rules = self._read(
            caller,
            f"SELECT f.rule, count(*) AS found, sum(CASE WHEN f.blocks = 1 THEN 1 ELSE 0 END) AS blocks, "
            f"sum(CASE WHEN {waived} THEN 1 ELSE 0 END) AS waived {of} {_and(conditions)} "
            "GROUP BY f.rule ORDER BY blocks DESC, found DESC, f.rule",
            given,
        )
        show = query.get("show", "all")
        kinds = {"blocking": "f.blocks = 1", "waived": waived, "warnings": "f.blocks = 0"}
        if show in kinds:
            conditions.append(kinds[show])
        for word, column in (("rule", "f.rule"), ("project", "s.project")):
            if query.get(word):
                conditions.append(f"{column} = :{word}")
                given[word] = query[word]
        total = self._read(caller, f"SELECT count(*) AS n {of} {_and(conditions)}", given)[0]["n"]
        rows = self._read(
            caller,
            "SELECT c.name AS client, r.name AS repository, s.project, s.session_name AS session, f.rule, "
            "f.severity, f.blocks, f.stage, f.path, f.line, f.message, f.hint, f.waiver, f.waiver_ignored "
            f"{of} {_and(conditions)} ORDER BY f.blocks DESC, f.rule, c.name, r.name, s.project, "
            "s.session_name, f.position LIMIT :most OFFSET :skipped",
            {**given, "most": window.most, "skipped": window.skipped},
        )
        for row in rows:
            row["at"] = "/c/{client}/{repository}/{project}/{session}".format(**row)
            waiver = json.loads(row["waiver"]) if row["waiver"] else {}
            row["waiver"] = str(waiver.get("reason", "")) if isinstance(waiver, dict) else ""
            row["waived_until"] = str(waiver.get("expires") or "") if isinstance(waiver, dict) else ""
        data = {"show": show, "rules": rules, "total": total, "findings": rows, **self._choice(who, query)}
        columns = ("client", "repository", "project", "session", "rule", "severity", "blocks", "stage")
        more = ("path", "line", "message", "hint", "waiver", "waived_until", "waiver_ignored")
        return Seen("findings", "Findings", data, "findings", (*columns, *more))

    def analytics(self, caller: Caller, query: Given) -> Seen:
        """Returns the metrics of one client, or the first of them for each."""
        who, caller = caller, self._asked(caller, query)
        _refuse_limited(caller)
        since = query.get("since", "")[:10]
        names = [caller.client] if caller.client_id else [each["name"] for each in self._clients()]
        rows: list[dict[str, Any]] = []
        for name in names:
            ident = caller.client_id or self.narrowed(caller, name).client_id
            lines = metric_lines(self._store, ident, since)
            rows += [_metric(line) for line in _in_order(lines) if caller.client_id or not line.part]
        data = {
            "since": since,
            "one": caller.client,
            "rows": rows,
            "metrics": [
                {"name": each.name, "title": each.title, "has_target": each.target is not None}
                for each in METRICS
            ],
            **self._choice(who, query),
        }
        columns = ("client", "metric", "part", "rows", "value", "high", "doubtful", "target", "met")
        return Seen("analytics", "Analytics", data, "rows", columns)

    def sync(self, caller: Caller, query: Given, window: Window) -> Seen:
        """Returns the newest sync points, and how many there were on each of the last days with any."""
        who, caller = caller, self._asked(caller, query)
        page = self._reads.sync_events(caller, query.get("after", ""), window.most)
        conditions, given = self._sight(caller).where("e.repository_id")
        days = self._read(
            caller,
            "SELECT substr(e.at, 1, 10) AS day, sum(CASE WHEN e.direction = 'push' THEN 1 ELSE 0 END) "
            "AS pushes, sum(CASE WHEN e.direction = 'pull' THEN 1 ELSE 0 END) AS pulls FROM sync_events e "
            f"{_and(conditions)} GROUP BY substr(e.at, 1, 10) ORDER BY day DESC LIMIT 30",
            given,
        )
        rows = [{**row, "refs": len(row["refs"] or ())} for row in page.items]
        data = {"days": days[::-1], "points": rows, "after": page.after, **self._choice(who, query)}
        columns = ("at", "direction", "client", "repository", "replica", "refs", "id")
        return Seen("sync", "Sync", data, "points", columns)

    def audit(self, caller: Caller, query: Given, window: Window) -> Seen:
        """Returns the chain of a client, or of the Agency itself, the newest row first."""
        who, caller = caller, self._asked(caller, query)
        _refuse_limited(caller)
        last = self._admin.audit.heads().get(caller.client_id, (0, ""))[0]
        before = min(last, _number(query.get("before", ""), last))
        rows = self._admin.audit.rows(
            caller.client_id, max(0, before - window.most), min(window.most, before)
        )
        shown = [{name: row[name] for name in (*_AUDIT, "previous_hash")} for row in reversed(rows)]
        data = {
            "rows": shown,
            "total": last,
            "before": max(0, before - window.most),
            **self._choice(who, query),
        }
        return Seen("audit", "Audit", data, "rows", (*_AUDIT, "previous_hash"))

    def keys(self, caller: Caller, query: Given, now: str) -> Seen:
        """Returns the keys of all, or of one client, without their secrets; for operators."""
        _refuse_clients(caller)
        wanted = query.get("client", "")
        if wanted:
            self.narrowed(caller, wanted)
        rows = []
        for key in self._admin.keys.all(wanted):
            row: dict[str, Any] = {n: v for n, v in key._asdict().items() if n != "client_id"}
            rows.append({**row, "state": key.state(now)})
        columns = ("id", "client", "name", "role", "agent", "state", "scopes", "repositories", "projects")
        times = ("created_at", "expires_at", "last_used_at", "replaced_by")
        data = {"keys": rows, **self._choice(caller, query)}
        return Seen("keys", "Keys", data, "keys", (*columns, *times))

    # --- what they share ---

    def _asked(self, caller: Caller, query: Given) -> Caller:
        check_reads(caller)
        return self.narrowed(caller, query["client"]) if query.get("client") else caller

    def _choice(self, caller: Caller, query: Given) -> dict[str, Any]:
        """Returns what a form offers an operator: one client or all. `caller` is who asks, not narrowed."""
        names = [] if caller.client_id else [each["name"] for each in self._clients()]
        return {"chosen": query.get("client", ""), "clients": names}

    def _clients(self) -> list[Row]:
        return self._store.read("SELECT id, name FROM clients ORDER BY name", client=EVERYONE)

    def _sight(self, caller: Caller) -> Sight:
        check_reads(caller)
        return sight_of(caller, self._admin)

    def _read(self, caller: Caller, query: str, given: Mapping[str, object]) -> list[Row]:
        return self._store.read(query, client=caller.client_id or EVERYONE, **given)

    def _repository_id(self, caller: Caller, name: str) -> str:
        """Returns the id of a repository; "" where the caller's client has none of that name."""
        query = "SELECT id FROM repositories WHERE client_id = :client AND name = :name"
        rows = self._read(caller, query, {"name": name})
        return str(rows[0]["id"]) if rows else ""

    def _rules_broken(self, caller: Caller, repository: str, project: str) -> str | None:
        """Returns why the rules of a project do not count; None where no ledger of that project is there."""
        conditions, given = self._sight(caller).where("p.repository_id", "p.name")
        rows = self._read(
            caller,
            "SELECT p.rules_broken FROM projects p JOIN repositories r ON r.client_id = p.client_id "
            f"AND r.id = p.repository_id {_and([*conditions, 'r.name = :repository', 'p.name = :project'])}",
            {**given, "repository": repository, "project": project},
        )
        return str(rows[0]["rules_broken"]) if rows else None

    def _bars(
        self, client: str, by: str, conditions: Iterable[str], given: Mapping[str, object]
    ) -> dict[str, dict[str, int]]:
        """Returns how many stages stand how, for each value of the columns `by`."""
        rows = self._store.read(
            f"SELECT {by}, s.standing, count(*) AS n FROM sessions s {_and([*conditions, _ALIVE])} "
            f"GROUP BY {by}, s.standing",
            client=client,
            **given,
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            *names, standing, count = row.values()
            kinds = found.setdefault("/".join(names), dict(_NO_KIND))
            for letter in standing:
                kinds[LETTERS[letter]] += count
        return found

    def _add_stages(self, caller: Caller, rows: Sequence[Row]) -> None:
        """Adds to each session how its stages stand, and how many findings block in each."""
        for row in rows:
            kinds = [LETTERS[letter] for letter in row.pop("standing")]
            row.update(zip(STAGES, kinds, strict=True))
            row["blocks"] = {}
        by_id = {row["id"]: row for row in rows}
        for start in range(0, len(rows), _AT_ONCE):
            names = {f"i{number}": row["id"] for number, row in enumerate(rows[start : start + _AT_ONCE])}
            among = f"session_id IN ({', '.join(f':{name}' for name in names)})"
            for each in self._read(
                caller,
                "SELECT session_id, stage, count(*) AS n FROM findings WHERE client_id = :client "
                f"AND {among} AND blocks = 1 GROUP BY session_id, stage",
                names,
            ):
                by_id[each["session_id"]]["blocks"][each["stage"]] = each["n"]

    def _document(
        self, caller: Caller, ident: str, artifacts: Sequence[Row], stages: Mapping[str, Row], wanted: str
    ) -> dict[str, Any] | None:
        """Returns one document with its text: the one asked for, or that of the stage that is open."""
        if wanted and wanted not in (each["path"] for each in artifacts):
            raise ProblemError(NOTHING)
        by_stage = {each["stage"]: each["path"] for each in artifacts if each["stage"]}
        is_open = [name for name in by_stage if stages[name]["status"] != "complete"]
        path = wanted or (by_stage[is_open[0]] if is_open else next(reversed(by_stage.values()), ""))
        if not path:
            return None
        blob, content = self._reads.artifact(caller, ident, path)
        return {"path": path, "blob_id": blob, "text": content.decode("utf-8", "replace")}


def design_at(words: str) -> str:
    """Returns the page of a design that a reference means."""
    name, _, version = words.removeprefix(SCHEME).partition("@")
    return f"/designs/{name}{version and f'?version={quote(version)}'}"


_ALIVE = "s.status <> 'deleted'"
_PLACES = {stage: place for place, stage in enumerate(STAGES)}
_AT_ONCE = 400
_AUDIT = ("id", "at", "key_id", "action", "repository", "outcome", "rule", "detail", "hash")


def kind_of(status: str, condition: str) -> str:
    """Returns how a stage stands in one word."""
    return condition if status == "complete" and condition != "current" else status


def _by_stage(stands: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns how many sessions stand how in each stage."""
    kinds = [dict(_NO_KIND) for _ in STAGES]
    for row in stands:
        for own, letter in zip(kinds, row["standing"], strict=False):
            own[LETTERS[letter]] += row["n"]
    return [{"stage": stage, "kinds": own} for stage, own in zip(STAGES, kinds, strict=True)]


def _grid_filters(query: Given) -> tuple[list[str], dict[str, object]]:
    """Returns conditions on sessions for the words of a query."""
    conditions: list[str] = []
    given: dict[str, object] = {}
    show = {
        "blocked": f"{_NEEDS} = 1",
        "stale": "(s.standing LIKE :changed OR s.standing LIKE :stale)",
        "waived": "EXISTS (SELECT 1 FROM findings f WHERE f.client_id = s.client_id AND f.session_id = s.id "
        "AND f.waiver <> '' AND f.waiver_ignored = '')",
        "active": "s.status = 'active'",
        "archived": "s.status = 'archived'",
    }
    if query.get("show", "all") in show:
        conditions.append(show[query["show"]])
    if query.get("show") == "stale":
        given |= {"changed": "%h%", "stale": "%s%"}
    if query.get("type"):
        conditions.append("s.type = :type")
        given["type"] = query["type"]
    if query.get("owner"):
        conditions.append("s.owner = :owner")
        given["owner"] = query["owner"]
    if query.get("q"):
        plain = query["q"].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").lower()
        given["q"] = f"%{plain}%"
        conditions.append(
            "(lower(s.session_name) LIKE :q ESCAPE '\\' OR lower(s.alias) LIKE :q ESCAPE '\\' "
            "OR lower(s.title) LIKE :q ESCAPE '\\')"
        )
    return conditions, given


def _in_order(lines: Sequence[Line]) -> list[Line]:
    """Returns the lines of metrics with stages in the order of the pipeline."""
    heads = {line.metric.name: number for number, line in enumerate(lines) if not line.part}
    return sorted(
        lines, key=lambda line: (heads[line.metric.name], bool(line.part), _PLACES.get(line.part, 0))
    )


def _metric(line: Line) -> dict[str, Any]:
    metric, found = line.metric, line.found
    return {
        **row_of(line),
        "title": metric.title,
        "meaning": metric.meaning,
        "how": metric.how,
        "said": said(metric, found.value),
        "said_high": said(metric, found.high) if found.high is not None else "",
        "said_target": _target(metric),
        "of": metric.part,
    }


def _target(metric: Metric) -> str:
    """Returns what a metric should be; "" : nobody asked for anything. More than all is not to be had."""
    if metric.target is None:
        return ""
    sign = "" if metric.how == SHARE and metric.target == 1 else "≥ " if metric.is_least else "≤ "
    return f"{sign}{said(metric, metric.target)}"


def _refuse_clients(caller: Caller) -> None:
    check_reads(caller)
    if caller.client_id:
        raise ProblemError(Problem(403, NOT_AUTHORIZED, "for keys of operators alone"))


def _refuse_limited(caller: Caller) -> None:
    if caller.repositories or caller.projects:
        words = "this key is for some repositories or projects, and this is about all of a client"
        raise ProblemError(Problem(403, NOT_AUTHORIZED, words))


def _crumbs(client: str) -> tuple[tuple[str, str], ...]:
    return ((client, f"/c/{client}"),)


def _number(text: str, usual: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else usual


def _and(conditions: Iterable[str]) -> str:
    found = list(conditions)
    return f"WHERE {' AND '.join(found)}" if found else ""
