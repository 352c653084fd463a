"""Documents as the next commit would hold them, and where they differ from the last one.

The index is the one that git names, which is not always ``.git/index``: ``commit -a``, ``--only`` and ``-p``
hand their hooks an index of their own in ``GIT_INDEX_FILE``. It is read by the git program, because only git
reads split and sparse indexes right.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.constitution.commit_reader import (
    DEEPEN,
    is_shallow,
    known_commit,
)
from idse_orchestrator.documents.project_workspace import (
    EVERYTHING,
    WORKSPACE,
    FileEntry,
    check_folders,
    only_legacy,
    split_session_path,
)
from idse_orchestrator.errors import ConflictError, UnknownNameError
from idse_orchestrator.git import listing
from idse_orchestrator.git.object_stream import EMPTY_TREE, find_commit, object_sizes

if TYPE_CHECKING:
    from idse_orchestrator.git.listing import Change
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
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

    description = "index"

    def __init__(
        self, work_tree: WorkTree, environment: Mapping[str, str], folders: Sequence[str] = EVERYTHING
    ) -> None:
        self._git = index_git(work_tree, environment)
        self._folders = folders

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader. ConflictError while a file under ``.idse/`` is not merged yet."""
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """See ArtifactReader."""
        return only_legacy(listing.names(self._git.bytes("ls-files", "-z", "--", *listing.PATHSPECS)))

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB, and a repository inside this one, read as b""."""
        return listing.contents(self._git, self._entries, paths)

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        rows = index_changes(self._git, EMPTY_TREE, listing.literally(self._folders))
        _refuse_unmerged([row.path for row in rows if row.kind == listing.UNMERGED])
        sizes = object_sizes(self._git, (row.blob for row in rows))
        entries = {row.path: FileEntry(row.mode, row.blob, sizes.get(row.blob, 0)) for row in rows}
        check_folders(entries, self.description)
        return entries


def index_changes(git: Git, base: str, pathspecs: Sequence[str]) -> list[Change]:
    """Returns how the index differs from the tree of `base`.

    Against the empty tree that is all of the index, without what was only announced (``add -N``).
    """
    question = ("diff-index", "--cached", "--ita-invisible-in-index", "-r", "--raw", "-z", "--no-renames")
    return listing.from_raw(git.bytes(*question, "--no-abbrev", base, "--", *pathspecs))


def _refuse_unmerged(paths: Sequence[str]) -> None:
    if not paths:
        return
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    raise ConflictError(
        f"{paths[0]}{more} is not merged yet",
        where=paths[0],
        cause="the index holds several versions of it until the conflict is resolved",
        fix=(f"git add :/{one_word(paths[0])}  # once it is edited",),
    )


_NOTHING = frozenset(("", "0" * 40))
_LOOKED_AT = (WORKSPACE, *listing.PATHSPECS)


class Comparison(NamedTuple):
    """A difference. `base` is the commit (or empty tree) compared with, `tip` the commit to judge.

    `tip` is "" for an index, and for a range that ends in a deleted ref. `paths` are the new and
    edited files under ``.idse/`` and of older layouts; `sessions` the (project, session) of which
    any file differs, removed ones included.
    """

    base: str
    tip: str
    paths: tuple[str, ...]
    sessions: frozenset[tuple[str, str]]


def compare_range(vault: Vault, from_ref: str, to_ref: str) -> Comparison:
    """Returns what `to_ref` changed since it left `from_ref`, as a pull request shows it.

    An all-zero `from_ref` (a new branch) compares with nothing, so everything counts as changed; an
    all-zero `to_ref` (a deleted branch) has no changes. Unrelated histories are compared as they
    are. UnknownNameError for unknown revisions and where a shallow clone lacks the common ancestor.
    """
    if to_ref in _NOTHING:
        return Comparison(EMPTY_TREE, "", (), frozenset())
    tip = known_commit(vault, to_ref)
    base = EMPTY_TREE if from_ref in _NOTHING else _merge_base(vault, from_ref, tip)
    question = ("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", base, tip)
    return _comparison(base, tip, listing.from_raw(vault.git.bytes(*question, "--", *_LOOKED_AT)))


def compare_index(work_tree: WorkTree, environment: Mapping[str, str]) -> Comparison:
    """Returns what the index of `environment` would change in HEAD; before the first commit, everything."""
    git = index_git(work_tree, environment)
    base = find_commit(git, "HEAD") or EMPTY_TREE
    return _comparison(base, "", index_changes(git, base, _LOOKED_AT))


def _merge_base(vault: Vault, from_ref: str, tip: str) -> str:
    start = known_commit(vault, from_ref)
    done = vault.git.attempt("merge-base", start, tip)
    if done.returncode == 0:
        return done.stdout.decode().split()[0]
    if not is_shallow(vault):
        return start
    raise UnknownNameError(
        f"where {tip[:7]} left {from_ref!r} is not in this clone",
        where=vault.git.folder,
        cause="this clone is shallow: it holds only the latest commits",
        fix=(DEEPEN, "in GitHub Actions: fetch-depth: 0"),
    )


def _comparison(base: str, tip: str, changes: Iterable[Change]) -> Comparison:
    listed = {change.path: change.kind for change in changes}
    owners = (split_session_path(path) for path in listed)
    sessions = frozenset((owner[0], owner[1]) for owner in owners if owner is not None)
    present = [path for path, kind in listed.items() if kind != listing.DELETED]
    inside = (path for path in present if path == WORKSPACE or path.startswith(WORKSPACE + "/"))
    return Comparison(base, tip, (*inside, *only_legacy(present)), sessions)


class NothingReader:
    """A source without documents: what a deleted branch holds, and the rules of a bare repository."""

    description = "deleted branch"

    def paths(self) -> Mapping[str, FileEntry]:
        """None."""
        return {}

    def legacy_paths(self) -> Sequence[str]:
        """None."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Nothing was listed, so nothing can be asked for."""
        return dict.fromkeys(paths, b"")
