"""New files and folders in the work tree: written whole, and never over one that exists."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping

from idse_orchestrator.base.files import make_folder, storage_error, write_new
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.git.lock import ledger_lock
from idse_orchestrator.worktree.work_tree import WorkTree

_CANNOT_MOVE = frozenset({errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST})
"""The git directory is on another file system, or somebody else made the folder just now."""


class WorkFiles:
    """The `Folders` port on a work tree."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._toplevel = work_tree.top

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """See `Folders.write_new`. ConflictError where a link on the way leads elsewhere."""
        for path in files:
            self._refuse_link(path)
        return tuple(path for path, content in files.items() if self._write(path, content))

    def make_folder(self, folder: str, files: Mapping[str, bytes]) -> None:
        """See `Folders.make_folder`. ConflictError as by `write_new`."""
        self._refuse_link(f"{folder}/-")
        if not os.path.lexists(os.path.join(self._toplevel, folder)) and self._moved_in(folder, files):
            return
        self.write_new({f"{folder}/{path}": content for path, content in files.items()})

    def _moved_in(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Write the files elsewhere and move them in by one step; False where that step is not possible."""
        target = os.path.join(self._toplevel, folder)
        with ledger_lock(self._work_tree):  # so that nobody else uses the staging folder
            staging = os.path.join(make_folder(self._work_tree.private), "new-folder")
            shutil.rmtree(staging, ignore_errors=True)  # a killed process may have left it
            try:
                _write_all(staging, files)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.rename(staging, target)
            except OSError as error:
                if error.errno in _CANNOT_MOVE:
                    return False
                self._forget_empty(os.path.dirname(target))
                raise storage_error(error, folder) from error
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return True

    def _forget_empty(self, folder: str) -> None:
        """Remove `folder` and those above it, as far as they are empty and below the top."""
        try:
            while folder != self._toplevel:
                os.rmdir(folder)
                folder = os.path.dirname(folder)
        except OSError:
            return

    def _write(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._toplevel, relative)
        try:
            if os.path.lexists(path):
                return False
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return write_new(path, content)
        except FileExistsError:
            return False
        except OSError as error:
            self._forget_empty(os.path.dirname(path))
            error.filename = path
            raise storage_error(error, relative) from error

    def _refuse_link(self, relative: str) -> None:
        parts = relative.split("/")
        for count in range(1, len(parts)):
            place = os.path.join(self._toplevel, *parts[:count])
            if os.path.islink(place) or (os.path.lexists(place) and not os.path.isdir(place)):
                raise ConflictError(
                    "something that is not a folder stands where a folder is needed",
                    where="/".join(parts[:count]),
                    cause="a symbolic link could lead out of this work tree",
                    fix=("move it away, then run the command again",),
                )


def _write_all(folder: str, files: Mapping[str, bytes]) -> None:
    for relative, content in files.items():
        path = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)
