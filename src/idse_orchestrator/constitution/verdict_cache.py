"""Kept verdicts on disk: what the rules noticed in a file, found again by content.

A verdict is the JSON text of a file's hits (`hits_to_json`). It depends on nothing but its key and
the constitution, so it never grows old; a cache may forget it at any time, and may never be wrong.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterable, Mapping
from contextlib import suppress

from idse_orchestrator.base.files import write_atomically
from idse_orchestrator.constitution.validation_engine import DocumentKey
from idse_orchestrator.errors import StorageError

SHARD_LIMIT = 256 * 1024
"""A shard that is larger starts anew: 64 MB for one constitution."""

KEPT_CONSTITUTIONS = 4
"""Folders of constitutions used longer ago than these are removed: branches may disagree about the rules."""

_COMPILED = "constitution"

_ENGINE = ("base", "documents", "constitution", "profiles", "claims")
"""The rooms whose code decides what a rule notices in a document."""


class FileVerdictCache:
    """A VerdictCache in `folder` (made when something is first kept).

    `generation` names the code that judges: verdicts of other generations are not found.
    """

    def __init__(self, folder: str, generation: str) -> None:
        self._folder = folder
        self._generation = generation

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:
        """See VerdictCache."""
        found = {}
        for shard, wanted in _by_shard(keys).items():
            lines = _lines(os.path.join(self._home(constitution), shard))
            for key in wanted:
                line = lines.get(_key(key))
                if line is not None and (verdict := _checked(line)) is not None:
                    found[key] = verdict
        return found

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """See VerdictCache."""
        with suppress(OSError, StorageError):
            home = self._make_home(constitution)
            for shard, keys in _by_shard(verdicts).items():
                _append(os.path.join(home, shard), b"".join(_line(_key(key), verdicts[key]) for key in keys))

    def compiled(self, constitution: str) -> str | None:
        """See VerdictCache."""
        line = _lines(os.path.join(self._home(constitution), _COMPILED)).get(_COMPILED.encode())
        return None if line is None else _checked(line)

    def keep_compiled(self, constitution: str, text: str) -> None:
        """See VerdictCache."""
        with suppress(OSError, StorageError):
            path = os.path.join(self._make_home(constitution), _COMPILED)
            write_atomically(path, _line(_COMPILED.encode(), text))

    def _home(self, constitution: str) -> str:
        return os.path.join(self._folder, f"{constitution[:32]}-{self._generation}")

    def _make_home(self, constitution: str) -> str:
        home = self._home(constitution)
        if os.path.isdir(home):
            os.utime(home)
        else:
            os.makedirs(home, exist_ok=True)
            _forget_others(self._folder, home)
        return home


def verdict_cache_in(private: str) -> FileVerdictCache:
    """The cache in idse's own folder `private`, shared by all worktrees, for the code that judges now."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    generation = engine_generation(*(os.path.join(package, room) for room in _ENGINE))
    return FileVerdictCache(os.path.join(private, "cache"), generation)


def engine_generation(*packages: str) -> str:
    """A few digits that change whenever a Python file in or below the folders `packages` does."""
    digest = 0
    for folder, _, files in (step for package in packages for step in sorted(os.walk(package))):
        for name in sorted(files):
            if name.endswith(".py"):
                status = os.stat(os.path.join(folder, name))
                digest = crc32(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode(), digest)
    return f"{digest:08x}"


def _by_shard(keys: Iterable[DocumentKey]) -> dict[str, list[DocumentKey]]:
    shards: dict[str, list[DocumentKey]] = {}
    for key in keys:
        shards.setdefault(key.blob[:2], []).append(key)
    return shards


def _key(key: DocumentKey) -> bytes:
    """The key as it stands in a line: no tab, no line break, and the same for the same key."""
    path = key.path.encode("unicode_escape")
    return b"%b %o %b" % (key.blob.encode(), key.mode, path)


def _line(key: bytes, text: str) -> bytes:
    """``<checksum> <key> TAB <text>``, led by a line break so that a torn line before it stays alone."""
    body = key + b"\t" + text.encode("utf-8", "surrogatepass")
    return b"\n%08x %b" % (crc32(body), body)


def _checked(line: bytes) -> str | None:
    checksum, _, body = line.partition(b" ")
    if checksum != b"%08x" % crc32(body):
        return None
    return body.partition(b"\t")[2].decode("utf-8", "surrogatepass")


def _lines(path: str) -> dict[bytes, bytes]:
    """The lines of a file by their key; a file that is not there or far too large has none."""
    try:
        with open(path, "rb") as file:
            data = file.read(2 * SHARD_LIMIT)
    except OSError:
        return {}
    return {line[9:].partition(b"\t")[0]: line for line in data.split(b"\n")}


def _append(path: str, data: bytes) -> None:
    """Add to a file in one write, so that writers do not mix; a full one starts anew."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags, 0o666)
    try:
        full = os.fstat(handle).st_size + len(data) > SHARD_LIMIT
        if not full:
            os.write(handle, data)
    finally:
        os.close(handle)
    if full:
        write_atomically(path, data[:SHARD_LIMIT])


def _forget_others(folder: str, home: str) -> None:
    """Remove what was used longest ago, beyond the constitutions that are kept."""
    with os.scandir(folder) as found:
        others = [(entry.stat().st_mtime_ns, entry.path) for entry in found if entry.path != home]
    for _, path in sorted(others, reverse=True)[KEPT_CONSTITUTIONS - 1 :]:
        with suppress(OSError):
            for name in os.listdir(path):
                os.unlink(os.path.join(path, name))
            os.rmdir(path)
