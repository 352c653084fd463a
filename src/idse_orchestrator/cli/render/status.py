"""A session's status as a page that fits 80 columns and 24 rows; all sessions of a project; both as JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked, picked_or_none
from idse_orchestrator.base.text import counted, few, printable
from idse_orchestrator.cli.layout import PLAIN, Style, columns, fitted
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGE_OF, STAGES
from idse_orchestrator.errors import EXIT_OK, CorruptLedgerError, NewerLedgerError
from idse_orchestrator.sessions.status import show_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from idse_orchestrator.agents.handoff import Handoff
    from idse_orchestrator.agents.ide_agent_routing import Choice, Routing
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState, Standing
    from idse_orchestrator.sessions.status import NextAction, SessionStatus
    from idse_orchestrator.wiring.application import Application

_WIDTH = 80
"""The page fits a terminal of this many columns, unless names alone are wider."""

_MOST_WAIVERS = 3
_MOST_OFFERS = 3
_DIFFERS = "  differs from the ledger"

_MARKS = {"pending": "·", "in_progress": "▶", "complete": "✓", "not_needed": "-"}


def status_answer(run: Run, key: SessionKey) -> Answer:
    """Answers where the session `key` stands."""
    status = show_status(run.app.reader, run.app.workspace, key)
    drifted = run.app.known_drift(key, status.tip, status.state)
    return Answer(
        "idse.status/1",
        lambda: {**status_data(status), "drifted": drifted, "guarded": is_guarded(run.app)},
        [*status_lines(status, run.terminal.style, drifted), *guard_lines(run.app)],
        _newer_diagnostics(status, key),
    )


def _newer_diagnostics(status: SessionStatus, key: SessionKey) -> Iterator[dict[str, object]]:
    if status.ledger.newer:
        from idse_orchestrator.ledger.commit import newer
        from idse_orchestrator.ledger.refs import session_ref

        error = newer(session_ref(*key), ValueError(status.ledger.newer))
        yield from _diagnostics(error)


def is_guarded(app: Application) -> bool | None:
    """Tests whether a commit in this work tree calls idse; None where there are no commits."""
    return app.work_tree.is_guarded if app.has_git and not app.is_bare else None


def guard_lines(app: Application) -> list[str]:
    """Returns what to say where nothing checks commits."""
    if is_guarded(app) is not False:
        return []
    return ["hooks: nothing checks a commit in this work tree: idse hooks install"]


def called(state: SessionState) -> str:
    """Names a session: as it is called, and by its first name behind that where it has an alias."""
    return f"{state.alias} ({state.session})" if state.alias else state.session


def status_lines(status: SessionStatus, style: Style = PLAIN, drifted: int = 0) -> list[str]:
    """Returns the lines of `idse status`. `drifted` counts commits that changed what was built."""
    state = status.state
    head = (
        f"{style.bold(printable(f'{state.project}/{called(state)}'))}  {state.type}, {state.effective_status}"
    )
    room = _WIDTH - columns(head) - 2
    lines = [head + (f"  {fitted(printable(state.title), room)}" if state.title and room > 0 else ""), ""]
    lines += [_stage_line(here, status, style) for here in status.stages]
    lines += ["", *_remarks(status, style, drifted), *next_lines(status.next, style)]
    lines += [fitted(line, _WIDTH) for line in who_lines(status)]
    return lines


def next_lines(action: NextAction, style: Style = PLAIN) -> list[str]:
    """Returns what to do now: why, and what to type."""
    first, *others = action.commands
    lines = [f"next: {printable(action.why)}", f"      {style.cyan(first)}"]
    return lines + [f"   or {style.cyan(other)}" for other in others]


def status_data(status: SessionStatus) -> dict[str, object]:
    """Returns the status as JSON values: ``data`` of idse.status/1."""
    state = status.state
    return {
        **picked(state, "project session"),
        **picked_or_none(state, "alias"),
        **picked(state, "type title"),
        "status": state.effective_status,
        **picked(state, "owner tags parents"),
        "ledger": {"commit": status.tip, "events": state.events, "lamport": state.lamport},
        "stages": [_stage_data(here, status) for here in status.stages],
        **picked(status, "differs has_folder"),
        "validation_status": state.validation.status,
        "validation": picked(state.validation, "constitution at"),
        "waivers": [picked(waiver, "rule reason expires by") for waiver in state.waivers],
        "not_applied": [picked(entry, "event why") for entry in state.not_applied],
        "conflicts": [
            {"stage": STAGE_OF.get(path), "path": path, "line": line}
            for path, line in status.ledger.conflicts.items()
        ],
        "last_sync": status.synced.at or None,
        "published": status.tip == status.synced.there if status.synced.is_tracked else None,
        "handoffs": handoffs_data(open_handoffs(state)),
        "next": next_data(status),
    }


def next_data(status: SessionStatus) -> dict[str, object]:
    """Returns what to do now, and who should, as JSON values."""
    action = status.next
    routing = routing_of(status, action.stage)
    return {
        "why": action.why,
        **picked_or_none(action, "stage artifact"),
        "commands": list(action.commands),
        "agent": routing.agent or None if routing else None,
        "routing": routing_data(routing),
    }


def _stage_data(here: Standing, status: SessionStatus) -> dict[str, object]:
    record = status.state.stages[here.stage]
    routing = routing_of(status, here.stage)
    return {
        **picked(here, "stage status condition causes"),
        "artifact": ARTIFACTS[here.stage],
        "blob": here.actual or None,
        "completed_blob": here.recorded or None,
        "in_ledger": here.stage not in status.differs,
        **picked_or_none(record, "at by"),
        "agent": routing.agent or None if routing else None,
    }


def _stage_line(here: Standing, status: SessionStatus, style: Style) -> str:
    record = status.state.stages[here.stage]
    words = here.status.replace("_", " ")
    tint = {"complete": style.green, "in progress": style.yellow}.get(words, style.dim)
    line = f"  {tint(_MARKS[here.status])} {here.stage:<15}{tint(f'{words:<12}')}"
    is_apart = here.stage in status.differs
    room = _WIDTH - columns(line) - 1 - (len(_DIFFERS) if is_apart else 0)
    detail = _condition(here, style, room)
    if not detail and record.at:
        detail = style.dim(fitted(f"{record.at[:10]}  {printable(record.by)}", room))
    differs = style.yellow(_DIFFERS) if is_apart else ""
    return f"{line} {detail}{differs}".rstrip()


def _condition(here: Standing, style: Style, room: int) -> str:
    if here.condition == "changed":
        return style.red("changed since completed")
    if here.condition == "stale":
        return style.yellow(fitted(f"stale: {few(here.causes)} changed", room))
    return ""


def drift_words(drifted: int) -> str:
    """Says how many commits changed what a session built."""
    return f"drifted: {counted(drifted, 'commit', ',')} changed what it built: idse drift"


def _remarks(status: SessionStatus, style: Style, drifted: int) -> list[str]:
    state = status.state
    remarks = []
    if status.ledger.newer:
        what = f"needs a newer idse: {status.ledger.newer.partition(', which')[0]}"
        remarks.append(style.red(fitted(printable(what), _WIDTH)))
    if not status.has_folder:
        remarks.append(style.yellow("no folder in this work tree: idse restore"))
    if status.ledger.conflicts:
        remarks.append(style.red(f"conflict in the ledger: {conflict_places(status.ledger.conflicts)}"))
    if status.synced.is_tracked and status.synced.there != status.tip:
        remarks.append(f"differs from the Agency as of {status.synced.at}: idse sync push")
    if drifted:
        remarks.append(style.yellow(drift_words(drifted)))
    if state.validation.status == "failing":
        remarks.append(style.red("the last validation failed: idse validate"))
    remarks += [
        fitted(
            printable(f"waived: {waiver.rule} until {waiver.expires or 'withdrawn'}: {waiver.reason}"), _WIDTH
        )
        for waiver in state.waivers[:_MOST_WAIVERS]
    ]
    if len(state.waivers) > _MOST_WAIVERS:
        remarks.append(f"and {len(state.waivers) - _MOST_WAIVERS} more waived: idse status --json")
    elsewhere = [each for each in open_handoffs(state) if each.stage != status.next.stage]
    remarks += [fitted(line, _WIDTH) for line in offer_lines(elsewhere)]
    if state.not_applied:
        count = len(state.not_applied)
        remarks.append(f"{counted(count, 'event')} not applied: idse log")
    return [*remarks, ""] if remarks else []


def conflict_places(conflicts: Mapping[str, int]) -> str:
    """Names the files that have a conflict, each with its line, the first few of them."""
    return few([f"{printable(path)}, line {line}" for path, line in conflicts.items()])


def routing_of(status: SessionStatus, stage: str) -> Routing | None:
    """Says who should act on `stage`; None where the project has no agents and the session assigns none."""
    assigned = status.state.assigned.get(stage, "")
    if not stage or ("registry" not in status.ledger.parts and not assigned):
        return None
    from idse_orchestrator.agents.ide_agent_routing import route
    from idse_orchestrator.agents.registry import registry_of

    return route(registry_of(status.ledger), stage, assigned)


def who_lines(status: SessionStatus) -> list[str]:
    """Says who should act on the next stage, and what is offered of it; nothing where nobody is known."""
    stage = status.next.stage
    routing = routing_of(status, stage)
    lines = []
    if routing and routing.first:
        others = few([choice.agent.id for choice in routing.choices[1:]])
        then = printable(f", then {others}") if others else ""
        lines.append(f"who:  {_named(routing.first)}{then}")
    elif routing:
        lines.append(f"who:  nobody handles {stage}: idse agents suggest")
    offers = [each for each in open_handoffs(status.state) if each.stage == stage]
    return lines + [f"      {line}" for line in offer_lines(offers)]


def open_handoffs(state: SessionState) -> tuple[Handoff, ...]:
    """Returns the open handoffs of a session; most have none, and load nothing to learn that."""
    if "handoffs" not in state.parts:
        return ()
    from idse_orchestrator.agents.handoff import handoffs_of

    return handoffs_of(state)


def offer_lines(handoffs: Sequence[Handoff]) -> list[str]:
    """Returns a line each for the first few of `handoffs`, and how many there are besides."""
    lines = [printable(handoff_words(each)) for each in handoffs[:_MOST_OFFERS]]
    more = len(handoffs) - _MOST_OFFERS
    return lines + ([f"and {counted(more, 'more handoff', ',')}: idse handoff list"] if more > 0 else [])


def handoff_words(handoff: Handoff) -> str:
    """Puts an open handoff into a line: what it offers to whom, and what it waits for."""
    waits = "idse handoff approve" if handoff.waits_for_approval else "idse handoff accept"
    source = handoff.from_agent or handoff.by
    return f"handoff of {handoff.stage} from {source} to {handoff.to_agent} waits: {waits}"


def routing_data(routing: Routing | None) -> list[dict[str, object]]:
    """Returns those who may act, in the order in which they are asked, as JSON values."""
    return [
        {
            "agent": choice.agent.id,
            "role": choice.agent.role,
            "mode": choice.agent.mode if choice.known else None,
            "capabilities": choice.agent.capabilities,
            "why": choice.why,
        }
        for choice in (routing.choices if routing else ())
    ]


def handoffs_data(handoffs: Sequence[Handoff]) -> list[dict[str, object]]:
    """Returns open handoffs as JSON values."""
    if not handoffs:
        return []
    from idse_orchestrator.agents.handoff import handoff_to_dict

    return [handoff_to_dict(handoff) for handoff in handoffs]


def _named(choice: Choice) -> str:
    agent = choice.agent
    if not choice.known:
        return printable(agent.id)
    facts = ", ".join(fact for fact in (agent.role, agent.mode) if fact)
    return printable(f"{agent.id} ({facts})")


def sessions_answer(run: Run, projects: Sequence[str], *, with_deleted: bool = False) -> Answer:
    """Lists the sessions of `projects`: the current one is marked, each stage is one sign.

    Deleted ones are there only `with_deleted`.
    """
    found, newer, damage = _sound_states(run.app.reader, projects)
    states = {key: state for key, state in found.items() if with_deleted or not state.is_deleted}
    workspace = run.app.workspace
    current = workspace.current(projects[0]) if len(projects) == 1 else workspace.current()
    return Answer(
        "idse.sessions/2",
        lambda: {
            "projects": list(projects),
            "sessions": [session_row(key, state, current) for key, state in states.items()],
        },
        _session_lines(projects, (states, newer), current, damage, run.terminal.style),
        _diagnostics(*newer.values(), damage),
        damage.exit_code if damage else EXIT_OK,
    )


def _session_lines(
    projects: Sequence[str],
    found: tuple[Mapping[SessionKey, SessionState], Mapping[SessionKey, NewerLedgerError]],
    current: SessionKey | None,
    damage: CorruptLedgerError | None,
    style: Style,
) -> Iterator[str]:
    from idse_orchestrator.pipeline.ports import SessionGraph

    states, newer = found
    rows: list[tuple[str, SessionKey]] = []
    for project in projects:
        named = {session: state for (owner, session), state in states.items() if owner == project}
        before = f"{project}/" if len(projects) > 1 else ""
        rows += [
            (f"{'  ' * depth}{before}{printable(called(named[session]))}", (project, session))
            for depth, session in SessionGraph(named).walk()
        ]
    width = max((columns(shown) for shown, _ in rows), default=0)
    if rows and sys.stdout.isatty():
        width = max(width, len("session"))
        yield style.dim(f"  {'session':<{width}}  stages   status     open, title")
    for shown, key in rows:
        yield _session_line(f"{shown:<{width}}", states[key], style, is_current=key == current)
    for (_, session), error in newer.items():
        yield f"{session}: {error.message} ({error.cause}): {error.fix[0]}"
    if damage is not None:
        raise damage
    if not states and not newer:
        yield Said(f"project {projects[0]} has no session yet: idse spawn NAME")


def _diagnostics(*damage: CorruptLedgerError | None) -> Iterator[dict[str, object]]:
    for each in filter(None, damage):
        from idse_orchestrator.cli.envelope import diagnostic

        yield diagnostic(each)


def _sound_states(
    ledgers: LedgerReader, projects: Sequence[str]
) -> tuple[
    Mapping[SessionKey, SessionState], Mapping[SessionKey, NewerLedgerError], CorruptLedgerError | None
]:
    """Returns the states that can be read, what needs a newer idse, and the first damage.

    One bad ledger does not hide the others.
    """
    keys = [key for project in projects for key in ledgers.sessions(project)]
    try:
        return ledgers.states(keys), {}, None
    except CorruptLedgerError:
        states: dict[SessionKey, SessionState] = {}
        newer: dict[SessionKey, NewerLedgerError] = {}
        damage = None
    for key in keys:
        try:
            states.update(ledgers.states([key]))
        except NewerLedgerError as error:
            newer[key] = error
        except CorruptLedgerError as error:
            damage = damage or error
    return states, newer, damage


def session_row(key: SessionKey, state: SessionState, current: SessionKey | None) -> dict[str, object]:
    """Returns one session as JSON values."""
    return {
        "project": key[0],
        "session": key[1],
        **picked_or_none(state, "alias"),
        **picked(state, "type title"),
        "status": state.effective_status,
        "current": key == current,
        **picked(state, "owner tags parents"),
        "stages": {stage: state.status_of(stage) for stage in STAGES},
        "validation_status": state.validation.status,
        **picked(state, "updated_at events"),
    }


def stage_signs(state: SessionState) -> str:
    """Returns one sign for the status of each stage."""
    return "".join(_MARKS[state.status_of(stage)] for stage in STAGES)


def _session_line(name: str, state: SessionState, style: Style, *, is_current: bool) -> str:
    signs = stage_signs(state)
    mark, shown = ("*", style.green(name)) if is_current else (" ", name)
    working = [stage for stage in STAGES if state.stages[stage].status == "in_progress"]
    title = printable(state.title)
    words = f"{state.effective_status:<9} {', '.join(working)}"
    return f"{mark} {shown}  {signs}  {words}  {title}".rstrip()
