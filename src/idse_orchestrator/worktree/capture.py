"""A folder of the work tree as git objects: the very tree `git add` and `git commit` would make of it.

The work is done by the git program in an index of its own, so filters, ignore rules and modes are
git's, and the user's index is not touched.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder
from idse_orchestrator.base.text import file_name_problem, first_problem, is_unicode, one_word
from idse_orchestrator.documents.project_workspace import ARTIFACTS, CAP, decode, encode
from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.sessions.ports import Captured

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from idse_orchestrator.git.object_stream import GitObject
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.worktree.work_tree import WorkTree

_ADD = ("--literal-pathspecs", "-c", "core.safecrlf=false", "-c", "core.sparseCheckout=false", "add")

MAX_FILE_BYTES = 1024 * 1024
"""A document larger than this never enters a ledger: the same cap as rule IDSE103 has."""


def capture_folder(work_tree: WorkTree, folder: str) -> Captured | None:
    """Writes `folder` (repository-relative) as objects; None where it is missing or has no file.

    What git does not look for in the work tree is what is staged of it. InvalidArtifactError names the first
    file a ledger may not hold.
    """
    kept = passed_over(work_tree, folder)
    is_there = files_to_capture(work_tree.top, folder) is not None
    if not is_there and not kept:
        return None
    with private_index(work_tree) as git:
        fill_index(git, work_tree.git, (folder,))
        if is_there:
            _add(git, folder)
            _add_ignored(git, work_tree.git, folder)
        if kept:
            rows = (f"{mode:o} {blob} 0\t{path}" for path, (mode, blob) in kept.items())
            git.bytes("update-index", "-z", "--index-info", stdin=encode("\0".join(rows)) + b"\0")
        return _captured(git, folder)


def passed_over(work_tree: WorkTree, folder: str) -> Mapping[str, tuple[int, str]]:
    """Returns mode and blob by path of what is staged in `folder` and git does not look for on disk."""
    from idse_orchestrator.git.listing import literally, staged  # a status needs it only where one is missing

    index = staged(work_tree.git, literally((folder,)))
    return {path: index.files[path] for path in sorted(index.passed_over)}


@contextmanager
def private_index(work_tree: WorkTree) -> Iterator[Git]:
    """Yields a git with an index of its own, which goes with the block."""
    make_folder(work_tree.private)
    index = os.path.join(work_tree.private, f"index.{os.getpid()}")
    try:
        yield work_tree.git.with_environment({"GIT_INDEX_FILE": index})
    finally:
        for name in (index, f"{index}.lock"):
            if os.path.exists(name):
                os.unlink(name)


def files_to_capture(toplevel: str, folder: str) -> list[str] | None:
    """Returns full paths of the files in `folder` (relative to `toplevel`); None where it is no folder.

    InvalidArtifactError names the first one that a ledger may not hold, whatever git says of it.
    """
    root = os.path.join(toplevel, folder)
    if not os.path.isdir(root) or os.path.islink(root):
        return None
    if os.path.lexists(os.path.join(root, ".git")):
        raise _refused(folder, "it is a repository of its own", "take its .git away")
    found = list(_files(root))
    for path in found:
        _check_file(path, toplevel)
    return found


def check_file_names(folder: str, paths: Iterable[str]) -> None:
    """Raises InvalidArtifactError for the first of the files in `folder` whose name no ledger may hold."""
    problem = first_problem(paths)
    if problem is not None:  # no Agency would take the ledger, and no later save could mend it
        raise _refused(
            f"{folder}/{problem[0]}", problem[1], "rename it, or move it out of the session's folder"
        )


def _captured(git: Git, folder: str) -> Captured | None:
    listing = git.text("ls-files", "-s", "-z", "--", folder)
    files: dict[str, str] = {}
    for line in filter(None, listing.split("\0")):
        meta, _, path = line.partition("\t")
        mode, blob, _stage = meta.split(" ")
        if mode == "100755":  # asked of git: where core.fileMode is off, the disk cannot tell
            raise _refused(path, "it is executable", f"chmod -x {one_word(path)}")
        if mode != "100644":
            raise _refused(path, f"git would record it with mode {mode}", "make it a plain file")
        files[path.removeprefix(f"{folder}/")] = blob
    if not files:
        return None
    check_file_names(folder, files)
    return Captured(git.text("write-tree", f"--prefix={folder}/"), files)


def _add(git: Git, folder: str) -> None:
    """Stages the folder; where the whole workspace is ignored, the user still asked us to record it."""
    done = git.attempt(*_ADD, "--all", "--", folder)
    if done.returncode != 0 and b"ignored by one of your .gitignore" in done.stderr:
        done = git.attempt(*_ADD, "--all", "--force", "--", folder)
    if done.returncode != 0:
        from idse_orchestrator.git.program import failure

        raise failure(("add",), done)


def _add_ignored(git: Git, users: Git, folder: str) -> None:
    """Stages what is ignored and yet meant: files in the user's index, and the documents of the stages."""
    listed = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", folder)
    ignored = set(filter(None, git.text(*listed).split("\0")))
    if not ignored:
        return
    tracked = users.text("ls-files", "-z", "--", folder).split("\0")
    documents = [f"{folder}/{path}" for path in ARTIFACTS.values()]
    wanted = ignored.intersection([*tracked, *documents])
    if wanted:
        names = "\0".join(sorted(wanted)).encode("utf-8", "surrogateescape")
        git.bytes(*_ADD, "--force", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)


