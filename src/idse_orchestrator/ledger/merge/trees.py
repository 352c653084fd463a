"""Folders of documents as git's trees, for a merge that needs no work tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER
from idse_orchestrator.git.objects import BLOB, Objects, make_tree
from idse_orchestrator.ledger.merge.paths import File

if TYPE_CHECKING:
    from collections.abc import Mapping


class GitFolders:
    """The `FolderStore` port on the objects of a repository; what is saved is in memory until installed."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def list_folder(self, folder: str) -> Mapping[str, File]:
        """See `FolderStore.list_folder`; links and submodules are files of their modes."""
        files: dict[str, File] = {}
        waiting = [("", folder)] if folder else []
        while waiting:
            prefix, name = waiting.pop()
            for entry in self._objects.entries(name, prefix):
                if entry.mode == FOLDER:
                    waiting.append((f"{entry.path}/", entry.id))
                else:
                    files[entry.path] = File(entry.mode, entry.id)
        return files

    def save_folder(self, files: Mapping[str, File]) -> str:
        """See `FolderStore.save_folder`: the innermost folders first."""
        folders: dict[str, dict[str, tuple[str, str]]] = {"": {}}
        for path, file in files.items():
            folder, _, name = path.rpartition("/")
            folders.setdefault(folder, {})[name] = (file.mode, file.blob)
            while folder and folder.rpartition("/")[0] not in folders:
                folder = folder.rpartition("/")[0]
                folders[folder] = {}
        for folder in sorted(folders, key=lambda path: path.count("/"), reverse=True):
            above, _, name = folder.rpartition("/")
            if folder:
                folders[above][name] = (FOLDER, make_tree(self._objects, folders[folder]))
        return make_tree(self._objects, folders[""]) if files else ""

    def read_file(self, blob: str) -> bytes:
        """See `FolderStore.read_file`."""
        return self._objects.read(blob, BLOB)

    def save_file(self, content: bytes) -> str:
        """See `FolderStore.save_file`."""
        return self._objects.make(BLOB, content)
