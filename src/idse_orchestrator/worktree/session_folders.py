"""The sessions that have a folder in a work tree, which one it works on, and the views that stand there."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.base.names import is_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import WORKSPACE, decode, encode
from idse_orchestrator.errors import ConflictError, InvalidArtifactError, StorageError
from idse_orchestrator.ledger.refs import CURRENT, current_by_project_ref, parse_session_ref

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.ledger.events import SessionKey


def branch_carrying(git: Git, folder: str) -> str:
    """Returns the branch that has `folder` where HEAD has not, of another clone if need be; "" for none."""
    rows = git.lines("for-each-ref", "--format=%(refname)", "refs/heads/", "refs/remotes/")
    names = ["HEAD", *rows]
    asked = "".join(f"{name}:{folder}\n" for name in names).encode("utf-8", "surrogateescape")
    kinds = git.lines("cat-file", "--batch-check=%(objecttype)", stdin=asked)
    found = [name for name, kind in zip(names, kinds, strict=True) if kind == "tree"]
    return "" if found[:1] in ([], ["HEAD"]) else found[0].split("/", 2)[2]


class WorkFolders:
    """The session folders and views of the folder `top`, with git or without.

    `git_dir` is where it says which session is current; how that is set is for the heirs.
    """

    def __init__(self, top: str, git_dir: str) -> None:
        self._top = top
        self._git_dir = git_dir

    def session_folders(self) -> Sequence[SessionKey]:
        """See `SessionFolders.session_folders`."""
        root = os.path.join(self._top, WORKSPACE, "projects")
        return [
            (project, session)
            for project in _folders(root)
            for session in _folders(os.path.join(root, project, "sessions"))
        ]

    def current(self, project: str | None = None) -> SessionKey | None:
        """See `SessionFolders.current`.

        Read as a file: these refs are always loose, and a process to ask for one costs 3 ms.
        """
        ref = current_by_project_ref(project) if project else CURRENT
        return read_session_ref(os.path.join(self._git_dir, ref))

    def write_views(self, views: Mapping[str, bytes]) -> Sequence[str]:
        """See `ViewFiles.write_views`. Nothing is written where the project has no folder."""
        return [path for path, content in views.items() if self._write_if_different(path, content)]

    def view(self, path: str) -> bytes | None:
        """See `ViewFiles.view`."""
        full = os.path.join(self._top, path)
        if not os.path.lexists(full):
            return None
        if not self._is_file(path):  # reading a pipe would wait for ever
            return b""
        try:
            with open(full, "rb") as file:
                return file.read()
        except OSError as error:
            raise storage_error(error, path) from error

    def _write_if_different(self, relative: str, content: bytes) -> bool:
        path = os.path.join(self._top, relative)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            return False
        if os.path.realpath(folder) != os.path.join(os.path.realpath(self._top), *relative.split("/")[:-1]):
            raise ConflictError(
                "a view would be written outside of this work tree",
                where=relative,
                cause="a folder on the way is a symbolic link",
                fix=("replace the link by a folder",),
            )
        try:
            if stat.S_ISREG(os.lstat(path).st_mode):  # reading a pipe would wait for ever
                with open(path, "rb") as file:
                    if file.read() == content:
                        return False
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, relative) from error
        write_atomically(path, content)
        return True

    def _is_file(self, relative: str) -> bool:
        path = os.path.join(self._top, relative)
        return os.path.isfile(path) and not os.path.islink(path)


def read_session_ref(path: str) -> SessionKey | None:
    """Returns the session that the file of a symbolic ref names, if it names one."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            target = file.read(256).strip()
    except OSError:
        return None
    return parse_session_ref(target.removeprefix("ref: ")) if target.startswith("ref: ") else None


def _folders(path: str) -> Sequence[str]:
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError("this folder cannot be read", where=path, cause=error.strerror) from error
    return sorted(name for name in names if is_name(name))


FILE = "file"
LINK = "link"
REPOSITORY = "repository"
_FOLDER = "folder"


class OnDisk(NamedTuple):
    """A path relative to the top of the work tree, and what stands there: FILE, LINK or REPOSITORY."""

    path: str
    kind: str


def scan(toplevel: str, place: str, repositories: Collection[str] = ()) -> Iterator[OnDisk]:
    """Yields everything in (or at) `place`; `repositories` are paths where the index has a submodule."""
    top = encode(toplevel)
    for ancestor in _ancestors(place):
        if os.path.islink(os.path.join(top, encode(ancestor))):
            yield OnDisk(ancestor, LINK)
            return
    full = os.path.join(top, encode(place))
    if os.path.isfile(full):
        yield OnDisk(place, FILE)
    elif os.path.isdir(full):
        yield from _folder(top, place, repositories)


def _ancestors(place: str) -> list[str]:
    parts = place.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _folder(top: bytes, place: str, repositories: Collection[str]) -> Iterator[OnDisk]:
    pending = [encode(place)]
    while pending:
        folder = pending.pop()
        full = os.path.join(top, folder)
        if decode(folder) in repositories or _is_repository(full):
            yield OnDisk(decode(folder), REPOSITORY)
            continue
        for entry in _listed(full):
            kind = _kind(entry)
            path = folder + b"/" + entry.name
            if kind == _FOLDER:
                pending.append(path)
            elif kind is not None:
                yield OnDisk(decode(path), kind)


def _listed(folder: bytes) -> list[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise InvalidArtifactError(
            "a folder cannot be read", where=decode(folder), cause=error.strerror
        ) from error


def _kind(entry: os.DirEntry[bytes]) -> str | None:
    if entry.name == b".git":
        return None
    if entry.is_symlink():
        return LINK
    if entry.is_dir(follow_symlinks=False):
        return _FOLDER
    return FILE if entry.is_file(follow_symlinks=False) else None


def _is_repository(folder: bytes) -> bool:
    """Tests for a repository as git does: a gitfile, or a git directory with a HEAD."""
    marker = os.path.join(folder, b".git")
    return os.path.isfile(marker) or os.path.isfile(os.path.join(marker, b"HEAD"))
