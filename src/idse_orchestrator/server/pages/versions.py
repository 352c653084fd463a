"""Versions of documents that are not the newest: as somebody read them, and as stages were completed with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.git.objects import BLOB, objects_of
from idse_orchestrator.ledger.commit import ARTIFACTS as FOLDER
from idse_orchestrator.pipeline.stage_state_model import (
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    STALE,
    state_from_json,
)
from idse_orchestrator.server.judgement.pushed import Pushed
from idse_orchestrator.server.pages.differences import difference
from idse_orchestrator.server.pages.form_text import text_of, why_fixed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.server.api.reads import Reads, Where
    from idse_orchestrator.server.tenants.home import Home

_ID = re.compile(r"[0-9a-f]{40}")


class Versions:
    """Reads them from the repositories of `home`; for threads."""

    def __init__(self, reads: Reads, home: Home) -> None:
        self._reads = reads
        self._home = home

    def at(self, where: Where, tip: str, commit: str, path: str) -> tuple[str, bytes] | None:
        """Returns id and content of a document at a commit of its session's ledger, which ends with `tip`.

        None where the ledger does not have that commit, or the commit not that document. Somebody may ask for
        any commit; only those of that ledger are read.
        """
        store = Pushed(self._home.git_dir(self._reads.place(where)))
        try:
            if not _ID.fullmatch(commit) or (
                tip != commit and not store.repository.descendant_of(tip, commit)
            ):
                return None
            blob = store.inside(store.part(commit, FOLDER), *path.split("/"))
            data = store.blob(blob) if blob else None
        except (libgit2().GitError, KeyError, CorruptLedgerError):
            return None
        return None if data is None else (blob, data)

    def since_complete(
        self, where: Where, state_json: str, stages: Sequence[Mapping[str, Any]], blobs: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Returns what changed since stages were completed, each difference once, in JSON's own types.

        `stages` are rows of a session, and `blobs` the ids of its documents, by stage.
        """
        state = state_from_json(state_json.encode())
        found: dict[tuple[str, str, str], list[str]] = {}
        for row in stages:
            for cause, old in _completed(state, row).items():
                if old != blobs.get(cause, ""):
                    found.setdefault((cause, old, blobs.get(cause, "")), []).append(row["stage"])
        if not found:
            return []
        git = objects_of(self._home.git_dir(self._reads.place(where)))
        told = []
        for (cause, old, new), behind in sorted(found.items(), key=lambda each: STAGES.index(each[0][0])):
            try:
                texts = [git.read(each, BLOB) if each else b"" for each in (old, new)]
            except CorruptLedgerError:
                texts = []
            row = {"path": ARTIFACTS[cause], "stage": cause, "since": behind, "old": old, "new": new}
            if not texts or any(map(why_fixed, texts)):
                told.append({**row, "lines": None, "added": 0, "removed": 0, "more": 0})
            else:
                told.append({**row, **difference(*map(text_of, texts))._asdict()})
        return told


def _completed(state: SessionState, row: Mapping[str, Any]) -> dict[str, str]:
    """Returns what a stage was completed with, as far as that is another one by now: ids by stage."""
    record = state.stages[row["stage"]]
    if row["status"] == COMPLETE and row["condition"] == CHANGED:
        return {row["stage"]: record.artifact}
    if row["status"] == COMPLETE and row["condition"] == STALE:
        return {cause: record.upstream.get(cause, "") for cause in row["causes"] or ()}
    return {row["stage"]: record.artifact} if row["status"] == IN_PROGRESS and record.artifact else {}
