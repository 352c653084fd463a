"""Folders of documents as git's trees, and texts merged by `git merge-file`, without a work tree.

Where there is git, nothing else merges texts: the id of a merge rests on this one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER
from idse_orchestrator.base.text_merge import MergedText
from idse_orchestrator.git.objects import BLOB, Objects, make_tree
from idse_orchestrator.git.program import failure
from idse_orchestrator.ledger.merge.paths import File

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.git.program import Git


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


_MERGE = ("-c", "merge.conflictStyle=merge", "merge-file", "--quiet", "--stdout")
"""The same conflict has the same text on every machine, however its owner likes conflicts shown."""
_MOST_CONFLICTS = 127
"""git counts conflicts in the exit code up to this many; 255 says that one side is no text."""
_NO_TEXT = 255


def merge_texts(
    git: Git, ours: bytes, base: bytes, theirs: bytes, *, labels: tuple[str, str]
) -> MergedText | None:
    """Applies what changed from `base` to `theirs` to `ours`; None where one of them is no text.

    `labels` name `ours` and `theirs` in the markers.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="idse-merge-") as folder:
        paths = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            with open(path, "wb") as file:
                file.write(text)
        named = ("-L", labels[0], "-L", "base", "-L", labels[1])
        done = git.attempt(*_MERGE, *named, *paths)
    if done.returncode == _NO_TEXT:
        return None
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise failure(("merge-file",), done)
    return MergedText(done.stdout, conflicts=done.returncode != 0)
