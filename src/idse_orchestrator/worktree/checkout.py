"""Writes a tree of documents into a folder of the work tree, the way `git checkout` would.

The work is done by the git program in an index of its own: filters apply, the user's index is not
touched. Nothing is removed but files that `before` names, so what nobody recorded stays.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, storage_error
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.worktree.readers.filtered import filtered_ids

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.worktree.work_tree import WorkTree


def replace_folder(work_tree: WorkTree, folder: str, before: str, after: str) -> Sequence[str]:
    """Turn `folder`, which is the tree `before` now ("" : nothing), into `after`; the paths that changed.

    Paths are relative to the folder. ConflictError where something that is no plain file stands in the way.
    """
    old, new = _files(work_tree.git, before), _files(work_tree.git, after)
    written = sorted(path for path, blob in new.items() if old.get(path) != blob)
    removed = sorted(old.keys() - new.keys())
    root = os.path.join(work_tree.top, folder)
    for path in written:
        refuse_obstacle(root, path, folder)
    _refuse_unseen(
        work_tree, folder, {path: old.get(path) or new[path] for path in [*written, *removed]}, old
    )
    _write(work_tree, folder, after, written)
    for path in removed:
        remove_document(root, path)
    return [*written, *removed]


def _files(git: Git, tree: str) -> dict[str, str]:
    if not tree:
        return {}
    rows = git.text("ls-tree", "-r", "-z", tree).split("\0")
    pairs = (row.partition("\t") for row in rows if row)
    return {path: meta.split(" ")[2] for meta, _, path in pairs}


def _write(work_tree: WorkTree, folder: str, tree: str, paths: Sequence[str]) -> None:
    if not paths:
        return
    make_folder(work_tree.private)
    index = os.path.join(work_tree.private, f"index.{os.getpid()}")
    git = work_tree.git.with_environment({"GIT_INDEX_FILE": index})
    try:
        git.bytes("read-tree", f"--prefix={folder}/", tree)
        names = "\0".join(f"{folder}/{path}" for path in paths)
        git.bytes(
            "checkout-index", "--force", "-z", "--stdin", stdin=names.encode("utf-8", "surrogateescape")
        )
    finally:
        for name in (index, f"{index}.lock"):
            if os.path.exists(name):
                os.unlink(name)


def refuse_obstacle(root: str, path: str, folder: str) -> None:
    """ConflictError where `path` of the folder `root` cannot be written.

    A link on the way would lead the write out of the work tree; a folder would have to be deleted.
    """
    parts = path.split("/")
    for count in range(len(parts) + 1):
        place = os.path.join(root, *parts[:count])
        last = count == len(parts)
        if (
            os.path.islink(place)
            or (last and os.path.isdir(place))
            or (not last and os.path.lexists(place) and not os.path.isdir(place))
        ):
            raise ConflictError(
                "something stands where a document has to go",
                where="/".join((folder, *parts[:count])),
                fix=("move it away, then run the command again",),
            )


def _refuse_unseen(work_tree: WorkTree, folder: str, seen: Mapping[str, str], old: Mapping[str, str]) -> None:
    """Raise for a file that is not what `seen` says: whatever is in it, nothing else holds it.

    It is not in `old` when git ignores it; else somebody typed after the folder was looked at.
    """
    paths = [f"{folder}/{path}" for path in seen]
    there = [path for path in paths if os.path.lexists(os.path.join(work_tree.top, path))]
    if not there:
        return
    for path, blob in zip(there, filtered_ids(work_tree, there), strict=True):
        name = path.removeprefix(f"{folder}/")
        if seen[name] != blob and name in old:
            raise ConflictError(
                "a document changed while it was to be replaced", where=path, fix=("run the command again",)
            )
        if seen[name] != blob:
            raise ConflictError(
                "a file that nothing else holds stands where a document has to go",
                where=path,
                cause="git ignores it, so idse save does not keep it",
                fix=("move it away, then run the command again",),
            )


def remove_document(root: str, path: str) -> None:
    """Remove a file below `root`, and the folders that are empty without it."""
    place = os.path.join(root, path)
    try:
        os.unlink(place)
        while (place := os.path.dirname(place)) != root and not os.listdir(place):
            os.rmdir(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path) from error
