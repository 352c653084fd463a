"""New files in the work tree: written whole, and never over one that exists."""

from __future__ import annotations

import os
from collections.abc import Mapping

from idse_orchestrator.errors import ConflictError
from idse_orchestrator.git.private_files import storage_error
from idse_orchestrator.git.repository import Repository


class WorkFiles:
    """The `Folders` port on a work tree."""

    def __init__(self, repository: Repository) -> None:
        self._toplevel = repository.toplevel

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """See `Folders.write_new`. ConflictError where a link on the way leads elsewhere."""
        for path in files:
            self._refuse_link(path)
        return tuple(path for path, content in files.items() if self._write(path, content))

    def _write(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._toplevel, relative)
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            if os.path.lexists(path):
                return False
            os.makedirs(os.path.dirname(path), exist_ok=True)
            try:
                with open(temporary, "xb") as file:
                    file.write(content)
                os.link(temporary, path)  # unlike a rename, it fails where somebody was faster
            finally:
                if os.path.lexists(temporary):
                    os.unlink(temporary)
        except FileExistsError:
            return False
        except OSError as error:
            raise storage_error(error, relative) from error
        return True

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
