"""``idse hook NAME``: what git and coding agents call. Starts without click (see ``cli/main.py``).

pre-* answer 0 or 1, and say on standard error what blocks; pre-push names the refs that may not go where
``git push`` is about to send them. post-* never fail git: they print one line at most, and what went wrong
stands in the log in the git directory. What they could not record is kept for a later command; they answer 1
where not even that was possible, and the script tries again.
agent-* answer with JSON, and always 0: see `cli.agent_hooks`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.streams import tell
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError, RefusedError, UsageError
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.redaction import redacted
from idse_orchestrator.worktree.code_commits import Missed

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.merge.conflicts import Conflict
    from idse_orchestrator.sync.outgoing import Destination, PushedRef
    from idse_orchestrator.worktree.code_commits import CodeChange
    from idse_orchestrator.worktree.record_commit import Recorded, RecordedSession


_MOST = 10
"""Refused refs that are named one by one."""


class _KeptError(Exception):
    """It could not be recorded, for the reason `why`, and was kept for later."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


def run(run: Run, name: str, args: Sequence[str]) -> int:
    """Runs the hook `name`; 0 or 1. git calls it, so its ledgers are meant, whatever store is chosen."""
    if name.startswith(_AGENT):
        return _agent(name, args)
    os.environ.pop("IDSE_STORE", None)
    if name in _BEFORE:
        return _judged(run, _BEFORE[name], args)
    hook = _AFTER.get(name)
    if hook is None:
        raise _unknown(name)
    try:
        hook(run, args)
    except _KeptError as kept:
        _tell_trouble(run, name, kept.why)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug, told as one
        _tell_trouble(run, name, error)
        return EXIT_CHECK_FAILED
    return EXIT_OK


def _agent(name: str, args: Sequence[str]) -> int:
    """Answers a coding agent: always 0."""
    from idse_orchestrator.cli.agent_hooks import run_agent_hook

    if name not in _all_names():
        raise _unknown(name)
    return run_agent_hook(name, args)


def _unknown(name: str) -> UsageError:
    return UsageError(f"there is no hook {name!r}", cause="hooks: " + ", ".join(_all_names()))


def _all_names() -> tuple[str, ...]:
    from idse_orchestrator.cli.agent_hooks import NAMES as OF_AGENTS

    return (*NAMES, *OF_AGENTS)


def _judged(run: Run, judge: Callable[[Run, Sequence[str]], int], args: Sequence[str]) -> int:
    try:
        return judge(run, args)
    except IdseError as error:
        from idse_orchestrator.cli.failure import render_error

        tell(render_error(error, run.terminal.prose_style))
        return EXIT_CHECK_FAILED
    except Exception as error:  # noqa: BLE001 - a gate that cannot be checked is closed
        from idse_orchestrator.cli.failure import report_unexpected

        report_unexpected(error, ())
        return EXIT_CHECK_FAILED


def _before_commit(run: Run, _args: Sequence[str]) -> int:
    report = run.app.judge_index()
    if report.sessions and report.notes:
        from idse_orchestrator.sessions.choice import needs_ledgers, refuse_unchecked

        if needs_ledgers(report, run.app.setting):
            refuse_unchecked(report)
        tell(f"idse: {', '.join(report.notes)}")
    if report.blocks():
        from idse_orchestrator.cli.render.report import text_report

        tell(text_report(report, {}, run.terminal.prose_style))
        tell("idse: commit blocked (git commit --no-verify skips the check)")
        return EXIT_CHECK_FAILED
    if report.findings:
        tell(f"idse: {counted(report.warnings, 'warning')}: idse validate")
    return EXIT_OK


def _post_commit(run: Run, _args: Sequence[str]) -> None:
    from idse_orchestrator.worktree.after_commit import AfterCommit

    here, change = AfterCommit(run.app.work_tree), run.app.commits.head()
    if change is None or here.is_rebasing():
        return
    if here.has_same_documents(change.before, change.after):
        here.spool(change.after)
    else:
        _record(run, change, Missed(change.after))


