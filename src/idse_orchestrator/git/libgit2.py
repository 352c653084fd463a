"""The one place that imports pygit2, paying only for what is used; and the compare-and-swap of a ref.

Importing pygit2 loads `ssl` only to ask where certificates are, parses the whole bundle of authorities
(20 ms in all), and *raises* where there is none, as in minimal containers. idse never lets libgit2 talk to
a network, so while it is imported a stand-in answers for `ssl`: there are none. A process with threads
imports it before it starts them: see `wiring`.

libgit2 1.9 has one call that is a true compare-and-swap for existing *and* for new refs: the file
backend's `write` with an expected old id, where the zero id means "must not exist". Everything else it
offers let two creators both win. Deleting, renaming and packing stay with the git program: libgit2
rewrites packed-refs from a stale cache. So does all of it in a repository that several users share.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NoReturn, TypeVar
from weakref import WeakKeyDictionary

from idse_orchestrator.base.files import sharing_at
from idse_orchestrator.errors import GitFailedError, StorageError

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    import pygit2 as pygit2  # noqa: PLC0414 - the door for its types, too

_importing = Lock()
_TRIES = 20

Answer = TypeVar("Answer")
_imported: list[types.ModuleType] = []


def libgit2() -> types.ModuleType:
    """Returns the pygit2 module, imported on first use."""
    if not _imported:
        with _importing:
            if "pygit2" not in sys.modules:
                _import_without_certificates()
            # git was asked first, whether this user may work here: it looks at the work tree, too.
            module = sys.modules["pygit2"]
            module.settings.owner_validation = False
            _imported.append(module)
    return _imported[0]


def open_repository(common_dir: str) -> pygit2.Repository:
    """Opens the repository whose (common) git directory is `common_dir`, without searching.

    The common directory is opened on purpose, not the worktree's: ledgers are shared by all
    worktrees, and what belongs to one worktree is read and written by the git program.
    """
    how = libgit2().enums.RepositoryOpenFlag.NO_SEARCH
    repository: pygit2.Repository = libgit2().Repository(common_dir, how)
    folder = os.path.join(common_dir, "objects")
    if sharing_at(folder) is not None:
        repository.set_odb(shared_objects(folder))
    return repository


def open_apart(common_dir: str, folder: str) -> pygit2.Repository:
    """Opens the repository whose new objects go into `folder`; those that it has are only read."""
    repository = open_repository(common_dir)
    objects = libgit2().Odb(folder)
    objects.add_disk_alternate(os.path.join(common_dir, "objects"))
    repository.set_odb(objects)
    return repository


_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


def shared_objects(folder: str) -> pygit2.Odb:
    """Opens the objects in `folder`, which users share: what is written there gets its mode.

    The folder itself is only read: where ours fails, libgit2 would write by another that it may write to.
    """
    from idse_orchestrator.git.shared import write_loose

    class LooseObjects(libgit2().OdbBackend):  # type: ignore[misc] # pygit2 is imported when it is needed
        """It holds nothing: what is written is read as all else is."""

        def write_cb(self, name: pygit2.Oid, data: bytes, kind: int) -> None:
            write_loose(folder, str(name), _KINDS[int(kind)], data)

        def exists_cb(self, _name: pygit2.Oid) -> bool:
            return False

        def refresh_cb(self) -> None:
            return

        def _missing(self, name: pygit2.Oid) -> NoReturn:
            raise KeyError(name)

        read_cb = read_header_cb = read_prefix_cb = exists_prefix_cb = _missing

    objects: pygit2.Odb = libgit2().Odb()
    objects.add_disk_alternate(folder)
    objects.add_backend(LooseObjects(), 1)
    return objects


def read_again(read: Callable[[], Answer], reopen: Callable[[], None]) -> Answer:
    """Returns what `read` does, which reads objects and may be called again after `reopen`.

    A `git gc` may take a pack away that libgit2 knows from a multi-pack-index. git looks for the object
    elsewhere; libgit2 1.9 does not. OSError where what is opened anew cannot be read either, or the
    StorageError that `write_objects` makes of it.
    """
    for _ in range(_TRIES):
        try:
            return read()
        except (OSError, StorageError) as error:
            if "invalid packfile" not in str(error.__cause__ or error):
                raise
            reopen()
    return read()


def _import_without_certificates() -> None:
    from types import ModuleType, SimpleNamespace

    before = sys.modules.get("ssl")
    nowhere = SimpleNamespace(cafile=None, capath=os.sep)
    stand_in = ModuleType("ssl")
    stand_in.__dict__.update(DefaultVerifyPaths=SimpleNamespace, get_default_verify_paths=lambda: nowhere)
    sys.modules["ssl"] = stand_in
    try:
        import pygit2  # noqa: F401 - the lazy door itself
    finally:
        del sys.modules["ssl"]
        if before is not None:
            sys.modules["ssl"] = before


STALE_AFTER_SECONDS = 5.0
"""A ``<ref>.lock`` older than this, seen while we hold the ledger lock, was left by a killed writer.

