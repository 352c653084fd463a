"""Documents as a commit, or the tip of a ledger, holds them."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.documents.project_workspace import (
    EVERYTHING,
    check_folders,
    only_legacy,
    session_folder,
)
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.git.listing import PATHSPECS, contents, from_tree, names
from idse_orchestrator.git.object_stream import EMPTY_TREE, find, find_commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.documents.project_workspace import FileEntry
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault

_LIST = ("ls-tree", "-r", "-l", "-z", "--full-tree")


class CommitReader:
    """The documents of the commit that `rev` names; UnknownNameError where it names none.

    With `is_known`, `rev` is the full id of a commit that exists, and git is not asked for it again.
    `folders` narrows `paths` to what stands in or at them.
    """

    def __init__(
        self, vault: Vault, rev: str, folders: Sequence[str] = EVERYTHING, *, is_known: bool = False
    ) -> None:
        self._git = vault.git
        self._folders = folders
        self.commit = rev if is_known else known_commit(vault, rev)

    @property
    def description(self) -> str:
        """The word commit, and its short id."""
        return f"commit {self.commit[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader. A commit never changes, so git is asked once."""
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """See ArtifactReader."""
        tree = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", EMPTY_TREE, self.commit)
        return only_legacy(names(self._git.bytes(*tree, "--", *PATHSPECS)))

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB, and a repository inside this one, read as b""."""
        return contents(self._git, self._entries, paths)

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        entries = from_tree(self._git.bytes(*_LIST, self.commit, "--", *self._folders))
        check_folders(entries, self.description)
        return entries


class LedgerTipReader:
    """One session as a ledger commit holds it, at the paths it has in a worktree."""

    def __init__(self, git: Git, project: str, session: str, tip: str) -> None:
        self._git = git
        self._folder = session_folder(project, session)
        self._name = f"{project}/{session}"
        self._tip = tip

    @property
    def description(self) -> str:
        """The word ledger, the session and the short id of its tip."""
        return f"ledger {self._name} {self._tip[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader."""
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """None: a ledger holds one session's folder and nothing else."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB reads as b""."""
        return contents(self._git, self._entries, paths)

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        found = find(self._git, f"{self._tip}:artifacts")
        if found is None:
            return {}
        return from_tree(self._git.bytes(*_LIST, found[0]), prefix=self._folder + "/")


def known_commit(vault: Vault, rev: str) -> str:
    """Returns the full id of the commit `rev` names.

    UnknownNameError, with what to type, where there is none.
    """
    found = find_commit(vault.git, rev)
    if found is not None:
        return found
    shallow = is_shallow(vault)
    raise UnknownNameError(
        f"{rev!r} names no commit here",
        where=vault.git.folder,
        cause="this clone is shallow: it holds only the latest commits" if shallow else None,
        fix=(DEEPEN, "in GitHub Actions: fetch-depth: 0") if shallow else ("git log --oneline",),
    )


DEEPEN = "git fetch --unshallow"


def is_shallow(vault: Vault) -> bool:
    """Tests whether older commits were left out of this clone."""
    return os.path.exists(os.path.join(vault.common_dir, "shallow"))
