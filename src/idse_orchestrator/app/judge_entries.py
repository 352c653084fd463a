"""Judge a ledger that came from somewhere else as `idse fsck` would: by replaying it.

Where there is no git, nobody can make a merge again: that its documents are what everybody would make of
them is judged when the ledger comes into a repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from idse_orchestrator.domain.content_ids import BLOB, content_id, folder_id
from idse_orchestrator.domain.design_store import LedgerKey, ledger_name
from idse_orchestrator.domain.file_names import first_problem
from idse_orchestrator.domain.ledger.commit import ARTIFACTS, EVENT, FOLDER, PLAIN, STATE, Entry, LedgerCommit
from idse_orchestrator.domain.ledger.defects import Defect
from idse_orchestrator.domain.ledger.folding import project_folding, session_folding
from idse_orchestrator.domain.ledger.replay import Replay, cuts
from idse_orchestrator.domain.store_entry import StoreEntry, entry_id

Load = Callable[[str], bytes]


def problem_with(key: LedgerKey, entries: Sequence[StoreEntry], load: Load) -> str:
    """The first thing that is wrong with a ledger's `entries`, parents first; "" where it is sound."""
    for defect in _defects(key, entries, load):
        if not defect.is_note:
            at = f" at {defect.commit[:12]}" if defect.commit else ""
            return f"{defect.code}{at}: {defect.what}"
        if defect.code == "newer-format":
            return defect.what
    return ""


def _defects(key: LedgerKey, entries: Sequence[StoreEntry], load: Load) -> Iterator[Defect]:
    folding: Any = session_folding(*key) if key[1] else project_folding(key[0])
    name = ledger_name(key)
    replay = Replay(name, folding)
    ids = [entry_id(entry) for entry in entries]
    places = {each: place for place, each in enumerate(ids)}
    flags = cuts([tuple(places[parent] for parent in entry.parents if parent in places) for entry in entries])
    sizes = Sizes(load)
    for place, (each, entry) in enumerate(zip(ids, entries, strict=True)):
        problem = first_problem(entry.artifacts or {})
        if problem is not None:
            yield Defect(name, each, "artifact-name", f"{problem[0]!r}: {problem[1]}")
            return
        commit = ledger_commit(each, entry, sizes)
        yield from replay.step(commit, is_cut=bool(flags[place]), is_tip=place == len(ids) - 1)
        if replay.stopped:
            return
    yield from replay.end()


class Sizes:
    """Sizes of documents, each loaded once: what cannot be loaded is no sound ledger."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The size in bytes. UnknownNameError, CorruptLedgerError."""
        if name not in self._known:
            self._known[name] = len(self._load(name))
        return self._known[name]


def ledger_commit(name: str, entry: StoreEntry, sizes: Sizes) -> LedgerCommit:
    """The entry `name` as a replay reads it. UnknownNameError, CorruptLedgerError for lost documents."""
    rows = [Entry(PLAIN, STATE, content_id(BLOB, entry.state))]
    if entry.event is not None:
        rows.append(Entry(PLAIN, EVENT, content_id(BLOB, entry.event)))
    if entry.artifacts is not None:
        rows.append(Entry(FOLDER, ARTIFACTS, folder_id(entry.artifacts)))
    files = [Entry(PLAIN, path, blob, sizes.of(blob)) for path, blob in (entry.artifacts or {}).items()]
    return LedgerCommit(
        name, entry.parents, entry.message, tuple(rows), entry.event, entry.state, tuple(files)
    )
