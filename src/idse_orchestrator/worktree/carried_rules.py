"""Carries a project's own rules in its ledger: what ``.idse/constitution.yaml`` is on the branch.

An Agency sees no branch, and judges by what the ledger carries. Branches may disagree: what counts is what
the commit brought that was recorded last (docs/adr/0040). So an old branch changes nothing when it is checked
out, and a commit that no hook recorded is found by the next push.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import (
    CARRIED_RULES,
    CONSTITUTION_PATH,
    EXECUTABLE,
    LARGEST_RULES,
    REGULAR,
)
from idse_orchestrator.errors import CorruptLedgerError, InvalidArtifactError
from idse_orchestrator.ledger.refs import project_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.ledger.events import Draft
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import ProjectTip
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.worktree.work_tree import WorkTree

_SEEN = "carried-rules"


class Carrier(NamedTuple):
    """What carrying rules works with."""

    work_tree: WorkTree
    ledgers: LedgerReader
    writer: LedgerWriter

    @property
    def git(self) -> Git:
        """The git of the work tree."""
        return self.work_tree.git


def carry_rules(carrier: Carrier, commit: str, subject: str = "", *, is_late: bool = False) -> Sequence[str]:
    """Records the rules that `commit` has in the ledger of each project; returns those that took them.

    `is_late`: it was made some time ago, and a ledger may know it already, or one that follows it. Raises
    InvalidArtifactError for a file that cannot be carried.
    """
    blob = _rules_at(carrier.git, commit)
    done = []
    for project in _sound(carrier):
        if is_late and _is_known(carrier, project, commit):
            continue
        with suppress(CorruptLedgerError):  # it can be read, and only a newer idse may write in it
            if _record(carrier, project, commit, blob, subject):
                done.append(project)
    return tuple(done)


def _sound(carrier: Carrier) -> dict[str, str]:
    """Returns the projects whose ledgers can be read, each with the blob of the rules that it carries.

    What is wrong with the others is for those to say that look at them.
    """
    found = {}
    for project in carrier.ledgers.projects():
        with suppress(CorruptLedgerError):
            tip = carrier.ledgers.project(project)
            if tip is not None:
                found[project] = carrier.ledgers.tree_files(tip.artifacts).get(CARRIED_RULES, "")
    return found


def carry_missing_rules(work_tree: WorkTree, carrier: Callable[[], Carrier]) -> Sequence[str]:
    """Records the rules of the branch that is checked out, where no hook did; returns as `carry_rules`.

    HEAD is looked at once: as long as it stays where it is, this costs three small files. A file that cannot
    be carried changes nothing: who committed it was told.
    """
    seen = os.path.join(work_tree.git_dir, "idse", _SEEN)
    head = _head(work_tree)
    with suppress(OSError), open(seen, "rb") as file:
        if file.read(1 << 12) == head:
            return ()
    done: Sequence[str] = ()
    with suppress(InvalidArtifactError):
        done = _carry_missing(carrier())
    make_folder(os.path.dirname(seen))
    write_atomically(seen, head)
    return done


def look_again(work_tree: WorkTree) -> None:
    """Forgets that HEAD was looked at: a ledger is new."""
    with suppress(OSError):
        os.unlink(os.path.join(work_tree.git_dir, "idse", _SEEN))


def _carry_missing(carrier: Carrier) -> Sequence[str]:
    blob = _rules_at(carrier.git, "HEAD")
    if all(each == blob for each in _sound(carrier).values()):
        return ()
    asked = ("log", "-1", "--no-show-signature", "--format=%H", "HEAD", "--", CONSTITUTION_PATH)
    commit = carrier.git.attempt(*asked).stdout.decode().strip()
    return carry_rules(carrier, commit, is_late=True) if commit else ()


def _rules_at(git: Git, commit: str) -> str:
    """Returns the blob of the rules in `commit`, "" where it has none."""
    done = git.attempt("ls-tree", "-z", "-l", "--full-tree", commit, "--", CONSTITUTION_PATH)
    meta, tab, _ = done.stdout.decode("utf-8", "replace").partition("\t")
    if not tab:
        return ""
    mode, _, blob, size = meta.split()
    if int(mode, 8) not in (REGULAR, EXECUTABLE):
        raise InvalidArtifactError(
            "the rules are not carried to the Agency",
            where=f"{CONSTITUTION_PATH} ({commit[:7]})",
            cause="it is not a regular file",
            fix=(f"make {CONSTITUTION_PATH} a regular file",),
        )
    if int(size) > LARGEST_RULES:
        raise InvalidArtifactError(
            "the rules are not carried to the Agency",
            where=f"{CONSTITUTION_PATH} ({commit[:7]})",
            cause=f"it has {int(size):,} bytes, and at most {LARGEST_RULES:,} are read",
            fix=("take rules out, or shorten their texts",),
        )
    return blob


def _record(carrier: Carrier, project: str, commit: str, blob: str, subject: str) -> bool:
    from idse_orchestrator.base.text import one_line
    from idse_orchestrator.ledger.events import EDITED, Draft
    from idse_orchestrator.sessions.trees import GitTrees

    planned = False

    def plan(tip: ProjectTip | None) -> Draft | None:
        nonlocal planned
        planned = False
        if tip is None:
            return None
        files = dict(carrier.ledgers.tree_files(tip.artifacts))
        if files.pop(CARRIED_RULES, "") == blob:
            return None
        planned = True
        if blob:
            files[CARRIED_RULES] = blob
        tree = GitTrees(carrier.work_tree).of_files(files) if files else ""
        body: dict[str, object] = {
            "changed": {CARRIED_RULES: blob or None},
            "source": "commit",
            "code": commit,
        }
        if subject:
            body["reason"] = one_line(subject)
        return Draft(EDITED, body, tree)

    carrier.writer.append_to_project(project, plan)
    return planned


def _is_known(carrier: Carrier, project: str, commit: str) -> bool:
    """Tests whether a project's ledger has the rules of `commit`, or of one that follows it.

    One whose rules are in conflict takes what somebody brought together.
    """
    if _is_in_conflict(carrier, project):
        return False
    form = "--format=%(trailers:key=Idse-Code,valueonly,separator=%x20)"
    asked = ("log", "--full-history", "--no-show-signature", form, project_ref(project))
    codes = carrier.git.attempt(*asked, "--", f"artifacts/{CARRIED_RULES}").stdout.decode().split()
    if commit in codes:
        return True
    return (
        bool(codes) and carrier.git.attempt("merge-base", "--is-ancestor", commit, codes[0]).returncode == 0
    )


def _is_in_conflict(carrier: Carrier, project: str) -> bool:
    from idse_orchestrator.ledger.merge.conflicts import conflict_line

    tip = carrier.ledgers.project(project)
    blob = carrier.ledgers.tree_files(tip.artifacts).get(CARRIED_RULES) if tip else None
    data = carrier.ledgers.blob(blob) if blob else None
    return bool(data and conflict_line(data))


def _head(work_tree: WorkTree) -> bytes:
    """Returns what differs whenever HEAD does, from files alone."""
    head = _content(os.path.join(work_tree.git_dir, "HEAD"))
    ref = head.removeprefix(b"ref: ").strip()
    if ref == head.strip():
        return head
    commit = _content(os.path.join(work_tree.common_dir, os.fsdecode(ref)))
    with suppress(OSError):
        packed = os.stat(os.path.join(work_tree.common_dir, "packed-refs"))
        commit = commit or b"%d %d" % (packed.st_mtime_ns, packed.st_size)
    return head + commit


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 12)
    except OSError:
        return b""
