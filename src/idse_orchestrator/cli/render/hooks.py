"""The git hooks for people and as data: where they are, how each stands, what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import Style, printable
from idse_orchestrator.worktree.hooks.hook import ABSENT, CURRENT, OUTDATED

if TYPE_CHECKING:
    from idse_orchestrator.worktree.hooks.hook import HooksPlace, HooksReport, HookState


def hooks_page(report: HooksReport, style: Style) -> str:
    """How every hook stands, and one line that says whether git calls idse."""
    place = report.place
    wired = place.manager.wired if place.manager else ()
    lines = aligned([(state.name, *_condition(state, wired)) for state in report.states])
    verdict = style.green("git calls idse") if report.works else style.yellow(_broken(report))
    return "\n".join([*_place(place), *(f"  {printable(line)}" for line in lines), verdict])


def outcome_lines(report: HooksReport) -> str:
    """What was done about every hook, one plain line each."""
    return "\n".join(aligned((each.name, each.result, each.detail) for each in report.outcomes))


def worktree_notice(report: HooksReport) -> str:
    """Which files of the work tree the hooks became, and what to do about it; "" where there are none."""
    files = report.in_worktree
    if not files:
        return ""
    return (
        f"core.hooksPath leads into the work tree, so these are files of it now: {', '.join(files)}\n"
        "         commit them, or have git ignore them"
    )


def all_absent(report: HooksReport) -> bool:
    """Whether there was nothing to take away."""
    return all(outcome.result == ABSENT for outcome in report.outcomes)


def hooks_data(report: HooksReport) -> dict[str, object]:
    """The report in JSON's own types."""
    place = report.place
    return {
        "works": report.works,
        "folder": place.folder,
        "core_hooks_path": place.setting or None,
        "scope": place.scope or None,
        "shared": place.outside,
        "in_worktree": place.in_worktree,
        "manager": place.manager
        and {
            "name": place.manager.name,
            "evidence": place.manager.evidence,
            "wired": list(place.manager.wired),
        },
        "hooks": list(report.states),
    }


def _place(place: HooksPlace) -> list[str]:
    by = f" (core.hooksPath, {place.scope})" if place.setting else ""
    lines = [f"hooks in {printable(place.folder)}{by}"]
    if place.manager:
        lines.append(f"{place.manager.name} is in charge of them ({printable(place.manager.evidence)})")
    return lines


def _condition(state: HookState, wired: tuple[str, ...]) -> tuple[str, str]:
    words = state.condition
    if state.condition not in (CURRENT, OUTDATED) and state.name in wired:
        words = "called by the manager"
    details = [state.detail, "your own hook runs first" if state.chained else ""]
    return words, "; ".join(filter(None, details))


def _broken(report: HooksReport) -> str:
    manager = report.place.manager
    wired = manager.wired if manager else ()
    odd = [
        state.name
        for state in report.states
        if state.condition not in (CURRENT, OUTDATED) and state.name not in wired
    ]
    if len(odd) == len(report.states):
        return "git calls idse for none of them: idse hooks install"
    return f"git does not call idse for {', '.join(odd)}: idse hooks install"
