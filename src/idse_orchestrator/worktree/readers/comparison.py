"""Which sessions differ between two sources: what a hook or a CI job has to look at, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.commit_reader import DEEPEN, is_shallow, known_commit
from idse_orchestrator.documents.pipeline_artifacts import WORKSPACE, split_session_path
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.git.listing import DELETED, PATHSPECS, Change, from_raw, only_legacy
from idse_orchestrator.git.object_stream import EMPTY_TREE, find_commit
from idse_orchestrator.worktree.readers.index import index_changes, index_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.worktree.work_tree import WorkTree

_NOTHING = frozenset(("", "0" * 40))
_LOOKED_AT = (WORKSPACE, *PATHSPECS)


class Comparison(NamedTuple):
    """What differs. `base` is the commit (or empty tree) compared with, `tip` the commit to judge.

    `tip` is "" for an index, and for a range that ends in a deleted ref. `paths` are the new and
    edited files under ``.idse/`` and of older layouts; `sessions` the (project, session) of which
    any file differs, removed ones included.
    """

    base: str
    tip: str
    paths: tuple[str, ...]
    sessions: frozenset[tuple[str, str]]


def compare_range(vault: Vault, from_ref: str, to_ref: str) -> Comparison:
    """What `to_ref` changed since it left `from_ref`, as a pull request shows it.

    An all-zero `from_ref` (a new branch) compares with nothing, so everything counts as changed; an
    all-zero `to_ref` (a deleted branch) has no changes. Unrelated histories are compared as they
    are. UnknownNameError for unknown revisions and where a shallow clone lacks the common ancestor.
    """
    if to_ref in _NOTHING:
        return Comparison(EMPTY_TREE, "", (), frozenset())
    tip = known_commit(vault, to_ref)
    base = EMPTY_TREE if from_ref in _NOTHING else _merge_base(vault, from_ref, tip)
    question = ("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", base, tip)
    return _comparison(base, tip, from_raw(vault.git.bytes(*question, "--", *_LOOKED_AT)))


def compare_index(work_tree: WorkTree, environment: Mapping[str, str]) -> Comparison:
    """What the index that `environment` names would change in HEAD; everything before the first commit."""
    git = index_git(work_tree, environment)
    base = find_commit(git, "HEAD") or EMPTY_TREE
    return _comparison(base, "", index_changes(git, base, _LOOKED_AT))


def sessions_between(vault: Vault, from_ref: str, to_ref: str) -> frozenset[tuple[str, str]]:
    """The (project, session) whose files differ between the two; see `compare_range`."""
    return compare_range(vault, from_ref, to_ref).sessions


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
    present = [path for path, kind in listed.items() if kind != DELETED]
    inside = (path for path in present if path == WORKSPACE or path.startswith(WORKSPACE + "/"))
    return Comparison(base, tip, (*inside, *only_legacy(present)), sessions)
