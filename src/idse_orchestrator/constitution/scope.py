"""Which part of a source is validated, and what stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import (
    CONSTITUTION_PATH,
    WORKSPACE,
    artifact_path,
    current_session_path,
    project_folder,
    session_folder,
    session_state_path,
    split_session_path,
)

if TYPE_CHECKING:
    from idse_orchestrator.documents.project_workspace import ArtifactReader, FileEntry
    from idse_orchestrator.ledger.events import SessionKey


class Changes(NamedTuple):
    """What a commit or a range touched: `paths` it adds or edits, `sessions` of which any file differs."""

    paths: tuple[str, ...]
    sessions: frozenset[SessionKey]


class Scope(NamedTuple):
    """All sessions; those of `project`; one `session` of it; or what `changes` touched."""

    project: str | None = None
    session: str | None = None
    changes: Changes | None = None


EVERYTHING = Scope()

_MOST_PLACES = 200


def places(scope: Scope) -> tuple[str, ...]:
    """Folders and files a reader has to cover for `scope`: a narrow reader is a fast one."""
    if scope.changes is not None:
        sessions = {session_folder(*key) for key in scope.changes.sessions}
        sessions |= {_defaults_of(project) for project, _ in scope.changes.sessions}
        others = {path for path in scope.changes.paths if split_session_path(path) is None}
        found = {*sessions, *(path for path in others if _is_inside(path))}
    elif scope.project is None:
        return (WORKSPACE,)
    elif scope.session is None:
        found = {project_folder(scope.project)}
    else:
        own = session_folder(scope.project, scope.session)
        found = {own, _defaults_of(scope.project), *_views_of(scope.project)}
    return (WORKSPACE,) if len(found) > _MOST_PLACES else (*sorted(found), CONSTITUTION_PATH)


class Sight(NamedTuple):
    """What is in scope: files of each session by path in it, all paths, and older layouts' paths.

    `covers` tells whether a repository-relative path is in scope, whether or not it exists.
    """

    sessions: Mapping[SessionKey, Mapping[str, FileEntry]]
    paths: Mapping[str, FileEntry]
    legacy_paths: Sequence[str]
    covers: Callable[[str], bool]


def in_scope(reader: ArtifactReader, scope: Scope) -> Sight:
    """Returns what `scope` covers of the source.

    A session that was asked for by name is there even without files; one that a change removed is not.
    """
    if scope.changes is not None:
        return _changed(reader, scope.changes)
    covers = _below(scope)
    paths = {path: entry for path, entry in reader.paths().items() if covers(path)}
    sessions = _by_session(paths)
    if scope.project is not None and scope.session is not None:
        sessions.setdefault((scope.project, scope.session), {})
    return Sight(dict(sorted(sessions.items())), paths, _legacy(reader, scope), covers)


def _changed(reader: ArtifactReader, changes: Changes) -> Sight:
    entries = reader.paths()
    touched = frozenset(changes.paths)
    sessions = _by_session({p: e for p, e in entries.items() if _owner(p) in changes.sessions})
    paths = {path: entry for path, entry in entries.items() if path in touched}
    legacy = sorted(path for path in touched if not _is_inside(path))
    return Sight(dict(sorted(sessions.items())), paths, legacy, touched.__contains__)


def _is_inside(path: str) -> bool:
    return path == WORKSPACE or path.startswith(f"{WORKSPACE}/")


def _owner(path: str) -> SessionKey | None:
    parts = split_session_path(path)
    return None if parts is None else parts[:2]


def _by_session(paths: Mapping[str, FileEntry]) -> dict[SessionKey, dict[str, FileEntry]]:
    sessions: dict[SessionKey, dict[str, FileEntry]] = {}
    for path, entry in paths.items():
        parts = split_session_path(path)
        if parts is not None:
            project, session, rest = parts
            sessions.setdefault((project, session), {})[rest] = entry
    return sessions


def _below(scope: Scope) -> Callable[[str], bool]:
    if scope.project is None:
        return lambda _path: True
    folder, views = project_folder(scope.project), _views_of(scope.project)
    if scope.session is not None:
        folder = session_folder(scope.project, scope.session)
    return lambda path: path == folder or path.startswith(folder + "/") or path in views


def _views_of(project: str) -> tuple[str, ...]:
    """Views belong to a project, and mislead about each of its sessions."""
    return current_session_path(project), session_state_path(project)


def _defaults_of(project: str) -> str:
    """The document that gives defaults to every session's agent profile, and is judged with none of them."""
    return artifact_path(project, BLUEPRINT, "spec")


def _legacy(reader: ArtifactReader, scope: Scope) -> Sequence[str]:
    """Older paths; one session's validation does not look beyond its folder."""
    if scope.session is not None:
        return ()
    if scope.project is None:
        return reader.legacy_paths()
    inside = f"projects/{scope.project}/sessions/"
    return [path for path in reader.legacy_paths() if inside in path or "/current/" in path]
