"""Checks of the machine and of the git repository that idse stands on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.text import counted
from idse_orchestrator.health import recovery
from idse_orchestrator.health.recovery import published_refs
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.sync.setup_agency import described, remove_sync_leftovers, sync_leftovers
from idse_orchestrator.worktree.hook import find_program

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.worktree.work_tree import WorkTree

MINIMUM_GIT = (2, 31)
"""The first git with ``rev-parse --path-format``, which every command starts with."""

_LOW_BYTES = 100 * 1024 * 1024
_MEGABYTE = 1024 * 1024


def machine_checks(work_tree: WorkTree, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yields checks of git, the repository's kind, identity, idse itself, room and rights."""
    yield Check("git", lambda: _git(work_tree))
    yield Check("repository", lambda: _work_tree(work_tree))
    yield Check("identity", lambda: _identity(work_tree))
    yield Check("idse", lambda: _program(environment))
    yield Check("private folder", lambda: _private(work_tree))
    yield Check("disk", lambda: _disk(work_tree))
    yield Check("log decoration", lambda: _decoration(work_tree))


def leftover_checks(
    work_tree: WorkTree,
    kinds: Kinds,
    missed: Callable[[], Sequence[object]],
    record: Callable[[], int],
    drain: Callable[[], Sequence[str]],
) -> Iterator[Check]:
    """Yields checks of what killed processes left, of refs that hold something else, and of reflogs.

    `missed` says what waits to be recorded in this work tree, `record` does it, and `drain` writes the notes
    that wait.
    """
    yield Check("lock files", lambda: _locks(work_tree), lambda: recovery.remove_stale_locks(work_tree))
    yield Check("leftovers", lambda: _leftovers(work_tree), lambda: recovery.remove_leftovers(work_tree))
    yield Check("spool", lambda: _spool(work_tree, missed()), lambda: recovery.drain_spool(record, drain))
    yield Check(
        "sync leftovers", lambda: _sync_leftovers(work_tree), lambda: remove_sync_leftovers(work_tree)
    )
    yield Check("ledger refs", lambda: _published(work_tree, kinds))
    yield Check(
        "reflogs", lambda: _reflogs(work_tree, kinds), lambda: recovery.write_reflogs(work_tree, kinds)
    )


def _git(work_tree: WorkTree) -> Diagnosis:
    words = work_tree.git.text("version")
    found = re.search(r"(\d+)\.(\d+)", words)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < MINIMUM_GIT:
        wanted = ".".join(map(str, MINIMUM_GIT))
        return Diagnosis(PROBLEM, f"{words} is too old", (f"install git {wanted} or newer",))
    return Diagnosis(OK, words)


def _work_tree(work_tree: WorkTree) -> Diagnosis:
    """Notes the kind of repository: one that is not served was refused before any check ran."""
    if os.path.exists(os.path.join(work_tree.common_dir, "shallow")):
        return Diagnosis(NOTE, "this clone is shallow: older commits of the branch are not here")
    return Diagnosis(OK, "a linked worktree" if work_tree.is_linked else "a plain repository")


def _identity(work_tree: WorkTree) -> Diagnosis:
    done = work_tree.git.attempt("var", "GIT_AUTHOR_IDENT")
    if done.returncode == 0:
        return Diagnosis(OK, done.stdout.decode("utf-8", "replace").rpartition(">")[0] + ">")
    return Diagnosis(
        PROBLEM,
        "git does not know who you are, and every event names its author",
        ('git config user.name "Your Name"', "git config user.email you@example.org"),
    )


def _program(environment: Mapping[str, str]) -> Diagnosis:
    import shutil

    found = shutil.which("idse", path=environment.get("PATH"))
    if found:
        return Diagnosis(OK, found)
    where = find_program()
    says = f"not on PATH; the hooks start {where}" if where else "not on PATH, and the hooks cannot find it"
    return Diagnosis(NOTE if where else WARNING, says, ("pipx install idse-orchestrator",))


