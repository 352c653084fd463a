"""Takes idse out of a repository and its work trees again: what it put there goes, what people wrote stays.

In this order: the spool becomes notes, agent files, hooks, settings, views, current sessions, the private
folder; and only where it was asked for, after a backup, the ledgers. A run that was stopped is simply run
again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.agents.install_files import KEPT, traces_of, uninstall_agent_files
from idse_orchestrator.agents.work_tree_files import GitAgentFiles
from idse_orchestrator.base.files import remove_file, storage_error
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import AGENT_REGISTRY, PROJECTS_FOLDER, VIEWS, WORKSPACE
from idse_orchestrator.errors import ConflictError, IdseError
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.health.recovery import current_refs, unfinished_bundles
from idse_orchestrator.ledger.note_tree import NOTES_KEY, NOTES_VALUE, GitSettings
from idse_orchestrator.ledger.refs import LOCAL, PUBLISHED
from idse_orchestrator.redaction import redacted
from idse_orchestrator.sync.published_refs import heads_below, update_refs
from idse_orchestrator.sync.setup_agency import remote_settings
from idse_orchestrator.tasks.kind import OF_TASKS
from idse_orchestrator.worktree.branches import MAPPINGS
from idse_orchestrator.worktree.hook import FOREIGN, MISSING, SKIPPED
from idse_orchestrator.worktree.hook_files import uninstall_hooks
from idse_orchestrator.worktree.ignore_rules import EDITED as EDITED_RULES
from idse_orchestrator.worktree.ignore_rules import IgnoreRules

if TYPE_CHECKING:
    from idse_orchestrator.worktree.hook_files import GitHookFiles
    from idse_orchestrator.worktree.work_tree import WorkTree

SETTING = "setting"
VIEW = "view"
CURRENT_SESSION = "current session"
TRACKING = "tracking namespace"
PRIVATE_FOLDER = "private folder"
IGNORE_RULES = "block of ignore rules"
LEDGER = "ledger"


class Trace(NamedTuple):
    """One thing idse left in the repository: its kind and where it is."""

    kind: str
    where: str


_OWN_SECTION = "idse"


class GitFootprint:
    """The traces of idse in a repository."""

    def __init__(self, work_tree: WorkTree, write_waiting_notes: Callable[[], object]) -> None:
        self._work_tree = work_tree
        self.write_waiting_notes = write_waiting_notes
        self._git = work_tree.git
        self._ignoring = IgnoreRules(work_tree)

    def traces(self) -> Sequence[Trace]:
        """Returns everything but hooks, agent files and ledgers, in order."""
        found = [Trace(SETTING, setting) for setting in self._settings()]
        for top, git_dir in self._work_trees():
            found += [Trace(VIEW, path) for path in _views(top) if not self._is_edited(path)]
            found += [Trace(CURRENT_SESSION, os.path.join(git_dir, ref)) for ref, _ in current_refs(git_dir)]
        if self._ignoring.is_there():
            found.append(Trace(IGNORE_RULES, self._ignoring.path))
        if any(not ref.startswith(OF_TASKS) for ref in heads_below(self._git, LOCAL)):
            found.append(Trace(TRACKING, LOCAL))
        return (*found, *(Trace(PRIVATE_FOLDER, path) for path in self._private_folders()))

    def _is_edited(self, path: str) -> bool:
        """Tests whether a view holds what a person wrote; True too where that cannot be told for sure."""
        if os.path.basename(path) != AGENT_REGISTRY:
            return False
        from idse_orchestrator.agents.registry import EDITED, content_condition
        from idse_orchestrator.pipeline.reader import GitLedgerReader

        project, ledgers = os.path.basename(os.path.dirname(path)), GitLedgerReader(self._work_tree)
        try:
            with open(path if os.path.isfile(path) else os.devnull, "rb") as file:
                content = file.read()
            return content_condition(ledgers, project, ledgers.project(project), content) == EDITED
        except (IdseError, OSError):
            return True

    def agent_files(self) -> Sequence[GitAgentFiles]:
        """Returns the agent files of every work tree."""
        return [GitAgentFiles(top, git_dir) for top, git_dir in self._work_trees()]

    def ledgers(self) -> Sequence[Trace]:
        """Returns every ref under ``refs/idse/``, and those of tasks: they hold history, too."""
        return [Trace(LEDGER, name) for name in self._history()]

    def _history(self) -> dict[str, str]:
        """Returns ref to id of all that is history, in order."""
        tasks = {ref: head for place in OF_TASKS for ref, head in heads_below(self._git, place).items()}
        return {**heads_below(self._git, PUBLISHED), **tasks}

    def documents(self) -> Sequence[str]:
        """Returns folders with documents, which stay: one for each work tree that has one."""
        folders = [os.path.join(top, WORKSPACE) for top, _ in self._work_trees()]
        return [folder for folder in folders if os.path.isdir(folder)]

    def remove(self, traces: Sequence[Trace]) -> None:
        """Removes `traces`; those that are gone are no error. The folder with the ledger lock goes last."""
        with ledger_lock(self._work_tree):
            for trace in traces:
                _REMOVERS[trace.kind](self, trace.where)
            for base in ("refs", os.path.join("logs", "refs")):
                for name in ("idse", "idse-local"):
                    _remove_empty(os.path.join(self._work_tree.common_dir, base, name))
            for path in unfinished_bundles(self._work_tree):
                remove_file(path)
            self._remove_folder(self._work_tree.private)
        for _, git_dir in self._work_trees():
            _remove_empty(os.path.join(git_dir, "refs", "worktree"))
            _remove_empty(os.path.join(git_dir, "logs", "refs", "worktree"))

    def remove_ledgers(self, ledgers: Sequence[Trace]) -> str:
        """Writes a backup of `ledgers`, checks it, then removes them; returns the backup's path.

        A ref that moved meanwhile stops it before anything is gone.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        path = os.path.join(self._work_tree.common_dir, f"idse-ledgers-{stamp}.bundle")
        with ledger_lock(self._work_tree):
            heads = self._history()
            if [*heads] != [trace.where for trace in ledgers]:
                raise ConflictError("ledgers appeared or went meanwhile", fix=("run the command again",))
            for left in unfinished_bundles(self._work_tree):
                remove_file(left)
            names = "".join(f"{name}\n" for name in heads).encode()
            self._git.bytes("bundle", "create", "--quiet", path, "--stdin", stdin=names, timeout=3600)
            self._git.bytes("bundle", "verify", "--quiet", path, timeout=3600)
            update_refs(self._git, [f"delete {name} {old}" for name, old in heads.items()])
        return path

    def kept_rules(self) -> list[str]:
        """Returns why ignore rules stay."""
        condition, why = self._ignoring.condition()
        return [f"{why}, and stays"] if condition == EDITED_RULES else []

    def _settings(self) -> Iterator[str]:
        done = self._git.attempt("config", "--local", "--get-all", NOTES_KEY)
        if NOTES_VALUE.encode() in done.stdout.split():
            yield f"{NOTES_KEY}={NOTES_VALUE}"
        done = self._git.attempt("config", "--local", "--get-regexp", rf"^{_OWN_SECTION}\.", timeout=60)
        for line in done.stdout.decode("utf-8", "surrogateescape").splitlines():
            yield redacted(line.replace(" ", "=", 1))
        yield from (f"{key}={redacted(value)}" for key, value in remote_settings(self._git))
        done = self._git.attempt("config", "--local", "--null", "--get-regexp", MAPPINGS)
        for entry in filter(None, done.stdout.decode("utf-8", "surrogateescape").split("\0")):
            yield entry.replace("\n", "=", 1)

    def _work_trees(self) -> Sequence[tuple[str, str]]:
        """Returns (top, git directory) of every work tree that is there, not of those locked away."""
        listing = self._git.bytes("worktree", "list", "--porcelain").decode("utf-8", "surrogateescape")
        tops = [
            line.removeprefix("worktree ") for line in listing.splitlines() if line.startswith("worktree ")
        ]
        found: list[tuple[str, str]] = []
        for top in dict.fromkeys((self._work_tree.top, *tops)):
            if os.path.isdir(top):
                done = self._git.at(top).attempt("rev-parse", "--path-format=absolute", "--git-dir")
                git_dir = os.fsdecode(done.stdout).rstrip("\n")
                if done.returncode == 0 and git_dir not in [known for _, known in found]:
                    found.append((top, git_dir))
        return found

    def _private_folders(self) -> Sequence[str]:
        """Returns those of linked work trees first: the common one holds the lock."""
        folders = [os.path.join(git_dir, "idse") for _, git_dir in self._work_trees()]
        own = [folder for folder in folders if folder != self._work_tree.private]
        return [folder for folder in (*own, self._work_tree.private) if os.path.lexists(folder)]

    def _unset(self, setting: str) -> None:
        key = setting.rpartition("=")[0] if setting.startswith("branch.") else setting.partition("=")[0]
        if key == NOTES_KEY:
            GitSettings(self._work_tree).hide_notes()
        elif key.startswith("remote."):
            for own, value in remote_settings(self._git):
                if f"{own}={redacted(value)}" == setting:
                    self._git.attempt("config", "--local", "--fixed-value", "--unset-all", own, value)
        else:
            self._git.attempt("config", "--local", "--unset-all", key)

    def _untrack(self, _prefix: str) -> None:
        gone = [ref for ref in heads_below(self._git, LOCAL) if not ref.startswith(OF_TASKS)]
        update_refs(self._git, [f"delete {ref}" for ref in gone])
        _remove_empty(os.path.join(self._work_tree.common_dir, *LOCAL.strip("/").split("/")))

    def _forget(self, path: str) -> None:
        git_dir, _, ref = path.partition(f"{os.sep}refs{os.sep}worktree{os.sep}")
        top = next((top for top, known in self._work_trees() if known == git_dir), None)
        if top is not None:
            self._git.at(top).attempt("symbolic-ref", "--delete", f"refs/worktree/{ref}")

    def _remove_folder(self, path: str) -> None:
        import shutil

        if os.path.islink(path):
            remove_file(path)
            return
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(error, path) from error


