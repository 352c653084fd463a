"""The pre-push hook: says which refs may not go where ``git push`` is about to send them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError, RefusedError

if TYPE_CHECKING:
    from idse_orchestrator.app.sync.outgoing import Destination
    from idse_orchestrator.cli.run import Run

_TOLD = 10


def pre_push(run: Run, args: Sequence[str]) -> int:
    """Judge the push to the remote `args` (name, URL), whose refs come on standard input; 0 or 1."""
    try:
        refuse(run, args[0] if args else "", args[1] if len(args) > 1 else "", sys.stdin.read())
    except IdseError as error:
        from idse_orchestrator.cli.render.errors import render_error

        sys.stderr.write(render_error(error, run.terminal.prose_style) + "\n")
        return EXIT_CHECK_FAILED
    return EXIT_OK


def refuse(run: Run, name: str, url: str, lines: str) -> None:
    """RefusedError where something may not be pushed."""
    from idse_orchestrator.app.sync.outgoing import destination, judge_push, parse_pushed

    pushed = parse_pushed(lines)
    if not pushed:
        return
    to = destination(run.app.agency_parts, name, url)
    refused = judge_push(run.app.outgoing, to, pushed)
    if refused:
        raise RefusedError(
            f"{len(refused)} of {len(pushed)} refs may not be pushed to {to.name}; nothing was sent",
            where=to.url,
            cause=_told(refused),
            fix=_fix(to),
        )


def _told(refused: Mapping[str, str]) -> str:
    lines = [f"{ref}: {why}" for ref, why in [*refused.items()][:_TOLD]]
    more = len(refused) - len(lines)
    return "\n".join(lines + ([f"and {more} more"] if more else []))


def _fix(to: Destination) -> tuple[str, ...]:
    if to.is_agency:
        return (
            "idse sync push    (sends all ledgers, and nothing else)",
            f"or all of them by git: git push {to.name}",
        )
    where = (
        f"the Agency is {to.agency}: idse sync push"
        if to.agency
        else "say which remote is the Agency: idse sync setup URL"
    )
    return (where, "if this really is a backup: git push --no-verify")
