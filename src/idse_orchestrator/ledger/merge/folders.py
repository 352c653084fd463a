"""The folders of two ledger commits, joined against that of their base.

Texts are merged line by line, and what conflicts stands between markers, the sides in the order of
their commits' ids. Where markers cannot be (no text, or too long with them) the second side stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.documents.pipeline_artifacts import STAGE_OF
from idse_orchestrator.git.objects import BLOB, Objects, make_tree
from idse_orchestrator.git.raw_objects import FOLDER as FOLDER_MODE
from idse_orchestrator.git.raw_objects import PLAIN
from idse_orchestrator.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.ledger.merge.conflicts import (
    CASE,
    FOLDER,
    MARKERS,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
)
from idse_orchestrator.ledger.merge.paths import (
    BothEdited,
    File,
    folders_of,
    join_paths,
    set_apart,
    three_way,
)
from idse_orchestrator.ledger.merge.texts import MergedText, merge_texts

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git

_PLAIN_MODES = (PLAIN, "100755")


class ArtifactJoin:
    """Joins trees of artifacts; "" is the tree of a session without documents."""

    def __init__(self, objects: Objects, git: Git) -> None:
        self._objects = objects
        self._git = git

    def join(
        self, base: str, one: str, other: str, labels: tuple[str, str, str]
    ) -> tuple[str, tuple[Conflict, ...]]:
        """The joined tree and its conflicts; `labels` name base, one and other in conflict markers."""
        if other in (one, base):
            return one, ()
        if one == base:
            return other, ()
        was = self._files(base)
        joined = join_paths(was, self._files(one), self._files(other))
        conflicts = {path: Conflict(path, REMOVED_HERE, path) for path in joined.kept_by_one}
        conflicts |= {path: Conflict(path, REMOVED_THERE, path) for path in joined.kept_by_other}
        files = joined.files
        for edited in joined.open:
            files[edited.path], kind = self._inside(edited, labels)
            if kind:
                conflicts[edited.path] = Conflict(edited.path, kind, edited.path)
        placed, moved = set_apart(files, _first(was))
        for path, original in moved.items():
            conflicts.pop(original, None)
            conflicts[path] = Conflict(path, FOLDER if _is_folder(original, files) else CASE, original)
        return self._tree(placed), tuple(conflicts[path] for path in sorted(conflicts))

    def _inside(self, edited: BothEdited, labels: tuple[str, str, str]) -> tuple[File, str]:
        """The file that both sides edited, and which kind of conflict it is ("" : none)."""
        was, one, other = edited.was, edited.one, edited.other
        mode = three_way(was.mode if was else "", one.mode, other.mode)
        if one.blob == other.blob:
            return File(mode, one.blob), ""
        text = self._text(edited, labels)
        if text is None or len(text.text) > MAX_ARTIFACT_BYTES:
            return other, NO_TEXT
        return File(mode, self._objects.make(BLOB, text.text)), MARKERS if text.conflicts else ""

    def _text(self, edited: BothEdited, labels: tuple[str, str, str]) -> MergedText | None:
        if not {edited.one.mode, edited.other.mode} <= set(_PLAIN_MODES):
            return None
        was = edited.was.blob if edited.was and edited.was.mode in _PLAIN_MODES else ""
        one, base, other = (
            self._objects.read(blob, BLOB) if blob else b""
            for blob in (edited.one.blob, was, edited.other.blob)
        )
        return merge_texts(self._git, one, base, other, labels=(labels[1], labels[0], labels[2]))

    def _files(self, tree: str) -> dict[str, File]:
        files: dict[str, File] = {}
        waiting = [("", tree)] if tree else []
        while waiting:
            prefix, name = waiting.pop()
            for entry in self._objects.entries(name, prefix):
                if entry.mode == FOLDER_MODE:
                    waiting.append((f"{entry.path}/", entry.id))
                else:
                    files[entry.path] = File(entry.mode, entry.id)
        return files

    def _tree(self, files: dict[str, File]) -> str:
        """The tree of `files`, the innermost folders first; "" where there are none."""
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
                folders[above][name] = (FOLDER_MODE, make_tree(self._objects, folders[folder]))
        return make_tree(self._objects, folders[""]) if files else ""


def _first(was: dict[str, File]) -> frozenset[str]:
    """The paths that keep their names: those of the pipeline, and those that were there before."""
    files = {*STAGE_OF, *was}
    return frozenset({*files, *(folder for path in files for folder in folders_of(path))})


def _is_folder(path: str, files: dict[str, File]) -> bool:
    return any(other.startswith(f"{path}/") for other in files)
