"""The constitution in force: what this release ships, what other layers add, and installed check verbs.

A package offers a verb as an entry point of the group GROUP. It is loaded only where the user's own
configuration names it (``git config idse.checks``), never because a file of a branch does.

Compiled constitutions and verdicts are kept on disk. A verdict is the JSON text of a file's hits
(`hits_to_json`). It depends on nothing but its key and the constitution, so it never grows old; the
cache may forget it at any time, and may never be wrong.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import constitution_bytes, make_folder, open_or_make, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.rules import PROJECT, Constitution, Layer, constitution_id
from idse_orchestrator.documents.project_workspace import (
    CONSTITUTION_PATH,
    EXECUTABLE,
    LARGEST_RULES,
    REGULAR,
)
from idse_orchestrator.errors import InvalidConfigurationError, StorageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from idse_orchestrator.constitution.checks.document import Check
    from idse_orchestrator.constitution.hits import DocumentKey, VerdictCache
    from idse_orchestrator.documents.project_workspace import ArtifactReader


def constitution_in(
    reader: ArtifactReader,
    cache: VerdictCache,
    extra_checks: Mapping[str, Check] | None = None,
    checks_id: str = "",
    more: Sequence[Layer] = (),
) -> Constitution:
    """The shipped rules with those of the source that `reader` reads, which must cover CONSTITUTION_PATH.

    `extra_checks` are the installed check verbs, `checks_id` their names and versions. `more` are layers of
    an Agency. InvalidConfigurationError where a file cannot be used.
    """
    project = _project_rules(reader)
    own = () if project is None else (Layer(PROJECT, CONSTITUTION_PATH, project),)
    return constitution_of((*own, *more), cache, InstalledChecks(extra_checks or {}, checks_id))


def constitution_of(
    layers: Sequence[Layer], cache: VerdictCache, extra: InstalledChecks | None = None
) -> Constitution:
    """Returns the shipped rules with those of `layers`; InvalidConfigurationError where one cannot be used.

    The compiled form is shipped, or comes from `cache` where it is known: to read YAML and its rules takes
    0.2 s.
    """
    checks, checks_id = extra or InstalledChecks()
    core = constitution_bytes()
    ident = constitution_id(core, layers, checks=checks_id)
    is_shipped = not layers and not checks_id
    kept = _kept(constitution_bytes("json").decode() if is_shipped else cache.compiled(ident), ident)
    if kept is not None:
        return kept
    from idse_orchestrator.constitution.file import load_constitution

    loaded = load_constitution(core, layers, extra_checks=checks, checks_id=checks_id)
    cache.keep_compiled(ident, loaded.to_json())
    return loaded


def _kept(text: str | None, ident: str) -> Constitution | None:
    if text is None:
        return None
    try:
        kept = Constitution.from_json(text)
    except ValueError:
        return None
    return kept if kept.id == ident else None


def _project_rules(reader: ArtifactReader) -> bytes | None:
    entry = reader.paths().get(CONSTITUTION_PATH)
    if entry is None:
        return None
    if entry.mode not in (REGULAR, EXECUTABLE):
        raise InvalidConfigurationError(
            "the project's constitution cannot be read",
            where=f"{CONSTITUTION_PATH} ({reader.description})",
            cause="it is not a regular file",
            fix=(f"make {CONSTITUTION_PATH} a regular file",),
        )
    if entry.size > LARGEST_RULES:
        raise InvalidConfigurationError(
            "the project's constitution is too large",
            where=f"{CONSTITUTION_PATH} ({reader.description})",
            cause=f"it has {entry.size:,} bytes, and at most {LARGEST_RULES:,} are read",
            fix=("take rules out, or shorten their texts",),
        )
    return reader.read_many([CONSTITUTION_PATH])[CONSTITUTION_PATH]


GROUP = "idse_orchestrator.checks"


class InstalledChecks(NamedTuple):
    """`checks` by verb; `id` names them with their packages' versions, so that kept verdicts expire."""

    checks: Mapping[str, Check] = {}
    id: str = ""


def installed_checks(verbs: Sequence[str]) -> InstalledChecks:
    """Loads the check verbs called `verbs`; InvalidConfigurationError for one that no package offers."""
    if not verbs:
        return InstalledChecks()
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    points = [_offered(offered, verb) for verb in sorted(set(verbs))]
    return InstalledChecks(
        {point.name: _loaded(point) for point in points}, " ".join(_version(point) for point in points)
    )


