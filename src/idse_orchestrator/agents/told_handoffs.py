"""The handoffs of a session as its ledger tells them: the open ones, and what became of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.agents.handoff import ACCEPT, APPROVE, REJECT, REQUEST, Handoff, handoffs_of
from idse_orchestrator.errors import AmbiguousError, UnknownNameError
from idse_orchestrator.ledger.entries import Span
from idse_orchestrator.ledger.events import HANDOFF

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.ledger.entries import Entry, LedgerHistory
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState

OPEN = "open"
ACCEPTED = "accepted"
REJECTED = "rejected"
VOID = "void"
"""Waits for an answer · the stage was assigned · it was not · another offer of the stage was accepted, or
the request itself never applied."""

_RESULTS = {ACCEPT: ACCEPTED, REJECT: REJECTED}


@dataclass(frozen=True, slots=True)
class ToldHandoff:
    """A handoff, the ledger commit that asked for it, what became of it, by whom, when and why."""

    handoff: Handoff
    commit: str
    result: str = OPEN
    by: str = ""
    at: str = ""
    answer: str = ""


def entries_of(history: LedgerHistory, key: SessionKey) -> list[Entry]:
    """The entries of a session, merges first, the others from the oldest to the newest."""
    found = [item.entry for item in history.entries(Span(sessions=(key,))) if item.entry]
    return sorted(found, key=lambda entry: (entry.event.lamport, entry.event.id) if entry.event else (0, ""))


def told_handoffs(entries: Iterable[Entry], state: SessionState) -> tuple[ToldHandoff, ...]:
    """All handoffs in `entries` (oldest first), in the order in which they were asked for.

    `state` is that of the session now: it says which are open, and which events did not apply.
    """
    refused = {entry.event for entry in state.not_applied}
    still_open = {handoff.id: handoff for handoff in handoffs_of(state)}
    asked: dict[str, Entry] = {}
    answers: dict[str, Entry] = {}
    approvals: dict[str, str] = {}
    for entry in entries:
        event = entry.event
        if event is None or event.kind != HANDOFF:
            continue
        action = event.body.get("action")
        about = str(event.body.get("handoff", ""))
        if action == REQUEST:
            asked[event.id] = entry
        elif action == APPROVE and event.id not in refused:
            approvals[about] = event.actor.label
        elif event.id not in refused:
            answers.setdefault(about, entry)
    return tuple(
        _told(entry, still_open.get(name), answers.get(name), approvals.get(name, ""))
        for name, entry in asked.items()
    )


def _likely(told: Sequence[ToldHandoff], agent: str) -> Sequence[ToldHandoff]:
    """Those that are meant first where none is named."""
    still_open = [each for each in told if each.result == OPEN]
    own = [each for each in still_open if agent and each.handoff.to_agent == agent]
    return own or still_open or [each for each in told if each.result != VOID] or told


def _told(entry: Entry, open_: Handoff | None, answer: Entry | None, approved_by: str) -> ToldHandoff:
    handoff = open_ or _handoff(entry, approved_by)
    if open_ is not None:
        return ToldHandoff(handoff, entry.commit)
    if answer is None or answer.event is None:
        return ToldHandoff(handoff, entry.commit, VOID)
    event = answer.event
    result = _RESULTS.get(answer.text("action"), VOID)
    return ToldHandoff(handoff, entry.commit, result, event.actor.label, event.at, answer.text("reason"))


def _handoff(entry: Entry, approved_by: str) -> Handoff:
    event = entry.event
    return Handoff(
        event.id if event else "",
        entry.text("stage"),
        entry.text("from"),
        entry.text("to"),
        entry.text("reason"),
        event.at if event else "",
        event.actor.label if event else "",
        entry.text("after"),
        needs_approval=bool(event and event.body.get("approval")),
        approved_by=approved_by,
    )


def told_handoff(told: Sequence[ToldHandoff], name: str, agent: str = "") -> ToldHandoff:
    """The one that `name` means: an id or the beginning of one.

    "" : the last that is open, for an `agent` what is offered to it; or else the last that is not void.
    """
    if name:
        found = [each for each in told if each.handoff.id.startswith(name.upper())]
    else:
        found = list(_likely(told, agent)[-1:])
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(each.handoff.id for each in found[:3])
        raise AmbiguousError(
            f"{name!r} means {len(found)} handoffs", cause=names, fix=("type more of the id",)
        )
    raise UnknownNameError(
        f"there is no handoff {name!r} in this session"
        if name
        else "there is no handoff in this session yet",
        fix=("idse handoff list --all",),
    )
