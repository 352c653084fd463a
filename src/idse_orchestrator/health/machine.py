"""Checks of the machine and of the git repository that idse stands on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.text import counted
from idse_orchestrator.health import recovery
from idse_orchestrator.health.refs import published_refs
from idse_orchestrator.sync.leftovers import remove_sync_leftovers, sync_leftovers, told
from idse_orchestrator.worktree.hooks.shim import find_program

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository

MINIMUM_GIT = (2, 31)
"""The first git with ``rev-parse --path-format``, which every command starts with."""

_LOW_BYTES = 100 * 1024 * 1024
_MEGABYTE = 1024 * 1024


def machine_checks(repository: Repository, environment: Mapping[str, str]) -> Iterator[Check]:
    """git, the repository's kind, identity, idse itself, room and rights."""
    yield Check("git", lambda: _git(repository))
    yield Check("repository", lambda: _repository(repository))
    yield Check("identity", lambda: _identity(repository))
    yield Check("idse", lambda: _program(environment))
    yield Check("private folder", lambda: _private(repository))
    yield Check("disk", lambda: _disk(repository))
    yield Check("log decoration", lambda: _decoration(repository))


def leftover_checks(
    repository: Repository, missed: Callable[[], Sequence[object]], record: Callable[[], int]
) -> Iterator[Check]:
    """What killed processes left behind, refs that are not what they should be, and refs without a log.

    `missed` tells what waits to be recorded in this work tree, and `record` does it.
    """
    yield Check("lock files", lambda: _locks(repository), lambda: recovery.remove_stale_locks(repository))
    yield Check("leftovers", lambda: _leftovers(repository), lambda: recovery.remove_leftovers(repository))
    yield Check(
        "spool", lambda: _spool(repository, missed()), lambda: recovery.drain_spool(repository, record)
    )
    yield Check(
        "sync leftovers", lambda: _sync_leftovers(repository), lambda: remove_sync_leftovers(repository)
    )
    yield Check("ledger refs", lambda: _published(repository))
    yield Check("reflogs", lambda: _reflogs(repository), lambda: recovery.write_reflogs(repository))


def _git(repository: Repository) -> Diagnosis:
    words = repository.git.text("version")
    found = re.search(r"(\d+)\.(\d+)", words)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < MINIMUM_GIT:
        wanted = ".".join(map(str, MINIMUM_GIT))
        return Diagnosis(PROBLEM, f"{words} is too old", (f"install git {wanted} or newer",))
    return Diagnosis(OK, words)


def _repository(repository: Repository) -> Diagnosis:
    """What is not served at all was refused before any check could run."""
    if os.path.exists(os.path.join(repository.common_dir, "shallow")):
        return Diagnosis(NOTE, "this clone is shallow: older commits of the branch are not here")
    return Diagnosis(OK, "a linked worktree" if repository.is_linked else "a plain repository")


def _identity(repository: Repository) -> Diagnosis:
    done = repository.git.attempt("var", "GIT_AUTHOR_IDENT")
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


def _private(repository: Repository) -> Diagnosis:
    folder = repository.private
    place = folder if os.path.isdir(folder) else repository.common_dir
    if os.path.lexists(folder) and not os.path.isdir(folder):
        return Diagnosis(PROBLEM, f"{folder} is not a folder", (f"move {folder} away",))
    if os.access(place, os.W_OK | os.X_OK) and not _is_read_only(place):
        return Diagnosis(OK, folder)
    return Diagnosis(PROBLEM, f"{place} cannot be written", (f"make {place} writable for you",))


def _is_read_only(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _disk(repository: Repository) -> Diagnosis:
    import shutil

    free = shutil.disk_usage(repository.common_dir).free
    says = f"{free // _MEGABYTE:,} MB free"
    if free == 0:
        return Diagnosis(PROBLEM, "the disk is full", ("free some space",))
    return Diagnosis(OK, says) if free >= _LOW_BYTES else Diagnosis(WARNING, says, ("free some space",))


def _decoration(repository: Repository) -> Diagnosis:
    """`git log --all` walks the ledgers too; how they are decorated is a matter of taste, so only a note."""
    values = repository.git.attempt("config", "--get-all", "log.excludeDecoration").stdout.split()
    if any(value.startswith(b"refs/idse") for value in values):
        return Diagnosis(OK, "git log leaves ledgers undecorated")
    return Diagnosis(
        OK,
        "git log --all shows ledgers; to hide their names: git config --add log.excludeDecoration refs/idse/",
    )


def _locks(repository: Repository) -> Diagnosis:
    stale = recovery.stale_locks(repository)
    if not stale:
        return Diagnosis(OK, "no ref is locked by a process that is gone")
    return Diagnosis(PROBLEM, f"left by a killed process: {', '.join(stale[:3])}", ("idse doctor --fix",))


def _leftovers(repository: Repository) -> Diagnosis:
    found = recovery.leftovers(repository)
    if not found:
        return Diagnosis(OK, "no file of a process that is gone")
    return Diagnosis(WARNING, f"files of processes that are gone: {len(found)}", ("idse doctor --fix",))


def _spool(repository: Repository, missed: Sequence[object]) -> Diagnosis:
    waiting = recovery.spooled(repository)
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


def _sync_leftovers(repository: Repository) -> Diagnosis:
    found = sync_leftovers(repository)
    if not any(found):
        return Diagnosis(OK, "no sync was stopped half-way")
    clear = ("idse doctor --fix",) if found.folders or found.settled else ()
    ask = ("idse sync push    (finds out what arrived)",) if found.open else ()
    return Diagnosis(NOTE, told(found), (*clear, *ask))


def _published(repository: Repository) -> Diagnosis:
    """Only a person can tell what such a ref was meant to be, so nothing here is ever mended."""
    refs = published_refs(repository)
    if refs.foreign:
        says = f"no ledger, or a damaged one: {', '.join(refs.foreign[:3])}"
        return Diagnosis(PROBLEM, says, ("idse fsck    (says what is wrong with each; push none of them)",))
    if refs.unknown:
        says = f"of a kind that this idse does not know: {', '.join(refs.unknown[:3])}"
        return Diagnosis(NOTE, says, ("idse fsck",))
    return Diagnosis(OK, "every ref under refs/idse/ holds what its name says")


def _reflogs(repository: Repository) -> Diagnosis:
    missing = recovery.refs_without_log(repository)
    if not missing:
        return Diagnosis(OK, "every ledger has one")
    return Diagnosis(WARNING, f"missing for {', '.join(missing[:3])}", ("idse doctor --fix",))
