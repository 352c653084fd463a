"""Entries of ledgers as JSON: the same fields for events, merges and damage."""

from __future__ import annotations

from collections.abc import Iterable

from idse_orchestrator.cli.render.dates import iso
from idse_orchestrator.documents.pipeline_artifacts import STAGE_OF
from idse_orchestrator.ledger.entries import Entry
from idse_orchestrator.sessions.trees import Change


def entry_data(entry: Entry) -> dict[str, object]:
    """One entry; what an event alone has is null in a merge and in damage, and `kind` is "" in damage."""
    event = entry.event
    return {
        "project": entry.project,
        "session": entry.session or None,
        "commit": entry.commit,
        "parents": list(entry.parents),
        "kind": entry.kind,
        "subject": entry.subject,
        "at": iso(entry),
        "event": event.id if event else None,
        "stage": entry.text("stage") or None,
        "from": entry.text("from") or None,
        "to": entry.text("to") or None,
        "reason": entry.text("reason") or None,
        "code": entry.text("code") or None,
        "actor": {"name": event.actor.name, "email": event.actor.email, "agent": event.actor.agent}
        if event
        else None,
        "replica": event.replica if event else None,
        "lamport": event.lamport if event else None,
        "body": event.body if event else None,
        "not_applied": entry.not_applied or None,
        "damage": entry.damage or None,
    }


def damage_diagnostics(entries: Iterable[Entry]) -> list[dict[str, object]]:
    """A diagnostic for each damaged entry."""
    return [
        {
            "severity": "warning",
            "code": "IDSE013",
            "message": f"damaged entry: {entry.damage}",
            "where": entry.commit,
            "fix": ["idse fsck"],
        }
        for entry in entries
        if entry.damage
    ]


def changes_data(changes: Iterable[Change]) -> list[dict[str, object]]:
    """Paths that differ, with the stage whose artifact it is and the blob ids of both sides."""
    return [
        {
            "path": change.path,
            "stage": STAGE_OF.get(change.path),
            "status": change.status,
            "old": change.old or None,
            "new": change.new or None,
        }
        for change in changes
    ]
