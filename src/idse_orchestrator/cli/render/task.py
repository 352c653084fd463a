"""Tasks as rows and lines, and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.text import counted, few, printable
from idse_orchestrator.cli.layout import Style, fitted, headed, terminal_width
from idse_orchestrator.cli.terminal import Said, Warned
from idse_orchestrator.tasks.state import TaskState, to_plain
from idse_orchestrator.tasks.words import HELD, READY

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event
    from idse_orchestrator.tasks.board import Board

BLOCKED = "blocked"
_LEAST_TEXT = 20
_HEADS = ("task", "state", "agent", "tries", "cost")


def listing(
    board: Board, states: Sequence[TaskState], word: Callable[[TaskState], str], style: Style
) -> Iterator[str]:
    """Yields a row for each of `states`, and how many there are in all."""
    rows = [(each.task, word(each), _who(each), _tries(each), _cost(each.spent_usd)) for each in states]
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    line = "".join(f"%-{width}s  " for width in widths)  # of ten thousand rows each costs
    if rows and sys.stdout.isatty():
        yield style.dim((line % _HEADS).rstrip())
    room = max(_LEAST_TEXT, terminal_width() - sum(widths) - 2 * len(widths))
    for row, each in zip(rows, states, strict=True):
        note = f"  (waits for {few(board.blockers(each.task))})" if row[1] == BLOCKED else ""
        yield printable(line % row + fitted(each.text + note, room))
    for task, error in board.unreadable.items():
        yield Warned(f"{task} cannot be read: {error.cause}")
    if not board.rows:
        yield Said("nothing is queued here yet: tasks stay in the repository that queued them")
        yield Said("next: idse task add")
    else:
        counts = ", ".join(f"{count} {state}" for state, count in board.counts.items())
        spent = f"; {_cost(board.spent_usd)} USD spent" if board.spent_usd else ""
        yield Said(f"{counted(len(board.rows), 'task')}: {counts}{spent}")


def _who(state: TaskState) -> str:
    return (state.doer if state.attempt else state.agent) or "-"


def _tries(state: TaskState) -> str:
    return f"{state.failures}/{state.max_attempts}" if state.attempt else "-"


def _cost(usd: float) -> str:
    return f"{usd:.2f}" if usd else "-"


def data(board: Board, state: TaskState) -> dict[str, Any]:
    """Returns a task as JSON: all that its state says, and what is derived."""
    is_blocked = state.state == READY and bool(board.blockers(state.task))
    return {
        **to_plain(state),
        "max_attempts": state.max_attempts,
        "blocked": is_blocked,
        "blocked_by": list(board.blockers(state.task)) if is_blocked else [],
    }


def shown(board: Board, state: TaskState) -> Iterator[str]:
    """Yields what there is to know of one task, a line each."""
    chain = board.chain(state.task) if state.state == READY else ()
    rows = {
        "task": f"{state.task}  {state.text}",
        "state": state.state + (f" since {state.updated_at}" if state.updated_at else ""),
        "waits for": " → ".join(chain[1:]),
        "not before": state.not_before,
        "approval": state.approve,
        "needs": ", ".join(state.needs),
        "paths": ", ".join(state.paths),
        "for": state.agent,
        "limits": ", ".join(f"{key} {value}" for key, value in sorted(state.caps.items())),
        "attempts": f"{state.attempt}, of which {state.failures} of {state.max_attempts} failed"
        if state.attempt
        else "",
        "held by": f"{state.worker} ({state.doer or 'no agent'}) since {state.taken_at}"
        if state.state == HELD
        else "",
        "ended": f"{state.why}, exit {state.exit}" if state.why else "",
        "reason": state.reason,
        "evidence": ", ".join(f"{fact} {verdict}" for fact, verdict in sorted(state.evidence.items())),
        "base": state.base,
        "result": state.code,
        "accepted": state.into,
        "spent": f"{state.spent_usd:.2f} USD" if state.spent_usd else "",
    }
    width = max(map(len, rows)) + 2
    for label, value in rows.items():
        if value:
            yield printable(f"{label.ljust(width)}{value}")
    for entry in state.not_applied:
        yield Warned(f"event {entry.event} is not legal: {entry.why}; idse fsck")


def told(events: Sequence[Event]) -> Iterator[str]:
    """Yields a line for each event of a task."""
    _, lines = headed((), [(each.at, each.actor.label, *_words(each.body)) for each in events])
    yield from map(printable, lines)


def _words(body: Mapping[str, Any]) -> tuple[str, str]:
    """Returns what was done, and the rest in a few words."""
    about = [f"attempt {body['attempt']}"] if body.get("attempt") else []
    about += [str(body[key]) for key in ("worker", "agent", "why") if body.get(key)]
    about += [f"{key} {body[key][:7]}" for key in ("base", "code", "into") if body.get(key)]
    about += [f"{body['usage']['cost_usd']:.2f} USD"] if body.get("usage", {}).get("cost_usd") else []
    about += [f'"{body["reason"]}"'] if body.get("reason") else []
    return f"{body.get('action', 'created')} → {body['to']}", ", ".join(about)
