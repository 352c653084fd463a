"""A ledger commit as it was read, before anything in it is believed; and what its tree may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from idse_orchestrator.base.names import FOLDER, PLAIN, Entry
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import CorruptLedgerError, NewerLedgerError
from idse_orchestrator.ledger.refs import CannotJudgeError

ARTIFACTS = "artifacts"
EVENT = "event.json"
STATE = "state.json"

MAX_COMMIT_BYTES = 256 * 1024
MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_STATE_BYTES = 16 * 1024 * 1024
"""What is larger is taken from nobody, and written by nobody."""

_NAMES = {"120000": "a symbolic link", "100755": "an executable", "160000": "a submodule", FOLDER: "a folder"}
_SHAPE = {ARTIFACTS: FOLDER, EVENT: PLAIN, STATE: PLAIN}


class LedgerCommit(NamedTuple):
    """A commit that should be a ledger's.

    `entries` is its tree, None when that is missing. `files` lists what is in artifacts/, and is empty
    when an earlier commit of the ledger had the same folder. `missing` are ids of objects that belong
    to it and cannot be read. `cut`: this clone is shallow and does not have its parents. `grafted`: a file
    of this clone has git take others for its parents.
    """

    id: str
    parents: tuple[str, ...]
    message: bytes
    entries: tuple[Entry, ...] | None
    event: bytes | None
    state: bytes | None
    files: tuple[Entry, ...] = ()
    missing: tuple[str, ...] = ()
    cut: bool = False
    grafted: bool = False

    @property
    def is_foreign(self) -> bool:
        """True if this is no ledger commit at all: source code, most likely."""
        names = {entry.path for entry in self.entries or ()}
        return self.entries is not None and not names & {EVENT, STATE}


def shape_problems(entries: Iterable[Entry]) -> Iterator[str]:
    """Yields what is in the tree of a ledger commit and does not belong there."""
    for entry in entries:
        wanted = _SHAPE.get(entry.path)
        if wanted is None:
            yield f"{entry.path!r} does not belong into a ledger"
        elif entry.mode != wanted:
            yield f"{entry.path} is {_named(entry.mode)}"


def file_problems(files: Iterable[Entry], limit: int) -> Iterator[tuple[str, str]]:
    """Yields (code, what) of each artifact that a ledger may not hold.

    `limit` is the largest size in bytes.
    """
    for entry in files:
        path = f"{ARTIFACTS}/{entry.path}"
        if entry.mode != PLAIN:
            yield "artifact-mode", f"{path} is {_named(entry.mode)}"
        elif entry.size is not None and entry.size > limit:
            yield "artifact-size", f"{path} has {entry.size:,} bytes, and the limit is {limit:,}"


def _named(mode: str) -> str:
    return f"{_NAMES[mode]} (mode {mode})" if mode in _NAMES else f"of mode {mode}"


def corrupt(ref: str, cause: str) -> CorruptLedgerError:
    """Returns the error for a ledger that cannot be read."""
    return CorruptLedgerError(
        "this ledger is damaged",
        where=ref,
        cause=cause,
        fix=(
            "idse fsck  # names every defect",
            f"git reflog show {ref}  # names older states",
        ),
    )


def unreadable(ref: str, error: Exception) -> CorruptLedgerError:
    """Returns the error for a ledger whose ``state.json`` cannot be read, or is too new to be."""
    if isinstance(error, CannotJudgeError):
        return newer(ref, error)
    return corrupt(ref, f"{STATE}: {error}")


def newer(ref: str, error: Exception) -> NewerLedgerError:
    """Returns the error for a ledger that only a newer idse can read."""
    return NewerLedgerError("this ledger needs a newer idse", where=ref, cause=str(error), fix=UPGRADE)


UPGRADE = ("pip install --upgrade idse-orchestrator",)
