"""The spool: commits that the hooks saw without starting Python, waiting to become notes.

In ``<common git dir>/idse/spool`` a file ``<commit>`` holds the symbolic ref of the session that was
current, and an empty file ``<new>-<old>`` says that a rewrite put one commit in another's place. One
file for each, so that no two writers ever share one; a file goes only after the notes ref moved, so
a process killed in between leaves work that is simply done again.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import make_folder
from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import IdseError
from idse_orchestrator.ledger.notes import note_text
from idse_orchestrator.ledger.refs import parse_session_ref, session_ref
from idse_orchestrator.worktree.code_commits import Missed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.ledger.events import Acting, SessionKey
    from idse_orchestrator.worktree.code_commits import CodeChange
    from idse_orchestrator.worktree.work_tree import WorkTree

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REWRITE = re.compile(r"([0-9a-f]{40})-([0-9a-f]{40})")
_SYMBOLIC = "ref: "
_LONGEST = 256
_UNFINISHED_SECONDS = 60.0


class _Spooled(NamedTuple):
    """`notes`: commit to text. `rewritten`: (old, new). `files`: every name that is done with afterwards."""

    notes: dict[str, str]
    rewritten: list[tuple[str, str]]
    files: list[str]


def pending(work_tree: WorkTree) -> list[tuple[str, str]]:
    """The commits that wait for their note, with the ref of the session of each, in order of their ids."""
    folder = _folder(work_tree)
    found = [(name, _session_ref(folder, name)) for name in _names(folder) if _COMMIT.fullmatch(name)]
    return [(commit, ref) for commit, ref in found if ref]


def drain(work_tree: WorkTree, actor: Acting) -> tuple[str, ...]:
    """Turn the spool into notes, all in one commit; return the commits whose note became different.

    Takes the ledger lock, so the caller must not hold it. Costs one folder listing when there is
    nothing to do. Commits that git has collected since, and files that say nothing, are dropped.
    Raises BusyError, StorageError and CorruptLedgerError; the spool is whole then.
    """
    names = _names(_folder(work_tree))
    if not names:
        return ()
    spooled = _sorted_out(work_tree, names)
    changed: tuple[str, ...] = ()
    if spooled.notes or spooled.rewritten:
        from idse_orchestrator.ledger.note_tree import GitNotes

        changed = GitNotes(work_tree, actor).write_many(spooled.notes, _message(spooled), spooled.rewritten)
    _remove(_folder(work_tree), spooled.files)
    return changed


def _sorted_out(work_tree: WorkTree, names: list[str]) -> _Spooled:
    from idse_orchestrator.git.libgit2 import open_repository

    objects = open_repository(work_tree.common_dir)
    folder = _folder(work_tree)
    spooled = _Spooled({}, [], [])
    for name in names:
        rewrite = _REWRITE.fullmatch(name)
        if rewrite and rewrite[1] in objects:
            spooled.rewritten.append((rewrite[2], rewrite[1]))
        elif not rewrite:
            ref = _session_ref(folder, name)
            if ref is None:
                continue
            if ref and name in objects:
                project, session = parse_session_ref(ref) or ("", "")
                spooled.notes[name] = note_text(f"{project}/{session}", None, None, None)
        spooled.files.append(name)
    return spooled


def _message(spooled: _Spooled) -> str:
    count = len(spooled.notes) + len(spooled.rewritten)
    return f"idse: note {counted(count, 'commit')} from the spool"


def _session_ref(folder: str, name: str) -> str | None:
    """The session's ref; "" when the file says nothing that can be used; None while it is being written."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST).decode("ascii", "replace")
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None  # another process was faster
    except OSError:
        return ""
    if not text.endswith("\n") and len(text) < _LONGEST and age < _UNFINISHED_SECONDS:
        return None
    ref = text.rstrip("\n").removeprefix(_SYMBOLIC)
    return ref if text.startswith(_SYMBOLIC) and parse_session_ref(ref) else ""


def _names(folder: str) -> list[str]:
    """Our names in the spool, in order. What somebody else put there is left alone."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if _COMMIT.fullmatch(name) or _REWRITE.fullmatch(name))


def _remove(folder: str, names: list[str]) -> None:
    for name in names:
        try:
            os.unlink(os.path.join(folder, name))
        except OSError:
            continue  # gone already, or it cannot go: doing it again changes nothing


def _folder(work_tree: WorkTree) -> str:
    return os.path.join(work_tree.private, "spool")


_NAME = re.compile(r"missed-([0-9a-f]{40})(?:-([0-9a-f]{40}))?")


class GitMissedCommits:
    """Commits, merges and rebases of a work tree that wait to be recorded."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._folder = os.path.join(work_tree.git_dir, "idse")

    def waiting(self) -> Sequence[Missed]:
        """All of them, the oldest first."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        found = [Missed(name[1], name[2] or "") for name in map(_NAME.fullmatch, names) if name]
        return sorted(found, key=self._age) if len(found) > 1 else found

    def keep(self, missed: Missed) -> bool:
        """Let `missed` wait; False where not even that is possible."""
        try:
            make_folder(self._folder)
            with open(self._path(missed), "wb"):
                return True
        except (OSError, IdseError):
            return False

    def change(self, missed: Missed) -> CodeChange | None:
        """What it brought; None where git does not have its commits any more."""
        from idse_orchestrator.worktree.code_commits import GitCodeCommits

        commits = GitCodeCommits(self._work_tree)
        if not missed.before:
            return commits.commit(missed.after)
        change = commits.between(missed.before, missed.after)
        return change if change.before and change.after else None

    def is_recorded(self, key: SessionKey, code: str) -> bool:
        """Whether the ledger of a session has an edit that came with the commit `code`."""
        wanted = ("--fixed-strings", "--all-match", "--grep=Idse-Kind: edited", f"--grep=Idse-Code: {code}")
        done = self._work_tree.git.attempt("log", "-1", "--format=%H", *wanted, session_ref(*key), "--")
        return bool(done.stdout.strip())

    def postpone(self, missed: Missed) -> None:
        """It is the youngest from now on."""
        with suppress(OSError):
            os.utime(self._path(missed))

    def forget(self, missed: Missed) -> None:
        """It waits no longer."""
        with suppress(OSError):  # gone already, or it cannot go: what is recorded is not recorded twice
            os.unlink(self._path(missed))

    def _path(self, missed: Missed) -> str:
        return os.path.join(self._folder, "-".join(filter(None, ("missed", *missed))))

    def _age(self, missed: Missed) -> tuple[int, Missed]:
        try:
            return os.stat(self._path(missed)).st_mtime_ns, missed
        except OSError:
            return 0, missed
