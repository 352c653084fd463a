"""What the old place should say once its documents live in ledgers."""

from __future__ import annotations

from collections.abc import Mapping

from idse_orchestrator.app.migrate.values import CLOSED, TAKEN, MigrationPlan, SessionPlan
from idse_orchestrator.domain.migration.files import DUPLICATE, MIGRATED
from idse_orchestrator.domain.migration.paths import FLAT
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.domain.text import encodable

SUMMARY = "IDSE-MIGRATED.md"


def notices(plan: MigrationPlan) -> Mapping[str, bytes]:
    """A notice for each document that an older layout holds, by its path, and one page about all of them."""
    sessions = [session for session in plan.sessions if session.verdict not in (TAKEN, CLOSED)]
    found = {}
    for session in sessions:
        for fate in session.arranged.fates:
            is_old = session.places[fate.path].layout != FLAT
            if fate.fate in (MIGRATED, DUPLICATE) and is_old and fate.path.lower().endswith(".md"):
                found[fate.path] = _notice(session, fate.target)
    return {**found, SUMMARY: _summary(sessions)}


def _notice(session: SessionPlan, target: str) -> bytes:
    place = f"{session_folder(*session.key)}/{target}"
    return (
        "# Legacy path notice\n\n"
        f"This document has moved. It belongs to the IDSE session `{session.name}`, whose ledger holds it\n"
        f"with its history; in a work tree it stands at `{place}`.\n\n"
        f"    idse log {session.name}\n"
        f"    idse restore {session.name}\n"
    ).encode()


def _summary(sessions: list[SessionPlan]) -> bytes:
    rows = [f"| `{encodable('/'.join(session.said))}` | `{session.name}` |" for session in sessions]
    head = (
        "# These IDSE sessions have moved\n\n"
        "Their documents, stages and history are kept as git commits under `refs/idse/`. Nothing is edited\n"
        "here any more.\n\n| here | now |\n|---|---|\n"
    )
    return (head + "\n".join(rows) + "\n").encode()
