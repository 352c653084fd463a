"""Refs of a repository and of a work tree, and what killed processes left, to be cleared away safely.

Everything is done under the ledger lock, and only to what is old enough or whose process is gone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import (
    known_replica_id,
    make_folder,
    open_or_make,
    remove_file,
    storage_error,
)
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted
from idse_orchestrator.git.libgit2 import STALE_AFTER_SECONDS
from idse_orchestrator.git.object_stream import is_ancestor
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.fsck import FoundRef, ledger_defects
from idse_orchestrator.ledger.kinds import NOTES, SYNC_POINTS, Kinds
from idse_orchestrator.ledger.notes import parse_note
from idse_orchestrator.ledger.refs import (
    LOCAL,
    NOTES_ON_COMMITS,
    OF_WORKTREE,
    PROJECTS,
    PUBLISHED,
    SESSIONS,
    parse_session_ref,
    project_ref,
    session_ref,
    sync_ref,
)
from idse_orchestrator.ledger.source import GitLedgerSource
from idse_orchestrator.sync.guard_sync_points import sound_tips
from idse_orchestrator.sync.incoming import is_alive
from idse_orchestrator.tasks.kind import LOCK, OF_TASKS
from idse_orchestrator.worktree.session_folders import read_session_ref

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
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
    """Names of refs, in order: ours, and those of unknown kind; and what is wrong with the others."""

    ours: Sequence[str]
    wrong: Sequence[Defect]
    unknown: Sequence[str]


def published_refs(work_tree: WorkTree, kinds: Kinds) -> PublishedRefs:
    """Sorts every ref under ``refs/idse/`` by what its tip holds; `idse fsck` reads what is below."""
    source = GitLedgerSource(work_tree, kinds)
    refs = source.refs()
    known = [ref for ref in refs if ref.kind]
    wrong = [defect for defect in source.tip_defects(known) if not defect.is_note]
    named = {defect.ref for defect in wrong}
    lines = [ref for ref in known if ref.holds == SYNC_POINTS and ref.name not in named]
    sound = sound_tips(work_tree, lines)
    what = "its tip is no sync point of the clone that it is named after"
    wrong += [Defect(ref.name, ref.target, "sync-point", what) for ref in lines if ref.name not in sound]
    named.update(defect.ref for defect in wrong)
    return PublishedRefs(
        sorted({ref.name for ref in known} - named), wrong, [ref.name for ref in refs if not ref.kind]
    )


class Lost(NamedTuple):
    """A ref of ours that is gone, its newest commit that is still here, and what tells of it.

    `is_there`: its file is, and holds no commit.
    """

    ref: str
    tip: str
    told_by: str
    is_there: bool = False


def lost_ledgers(work_tree: WorkTree, kinds: Kinds, sessions: Iterable[SessionKey]) -> Sequence[Lost]:
    """Returns ledgers that were here, in order: of `sessions`, and of whatever reflogs and fetches name.

    So are notes, and the sync points of this clone. What was fetched and is nothing that belongs to the
    ledgers here was never taken in: a pull does that, once it is judged.
    """
    source, sessions = GitLedgerSource(work_tree, kinds), list(sessions)
    here = {ref.name for ref in source.refs() if ref.target}
    own = (NOTES_ON_COMMITS, sync_ref(known_replica_id(work_tree.private)))
    belongs = {*own, *(ref for key in sessions for ref in (session_ref(*key), project_ref(key[0])))}
    belongs.update(project_ref(key[0]) for key in map(parse_session_ref, here) if key)
    clues: dict[str, dict[str, str]] = {}
    for ref, tip in _logged(work_tree):
        clues.setdefault(ref, {})[tip] = "its reflog"
    for ref, tip, told_by in _fetched(work_tree):
        if ref in clues or ref in belongs:
            clues.setdefault(ref, {}).setdefault(tip, told_by)
    for key in sessions:
        known = clues.setdefault(session_ref(*key), {})
        known.update((tip, "a note") for tip in _noted(work_tree, key) if tip not in known)
    gone = {
        ref: {tip: told_by for tip, told_by in found.items() if _COMMIT.fullmatch(tip)}
        for ref, found in clues.items()
        if ref not in here and (ref.startswith(_LEDGERS) or ref in own)
    }
    lost = [_newest(source, work_tree, ref, found) for ref, found in sorted(gone.items())]
    return [each for each in lost if each]


_LEDGERS = (PROJECTS, SESSIONS)
_BY_FETCH = "the last fetch from "


def _logged(work_tree: WorkTree) -> Iterator[tuple[str, str]]:
    """Yields where refs stood last by their reflogs; git takes the log away with the ref, a hand does not."""
    logs = os.path.join(work_tree.common_dir, "logs")
    for path in _files(os.path.join(logs, PUBLISHED)):
        with suppress(OSError), open(path, "rb") as file:
            fields = file.read().splitlines()[-1:] or [b""]
            tip = fields[0].split(b" ", 2)[1:2]
            ref = os.path.relpath(path, logs).replace(os.sep, "/")
            yield ref, tip[0].decode("ascii", "replace") if tip else ""


def _fetched(work_tree: WorkTree) -> Iterator[tuple[str, str, str]]:
    """Yields what remotes had when they were fetched last."""
    listed = work_tree.git.lines("for-each-ref", "--format=%(objectname) %(refname)", f"{LOCAL}remotes/")
    for line in listed:
        tip, _, name = line.partition(" ")
        remote, _, rest = name.removeprefix(f"{LOCAL}remotes/").partition("/")
        yield f"{PUBLISHED}{rest}", tip, f"{_BY_FETCH}{remote}"


def moved_back(work_tree: WorkTree, kinds: Kinds) -> Sequence[tuple[str, str, str]]:
    """Returns (ref, tip, later tip) of ledgers that somebody set to an older commit, though all was sound.

    idse moves them forward and says so in their reflogs, so only other hands' entries are looked at.
    """
    source, found = GitLedgerSource(work_tree, kinds), []
    for ref in source.refs():
        for before in _left_by_hand(os.path.join(work_tree.common_dir, "logs", ref.name), ref.target):
            later = source.found(ref.name, before)
            if is_ancestor(work_tree.git, ref.target, before) and not any(source.tip_defects([later])):
                found.append((ref.name, ref.target, before))
                break
    return found


def earlier_tips(work_tree: WorkTree, name: str) -> Sequence[str]:
    """Returns where the ref `name` stood by its reflog, the latest first, and then by the last fetch."""
    lines: Sequence[bytes] = ()
    with suppress(OSError), open(os.path.join(work_tree.common_dir, "logs", name), "rb") as file:
        lines = file.read().splitlines()[: -_LOOKED_BACK - 1 : -1]
    told = [line[start : start + 40].decode("ascii", "replace") for line in lines for start in (41, 0)]
    told += [tip for ref, tip, _ in _fetched(work_tree) if ref == name]
    return [tip for tip in dict.fromkeys(told) if _COMMIT.fullmatch(tip) and tip != "0" * 40]


def latest_sound(work_tree: WorkTree, kinds: Kinds, name: str) -> str:
    """Returns the first of its earlier tips at which the ledger `name` was sound; "" without one."""
    source = GitLedgerSource(work_tree, kinds)
    tips = earlier_tips(work_tree, name)
    sound = (tip for tip in tips if not any(source.tip_defects([source.found(name, tip)])))
    return next(sound, "")


def _left_by_hand(log: str, tip: str) -> Iterator[str]:
    """Yields where a ref stood when somebody other than idse moved it away, the latest first."""
    with suppress(OSError), open(log, "rb") as file:
        for line in reversed(file.read().splitlines()[-_LOOKED_BACK:] if tip else ()):
            who, _, what = line.partition(b"\t")
            before = who[:40].decode("ascii", "replace")
            is_another = before not in (tip, "0" * 40) and _COMMIT.fullmatch(before)
            if is_another and not what.startswith(b"idse"):
                yield before


def _noted(work_tree: WorkTree, key: SessionKey) -> Iterator[str]:
    """Yields ledger commits of a session that notes on code commits name."""
    asked = ("grep", "-h", "-A3", "--fixed-strings", f"-eIdse-Session: {'/'.join(key)}", NOTES_ON_COMMITS)
    text = work_tree.git.attempt(*asked).stdout.decode("utf-8", "replace")
    for block in text.split("\n--\n"):
        for note in parse_note(block):
            if note.session == "/".join(key) and note.ledger:
                yield note.ledger


def _newest(source: GitLedgerSource, work_tree: WorkTree, ref: str, clues: Mapping[str, str]) -> Lost | None:
    """Returns the one that the others lead to, among those that are sound.

    What is known by a fetch alone may never have been judged, so all of its history is.
    """
    best = ""
    for tip in clues:
        found = source.found(ref, tip)
        if any(source.tip_defects([found])) or not _is_what_it_says(source, work_tree, found, clues[tip]):
            continue
        if not best or is_ancestor(work_tree.git, best, tip):
            best = tip
    is_there = os.path.isfile(os.path.join(work_tree.common_dir, ref))
    return Lost(ref, best, clues[best], is_there) if best else None


def _is_what_it_says(source: GitLedgerSource, work_tree: WorkTree, ref: FoundRef, told_by: str) -> bool:
    if ref.holds == SYNC_POINTS:
        return bool(sound_tips(work_tree, [ref]))
    if ref.holds == NOTES or not told_by.startswith(_BY_FETCH):
        return True  # notes were looked at from their tip on
    return not ledger_defects(source, ref)


def bring_back(work_tree: WorkTree, lost: Iterable[Lost]) -> str:
    """Has each ref point at its last commit again; returns what was done. A ref that is there stays."""
    done, git = [], work_tree.git
    with ledger_lock(work_tree):
        for each in lost:
            if in_the_way(work_tree, each.ref):
                continue
            _clear_away(work_tree, each.ref)
            before = git.attempt("rev-parse", "--verify", "--quiet", each.ref).stdout.decode().strip()
            if before and not is_ancestor(git, before, each.tip):
                continue  # an older place that git had packed, and no way leads from it to where it stood
            reason = f"idse doctor: brought back, known by {each.told_by}"
            moved = ("--create-reflog", "--no-deref", "-m", reason, each.ref, each.tip, before or "0" * 40)
            git.bytes("update-ref", *moved)
            done.append(f"{each.ref} at {each.tip[:12]}")
    return f"brought back {', '.join(done)}" if done else "nothing was lost"


def in_the_way(work_tree: WorkTree, ref: str) -> str:
    """Returns the path of what keeps git from making the file of `ref`; "" without one.

    That is a file where a folder has to be, or a folder with files in it where the ref has to be.
    """
    above, parts = work_tree.common_dir, ref.split("/")
    for part in parts[:-1]:
        above = os.path.join(above, part)
        if os.path.lexists(above) and not os.path.isdir(above):
            return above
    place = os.path.join(above, parts[-1])
    return place if next(_files(place), "") else ""


def _clear_away(work_tree: WorkTree, ref: str) -> None:
    """Removes the file of a ref that holds no commit id: an empty one, rubbish, a name that leads nowhere."""
    path = os.path.join(work_tree.common_dir, ref)
    with suppress(OSError), open(path, "rb") as file:
        if _COMMIT.match(file.read(256).decode("ascii", "replace")):
            return
        remove_file(path)


_COMMIT = re.compile(r"[0-9a-f]{40}")
_BUNDLE = re.compile(r"idse-ledgers-[0-9TZ]+\.bundle\.lock")
_LOOKED_BACK = 50
"""Entries of a reflog that are looked at: each that is not ours costs a process."""
_WAITING = re.compile(r"[0-9a-f]{40}(?:-[0-9a-f]{40})?")
_PIECE = re.compile(r"(?:index\.(\d+)(?:\.lock)?|.*\.(\d+)\.tmp|.*\.new(\d+))")


def stale_locks(work_tree: WorkTree) -> Sequence[str]:
    """Returns lock files of ledgers and of this work tree's sessions, by path in the git directory."""
    found = []
    places = [(work_tree.common_dir, place) for place in (PUBLISHED, *OF_TASKS)]
    for base, refs in (*places, (work_tree.git_dir, OF_WORKTREE)):
        for folder, _, names in os.walk(os.path.join(base, refs)):
            paths = [os.path.join(folder, name) for name in names if name.endswith(".lock")]
            found += [os.path.relpath(path, base) for path in paths if _age(path) > STALE_AFTER_SECONDS]
    return sorted(found)


