"""Sources of a migration, folders or repositories; no link is followed, no folder of git's entered."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import IO, TYPE_CHECKING, TypeVar

from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, one_word
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.errors import MigrationSourceError
from idse_orchestrator.git.object_stream import ObjectStream, find_commit
from idse_orchestrator.git.program import Git
from idse_orchestrator.migrate.history import moment, read_history
from idse_orchestrator.migrate.paths import PROJECT_FILES, STAGE_FOLDERS
from idse_orchestrator.migrate.values import FILE, LINK, OTHER, UNREADABLE, SourceEntry, Step

if TYPE_CHECKING:
    from idse_orchestrator.migrate.database import Databases
    from idse_orchestrator.migrate.stored import Stored

GIT = ".git"
_KINDS = (
    (stat.S_ISFIFO, "a named pipe: it is never opened"),
    (stat.S_ISSOCK, "a socket: it is never opened"),
    (stat.S_ISBLK, "a device: it is never opened"),
    (stat.S_ISCHR, "a device: it is never opened"),
)


def walk(root: str, left_out: list[str]) -> Iterator[SourceEntry]:
    """Yields everything below `root` that is no folder; git's folders go to `left_out`.

    MigrationSourceError where `root` itself cannot be listed; a folder below it that cannot is an entry.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                found = list(entries)
        except OSError as error:
            if not folder:
                raise unreadable(root, error) from error
            yield SourceEntry(folder, UNREADABLE, 0, f"a folder that cannot be read: {error.strerror}")
            continue
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name == GIT:
                left_out.append(path)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            else:
                yield _entry(entry, path)


def _entry(entry: os.DirEntry[str], path: str) -> SourceEntry:
    try:
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            return SourceEntry(path, LINK, 0, os.readlink(entry.path))
    except OSError as error:
        return SourceEntry(path, UNREADABLE, 0, f"it cannot be looked at: {error.strerror}")
    if stat.S_ISREG(found.st_mode):
        return SourceEntry(path, FILE, found.st_size, "", _written_at(found.st_mtime))
    words = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "no file and no folder")
    return SourceEntry(path, OTHER, 0, words)


def _written_at(seconds: float) -> str:
    return moment(int(seconds)) if 0 < seconds <= time.time() else ""


def read(path: str) -> bytes | None:
    """Reads a file; None if that is not possible any more. Never waits, follows no link.

    Of a file too large for a ledger only as much as shows that it is.
    """
    try:
        with _opened(path) as file:
            return file.read(MAX_ARTIFACT_BYTES + 1)
    except OSError:
        return None


def _opened(path: str) -> IO[bytes]:
    file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "it is no file any more")
    return file


def unreadable(where: str, error: OSError) -> MigrationSourceError:
    """Returns the error for a source that cannot be opened at all."""
    return MigrationSourceError(
        "the source cannot be read",
        where=where,
        cause=error.strerror or str(error),
        fix=("name a folder that you can read",),
    )


Owner = TypeVar("Owner", bound=Hashable)

_LEFT_OUT = "S "
"""Begins the row of a file that git does not look for in the work tree."""
_LINK = "120000"
_MODES = {"100644": FILE, "100755": FILE, _LINK: LINK}
_FOLDERS = (
    *STAGE_FOLDERS,
    "projects",
    WORKSPACE,
    *PROJECT_FILES,
    ":(glob)*:*/**",
    ":(glob)*/projects/*/sessions/**",
)
"""Places where sessions can have stood, in any layout: nothing else of a history is read."""


