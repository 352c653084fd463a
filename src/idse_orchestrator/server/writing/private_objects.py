"""Objects that nobody can read yet, and the writer that makes events of them.

They stand where git has its quarantines, so what a killed server leaves is swept with those. The judge reads
them there, as those of a push. What is refused is removed, and was never in the store.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.files import make_folder, storage_error, sync_to_disk
from idse_orchestrator.base.names import folder_objects, nested
from idse_orchestrator.git.libgit2 import libgit2, open_apart
from idse_orchestrator.git.objects import TREE, write_objects
from idse_orchestrator.ledger.git_backend import GitBackend
from idse_orchestrator.ledger.writer import EventMaker
from idse_orchestrator.pipeline.writer import LedgerWriter

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Actor, Tip
    from idse_orchestrator.ledger.kinds import Kinds, Named
    from idse_orchestrator.ledger.writer import Made

_WHAT = "the home of the Agency"
_COMMITTER = ("Agency Core", "idse@localhost")


@contextmanager
def private_objects(git_dir: str) -> Iterator[str]:
    """Makes a private folder of objects beside the store of a repository; with the block it is gone."""
    folder = os.path.join(git_dir, "objects", f"incoming-{secrets.token_hex(8)}")
    make_folder(folder, _WHAT)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take_over(git_dir: str, folder: str) -> None:
    """Moves the objects of a private folder into the store: each is on the disk before it is there."""
    touched = set()
    for inner in sorted(os.listdir(folder)):
        if len(inner) != 2 or not os.path.isdir(os.path.join(folder, inner)):
            continue  # the lock of the writer
        target = os.path.join(git_dir, "objects", inner)
        make_folder(target, _WHAT)
        for name in os.listdir(os.path.join(folder, inner)):
            before, after = os.path.join(folder, inner, name), os.path.join(target, name)
            sync_to_disk(before, _WHAT)
            try:
                if not os.path.exists(after):
                    os.rename(before, after)
            except OSError as error:
                raise storage_error(error, after, _WHAT) from error
        touched.add(target)
    for target in (*touched, os.path.join(git_dir, "objects")):
        sync_to_disk(target, _WHAT)


class PrivateBackend(GitBackend):
    """The `Backend` port whose entries go to a private `folder`, and whose refs move later, if at all.

    `moves` are (ref, old, new), `events` the ids of what was kept, and `state` is what the last of it says.
    """

    def __init__(self, vault: Vault, folder: str, actor: Actor, chance: Callable[[], bytes]) -> None:
        super().__init__(vault, lambda: actor)
        self.maker = EventMaker(lambda: actor, chance=chance)
        self._folder = folder
        self.moves: list[tuple[str, str, str]] = []
        self.events: list[str] = []
        self.state = b""

    def keep(self, named: Named, made: Made) -> str:
        """See `Backend.keep`."""
        self.events.append(made.event.id)
        self.state = made.state
        return super().keep(named, made)

    def move(self, named: Named, old: str | None, new: Tip[Any], subject: str) -> None:  # noqa: ARG002 - a port
        """Remembers the move."""
        self.moves.append((self.title(named), old or "", new.commit))

    def committer(self) -> pygit2.Signature | None:
        """The Agency."""
        found: pygit2.Signature = libgit2().Signature(*_COMMITTER, int(self.maker.clock()), 0)
        return found

    def folder_of(
        self, documents: Mapping[str, bytes], kept: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Writes a folder of `documents` by path, beside those that are `kept` by their ids.

        Returns its id, and all ids by path. Raises ValueError where paths exclude each other.
        """
        blobs = {path: self._write(libgit2().GIT_OBJECT_BLOB, data) for path, data in documents.items()}
        files = {**kept, **blobs}
        ident, rows = folder_objects(nested(files))
        for _, content in rows:
            self._write(TREE, content)
        return ident, files

    def _write(self, kind: int, data: bytes) -> str:
        return write_objects(self._folder, lambda: str(self.git.write(kind, data)))

    @cached_property
    def git(self) -> pygit2.Repository:
        """The repository as libgit2 has it, with the private folder to write to."""
        return open_apart(self._vault.common_dir, self._folder)


class PrivateWriter(LedgerWriter):
    """Appends to ledgers by a private backend, under the lock of the repository that every door takes."""

    def __init__(self, folder: str, kinds: Kinds, backend: PrivateBackend) -> None:
        super().__init__(folder, kinds, backend, backend.maker)

    def ready(self) -> None:
        """Nothing keeps it from writing."""
