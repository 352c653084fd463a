"""The one place that imports pygit2, paying only for what is used; and the compare-and-swap of a ref.

Importing pygit2 parses the whole bundle of certificate authorities (9 to 14 ms) and *raises* where
there is none, as in minimal containers. idse never lets libgit2 talk to a network, so the import is
shown an empty certificate folder and the environment is put back right after. A process with threads
imports it before it starts them: see `wiring`.

libgit2 1.9 has one call that is a true compare-and-swap for existing *and* for new refs: the file
backend's `write` with an expected old id, where the zero id means "must not exist". Everything else it
offers let two creators both win. Deleting, renaming and packing stay with the git program: libgit2
rewrites packed-refs from a stale cache.
"""

from __future__ import annotations

import os
import sys
import time
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from idse_orchestrator.errors import GitFailedError, StorageError

if TYPE_CHECKING:
    import types
    from collections.abc import Callable

    import pygit2 as pygit2  # noqa: PLC0414 - the door for its types, too

_CERTIFICATES = {"SSL_CERT_FILE": os.devnull + "/none", "SSL_CERT_DIR": os.sep}
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
            _imported.append(sys.modules["pygit2"])
    return _imported[0]


def open_repository(common_dir: str) -> pygit2.Repository:
    """Opens the repository whose (common) git directory is `common_dir`, without searching.

    The common directory is opened on purpose, not the worktree's: ledgers are shared by all
    worktrees, and what belongs to one worktree is read and written by the git program.
    """
    pygit2 = libgit2()
    return pygit2.Repository(common_dir, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)  # type: ignore[no-any-return]


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
    environment = os.environ  # noqa: TID251 - OpenSSL reads these nowhere else
    before = {name: environment.get(name) for name in _CERTIFICATES}
    environment.update(_CERTIFICATES)
    try:
        import pygit2  # noqa: F401 - the lazy door itself
    finally:
        for name, value in before.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value


STALE_AFTER_SECONDS = 5.0
"""A ``<ref>.lock`` older than this, seen while we hold the ledger lock, was left by a killed writer.

Every other idse is shut out, and git holds it for milliseconds, or for as long as a hook of the user's
for ``reference-transaction`` takes. To take the lock of a living git can lose its update or ours, to wait
for a dead one costs seconds once: so this is long, and `idse doctor` judges by the same number.
"""

PATIENCE = STALE_AFTER_SECONDS * 3
"""Seconds after which whoever still cannot move a ref gives up."""

_MOVED = ("old reference value does not match", "current tip is not the first parent", "already exists")
_LOCKED = ("failed to lock file", "failed to create locked file", "failed to rename lockfile")
_NEVER_PASSES = ("Permission denied", "Read-only", "No space")
_REFUSED = (
    "No space",
    "Read-only",
    "Permission denied",
    "failed to write",
    "failed to create",
    "failed to lock",
    "failed to make",
)
_ZERO = b"\0" * 20


class RefMovedError(Exception):
    """The ref is no longer where the caller read it: read again and decide again."""


def move_ref(
    repository: pygit2.Repository,
    ref: str,
    new: str,
    expected_old: str | None,
    message: str,
    who: pygit2.Signature | None = None,
) -> None:
    """Points `ref` at `new` if it still is at `expected_old` (None: if it does not exist).

    The reflog says `message` and `who` (default: idse itself).
    The caller holds the ledger lock. Raises RefMovedError when somebody was faster, StorageError
    when the disk refuses.
    """
    backend = _backend_of(repository)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if expected_old is None:
                backend.ensure_log(ref)
            _write(backend, ref, new, expected_old, message, who)
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
    message: str,
    who: pygit2.Signature | None,
) -> None:
    pygit2 = libgit2()
    old = pygit2.Oid(raw=_ZERO) if expected_old is None else pygit2.Oid(hex=expected_old)
    who = who or pygit2.Signature("idse", "idse@localhost")
    reference = pygit2.Reference(ref, pygit2.Oid(hex=new), None)
    backend.write(reference, True, who, message, old, None)  # noqa: FBT003 - it takes no keywords


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
