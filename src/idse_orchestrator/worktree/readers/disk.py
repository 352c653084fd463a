"""What stands on disk in a folder, seen the way `git add` would see it.

Symbolic links are not followed, a repository inside the folder is one entry, and what git cannot
record (sockets, pipes, ``.git``) is not there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.documents.project_workspace import decode, encode
from idse_orchestrator.errors import InvalidArtifactError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FILE = "file"
LINK = "link"
REPOSITORY = "repository"
_FOLDER = "folder"


class OnDisk(NamedTuple):
    """A path relative to the top of the work tree, and what stands there: FILE, LINK or REPOSITORY."""

    path: str
    kind: str


def scan(toplevel: str, place: str, repositories: Collection[str] = ()) -> Iterator[OnDisk]:
    """Everything in (or at) `place`; `repositories` are paths where the index has a submodule."""
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
    """Whether git takes the folder for a repository of its own: a gitfile, or a git directory with a HEAD."""
    marker = os.path.join(folder, b".git")
    return os.path.isfile(marker) or os.path.isfile(os.path.join(marker, b"HEAD"))
