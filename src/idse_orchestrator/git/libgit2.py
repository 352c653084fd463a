"""The one place that imports pygit2, and pays only for what is used.

Importing pygit2 parses the whole bundle of certificate authorities (9 to 14 ms) and *raises* where
there is none, as in minimal containers. idse never lets libgit2 talk to a network, so the import is
shown an empty certificate folder and the environment is put back right after. A process with threads
imports it before it starts them: see `wiring`.
"""

from __future__ import annotations

import os
import sys
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

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
    """The pygit2 module, imported on first use."""
    if not _imported:
        with _importing:
            if "pygit2" not in sys.modules:
                _import_without_certificates()
            _imported.append(sys.modules["pygit2"])
    return _imported[0]


def open_repository(common_dir: str) -> pygit2.Repository:
    """Open the repository whose (common) git directory is `common_dir`, without searching.

    The common directory is opened on purpose, not the worktree's: ledgers are shared by all
    worktrees, and what belongs to one worktree is read and written by the git program.
    """
    pygit2 = libgit2()
    return pygit2.Repository(common_dir, pygit2.enums.RepositoryOpenFlag.NO_SEARCH)  # type: ignore[no-any-return]


def read_again(read: Callable[[], Answer], reopen: Callable[[], None]) -> Answer:
    """Returns what `read` does, which reads objects and may be called again after `reopen`.

    A `git gc` may take a pack away that libgit2 knows from a multi-pack-index. git looks for the object
    elsewhere; libgit2 does not. OSError where what is opened anew cannot be read either.
    """
    for _ in range(_TRIES):
        try:
            return read()
        except OSError as error:
            if not pack_is_gone(error):
                raise
            reopen()
    return read()


def pack_is_gone(error: Exception) -> bool:
    """Tests for the error of libgit2 1.9 that `read_again` is about."""
    return isinstance(error, OSError) and "invalid packfile" in str(error)


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
