"""Where a session stands: each stage's status, and whether the documents still are what was completed.

`SessionState` is the fold of a ledger's events (`kinds`), and ``state.json`` is its canonical JSON.
`standing` compares it with documents: completion expires by content, so nothing has to remember to
reset a flag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from idse_orchestrator.base.names import canonical_json, filled
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STAGES, upstream_of
from idse_orchestrator.ledger.events import NotApplied
from idse_orchestrator.ledger.refs import FIRST, read_format


class Waiver(NamedTuple):
    """A recorded exception: `rule` does not block `session` until `expires` (ISO date, or None).

    `places` are what it covers: by path in the session's folder, marks of places (`hits.mark`). None covers
    the whole rule, as all did once.
    """

    rule: str
    session: str
    reason: str
    expires: str | None
    by: str
    event: str
    places: tuple[tuple[str, tuple[str, ...]], ...] | None = None

    def covers(self, path: str, marks: Iterable[str]) -> bool:
        """Tests whether all of `marks` in the file at `path` are excused."""
        return self.places is None or set(marks) <= set(dict(self.places).get(path, ()))


PENDING = "pending"
IN_PROGRESS = "in_progress"
COMPLETE = "complete"
STAGE_STATUSES = (PENDING, IN_PROGRESS, COMPLETE)
NOT_NEEDED = "not_needed"
"""Shown of a stage that the type of its session leaves out, and that nobody moved. It is never stored."""

ACTIVE = "active"
ARCHIVED = "archived"
DELETED = "deleted"

UNKNOWN = "unknown"
PASSING = "passing"
FAILING = "failing"

CURRENT = "current"
CHANGED = "changed"
STALE = "stale"


class StageRecord(NamedTuple):
    """What the ledger knows of one stage.

    `artifact` and `upstream` (stage to blob id) are those of the last completion or confirmation
    and empty before it. `reopens` counts reopenings by replica: a completion that had not seen
    all of them does not apply. `event` is the id of the event that moved the stage last.
    """

    status: str = PENDING
    at: str = ""
    by: str = ""
    event: str = ""
    artifact: str = ""
    upstream: Mapping[str, str] = {}
    reopens: Mapping[str, int] = {}


_UNTOUCHED: Mapping[str, StageRecord] = dict.fromkeys(STAGES, StageRecord())


class ValidationVerdict(NamedTuple):
    """`validation_status` in the state: what the engine said last, by which constitution, when."""

    status: str = UNKNOWN
    constitution: str = ""
    at: str = ""


class Deletion(NamedTuple):
    """That a session was deleted: `times` counts deletions, whether or not they apply.

    `event` is the one that applies ("" : none). It stands as long as nothing but deletions comes after it:
    `upto` counts the other events up to there. So what somebody did elsewhere, and whatever comes later,
    brings the session back, in whatever order histories meet.
    """

    times: int
    upto: int = 0
    event: str = ""


class SessionState(NamedTuple):
    """A session as its ledger tells it. `lamport` and `events` count what was folded.

    `needed` are the stages of its type, as the event that set the type says: a constitution may change, and
    differs from branch to branch.

    `alias` is a second name that people gave it, `deletion` what is left of deletions; both stand in
    ``state.json`` only where there is one.

    `parts` is what the events of other themes made, by key, as it stands in ``state.json``; each theme
    reads and writes its own, and a key is there only where it holds something.
    """

    project: str
    session: str
    type: str = "feature"
    title: str = ""
    status: str = ACTIVE
    owner: str = ""
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    stages: Mapping[str, StageRecord] = _UNTOUCHED
    assigned: Mapping[str, str] = {}
    validation: ValidationVerdict = ValidationVerdict()
    waivers: tuple[Waiver, ...] = ()
    not_applied: tuple[NotApplied, ...] = ()
    parts: Mapping[str, Any] = {}
    needed: tuple[str, ...] = STAGES
    format: int = FIRST
    alias: str = ""
    deletion: Deletion | None = None

    @property
    def stages_needed(self) -> tuple[str, ...]:
        """The stages that this session passes, in order: those of its type, and any that was moved."""
        if self.needed == STAGES:
            return STAGES
        return tuple(
            stage for stage, record in self.stages.items() if stage in self.needed or record.status != PENDING
        )

    def status_of(self, stage: str) -> str:
        """Returns the status of a stage, or NOT_NEEDED."""
        return self.stages[stage].status if stage in self.stages_needed else NOT_NEEDED

    def with_stage(self, stage: str, record: StageRecord) -> SessionState:
        """Returns a copy in which `stage` has `record`."""
        return self._replace(stages={**self.stages, stage: record})

    @property
    def worked_on(self) -> int:
        """How many events there are but deletions."""
        return self.events - (self.deletion.times if self.deletion else 0)

    @property
    def is_deleted(self) -> bool:
        """True where it was deleted, and nothing was done to it since, or elsewhere meanwhile."""
        deletion = self.deletion
        return deletion is not None and bool(deletion.event) and deletion.upto == self.worked_on

    @property
    def is_at_rest(self) -> bool:
        """True where nothing moves: it is archived, or deleted."""
        return self.status == ARCHIVED or self.is_deleted

    @property
    def called(self) -> str:
        """What people call it: its alias where it has one, else its name."""
        return self.alias or self.session

    @property
    def effective_status(self) -> str:
        """`status`; ``deleted``, or ``complete`` once all that an active session needs is complete."""
        if self.is_deleted:
            return DELETED
        if self.status == ACTIVE and all(self.stages[s].status == COMPLETE for s in self.stages_needed):
            return COMPLETE
        return self.status


class Standing(NamedTuple):
    """One stage, judged against documents. `status` is one of STAGE_STATUSES, or NOT_NEEDED.

    `condition` is CURRENT; CHANGED (completed, and its own artifact differs since); or STALE
    (completed, and the artifacts of the stages in `causes` differ since).
    """

    stage: str
    status: str
    condition: str = CURRENT
    causes: tuple[str, ...] = ()
    recorded: str = ""
    actual: str = ""

    @property
    def holds(self) -> bool:
        """Complete, and still what was completed."""
        return self.status == COMPLETE and self.condition == CURRENT


Same = Callable[[str, str], bool]
"""Tests whether two versions of tasks.md, by their blob ids, are one list."""


class Ticks:
    """Compares versions of ``tasks.md`` by their blob ids; each is read where two ids differ, and once.

    `reads` return the bytes of a blob, or None; they are asked in order. A version that cannot be read is
    the same as no other.
    """

    def __init__(self, *reads: Callable[[str], bytes | None]) -> None:
        self._reads = reads
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, one: str, other: str) -> bool:
        """Tests whether two versions differ in nothing but the marks of boxes."""
        pair = (one, other)
        if pair not in self._known:
            self._known[pair] = self._compared(one, other)
        return self._known[pair]

    def _compared(self, one: str, other: str) -> bool:
        from idse_orchestrator.documents.task_list import is_same_list

        before, after = self._text(one), self._text(other)
        return before is not None and after is not None and is_same_list(before, after)

    def _text(self, blob: str) -> str | None:
        data = next((found for read in self._reads if (found := read(blob)) is not None), None)
        return None if data is None else data.decode("utf-8", "surrogateescape")


def is_as_recorded(stage: str, recorded: str, actual: str, same: Same) -> bool:
    """Tests whether the document of `stage` still says what was recorded; the ids are "" for no file."""
    return recorded == actual or (
        stage == "tasks" and "" not in (recorded, actual) and same(recorded, actual)
    )


def before(state: SessionState, stage: str) -> tuple[str, ...]:
    """Returns the stages that a session needs before `stage`, in pipeline order."""
    needed = state.stages_needed
    return tuple(up for up in upstream_of(stage) if up in needed)


def standing(state: SessionState, stage: str, blobs: Mapping[str, str], same: Same) -> Standing:
    """Judges `stage` of `state` against `blobs`, stage to blob id of the artifact (absent: no file)."""
    record = state.stages[stage]
    actual = blobs.get(stage, "")
    if record.status != COMPLETE:
        return Standing(stage, state.status_of(stage), recorded=record.artifact, actual=actual)
    causes = tuple(
        up
        for up in before(state, stage)
        if not is_as_recorded(up, record.upstream.get(up, ""), blobs.get(up, ""), same)
    )
    is_own = is_as_recorded(stage, record.artifact, actual, same)
    condition = (STALE if causes else CURRENT) if is_own else CHANGED
    return Standing(stage, COMPLETE, condition, causes, record.artifact, actual)


def standings(state: SessionState, blobs: Mapping[str, str], same: Same) -> tuple[Standing, ...]:
    """Returns `standing` of all stages in pipeline order."""
    return tuple(standing(state, stage, blobs, same) for stage in STAGES)


def state_to_dict(state: SessionState) -> dict[str, Any]:
    """Returns `state` as plain JSON values."""
    plain = state._asdict()
    parts, needed, deletion = plain.pop("parts"), plain.pop("needed"), plain.pop("deletion")
    if not state.alias:
        del plain["alias"]
    return {
        **plain,
        **({"needed": list(needed)} if needed != STAGES else {}),
        **({"deletion": deletion._asdict()} if deletion else {}),
        "tags": list(state.tags),
        "parents": list(state.parents),
        "stages": {stage: record._asdict() for stage, record in state.stages.items()},
        "validation": state.validation._asdict(),
        "waivers": [_waiver_to_dict(waiver) for waiver in state.waivers],
        "not_applied": [entry._asdict() for entry in state.not_applied],
        **parts,
    }


def _waiver_to_dict(waiver: Waiver) -> dict[str, Any]:
    plain = waiver._asdict()
    places = plain.pop("places")
    return plain if places is None else {**plain, "places": {path: list(marks) for path, marks in places}}


def waived_places(raw: Mapping[str, Iterable[str]] | None) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """Returns the places of a waiver as an event or a state has them."""
    return None if raw is None else tuple((path, tuple(raw[path])) for path in sorted(raw))


def state_to_json(state: SessionState) -> bytes:
    """Returns `state` as canonical JSON: equal states give equal bytes."""
    return canonical_json(state_to_dict(state))


def state_from_json(data: bytes) -> SessionState:
    """Returns the state in `data`; ValueError when it is none."""
    try:
        return _state_from_dict(json.loads(data))
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a session's state: {error!r}") from error


def _state_from_dict(raw: Mapping[str, Any]) -> SessionState:
    return filled(
        SessionState,
        raw,
        format=read_format(raw["format"]),
        needed=tuple(raw.get("needed", STAGES)),
        tags=tuple(raw["tags"]),
        parents=tuple(raw["parents"]),
        stages={stage: filled(StageRecord, raw["stages"][stage]) for stage in STAGES},
        validation=filled(ValidationVerdict, raw["validation"]),
        waivers=tuple(
            filled(Waiver, waiver, places=waived_places(waiver.get("places"))) for waiver in raw["waivers"]
        ),
        not_applied=tuple(filled(NotApplied, entry) for entry in raw["not_applied"]),
        alias=raw.get("alias", ""),
        deletion=filled(Deletion, raw["deletion"]) if "deletion" in raw else None,
        parts={key: value for key, value in raw.items() if key not in _OWN},
    )


_OWN = frozenset(SessionState._fields) - {"parts"}
