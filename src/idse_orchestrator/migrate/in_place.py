"""Finds the files that idse itself wrote, where the source is the work tree that takes over.

They are no part of the source. So a second run in place finds what the first one found, whatever was
committed since.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from idse_orchestrator.documents.project_workspace import (
    BUILD,
    CONSTITUTION_PATH,
    GITIGNORE_PATH,
    KNOWN_AGENTS_PATH,
    PROJECTS_FOLDER,
    TEMPLATES_FOLDER,
    VIEWS,
    decode,
    split_session_path,
)
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate.paths import DOT, Place, document_of, place_of
from idse_orchestrator.migrate.values import SourceEntry
from idse_orchestrator.worktree.work_tree import WorkTree

_SETTINGS = (GITIGNORE_PATH, CONSTITUTION_PATH, KNOWN_AGENTS_PATH)


class InPlace:
    """The part of the source at `root` that the work tree which takes over has, too.

    `views` gives what idse would write of views, by repository-relative path.
    """

    def __init__(self, work_tree: WorkTree, root: str, views: Callable[[], Mapping[str, bytes]]) -> None:
        self._git = work_tree.git
        self._top = os.path.realpath(work_tree.top)
        self._root = root
        self._expected = views
        self._projects: Collection[str] = ()
        self._is_apart = os.path.commonpath([self._top, root]) not in (self._top, root)

    def own(
        self, entries: Iterable[SourceEntry], keys: Collection[SessionKey]
    ) -> dict[str, SessionKey | None]:
        """Returns the paths in the source of what idse keeps here, with the session of each folder's file.

        `keys` are the sessions that have a ledger here. A folder that still has a folder for each stage is
        an old one.
        """
        projects = self._projects = {project for project, _ in keys}
        if self._is_apart or not keys:
            return {}
        here = {entry.path: path for entry in entries if (path := self._here(entry.path))}
        old = {key for path in here.values() if (key := _in_old_form(path))}
        found: dict[str, SessionKey | None] = {}
        for path, place in here.items():
            split = split_session_path(place)
            if split and split[:2] in keys and split[:2] not in old:
                found[path] = split[:2]
            elif (
                place in _SETTINGS
                or place.startswith(f"{TEMPLATES_FOLDER}/")
                or (_project_of(place) in projects and self._wrote(place))
            ):
                found[path] = None
        return found

    def is_old_folder(self, key: SessionKey, paths: Iterable[str]) -> bool:
        """Tests whether files of the session's own folder here are among those of the source at `paths`."""
        return not self._is_apart and any(
            split[:2] == key for path in paths if (split := split_session_path(self._here(path)))
        )

    def _wrote(self, path: str) -> bool:
        """Tests whether idse wrote the view at `path`: git may still carry those of older tools."""
        if path not in self._tracked:
            return True
        with suppress(OSError), open(os.path.join(self._top, path), "rb") as file:
            return file.read() == self._expected().get(path)
        return False

    @property
    def tracked_views(self) -> Sequence[str]:
        """The views that git carries, as older tools had it: repository-relative paths."""
        return () if self._is_apart else sorted(filter(_is_view, self._tracked))

    @property
    def views_without_copy(self) -> Sequence[str]:
        """The views in the source of whose text no commit has a copy; an older tool may have written them."""
        if self._is_apart:
            return ()
        there = [
            view
            for view in self._views()
            if view not in self._tracked and view.split("/")[2] not in self._projects
        ]
        out = self._git.attempt("diff", "--name-only", "-z", "HEAD", "--", f":(top,literal){PROJECTS_FOLDER}")
        changed = decode(out.stdout).split("\0") if out.returncode == 0 else self.tracked_views
        return [*there, *filter(_is_view, changed)]

    def _views(self) -> Iterator[str]:
        for folder in _names(os.path.join(self._top, PROJECTS_FOLDER)):
            for name in VIEWS:
                path = f"{PROJECTS_FOLDER}/{folder}/{name}"
                if os.path.lexists(os.path.join(self._top, path)):
                    yield path

    @cached_property
    def _tracked(self) -> frozenset[str]:
        out = self._git.bytes("ls-files", "-z", "--full-name", "--", f":(top,literal){PROJECTS_FOLDER}")
        return frozenset(decode(out).split("\0"))

    def _here(self, path: str) -> str:
        """Returns the place in this repository of the source's `path`; "" for one outside of it."""
        place = os.path.relpath(os.path.join(self._root, path), self._top)
        return "" if place.startswith("..") else place.replace(os.sep, "/")


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _in_old_form(path: str) -> SessionKey | None:
    """Returns the session in whose folder `path` is a document as older tools kept it."""
    place = place_of(path)
    if isinstance(place, Place) and place.layout == DOT and document_of(place.rest) is not None:
        return place.project, place.session
    return None


def _project_of(path: str) -> str:
    """Returns the project that the view, or what is built, at `path` is about; "" for anything else."""
    parts = path.split("/")
    is_ours = _is_view(path) or (len(parts) > 4 and parts[3] == BUILD)
    return parts[2] if is_ours and path.startswith(f"{PROJECTS_FOLDER}/") else ""


def _is_view(path: str) -> bool:
    parts = path.split("/")
    return len(parts) == 4 and parts[3] in VIEWS
