"""Documents as they stand on disk, known by the ids git would record them under.

What git's index vouches for takes its id, size and bytes from git; the rest is hashed by git, which
applies line ends, filters and attributes. Nothing is written, and the index is never locked.

Bytes on disk are the document wherever their own hash says so; only what a filter really changes is asked
from git.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.documents.project_workspace import (
    CAP,
    EVERYTHING,
    EXECUTABLE,
    GITLINK,
    REGULAR,
    SYMLINK,
    FileEntry,
    check_folders,
    encode,
    is_readable,
    only_legacy,
)
from idse_orchestrator.errors import ConflictError, InvalidArtifactError
from idse_orchestrator.git.listing import PATHSPECS, contents, literally, names, staged
from idse_orchestrator.git.object_stream import object_sizes
from idse_orchestrator.worktree.capture import filtered_ids, filtered_objects, filtered_sizes
from idse_orchestrator.worktree.session_folders import FILE, LINK, OnDisk, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.git.listing import Staged
    from idse_orchestrator.worktree.work_tree import WorkTree


class WorktreeReader:
    """The documents of the work tree: tracked, untracked and ignored.

    `folders` narrows `paths` to what stands in or at them.
    """

    description = "worktree"

    def __init__(self, work_tree: WorkTree, folders: Sequence[str] = EVERYTHING) -> None:
        self._top = work_tree.top
        self._git = work_tree.git
        self._folders = folders
        self._work_tree = work_tree

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader; as the work tree was at the first call.

        A file above 8 MiB is not loaded to learn what filters make of it: its size is that on disk.
        """
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """See ArtifactReader; files that git ignores are left out."""
        question = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PATHSPECS)
        listed = only_legacy(names(self._git.bytes(*question)))
        return tuple(
            path for path in listed if os.path.lexists(os.path.join(encode(self._top), encode(path)))
        )

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB, and a repository inside this one, read as b"".

        ConflictError where a file is no longer what `paths` saw.
        """
        entries = {path: self._entries[path] for path in paths}
        vouched = [path for path in entries if path in self._vouched]
        others = {path: entry for path, entry in entries.items() if path not in self._vouched}
        return contents(self._git, entries, vouched) | self._unrecorded.read(others)

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        submodules = {path for path, (mode, _) in self._staged.items() if mode == GITLINK}
        found = [item for folder in self._folders for item in scan(self._top, folder, submodules)]
        absent = self._index.passed_over.difference(item.path for item in found)
        entries = self._known([*absent, *(item.path for item in found if item.path in self._vouched)])
        entries |= self._unrecorded.entries([item for item in found if item.path not in self._vouched])
        check_folders(entries, self.description)
        return dict(sorted(entries.items()))

    def _known(self, paths: Sequence[str]) -> dict[str, FileEntry]:
        blobs = [blob for mode, blob in map(self._staged.__getitem__, paths) if mode != GITLINK]
        sizes = object_sizes(self._git, blobs)
        return {path: FileEntry(*self._staged[path], sizes.get(self._staged[path][1], 0)) for path in paths}

    @cached_property
    def _index(self) -> Staged:
        return staged(self._git, literally(self._folders))

    @property
    def _staged(self) -> Mapping[str, tuple[int, str]]:
        return self._index.files

    @cached_property
    def _vouched(self) -> frozenset[str]:
        """Paths whose file on disk is what is staged, by git's own bookkeeping."""
        question = ("diff-files", "--name-only", "-z", "--ignore-submodules=all")
        touched = names(self._git.bytes(*question, "--", *literally(self._folders)))
        return frozenset(self._staged).difference(touched)

    @cached_property
    def _unrecorded(self) -> UnrecordedFiles:
        return UnrecordedFiles(self._work_tree, self._staged)


_NO_COMMIT = "0" * 40
_OWNER_MAY_RUN = 0o100


