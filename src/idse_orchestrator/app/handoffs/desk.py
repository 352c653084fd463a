"""What handing over works with, and which open handoff somebody means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.agents.handoff_fold import ACCEPT, APPROVE
from idse_orchestrator.domain.stage_state_model import ARCHIVED
from idse_orchestrator.domain.text import encodable
from idse_orchestrator.errors import AmbiguousError, HandoffClosedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.app.ledger_values import Look
    from idse_orchestrator.app.ports import LedgerReader, LedgerWriter, SessionKey, Workspace
    from idse_orchestrator.domain.agents.handoff import Handoff
    from idse_orchestrator.domain.stage_state_model import SessionState


@dataclass(frozen=True, slots=True)
class HandoffDesk:
    """What the use cases of handing over work with; `agent` acts ("" : a person)."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Workspace
    agent: str = ""

    def look(self, key: SessionKey) -> Look:
        """One look at the session's ledger; UnknownNameError where it has none."""
        look = self.ledgers.look(*key)
        if look is None:
            raise no_ledger(key)
        return look


def _is_meant(handoff: Handoff, action: str, agent: str) -> bool:
    """Whether whoever takes `action` and names no handoff may mean this one."""
    if action == APPROVE:
        return handoff.waits_for_approval
    if action == ACCEPT:
        return agent in ("", handoff.to_agent)
    return agent in ("", handoff.to_agent, handoff.from_agent)


def needed_reason(reason: str, what: str) -> str:
    """`reason` as an event may hold it; UsageError where it says nothing. `what` needs it."""
    clean = encodable(reason).strip()
    if not clean:
        raise UsageError(f"{what} needs a reason", cause="whoever reads it has to know why", fix=("-m WHY",))
    return clean


def refuse_archived(state: SessionState) -> None:
    """Raise UsageError where nobody goes on with a session."""
    if state.status == ARCHIVED:
        raise UsageError(
            f"session {state.session!r} is archived", fix=(f"idse session archive {state.session} --undo",)
        )


def open_handoff(handoffs: Sequence[Handoff], name: str, action: str, agent: str) -> Handoff:
    """The open handoff that `name` means: an id or the beginning of one; "" : the only one.

    Of several the only one is the one that `agent` ("" : a person) can take that `action` on.
    HandoffClosedError, AmbiguousError.
    """
    found = [each for each in handoffs if each.id.startswith(name.upper())]
    if not name and len(found) > 1:
        found = [each for each in found if _is_meant(each, action, agent)] or found
    if len(found) == 1:
        return found[0]
    if not found:
        raise HandoffClosedError(
            f"there is no open handoff {name!r}" if name else "there is no open handoff",
            cause="it was answered before, or its stage went to another agent" if name else None,
            fix=("idse handoff list --all",),
        )
    raise AmbiguousError(
        f"{len(found)} handoffs are open",
        cause=", ".join(f"{each.id} ({each.stage} to {each.to_agent})" for each in found[:3]),
        fix=("name one by its id", "idse handoff list"),
    )
