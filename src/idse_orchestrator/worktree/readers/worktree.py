"""Documents as they stand on disk, known by the ids git would record them under.

What git's index vouches for takes its id, size and bytes from git; the rest is hashed by git, which
applies line ends, filters and attributes. Nothing is written, and the index is never locked.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.documents.artifact_reader import GITLINK, FileEntry
from idse_orchestrator.git.listing import (
    EVERYTHING,
    PATHSPECS,
    check_folders,
    contents,
    encode,
    from_stages,
    literally,
    names,
    only_legacy,
)
from idse_orchestrator.git.object_stream import object_sizes
from idse_orchestrator.worktree.readers.disk import scan
from idse_orchestrator.worktree.readers.unrecorded import UnrecordedFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.worktree.work_tree import WorkTree


class WorktreeReader:
    """The documents of the work tree: tracked, untracked and ignored.

    `folders` narrows `paths` to what stands in or at them.
    """

    def __init__(self, work_tree: WorkTree, folders: Sequence[str] = EVERYTHING) -> None:
        self._top = work_tree.top
        self._git = work_tree.git
        self._folders = folders
        self._work_tree = work_tree

    @property
    def description(self) -> str:
        """Always the one word: worktree."""
        return "worktree"

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
        entries = self._known([item.path for item in found if item.path in self._vouched])
        entries |= self._unrecorded.entries([item for item in found if item.path not in self._vouched])
        check_folders(entries, self.description)
        return dict(sorted(entries.items()))

    def _known(self, paths: Sequence[str]) -> dict[str, FileEntry]:
        blobs = [blob for mode, blob in map(self._staged.__getitem__, paths) if mode != GITLINK]
        sizes = object_sizes(self._git, blobs)
        return {path: FileEntry(*self._staged[path], sizes.get(self._staged[path][1], 0)) for path in paths}

    @cached_property
    def _staged(self) -> Mapping[str, tuple[int, str]]:
        merged, _ = from_stages(self._git.bytes("ls-files", "-s", "-z", "--", *literally(self._folders)))
        return merged

    @cached_property
    def _vouched(self) -> frozenset[str]:
        """Paths whose file on disk is what is staged, by git's own bookkeeping."""
        question = ("diff-files", "--name-only", "-z", "--ignore-submodules=all")
        touched = names(self._git.bytes(*question, "--", *literally(self._folders)))
        return frozenset(self._staged).difference(touched)

    @cached_property
    def _unrecorded(self) -> UnrecordedFiles:
        return UnrecordedFiles(self._work_tree, self._staged)