def _offered(offered: Mapping[str, EntryPoint], verb: str) -> EntryPoint:
    if verb in offered:
        return offered[verb]
    raise InvalidConfigurationError(
        f"no installed package offers a check called {verb!r}",
        where="setting checks",
        cause="offered: " + (", ".join(sorted(offered)) or "none"),
        fix=("install the package that offers it", "idse config set checks ''"),
    )


def _loaded(point: EntryPoint) -> Check:
    try:
        check: Callable[..., object] = point.load()
    except Exception as error:
        raise InvalidConfigurationError(
            f"the check {point.name!r} cannot be loaded",
            where=point.value,
            cause=f"{type(error).__name__}: {error}",
            fix=("repair or remove its package",),
        ) from error
    return check  # type: ignore[return-value]  # what it returns is checked where it runs


def _version(point: EntryPoint) -> str:
    package = point.dist
    return f"{point.name}={package.name}-{package.version}" if package else f"{point.name}={point.value}"


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
        self.generation = generation

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:
        """See VerdictCache."""
        found = {}
        for shard, wanted in _by_shard(keys).items():
            lines = self._shard(os.path.join(self._home(constitution), shard))
            for key in wanted:
                line = lines.get(_key(key))
                if line is not None and (verdict := _checked(line)) is not None:
                    found[key] = verdict
        return found

    def _shard(self, path: str) -> dict[bytes, bytes]:
        return _lines(path)

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
        return os.path.join(self._folder, f"{constitution[:32]}-{self.generation}")

    def _make_home(self, constitution: str) -> str:
        home = self._home(constitution)
        if os.path.isdir(home):
            os.utime(home)
        else:
            make_folder(home)
            _forget_others(self._folder, home)
        return home


class RememberedVerdicts(FileVerdictCache):
    """Keeps verdicts in the same files, and reads each once: for whoever judges many sessions in a row."""

    def __init__(self, folder: str, generation: str) -> None:
        super().__init__(folder, generation)
        self._known: dict[str, dict[bytes, bytes]] = {}

    def _shard(self, path: str) -> dict[bytes, bytes]:
        if path not in self._known:
            self._known[path] = _lines(path)
        return self._known[path]

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """See VerdictCache."""
        super().put_many(constitution, verdicts)
        for shard, keys in _by_shard(verdicts).items():
            known = self._shard(os.path.join(self._home(constitution), shard))
            known.update((_key(key), _line(_key(key), verdicts[key])[1:]) for key in keys)


def verdict_cache_in(private: str) -> FileVerdictCache:
    """The cache in idse's own folder `private`, shared by all worktrees, for the code that judges now."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    generation = engine_generation(*(os.path.join(package, room) for room in _ENGINE))
    return FileVerdictCache(os.path.join(private, "cache"), generation)


def engine_generation(*packages: str) -> str:
    """Returns a few digits that change whenever a Python file in or below the folders `packages` does."""
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
    """Returns the key as it stands in a line: no tab, no line break, and the same for the same key."""
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
    """Returns the lines of a file by their key; a file that is not there or far too large has none."""
    try:
        with open(path, "rb") as file:
            data = file.read(2 * SHARD_LIMIT)
    except OSError:
        return {}
    return {line[9:].partition(b"\t")[0]: line for line in data.split(b"\n")}


def _append(path: str, data: bytes) -> None:
    """Adds to a file in one write, so that writers do not mix; a full one starts anew."""
    handle = open_or_make(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
    try:
        full = os.fstat(handle).st_size + len(data) > SHARD_LIMIT
        if not full:
            os.write(handle, data)
    finally:
        os.close(handle)
    if full:
        write_atomically(path, data[:SHARD_LIMIT])


def _forget_others(folder: str, home: str) -> None:
    """Removes what was used longest ago, beyond the constitutions that are kept."""
    with os.scandir(folder) as found:
        others = [(entry.stat().st_mtime_ns, entry.path) for entry in found if entry.path != home]
    for _, path in sorted(others, reverse=True)[KEPT_CONSTITUTIONS - 1 :]:
        with suppress(OSError):
            for name in os.listdir(path):
                os.unlink(os.path.join(path, name))
            os.rmdir(path)
