"""Install, uninstall and look at the git hooks that call idse.

Every outcome is a value: hooks that could not go where they belong are no reason for `idse init` to
stop. `refusal` and `manager` say what a person has to decide or to paste.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

HOOKS = ("pre-commit", "pre-merge-commit", "post-commit", "post-merge", "post-rewrite", "pre-push")
"""The hooks idse has, in the order in which git may call them."""

CURRENT = "current"
OUTDATED = "outdated"
MISSING = "missing"
FOREIGN = "foreign"
EDITED = "edited"
NOT_EXECUTABLE = "not executable"
DISABLED = "disabled"
CONDITIONS = (CURRENT, OUTDATED, MISSING, FOREIGN, EDITED, NOT_EXECUTABLE, DISABLED)
"""What a hook can be: ours as it should be; ours of another release or path; no file; somebody else's;
ours and changed by hand; ours, but git will not run it; ours, in a folder that git does not look at."""

INSTALLED = "installed"
ALREADY = "already"
UPDATED = "updated"
CHAINED = "chained"
SKIPPED = "skipped"
REMOVED = "removed"
RESTORED = "restored"
ABSENT = "absent"

KEPT = ".idse-chained"
"""What the name of a user's hook ends in while ours stands in its place."""

_OWN_FOLDER = 'git config core.hooksPath "$(git rev-parse --path-format=absolute --git-common-dir)/hooks"'


@dataclass(frozen=True, slots=True)
class HookState:
    """One hook as it stands. `chained`: the hook that was there before is kept beside it and runs first."""

    name: str
    condition: str
    path: str
    chained: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """What was done about one hook.

    Installing: INSTALLED, ALREADY, UPDATED, CHAINED (installed, and a user's hook runs first) or
    SKIPPED. Uninstalling: REMOVED, RESTORED (the user's hook is back), ABSENT or SKIPPED. `detail`
    says why something was skipped, and what to do about it.
    """

    name: str
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HookManager:
    """A hook manager that is in charge here.

    `name` is "pre-commit", "husky" or "lefthook", `evidence` the file or folder that tells so,
    `snippet` what to put into the manager's own configuration, with its file names as comments, and
    `wired` the hooks that its configuration hands to idse already.
    """

    name: str
    evidence: str
    snippet: str
    wired: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HooksPlace:
    """Where git looks for hooks. `setting` is the value of core.hooksPath ("" if unset), `scope` who set it.

    `outside`: the folder is neither in the work tree nor in the git directory, so that other
    repositories may share it. `in_worktree`: its files may be tracked, and show up as changes, and then
    `relative` is its path from the top of the work tree.
    """

    folder: str
    setting: str = ""
    scope: str = ""
    outside: bool = False
    in_worktree: bool = False
    relative: str = ""
    manager: HookManager | None = None


@dataclass(frozen=True, slots=True)
class HooksReport:
    """What a use case found or did. With a `refusal` nothing was written and `outcomes` is empty."""

    place: HooksPlace
    states: tuple[HookState, ...]
    outcomes: tuple[HookOutcome, ...] = ()
    refusal: str = ""
    fix: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """Whether git or a hook manager calls idse for every hook."""
        wired = self.place.manager.wired if self.place.manager else ()
        return all(state.condition in (CURRENT, OUTDATED) or state.name in wired for state in self.states)

    @property
    def changed(self) -> bool:
        """Whether a hook was written."""
        return any(outcome.result in (INSTALLED, UPDATED, CHAINED) for outcome in self.outcomes)

    @property
    def in_worktree(self) -> tuple[str, ...]:
        """Paths of files that were written into the work tree, where git shows them as changes."""
        names: list[str] = []
        for outcome in self.outcomes if self.place.in_worktree else ():
            if outcome.result in (INSTALLED, UPDATED, CHAINED):
                names.append(outcome.name)
            if outcome.result == CHAINED:
                names.append(outcome.name + KEPT)
        return tuple("/".join(filter(None, (self.place.relative, name))) for name in names)


class HookFiles(Protocol):
    """The hook files of one repository. `put` and `take_away` may raise StorageError and BusyError."""

    def place(self) -> HooksPlace:
        """Where git looks for hooks, and which manager is in charge of them."""

    def states(self) -> tuple[HookState, ...]:
        """How each of HOOKS stands; writes nothing."""

    def put(self) -> tuple[HookOutcome, ...]:
        """Write every hook that is not as it should be. A user's file is chained or left, never lost."""

    def take_away(self) -> tuple[HookOutcome, ...]:
        """Remove what `put` wrote and put back what it kept, byte for byte. Edited hooks stay."""


def install_hooks(files: HookFiles, *, force: bool = False) -> HooksReport:
    """Make git call idse, unless a hook manager or a shared hooks folder is in charge.

    With `force` the files are written even then. Doing it twice changes nothing.
    """
    place = files.place()
    refused = None if force else _refused(place, files.states())
    if refused is not None:
        return refused
    outcomes = files.put()
    return HooksReport(place, files.states(), outcomes)


def uninstall_hooks(files: HookFiles) -> HooksReport:
    """Take idse's hooks away, wherever they are, and put back those that stood there before."""
    outcomes = files.take_away()
    return HooksReport(files.place(), files.states(), outcomes)


def hooks_status(files: HookFiles) -> HooksReport:
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
