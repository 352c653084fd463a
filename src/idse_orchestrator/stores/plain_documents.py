"""Documents of a project without git: those of its folder, and those that its ledgers hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.scope import places
from idse_orchestrator.documents.project_workspace import (
    CAP,
    CONSTITUTION_PATH,
    EVERYTHING,
    GITIGNORE_PATH,
    GITLINK,
    REGULAR,
    STORE_FOLDER,
    SYMLINK,
    TOP_FOLDERS,
    WORKSPACE,
    FileEntry,
    check_folders,
    decode,
    encode,
    only_legacy,
    session_folder,
)
from idse_orchestrator.errors import ConflictError, InvalidArtifactError, NeedsGitError
from idse_orchestrator.sessions import choice as choices
from idse_orchestrator.sessions.choice import Source
from idse_orchestrator.stores.design_store import no_such_ledger
from idse_orchestrator.worktree.session_folders import FILE, LINK, OnDisk, scan
from idse_orchestrator.worktree.work_files import WorkFiles

if TYPE_CHECKING:
    from idse_orchestrator.sessions.choice import Choice
    from idse_orchestrator.stores.design_store import DesignStore, Loaded

LOCAL_FOLDER = ".idse/local"
"""What belongs to this folder alone and is no ledger: the current session, locks, caches."""


class Place(NamedTuple):
    """`top` is the folder of the project, `prefix` where we stand inside it ("" or "a/b/").

    `store` is the name of the store that has its ledgers.
    """

    top: str
    prefix: str
    store: str

    @property
    def git_dir(self) -> str:
        """The folder for refs that are kept in files, as a git directory is to a work tree."""
        return os.path.join(self.top, *LOCAL_FOLDER.split("/"))

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads: locks, caches, log."""
        return os.path.join(self.git_dir, "idse")

    @property
    def git(self) -> NoGit:
        """Stands in for git."""
        return NoGit(self)

    def needs_git(self) -> NeedsGitError:
        """Returns the error for what only a repository has."""
        return NeedsGitError(
            "this needs a git repository",
            where=self.top,
            cause=f"the ledgers here are in a store without git ({self.store})",
            fix=("take them into a repository with idse import, and run the command there",),
        )


class NoGit:
    """Stands where git, or what only a repository has, would; whatever is asked of it is refused."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._place.needs_git()

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raises NeedsGitError."""
        raise self._place.needs_git()