def _post_merge(run: Run, args: Sequence[str]) -> None:
    from idse_orchestrator.worktree.after_commit import AfterCommit

    if [*args, os.environ.get("PRE_COMMIT_IS_SQUASH_MERGE", "")][0] == "1":
        return  # HEAD is where it was; its commit comes by post-commit
    here, change = AfterCommit(run.app.work_tree), run.app.commits.between("ORIG_HEAD", "HEAD")
    if not change.before or change.before == change.after:
        return
    if not here.has_same_documents(change.before, change.after):
        _record_move(run, "ORIG_HEAD")
    elif here.has_merged(change.before):
        here.spool(change.after)


def _post_rewrite(run: Run, args: Sequence[str]) -> None:
    from idse_orchestrator.worktree.after_commit import AfterCommit

    here = AfterCommit(run.app.work_tree)
    how = [*args, os.environ.get("PRE_COMMIT_REWRITE_COMMAND", "")][0]
    pairs = here.rewritten(how, _standard_input())
    if not pairs or (how == "amend" and here.is_rebasing()):
        return
    before = pairs[-1][0]
    if how != "amend":
        before = here.rebased_from() or before
    if here.has_same_documents(before, "HEAD"):
        here.spool_rewrites(pairs)
        return
    if how != "amend":  # an amend was recorded by post-commit
        _record_move(run, before)
    run.app.drain_spool()
    run.app.recorder.notes.write_many({}, "idse: notes follow rewritten commits", pairs)


def _post_checkout(run: Run, args: Sequence[str]) -> None:
    """Makes the session of the branch that was switched to the current one. Whatever happens, git goes on."""
    environment = os.environ
    said = (environment.get("PRE_COMMIT_FROM_REF", ""), "", environment.get("PRE_COMMIT_CHECKOUT_TYPE", "1"))
    before, _, of_branch = (*args, *said[len(args) :])[:3]
    if of_branch != "1":
        return  # files were checked out
    from idse_orchestrator.worktree.branches import follow_branch

    try:
        words = follow_branch(run.app.branches, run.app.workspace, run.app.reader, run.app.views, before)
    except Exception as error:  # noqa: BLE001 - a bug here is none of git's business
        _tell_trouble(run, "post-checkout", error, "did not follow the branch")
        return
    if words:
        tell(f"idse: {printable(words)}")


def _standard_input() -> str:
    """Reads what git says: names as they are, in whatever encoding the terminal's is."""
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


def _record_move(run: Run, before: str) -> None:
    change = run.app.commits.between(before, "HEAD")
    if change.before and change.before != change.after:
        _record(run, change, Missed(change.after, change.before), single=False)


def _record(run: Run, change: CodeChange, missed: Missed, *, single: bool = True) -> None:
    """Records `change`. What could not be recorded is kept for later as `missed`: _KeptError."""
    from idse_orchestrator.worktree.record_commit import record_commit

    try:
        _tell(run, record_commit(run.app.recorder, change, single=single))
    except Exception as error:
        if run.app.missed.keep(missed):
            raise _KeptError(error) from error
        raise


def _tell(run: Run, recorded: Recorded) -> None:
    for each in recorded.sessions:
        name = "/".join(each.key)
        run.app.log(f"recorded {recorded.commit[:7]} in {name} as {each.tip.commit[:7]}, {each.verdict}")
    for project in recorded.rules:
        run.app.log(f"recorded {recorded.commit[:7]} in project {project}: its rules")
    for key in recorded.unknown:
        run.app.log(f"not recorded {recorded.commit[:7]}: {'/'.join(key)} has no ledger here")
    if recorded.left_out:
        tell(f"idse: {printable(recorded.left_out)}")
    if recorded.unknown:
        first, *others = ("/".join(key) for key in recorded.unknown)
        more = f" and {len(others)} more" if others else ""
        tell(f"idse: not recorded, {first}{more} has no ledger here: idse init {first.partition('/')[0]}")
    for each in recorded.sessions:
        if each.is_back:
            tell(f"idse: {'/'.join(each.key)} was deleted; this commit edits it, so it is back")
    _tell_conflicts([(each, conflict) for each in recorded.sessions for conflict in each.conflicts])


