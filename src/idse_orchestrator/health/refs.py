"""What a checkup and an uninstall ask of one work tree: files, symbolic refs to sessions, settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.git.configuration import GitSettings
from idse_orchestrator.git.object_stream import ObjectFinder
from idse_orchestrator.ledger.commit import EVENT, STATE
from idse_orchestrator.ledger.kinds import NOTES, Kinds
from idse_orchestrator.ledger.refs import parse_session_ref
from idse_orchestrator.ledger.source import GitLedgerSource
from idse_orchestrator.sync.guard_sync_points import sound_tips

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.ledger.fsck import FoundRef
    from idse_orchestrator.worktree.work_tree import WorkTree

_WORKTREE_REFS = "refs/worktree/idse"


class GitWorkTree:
    """The files, refs and settings of a work tree that can be mended."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._settings = GitSettings(work_tree)

    def file(self, path: str) -> bytes | None:
        """The content of a file by repository-relative path; None where there is none, or a link."""
        full = os.path.join(self._work_tree.top, path)
        if os.path.islink(full) or not os.path.isfile(full):
            return None
        try:
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise storage_error(error, path) from error

    def write(self, path: str, content: bytes) -> None:
        """Write a file whose folder exists."""
        write_atomically(os.path.join(self._work_tree.top, path), content)

    def current_refs(self) -> Sequence[tuple[str, SessionKey | None]]:
        """Every symbolic ref of this work tree to a session: its name, and the session if it names one."""
        return current_refs(self._work_tree.git_dir)

    def forget(self, ref: str) -> None:
        """Remove one of `current_refs`."""
        self._work_tree.git.bytes("symbolic-ref", "--delete", ref)

    def shows_notes(self) -> bool:
        """Whether plain `git log` shows idse's notes."""
        return self._settings.shows_notes()

    def show_notes(self) -> bool:
        """Make it so; True if a setting was added."""
        return self._settings.show_notes()


def current_refs(git_dir: str) -> Sequence[tuple[str, SessionKey | None]]:
    """Symbolic refs to sessions in the work tree of the git directory `git_dir`, dangling ones included.

    git lists no dangling symbolic refs, so the files are read; such refs are never packed.
    """
    found = []
    for folder, _, names in os.walk(os.path.join(git_dir, _WORKTREE_REFS)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".lock"):
                found.append((os.path.relpath(path, git_dir).replace(os.sep, "/"), _target(path)))
    return sorted(found)


def _target(path: str) -> SessionKey | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(256).strip()
    except OSError:
        return None
    return parse_session_ref(text.removeprefix("ref: ")) if text.startswith("ref: ") else None


class PublishedRefs(NamedTuple):
    """Names of refs, in order: ours, those that hold something else than they should, and of unknown kind."""

    ours: Sequence[str]
    foreign: Sequence[str]
    unknown: Sequence[str]


def published_refs(work_tree: WorkTree, kinds: Kinds) -> PublishedRefs:
    """Every ref under ``refs/idse/``, once."""
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
    """Those whose tip carries what only a ledger commit has; a merge has no event."""
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
