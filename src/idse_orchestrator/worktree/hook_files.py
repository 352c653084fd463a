"""The hook files of a repository: written without losing a byte of anybody's, and taken away again.

A user's hook moves into a folder beside ours, see `KeptHooks`, and runs first. It is moved, not copied, so
that bytes, mode, times and symbolic links come back as they were.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.worktree import hook
from idse_orchestrator.worktree.hook import HOOKS, HookOutcome, HooksPlace, HooksReport, HookState, MadeFolder
from idse_orchestrator.worktree.hook_managers import calls_idse, detect_manager
from idse_orchestrator.worktree.kept_hooks import KeptHooks

if TYPE_CHECKING:
    from idse_orchestrator.worktree.work_tree import WorkTree

_LEGACY = ".legacy"
"""Where the pre-commit framework moves a hook that it finds, and runs it from."""
_OURS = (hook.CURRENT, hook.OUTDATED, hook.NOT_EXECUTABLE)


class GitHookFiles:
    """The hook files of one repository; what writes may raise StorageError and BusyError.

    `program` is the idse to start; None: the one that runs now.
    """

    def __init__(self, work_tree: WorkTree, program: str | None = None) -> None:
        self._work_tree = work_tree
        self._program = hook.find_program() if program is None else program

    def place(self) -> HooksPlace:
        """Returns where git looks for hooks, and which manager is in charge of them."""
        scope, _, setting = self._setting.partition("\t")
        in_worktree = _is_within(self._folder, self._work_tree.top)
        in_git_dir = _is_within(self._folder, self._work_tree.common_dir)
        manager = detect_manager(self._work_tree.top, self._folder)
        return HooksPlace(
            self._folder,
            setting,
            scope,
            outside=not (in_worktree or in_git_dir),
            in_worktree=in_worktree and not in_git_dir,
            relative=_path_in(self._folder, self._work_tree.top) if in_worktree else "",
            manager=manager,
        )

    def states(self) -> tuple[HookState, ...]:
        """Returns how each of HOOKS stands; writes nothing."""
        return tuple(self._state(name) for name in HOOKS)

    def put(self) -> tuple[HookOutcome, ...]:
        """Writes every hook that is not as it should be. A user's file is chained or left, never lost."""
        MadeFolder(self._work_tree.private).begin(self._folder)
        kept = self._kept
        with ledger_lock(self._work_tree):
            kept.adopt()
            outcomes = tuple(self._put(name) for name in HOOKS)
            kept.link()
        return outcomes

    def in_worktree(self, outcomes: tuple[HookOutcome, ...]) -> tuple[str, ...]:
        """Returns paths of files that were written into the work tree, where git shows them as changes."""
        written = [
            each.name for each in outcomes if each.result in (hook.INSTALLED, hook.UPDATED, hook.CHAINED)
        ]
        if not written or not self.place().in_worktree:
            return ()
        paths = [os.path.join(self._folder, name) for name in written]
        paths += [os.path.join(self._kept.folder, name) for name in self._kept.files()]
        return tuple(_path_in(path, self._work_tree.top) for path in paths)

    def take_away(self) -> tuple[HookOutcome, ...]:
        """Removes what `put` wrote and puts back what it kept, byte for byte. Edited hooks stay.

        Both git's own hooks folder and the one in use are cleared.
        """
        with ledger_lock(self._work_tree):
            outcomes = tuple(self._take_away_everywhere(name) for name in HOOKS)
            for folder in {self._folder, self._default_folder}:
                KeptHooks(folder).tidy()
            MadeFolder(self._work_tree.private).end()
        return outcomes

    @cached_property
    def _folder(self) -> str:
        question = ("rev-parse", "--path-format=absolute", "--git-path", "hooks")
        done = self._work_tree.git.attempt(*question)
        if b"empty string is not a valid path" in done.stderr:
            raise InvalidConfigurationError(
                "git has no folder for hooks",
                where="core.hooksPath",
                cause="the setting is empty",
                fix=(
                    "git config --show-origin --get-all core.hooksPath",
                    "git config --unset core.hooksPath",
                ),
            )
        if done.returncode != 0:
            raise failure(question, done)
        return os.fsdecode(done.stdout).removesuffix("\n")

    @property
    def _kept(self) -> KeptHooks:
        return KeptHooks(self._folder)

    @cached_property
    def _setting(self) -> str:
        done = self._work_tree.git.attempt("config", "--show-scope", "--get", "core.hooksPath")
        return os.fsdecode(done.stdout).rstrip("\n") if done.returncode == 0 else ""

    @property
    def _default_folder(self) -> str:
        return os.path.join(self._work_tree.common_dir, "hooks")

    def _state(self, name: str) -> HookState:
        path = os.path.join(self._folder, name)
        chained = self._kept.has(name)
        condition = self._condition(path, name)
        if condition not in (hook.MISSING, hook.FOREIGN):
            return HookState(name, condition, path, chained)
        if condition == hook.FOREIGN and os.access(path, os.X_OK) and calls_idse(_content(path) or b"", name):
            return HookState(name, hook.CALLING, path, chained, "it calls idse")
        if condition == hook.FOREIGN and self._condition(path + _LEGACY, name) in _OURS:
            return HookState(
                name, hook.CURRENT, path + _LEGACY, chained, "pre-commit runs it as its legacy hook"
            )
        elsewhere = os.path.join(self._default_folder, name)
        if elsewhere != path and self._condition(elsewhere, name) in _OURS:
            why = f"git looks for hooks in {self._folder} (core.hooksPath)"
            return HookState(name, hook.DISABLED, elsewhere, KeptHooks(self._default_folder).has(name), why)
        return HookState(name, condition, path, chained)

    def _condition(self, path: str, name: str) -> str:
        if not os.path.lexists(path):
            return hook.MISSING
        content = _content(path)
        if content is None or not hook.is_ours(content):
            return hook.FOREIGN
        if not hook.is_sealed(content):
            return hook.EDITED
        if not os.access(path, os.X_OK):
            return hook.NOT_EXECUTABLE
        return hook.CURRENT if content == self._shim(path, name) else hook.OUTDATED

    def _shim(self, path: str, name: str) -> bytes:
        return hook.shim(name, self._program, KeptHooks(os.path.dirname(path)).name)

    def _put(self, name: str) -> HookOutcome:
        state = self._state(name)
        path = os.path.join(self._folder, name)
        if state.condition == hook.CURRENT:
            return HookOutcome(name, hook.ALREADY)
        if state.condition == hook.EDITED:
            return _skipped(name, f"{path} was changed by hand: move it away, then install again")
        if state.condition in (hook.OUTDATED, hook.NOT_EXECUTABLE):
            return self._written(name, hook.UPDATED)
        if not os.path.lexists(path):
            return self._written(name, hook.CHAINED if state.chained else hook.INSTALLED)
        return self._chain(name, path)

    def _chain(self, name: str, path: str) -> HookOutcome:
        if os.path.isdir(path) and not os.path.islink(path):
            return _skipped(name, f"{path} is a folder")
        kept = self._kept
        if kept.has(name):
            where = kept.where(name)
            return _skipped(name, f"both {path} and {where} are hooks of yours: keep one of them")
        kept.keep(path, name)
        try:
            return self._written(name, hook.CHAINED)
        except BaseException:
            kept.give_back(name, path)
            kept.tidy()
            raise

    def _written(self, name: str, result: str) -> HookOutcome:
        path = os.path.join(self._folder, name)
        write_atomically(path, self._shim(path, name), mode=0o777)
        return HookOutcome(name, result)

    def _take_away_everywhere(self, name: str) -> HookOutcome:
        folders = dict.fromkeys((self._folder, self._default_folder))
        outcomes = [self._take_away(os.path.join(folder, name), name) for folder in folders]
        return next((outcome for outcome in outcomes if outcome.result != hook.ABSENT), outcomes[0])

    def _take_away(self, path: str, name: str) -> HookOutcome:
        keeper = KeptHooks(os.path.dirname(path))
        condition = self._condition(path, name)
        if condition == hook.FOREIGN and self._condition(path + _LEGACY, name) in _OURS:
            return _put_back(name, path + _LEGACY, keeper)
        if condition == hook.EDITED:
            return _skipped(name, f"{path} was changed by hand: remove it yourself")
        if condition in _OURS or (condition == hook.MISSING and keeper.has(name)):
            return _put_back(name, path, keeper)
        if keeper.has(name):
            return _skipped(name, f"{path} is not ours any more; your earlier hook is {keeper.where(name)}")
        return HookOutcome(name, hook.ABSENT)