def content_of(top: str, path: str, *, is_link: bool = False) -> bytes:
    """Reads the file `path` below `top`, or returns where a link leads.

    InvalidArtifactError where it cannot be read, with its place below `top`.
    """
    full = os.path.join(encode(top), encode(path))
    try:
        if is_link:
            return os.readlink(full)
        with open(full, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidArtifactError(
            "a document cannot be read",
            where=os.path.relpath(os.path.join(top, path), top),
            cause=error.strerror or str(error),
            fix=("make it a file that you may read, then run the command again",),
        ) from error


_OWN = (STORE_FOLDER, LOCAL_FOLDER)
_NO_BLOB = "0" * 40


class FolderDocuments:
    """The `ArtifactReader` port on a plain folder `top`; `folders` narrows it to what is in or at them."""

    description = "worktree"

    def __init__(self, top: str, folders: Sequence[str] = EVERYTHING) -> None:
        self._top = top
        self._folders = folders

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader; as the folder was at the first call."""
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        """See ArtifactReader."""
        found = (item.path for folder in TOP_FOLDERS for item in scan(self._top, folder))
        return only_legacy(found)

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader. A file above 8 MiB, and a repository inside this folder, read as b""."""
        return {path: self._read(path, self._entries[path]) for path in paths}

    def _read(self, path: str, entry: FileEntry) -> bytes:
        if entry.mode == GITLINK or entry.size > CAP:
            return b""
        content = content_of(self._top, path, is_link=entry.mode == SYMLINK)
        if blob_id(content) != entry.blob:
            raise ConflictError("a document changed while it was read", where=path, fix=("run it again",))
        return content

    @cached_property
    def _entries(self) -> dict[str, FileEntry]:
        found = {
            item.path: _entry(self._top, item)
            for folder in self._wanted()
            for item in scan(self._top, folder)
        }
        check_folders(found, self.description)
        return dict(sorted(found.items()))

    def _wanted(self) -> Iterator[str]:
        """Yields the folders to look into, without what idse keeps for itself."""
        for folder in self._folders:
            full = os.path.join(self._top, folder)
            if folder != WORKSPACE or not os.path.isdir(full) or os.path.islink(full):
                yield folder
                continue
            names = (decode(name) for name in os.listdir(encode(full)))
            yield from (place for name in sorted(names) if (place := f"{folder}/{name}") not in _OWN)


class LedgerDocuments:
    """The `ArtifactReader` port on one session as its ledger holds it."""

    def __init__(self, store: DesignStore, key: tuple[str, str], loaded: Loaded) -> None:
        self._store = store
        self._folder = session_folder(*key)
        self._name = "/".join(key)
        self._loaded = loaded

    @property
    def description(self) -> str:
        """The word ledger, the session and the short id of its tip."""
        return f"ledger {self._name} {self._loaded.tip[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """See ArtifactReader."""
        return {
            f"{self._folder}/{path}": FileEntry(REGULAR, blob, len(self._store.load_artifact(blob)))
            for path, blob in sorted(self._loaded.artifacts.items())
        }

    def legacy_paths(self) -> Sequence[str]:
        """None: a ledger holds one session's folder and nothing else."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """See ArtifactReader."""
        start = len(self._folder) + 1
        return {path: self._store.load_artifact(self._loaded.artifacts[path[start:]]) for path in paths}


def _entry(top: str, item: OnDisk) -> FileEntry:
    if item.kind not in (FILE, LINK):
        return FileEntry(GITLINK, _NO_BLOB, 0)
    full = os.path.join(encode(top), encode(item.path))
    mode = SYMLINK if item.kind == LINK else REGULAR  # as git where core.fileMode is off
    size = os.lstat(full).st_size
    if item.kind == FILE and size > CAP:
        return FileEntry(mode, _NO_BLOB, size)
    content = content_of(top, item.path, is_link=item.kind == LINK)
    return FileEntry(mode, blob_id(content), len(content))


def open_plain_source(place: Place, store: DesignStore, choice: Choice) -> Source:
    """Opens the source of `choice`. Raises NeedsGitError for the index and for commits."""
    if choice.kind == choices.WORKTREE:
        reader = FolderDocuments(place.top, places(choice.scope))
        return Source(reader, choice.scope, reader)
    if choice.kind != choices.LEDGER:
        raise NeedsGitError(
            f"there is no {choice.kind} to judge",
            where=place.top,
            cause="the ledgers here are in a store without git, and so are the documents",
            fix=("idse validate --all", "idse validate --ledger"),
        )
    key = (choice.scope.project or "", choice.scope.session or "")
    loaded = store.load_session(key)
    if loaded is None:
        raise no_such_ledger(key)
    rules = FolderDocuments(place.top, (CONSTITUTION_PATH,))
    return Source(LedgerDocuments(store, key, loaded), choice.scope, rules)


_IGNORED = b"# Ledgers without git, and what belongs to this folder alone:\nstore/\nlocal/\n"


class NoSettings:
    """The `Settings` port of `idse init` where there is no git."""

    def show_notes(self) -> bool:
        """Sets nothing."""
        return False


class IgnoringFiles(WorkFiles):
    """New files and folders, which have git ignore the ledgers should the folder become a repository."""

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """See `Folders.write_new`."""
        return super().write_new(
            {path: data + _IGNORED if path == GITIGNORE_PATH else data for path, data in files.items()}
        )
