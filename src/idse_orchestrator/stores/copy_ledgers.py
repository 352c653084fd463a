"""Copies ledgers from one store to another: whole, entry by entry, under the ids they have.

Of each ledger the cases are: both stand at the same entry · the other store lacks some entries, which it
is given · it has more than this one, and keeps it · both moved on, which only a repository can bring
together · something of it cannot be read, or is not sound. Each ledger is copied or left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import (
    EXIT_CHECK_FAILED,
    EXIT_CONFLICT,
    EXIT_OK,
    CorruptLedgerError,
    IdseError,
    InvalidNameError,
    LedgerMovedError,
    UnknownNameError,
    worst_exit,
)
from idse_orchestrator.stores.design_store import DesignStore, LedgerKey, ledger_name
from idse_orchestrator.stores.entry import StoreEntry, entry_id

COPIED = "copied"
MERGED = "merged"
EQUAL = "equal"
NEWER = "newer there"
DIVERGED = "diverged"
REFUSED = "refused"
MOVING = "moving"
"""Given what it lacked; the same, and joined with what it had; nothing to do; it has more; both have what
the other lacks; it cannot be read or is not sound; it kept moving, and we gave up."""

_EXIT = {REFUSED: EXIT_CHECK_FAILED, DIVERGED: EXIT_CONFLICT, MOVING: EXIT_CONFLICT}
_TRIES = 20

Judge = Callable[[LedgerKey, Sequence[StoreEntry], Callable[[str], bytes]], str]
"""What is wrong with a whole ledger, parents first, whose documents can be loaded; "" for nothing."""
Progress = Callable[[str], None]


class LedgerOutcome(NamedTuple):
    """The outcome of one ledger: one of the results above, from and to which entry, and why not."""

    key: LedgerKey
    result: str
    old: str = ""
    new: str = ""
    why: str = ""


class CopyOutcome(NamedTuple):
    """The outcome of all; `conflicts` are ledgers whose documents carry conflict markers since a merge."""

    ledgers: tuple[LedgerOutcome, ...]
    conflicts: tuple[LedgerKey, ...] = ()

    @property
    def equal(self) -> int:
        """The number of ledgers that were the same already."""
        return sum(ledger.result == EQUAL for ledger in self.ledgers)

    @property
    def changed(self) -> tuple[LedgerOutcome, ...]:
        """Those that are not the same on both sides."""
        return tuple(ledger for ledger in self.ledgers if ledger.result != EQUAL)

    @property
    def exit_code(self) -> int:
        """0 only if everything went well."""
        return worst_exit(_EXIT.get(ledger.result, EXIT_OK) for ledger in self.ledgers)


def all_keys(store: DesignStore, project: str | None = None) -> list[LedgerKey]:
    """Returns the keys of all ledgers in `store`, or of one project's, a project before its sessions."""
    projects = [(name, "") for name in store.list_projects() if project in (None, name)]
    return sorted([*projects, *store.list_sessions(project)])


def copy_ledgers(
    source: DesignStore,
    target: DesignStore,
    keys: Iterable[LedgerKey],
    judge: Judge | None = None,
    on_progress: Progress = lambda _: None,
) -> CopyOutcome:
    """Gives `target` what it lacks of the ledgers `keys` of `source`; with `judge`, only what is sound."""
    outcomes = []
    copying = _Copying(source, target, judge)
    for key in keys:
        on_progress(ledger_name(key))
        outcomes.append(copying.copy(key))
    on_progress("")
    return CopyOutcome(tuple(outcomes))


def words_of(error: IdseError) -> str:
    """Returns in one line where and why something failed."""
    return ": ".join(filter(None, (error.where, error.message, error.cause)))


class _Copying:
    """One run; documents that were copied once are not read again."""

    def __init__(self, source: DesignStore, target: DesignStore, judge: Judge | None) -> None:
        self._source = source
        self._target = target
        self._judge = judge
        self._copied: set[str] = set()

    def copy(self, key: LedgerKey) -> LedgerOutcome:
        """Copies one ledger."""
        old = ""
        for _ in range(_TRIES):
            try:
                mine = self._target.load_session(key)
                old = mine.tip if mine else ""
                return self._copied_from(key, old)
            except LedgerMovedError:
                continue  # another writer was faster
            except (CorruptLedgerError, UnknownNameError, InvalidNameError) as error:
                return LedgerOutcome(key, REFUSED, old, "", words_of(error))
        return LedgerOutcome(key, MOVING, old, "", "it kept moving")

    def _copied_from(self, key: LedgerKey, old: str) -> LedgerOutcome:
        theirs = self._source.load_session(key)
        if theirs is None:
            return LedgerOutcome(key, REFUSED, old, "", "there is no such ledger")
        if theirs.tip == old:
            return LedgerOutcome(key, EQUAL, old, old)
        new, is_forward = self._lacking(key, old)
        if not is_forward:
            there = {entry_id(entry) for entry in self._target.entries(key)}
            result = NEWER if theirs.tip in there else DIVERGED
            return LedgerOutcome(key, result, old, theirs.tip, _WHY[result])
        problem = self._problem(key)
        if problem:
            return LedgerOutcome(key, REFUSED, old, theirs.tip, problem)
        self._copy_documents(new)
        return LedgerOutcome(key, COPIED, old, self._target.save_session(key, new, old or None))

    def _lacking(self, key: LedgerKey, old: str) -> tuple[list[StoreEntry], bool]:
        """Returns the entries, parents first, that the target lacks, and whether it is behind."""
        found: list[StoreEntry] = []
        is_line, is_forward = True, not old
        for entry in self._source.entries(key):
            is_forward = is_forward or entry_id(entry) == old
            if is_line and old and is_forward:
                return found[::-1], True
            found.append(entry)
            is_line = is_line and len(entry.parents) < 2
        if old and is_forward:
            there = {entry_id(entry) for entry in self._target.entries(key)}
            found = [entry for entry in found if entry_id(entry) not in there]
        return found[::-1], is_forward

    def _problem(self, key: LedgerKey) -> str:
        if self._judge is None:
            return ""
        whole = list(self._source.entries(key))[::-1]
        return self._judge(key, whole, self._source.load_artifact)

    def _copy_documents(self, entries: Sequence[StoreEntry]) -> None:
        wanted = {name for entry in entries for name in (entry.artifacts or {}).values()}
        for name in sorted(wanted - self._copied):
            self._target.save_artifact(self._source.load_artifact(name))
            self._copied.add(name)


_WHY = {
    NEWER: "it has entries that are not here, and keeps them",
    DIVERGED: "both sides have entries that the other lacks",
}
