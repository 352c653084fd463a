"""The pre-push hook: says which refs may not go where ``git push`` is about to send them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.cli.terminal import tell
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError, RefusedError
from idse_orchestrator.ledger.refs import PUBLISHED

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.sync.agency import AgencyParts
    from idse_orchestrator.sync.outgoing import Destination, PushedRef

_MOST = 10


def pre_push(run: Run, args: Sequence[str]) -> int:
    """Judges the push to the remote `args` (name, URL), whose refs come on standard input; 0 or 1."""
    try:
        name, url = (*args, "", "")[:2] if args else _framework_remote(os.environ)
        _refuse(run, name, url, sys.stdin.read())
    except IdseError as error:
        from idse_orchestrator.cli.failure import render_error

        tell(render_error(error, run.terminal.prose_style))
        return EXIT_CHECK_FAILED
    return EXIT_OK


def _refuse(run: Run, name: str, url: str, lines: str) -> None:
    """Raises RefusedError where something may not be pushed."""
    from idse_orchestrator.sync.outgoing import destination, judge_push, parse_pushed

    pushed = parse_pushed(lines) or _of_framework(os.environ)
    if not pushed:
        return
    to = destination(_where_typed(run.app.sync.parts), name, url)
    refused = judge_push(run.app.sync.outgoing, to, pushed)
    if refused:
        raise RefusedError(
            f"{len(refused)} of {len(pushed)} refs may not be pushed to {to.name}; nothing was sent",
            where=to.url,
            cause=_reasons(refused),
            fix=_fix(to, refused),
        )


def _where_typed(parts: AgencyParts) -> AgencyParts:
    """Adds where git was started: it starts a hook at the top of the work tree, and says so in GIT_PREFIX."""
    return parts._replace(folder=os.path.join(parts.top, os.environ.get("GIT_PREFIX", "")))


def _framework_remote(environment: Mapping[str, str]) -> tuple[str, str]:
    return environment.get("PRE_COMMIT_REMOTE_NAME", ""), environment.get("PRE_COMMIT_REMOTE_URL", "")


def _of_framework(environment: Mapping[str, str]) -> Sequence[PushedRef]:
    """Reads what the pre-commit framework says of a push: one ref of it, in variables."""
    from idse_orchestrator.sync.outgoing import NOTHING, PushedRef

    local, there = environment.get("PRE_COMMIT_LOCAL_BRANCH"), environment.get("PRE_COMMIT_REMOTE_BRANCH")
    if not local or not there:
        return ()
    return [PushedRef(local, environment.get("PRE_COMMIT_TO_REF", ""), there, NOTHING)]


def _reasons(refused: Mapping[str, str]) -> str:
    lines = [f"{ref}: {why}" for ref, why in [*refused.items()][:_MOST]]
    more = len(refused) - len(lines)
    return "\n".join(lines + ([f"and {more} more"] if more else []))


def _fix(to: Destination, refused: Iterable[str]) -> tuple[str, ...]:
    if not to.is_agency:
        return (_where(to), "if this really is a backup: git push --no-verify")
    if any(ref.startswith(PUBLISHED) for ref in refused):
        return ("idse sync push    (sends what may go, joins what others pushed)", "idse fsck")
    return (
        "idse sync push    (sends all ledgers, and nothing else)",
        f"or all of them by git: git push {to.name}",
    )


def _where(to: Destination) -> str:
    """Says how ledgers get to where they belong."""
    if to.agency:
        return f"the Agency is {to.agency}: idse sync push"
    if to.is_remote:
        return f"if {to.name} is to be the Agency: idse sync setup --remote {to.name}, then idse sync push"
    return "say which remote is the Agency: idse sync setup URL"
