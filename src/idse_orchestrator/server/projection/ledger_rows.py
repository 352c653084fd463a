"""The rows that the ledgers of one repository make: a function of refs, rules and the day.

Whatever cannot be read says so in a row, and keeps no other from being shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT, canonical_json
from idse_orchestrator.documents.project_workspace import STAGE_OF, session_folder
from idse_orchestrator.errors import IdseError
from idse_orchestrator.ledger.commit import ARTIFACTS
from idse_orchestrator.ledger.events import Event, subject_of
from idse_orchestrator.ledger.refs import parse_session_ref, session_ref
from idse_orchestrator.pipeline.stage_state_model import (
    SessionState,
    Ticks,
    standings,
    state_from_json,
)
from idse_orchestrator.pipeline.values import project_from_json
from idse_orchestrator.server.judgement.rules import generation
from idse_orchestrator.server.judgement.today import Today
from idse_orchestrator.server.projection.ids import project_id, session_id
from idse_orchestrator.server.projection.schema import tables
from idse_orchestrator.server.projection.store import Values, clean
from idse_orchestrator.sync.points import FILE, sync_point_from_json

if TYPE_CHECKING:
    from idse_orchestrator.documents.project_workspace import FileEntry
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.server.judgement.promises import Weighed
    from idse_orchestrator.server.judgement.pushed import Pushed
    from idse_orchestrator.server.judgement.rules import Rulebook
    from idse_orchestrator.server.tenants.admin import Repository

LARGEST_TEXT = 256 * 1024
"""Bytes of a document that stands in the tables; a larger one is read from git."""
_UNREADABLE = (IdseError, ValueError)

Rows = dict[str, list[Values]]
"""Rows by table."""


class LedgerRows:
    """Makes the rows of the repository that `pushed` reads; `book` or, where there is none, why not."""

    def __init__(
        self,
        repository: Repository,
        pushed: Pushed,
        kinds: Kinds,
        book: Rulebook | IdseError,
        today: str,
    ) -> None:
        self._pushed = pushed
        self._kinds = kinds
        self._client = repository.client_id
        self._repository = repository.id
        self._book = book
        self._day = today
        self._today = (
            None if isinstance(book, IdseError) else Today(pushed, pushed.vault.common_dir, book, today)
        )
        self._judged_by: dict[str, tuple[str, str]] = {}

    def is_judged(self, project: str, by: str) -> bool:
        """Tests whether a session of a project that was judged `by` would be judged the same today."""
        return by in self._names_of(project)

    def _names_of(self, project: str) -> tuple[str, str]:
        """Returns what tells the rules of a project from others, without and with the day."""
        if project not in self._judged_by:
            rules = (generation(), *self._rules_say(project))
            self._judged_by[project] = (_digest("", *rules), _digest(self._day, *rules))
        return self._judged_by[project]

    def _judged(self, state: SessionState) -> str:
        """Returns by what a session is judged: by the day only where a waiver of it may end."""
        always, today = self._names_of(state.project)
        return today if any(each.expires is not None for each in state.waivers) else always

    def _rules_say(self, project: str) -> Iterable[str]:
        if isinstance(self._book, IdseError) or self._today is None:
            return (_words(self._book),)
        blueprint = self._pushed.tip(session_ref(project, BLUEPRINT))
        spec = self._pushed.inside(self._pushed.part(blueprint, ARTIFACTS), "spec.md") if blueprint else ""
        return (self._today.rules(project).constitution.id, repr(self._book.policy), spec)

    def project(self, name: str, tip: str) -> Values:
        """Returns the row of a project whose ledger is at `tip`."""
        ident = project_id(self._repository, name)
        broken = ""
        try:
            data = self._pushed.state(tip)
            state = project_from_json(data)
            registry = canonical_json(state.parts["registry"]).decode() if "registry" in state.parts else ""
            told = (
                state.stack,
                tip,
                state.events,
                state.created_at,
                state.updated_at,
                registry,
                data.decode(),
            )
            if self._today is not None:
                broken = _words(self._today.rules(name).broken)
        except _UNREADABLE as error:
            told, broken = ("", tip, 0, "", "", "", ""), _words(error)
        return _cleaned(self._client, ident, self._repository, name, *told, broken)

    def session(self, ref: str, key: SessionKey, tip: str) -> Rows:
        """Returns the rows of a session whose ledger is at `tip`, but for its events and texts."""
        ident = session_id(self._repository, *key)
        rows: Rows = {"artifacts": [], "stages": [], "findings": []}
        own = (self._client, ident)
        files: Mapping[str, FileEntry] = {}
        data, unreadable = b"", ""
        weighed: Sequence[Weighed] = ()
        try:
            data = self._pushed.state(tip)
            state = state_from_json(data)
            if self._today is None:
                unreadable = _words(self._book)
                files = dict(self._pushed.files(self._pushed.part(tip, ARTIFACTS), ""))
            else:
                promises = self._today.promises(key)
                files = promises.files(tip)
                weighed = [*promises.weighed(tip, promises.strictly(state), self._today.counts(ref))]
        except _UNREADABLE as error:
            state, unreadable = SessionState(*key, type=""), _words(error)
        for path, entry in files.items():
            rows["artifacts"].append(_cleaned(*own, path, STAGE_OF.get(path, ""), entry.blob, entry.size))
        rows["stages"] += self._stages(own, state, files)
        standing = "".join(_letter(str(row[_STATUS]), str(row[_CONDITION])) for row in rows["stages"])
        prefix = f"{session_folder(*key)}/"
        for position, each in enumerate(weighed):
            rows["findings"].append(_finding(own, position, tip, prefix, each))
        blocking = sum(each.broken is not None for each in weighed)
        rows["sessions"] = [
            _cleaned(
                *own,
                self._repository,
                project_id(self._repository, key[0]),
                *key,
                state.alias,
                state.type,
                state.title,
                state.effective_status,
                state.validation.status,
                state.owner,
                standing,
                tip,
                state.events,
                blocking,
                len(weighed) - blocking,
                unreadable,
                self._judged(state),
                _json(state.tags),
                _json(state.parents),
                data.decode(),
                state.created_at,
                state.updated_at,
            )
        ]
        return rows

    def _stages(
        self, own: tuple[str, str], state: SessionState, files: Mapping[str, FileEntry]
    ) -> Iterable[Values]:
        blobs = {STAGE_OF[path]: entry.blob for path, entry in files.items() if path in STAGE_OF}
        for position, found in enumerate(standings(state, blobs, Ticks(self._pushed.blob))):
            record = state.stages[found.stage]
            yield _cleaned(
                *own,
                found.stage,
                position,
                found.status,
                found.condition,
                _json(found.causes),
                record.at,
                record.by,
                record.artifact,
                sum(record.reopens.values()),
                state.assigned.get(found.stage, ""),
            )

    def text(self, blob: str) -> Values | None:
        """Returns the row of a text; None for one that stands in git alone."""
        try:
            if self._pushed.size(blob) > LARGEST_TEXT:
                return None
        except IdseError:
            return None
        data = self._pushed.blob(blob)
        if data is None or b"\0" in data:
            return None
        try:
            return (self._client, blob, data.decode("utf-8"))
        except UnicodeDecodeError:
            return None

    def events(self, ledger: str, commits: Iterable[str], seen: Mapping[str, str]) -> list[Values]:
        """Returns the events of these commits, each once; `seen` says when a commit came."""
        found: dict[str, tuple[Event, str]] = {}
        for commit in commits:
            try:
                event = self._pushed.event(commit)
            except _UNREADABLE:
                continue
            if event is None:
                continue
            known = found.get(event.id)
            if known is None or (event.to_json(), commit) < (known[0].to_json(), known[1]):
                found[event.id] = (event, commit)
        return [self._event(ledger, event, commit, seen.get(commit, "")) for event, commit in found.values()]

    def _event(self, ledger: str, event: Event, commit: str, seen_at: str) -> Values:
        body = event.body
        return _cleaned(
            self._client,
            ledger,
            event.id,
            event.kind,
            _text(body.get("stage")),
            _text(body.get("action")),
            event.lamport,
            event.at,
            seen_at,
            event.replica,
            event.actor.agent,
            event.actor.name,
            event.actor.email,
            commit,
            subject_of(event, self._kinds.words),
            canonical_json(body).decode(),
        )

    def sync_points(self, replica: str, commits: Iterable[str]) -> Rows:
        """Returns the sync points of these commits."""
        rows: Rows = {"sync_events": [], "sync_sessions": []}
        for commit in commits:
            try:
                found = self._pushed.part(commit, FILE)
                point = sync_point_from_json(self._pushed.blob(found) or b"")
            except _UNREADABLE:
                continue
            moves = [move._asdict() for move in point.refs]
            own = (self._client, self._repository, replica, commit)
            rows["sync_events"].append(_cleaned(*own, point.direction, point.at, _json(moves)))
            keys = {key for move in point.refs if (key := parse_session_ref(move.ref))}
            for key in sorted(keys):
                rows["sync_sessions"].append((*own, session_id(self._repository, *key)))
        return rows


_STATUS, _CONDITION = (tables()["stages"].columns.index(name) for name in ("status", "condition"))


def _letter(status: str, condition: str) -> str:
    """Returns how a stage stands, as the column `standing` has it."""
    return {"changed": "h", "stale": "s"}.get(condition, status[0]) if status == "complete" else status[0]


def _finding(own: tuple[str, str], position: int, tip: str, prefix: str, each: Weighed) -> Values:
    finding = each.finding
    waiver = canonical_json(finding.waiver._asdict()).decode() if finding.waiver is not None else ""
    return _cleaned(
        *own,
        position,
        tip,
        finding.rule,
        finding.severity,
        int(each.broken is not None),
        finding.stage,
        finding.path.removeprefix(prefix),
        finding.line,
        finding.message,
        finding.hint,
        waiver,
        each.ignored,
    )


def _cleaned(*values: str | int) -> Values:
    return tuple(map(clean, values))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _words(error: object) -> str:
    """Returns why something cannot be read; "" where nothing is wrong."""
    if not isinstance(error, IdseError):
        return "" if error is None else str(error)
    return ": ".join(filter(None, (error.where, error.message, error.cause)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
