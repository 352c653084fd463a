"""The sessions that have a folder in a work tree, which one it works on, and the views that stand there."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.base.names import is_name
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.errors import ConflictError, StorageError
from idse_orchestrator.ledger.refs import CURRENT, current_by_project_ref, parse_session_ref

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey


class WorkFolders:
    """The session folders and views of the folder `top`, with git or without.

    `git_dir` is where it says which session is current; how that is set is for the heirs.
    """

    def __init__(self, top: str, git_dir: str) -> None:
        self._top = top
        self._git_dir = git_dir

    def session_folders(self) -> Sequence[SessionKey]:
        """See `SessionFolders.session_folders`."""
        root = os.path.join(self._top, WORKSPACE, "projects")
        return [
            (project, session)
            for project in _folders(root)
            for session in _folders(os.path.join(root, project, "sessions"))
        ]

    def current(self, project: str | None = None) -> SessionKey | None:
        """See `SessionFolders.current`.

        Read as a file: these refs are always loose, and a process to ask for one costs 3 ms.
        """
        ref = current_by_project_ref(project) if project else CURRENT
        try:
            with open(os.path.join(self._git_dir, ref), encoding="utf-8") as file:
                target = file.read(256).strip()
        except (OSError, UnicodeDecodeError):
            return None
        return parse_session_ref(target.removeprefix("ref: ")) if target.startswith("ref: ") else None

    def write_views(self, project: str, views: Mapping[str, bytes]) -> Sequence[str]:
        """See `ViewFiles.write_views`. Nothing is written where the project has no folder."""
        del project
        return [path for path, content in views.items() if self._write_if_different(path, content)]

    def view(self, path: str) -> bytes | None:
        """See `ViewFiles.view`."""
        full = os.path.join(self._top, path)
        if not os.path.lexists(full):
            return None
        if not self._is_file(path):  # reading a pipe would wait for ever
            return b""
        try:
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise storage_error(error, path) from error

    def _write_if_different(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._top, relative)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            return False
        if os.path.realpath(folder) != os.path.join(os.path.realpath(self._top), *relative.split("/")[:-1]):
            raise ConflictError(
                "a view would be written outside of this work tree",
                where=relative,
                cause="a folder on the way is a symbolic link",
                fix=("replace the link by a folder",),
            )
        try:
            if stat.S_ISREG(os.lstat(path).st_mode):  # reading a pipe would wait for ever
                with open(path, "rb") as file:
                    if file.read() == content:
                        return False
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, relative) from error
        write_atomically(path, content)
        return True

    def _is_file(self, relative: str) -> bool:
        path = os.path.join(self._top, relative)
        return os.path.isfile(path) and not os.path.islink(path)


def _folders(path: str) -> Sequence[str]:
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError("this folder cannot be read", where=path, cause=error.strerror) from error
    return sorted(name for name in names if is_name(name))
