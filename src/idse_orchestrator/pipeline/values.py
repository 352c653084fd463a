"""Values of session and project ledgers, and the parts of their states that other themes keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from idse_orchestrator.ledger.commit import STATE, corrupt
from idse_orchestrator.ledger.values import Draft, Tip
from idse_orchestrator.pipeline.stage_state_model import SessionState

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.project_state import ProjectState


class Look(NamedTuple):
    """What one look at a session's ledger tells.

    Its tip; the blob id of each stage's artifact there; and what other themes keep in its project's state.
    """

    tip: Tip[SessionState]
    blobs: Mapping[str, str]
    parts: Mapping[str, Any] = {}


SessionTip = Tip[SessionState]
ProjectTip: TypeAlias = Tip["ProjectState"]
SessionPlan = Callable[[SessionTip | None], Draft | None]
SessionPlans = Callable[[SessionTip | None], Sequence[Draft]]
ProjectPlan = Callable[[ProjectTip | None], Draft | None]


class Parted(Protocol):
    """A state, or whatever else has its parts."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """By key, as they stand in ``state.json``."""


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