Every other idse is shut out, and git holds it for milliseconds, or for as long as a hook of the user's
for ``reference-transaction`` takes. To take the lock of a living git can lose its update or ours, to wait
for a dead one costs seconds once: so this is long, and `idse doctor` judges by the same number.
"""

PATIENCE = STALE_AFTER_SECONDS * 3
"""Seconds after which whoever still cannot move a ref gives up."""

_MOVED = ("old reference value does not match", "current tip is not the first parent", "already exists")
_LOCKED = (
    "failed to lock file",
    "failed to create locked file",
    "failed to rename lockfile",
    ".lock': File exists",
)
_NEVER_PASSES = ("Permission denied", "Read-only", "No space")
_REFUSED = (
    "No space",
    "Read-only",
    "Permission denied",
    "failed to write",
    "failed to create",
    "failed to lock",
    "failed to make",
    "unable to create",
)
_ZERO = b"\0" * 20


class RefMovedError(Exception):
    """The ref is no longer where the caller read it: read again and decide again."""


def move_ref(
    repository: pygit2.Repository,
    ref: str,
    new: str,
    expected_old: str | None,
    message: str | None,
    who: pygit2.Signature | None = None,
) -> None:
    """Points `ref` at `new` if it still is at `expected_old` (None: if it does not exist).

    The reflog says `message` and `who` (default: idse itself); none is begun where `message` is None.
    The caller holds the ledger lock. Raises RefMovedError when somebody was faster, StorageError
    when the disk refuses.
    """
    backend = _backend_of(repository)
    deadline = time.monotonic() + PATIENCE
    is_shared = sharing_at(repository.path) is not None
    who = who or libgit2().Signature("idse", "idse@localhost")
    while True:
        try:
            if is_shared:
                _write_by_git(repository, ref, new, expected_old, message, who)
            else:
                if expected_old is None and message is not None:
                    backend.ensure_log(ref)
                _write(backend, ref, new, expected_old, message, who)
                if message is not None and not _keeps_logs(repository):
                    _append_to_log(repository, ref, new, expected_old, message, who)
        except (libgit2().GitError, OSError, KeyError, ValueError) as error:
            words = str(error)
            if isinstance(error, KeyError) or any(sign in words for sign in _MOVED):
                raise RefMovedError(ref) from error
            if not _may_pass(words) or time.monotonic() > deadline:
                raise write_failure(ref, error) from error
            wait_for_lock_file(os.path.join(repository.path, f"{ref}.lock"))
        else:
            return


_backends: WeakKeyDictionary[pygit2.Repository, pygit2.RefdbFsBackend] = WeakKeyDictionary()


def _backend_of(repository: pygit2.Repository) -> pygit2.RefdbFsBackend:
    """Returns the one backend of an open repository: a new one reads packed-refs, 4 ms for 10,000 refs.

    It looks at the file's stamp before every use, so a packing by git is seen.
    """
    backend = _backends.get(repository)
    if backend is None:
        backend = _backends[repository] = libgit2().RefdbFsBackend(repository)
    return backend


def _write(
    backend: pygit2.RefdbFsBackend,
    ref: str,
    new: str,
    expected_old: str | None,
    message: str | None,
    who: pygit2.Signature,
) -> None:
    pygit2 = libgit2()
    old = pygit2.Oid(raw=_ZERO) if expected_old is None else pygit2.Oid(hex=expected_old)
    reference = pygit2.Reference(ref, pygit2.Oid(hex=new), None)
    backend.write(reference, True, who, message or "", old, None)  # noqa: FBT003 - it takes no keywords


def _keeps_logs(repository: pygit2.Repository) -> bool:
    """Tests whether libgit2 goes on with a reflog that is there, as git always does."""
    try:
        return repository.config.get_bool("core.logAllRefUpdates")
    except KeyError:
        return not repository.is_bare
    except (libgit2().GitError, ValueError):  # "always" is no boolean
        return True


def _append_to_log(
    repository: pygit2.Repository,
    ref: str,
    new: str,
    expected_old: str | None,
    message: str,
    who: pygit2.Signature,
) -> None:
    """Says in the reflog, which is there, what libgit2 did not."""
    sign, minutes = ("-", -who.offset) if who.offset < 0 else ("+", who.offset)
    by = f"{who.name} <{who.email}> {who.time} {sign}{minutes // 60:02}{minutes % 60:02}"
    line = f"{expected_old or _ZERO.hex()} {new} {by}\t{' '.join(message.split())}\n"
    path = os.path.join(repository.path, "logs", ref)
    with suppress(OSError), open(path, "ab") as file:  # the ref has moved already
        file.write(line.encode("utf-8", "surrogateescape"))


def _write_by_git(
    repository: pygit2.Repository,
    ref: str,
    new: str,
    expected_old: str | None,
    message: str | None,
    who: pygit2.Signature,
) -> None:
    """Does the same by git: of libgit2's ref, reflog and folders none would have its mode at any time."""
    from idse_orchestrator.git.shared import sharer_of

    def is_where_expected() -> bool:
        found = repository.references.get(ref)
        return (None if found is None else str(found.target)) == expected_old

    if not is_where_expected():  # or it is symbolic
        raise KeyError(ref)
    by = (who.name, who.email, who.time, who.offset)
    words = sharer_of(repository.path).update_ref(ref, new, expected_old or _ZERO.hex(), message, by)
    if words and not is_where_expected():
        raise KeyError(ref)
    if words:
        raise ValueError(words)


