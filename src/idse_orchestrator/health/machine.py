"""Checks of the machine and of the git repository that idse stands on."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.checkup import NOTE, OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.files import known_replica_id
from idse_orchestrator.base.text import counted, few, one_word
from idse_orchestrator.git.object_stream import find, headers
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.raw_objects import PLAIN_SIGHT, grafted
from idse_orchestrator.git.shared import closed_to_us, open_it, share_all, unshared
from idse_orchestrator.git.vault import log_path
from idse_orchestrator.health import recovery
from idse_orchestrator.health.recovery import published_refs
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, UPGRADE
from idse_orchestrator.ledger.defects import CANNOT_JUDGE
from idse_orchestrator.ledger.fsck import NOT_HERE
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.sync.setup_agency import described, remove_sync_leftovers, sync_leftovers
from idse_orchestrator.worktree.hook import find_program

if TYPE_CHECKING:
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.worktree.work_tree import WorkTree

MINIMUM_GIT = (2, 31)
"""The first git with ``rev-parse --path-format``, which every command starts with."""

_LOW_BYTES = 100 * 1024 * 1024
_MEGABYTE = 1024 * 1024
_SHOWN = 3
_TO_BE_SET_BACK = (
    *("foreign-tip", "ref-kind", "tree-shape", "other-ledger"),
    *("missing-event", "event-schema", "event-bytes", "missing-state", "state-schema"),
)
"""Codes of tips that nothing can mend: what stood there before is what counts."""
_ID = re.compile(r"\b[0-9a-f]{40}\b")


def machine_checks(work_tree: WorkTree, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yields checks of git, the repository's kind and parts, identity, idse itself, room and rights."""
    yield Check("git", lambda: _git(work_tree))
    yield Check("repository", lambda: _work_tree(work_tree))
    yield Check("git locks", lambda: _git_locks(work_tree))
    yield Check("index", lambda: _index(work_tree))
    yield Check("HEAD", lambda: _head(work_tree))
    yield Check("other histories", lambda: _other_histories(work_tree))
    yield Check("object folders", lambda: _object_folders(work_tree))
    yield Check("identity", lambda: _identity(work_tree))
    yield Check("idse", lambda: _program(environment))
    yield Check("private folder", lambda: _private(work_tree))
    yield Check("rights", lambda: _rights(work_tree), lambda: share_all(work_tree.common_dir))
    yield Check("disk", lambda: _disk(work_tree))
    yield Check("log decoration", lambda: _decoration(work_tree))


def leftover_checks(
    work_tree: WorkTree,
    kinds: Kinds,
    lost: Check,
    missed: Callable[[], Sequence[object]],
    record: Callable[[], int],
    drain: Callable[[], Sequence[str]],
) -> Iterator[Check]:
    """Yields checks of what killed processes left, of what refs hold, and of reflogs.

    `lost` looks for refs that are gone: before what writes to them. `missed` says what waits to be recorded
    in this work tree, `record` does it, and `drain` writes the notes that wait.
    """
    yield Check("lock files", lambda: _locks(work_tree), lambda: recovery.remove_stale_locks(work_tree))
    yield Check("leftovers", lambda: _leftovers(work_tree), lambda: recovery.remove_leftovers(work_tree))
    yield lost
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
    shallow = _lines(os.path.join(work_tree.common_dir, "shallow"))
    cut = _ledger_commits(work_tree, shallow)
    if cut:
        says = f"this clone is shallow: ledgers are cut at {few([name[:12] for name in cut])}"
        return Diagnosis(WARNING, says, ("git fetch --unshallow REMOTE  # brings what came before",))
    if shallow:
        return Diagnosis(NOTE, "this clone is shallow: older commits of the branch are not here")
    return Diagnosis(OK, "a linked worktree" if work_tree.is_linked else "a plain repository")


