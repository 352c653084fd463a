"""The message of a ledger commit: a subject people read, a reason, and trailers plain git can query.

JSON is authoritative; the message is its retelling and can be rebuilt from the event. Free text is
cleaned first: a line break or a ``---`` line in it would forge or hide trailers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from idse_orchestrator.base.text import one_line, paragraphs
from idse_orchestrator.ledger.events import Event

Words = Callable[[str], Callable[[Mapping[str, Any]], str] | None]
"""What makes the subject of a body, by kind of event: `Kinds.words`."""

MAX_SUBJECT = 72
MERGE_MESSAGE = "merged two histories\n"
"""The message of every merge: whoever makes it must make the same commit."""


def message_of(event: Event, words: Words) -> str:
    """Subject, reason and trailers of `event`, ending in a line break."""
    reason = paragraphs(str(event.body.get("reason", "")))
    trailers = "\n".join(f"{key}: {value}" for key, value in trailers_of(event).items())
    parts = [subject_of(event, words), reason, trailers]
    return "\n\n".join(part for part in parts if part) + "\n"


def subject_of(event: Event, words: Words) -> str:
    """One line that says what happened, at most MAX_SUBJECT characters."""
    line = paragraphs(one_line((words(event.kind) or something_happened)(event.body)))
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


def something_happened(body: Mapping[str, Any]) -> str:
    """Says what a body says of itself: the subject of an event that nothing else can tell."""
    return one_line(str(body.get("summary", ""))) or "something happened"
