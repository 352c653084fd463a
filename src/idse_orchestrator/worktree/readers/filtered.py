"""Blob ids and content of worktree files as git would record them: after line ends, filters and attributes.

git itself does the filtering. Ids cost no writing; filtered content is written to a temporary object
folder and read back from there, so the repository's own stays as it is.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.documents.project_workspace import CAP, decode, encode
from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.git.object_stream import GitObject, ObjectStream, object_sizes, quoted
from idse_orchestrator.worktree.capture import staged_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.worktree.work_tree import WorkTree


def blob_id(data: bytes) -> str:
    """The id git gives to `data` as a blob."""
    import hashlib

    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def filtered_ids(work_tree: WorkTree, paths: Sequence[str]) -> list[str]:
    """The blob id of each file of the work tree."""
    ids = _hashed(work_tree.git, paths)
    if any(_may_keep_line_ends(work_tree, path) for path in paths):
        with _scratch(work_tree) as store:
            ids = _corrected(store, work_tree, paths, ids)
    return ids


def filtered_sizes(work_tree: WorkTree, paths: Sequence[str]) -> list[int]:
    """The size each file would have in git, in order; no content is loaded."""
    with _stored(work_tree, paths) as (store, ids):
        sizes = object_sizes(store, ids)
    return [sizes[blob] for blob in ids]


def filtered_objects(work_tree: WorkTree, paths: Sequence[str]) -> list[GitObject | None]:
    """The blob git would record for each file, in order, with its content."""
    with _stored(work_tree, paths) as (store, ids), ObjectStream(store) as objects:
        return list(objects.read_all(ids))


@contextmanager
def _stored(work_tree: WorkTree, paths: Sequence[str]) -> Iterator[tuple[Git, list[str]]]:
    """A git that has the files as blobs, and their ids; the blobs go with the block."""
    with _scratch(work_tree) as store:
        yield store, _corrected(store, work_tree, paths, _hashed(store, paths, "-w"))


@contextmanager
def _scratch(work_tree: WorkTree) -> Iterator[Git]:
    """A git whose objects and index are a folder of their own, which goes with the block."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="idse-") as folder:
        yield work_tree.git.with_environment(
            {"GIT_OBJECT_DIRECTORY": folder, "GIT_INDEX_FILE": os.path.join(folder, "index")}
        )


def _hashed(git: Git, paths: Sequence[str], *options: str) -> list[str]:
    if not paths:
        return []
    stdin = b"".join(_line(path) for path in paths)
    done = git.attempt("hash-object", *options, "--stdin-paths", stdin=stdin)
    ids = done.stdout.decode().split()
    if done.returncode == 0 and len(ids) == len(paths):
        return ids
    raise InvalidArtifactError(
        "a file cannot be read as git would record it",
        where=paths[min(len(ids), len(paths) - 1)],
        cause=decode(done.stderr).strip() or None,
        fix=("check that you may read it, and that the filters its attributes name are installed",),
    )


def _corrected(store: Git, work_tree: WorkTree, paths: Sequence[str], ids: list[str]) -> list[str]:
    """`ids` with those of files whose line ends git may leave alone: that needs a look at what is staged."""
    odd = [path for path in paths if _may_keep_line_ends(work_tree, path)]
    if not odd:
        return ids
    corrected = dict(zip(odd, staged_ids(store, work_tree.git, odd), strict=True))
    return [corrected.get(path, blob) for path, blob in zip(paths, ids, strict=True)]


def _may_keep_line_ends(work_tree: WorkTree, path: str) -> bool:
    try:
        with open(os.path.join(encode(work_tree.top), encode(path)), "rb") as file:
            return b"\r" in file.read(CAP)
    except OSError:
        return False  # whoever reads it next says so


def _line(path: str) -> bytes:
    """A line for ``--stdin-paths``, quoted where the path would not survive as it is."""
    raw = encode(path)
    if raw.startswith(b'"') or b"\n" in raw or b"\r" in raw:
        raw = encode(quoted(path))
    return raw + b"\n"