def _put_back(name: str, path: str, keeper: KeptHooks) -> HookOutcome:
    if keeper.has(name):
        keeper.give_back(name, path)
        return HookOutcome(name, hook.RESTORED)
    try:
        os.unlink(path)
    except OSError as error:
        raise storage_error(error, path) from error
    return HookOutcome(name, hook.REMOVED)


def _content(path: str) -> bytes | None:
    """Returns the bytes of a regular file; None for anything else, and for what cannot be read."""
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _is_within(path: str, folder: str) -> bool:
    inside, outside = os.path.realpath(path), os.path.realpath(folder)
    return inside == outside or inside.startswith(outside + os.sep)


def _path_in(path: str, folder: str) -> str:
    """Returns `path` as git would call it in `folder`; "" for the folder itself."""
    inner = os.path.relpath(os.path.realpath(path), os.path.realpath(folder)).replace(os.sep, "/")
    return "" if inner == "." else inner


def _skipped(name: str, why: str) -> HookOutcome:
    return HookOutcome(name, hook.SKIPPED, why)


_OWN_FOLDER = 'git config core.hooksPath "$(git rev-parse --path-format=absolute --git-common-dir)/hooks"'


def install_hooks(files: GitHookFiles, *, force: bool = False) -> HooksReport:
    """Makes git call idse, unless a hook manager or a shared hooks folder is in charge.

    With `force` the files are written even then. Doing it twice changes nothing.
    """
    place = files.place()
    refused = None if force else _refused(place, files.states())
    if refused is not None:
        return refused
    outcomes = files.put()
    return HooksReport(place, files.states(), outcomes, in_worktree=files.in_worktree(outcomes))


def uninstall_hooks(files: GitHookFiles) -> HooksReport:
    """Takes idse's hooks away, wherever they are, and puts back those that stood there before."""
    outcomes = files.take_away()
    return HooksReport(files.place(), files.states(), outcomes)


def hooks_status(files: GitHookFiles) -> HooksReport:
    """Returns how the hooks stand; writes nothing."""
    return HooksReport(files.place(), files.states())


def _refused(place: HooksPlace, states: tuple[HookState, ...]) -> HooksReport | None:
    report = HooksReport(place, states)
    manager = place.manager
    if manager is not None:
        named = {*manager.wired, *manager.waiting}
        first = manager.install if named.issuperset(HOOKS) else "add the snippet to its configuration"
        return replace(
            report,
            refusal=f"{manager.name} is in charge of the hooks here ({manager.evidence})",
            fix=(first, "idse hooks install --force  # writes the hooks beside it"),
        )
    if place.outside:
        return replace(
            report,
            refusal=f"git looks for hooks in {place.folder}, which other repositories may share "
            f"({place.scope or 'git'} setting core.hooksPath)",
            fix=(
                f"{_OWN_FOLDER}  # hooks of its own",
                "idse hooks install --force  # writes them there all the same",
            ),
        )
    return None
