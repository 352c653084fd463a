"""What is in a folder, looked at and never followed: no link, no device, no folder of git's own."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator

from idse_orchestrator.app.migrate.ports import CLOSED, FILE, LINK, OTHER, SourceEntry
from idse_orchestrator.domain.ledger.commit import MAX_ARTIFACT_BYTES
from idse_orchestrator.errors import MigrationSourceError
from idse_orchestrator.git.migration.history import moment

GIT = ".git"
_KINDS = (
    (stat.S_ISFIFO, "a named pipe: it is never opened"),
    (stat.S_ISSOCK, "a socket: it is never opened"),
    (stat.S_ISBLK, "a device: it is never opened"),
    (stat.S_ISCHR, "a device: it is never opened"),
)


def walk(root: str, left_out: list[str]) -> Iterator[SourceEntry]:
    """Everything below `root` that is no folder, by path relative to it; git's folders go to `left_out`.

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
            yield SourceEntry(folder, CLOSED, 0, f"a folder that cannot be read: {error.strerror}")
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
        return SourceEntry(path, CLOSED, 0, f"it cannot be looked at: {error.strerror}")
    if stat.S_ISREG(found.st_mode):
        return SourceEntry(path, FILE, found.st_size, "", _written_at(found.st_mtime))
    words = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "no file and no folder")
    return SourceEntry(path, OTHER, 0, words)


def _written_at(seconds: float) -> str:
    return moment(int(seconds)) if 0 < seconds <= time.time() else ""


def read(path: str) -> bytes | None:
    """The bytes of a file; None where it cannot be read, or is none any more. Never waits, follows no link.

    Of a file too large for a ledger only as much as shows that it is.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return file.read(MAX_ARTIFACT_BYTES + 1)
    except OSError:
        return None


def unreadable(where: str, error: OSError) -> MigrationSourceError:
    """The error for a source that cannot be opened at all."""
    return MigrationSourceError(
        "the source cannot be read",
        where=where,
        cause=error.strerror or str(error),
        fix=("name a folder that you can read",),
    )
