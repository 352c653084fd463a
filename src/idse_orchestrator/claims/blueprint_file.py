"""``blueprint.md`` in this work tree: read as it is, and written only over what was read."""

from __future__ import annotations

import os
import stat

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.pipeline_artifacts import session_folder
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES
from idse_orchestrator.worktree.work_tree import WorkTree

NAME = "blueprint.md"


class GitBlueprintFile:
    """``blueprint.md`` in the folder of the blueprint session of a work tree."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._toplevel = work_tree.top

    def has_folder(self, project: str) -> bool:
        """Whether the branch carries the folder of the blueprint session."""
        return os.path.isdir(os.path.join(self._toplevel, session_folder(project, BLUEPRINT)))

    def read(self, project: str) -> bytes | None:
        """Its bytes; None where there is none. ConflictError where something else stands there."""
        relative = f"{session_folder(project, BLUEPRINT)}/{NAME}"
        path = os.path.join(self._toplevel, relative)
        self._refuse_link(relative)
        try:
            info = os.lstat(path)
            if not stat.S_ISREG(info.st_mode):  # reading a pipe would wait for ever
                raise _in_the_way(relative, "it is not a regular file")
            if info.st_size > MAX_FILE_BYTES:
                raise _in_the_way(relative, f"it has {info.st_size:,} bytes, so it is no document")
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, relative) from error

    def write(self, project: str, before: bytes | None, after: bytes) -> None:
        """Make it `after`, if it is `before` still; ConflictError if it is not."""
        if self.read(project) != before:
            raise ConflictError(
                "blueprint.md changed while its claims were written",
                where=f"{session_folder(project, BLUEPRINT)}/{NAME}",
                fix=("idse blueprint claims --write",),
            )
        write_atomically(os.path.join(self._toplevel, session_folder(project, BLUEPRINT), NAME), after)

    def _refuse_link(self, relative: str) -> None:
        parts = relative.split("/")
        for count in range(1, len(parts)):
            place = os.path.join(self._toplevel, *parts[:count])
            if os.path.islink(place):
                raise _in_the_way("/".join(parts[:count]), "a symbolic link could lead out of this work tree")


def _in_the_way(where: str, cause: str) -> ConflictError:
    return ConflictError(
        "the claims cannot be written into blueprint.md",
        where=where,
        cause=cause,
        fix=("put a plain file or folder there, then: idse blueprint claims --write",),
    )