OLD_LOCK_SECONDS = 600.0
"""git holds a lock for moments, or for as long as an editor that it opened stands open."""


def git_locks(work_tree: WorkTree) -> Sequence[tuple[str, float]]:
    """Returns lock files of git itself that are old, by absolute path, each with its age in seconds.

    Nobody can tell whether a git still holds one, and git never removes one of another process: nor do we.
    """
    common = work_tree.common_dir
    own = tuple(os.path.join(common, place) for place in (PUBLISHED, *OF_TASKS))
    flat = (common, work_tree.git_dir, os.path.join(common, "info"), os.path.join(common, "objects", "info"))
    paths = [path for folder in dict.fromkeys(flat) for path in _directly_in(folder)]
    paths += [path for path in _files(os.path.join(common, "refs")) if not path.startswith(own)]
    locks = [
        path for path in paths if path.endswith(".lock") and not _BUNDLE.fullmatch(os.path.basename(path))
    ]
    shared = os.path.join(common, OF_WORKTREE)
    aged = [(path, _age(path)) for path in locks if not path.startswith(shared)]
    return sorted((path, age) for path, age in aged if age > OLD_LOCK_SECONDS)


def _directly_in(folder: str) -> Iterator[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        yield from (entry.path for entry in entries if entry.is_file(follow_symlinks=False))


def remove_stale_locks(work_tree: WorkTree) -> str:
    """Removes what `stale_locks` finds, under the lock of ledgers or that of tasks; returns what was done."""
    of_tasks = [name for name in stale_locks(work_tree) if name.startswith(OF_TASKS)]
    with ledger_lock(work_tree), ledger_lock(work_tree, name=LOCK) if of_tasks else nullcontext():
        stale = [name for name in stale_locks(work_tree) if name in of_tasks or not name.startswith(OF_TASKS)]
        for name in stale:
            is_shared = name.startswith((PUBLISHED, *OF_TASKS))
            base = work_tree.common_dir if is_shared else work_tree.git_dir
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


def spooled(work_tree: WorkTree) -> tuple[int, Sequence[str]]:
    """Returns how many commits wait in the spool, and absolute paths of what is there and is none."""
    folder = os.path.join(work_tree.private, "spool")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return 0, []
    strange = [name for name in names if not _WAITING.fullmatch(name)]
    return len(names) - len(strange), [os.path.join(folder, name) for name in strange]


def drain_spool(record: Callable[[], int], drain: Callable[[], Sequence[str]]) -> str:
    """Records what was missed, and turns the spool into notes; returns what was done."""
    recorded = record()
    changed = len(drain())
    before = f"recorded {counted(recorded, 'commit')}, " if recorded else ""
    return f"{before}wrote {counted(changed, 'note')}"


def refs_without_log(work_tree: WorkTree, kinds: Kinds) -> Sequence[str]:
    """Returns ledgers and notes that have no reflog. Refs that hold something else are not ours."""
    logs = os.path.join(work_tree.common_dir, "logs")
    names = [ref.name for ref in GitLedgerSource(work_tree, kinds).refs()]
    missing = [name for name in names if not os.path.isfile(os.path.join(logs, name))]
    return [name for name in published_refs(work_tree, kinds).ours if name in missing] if missing else []


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