def _files(root: str) -> Iterator[str]:
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            inner = entry.is_dir(follow_symlinks=False)
            if inner and not os.path.lexists(os.path.join(entry.path, ".git")):
                yield from _files(entry.path)
            else:
                yield entry.path


def _check_file(path: str, toplevel: str) -> None:
    info = os.lstat(path)
    where = os.path.relpath(path, toplevel)
    if not is_unicode(where):
        raise _refused(where, "its name is not UTF-8", "give the file another name")
    problem = file_name_problem(os.fsencode(os.path.basename(path)))
    if problem is not None:
        raise _refused(where, problem, "give the file another name")
    if stat.S_ISLNK(info.st_mode):
        raise _refused(
            where, "it is a symbolic link, and a ledger holds documents", "replace it by the text itself"
        )
    if stat.S_ISDIR(info.st_mode):
        raise _refused(where, "it is a repository of its own", "move it out of the session's folder")
    if not stat.S_ISREG(info.st_mode):
        raise _refused(where, "it is not a regular file", "move it out of the session's folder")
    if info.st_size > MAX_FILE_BYTES:
        size = f"{info.st_size:,} bytes, and the limit is {MAX_FILE_BYTES:,}"
        raise _refused(where, f"it has {size}", "keep it outside of the session's folder and refer to it")


def _refused(where: str, cause: str, fix: str) -> InvalidArtifactError:
    return InvalidArtifactError("a file cannot enter the ledger", where=where, cause=cause, fix=(fix,))


_AT_ONCE = 500
"""Paths on one command line."""
_PLAIN = b"100644 "
_MERGED = b" 0"


def fill_index(private: Git, users: Git, paths: Sequence[str]) -> Sequence[bytes]:
    """Stages in the index of `private` what the user's has of `paths`, files or folders; returns its rows.

    Plain files only: a mode is for whoever adds to decide, and an unmerged path has no one text.
    """
    rows = [row for group in _groups(paths) for row in _listed(users, group) if _is_plain(row)]
    if rows:
        private.bytes("update-index", "-z", "--index-info", stdin=b"\0".join(rows) + b"\0")
    return rows


def staged_ids(private: Git, users: Git, paths: Sequence[str]) -> list[str]:
    """Returns the blob id that `git add` would give each of the files `paths`; the blobs are written.

    `private` has objects of its own and sees no others: git would touch those it did not have to write.
    """
    for row in fill_index(private, users, paths):
        blob = users.bytes("cat-file", "blob", row.split(b" ")[1].decode("ascii"))
        private.bytes("hash-object", "-w", "--no-filters", "--stdin", stdin=blob)
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    private.bytes("-c", "core.safecrlf=false", "update-index", "--add", "-z", "--stdin", stdin=names)
    found = {}
    for row in _listed(private, ()):
        meta, _, path = row.partition(b"\t")
        found[os.fsdecode(path)] = meta.split(b" ")[1].decode("ascii")
    return [found[path] for path in paths]


def _groups(paths: Sequence[str]) -> list[Sequence[str]]:
    return [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]


def _listed(git: Git, paths: Sequence[str]) -> list[bytes]:
    out = git.bytes("--literal-pathspecs", "ls-files", "-s", "-z", "--", *paths)
    return out.split(b"\0")[:-1]


def _is_plain(row: bytes) -> bool:
    return row.startswith(_PLAIN) and row.partition(b"\t")[0].endswith(_MERGED)


def filtered_ids(work_tree: WorkTree, paths: Sequence[str], odd: Collection[str] | None = None) -> list[str]:
    """Returns the blob id of each file of the work tree; `odd`: those with a carriage return, where known."""
    ids = _hashed(work_tree.git, paths)
    odd = [path for path in paths if _may_keep_line_ends(work_tree, path)] if odd is None else odd
    if odd:
        with _scratch(work_tree) as store:
            ids = _corrected(store, work_tree, paths, ids)
    return ids


def filtered_sizes(work_tree: WorkTree, paths: Sequence[str]) -> list[int]:
    """Returns the size each file would have in git, in order; no content is loaded."""
    from idse_orchestrator.git.object_stream import object_sizes  # a folder without git is captured, too

    with _stored(work_tree, paths) as (store, ids):
        sizes = object_sizes(store, ids)
    return [sizes[blob] for blob in ids]


def filtered_objects(work_tree: WorkTree, paths: Sequence[str]) -> list[GitObject | None]:
    """Returns the blob git would record for each file, in order, with its content."""
    from idse_orchestrator.git.object_stream import ObjectStream

    with _stored(work_tree, paths) as (store, ids), ObjectStream(store) as objects:
        return list(objects.read_all(ids))


@contextmanager
def _stored(work_tree: WorkTree, paths: Sequence[str]) -> Iterator[tuple[Git, list[str]]]:
    """Yields a git that has the files as blobs, and their ids; the blobs go with the block."""
    with _scratch(work_tree) as store:
        yield store, _corrected(store, work_tree, paths, _hashed(store, paths, "-w"))


@contextmanager
def _scratch(work_tree: WorkTree) -> Iterator[Git]:
    """Yields a git whose objects and index are a folder of their own, which goes with the block."""
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
    """Returns `ids` with those of files whose line ends git may leave alone, by what is staged."""
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
    """Returns a line for ``--stdin-paths``, quoted where the path would not survive as it is."""
    raw = encode(path)
    if raw.startswith(b'"') or b"\n" in raw or b"\r" in raw:
        from idse_orchestrator.git.object_stream import quoted

        raw = encode(quoted(path))
    return raw + b"\n"
