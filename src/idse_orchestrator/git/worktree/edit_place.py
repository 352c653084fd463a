"""Where a file stands that an agent is about to edit: in which work tree, and at which path of it.

Links are followed first, so that a link in ``.idse/`` is no way out of it and one into it is no way in.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from idse_orchestrator.app.judge_edit import IN_GIT_DIRECTORY
from idse_orchestrator.errors import IdseError, NotARepositoryError, UnsupportedRepositoryError
from idse_orchestrator.git.repository import Repository, discover


class EditPlace(NamedTuple):
    """A file at `path` of the work tree of `repository`; see `app.judge_edit.judge_edits` for the form."""

    repository: Repository
    path: str


class EditPlaces:
    """Finds files for an agent that was started in the folder `home`.

    What stands in no repository, or in another one than `home`, is not ours to judge; unless that other one
    stands inside of `home`'s work tree, as a submodule does: then its files are files of ours.
    """

    def __init__(self, home: str) -> None:
        self._home = os.path.realpath(home)
        self._known: list[Repository] = []
        self._home_known = False
        self._home_repository: Repository | None = None

    def find(self, path: str) -> EditPlace | None:
        """Where the file at the absolute `path` stands; None where that is none of our business."""
        real = os.path.realpath(path)
        repository = self._around(_existing_folder(real))
        if repository is None:
            return self._in_git_directory(real)
        if not self._is_at_home(repository):
            return self._inside_of_home(real)
        return EditPlace(repository, _inner(real, repository.toplevel) or ".")

    @property
    def home_is_in_git(self) -> bool:
        """Whether `home` is in a repository."""
        return self._at_home is not None

    def _around(self, folder: str) -> Repository | None:
        for known in self._known:
            if _is_plainly_in(folder, known):
                return known
        try:
            found = discover(folder)
        except NotARepositoryError:
            return None
        except UnsupportedRepositoryError:
            if self._at_home is None:
                raise
            return None  # not `home`, which can be served
        self._known.append(found)
        return found

    def _in_git_directory(self, real: str) -> EditPlace | None:
        home = self._at_home
        if home is None:
            return None
        for folder in (home.git_dir, home.common_dir):
            inner = _inner(real, folder)
            if inner is not None:
                return EditPlace(home, IN_GIT_DIRECTORY + inner)
        return self._inside_of_home(real)

    def _inside_of_home(self, real: str) -> EditPlace | None:
        inner = _inner(real, self._at_home.toplevel) if self._at_home else None
        return EditPlace(self._at_home, inner) if self._at_home and inner is not None else None

    def _is_at_home(self, repository: Repository) -> bool:
        """Whether `home` is in the same repository, in any of its work trees, or in none at all."""
        if _is_plainly_in(self._home, repository):
            return True
        home = self._at_home
        return home is None or home.common_dir == repository.common_dir

    @property
    def _at_home(self) -> Repository | None:
        if not self._home_known:
            self._home_known = True
            try:
                self._home_repository = discover(_existing_folder(os.path.join(self._home, "-")))
            except IdseError:
                self._home_repository = None
        return self._home_repository


def _inner(real: str, folder: str) -> str | None:
    """`real` relative to `folder`, with ``/``; None where it is not inside."""
    inner = os.path.relpath(real, os.path.realpath(folder)).replace(os.sep, "/")
    return None if inner.split("/", 1)[0] == ".." else inner


def _existing_folder(path: str) -> str:
    """The folder of `path`, or the nearest one above that exists."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _is_plainly_in(folder: str, repository: Repository) -> bool:
    """Whether `folder` is in the work tree, with no other repository, work tree or git directory between."""
    top = os.path.realpath(repository.toplevel)
    if folder != top and not folder.startswith(top.rstrip(os.sep) + os.sep):
        return False
    while folder != top:
        if os.path.basename(folder) == ".git" or os.path.lexists(os.path.join(folder, ".git")):
            return False
        folder = os.path.dirname(folder)
    return True