_REMOVERS = {
    SETTING: GitFootprint._unset,  # noqa: SLF001 - a table of its own methods
    VIEW: lambda _, path: remove_file(path),
    IGNORE_RULES: lambda self, _: self._ignoring.take_out(),
    CURRENT_SESSION: GitFootprint._forget,  # noqa: SLF001 - the same
    TRACKING: GitFootprint._untrack,  # noqa: SLF001 - the same
    PRIVATE_FOLDER: GitFootprint._remove_folder,  # noqa: SLF001 - the same
}


def _views(top: str) -> Iterator[str]:
    root = os.path.join(top, PROJECTS_FOLDER)
    try:
        projects = sorted(os.listdir(root))
    except OSError:
        return
    for project in projects:
        for name in VIEWS:
            path = os.path.join(root, project, name)
            if os.path.lexists(path) and not os.path.islink(os.path.join(root, project)):
                yield path


def _remove_empty(folder: str) -> None:
    for inner, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(inner)
        except OSError:
            continue  # something that is not ours lives there


HOOK = "hook"
AGENT_FILE = "agent file"


class UninstallPlan(NamedTuple):
    """The traces that go, and what stays. `ledgers` is what is there; `with_ledgers`: it goes, too."""

    traces: tuple[Trace, ...]
    ledgers: tuple[Trace, ...]
    documents: tuple[str, ...]
    with_ledgers: bool = False


