"""Two folders merged against that of their base, path by path: for save, commit, sync and every store.

Texts are merged line by line, and what conflicts stands between markers. Where markers cannot be (no text,
or too long with them) the second side stays. No rename is guessed: what one side renames and the other
edits is there under both names, and a conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.names import PLAIN
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGE_OF
from idse_orchestrator.ledger.merge.conflicts import (
    CASE,
    FOLDER,
    MARKERS,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
    Merged,
)
from idse_orchestrator.ledger.merge.paths import (
    BothEdited,
    File,
    folders_of,
    join_paths,
    set_apart,
    three_way,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from idse_orchestrator.base.text_merge import MergedText, TextMerger

EDIT_LABELS = ("ledger", "edit")
"""What the sides are called in the markers of an edit that conflicts with its ledger."""
_PLAIN_MODES = (PLAIN, "100755")
TASKS = ARTIFACTS["tasks"]


class FolderStore(Protocol):
    """Folders and the contents of their files by id; "" is the folder without files."""

    def list_folder(self, folder: str) -> Mapping[str, File]:
        """Returns path to file, for all files at any depth."""

    def save_folder(self, files: Mapping[str, File]) -> str:
        """Returns the id of the folder with these files."""

    def read_file(self, blob: str) -> bytes:
        """Returns the content of a file."""

    def save_file(self, content: bytes) -> str:
        """Returns the id of a file with this content."""


def merge_folders(
    store: FolderStore,
    base: str,
    ours: str,
    theirs: str,
    merge_texts: TextMerger,
    *,
    knows_boxes: bool = True,
) -> Merged:
    """Applies what changed from `base` to `theirs` to `ours`.

    Marks of tasks do not conflict where `knows_boxes`; ids of merges in older ledgers rest on those that do.
    """
    if theirs in (ours, base):
        return Merged(ours, ())
    if ours == base:
        return Merged(theirs, ())
    was = store.list_folder(base)
    joined = join_paths(was, store.list_folder(ours), store.list_folder(theirs))
    conflicts = {path: Conflict(path, REMOVED_HERE, path) for path in joined.kept_by_one}
    conflicts |= {path: Conflict(path, REMOVED_THERE, path) for path in joined.kept_by_other}
    files = joined.files
    for edited in joined.open:
        files[edited.path], kind = _merge_file(store, edited, merge_texts, knows_boxes=knows_boxes)
        if kind:
            conflicts[edited.path] = Conflict(edited.path, kind, edited.path)
    placed, moved = set_apart(files, _keep_names(was))
    for path, original in moved.items():
        conflicts.pop(original, None)
        conflicts[path] = Conflict(path, FOLDER if _is_folder(original, files) else CASE, original)
    return Merged(store.save_folder(placed), tuple(conflicts[path] for path in sorted(conflicts)))


def exchange_files(store: FolderStore, folder: str, other: str, paths: Collection[str]) -> str:
    """Returns the folder in which the files `paths` are those of `other`, also where one of them has none."""
    source = store.list_folder(other)
    taken = {path: source[path] for path in paths if path in source}
    gone = {*paths, *(above for path in taken for above in folders_of(path))}
    kept = {
        path: file
        for path, file in store.list_folder(folder).items()
        if path not in gone and taken.keys().isdisjoint(folders_of(path))
    }
    return store.save_folder({**kept, **taken})


def _merge_file(
    store: FolderStore, edited: BothEdited, merge_texts: TextMerger, *, knows_boxes: bool
) -> tuple[File, str]:
    """Returns the file that both sides edited, and which kind of conflict it is ("": none)."""
    was, one, other = edited.was, edited.one, edited.other
    mode = three_way(was.mode if was else "", one.mode, other.mode)
    if one.blob == other.blob:
        return File(mode, one.blob), ""
    text = _merge_contents(store, edited, merge_texts, knows_boxes=knows_boxes and edited.path == TASKS)
    if text is None or len(text.text) > MAX_ARTIFACT_BYTES:
        return other, NO_TEXT
    return File(mode, store.save_file(text.text)), MARKERS if text.conflicts else ""


def _merge_contents(
    store: FolderStore, edited: BothEdited, merge_texts: TextMerger, *, knows_boxes: bool
) -> MergedText | None:
    was, one, other = edited.was, edited.one, edited.other
    if not {one.mode, other.mode} <= set(_PLAIN_MODES):
        return None
    base = store.read_file(was.blob) if was and was.mode in _PLAIN_MODES else b""
    texts = store.read_file(one.blob), base, store.read_file(other.blob)
    merged = merge_texts(*texts)
    if not (knows_boxes and merged and merged.conflicts):
        return merged
    from idse_orchestrator.ledger.merge.boxes import merge_boxes  # most merges have no conflict

    return merge_boxes(*texts, merge_texts) or merged


def _keep_names(was: Mapping[str, File]) -> frozenset[str]:
    """Returns the paths that keep their names: those of the pipeline, and those that were there before."""
    files = {*STAGE_OF, *was}
    return frozenset({*files, *(folder for path in files for folder in folders_of(path))})


def _is_folder(path: str, files: Mapping[str, File]) -> bool:
    return any(other.startswith(f"{path}/") for other in files)