def _may_pass(words: str) -> bool:
    """Tests for a lock file that somebody holds, or a folder that `git pack-refs` took away."""
    if any(sign in words for sign in _NEVER_PASSES):
        return False
    return any(sign in words for sign in _LOCKED) or ("failed to make" in words and "No such file" in words)


def wait_for_lock_file(path: str) -> None:
    """Gives a living owner time; removes a lock file that nobody can still own."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        time.sleep(0.0005)
        return
    if time.time() - before.st_mtime < STALE_AFTER_SECONDS:
        time.sleep(0.005)
        return
    try:
        if os.stat(path).st_ino == before.st_ino:
            os.unlink(path)
    except FileNotFoundError:
        return
    except OSError:  # that of another user, in a folder that is not shared: `move_ref` says so in the end
        time.sleep(0.005)


def write_failure(ref: str, error: Exception) -> StorageError | GitFailedError:
    """Returns the error for an object or a ref that libgit2 could not write."""
    words = str(error)
    if isinstance(error, OSError) or any(sign in words for sign in _REFUSED):
        return StorageError(
            "the repository cannot be written",
            where=ref,
            cause=words,
            fix=("make room, or make the git directory writable, then run the command again",),
        )
    return GitFailedError(f"{ref} cannot be moved", cause=words)