class Uninstalled(NamedTuple):
    """The outcome. `kept`: why hooks and agent files stayed; `backup` is the path of the bundle, or ""."""

    plan: UninstallPlan
    kept: tuple[str, ...] = ()
    backup: str = ""


def plan_uninstall(
    footprint: GitFootprint, hooks: GitHookFiles, *, with_ledgers: bool = False
) -> UninstallPlan:
    """Plans what `uninstall` does; writes nothing."""
    states = hooks.states()
    found = [
        Trace(HOOK, state.path)
        for state in states
        if state.chained or state.condition not in (MISSING, FOREIGN)
    ]
    found += [Trace(AGENT_FILE, path) for store in footprint.agent_files() for path in traces_of(store)]
    return UninstallPlan(
        (*found, *footprint.traces()), tuple(footprint.ledgers()), tuple(footprint.documents()), with_ledgers
    )


def uninstall(footprint: GitFootprint, hooks: GitHookFiles, plan: UninstallPlan) -> Uninstalled:
    """Carries out `plan`."""
    backup = ""
    if plan.with_ledgers:
        if plan.ledgers:
            backup = footprint.remove_ledgers(plan.ledgers)
    else:
        footprint.write_waiting_notes()
    kept = [why for store in footprint.agent_files() for why in _take_out(store)]
    outcomes = uninstall_hooks(hooks).outcomes
    footprint.remove([trace for trace in plan.traces if trace.kind not in (HOOK, AGENT_FILE)])
    kept += [outcome.detail for outcome in outcomes if outcome.result == SKIPPED]
    kept += footprint.kept_rules()
    return Uninstalled(plan, tuple(kept), backup)


def _take_out(store: GitAgentFiles) -> list[str]:
    """Removes the agent files of one work tree; returns why some stay."""
    outcomes = uninstall_agent_files(store, lenient=True)
    return [
        f"{store.where(each.file.path)} stays: {each.detail}" + (f" (line {each.line})" if each.line else "")
        for each in outcomes
        if each.result == KEPT
    ]
