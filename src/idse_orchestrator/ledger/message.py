"""The message of a ledger commit: a subject people read, a reason, and trailers plain git can query.

JSON is authoritative; the message is its retelling and can be rebuilt from the event. Free text is
cleaned first: a line break or a ``---`` line in it would forge or hide trailers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idse_orchestrator.agents.registry_fold import registry_summary
from idse_orchestrator.base.text import one_line, paragraphs
from idse_orchestrator.ledger import events
from idse_orchestrator.ledger.events import Event

MAX_SUBJECT = 72
MERGE_MESSAGE = "merged two histories\n"
"""The message of every merge: whoever makes it must make the same commit."""


def message_of(event: Event) -> str:
    """Subject, reason and trailers of `event`, ending in a line break."""
    reason = paragraphs(str(event.body.get("reason", "")))
    trailers = "\n".join(f"{key}: {value}" for key, value in trailers_of(event).items())
    parts = [subject_of(event), reason, trailers]
    return "\n\n".join(part for part in parts if part) + "\n"


def subject_of(event: Event) -> str:
    """One line that says what happened, at most MAX_SUBJECT characters."""
    line = paragraphs(one_line(_SUBJECTS.get(event.kind, _unknown)(event.body)))
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


def trailers_of(event: Event) -> Mapping[str, str]:
    """Trailer to value, in the order they are written; what an event does not have is left out."""
    body = event.body
    values = {
        "Idse-Event": event.id,
        "Idse-Kind": event.kind,
        "Idse-Stage": body.get("stage", ""),
        "Idse-From": body.get("from", ""),
        "Idse-To": body.get("to", ""),
        "Idse-Agent": event.actor.agent,
        "Idse-Code": body.get("code", ""),
        "Idse-Migration": body.get("migration", ""),
        "Idse-Claim": body.get("claim", ""),
        "Idse-Lamport": event.lamport,
    }
    clean = {key: one_line(str(value)) for key, value in values.items() if value is not None}
    return {key: value for key, value in clean.items() if value}


def _created(body: Mapping[str, Any]) -> str:
    return f"created {body.get('project', '')}{'/' if body.get('session') else ''}{body.get('session', '')}"


def _edited(body: Mapping[str, Any]) -> str:
    changed = sorted(body.get("changed", {}))
    what = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    if not body.get("code"):
        return f"saved {what or 'the folder'}"
    return f"committed {what or 'what was saved'} in {body['code'][:7]}"


def _stage(body: Mapping[str, Any]) -> str:
    arrow = f"{body['stage']}: {body['from']} → {body['to']}"
    return f"{arrow} ({body['action']}ed)" if body["action"] == "confirm" else arrow


def _validated(body: Mapping[str, Any]) -> str:
    return f"validated: {body['status']}"


def _approved(body: Mapping[str, Any]) -> str:
    if body.get("withdrawn"):
        return f"withdrew the waiver of {body['rule']}"
    return f"waived {body['rule']}" + (f" until {body['expires']}" if body.get("expires") else "")


def _assigned(body: Mapping[str, Any]) -> str:
    if "stage" not in body:
        return f"agents: {registry_summary(body)}"
    return (
        f"{body['stage']}: assigned to {body['agent']}" if body["agent"] else f"{body['stage']}: unassigned"
    )


def _described(body: Mapping[str, Any]) -> str:
    return "described: " + ", ".join(f"{key} {_words(body[key])}" for key in sorted(body) if key != "reason")


def _handoff(body: Mapping[str, Any]) -> str:
    if "action" not in body:
        return _unknown(body)
    arrow = f"{body.get('from') or 'a person'} → {body.get('to', '')}"
    return f"{body.get('stage', '')}: {arrow} ({_HANDED.get(body['action'], body['action'])})"


_HANDED = {
    "request": "handoff asked for",
    "approve": "handoff approved",
    "accept": "handoff accepted",
    "reject": "handoff rejected",
}


def _claimed(body: Mapping[str, Any]) -> str:
    if not body.get("action") or not body.get("claim"):
        return _unknown(body)
    text = f": {body['text']}" if body.get("text") else ""
    return f"{body['action']}d {body['claim']}{text}"


def _archived(body: Mapping[str, Any]) -> str:
    return "brought back from the archive" if body.get("restored") else "archived"


def _unknown(body: Mapping[str, Any]) -> str:
    return one_line(str(body.get("summary", ""))) or "something happened"


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else repr(value)


_SUBJECTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    events.CREATED: _created,
    events.EDITED: _edited,
    events.STAGE: _stage,
    events.VALIDATED: _validated,
    events.APPROVED: _approved,
    events.ASSIGNED: _assigned,
    events.DESCRIBED: _described,
    events.ARCHIVED: _archived,
    events.HANDOFF: _handoff,
    events.CLAIMED: _claimed,
}