class UnrecordedFiles:
    """Reads files that the index cannot vouch for; `staged` says which mode it has for a path."""

    def __init__(self, work_tree: WorkTree, staged: Mapping[str, tuple[int, str]]) -> None:
        self._work_tree = work_tree
        self._git = work_tree.git
        self._staged = staged

    def entries(self, found: Sequence[OnDisk]) -> dict[str, FileEntry]:
        """Mode, id and size of each; a file above the cap has the size it has on disk."""
        entries = {}
        for item in found:
            entries[item.path] = FileEntry(GITLINK, _NO_COMMIT, 0)
            if item.kind == LINK:
                target = self._target(item.path)
                entries[item.path] = FileEntry(SYMLINK, blob_id(target), len(target))
        entries.update(self._files([item.path for item in found if item.kind == FILE]))
        return entries

    def read(self, entries: Mapping[str, FileEntry]) -> dict[str, bytes]:
        """Returns the bytes behind `entries`; ConflictError where a file no longer is what its entry says."""
        contents = dict.fromkeys(entries, b"")
        for path, entry in entries.items():
            if is_readable(entry):
                contents[path] = self._target(path) if entry.mode == SYMLINK else self._on_disk(path)
        odd = [
            path
            for path in entries
            if is_readable(entries[path]) and blob_id(contents[path]) != entries[path].blob
        ]
        contents.update(self._filtered({path: entries[path] for path in odd}))
        return contents

    def _files(self, paths: Sequence[str]) -> dict[str, FileEntry]:
        raw, returns = {}, []
        for path in paths:  # read once: there may be thousands
            data = self._on_disk(path)
            raw[path] = blob_id(data)
            returns += [path] if b"\r" in data else []
        entries = {
            path: self._as_on_disk(path, blob)
            for path, blob in zip(paths, filtered_ids(self._work_tree, paths, returns), strict=True)
        }
        odd = [path for path, entry in entries.items() if entry.size <= CAP and raw[path] != entry.blob]
        for path, size in zip(odd, filtered_sizes(self._work_tree, odd), strict=True) if odd else ():
            entries[path] = FileEntry(entries[path].mode, entries[path].blob, size)
        return entries

    def _as_on_disk(self, path: str, blob: str) -> FileEntry:
        try:
            status = os.lstat(self._full(path))
        except OSError as error:
            raise _changed(path) from error
        return FileEntry(self._mode(path, runs=bool(status.st_mode & _OWNER_MAY_RUN)), blob, status.st_size)

    def _filtered(self, entries: Mapping[str, FileEntry]) -> dict[str, bytes]:
        if not entries:
            return {}
        contents = {}
        objects = filtered_objects(self._work_tree, list(entries))
        for (path, entry), found in zip(entries.items(), objects, strict=True):
            if found is None or found.id != entry.blob:
                raise _changed(path)
            contents[path] = found.data
        return contents

    def _mode(self, path: str, *, runs: bool) -> int:
        """Returns the mode git would record.

        Where it does not trust the disk (core.fileMode), the staged one.
        """
        staged, _ = self._staged.get(path, (REGULAR, ""))
        if runs != (staged == EXECUTABLE) and not self._trusts_modes:
            runs = staged == EXECUTABLE
        return EXECUTABLE if runs else REGULAR

    @cached_property
    def _trusts_modes(self) -> bool:
        return self._git.attempt("config", "--type=bool", "core.fileMode").stdout.strip() != b"false"

    def _target(self, path: str) -> bytes:
        try:
            return os.readlink(self._full(path))
        except OSError as error:
            raise _changed(path) from error

    def _on_disk(self, path: str) -> bytes:
        try:
            with open(self._full(path), "rb") as file:
                return file.read(CAP + 1)
        except PermissionError as error:
            raise InvalidArtifactError("a file cannot be read", where=path, cause=error.strerror) from error
        except OSError as error:
            raise _changed(path) from error

    def _full(self, path: str) -> bytes:
        return os.path.join(encode(self._work_tree.top), encode(path))


def _changed(path: str) -> ConflictError:
    return ConflictError("a file changed while it was being read", where=path, fix=("run the command again",))
