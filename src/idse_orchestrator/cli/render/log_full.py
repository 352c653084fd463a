"""All that one entry says, field by field."""

from __future__ import annotations

import json
import re

from idse_orchestrator.cli.render.dates import iso, relative
from idse_orchestrator.cli.render.log import Look, beneath, session_label, subject
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.ledger.entries import Entry

_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_LABEL = 10
_MOST = 4_000
"""Characters of a value: an import of ten thousand agents is one event."""

_TOLD = frozenset({"action", "code", "from", "reason", "stage", "to"})


def full(entry: Entry, look: Look) -> list[str]:
    """The entry as a block: its id, a line for each field, and the reason below."""
    head = f"event {entry.event.id}" if entry.event else f"entry {entry.commit}"
    rows = [look.style.yellow(printable(head)), *(_row(*pair) for pair in _fields(entry, look))]
    reason = list(beneath(entry, look, 4))
    return [*rows, *([""] if reason else []), *(f"    {line}".rstrip() for line in reason), ""]


def _fields(entry: Entry, look: Look) -> list[tuple[str, str]]:
    fields = [("What", subject(entry, look.style)), ("Session", _session(entry)), ("Ledger", entry.commit)]
    if entry.event is None:
        parents = [("Parent", parent) for parent in entry.parents]
        return [*fields, *parents, ("Date", _date(entry, look))]
    actor, event = entry.event.actor, entry.event
    fields += [("Kind", printable(event.kind)), ("Actor", printable(f"{actor.name} <{actor.email}>"))]
    fields += [("Agent", printable(actor.agent))] if actor.agent else []
    fields += [
        ("Date", _date(entry, look)),
        ("Replica", printable(event.replica)),
        ("Lamport", str(event.lamport)),
    ]
    fields += [("Code", printable(entry.text("code")))] if entry.text("code") else []
    return fields + [(printable(str(key)).capitalize(), _value(value)) for key, value in _rest(entry)]


def _rest(entry: Entry) -> list[tuple[str, object]]:
    body = entry.event.body if entry.event else {}
    return [
        (key, body[key]) for key in sorted(body) if key not in _TOLD and body[key] not in ("", None, [], {})
    ]


def _value(value: object) -> str:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return printable(", ".join(f"{key} {_shown(item)}" for key, item in value.items()))
    text = json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _MOST else f"{text[:_MOST]}… ({len(text):,} characters: --json)")


def _shown(text: str) -> str:
    """`text`, ids of objects by their beginning."""
    return text[:12] if _ID.fullmatch(text) else text


def _session(entry: Entry) -> str:
    return f"{printable(entry.project)}/{printable(entry.session)}" if entry.session else session_label(entry)


def _date(entry: Entry, look: Look) -> str:
    date = printable(iso(entry))
    return date if look.now is None else f"{date}  ({printable(relative(entry, look.now))})"


def _row(label: str, text: str) -> str:
    return f"{label + ':':<{_LABEL}} {text}"
