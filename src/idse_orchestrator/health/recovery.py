"""Refs of a repository and of a work tree, and what killed processes left, to be cleared away safely.

Everything is done under the ledger lock, and only to what is old enough or whose process is gone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import make_folder, open_or_make, remove_file, storage_error
from idse_orchestrator.base.text import counted
from idse_orchestrator.git.libgit2 import STALE_AFTER_SECONDS
from idse_orchestrator.git.object_stream import ObjectFinder, is_ancestor
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.commit import EVENT, STATE
from idse_orchestrator.ledger.kinds import NOTES, Kinds
from idse_orchestrator.ledger.notes import parse_note
from idse_orchestrator.ledger.refs import (
    LOCAL,
    NOTES_ON_COMMITS,
    OF_WORKTREE,
    PROJECTS,
    PUBLISHED,
    SESSIONS,
    session_ref,
)
from idse_orchestrator.ledger.source import GitLedgerSource
from idse_orchestrator.sync.guard_sync_points import sound_tips
from idse_orchestrator.sync.incoming import is_alive
from idse_orchestrator.worktree.session_folders import read_session_ref

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.ledger.fsck import FoundRef
    from idse_orchestrator.worktree.work_tree import WorkTree


def current_refs(git_dir: str) -> Sequence[tuple[str, SessionKey | None]]:
    """Returns symbolic refs to sessions in the work tree of `git_dir`, dangling ones included.

    git lists no dangling symbolic refs, so the files are read; such refs are never packed.
    """
    found = []
    for folder, _, names in os.walk(os.path.join(git_dir, OF_WORKTREE)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".lock"):
                found.append((os.path.relpath(path, git_dir).replace(os.sep, "/"), read_session_ref(path)))
    return sorted(found)


class PublishedRefs(NamedTuple):
    """Names of refs, in order: ours, those that hold something else than they should, and of unknown kind."""

    ours: Sequence[str]
    foreign: Sequence[str]
    unknown: Sequence[str]


def published_refs(work_tree: WorkTree, kinds: Kinds) -> PublishedRefs:
    """Sorts every ref under ``refs/idse/`` by what it holds."""
    source = GitLedgerSource(work_tree, kinds)
    refs = source.refs()
    known = [ref for ref in refs if ref.kind]
    ours = {*_ledgers(work_tree, known), *_notes(source, known), *sound_tips(work_tree, known)}
    return PublishedRefs(
        sorted(ours),
        [ref.name for ref in known if ref.name not in ours],
        [ref.name for ref in refs if not ref.kind],
    )


def _ledgers(work_tree: WorkTree, refs: Sequence[FoundRef]) -> Iterator[str]:
    """Yields those whose tip carries what only a ledger commit has; a merge has no event."""
    objects = ObjectFinder(work_tree.git.with_environment({"GIT_NO_REPLACE_OBJECTS": "1"}))
    for ref in refs:
        names = (f"{ref.target}:{name}" for name in (STATE, EVENT))
        if ref.project and ref.target and any(objects.find(name) for name in names):
            yield ref.name
    objects.close()


def _notes(source: GitLedgerSource, refs: Sequence[FoundRef]) -> Iterator[str]:
    for ref in refs:
        if ref.holds == NOTES and ref.target and not any(source.notes_problems(ref.target)):
            yield ref.name


class Lost(NamedTuple):
    """A ledger whose ref is gone, the newest commit of it that is still here, and what tells of it."""

    ref: str
    tip: str
    told_by: str


def lost_ledgers(work_tree: WorkTree, kinds: Kinds, sessions: Iterable[SessionKey]) -> Sequence[Lost]:
    """Returns ledgers that were here, in order: of `sessions`, and of whatever reflogs and fetches name."""
    here = {ref.name for ref in GitLedgerSource(work_tree, kinds).refs()}
    clues: dict[str, dict[str, str]] = {}
    for ref, tip, told_by in (*_logged(work_tree), *_fetched(work_tree)):
        clues.setdefault(ref, {})[tip] = told_by
    for key in sessions:
        known = clues.setdefault(session_ref(*key), {})
        known.update((tip, "a note") for tip in _noted(work_tree, key) if tip not in known)
    ledgers = {ref: found for ref, found in clues.items() if ref not in here and ref.startswith(_LEDGERS)}
    lost = [_newest(work_tree, ref, found) for ref, found in sorted(ledgers.items())]
    return [each for each in lost if each]


_LEDGERS = (PROJECTS, SESSIONS)


def _logged(work_tree: WorkTree) -> Iterator[tuple[str, str, str]]:
    """Yields where refs stood last by their reflogs; git takes the log away with the ref, a hand does not."""
    logs = os.path.join(work_tree.common_dir, "logs")
    for path in _files(os.path.join(logs, PUBLISHED)):
        with suppress(OSError), open(path, "rb") as file:
            fields = file.read().splitlines()[-1:] or [b""]
            tip = fields[0].split(b" ", 2)[1:2]
            ref = os.path.relpath(path, logs).replace(os.sep, "/")
            yield ref, tip[0].decode("ascii", "replace") if tip else "", "its reflog"


def _fetched(work_tree: WorkTree) -> Iterator[tuple[str, str, str]]:
    """Yields what remotes had when they were fetched last."""
    listed = work_tree.git.lines("for-each-ref", "--format=%(objectname) %(refname)", f"{LOCAL}remotes/")
    for line in listed:
        tip, _, name = line.partition(" ")
        remote, _, rest = name.removeprefix(f"{LOCAL}remotes/").partition("/")
        yield f"{PUBLISHED}{rest}", tip, f"the last fetch from {remote}"


def _noted(work_tree: WorkTree, key: SessionKey) -> Iterator[str]:
    """Yields ledger commits of a session that notes on code commits name."""
    asked = ("grep", "-h", "-A3", "--fixed-strings", f"-eIdse-Session: {'/'.join(key)}", NOTES_ON_COMMITS)
    text = work_tree.git.attempt(*asked).stdout.decode("utf-8", "replace")
    for block in text.split("\n--\n"):
        for note in parse_note(block):
            if note.session == "/".join(key) and note.ledger:
                yield note.ledger


def _newest(work_tree: WorkTree, ref: str, clues: Mapping[str, str]) -> Lost | None:
    """Returns the one that the others lead to, among those that are ledger commits and here."""
    objects = ObjectFinder(work_tree.git)
    there = [tip for tip in clues if _COMMIT.fullmatch(tip) and objects.find(f"{tip}:{STATE}")]
    objects.close()
    best = ""
    for tip in there:
        if not best or is_ancestor(work_tree.git, best, tip):
            best = tip
    return Lost(ref, best, clues[best]) if best else None


def bring_back(work_tree: WorkTree, lost: Iterable[Lost]) -> str:
    """Has each ref point at its last commit again; returns what was done. A ref that is there stays."""
    done = []
    for each in lost:
        reason = f"idse doctor: brought back, known by {each.told_by}"
        work_tree.git.bytes("update-ref", "--create-reflog", "-m", reason, each.ref, each.tip, "0" * 40)
        done.append(f"{each.ref} at {each.tip[:12]}")
    return f"brought back {', '.join(done)}" if done else "nothing was lost"


_COMMIT = re.compile(r"[0-9a-f]{40}")
_BUNDLE = re.compile(r"idse-ledgers-[0-9TZ]+\.bundle\.lock")
_PIECE = re.compile(r"(?:index\.(\d+)(?:\.lock)?|.*\.(\d+)\.tmp|.*\.new(\d+))")


def stale_locks(work_tree: WorkTree) -> Sequence[str]:
    """Returns lock files of ledgers and of this work tree's sessions, by path in the git directory."""
    found = []
    for base, refs in ((work_tree.common_dir, PUBLISHED), (work_tree.git_dir, OF_WORKTREE)):
        for folder, _, names in os.walk(os.path.join(base, refs)):
            paths = [os.path.join(folder, name) for name in names if name.endswith(".lock")]
            found += [os.path.relpath(path, base) for path in paths if _age(path) > STALE_AFTER_SECONDS]
    return sorted(found)


