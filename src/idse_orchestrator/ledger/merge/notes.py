"""Joins the notes of two clones, commit by commit of the code they are on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN
from idse_orchestrator.git.objects import BLOB, make_tree
from idse_orchestrator.ledger.commit import corrupt
from idse_orchestrator.ledger.merge.conflicts import Merged
from idse_orchestrator.ledger.notes import join_notes, merge_notes

if TYPE_CHECKING:
    from idse_orchestrator.git.objects import Objects
    from idse_orchestrator.ledger.merge.ancestry import Ancestry
    from idse_orchestrator.ledger.merge.conflicts import Pair

_ID = re.compile(r"[0-9a-f]{40}")


class NoteContent:
    """Merges the notes at `ref`."""

    message = "idse: notes of two clones\n"

    def __init__(self, ref: str, ancestry: Ancestry, objects: Objects) -> None:
        self._ref = ref
        self._ancestry = ancestry
        self._objects = objects

    def joined(self, pair: Pair) -> Merged:
        """See `Content.joined`; notes have no conflicts: what one commit's note says can stand together."""
        base = self._notes(pair.base) if pair.base else {}
        one, other = self._notes(pair.one), self._notes(pair.other)
        blobs = {}
        for commit in {**one, **other}:
            kept = self._kept(base.get(commit, ()), one.get(commit, ()), other.get(commit, ()))
            if kept:
                blobs[commit] = kept
        return Merged(self._planted(blobs), ())

    def _kept(self, was: tuple[str, ...], one: tuple[str, ...], other: tuple[str, ...]) -> str:
        """Returns the blob of a joined note, "" where it was removed. Each side is the blobs of one note."""
        if other in (one, was):
            return self._single(one)
        if one == was:
            return self._single(other)
        if not one or not other:
            return self._single(one or other)
        text = join_notes(self._text(was), self._text(one), self._text(other))
        return self._blob(text) if text else ""

    def _single(self, blobs: tuple[str, ...]) -> str:
        if len(blobs) < 2:
            return blobs[0] if blobs else ""
        return self._blob(self._text(blobs))

    def _text(self, blobs: tuple[str, ...]) -> str:
        texts = [self._objects.read(blob, BLOB).decode("utf-8", "surrogateescape") for blob in blobs]
        return merge_notes(*texts) if len(texts) > 1 else "".join(texts)

    def _blob(self, text: str) -> str:
        return self._objects.make(BLOB, text.encode("utf-8", "surrogateescape"))

    def _notes(self, commit: str) -> dict[str, tuple[str, ...]]:
        """Commit to the blobs of its note, the deeper ones first; git reads them all, and so does idse."""
        found: dict[str, tuple[str, ...]] = {}
        waiting = [("", self._ancestry.commit(commit).tree)]
        levels = []
        while waiting:
            levels.append([entry for level in waiting for entry in self._objects.entries(level[1], level[0])])
            waiting = [(f"{entry.path}/", entry.id) for entry in levels[-1] if entry.mode == FOLDER]
        for entry in (entry for level in reversed(levels) for entry in level if entry.mode != FOLDER):
            name = entry.path.replace("/", "")
            if entry.mode != PLAIN or not _ID.fullmatch(name):
                raise corrupt(self._ref, f"{entry.path!r} in commit {commit[:12]} is no note on a commit")
            found[name] = (*found.get(name, ()), entry.id)
        return found

    def _planted(self, blobs: dict[str, str]) -> str:
        folders: dict[str, dict[str, tuple[str, str]]] = {}
        for commit, blob in blobs.items():
            folders.setdefault(commit[:2], {})[commit[2:]] = (PLAIN, blob)
        return make_tree(
            self._objects,
            {name: (FOLDER, make_tree(self._objects, rows)) for name, rows in folders.items()},
        )
