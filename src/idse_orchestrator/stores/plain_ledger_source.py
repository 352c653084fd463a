"""Judge a ledger that came from somewhere else as `idse fsck` would: by replaying it.

Where there is no git, nobody can make a merge again: that its documents are what everybody would make of
them is judged when the ledger comes into a repository.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from idse_orchestrator.base.names import BLOB, FOLDER, PLAIN, Entry, content_id, folder_id
from idse_orchestrator.base.text import first_problem
from idse_orchestrator.errors import CorruptLedgerError, IdseError, UnknownNameError
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, LedgerCommit
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.fsck import FoundRef, Step
from idse_orchestrator.ledger.kinds import Kinds, Named
from idse_orchestrator.ledger.replay import Replay, cuts
from idse_orchestrator.pipeline.kinds import PROJECT, SESSION
from idse_orchestrator.stores.copy_ledgers import all_keys
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import StoreEntry, entry_id

Load = Callable[[str], bytes]


def problem_with(kinds: Kinds, key: LedgerKey, entries: Sequence[StoreEntry], load: Load) -> str:
    """Returns the first thing that is wrong with a ledger's `entries`, parents first.

    "" where it is sound.
    """
    for defect in _defects(_named(kinds, key), key, entries, load):
        if not defect.is_note:
            at = f" at {defect.commit[:12]}" if defect.commit else ""
            return f"{defect.code}{at}: {defect.what}"
    return ""


def _named(kinds: Kinds, key: LedgerKey) -> Named:
    return Named(kinds[SESSION], key) if key[1] else Named(kinds[PROJECT], key[:1])


def _defects(named: Named, key: LedgerKey, entries: Sequence[StoreEntry], load: Load) -> Iterator[Defect]:
    name = ledger_name(key)
    replay = Replay(name, named)
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
        """Returns the size in bytes. UnknownNameError, CorruptLedgerError."""
        if name not in self._known:
            self._known[name] = len(self._load(name))
        return self._known[name]


def ledger_commit(name: str, entry: StoreEntry, sizes: Sizes) -> LedgerCommit:
    """Returns the entry `name` as a replay reads it.

    UnknownNameError, CorruptLedgerError for lost documents.
    """
    rows = [Entry(PLAIN, STATE, content_id(BLOB, entry.state))]
    if entry.event is not None:
        rows.append(Entry(PLAIN, EVENT, content_id(BLOB, entry.event)))
    if entry.artifacts is not None:
        rows.append(Entry(FOLDER, ARTIFACTS, folder_id(entry.artifacts)))
    files = [Entry(PLAIN, path, blob, sizes.of(blob)) for path, blob in (entry.artifacts or {}).items()]
    return LedgerCommit(
        name, entry.parents, entry.message, tuple(rows), entry.event, entry.state, tuple(files)
    )


class StoreLedgerSource:
    """The `LedgerSource` port on a store. A ledger is called by the ref it would have in a repository."""

    def __init__(self, store: DesignStore, kinds: Kinds) -> None:
        self._store = store
        self._kinds = kinds
        self._keys: dict[str, LedgerKey] = {}

    def refs(self) -> Sequence[FoundRef]:
        """See `LedgerSource.refs`; of a ledger whose newest entry is damaged the tip cannot be told."""
        return [self._found(key) for key in all_keys(self._store)]

    def kinds(self, ids: Iterable[str]) -> Sequence[str]:
        """See `LedgerSource.kinds`."""
        return ["commit" if name in self._keys else "" for name in ids]

    def history(self, tip: str) -> Iterator[Step]:
        """See `LedgerSource.history`. Behind damage nothing is read: it stands for all before it."""
        found, broken = self._read(self._keys[tip])
        sizes = Sizes(self._store.load_artifact)
        commits = [broken] if broken else []
        commits += [_commit(entry, sizes) for entry in reversed(found)]
        places = {commit.id: place for place, commit in enumerate(commits)}
        flags = cuts([tuple(places[name] for name in commit.parents if name in places) for commit in commits])
        for place, commit in enumerate(commits):
            yield Step(commit, is_cut=bool(flags[place]), is_tip=place == len(commits) - 1)

    def merges(self, tip: str) -> Iterator[tuple[str, Sequence[str]]]:
        """See `LedgerSource.merges`."""
        for entry in self._read(self._keys[tip])[0]:
            if len(entry.parents) > 1:
                yield entry_id(entry), entry.parents

    def notes_problems(self, tip: str) -> Iterable[tuple[str, str]]:  # noqa: ARG002 - the port's signature
        """See `LedgerSource.notes_problems`: notes are on commits, and there are none."""
        return ()

    def merge_of(self, parents: Sequence[str]) -> str:
        """Returns the entry that merges `parents`, "" where none does.

        Only git can make it again and compare.
        """
        for key in set(self._keys.values()):
            for entry in self._read(key)[0]:
                if entry.parents == tuple(parents):
                    return entry_id(entry)
        return ""

    def _found(self, key: LedgerKey) -> FoundRef:
        named = _named(self._kinds, key)
        ref = named.kind.ref(*named.names)
        try:
            loaded = self._store.load_session(key)
        except CorruptLedgerError:
            return FoundRef(ref, "", "", named.kind, named)
        tip = loaded.tip if loaded else ""
        self._keys[tip] = key
        return FoundRef(ref, tip, "", named.kind, named)

    def _read(self, key: LedgerKey) -> tuple[list[StoreEntry], LedgerCommit | None]:
        """Returns the entries, newest first, and what stands for those that cannot be read."""
        found: list[StoreEntry] = []
        try:
            for entry in self._store.entries(key):
                found.append(entry)  # noqa: PERF402 - what was read before the damage counts
        except CorruptLedgerError as error:
            name = found[-1].parents[0] if found and found[-1].parents else ""
            return found, _broken(name, error)
        return found, None


def _commit(entry: StoreEntry, sizes: Sizes) -> LedgerCommit:
    name = entry_id(entry)
    try:
        return ledger_commit(name, entry, sizes)
    except (CorruptLedgerError, UnknownNameError) as error:
        return _broken(name, error)


def _broken(name: str, error: IdseError) -> LedgerCommit:
    words = ": ".join(filter(None, (error.where or error.message, error.cause)))
    return LedgerCommit(name, (), b"", None, None, None, (), (words,))
