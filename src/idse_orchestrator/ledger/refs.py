"""One pair of functions per kind of ref: names to refs and back, and they round-trip."""

from __future__ import annotations

from idse_orchestrator.base.ids import is_ulid
from idse_orchestrator.base.names import check_name, is_name

PUBLISHED = "refs/idse/"
PROJECTS = "refs/idse/projects/"
SESSIONS = "refs/idse/sessions/"
NOTES = "refs/idse/notes/"
NOTES_ON_COMMITS = "refs/idse/notes/commits"
SYNC = "refs/idse/sync/"
LOCAL = "refs/idse-local/"
"""What never leaves this repository: what remotes had, and sync points on their way."""
CURRENT = "refs/worktree/idse/session"
"""Symbolic ref of one worktree: the session it works on now."""
CURRENT_BY_PROJECT = "refs/worktree/idse/sessions/"
"""Symbolic refs of one worktree: the session it works on in each project."""


def project_ref(project: str) -> str:
    """Ref of a project's ledger."""
    return PROJECTS + check_name("project", project)


def session_ref(project: str, session: str) -> str:
    """Ref of a session's ledger."""
    return f"{SESSIONS}{check_name('project', project)}/{check_name('session', session)}"


def tracking_ref(remote: str, ref: str) -> str:
    """Where it is kept what `remote` had at the published ref `ref`."""
    return f"{LOCAL}remotes/{remote}/{ref.removeprefix(PUBLISHED)}"


def sync_ref(replica: str) -> str:
    """Ref of the sync points of one clone; `replica` is its id, a ULID."""
    return SYNC + replica


def parse_sync_ref(ref: str) -> str | None:
    """The replica whose sync points `ref` holds, or None."""
    replica = ref.removeprefix(SYNC)
    return replica if ref.startswith(SYNC) and is_ulid(replica) else None


def current_by_project_ref(project: str) -> str:
    """Symbolic ref of the session this worktree works on in `project`."""
    return CURRENT_BY_PROJECT + check_name("project", project)


def parse_project_ref(ref: str) -> str | None:
    """The project whose ledger `ref` is, or None."""
    name = ref.removeprefix(PROJECTS)
    return name if ref.startswith(PROJECTS) and is_name(name) else None


def parse_session_ref(ref: str) -> tuple[str, str] | None:
    """The (project, session) whose ledger `ref` is, or None."""
    if not ref.startswith(SESSIONS):
        return None
    project, _, session = ref.removeprefix(SESSIONS).partition("/")
    return (project, session) if is_name(project) and is_name(session) else None
