"""Documents as the next commit would hold them: the index that git names, which is not always ``.git/index``.

``commit -a``, ``--only`` and ``-p`` hand their hooks an index of their own in ``GIT_INDEX_FILE``. It is
read by the git program, because only git reads split and sparse indexes right.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import one_word
from idse_orchestrator.documents.artifact_reader import FileEntry
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.git.listing import (
    EVERYTHING,
    PATHSPECS,
    UNMERGED,
    Change,
    check_folders,
    contents,
    from_raw,
    literally,
    names,
    only_legacy,
)
from idse_orchestrator.git.object_stream import EMPTY_TREE, object_sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.worktree.work_tree import WorkTree

_PASSED_ON = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")


def index_git(work_tree: WorkTree, environment: Mapping[str, str]) -> Git:
    """git, set to the index and the object folders that `environment` names.

    `environment` is what git gave the hook (or an empty mapping for the repository's own index);
    a relative index file counts from the top of the work tree, where git starts its hooks.
    """
    chosen = {name: environment[name] for name in _PASSED_ON if name in environment}
    if "GIT_INDEX_FILE" in environment:
        index = os.path.join(work_tree.top, environment["GIT_INDEX_FILE"])
        chosen |= {
            "GIT_INDEX_FILE": index,
            "GIT_DIR": work_tree.git_dir,
            "GIT_WORK_TREE": work_tree.top,
        }
    return work_tree.git.with_environment(chosen) if chosen else work_tree.git


class IndexReader:
    """The documents of the index. `folders` narrows `paths` to what stands in or at them."""

    def __init__(
        self, work_tree: WorkTree, environment: Mapping[str, str], folders: Sequence[str] = EVERYTHING
    ) -> None:
        self._git = index_git(work_tree, environment)
        self._folders = folders

    @property
    def description(self) -> str:
        """Always the one word: index."""
        return "index"

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader. ConflictError while a file under ``.idse/`` is not merged yet."""
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """See ArtifactReader."""
        return only_legacy(names(self._git.bytes("ls-files", "-z", "--", *PATHSPECS)))

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB, and a repository inside this one, read as b""."""
        return contents(self._git, self._entries, paths)

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        rows = index_changes(self._git, EMPTY_TREE, literally(self._folders))
        _refuse_unmerged([row.path for row in rows if row.kind == UNMERGED])
        sizes = object_sizes(self._git, (row.blob for row in rows))
        entries = {row.path: FileEntry(row.mode, row.blob, sizes.get(row.blob, 0)) for row in rows}
        check_folders(entries, self.description)
        return entries


def index_changes(git: Git, base: str, pathspecs: Sequence[str]) -> list[Change]:
    """How the index differs from the tree of `base`.

    Against the empty tree that is all of the index, without what was only announced (``add -N``).
    """
    question = ("diff-index", "--cached", "--ita-invisible-in-index", "-r", "--raw", "-z", "--no-renames")
    return from_raw(git.bytes(*question, "--no-abbrev", base, "--", *pathspecs))


def _refuse_unmerged(paths: Sequence[str]) -> None:
    if not paths:
        return
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    raise ConflictError(
        f"{paths[0]}{more} is not merged yet",
        where=paths[0],
        cause="the index holds several versions of it until the conflict is resolved",
        fix=(f"edit it, then: git add {one_word(paths[0])}",),
    )
