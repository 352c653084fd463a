"""An edit applied to a ledger's folder, file by file, taking nobody's lines away."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from idse_orchestrator.app.ledger_values import (
    CASE,
    FOLDER,
    MARKERS,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
)
from idse_orchestrator.domain.design_store import DesignStore
from idse_orchestrator.domain.ledger.commit import MAX_ARTIFACT_BYTES, PLAIN
from idse_orchestrator.domain.sync.path_join import BothEdited, File, join_paths, set_apart
from idse_orchestrator.domain.sync.text_join import join_texts

Files = Mapping[str, str]


def merge_folders(
    store: DesignStore, base: Files, ours: Files, theirs: Files
) -> tuple[Files, tuple[Conflict, ...]]:
    """What changed from `base` to `theirs`, applied to `ours`; all map paths to content ids."""
    joined = join_paths(*(_listing(files) for files in (base, ours, theirs)))
    conflicts = {path: Conflict(path, REMOVED_THERE, path) for path in joined.kept_by_other}
    conflicts |= {path: Conflict(path, REMOVED_HERE, path) for path in joined.kept_by_one}
    files = joined.files
    for both in joined.open:
        files[both.path], kind = _inside(store, both)
        if kind:
            conflicts[both.path] = Conflict(both.path, kind, both.path)
    placed, moved = set_apart(files, frozenset(base))
    for path, original in moved.items():
        conflicts.pop(original, None)
        is_folder = any(other.startswith(f"{original}/") for other in files)
        conflicts[path] = Conflict(path, FOLDER if is_folder else CASE, original)
    return (
        {path: file.blob for path, file in placed.items()},
        tuple(conflicts[path] for path in sorted(conflicts)),
    )


def _inside(store: DesignStore, both: BothEdited) -> tuple[File, str]:
    load: Callable[[str], bytes] = store.load_artifact
    was = load(both.was.blob) if both.was else b""
    text = join_texts(was, load(both.one.blob), load(both.other.blob), ("ledger", "edit"))
    if text is None or len(text.text) > MAX_ARTIFACT_BYTES:
        return both.other, NO_TEXT
    return File(PLAIN, store.save_artifact(text.text)), MARKERS if text.conflicts else ""


def _listing(files: Files) -> dict[str, File]:
    return {path: File(PLAIN, blob) for path, blob in files.items()}