def _private(work_tree: WorkTree) -> Diagnosis:
    folder = work_tree.private
    place = folder if os.path.isdir(folder) else work_tree.common_dir
    if os.path.lexists(folder) and not os.path.isdir(folder):
        return Diagnosis(PROBLEM, f"{folder} is not a folder", (f"move {folder} away",))
    if os.access(place, os.W_OK | os.X_OK) and not _is_read_only(place):
        return Diagnosis(OK, folder)
    return Diagnosis(PROBLEM, f"{place} cannot be written", (f"make {place} writable for you",))


def _is_read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _disk(work_tree: WorkTree) -> Diagnosis:
    import shutil

    free = shutil.disk_usage(work_tree.common_dir).free
    says = f"{free // _MEGABYTE:,} MB free"
    if free == 0:
        return Diagnosis(PROBLEM, "the disk is full", ("free some space",))
    return Diagnosis(OK, says) if free >= _LOW_BYTES else Diagnosis(WARNING, says, ("free some space",))


def _decoration(work_tree: WorkTree) -> Diagnosis:
    """`git log --all` walks the ledgers too; how they are decorated is a matter of taste, so only a note."""
    values = work_tree.git.attempt("config", "--get-all", "log.excludeDecoration").stdout.split()
    if any(value.startswith(PUBLISHED.rstrip("/").encode()) for value in values):
        return Diagnosis(OK, "git log leaves ledgers undecorated")
    return Diagnosis(
        OK,
        "git log --all shows ledgers; to hide their names: "
        f"git config --add log.excludeDecoration {PUBLISHED}",
    )


def _locks(work_tree: WorkTree) -> Diagnosis:
    stale = recovery.stale_locks(work_tree)
    if not stale:
        return Diagnosis(OK, "no ref is locked by a process that is gone")
    return Diagnosis(PROBLEM, f"left by a killed process: {', '.join(stale[:3])}", ("idse doctor --fix",))


def _leftovers(work_tree: WorkTree) -> Diagnosis:
    found = recovery.leftovers(work_tree)
    if not found:
        return Diagnosis(OK, "no file of a process that is gone")
    return Diagnosis(WARNING, f"files of processes that are gone: {len(found)}", ("idse doctor --fix",))


def _spool(work_tree: WorkTree, missed: Sequence[object]) -> Diagnosis:
    waiting = recovery.spooled(work_tree)
    if missed:
        count = f"{len(missed)} commits wait" if len(missed) > 1 else "1 commit waits"
        more = f", and {waiting} for a note" if waiting else ""
        return Diagnosis(NOTE, f"{count} to be recorded{more}: the next command that writes does it")
    if not waiting:
        return Diagnosis(OK, "no commit waits for its note")
    count = counted(waiting, "commit")
    return Diagnosis(
        NOTE if waiting < 1000 else WARNING, f"{count} wait for a note: the next write gives it", ()
    )


def _sync_leftovers(work_tree: WorkTree) -> Diagnosis:
    found = sync_leftovers(work_tree)
    if not any(found):
        return Diagnosis(OK, "no sync was stopped half-way")
    clear = ("idse doctor --fix",) if found.folders or found.settled else ()
    ask = ("idse sync push    (finds out what arrived)",) if found.open else ()
    return Diagnosis(NOTE, described(found), (*clear, *ask))


def _published(work_tree: WorkTree, kinds: Kinds) -> Diagnosis:
    """Only a person can tell what such a ref was meant to be, so nothing here is ever mended."""
    refs = published_refs(work_tree, kinds)
    if refs.foreign:
        says = f"no ledger, or a damaged one: {', '.join(refs.foreign[:3])}"
        return Diagnosis(PROBLEM, says, ("idse fsck    (says what is wrong with each; push none of them)",))
    if refs.unknown:
        says = f"of a kind that this idse does not know: {', '.join(refs.unknown[:3])}"
        return Diagnosis(NOTE, says, ("idse fsck",))
    return Diagnosis(OK, f"every ref under {PUBLISHED} holds what its name says")


def _reflogs(work_tree: WorkTree, kinds: Kinds) -> Diagnosis:
    missing = recovery.refs_without_log(work_tree, kinds)
    if not missing:
        return Diagnosis(OK, "every ledger has one")
    return Diagnosis(WARNING, f"missing for {', '.join(missing[:3])}", ("idse doctor --fix",))