class FolderSource:
    """A plain folder: it has files, and no history."""

    kind = "folder"

    def __init__(self, root: str) -> None:
        self.root = root
        self.left_out: list[str] = []
        self._databases: Databases | None = None

    @property
    def description(self) -> str:
        """Its name in reports."""
        return f"{self.kind} {self.root}"

    @property
    def trail(self) -> Sequence[str]:
        """The names of the folders that lead to it."""
        return [part for part in self.root.split(os.sep) if part]

    @property
    def doubts(self) -> Sequence[str]:
        """Sentences about what its history does not tell."""
        return ()

    def entries(self) -> Iterator[SourceEntry]:
        """Yields everything in it that is no folder."""
        self.left_out.clear()
        return walk(self.root, self.left_out)

    def load(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yields the bytes of files and of texts in databases, in order; None where there are none."""
        return self._databases.load(paths, self._files) if self._databases else self._files(paths)

    def _files(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        return ((path, read(os.path.join(self.root, path))) for path in paths)

    def stored(self, path: str, parts: Sequence[str]) -> Stored:
        """Reads the database at `path`, beside which `parts` of it stand."""
        if self._databases is None:
            from idse_orchestrator.migrate.database import Databases  # most sources have none

            self._databases = Databases(self._open)
        return self._databases.read(path, parts)

    def _open(self, path: str) -> IO[bytes]:
        return _opened(os.path.join(self.root, path))

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """Returns owner to the commits that touched its files, oldest first."""
        del owner
        return {}

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the bytes of blobs of the history."""
        del ids
        return iter(())


class WorkTreeSource(FolderSource):
    """A folder in the work tree of a repository: its files as they stand there, and their history."""

    kind = "repository"

    def __init__(self, git: Git) -> None:
        super().__init__(git.folder)
        self.git = git

    @property
    def doubts(self) -> Sequence[str]:
        """Sentences about what its history does not tell."""
        if self.git.text("rev-parse", "--is-shallow-repository") != "true":
            return ()
        return (
            "it is a shallow clone, so older commits are not told, now or later: first git fetch --unshallow",
        )

    def entries(self) -> Iterator[SourceEntry]:
        """Yields everything in it that is no folder, and what a sparse checkout leaves out of it."""
        yield from super().entries()
        for row in self.git.text("ls-files", "-t", "-z").split("\0"):
            path = row.removeprefix(_LEFT_OUT)
            if path != row and not os.path.lexists(os.path.join(self.root, path)):
                yield SourceEntry(path, UNREADABLE, 0, "a sparse checkout leaves it out")

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """Returns owner to the commits that touched its files, oldest first."""
        folders = _FOLDERS if os.path.lexists(os.path.join(self.root, GIT)) else (".",)
        return self._history(("--relative", "HEAD", "--", *folders), owner)

    def _history(
        self, options: Sequence[str], owner: Callable[[str], Owner | None]
    ) -> Mapping[Owner, Sequence[Step]]:
        return read_history(self.git, options, owner) if find_commit(self.git, "HEAD") else {}

    def blobs(self, ids: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the bytes of blobs of the history."""
        with ObjectStream(self.git) as objects:
            wanted = list(ids)
            for name, found in zip(wanted, objects.read_all(wanted), strict=True):
                if found is not None and found.kind == "blob" and found.size <= MAX_ARTIFACT_BYTES:
                    yield name, found.data


class BareSource(WorkTreeSource):
    """A bare repository: the files of its HEAD, and their history."""

    kind = "bare repository"

    def __init__(self, git: Git) -> None:
        super().__init__(git)
        self._ids: dict[str, str] = {}

    @property
    def trail(self) -> Sequence[str]:
        """The names of the folders that lead to it."""
        return ()

    def entries(self) -> Iterator[SourceEntry]:
        """Yields everything in it that is no folder."""
        if find_commit(self.git, "HEAD") is None:
            return
        committed = self._committed_at()
        for row in self.git.text("ls-tree", "-r", "-z", "-l", "--full-tree", "HEAD").split("\0"):
            meta, _, path = row.partition("\t")
            if not path:
                continue
            mode, _kind, blob, size = meta.split()
            kind = _MODES.get(mode, OTHER)
            detail = "a submodule" if kind == OTHER else ""
            if kind == LINK:
                detail = dict(self.blobs([blob])).get(blob, b"").decode("utf-8", "surrogateescape")
            else:
                self._ids[path] = blob
            yield SourceEntry(path, kind, int(size) if size.isdecimal() else 0, detail, committed)

    def _committed_at(self) -> str:
        seconds = self.git.text("log", "-1", "--no-show-signature", "--format=%ct", "HEAD")
        return moment(int(seconds)) if seconds.isdecimal() else ""

    def _open(self, path: str) -> IO[bytes]:
        data = next(self._files([path]))[1]
        if data is None:
            raise OSError(0, "git does not have its bytes")
        return BytesIO(data)

    def _files(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        wanted = list(paths)
        with ObjectStream(self.git) as objects:
            found = objects.read_all([self._ids[path] for path in wanted])
            for path, blob in zip(wanted, found, strict=True):
                yield path, blob.data if blob and blob.kind == "blob" else None

    def history(self, owner: Callable[[str], Owner | None]) -> Mapping[Owner, Sequence[Step]]:
        """Returns owner to the commits that touched its files, oldest first."""
        return self._history(("HEAD", "--", *_FOLDERS), owner)


def open_migration_source(path: str, git: Git, *, with_history: bool = True) -> FolderSource:
    """Opens the source at `path`, for a `git` like this one. Raises MigrationSourceError if none can be read.

    A repository that git refuses is one of those, unless nobody asks for its history.
    """
    if not path:
        raise unreadable("''", OSError(0, "an empty name is that of no folder"))
    try:
        root = os.path.realpath(path, strict=True)
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        raise unreadable(path, error if isinstance(error, OSError) else OSError(0, str(error))) from error
    git = git.at(root)
    done = git.attempt("rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--is-inside-git-dir")
    answers = done.stdout.decode().split() if done.returncode == 0 else []
    words = done.stderr.decode("utf-8", "replace").strip()
    if not answers and with_history and "not a git repository" not in words:
        raise _refused(root, words)
    if answers[:1] == ["true"]:
        return BareSource(git)
    if answers[1:2] == ["true"]:
        return WorkTreeSource(git)
    if answers[2:3] == ["true"]:
        raise MigrationSourceError(
            "this folder is git's own, where there are no documents",
            where=root,
            fix=("name the work tree it belongs to",),
        )
    return FolderSource(root)


def _refused(root: str, words: str) -> MigrationSourceError:
    """Refuses a source whose sessions would never get their history afterwards."""
    trust = (f"git config --global --add safe.directory {one_word(root)}  # if you trust it",)
    return MigrationSourceError(
        "git refuses the repository of the source, so its history cannot be read",
        where=root,
        cause=words.partition("\n")[0],
        fix=(*(trust if "safe.directory" in words else ()), "take the files alone: --no-history"),
    )
