"""What can be migrated: a folder, a folder of a repository's work tree, or a bare repository."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from idse_orchestrator.app.migrate.ports import FILE, LINK, OTHER, SourceEntry, Step
from idse_orchestrator.domain.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.domain.migration.paths import PROJECT_FILES, STAGE_FOLDERS
from idse_orchestrator.domain.pipeline_artifacts import WORKSPACE
from idse_orchestrator.domain.text import one_word
from idse_orchestrator.errors import MigrationSourceError
from idse_orchestrator.git.migration.history import moment, read_history
from idse_orchestrator.git.migration.walking import read, unreadable, walk
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.git.program import Git

Owner = TypeVar("Owner", bound=Hashable)

_LINK = "120000"
_MODES = {"100644": FILE, "100755": FILE, _LINK: LINK}
_FOLDERS = (*STAGE_FOLDERS, "projects", WORKSPACE, *PROJECT_FILES, ":(glob)*:*/**")
"""Where sessions can have stood, in any layout: nothing else of a history is read."""


class FolderSource:
    """A plain folder: it has files, and no history."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.left_out: list[str] = []

    @property
    def description(self) -> str:
        """See `MigrationSource.description`."""
        return f"folder {self.root}"

    @property
    def trail(self) -> Sequence[str]:
        """See `MigrationSource.trail`."""
        return [part for part in self.root.split(os.sep) if part]

    @property
    def doubts(self) -> Sequence[str]:
        """See `MigrationSource.doubts`."""
        return ()

    def entries(self) -> Iterator[SourceEntry]:
        """See `MigrationSource.entries`."""
        self.left_out.clear()
        return walk(self.root, self.left_out)

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """See `MigrationSource.load`."""
        return ((path, read(os.path.join(self.root, path))) for path in paths)

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """See `MigrationSource.history`."""
        del owner
        return {}

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """See `MigrationSource.blobs`."""
        del ids
        return iter(())


class WorkTreeSource(FolderSource):
    """A folder in the work tree of a repository: its files as they stand there, and their history."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.git = Git(root)

    @property
    def description(self) -> str:
        """See `MigrationSource.description`."""
        return f"repository {self.root}"

    @property
    def doubts(self) -> Sequence[str]:
        """See `MigrationSource.doubts`."""
        return _shallow(self.git)

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """See `MigrationSource.history`."""
        if not _has_commits(self.git):
            return {}
        return read_history(self.git, ("--relative", "HEAD", "--", *self._paths()), owner)

    def _paths(self) -> Sequence[str]:
        return _FOLDERS if os.path.lexists(os.path.join(self.root, ".git")) else (".",)

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """See `MigrationSource.blobs`."""
        return _blobs(self.git, ids)


class BareSource:
    """A bare repository: the files of its HEAD, and their history."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.git = Git(root)
        self.left_out: list[str] = []
        self._ids: dict[str, str] = {}

    @property
    def description(self) -> str:
        """See `MigrationSource.description`."""
        return f"bare repository {self.root}"

    @property
    def trail(self) -> Sequence[str]:
        """See `MigrationSource.trail`."""
        return ()

    @property
    def doubts(self) -> Sequence[str]:
        """See `MigrationSource.doubts`."""
        return _shallow(self.git)

    def entries(self) -> Iterator[SourceEntry]:
        """See `MigrationSource.entries`."""
        rows = (
            self.git.text("ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD")
            if _has_commits(self.git)
            else ""
        )
        committed = self._committed_at() if rows else ""
        for row in rows.split("\0"):
            meta, _, path = row.partition("\t")
            if not path:
                continue
            mode, _kind, blob, size = meta.split()
            kind = _MODES.get(mode, OTHER)
            detail = "a submodule" if kind == OTHER else ""
            if kind == LINK:
                detail = dict(_blobs(self.git, [blob])).get(blob, b"").decode("utf-8", "surrogateescape")
            else:
                self._ids[path] = blob
            yield SourceEntry(path, kind, int(size) if size.isdecimal() else 0, detail, committed)

    def _committed_at(self) -> str:
        seconds = self.git.text("log", "-1", "--no-show-signature", "--format=%ct", "HEAD")
        return moment(int(seconds)) if seconds.isdecimal() else ""

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """See `MigrationSource.load`."""
        wanted = list(paths)
        with ObjectStream(self.git) as objects:
            found = objects.read_all([self._ids[path] for path in wanted])
            for path, blob in zip(wanted, found, strict=True):
                yield path, blob.data if blob and blob.kind == "blob" else None

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """See `MigrationSource.history`."""
        return read_history(self.git, ("HEAD", "--", *_FOLDERS), owner) if _has_commits(self.git) else {}

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """See `MigrationSource.blobs`."""
        return _blobs(self.git, ids)


Source = FolderSource | BareSource


def open_migration_source(path: str, *, with_history: bool = True) -> Source:
    """The source at `path`; MigrationSourceError where there is none that can be read.

    A repository that git refuses is one of those, unless nobody asks for its history.
    """
    if not path:
        raise unreadable("''", OSError(0, "an empty name is that of no folder"))
    try:
        root = os.path.realpath(path, strict=True)
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        raise unreadable(path, error if isinstance(error, OSError) else OSError(0, str(error))) from error
    done = Git(root).attempt(
        "rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--is-inside-git-dir"
    )
    answers = done.stdout.decode().split() if done.returncode == 0 else []
    words = done.stderr.decode("utf-8", "replace").strip()
    if not answers and with_history and "not a git repository" not in words:
        raise _refused(root, words)
    if answers[:1] == ["true"]:
        return BareSource(root)
    if answers[1:2] == ["true"]:
        return WorkTreeSource(root)
    if answers[2:3] == ["true"]:
        raise MigrationSourceError(
            "this folder is git's own, where there are no documents",
            where=root,
            fix=("name the work tree it belongs to",),
        )
    return FolderSource(root)


def _refused(root: str, words: str) -> MigrationSourceError:
    """Its files could be read all the same, but the sessions would never get their history afterwards."""
    trust = (f"if you trust it: git config --global --add safe.directory {one_word(root)}",)
    return MigrationSourceError(
        "git refuses the repository of the source, so its history cannot be read",
        where=root,
        cause=words.partition("\n")[0],
        fix=(*(trust if "safe.directory" in words else ()), "take the files alone: --no-history"),
    )


def _shallow(git: Git) -> tuple[str, ...]:
    if git.text("rev-parse", "--is-shallow-repository") != "true":
        return ()
    return (
        "it is a shallow clone, so older commits are not told, now or later: first git fetch --unshallow",
    )


def _has_commits(git: Git) -> bool:
    return git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode == 0


def _blobs(git: Git, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    with ObjectStream(git) as objects:
        wanted = list(ids)
        for name, found in zip(wanted, objects.read_all(wanted), strict=True):
            if found is not None and found.kind == "blob" and found.size <= MAX_ARTIFACT_BYTES:
                yield name, found.data