def remove_stale_locks(work_tree: WorkTree) -> str:
    """Removes what `stale_locks` finds, under the ledger lock; returns what was done."""
    with ledger_lock(work_tree):
        stale = stale_locks(work_tree)
        for name in stale:
            base = work_tree.common_dir if name.startswith(PUBLISHED) else work_tree.git_dir
            remove_file(os.path.join(base, name))
    return f"removed {', '.join(stale)}" if stale else "they were gone already"


def leftovers(work_tree: WorkTree) -> Sequence[str]:
    """Returns absolute paths of temporary files in idse's own folders whose process is gone."""
    pieces = (
        path
        for folder in dict.fromkeys((work_tree.private, os.path.join(work_tree.git_dir, "idse")))
        for path in _files(folder)
        if (found := _PIECE.fullmatch(os.path.basename(path)))
        and not is_alive(next(filter(None, found.groups())))
    )
    left = (*pieces, *unfinished_bundles(work_tree))
    return sorted(path for path in left if _age(path) > STALE_AFTER_SECONDS)


def unfinished_bundles(work_tree: WorkTree) -> Sequence[str]:
    """Returns backups of ledgers that nobody finished: git writes one beside its name first.

    They are made under the ledger lock: who holds it knows that no process works on them.
    """
    try:
        names = os.listdir(work_tree.common_dir)
    except OSError:
        return []
    return [os.path.join(work_tree.common_dir, name) for name in names if _BUNDLE.fullmatch(name)]


