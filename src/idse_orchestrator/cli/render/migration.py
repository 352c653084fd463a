"""A migration as text and as JSON: what each session became, and what became of every file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.layout import Style, printable
from idse_orchestrator.documents.project_workspace import STAGE_OF
from idse_orchestrator.migrate.files import STUB, UNKNOWN, Fate
from idse_orchestrator.migrate.paths import LAYOUTS
from idse_orchestrator.migrate.values import CLOSED, DONE, NEW, TAKEN, Migrated, MigrationPlan, SessionPlan

_FEW = 20
_SHORT = {"pending": "-", "in_progress": "in progress", "complete": "complete"}


def migration_data(plan: MigrationPlan, done: Migrated) -> dict[str, Any]:
    """The whole report, of JSON's own types but for named tuples."""
    return {
        "source": plan.source,
        "left_out": list(plan.left_out),
        "current": "/".join(plan.current) if plan.current else None,
        "counts": dict(plan.count()),
        "total": len(plan.fates),
        "sessions": [_session_data(session) for session in plan.sessions],
        "files": list(_file_data(plan)),
        "registries": {
            project: {"file": found.path, "agents": len(found.registry.agents), "doubts": list(found.doubts)}
            for project, found in plan.registries.items()
        },
        "notes": list(plan.notes),
        "written": _names(done.written),
        "folders": _names(done.folders),
        "kept_folders": _names(done.kept_folders),
        "refused": _names(done.refused),
        "projects": list(done.projects),
        "agents": done.agents,
        "events": done.events,
        "changed": done.changed,
    }


def _names(keys: Iterable[tuple[str, str]]) -> list[str]:
    return ["/".join(key) for key in keys]


def _session_data(session: SessionPlan) -> dict[str, Any]:
    facts = session.facts
    return {
        "session": session.name,
        "called": "/".join(session.source_key),
        "verdict": session.verdict,
        "layouts": [LAYOUTS[letter] for letter in session.layouts],
        "type": facts.type,
        "title": facts.title,
        "owner": facts.owner,
        "parents": list(session.parents),
        "created_at": facts.created.at if facts.created else None,
        "commits": len(session.steps),
        "handoffs": len(session.stories),
        "stages": dict(session.stages),
        "recorded": dict(facts.recorded),
        "waived": {
            rule: [f"{finding.path}:{finding.line}: {finding.message}" for finding in findings]
            for rule, findings in session.waived.items()
        },
        "doubts": list(session.doubts),
    }


def _file_data(plan: MigrationPlan) -> Iterator[dict[str, Any]]:
    owners = {path: session.name for session in plan.sessions for path in session.places}
    for fate in plan.fates:
        yield {
            "path": fate.path,
            "fate": fate.fate,
            "reason": fate.reason,
            "session": owners.get(fate.path),
            "target": fate.target or None,
        }


def migration_lines(plan: MigrationPlan, style: Style, *, verbose: bool) -> Iterator[str]:
    """The plan for people: a paragraph for each session, then the files that need a look, then the counts."""
    yield f"source: {style.bold(printable(plan.source))}"
    for session in plan.sessions:
        yield from _session_lines(session, style, verbose=verbose)
    for project, found in sorted(plan.registries.items()):
        yield f"agents of {project}: {len(found.registry.agents)} in {printable(found.path)}"
    for note in plan.notes:
        yield f"  {style.yellow('doubt:')} {printable(note)}"
    yield from _file_lines(plan, style, verbose=verbose)
    counts = plan.count()
    words = ", ".join(f"{count:,} {fate}{_plural(fate, count)}" for fate, count in counts.items())
    yield f"files: {words}: {sum(counts.values()):,} in all"