def _tell_conflicts(found: Sequence[tuple[RecordedSession, Conflict]]) -> None:
    """Puts the first of them into words, and says how many more there are."""
    if not found:
        return
    from idse_orchestrator.cli.render.warnings import conflict_words
    from idse_orchestrator.ledger.merge.conflicts import MARKERS

    each, conflict = found[0]
    name = "/".join(each.key)
    words = f"{name}: {conflict_words(conflict, each.before)}"
    if conflict.kind == MARKERS:
        words = f"conflict in the ledger, idse restore shows it: {name}: {conflict.path}"
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    tell(f"idse: {printable(words)}{more}")


def _tell_trouble(run: Run, name: str, error: Exception, failed: str = "did not record") -> None:
    words = error.message if isinstance(error, IdseError) else f"{type(error).__name__}: {error}"
    words = printable(" ".join(redacted(words).split()))
    tell(f"idse: {name} {failed}: {words} (idse doctor)")
    try:
        run.app.log(f"{name} failed: {words} {printable(getattr(error, 'cause', '') or '')}")
    except Exception:  # noqa: BLE001 - a traceback in the middle of a typed line helps nobody
        return


def _pre_push(run: Run, args: Sequence[str]) -> int:
    """Raises RefusedError where something may not be pushed to the remote `args` (name, URL).

    The refs come on standard input.
    """
    from idse_orchestrator.sync.outgoing import destination, judge_push, parse_pushed

    environment = os.environ
    remote = environment.get("PRE_COMMIT_REMOTE_NAME", ""), environment.get("PRE_COMMIT_REMOTE_URL", "")
    name, url = (*args, "", "")[:2] if args else remote
    pushed = parse_pushed(_standard_input()) or _of_framework(environment)
    if not pushed:
        return EXIT_OK
    parts = run.app.sync.parts
    # git starts a hook at the top of the work tree, and says in GIT_PREFIX where it was started itself.
    typed_in = os.path.join(parts.top, environment.get("GIT_PREFIX", ""))
    to = destination(parts._replace(folder=typed_in), name, url)
    refused = judge_push(run.app.sync.outgoing, to, pushed)
    if refused:
        raise RefusedError(
            f"{len(refused)} of {len(pushed)} refs may not be pushed to {to.name}; nothing was sent",
            where=to.url,
            cause=_reasons(refused),
            fix=_fix(to, refused),
        )
    return EXIT_OK


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
        return (_where(to), "git push --no-verify  # if this really is a backup")
    if any(ref.startswith(PUBLISHED) for ref in refused):
        return ("idse sync push  # sends what may go, joins what others pushed", "idse fsck")
    return (
        "idse sync push  # sends all ledgers, and nothing else",
        f"git push {to.name}  # the same by git",
    )


def _where(to: Destination) -> str:
    """Says how ledgers get to where they belong."""
    if to.agency:
        return f"idse sync push  # the Agency is {to.agency}"
    if to.is_remote:
        return f"idse sync setup --remote {to.name} && idse sync push  # if it is to be the Agency"
    return "idse sync setup URL  # says which remote is the Agency"


_BEFORE: Mapping[str, Callable[[Run, Sequence[str]], int]] = {
    "pre-commit": _before_commit,
    "pre-merge-commit": _before_commit,
    "pre-push": _pre_push,
}
_AFTER: Mapping[str, Callable[[Run, Sequence[str]], None]] = {
    "post-commit": _post_commit,
    "post-merge": _post_merge,
    "post-rewrite": _post_rewrite,
    "post-checkout": _post_checkout,
}
_AGENT = "agent-"
NAMES = ("pre-commit", "pre-merge-commit", *_AFTER, "pre-push")
"""The hooks that git calls."""


def hook() -> click.Command:
    """Makes the click command, for the help."""
    import click

    from idse_orchestrator.cli.options import command

    @command("hook", project=False)
    @click.argument("name", type=click.Choice(_all_names()))
    @click.argument("args", nargs=-1)
    def typed(one: Run, name: str, args: tuple[str, ...]) -> int:
        """What git and coding agents call; not meant to be typed.

        idse hooks install sets git's hooks up, and idse agent-files install those of agents.
        """
        return run(one, name, args)

    return typed
