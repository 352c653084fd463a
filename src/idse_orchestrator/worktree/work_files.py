"""New files and folders in the work tree, and a tree of documents in the place of a folder.

What is new is written whole, and never over what exists. A tree is written the way `git checkout` would, by
the git program in an index of its own: filters apply, the user's index is not touched, and nothing is removed
but files that `before` names, so what nobody recorded stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import file_lock, make_folder, storage_error, write_atomically, write_new
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.worktree.capture import filtered_ids, private_index

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.worktree.work_tree import WorkTree


_CANNOT_MOVE = frozenset({errno.EXDEV, errno.ENOTEMPTY, errno.EEXIST})
"""The git directory is on another file system, or somebody else made the folder just now."""


class WorkFiles:
    """The `Folders` port on the folder `top`; `private` is idse's own, where files wait to be moved in.

    `git`, where there is one, says whether it could record them.
    """

    def __init__(self, top: str, private: str, git: Git | None = None) -> None:
        self._toplevel = top
        self._private = private
        self._git = git

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """See `Folders.write_new`. ConflictError where a link on the way leads elsewhere."""
        for path in files:
            self._refuse_link(path)
        return tuple(path for path, content in files.items() if self._write(path, content))

    def check_new(self, folder: str, files: Mapping[str, bytes]) -> None:
        """See `Folders.check_new`: a filter that git's attributes name may not be installed."""
        if self._git is None:
            return
        paths = {f"{folder}/{path}": content for path, content in files.items()}
        names = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
        fields = self._git.text("check-attr", "-z", "--stdin", "filter", stdin=names).split("\0")
        for path, value in zip(fields[::3], fields[2::3], strict=False):
            if value not in ("unspecified", "unset", "set"):
                question = ("hash-object", "--stdin", f"--path={path}")
                done = self._git.attempt(*question, stdin=paths[path])
                if done.returncode != 0:
                    from idse_orchestrator.git.program import failure  # a project without git has none

                    raise failure(question, done)

    def make_folder(self, folder: str, files: Mapping[str, bytes]) -> None:
        """See `Folders.make_folder`. ConflictError as by `write_new`."""
        self._refuse_link(f"{folder}/-")
        if not os.path.lexists(os.path.join(self._toplevel, folder)) and self._moved_in(folder, files):
            return
        self.write_new({f"{folder}/{path}": content for path, content in files.items()})

    def _moved_in(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Writes the files elsewhere and moves them in by one step; False where that step is not possible."""
        target = os.path.join(self._toplevel, folder)
        with file_lock(self._private):  # so that nobody else uses the staging folder
            # A killed process may have left it, and nobody but its user could remove it then.
            staging = os.path.join(make_folder(self._private), f"new-folder-{os.geteuid()}")
            shutil.rmtree(staging, ignore_errors=True)
            try:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.mkdir(staging)
                _take_group(staging, os.path.dirname(target))
                _write_all(staging, files)
                os.rename(staging, target)
            except OSError as error:
                if error.errno in _CANNOT_MOVE:
                    return False
                self._forget_empty(os.path.dirname(target))
                raise storage_error(error, folder) from error
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return True

    def replace_known(self, path: str, known: bytes, content: bytes) -> bool:
        """See `Folders.replace_known`. ConflictError as by `write_new`."""
        self._refuse_link(path)
        place = os.path.join(self._toplevel, path)
        try:
            if os.path.islink(place) or not os.path.isfile(place):
                return False
            with open(place, "rb") as file:
                if file.read(len(known) + 1) != known:
                    return False
            write_atomically(place, content)
        except OSError as error:
            raise storage_error(error, path) from error
        return True

    def _forget_empty(self, folder: str) -> None:
        """Removes `folder` and those above it, as far as they are empty and below the top."""
        try:
            while folder != self._toplevel:
                os.rmdir(folder)
                folder = os.path.dirname(folder)
        except OSError:
            return

    def _write(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._toplevel, relative)
        try:
            if os.path.lexists(path):
                return False
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return write_new(path, content)
        except FileExistsError:
            return False
        except OSError as error:
            self._forget_empty(os.path.dirname(path))
            error.filename = path
            raise storage_error(error, relative) from error

    def _refuse_link(self, relative: str) -> None:
        parts = relative.split("/")
        for count in range(1, len(parts)):
            place = os.path.join(self._toplevel, *parts[:count])
            if os.path.islink(place) or (os.path.lexists(place) and not os.path.isdir(place)):
                raise ConflictError(
                    "something that is not a folder stands where a folder is needed",
                    where="/".join(parts[:count]),
                    cause="a symbolic link could lead out of this work tree",
                    fix=("move it away, then run the command again",),
                )


def _take_group(folder: str, place: str) -> None:
    """Gives a new folder the group that it would have in `place`: a shared git directory hands on its own."""
    here, there = os.stat(folder), os.stat(place)
    hands_on = there.st_mode & stat.S_ISGID
    if here.st_mode & stat.S_ISGID or hands_on:
        os.chown(folder, -1, there.st_gid if hands_on else os.getegid())
        os.chmod(folder, stat.S_IMODE(here.st_mode) & ~stat.S_ISGID | hands_on)


def _write_all(folder: str, files: Mapping[str, bytes]) -> None:
    for relative, content in files.items():
        path = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "xb") as file:
            file.write(content)


def replace_folder(work_tree: WorkTree, folder: str, before: str, after: str) -> Sequence[str]:
    """Turns `folder`, which is the tree `before` now ("" : nothing), into `after`; returns the paths changed.

    Paths are relative to the folder. ConflictError where something that is no plain file stands in the way.
    """
    from idse_orchestrator.pipeline.reader import tree_files

    old, new = tree_files(work_tree.git, before), tree_files(work_tree.git, after)

    def write(written: Sequence[str], removed: Sequence[str]) -> None:
        seen = {path: old.get(path) or new[path] for path in [*written, *removed]}
        _refuse_unseen(work_tree, folder, seen, old)
        _write(work_tree, folder, after, written)

    return replace_files(os.path.join(work_tree.top, folder), folder, (old, new), write)


def replace_files(
    root: str,
    folder: str,
    files: tuple[Mapping[str, str], Mapping[str, str]],
    write: Callable[[Sequence[str], Sequence[str]], None],
) -> Sequence[str]:
    """Turns the folder `root` from the first of `files`, path to id, into the second; returns paths changed.

    `write` gets the paths to write and those to remove. It writes the former, unless somebody changed a file.
    """
    old, new = files
    written = sorted(path for path, blob in new.items() if old.get(path) != blob)
    removed = sorted(old.keys() - new.keys())
    for path in written:
        _refuse_obstacle(root, path, folder)
    write(written, removed)
    for path in removed:
        _remove_document(root, path)
    return [*written, *removed]


def _write(work_tree: WorkTree, folder: str, tree: str, paths: Sequence[str]) -> None:
    if not paths:
        return
    names = "\0".join(f"{folder}/{path}" for path in paths).encode("utf-8", "surrogateescape")
    with private_index(work_tree) as git:
        git.bytes("read-tree", f"--prefix={folder}/", tree)
        git.bytes("checkout-index", "--force", "-z", "--stdin", stdin=names)


def _refuse_obstacle(root: str, path: str, folder: str) -> None:
    """Raises ConflictError where `path` of the folder `root` cannot be written.

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
    """Raises ConflictError for a file that is not what `seen` says: whatever is in it, nothing else holds it.

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


def _remove_document(root: str, path: str) -> None:
    """Removes a file below `root`, and the folders that are empty without it."""
    place = os.path.join(root, path)
    try:
        os.unlink(place)
        while (place := os.path.dirname(place)) != root and not os.listdir(place):
            os.rmdir(place)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, path) from error
