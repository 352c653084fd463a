"""Everything a DesignStore holds as it is, good or bad, for `idse fsck`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from idse_orchestrator.app.copy_ledgers import all_keys
from idse_orchestrator.app.fsck import FoundRef, Step
from idse_orchestrator.app.judge_entries import Sizes, ledger_commit
from idse_orchestrator.domain.design_store import DesignStore, LedgerKey
from idse_orchestrator.domain.ledger.commit import LedgerCommit
from idse_orchestrator.domain.ledger.replay import cuts
from idse_orchestrator.domain.store_entry import StoreEntry, entry_id
from idse_orchestrator.errors import CorruptLedgerError, IdseError, UnknownNameError
from idse_orchestrator.git.ref_names import project_ref, session_ref


class StoreLedgerSource:
    """The `LedgerSource` port on a store. A ledger is called by the ref it would have in a repository."""

    def __init__(self, store: DesignStore) -> None:
        self._store = store
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
        """The entry that merges `parents`, "" where none does. Only git can make it again and compare."""
        for key in set(self._keys.values()):
            for entry in self._read(key)[0]:
                if entry.parents == tuple(parents):
                    return entry_id(entry)
        return ""

    def _found(self, key: LedgerKey) -> FoundRef:
        ref = session_ref(*key) if key[1] else project_ref(key[0])
        try:
            loaded = self._store.load_session(key)
        except CorruptLedgerError:
            return FoundRef(ref, "", "", *key)
        tip = loaded.tip if loaded else ""
        self._keys[tip] = key
        return FoundRef(ref, tip, "", *key)

    def _read(self, key: LedgerKey) -> tuple[list[StoreEntry], LedgerCommit | None]:
        """The entries, newest first, and what stands for those that cannot be read."""
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