def _git_locks(work_tree: WorkTree) -> Diagnosis:
    found = recovery.git_locks(work_tree)
    if not found:
        return Diagnosis(OK, "git left none behind")
    says = few([f"{os.path.relpath(path, work_tree.common_dir)} ({_age(age)} old)" for path, age in found])
    step = "rm {}  # if no git is at work here, nor an editor that git opened"
    return Diagnosis(
        PROBLEM,
        f"git writes nothing beside a lock, and left {says}",
        tuple(step.format(one_word(path)) for path, _ in found[:_SHOWN]),
    )


def _age(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600)):
        if seconds >= size:
            return counted(int(seconds // size), unit)
    return counted(int(seconds // 60), "minute")


def _index(work_tree: WorkTree) -> Diagnosis:
    asked = ("ls-files", "--", ":(top,literal).git")
    done = work_tree.git.attempt(*asked)
    if done.returncode != 0:
        raise failure(asked, done)
    return Diagnosis(OK, "git can read it")


def _head(work_tree: WorkTree) -> Diagnosis:
    git = work_tree.git
    asked = ("rev-parse", "--verify", "--quiet", "HEAD")
    done = git.attempt(*asked)
    if done.returncode not in (0, 1):
        raise failure(asked, done)
    commit = done.stdout.decode().strip()
    place = next(iter(_lines(os.path.join(work_tree.git_dir, "HEAD"))), "").removeprefix("ref:").strip()
    place = place if place.startswith("refs/") else "HEAD"
    if commit and find(git, commit):
        return Diagnosis(OK, place)
    if commit:
        says = f"{place} leads to {commit[:12]}, which is missing or damaged"
    elif os.path.isfile(os.path.join(work_tree.common_dir, place)):
        says = f"{place} holds no commit id"
    else:
        return Diagnosis(OK, f"{place} has no commit yet")
    log = os.path.join(work_tree.git_dir, "logs", "HEAD")
    steps = (
        "git fsck  # names what is missing",
        f"tail {one_word(log)}  # tells where HEAD stood before",
    )
    return Diagnosis(PROBLEM, says, steps)


def _other_histories(work_tree: WorkTree) -> Diagnosis:
    """Tells of grafts and replacements: through them git shows another history than the commits have."""
    grafts = os.path.join(work_tree.common_dir, "info", "grafts")
    lines = grafted(work_tree.common_dir)
    of_ledgers = _ledger_commits(work_tree, lines)
    if of_ledgers:
        says = f"grafts give ledger commits other parents: {few([name[:12] for name in of_ledgers])}"
        return Diagnosis(PROBLEM, says, (f"take the lines of these commits out of {one_word(grafts)}",))
    replaced = _replaced(work_tree)
    if replaced:
        says = f"replacements hide what ledgers hold: {few([name[:12] for name in replaced])}"
        return Diagnosis(PROBLEM, says, tuple(f"git replace -d {name}" for name in replaced[:_SHOWN]))
    if lines:
        says = f"git has given up grafts, and {grafts} has {counted(len(lines), 'line')}"
        return Diagnosis(WARNING, says, ("git replace --convert-graft-file",))
    return Diagnosis(OK, "no graft and no replacement touches a ledger")


def _replaced(work_tree: WorkTree) -> Sequence[str]:
    """Returns ids of ledger commits, and of what stands at the tips of ledgers, that `git replace` hides."""
    git = work_tree.git
    names = [
        name.rpartition("/")[2] for name in git.lines("for-each-ref", "--format=%(refname)", "refs/replace/")
    ]
    if not names:
        return []
    tips = git.lines("for-each-ref", "--format=%(objectname)", PUBLISHED)
    parts = (
        f"{tip}{part}" for tip in tips for part in ("^{tree}", f":{STATE}", f":{EVENT}", f":{ARTIFACTS}")
    )
    held = {found.id for found in headers(git.with_environment(PLAIN_SIGHT), parts) if found}
    commits = set(_ledger_commits(work_tree, names))
    return [name for name in names if name in held or name in commits]


def _ledger_commits(work_tree: WorkTree, names: Iterable[str]) -> Sequence[str]:
    """Returns those of the commits `names` that are a ledger's, in order."""
    wanted = sorted(names)
    found = headers(work_tree.git.with_environment(PLAIN_SIGHT), (f"{name}:{STATE}" for name in wanted))
    return [name for name, header in zip(wanted, found, strict=True) if header]


def _object_folders(work_tree: WorkTree) -> Diagnosis:
    objects = os.path.join(work_tree.common_dir, "objects")
    place = os.path.join(objects, "info", "alternates")
    gone = [line for line in _lines(place) if not os.path.isdir(os.path.join(objects, line))]
    if not gone:
        return _packs(os.path.join(objects, "pack"))
    says = f"objects are borrowed from a folder that is gone: {few(gone)}"
    steps = (
        f"bring it back, or write where it is now into {one_word(place)}",
        "git fsck  # names what is missing",
    )
    return Diagnosis(PROBLEM, says, steps)


def _packs(folder: str) -> Diagnosis:
    names = set(os.listdir(folder)) if os.path.isdir(folder) else set()
    closed = sorted(name for name in names if name.endswith(".pack") and f"{name[:-5]}.idx" not in names)
    if not closed:
        return Diagnosis(OK, "git finds every folder of objects, and every pack has its index")
    steps = (f"git index-pack {one_word(os.path.join(folder, name))}" for name in closed[:_SHOWN])
    return Diagnosis(PROBLEM, f"packs without an index, which git passes over: {few(closed)}", tuple(steps))


def _lines(path: str) -> Sequence[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.strip().strip('"') for line in file]
    except OSError:
        return []
    return [line for line in lines if line and not line.startswith("#")]


def _identity(work_tree: WorkTree) -> Diagnosis:
    done = work_tree.git.attempt("var", "GIT_AUTHOR_IDENT")
    if done.returncode == 0:
        return Diagnosis(OK, done.stdout.decode("utf-8", "replace").rpartition(">")[0] + ">")
    return Diagnosis(
        PROBLEM,
        "git does not know who you are, and every event names its author",
        ('git config user.name "Your Name" && git config user.email you@example.org',),
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
        return _own_files(work_tree) or Diagnosis(OK, folder)
    return Diagnosis(PROBLEM, f"{place} cannot be written", (f"make {place} writable for you",))


def _own_files(work_tree: WorkTree) -> Diagnosis | None:
    log, replica = log_path(work_tree.private), os.path.join(work_tree.private, "replica")
    if os.path.lexists(log) and not (os.path.isfile(log) and os.access(log, os.W_OK)):
        says = f"{log} cannot be written: what went wrong in hooks is not kept"
        return Diagnosis(WARNING, says, (f"mv {one_word(log)} {one_word(log)}.old",))
    is_open = os.path.lexists(replica) and os.access(replica, os.R_OK)
    if is_open and not known_replica_id(work_tree.private):
        says = f"{replica} holds no id: this clone does not know its own sync points"
        step = f"mv {one_word(replica)} {one_word(replica)}.damaged  # the next event makes a new id"
        return Diagnosis(WARNING, says, (step,))
    return None


def _rights(work_tree: WorkTree) -> Diagnosis:
    common = work_tree.common_dir
    closed = closed_to_us(common, to_write=True)
    if closed:
        says = f"closed to you: {few(closed)}"
        return Diagnosis(PROBLEM, says, (open_it(common),))
    ours = unshared(common)
    if ours:
        says = f"{len(ours)} of your files and folders are not shared as core.sharedRepository wants it"
        return Diagnosis(PROBLEM, says, ("idse doctor --fix",))
    return Diagnosis(OK, "you may use all of the git directory")


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
    waiting, strange = recovery.spooled(work_tree)
    if strange:
        says = f"what stands among the commits that wait, and is none: {few(strange)}"
        steps = tuple(f"look at it, then move it away: {one_word(path)}" for path in strange[:_SHOWN])
        return Diagnosis(WARNING, says, steps)
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
    ask = ("idse sync push  # finds out what arrived",) if found.open else ()
    return Diagnosis(NOTE, described(found), (*clear, *ask))


def _published(work_tree: WorkTree, kinds: Kinds) -> Diagnosis:
    """Only a person can tell what such a ref was meant to be, so nothing here is ever mended."""
    refs = published_refs(work_tree, kinds)
    if refs.wrong:
        first = {defect.ref: defect for defect in reversed(refs.wrong)}
        names = sorted(first)
        says = few([f"{name}: {first[name].what}" for name in names])
        shown = [defect for defect in refs.wrong if defect.ref in names[:_SHOWN]]
        return Diagnosis(PROBLEM, says, tuple(_steps(work_tree, kinds, shown)))
    if refs.unknown:
        says = f"of a kind that this idse does not know: {', '.join(refs.unknown[:3])}"
        return Diagnosis(NOTE, says, ("idse fsck",))
    return Diagnosis(OK, f"what stands at the tips of {PUBLISHED} is sound (idse fsck reads all below)")


def task_check(work_tree: WorkTree, kinds: Kinds) -> Check:
    """Returns the check of what stands at the tips of tasks."""
    return Check("tasks", lambda: _tasks(work_tree, kinds))


def _tasks(work_tree: WorkTree, kinds: Kinds) -> Diagnosis:
    from idse_orchestrator.tasks.check import TaskSource

    with TaskSource(work_tree, kinds) as source:
        refs = source.refs()
        wrong = [defect for defect in source.tip_defects(refs) if not defect.is_note]
    if wrong:
        named = {defect.ref: defect.what for defect in reversed(wrong)}
        says = few([f"{name}: {what}" for name, what in sorted(named.items())])
        return Diagnosis(PROBLEM, says, ("idse fsck",))
    if not refs:
        return Diagnosis(OK, "there is none yet")
    return Diagnosis(OK, f"{counted(len(refs), 'task')} of this repository alone, sound at their tips")


def _steps(work_tree: WorkTree, kinds: Kinds, defects: Sequence[Defect]) -> Iterator[str]:
    codes = {defect.code for defect in defects}
    if codes - set(CANNOT_JUDGE):
        yield "idse fsck  # says what is wrong with each, and which commit is sound; push none of them"
    told = [defect.what for defect in defects if defect.code == "missing-object"]
    told += [defect.commit for defect in defects if defect.what == NOT_HERE]
    for name in dict.fromkeys(name for words in told for name in _ID.findall(words)):
        path = os.path.join(work_tree.common_dir, "objects", name[:2], name[2:])
        if os.path.exists(path):
            yield f"mv {one_word(path)} {one_word(path)}.damaged  # where git fsck calls it corrupt"
    if "missing-object" in codes:
        yield "git fetch --refetch REMOTE  # git 2.36 or newer: brings back what another clone still has"
    if codes & set(CANNOT_JUDGE):
        yield UPGRADE[0]
    leading = [defect.ref for defect in defects if "it leads to " in defect.what]
    for ref in leading:
        yield f"git symbolic-ref --delete {one_word(ref)}  # the name goes, and nothing else"
    lost = [defect.ref for defect in defects if _nothing_mends(work_tree, defect)]
    for ref in dict.fromkeys(ref for ref in lost if ref not in leading):
        sound = recovery.latest_sound(work_tree, kinds, ref)
        where = "where it stood before" if sound else "the last sound one, as idse fsck names it"
        yield f"git update-ref {one_word(ref)} {sound or 'COMMIT'}  # {where}"


def _nothing_mends(work_tree: WorkTree, defect: Defect) -> bool:
    """Tests for a tip that is none, or that names an object of which nothing here ever told."""
    if defect.what == NOT_HERE:
        return defect.commit not in recovery.earlier_tips(work_tree, defect.ref)
    return defect.code in _TO_BE_SET_BACK


def _reflogs(work_tree: WorkTree, kinds: Kinds) -> Diagnosis:
    missing = recovery.refs_without_log(work_tree, kinds)
    if not missing:
        return Diagnosis(OK, "every ledger has one")
    return Diagnosis(WARNING, f"missing for {', '.join(missing[:3])}", ("idse doctor --fix",))
