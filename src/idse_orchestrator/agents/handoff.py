"""Handoffs: a stage that an agent was asked to go on with, and what became of that.

The open ones are a part of a session's state, folded here; its ledger knows the answered ones, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import AmbiguousError, UnknownNameError
from idse_orchestrator.ledger.events import HANDOFF, Draft, Event, SessionKey, something_happened
from idse_orchestrator.pipeline.values import part_of, with_part

if TYPE_CHECKING:
    from idse_orchestrator.ledger.entries import Entry, LedgerHistory
    from idse_orchestrator.pipeline.stage_state_model import SessionState

HANDOFFS = "handoffs"
"""The part of a session's state that is kept here."""

REQUEST = "request"
APPROVE = "approve"
ACCEPT = "accept"
REJECT = "reject"

_KEYS = ("id", "stage", "from", "to", "reason", "at", "by", "after", "approval", "approved_by")
"""The fields of a handoff, in order, as JSON names them."""


class Handoff(NamedTuple):
    """`id` is that of the event that asked; `at` and `by` are its date and who asked.

    `from_agent` is who had the stage ("" : a person), `after` the stage that was completed where a rule
    asked by itself. With `needs_approval` nobody can accept before a person approved: `approved_by`.
    """

    id: str
    stage: str
    from_agent: str
    to_agent: str
    reason: str = ""
    at: str = ""
    by: str = ""
    after: str = ""
    needs_approval: bool = False
    approved_by: str = ""

    @property
    def waits_for_approval(self) -> bool:
        """True if a person has to say yes first."""
        return self.needs_approval and not self.approved_by


def handoff_to_dict(handoff: Handoff) -> dict[str, Any]:
    """Returns `handoff` as plain JSON values."""
    return dict(zip(_KEYS, handoff, strict=True))


def handoff_draft(
    stage: str, giver: str, taker: str, *, approval: bool, reason: str, after: str = ""
) -> Draft:
    """Returns the event that asks `taker` to go on with `stage`; `after` one that a rule waited for."""
    body = {"stage": stage, "from": giver, "to": taker, "approval": approval, "reason": reason}
    return Draft(HANDOFF, {"action": REQUEST, **body, **({"after": after} if after else {})})


def handoffs_of(state: SessionState) -> tuple[Handoff, ...]:
    """Returns the open handoffs of a session. CorruptLedgerError where its state holds something else."""
    return part_of(
        state, HANDOFFS, lambda rows: tuple(Handoff(*(row[key] for key in _KEYS)) for row in rows), ()
    )


def with_handoffs(state: SessionState, handoffs: Iterable[Handoff]) -> SessionState:
    """Returns `state` with these open handoffs and no others."""
    return with_part(state, HANDOFFS, [handoff_to_dict(handoff) for handoff in handoffs])


def apply_handoff(state: SessionState, event: Event) -> SessionState | str:
    """Returns the state after a ``handoff`` event; or why it does not apply."""
    if "action" not in event.body:
        return state
    action = event.body["action"]
    if action == REQUEST:
        return _request(state, event)
    answer = _ANSWERS.get(action)
    if answer is None:
        return f"this idse does not know how to {action} a handoff"
    handoff = next((open_ for open_ in handoffs_of(state) if open_.id == event.body.get("handoff")), None)
    if handoff is None:
        return "the handoff was not open any more"
    return refusal(action, handoff, event.actor.agent) or answer(state, handoff, event)


def refusal(action: str, handoff: Handoff, agent: str) -> str:
    """Returns why `agent` ("" : a person) may not answer so; "" where it may."""
    if action == APPROVE:
        return "only a person can approve a handoff" if agent else ""
    allowed = (handoff.to_agent,) if action == ACCEPT else (handoff.to_agent, handoff.from_agent)
    if agent and agent not in allowed:
        return f"it is for {handoff.to_agent} to {action}, and {agent} acted"
    if action == ACCEPT and handoff.waits_for_approval:
        return "no person had approved it"
    return ""


def _request(state: SessionState, event: Event) -> SessionState | str:
    handoff = _requested(event)
    if handoff.stage not in STAGES:
        return f"this idse does not know the stage {handoff.stage}"
    there = handoffs_of(state)
    if any((known.stage, known.to_agent) == (handoff.stage, handoff.to_agent) for known in there):
        return f"{handoff.stage} was offered to {handoff.to_agent} already"
    return with_handoffs(state, (*there, handoff))


def _requested(event: Event, approved_by: str = "") -> Handoff:
    """Returns the handoff that a request asks for."""
    body: Mapping[str, Any] = event.body
    return Handoff(
        event.id,
        body["stage"],
        body.get("from", ""),
        body["to"],
        body.get("reason", ""),
        event.at,
        event.actor.label,
        body.get("after", ""),
        bool(body.get("approval", False)),
        approved_by,
    )


