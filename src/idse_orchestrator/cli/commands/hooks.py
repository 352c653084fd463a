"""`idse hooks`: install, remove and look at the git hooks that call idse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.layout import Style, aligned, headed
from idse_orchestrator.cli.options import Group, command, flag
from idse_orchestrator.cli.render.warnings import worktree_notice
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_CONFLICT, EXIT_OK, HooksRefusedError
from idse_orchestrator.worktree import hook as git_hooks
from idse_orchestrator.worktree.hook_files import hooks_status, install_hooks, uninstall_hooks

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


@command("install", project=False)
@flag("--force", help="Write them even where a hook manager is in charge.")
def install(run: Run, *, force: bool) -> Answer:
    """Make git call idse when something is committed, merged or rewritten.

    A hook of yours is kept, and runs first. Where pre-commit, husky or lefthook is in charge, nothing is
    written: the lines for its configuration are printed to standard output, and the exit code is 3. It is 3
    too where a hook could not be written. Doing it twice changes nothing.
    """
    report = install_hooks(run.app.hook_files(), force=force)
    run.app.ignore_rules.renew()
    run.app.work_tree.decline_hooks(declined=False)
    if report.refusal and not report.works:
        return Answer(lines=_refusal(report))
    if report.refusal:
        return Answer(lines=[Said(f"nothing to do: {report.refusal}, and it calls idse already")])
    return Answer(lines=_outcome_lines(report), code=EXIT_OK if report.works else EXIT_CONFLICT)


@command("uninstall", project=False)
def uninstall(run: Run) -> Answer:
    """Take idse's hooks away, and put back those that stood there before, byte for byte.

    A hook of ours that somebody edited stays; the exit code is then 3.
    """
    report = uninstall_hooks(run.app.hook_files())
    run.app.work_tree.decline_hooks(declined=True)
    if all(outcome.result == git_hooks.ABSENT for outcome in report.outcomes):
        return Answer(lines=[Said("no hook of idse is installed here")])
    edited = any(outcome.result == git_hooks.SKIPPED for outcome in report.outcomes)
    return Answer(lines=_outcome_lines(report), code=EXIT_CONFLICT if edited else EXIT_OK)


@command("status", reads=True, project=False)
def status(run: Run) -> Answer:
    """Show how the hooks stand. The exit code is 1 unless git calls idse for every one of them."""
    report = hooks_status(run.app.hook_files())
    return Answer(
        "idse.hooks-status/2",
        lambda: _data(report),
        _standing_lines(report, run.terminal.style),
        code=EXIT_OK if report.works else EXIT_CHECK_FAILED,
    )


def _refusal(report: git_hooks.HooksReport) -> Iterator[str]:
    manager = report.place.manager
    if manager and not {*manager.wired, *manager.waiting}.issuperset(git_hooks.HOOKS):
        yield manager.snippet.rstrip("\n")
    raise HooksRefusedError(report.refusal, where=report.place.folder, fix=report.fix)


def _outcome_lines(report: git_hooks.HooksReport) -> Iterator[str]:
    yield Said(f"hooks in {report.place.folder}")
    yield Said("\n".join(aligned((each.name, each.result, each.detail) for each in report.outcomes)))
    yield from worktree_notice(report)


def _standing_lines(report: git_hooks.HooksReport, style: Style) -> list[str]:
    place = report.place
    rows = [(state.name, *_condition(state, place.manager)) for state in report.states]
    above, lines = headed(("hook", "condition", *[""] * (len(rows[0]) - 2)), rows)
    verdict = style.green("git calls idse") if report.works else style.yellow(_broken(report))
    return [
        *_place(place),
        *(f"  {line}" for line in above),
        *(f"  {printable(line)}" for line in lines),
        verdict,
    ]


def _data(report: git_hooks.HooksReport) -> dict[str, object]:
    place = report.place
    return {
        "works": report.works,
        "folder": place.folder,
        "core_hooks_path": place.setting or None,
        "scope": place.scope or None,
        "shared": place.outside,
        "in_worktree": place.in_worktree,
        "manager": place.manager and picked(place.manager, "name evidence wired waiting"),
        "hooks": report.states,
    }


def _place(place: git_hooks.HooksPlace) -> list[str]:
    by = f" (core.hooksPath, {place.scope})" if place.setting else ""
    lines = [f"hooks in {printable(place.folder)}{by}"]
    if place.manager:
        lines.append(f"{place.manager.name} is in charge of them ({printable(place.manager.evidence)})")
    return lines


def _condition(state: git_hooks.HookState, manager: git_hooks.HookManager | None) -> tuple[str, str]:
    words, details = state.condition, [state.detail]
    if manager and state.condition not in (git_hooks.CURRENT, git_hooks.OUTDATED):
        if state.name in manager.wired:
            words, details = "called by the manager", [dict(manager.limits).get(state.name, "")]
        elif state.name in manager.waiting:
            details.append(f"its configuration has it, but git does not call {manager.name} for it")
    details.append("your own hook runs first" if state.chained else "")
    return words, "; ".join(filter(None, details))


def _broken(report: git_hooks.HooksReport) -> str:
    manager = report.place.manager
    knows = manager is not None and set(report.silent) <= set(manager.waiting)
    mend = manager.install if manager and knows else "idse hooks install"
    if len(report.silent) == len(report.states):
        return f"git calls idse for none of them: {mend}"
    return f"git does not call idse for {', '.join(report.silent)}: {mend}"


hooks = Group(
    "hooks", commands=[install, uninstall, status], help="Install, remove and look at the git hooks."
)
