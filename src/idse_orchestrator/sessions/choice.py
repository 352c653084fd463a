"""What one validation looks at: a source of documents, and which sessions of it.

The names that count are those of ledgers and of folders in the work tree: a clone in CI has the
folders alone, and must be validated all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_name
from idse_orchestrator.constitution.rules import FETCH_LEDGERS, NO_LEDGERS
from idse_orchestrator.constitution.scope import EVERYTHING, Changes, Scope
from idse_orchestrator.documents.project_workspace import project_folder
from idse_orchestrator.sessions.resolve import (
    Asking,
    first_name,
    folder_of,
    resolve_project,
    resolve_session,
    without_ledgers,
)

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import Names
    from idse_orchestrator.sessions.ports import SessionFolders

WORKTREE = "worktree"
INDEX = "index"
COMMIT = "commit"
RANGE = "range"
LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Choice:
    """A source and what of it is asked for.

    `rev` is the commit of a COMMIT and the end of a RANGE, `base` the start of a RANGE. A `scope`
    without a session means, in an INDEX or a RANGE, what changed there.
    """

    kind: str = WORKTREE
    rev: str = ""
    base: str = ""
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True)
class KnownHere:
    """Names of projects and sessions that have a ledger, a folder in the work tree, or both."""

    ledgers: Names
    workspace: SessionFolders

    def projects(self) -> Sequence[str]:
        """Returns names of projects, in order."""
        return sorted({*self.ledgers.projects(), *(name for name, _ in self.workspace.session_folders())})

    def sessions(self, project: str | None = None) -> Sequence[SessionKey]:
        """Returns keys of sessions, in order; of one project if given."""
        folders = {key for key in self.workspace.session_folders() if project in (None, key[0])}
        return sorted(folders.union(self.ledgers.sessions(project)))


def named_scope(asking: Asking, kind: str, option: str | None, name: str) -> Scope:
    """Returns the session called `name` ("session" or "project/session") in a source of `kind`.

    A commit may hold a session that is nowhere else, so only its name is checked for one.
    """
    if kind == LEDGER:
        return Scope(*resolve_session(asking, option, name))
    wide = _wide(asking)
    if kind == WORKTREE:
        return Scope(*resolve_session(wide, option, name))
    project, slash, session = name.partition("/")
    if not slash:
        project, session = resolve_project(wide, option), name
    check_name("project", project)
    return Scope(project, first_name(wide, project, check_name("session", session)))


def project_scope(option: str | None) -> Scope:
    """Returns all sessions, or those of the project that ``--project`` names."""
    return Scope(check_name("project", option)) if option else EVERYTHING


def default_scope(asking: Asking, option: str | None) -> Scope:
    """Returns the session we stand in, else the one this work tree works on, else everything there is.

    A project that was named (``--project``, IDSE_PROJECT, the folder) limits what everything means.
    """
    project, session = folder_of(asking.prefix)
    named = option or asking.named
    if session and named in ("", project):
        return Scope(project, session)
    wanted = named or project
    if wanted:
        check_name("project", wanted)
    current = asking.workspace.current(wanted or None)
    if current is not None and current in _wide(asking).ledgers.sessions(current[0]):
        return Scope(*current)
    return project_scope(wanted)


def within(changes: Changes, project: str | None) -> Changes:
    """Returns the part of `changes` that belongs to `project`; all of it without one."""
    if project is None:
        return changes
    folder = project_folder(project) + "/"
    return Changes(
        tuple(path for path in changes.paths if path.startswith(folder)),
        frozenset(key for key in changes.sessions if key[0] == project),
    )


def refuse_unknown_project(asking: Asking, scope: Scope, report: Report) -> None:
    """UnknownNameError where nothing was judged because the project does not exist: a typo is no success."""
    if scope.project is not None and not report.sessions:
        resolve_project(_wide(asking), scope.project)


def needs_ledgers(report: Report, setting: Callable[[str], str]) -> bool:
    """Tests whether ledgers were missing, and the configuration lets nothing be judged without them."""
    return NO_LEDGERS in report.notes and setting("requireledgers") == "true"


def refuse_unchecked(report: Report) -> None:
    """NoProjectError where nothing here says what was promised: that nobody could look is no success."""
    if NO_LEDGERS not in report.notes:
        return
    projects = sorted({session.partition("/")[0] for session in report.sessions})
    raise without_ledgers(
        projects,
        [
            f"{FETCH_LEDGERS}  # on a machine that only judges",
            f"idse init {projects[0]}  # where people work",
        ],
        "without it nobody knows which stages are complete, and so which gates must hold",
    )


def _wide(asking: Asking) -> Asking:
    return asking._replace(ledgers=KnownHere(asking.ledgers, asking.workspace))


@dataclass(frozen=True, slots=True)
class Source:
    """Documents to read, what of them is asked for, and where the project's own rules are read."""

    reader: ArtifactReader
    scope: Scope
    rules: ArtifactReader
