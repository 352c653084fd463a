"""All sessions of a project, a line each, and those that grew from another one beneath it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.layout import Style, printable
from idse_orchestrator.cli.terminal import Answer, Said, picked
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import EXIT_OK, CorruptLedgerError
from idse_orchestrator.pipeline.ports import SessionGraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState

_LETTER = {"pending": "·", "in_progress": "▶", "complete": "✓"}


def sessions_answer(run: Run, project: str) -> Answer:
    """Lists the sessions of `project`: the current one is marked, each stage is one sign."""
    states, damage = _sound_states(run.app.reader, project)
    current = run.app.workspace.current(project)
    return Answer(
        "idse.sessions/1",
        lambda: {
            "project": project,
            "sessions": [session_row(key, state, current) for key, state in states.items()],
        },
        _lines(project, states, current, damage, run.terminal.style),
        _diagnostics(damage),
        damage.exit_code if damage else EXIT_OK,
    )


def _lines(
    project: str,
    states: Mapping[SessionKey, SessionState],
    current: SessionKey | None,
    damage: CorruptLedgerError | None,
    style: Style,
) -> Iterator[str]:
    named = {session: state for (_, session), state in states.items()}
    rows = [("  " * depth + session, session) for depth, session in SessionGraph(named).walk()]
    width = max((len(shown) for shown, _ in rows), default=0)
    for shown, session in rows:
        is_current = (project, session) == current
        yield _line(f"{shown:<{width}}", named[session], style, is_current=is_current)
    if damage is not None:
        raise damage
    if not states:
        yield Said(f"project {project} has no session yet: idse spawn NAME")


def _diagnostics(damage: CorruptLedgerError | None) -> Iterator[dict[str, object]]:
    if damage is not None:
        from idse_orchestrator.cli.envelope import diagnostic

        yield diagnostic(damage)


def _sound_states(
    ledgers: LedgerReader, project: str
) -> tuple[Mapping[SessionKey, SessionState], CorruptLedgerError | None]:
    """Returns the states that can be read, and the first damage: one bad ledger does not hide the others."""
    keys = ledgers.sessions(project)
    try:
        return ledgers.states(keys), None
    except CorruptLedgerError as error:
        return {key: state for key in keys for state in _state(ledgers, key)}, error


def _state(ledgers: LedgerReader, key: SessionKey) -> Iterable[SessionState]:
    try:
        return ledgers.states([key]).values()
    except CorruptLedgerError:
        return ()


def session_row(key: SessionKey, state: SessionState, current: SessionKey | None) -> dict[str, object]:
    """Returns one session as JSON values."""
    return {
        "session": key[1],
        **picked(state, "type title"),
        "status": state.effective_status,
        "current": key == current,
        **picked(state, "owner tags parents"),
        "stages": {stage: state.stages[stage].status for stage in STAGES},
        "validation_status": state.validation.status,
        **picked(state, "updated_at events"),
    }


def _line(name: str, state: SessionState, style: Style, *, is_current: bool) -> str:
    signs = "".join(_LETTER[state.stages[stage].status] for stage in STAGES)
    mark, shown = ("*", style.green(name)) if is_current else (" ", name)
    working = [stage for stage in STAGES if state.stages[stage].status == "in_progress"]
    title = printable(state.title)
    words = f"{state.effective_status:<9} {', '.join(working)}"
    return f"{mark} {shown}  {signs}  {words}  {title}".rstrip()
