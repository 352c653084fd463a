"""The state of a project, and the parts of a project's or session's state that other themes keep."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from idse_orchestrator.base.names import canonical_json, filled
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import AmbiguousError, UnknownNameError
from idse_orchestrator.ledger.commit import STATE, corrupt
from idse_orchestrator.ledger.events import Draft, NotApplied, Tip
from idse_orchestrator.ledger.refs import FIRST, read_format
from idse_orchestrator.pipeline.stage_state_model import SessionState

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event, SessionKey

    class Parted(Protocol):
        """A state, or whatever else has its parts."""

        @property
        def parts(self) -> Mapping[str, Any]:
            """By key, as they stand in ``state.json``."""


class Look(NamedTuple):
    """What one look at a session's ledger tells.

    Its tip; the blob id of each stage's artifact there; and its project's state, of which other themes read
    their parts. `newer` says what a newer idse must have written there, "" where all of it is known.
    `event` is what happened last, as it stands in ``event.json``; a merge has none.
    `conflicts` maps a path in the session's folder to the line of the first conflict in that file, those of
    documents first.
    """

    tip: Tip[SessionState]
    blobs: Mapping[str, str]
    parts: Mapping[str, Any] = {}
    newer: str = ""
    conflicts: Mapping[str, int] = {}
    event: bytes = b""


KEPT = ("handoffs", "claims")
"""What the events of other themes keep in the state of a session."""


EVENT_PREFIX = re.compile(r"0[0-9A-HJKMNP-TV-Z]{9,25}", re.ASCII)
COMMIT_PREFIX = re.compile(r"[0-9a-f]{4,40}", re.ASCII)
_BACK = re.compile(r"(?P<session>[^@]*)@\{(?P<steps>\d{1,9})\}", re.ASCII)


def steps_back(key: SessionKey, name: str) -> int | None:
    """Returns N for ``@{N}``, the entry N before the newest of session `key`; None for another name."""
    back = _BACK.fullmatch(name)
    return int(back["steps"]) if back and back["session"] in ("", key[1], "/".join(key)) else None


def only_match(key: SessionKey, name: str, found: Sequence[str]) -> str:
    """Returns the one commit in `found` that `name` stands for. Raises AmbiguousError, UnknownNameError."""
    if len(found) == 1:
        return found[0]
    where = "/".join(key)
    if found:
        raise AmbiguousError(
            f"{name!r} stands for {len(found)} events of {where}",
            cause=", ".join(commit[:10] for commit in found[:5]),
            fix=("type more of it",),
        )
    raise UnknownNameError(f"there is no event {name!r} in {where}", fix=("idse log",))


SessionTip = Tip[SessionState]
ProjectTip: TypeAlias = Tip["ProjectState"]
SessionPlan = Callable[[SessionTip | None], Draft | None]
SessionPlans = Callable[[SessionTip | None], Sequence[Draft]]
ProjectPlan = Callable[[ProjectTip | None], Draft | None]


Part = TypeVar("Part")
State = TypeVar("State", "SessionState", "ProjectState")


def part_of(owner: Parted, key: str, read: Callable[[Any], Part], absent: Part) -> Part:
    """Returns what `read` makes of a part, `absent` where it is not there.

    CorruptLedgerError where it cannot be read.
    """
    if key not in owner.parts:
        return absent
    try:
        return read(owner.parts[key])
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise corrupt(key, f"{STATE}: {error!r}") from error


def with_part(state: State, key: str, value: object) -> State:
    """Returns `state` with this part, or without it where the value is empty."""
    parts = {name: part for name, part in state.parts.items() if name != key}
    return state._replace(parts={**parts, key: value} if value else parts)


class ProjectState(NamedTuple):
    """`stack` is what the user said at ``idse init --stack``; `settings` is free, by key.

    `parts` is what the events of other themes made, as in a `SessionState`.
    """

    project: str
    stack: str = ""
    created_at: str = ""
    updated_at: str = ""
    lamport: int = 0
    events: int = 0
    settings: Mapping[str, Any] = {}
    parts: Mapping[str, Any] = {}
    not_applied: tuple[NotApplied, ...] = ()
    format: int = FIRST


def project_to_json(state: ProjectState) -> bytes:
    """Returns `state` as canonical JSON; `not_applied` only where it holds something."""
    plain = state._asdict()
    parts, skipped = plain.pop("parts"), plain.pop("not_applied")
    if skipped:
        plain["not_applied"] = [entry._asdict() for entry in skipped]
    return canonical_json({**plain, **parts})


def project_from_json(data: bytes) -> ProjectState:
    """Returns the project's state in `data`; ValueError where it is none."""
    try:
        raw = json.loads(data)
        return filled(
            ProjectState,
            raw,
            format=read_format(raw["format"]),
            parts={key: value for key, value in raw.items() if key not in _OF_PROJECTS},
            not_applied=tuple(filled(NotApplied, entry) for entry in raw.get("not_applied", ())),
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a project's state: {error!r}") from error


_OF_PROJECTS = frozenset(ProjectState._fields) - {"parts"}


def created(state: ProjectState, event: Event) -> ProjectState:
    """Begins the project; said again, the later stack counts."""
    return state._replace(stack=event.body.get("stack", state.stack), created_at=state.created_at or event.at)


def described(state: ProjectState, event: Event) -> ProjectState:
    """Changes settings, key by key."""
    return state._replace(settings={**state.settings, **event.body.get("settings", {})})