def remove_leftovers(work_tree: WorkTree) -> str:
    """Removes what `leftovers` finds, under the ledger lock; returns what was done."""
    with ledger_lock(work_tree):
        found = leftovers(work_tree)
        for path in found:
            remove_file(path)
    return f"removed {len(found)} files" if found else "they were gone already"


def spooled(work_tree: WorkTree) -> int:
    """Returns how many commits wait in the spool."""
    try:
        return len(os.listdir(os.path.join(work_tree.private, "spool")))
    except OSError:
        return 0


def drain_spool(record: Callable[[], int], drain: Callable[[], Sequence[str]]) -> str:
    """Records what was missed, and turns the spool into notes; returns what was done."""
    recorded = record()
    changed = len(drain())
    before = f"recorded {counted(recorded, 'commit')}, " if recorded else ""
    return f"{before}wrote {counted(changed, 'note')}"


def refs_without_log(work_tree: WorkTree, kinds: Kinds) -> Sequence[str]:
    """Returns ledgers and notes that have no reflog. Refs that hold something else are not ours."""
    names = published_refs(work_tree, kinds).ours
    return [name for name in names if not os.path.isfile(os.path.join(work_tree.common_dir, "logs", name))]


def write_reflogs(work_tree: WorkTree, kinds: Kinds) -> str:
    """Begins the reflogs that are missing; returns what was done."""
    missing = refs_without_log(work_tree, kinds)
    with ledger_lock(work_tree):
        for name in missing:
            path = os.path.join(work_tree.common_dir, "logs", name)
            make_folder(os.path.dirname(path))
            try:
                os.close(open_or_make(path, os.O_WRONLY))
            except OSError as error:
                raise storage_error(error, path) from error
    return f"began {counted(len(missing), 'reflog')}"


def _files(folder: str) -> Iterator[str]:
    for inner, _, names in os.walk(folder):
        yield from (os.path.join(inner, name) for name in names)


def _age(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except OSError:
        return 0.0  # gone: nobody's trouble
