"""Install, uninstall and look at the git hooks that call idse.

Every outcome is a value: hooks that could not go where they belong are no reason for `idse init` to
stop. `refusal` and `manager` say what a person has to decide or to paste.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from idse_orchestrator.worktree.hooks.hook import HooksPlace, HooksReport, HookState

if TYPE_CHECKING:
    from idse_orchestrator.worktree.hooks.files import GitHookFiles

_OWN_FOLDER = 'git config core.hooksPath "$(git rev-parse --path-format=absolute --git-common-dir)/hooks"'


def install_hooks(files: GitHookFiles, *, force: bool = False) -> HooksReport:
    """Make git call idse, unless a hook manager or a shared hooks folder is in charge.

    With `force` the files are written even then. Doing it twice changes nothing.
    """
    place = files.place()
    refused = None if force else _refused(place, files.states())
    if refused is not None:
        return refused
    outcomes = files.put()
    return HooksReport(place, files.states(), outcomes)


def uninstall_hooks(files: GitHookFiles) -> HooksReport:
    """Take idse's hooks away, wherever they are, and put back those that stood there before."""
    outcomes = files.take_away()
    return HooksReport(files.place(), files.states(), outcomes)


def hooks_status(files: GitHookFiles) -> HooksReport:
    """How the hooks stand; writes nothing."""
    return HooksReport(files.place(), files.states())


def _refused(place: HooksPlace, states: tuple[HookState, ...]) -> HooksReport | None:
    report = HooksReport(place, states)
    if place.manager is not None:
        return replace(
            report,
            refusal=f"{place.manager.name} is in charge of the hooks here ({place.manager.evidence})",
            fix=(
                "add the snippet to its configuration",
                "or write the hooks beside it: idse hooks install --force",
            ),
        )
    if place.outside:
        return replace(
            report,
            refusal=f"git looks for hooks in {place.folder}, which other repositories may share "
            f"({place.scope or 'git'} setting core.hooksPath)",
            fix=(
                f"give this repository hooks of its own: {_OWN_FOLDER}",
                "or write them there all the same: idse hooks install --force",
            ),
        )
    return None