def _session_lines(session: SessionPlan, style: Style, *, verbose: bool) -> Iterator[str]:
    called = f"  (was {printable('/'.join(session.source_key))})" if session.was_renamed else ""
    yield f"{style.bold(session.name)}: {_verdict(session, style)}{called}"
    if session.verdict in (TAKEN, CLOSED):
        return
    artifacts = sum(1 for path in session.arranged.files if path in STAGE_OF)
    others = len(session.arranged.files) - artifacts
    parts = [
        " + ".join(LAYOUTS[letter] for letter in session.layouts),
        counted(artifacts, "artifact"),
        counted(others, "side file"),
        *([counted(len(session.steps), "commit")] if session.steps else ()),
        *([counted(len(session.stories), "handoff")] if session.stories else ()),
    ]
    yield "  " + ", ".join(part for part in parts if part)
    told = [(stage, status) for stage, status in session.stages.items() if status != "pending"]
    if told:
        yield "  " + ", ".join(f"{stage} {_SHORT[status]}" for stage, status in told)
    if session.waived:
        yield "  waived: " + ", ".join(f"{rule} ({len(found)})" for rule, found in session.waived.items())
    for doubt in session.doubts if verbose else session.doubts[:3]:
        yield f"  {style.yellow('doubt:')} {printable(doubt)}"


def _verdict(session: SessionPlan, style: Style) -> str:
    words: Mapping[str, str] = {
        NEW: style.green("new"),
        DONE: "migrated already",
        TAKEN: style.yellow("not touched: a session of that name has a ledger here"),
        CLOSED: style.yellow(f"waits: {printable(session.closed)} cannot be read"),
    }
    return words[session.verdict]


def _file_lines(plan: MigrationPlan, style: Style, *, verbose: bool) -> Iterator[str]:
    """Every file in a plan that is only shown; after the work those that nobody took."""
    if verbose:
        for fate in plan.fates:
            yield _file_line(fate, style)
        return
    unknown = [fate for fate in plan.fates if fate.fate == UNKNOWN]
    for fate in unknown[:_FEW]:
        yield _file_line(fate, style)
    if len(unknown) > _FEW:
        yield f"  … and {len(unknown) - _FEW:,} more unknown files: --report FILE, or -v, lists all"


def _file_line(fate: Fate, style: Style) -> str:
    target = f" → {printable(fate.target)}" if fate.target else ""
    reason = f"  ({printable(fate.reason)})" if fate.reason else ""
    shown = style.yellow(fate.fate) if fate.fate in (UNKNOWN, STUB) else fate.fate
    return f"  {shown}: {printable(fate.path)}{target}{style.dim(reason)}"


def outcome_lines(plan: MigrationPlan, done: Migrated, *, dry_run: bool) -> Iterator[str]:
    """Yields sentences on the work that was done."""
    new = sum(1 for session in plan.sessions if session.verdict == NEW)
    if plan.left_out:
        yield f"not looked into: {', '.join(plan.left_out[:3])}"
    if dry_run:
        yield f"this is a plan: nothing was written; {counted(new, 'session')} would be"
        return
    if not done.changed:
        yield "nothing was changed: everything that can be taken over is here already"
    if done.written:
        count = len(done.written)
        yield f"migrated {counted(count, 'session')} in {done.events:,} events"
    if done.agents:
        yield f"took over {counted(done.agents, 'agent')}: idse agents list"
    for key in done.kept_folders[:3]:
        name = "/".join(key)
        yield f"{name} has a folder in this work tree, which was left as it is: idse diff, idse restore"
    if len(done.kept_folders) > 3:
        yield f"so have {len(done.kept_folders) - 3} more"
    yield from _left_lines(plan, done)
    if done.written:
        yield "next: idse session list, idse validate; hooks: idse hooks install"


def _left_lines(plan: MigrationPlan, done: Migrated) -> Iterator[str]:
    for key in done.refused:
        yield f"{'/'.join(key)} was begun by somebody else meanwhile: run the command again"
    count = len(plan.waiting)
    if count:
        yield f"{counted(count, 'session')} cannot be read whole: make the files readable, then run it again"


def _plural(fate: str, count: int) -> str:
    return "s" if fate in ("side file", "stub", "duplicate") and count != 1 else ""