def _approve(state: SessionState, handoff: Handoff, event: Event) -> SessionState | str:
    if handoff.approved_by:
        return "it was approved already"
    approved = handoff._replace(approved_by=event.actor.label)
    return with_handoffs(state, (approved if each == handoff else each for each in handoffs_of(state)))


def _accept(state: SessionState, handoff: Handoff, _event: Event) -> SessionState:
    others = (each for each in handoffs_of(state) if each.stage != handoff.stage)
    assigned = {**state.assigned, handoff.stage: handoff.to_agent}
    return with_handoffs(state._replace(assigned=assigned), others)


def _reject(state: SessionState, handoff: Handoff, _event: Event) -> SessionState:
    return with_handoffs(state, (each for each in handoffs_of(state) if each != handoff))


_ANSWERS: Mapping[str, Callable[[SessionState, Handoff, Event], SessionState | str]] = {
    APPROVE: _approve,
    ACCEPT: _accept,
    REJECT: _reject,
}

_HANDED = {
    REQUEST: "handoff asked for",
    APPROVE: "handoff approved",
    ACCEPT: "handoff accepted",
    REJECT: "handoff rejected",
}


def handoff_words(body: Mapping[str, Any]) -> str:
    """Returns the subject of a ``handoff`` event; one without ``action`` tells a story."""
    if "action" not in body:
        return something_happened(body)
    arrow = f"{body.get('from') or 'a person'} → {body.get('to', '')}"
    return f"{body.get('stage', '')}: {arrow} ({_HANDED.get(body['action'], body['action'])})"


OPEN = "open"
VOID = "void"
_RESULTS = {ACCEPT: "accepted", REJECT: "rejected"}


class HandoffRecord(NamedTuple):
    """A handoff, the ledger commit that asked for it, what became of it, by whom, when and why.

    `result` is OPEN (it waits for an answer), "accepted", "rejected", or VOID: another offer of the stage
    was accepted, or the request itself never applied.
    """

    handoff: Handoff
    commit: str
    result: str = OPEN
    by: str = ""
    at: str = ""
    answer: str = ""


def entries_of(history: LedgerHistory, key: SessionKey) -> list[Entry]:
    """Returns the entries of a session, merges first, the others from the oldest to the newest."""
    from idse_orchestrator.ledger.entries import Span

    found = [item.entry for item in history.entries(Span(sessions=(key,))) if item.entry]
    return sorted(found, key=lambda entry: (entry.event.lamport, entry.event.id) if entry.event else (0, ""))


def handoff_records(entries: Iterable[Entry], state: SessionState) -> tuple[HandoffRecord, ...]:
    """Returns all handoffs in `entries` (oldest first), in the order in which they were asked for.

    `state` is that of the session now: it says which are open, and which events did not apply.
    """
    refused = {entry.event for entry in state.not_applied}
    still_open = {handoff.id: handoff for handoff in handoffs_of(state)}
    asked: dict[str, tuple[str, Event]] = {}
    answers: dict[str, Event] = {}
    approvals: dict[str, str] = {}
    for entry in entries:
        event = entry.event
        if event is None or event.kind != HANDOFF:
            continue
        action = event.body.get("action")
        about = str(event.body.get("handoff", ""))
        if action == REQUEST:
            asked[event.id] = (entry.commit, event)
        elif action == APPROVE and event.id not in refused:
            approvals[about] = event.actor.label
        elif event.id not in refused:
            answers.setdefault(about, event)
    return tuple(
        HandoffRecord(still_open[name], commit)
        if name in still_open
        else _closed(_requested(event, approvals.get(name, "")), commit, answers.get(name))
        for name, (commit, event) in asked.items()
    )


def _closed(handoff: Handoff, commit: str, answer: Event | None) -> HandoffRecord:
    if answer is None:
        return HandoffRecord(handoff, commit, VOID)
    result = _RESULTS.get(str(answer.body.get("action")), VOID)
    reason = str(answer.body.get("reason") or "")
    return HandoffRecord(handoff, commit, result, answer.actor.label, answer.at, reason)


def handoff_record(records: Sequence[HandoffRecord], name: str, agent: str = "") -> HandoffRecord:
    """Returns the one that `name` means: an id or the beginning of one.

    "" : the last that is open, for an `agent` what is offered to it; or else the last that is not void.
    """
    if name:
        found = [each for each in records if each.handoff.id.startswith(name.upper())]
    else:
        found = list(_likely(records, agent)[-1:])
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


def _likely(records: Sequence[HandoffRecord], agent: str) -> Sequence[HandoffRecord]:
    """Returns those that are meant first where none is named."""
    still_open = [each for each in records if each.result == OPEN]
    own = [each for each in still_open if agent and each.handoff.to_agent == agent]
    return own or still_open or [each for each in records if each.result != VOID] or records
