"""Findings about where files stand: family 7xx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import problem_with
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.hits import with_params
from idse_orchestrator.constitution.rules import OFF, Finding
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    STAGE_OF,
    session_folder,
    split_session_path,
    view_of,
)

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.documents.project_workspace import FileEntry

OLD_FOLDERS = frozenset({"intents", "contexts", "specs", "plans"})
"""Stage folders of older layouts that are no folder of a session in this one."""


def judge_placement(
    constitution: Constitution,
    paths: Mapping[str, FileEntry],
    legacy_paths: Sequence[str],
    known_sessions: AbstractSet[tuple[str, str]] | None,
    expected_views: Mapping[str, bytes] | None,
    view_contents: Mapping[str, bytes],
) -> tuple[Finding, ...]:
    """Returns what the rules say about `paths` (repository-relative) and `legacy_paths`, ordered by place.

    `known_sessions` holds (project, session) of every ledger here; None means there are no ledgers
    at all (a fresh clone in CI), so nothing can be unknown. `expected_views` is None for an index
    or a commit, where a view must not be; for a worktree it maps each view's path to the bytes it
    should have, and `view_contents` to those it has.
    """
    places = (
        *_old_places([*legacy_paths, *(path for path in paths if _is_dot_rooted(path))]),
        *_current_folders([*legacy_paths, *paths]),
        *_views(paths, expected_views, view_contents),
        *_sessions(paths, known_sessions),
    )
    found = [finding for place in places for finding in _findings(constitution, place)]
    return tuple(sorted(found, key=lambda finding: finding.sort_key()))


class _Place(NamedTuple):
    check: str
    path: str
    params: Mapping[str, str]
    project: str = ""
    session: str = ""


def _findings(constitution: Constitution, place: _Place) -> Iterator[Finding]:
    params = {"path": place.path, "project": place.project, "session": place.session, **place.params}
    for rule in constitution.rules:
        severity = rule.severity_at("complete")
        if rule.check == place.check and severity != OFF:
            message, hint = with_params(rule.message, params), with_params(rule.hint, params)
            fix = rule.commands("complete", params)
            names = place.project, place.session
            yield Finding(rule.id, severity, place.path, 0, 0, message, hint, *names, fix=fix)


def _old_places(paths: Sequence[str]) -> Iterator[_Place]:
    """Yields one place for each old folder, however many files stand in it."""
    folders: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        if not _in_current_folder(path):
            folders.setdefault(_old_folder(path), []).append(path)
    for folder, files in folders.items():
        yield _Place("canonical_place", files[0], {"count": str(len(files)), "folder": folder})


def _old_folder(path: str) -> str:
    """Returns what a reader would move at once.

    Everything of one session below one root, or the file's folder.
    """
    parts = path.split("/")
    if "sessions" in parts[:-2]:
        return "/".join(parts[: parts.index("sessions") + 2])
    return "/".join(parts[:-1]) or "."


def _current_folders(paths: Sequence[str]) -> Iterator[_Place]:
    for path in sorted(set(paths)):
        if _in_current_folder(path):
            yield _Place("no_current_folder", path, {})


def _in_current_folder(path: str) -> bool:
    """Tests whether a folder "current" stands where a session should; a session may itself be called that."""
    own = split_session_path(path)
    if own is None:
        return "current" in path.split("/")[:-1]
    return "current" in own[2].split("/")[:-1]


def _is_dot_rooted(path: str) -> bool:
    own = split_session_path(path)
    if own is None:
        return False
    folder = own[2].partition("/")[0]
    return "/" in own[2] and folder in OLD_FOLDERS and own[2] not in STAGE_OF


def _views(
    paths: Mapping[str, FileEntry],
    expected: Mapping[str, bytes] | None,
    contents: Mapping[str, bytes],
) -> Iterator[_Place]:
    for path in paths:
        view = view_of(path)
        if view is None:
            continue
        if expected is None:
            yield _Place("views_not_committed", path, {}, view[0])
        elif path in expected and path in contents and contents[path] != expected[path]:
            yield _Place("views_untouched", path, {}, view[0])


def _sessions(paths: Mapping[str, FileEntry], known: AbstractSet[tuple[str, str]] | None) -> Iterator[_Place]:
    """Folders that can be no session, and those that are none yet."""
    first: dict[tuple[str, str], str] = {}
    for path in sorted(paths):
        own = split_session_path(path)
        if own is not None:
            first.setdefault(own[:2], path)
    for (project, session), path in first.items():
        intent = f"{session_folder(project, session)}/{ARTIFACTS['intent']}"
        place = intent if intent in paths else path
        unnamed = _unnamed(project, session)
        if unnamed:
            yield _Place("session_name", place, unnamed, project, session)
        elif known is not None and (project, session) not in known:
            yield _Place("known_session", place, {}, project, session)


def _unnamed(project: str, session: str) -> Mapping[str, str]:
    """Returns what is wrong with the first of these names that is no name; empty where both are."""
    for kind, name in (("project", project), ("session", session)):
        problem = problem_with(name)
        if problem is not None:
            return {"kind": kind, "name": name, "problem": problem}
    return {}
