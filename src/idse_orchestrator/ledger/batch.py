"""Appends to many ledgers at once: one pack of objects, then one transaction of refs.

One by one, ten thousand new ledgers are forty thousand files and as many moves of refs. Here they are one
file, and git moves all the refs or none.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.files import file_lock
from idse_orchestrator.base.names import content_id
from idse_orchestrator.errors import BusyError, LedgerMovedError
from idse_orchestrator.git.libgit2 import PATIENCE, STALE_AFTER_SECONDS, wait_for_lock_file
from idse_orchestrator.git.objects import BLOB, COMMIT, TREE, commit_text, write_objects
from idse_orchestrator.git.program import failure
from idse_orchestrator.ledger.git_backend import GitBackend, tree_of
from idse_orchestrator.ledger.kinds import Named
from idse_orchestrator.ledger.writer import EventMaker, Plan, Writer

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Tip
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.ledger.writer import Made

_TRIES = 50
_LOOSE = 400
"""So many objects are written faster one by one than as a pack."""
_KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob"}
_ZERO = "0" * 40
_TAKEN = re.compile(r"reference already exists|but expected|unable to resolve reference")
_LOCK = re.compile(r"'([^'\n]*\.lock)': File exists")


class BatchBackend(GitBackend):
    """The `Backend` port whose entries and moves wait until `flush`."""

    def __init__(self, vault: Vault, maker: EventMaker) -> None:
        super().__init__(vault, maker.acting, maker.clock)
        self.maker = maker
        self._waiting: dict[str, tuple[int, bytes]] = {}
        self._moves: list[tuple[str, str, Tip[Any]]] = []

    def keep(self, named: Named, made: Made) -> str:  # noqa: ARG002 - the port's signature
        """See `Backend.keep`."""
        tree = self._put(TREE, tree_of(made, self._put(BLOB, made.data), self._put(BLOB, made.state)))
        parents = [made.before] if made.before else []
        return self._put(
            COMMIT, commit_text(self._author(made), made.message, tree, parents, self.committer())
        )

    def move(self, named: Named, old: str | None, new: Tip[Any], subject: str) -> None:  # noqa: ARG002 - as above
        """See `Backend.move`."""
        self._moves.append((self.title(named), old or _ZERO, new))

    def forget(self) -> None:
        """Drops what waits."""
        self._waiting, self._moves = {}, []

    def flush(self) -> None:
        """Writes what waits, then moves all refs or none. LedgerMovedError where one moved meanwhile."""
        try:
            if self._moves:
                self._install()
                self._move_all()
        finally:
            self.forget()

    def _put(self, kind: int, content: bytes) -> str:
        name = content_id(_KINDS[kind], content)
        self._waiting[name] = (kind, content)
        return name

    def _install(self) -> None:
        if len(self._waiting) <= _LOOSE:
            write_objects(self._vault.common_dir, self._write_loose)
            return
        from idse_orchestrator.git.packs import PackWriter

        pack = PackWriter()
        for name, (kind, content) in self._waiting.items():
            pack.add(_KINDS[kind], content, name)
        pack.install(self._vault.git)
        self._reopen()  # libgit2 looks for a new pack only after it missed an object

    def _write_loose(self) -> None:
        for kind, content in self._waiting.values():
            self.git.write(kind, content)

    def _move_all(self) -> None:
        lines = "".join(f"update {ref} {tip.commit} {old}\n" for ref, old, tip in self._moves)
        args = ("update-ref", "--stdin")
        deadline = time.monotonic() + PATIENCE
        while (done := self._vault.git.attempt(*args, stdin=lines.encode(), timeout=600)).returncode:
            words = done.stderr.decode("utf-8", "replace")
            held = _LOCK.search(words)
            if held is None or time.monotonic() > deadline:
                raise LedgerMovedError(words) if _TAKEN.search(words) else failure(args, done)
            sweep_locks(os.path.dirname(held[1]))
            wait_for_lock_file(held[1])
        for ref, _, tip in self._moves:
            self._remember(ref, tip)


def sweep_locks(folder: str) -> int:
    """Removes the lock files of refs in `folder` that a killed git left; returns how many.

    The caller holds the lock of these ledgers. A transaction of thousands that is killed leaves thousands.
    """
    removed = 0
    with os.scandir(folder) as entries:
        names = [entry.path for entry in entries if entry.name.endswith(".lock")]
    for path in names:
        try:
            if time.time() - os.stat(path).st_mtime > STALE_AFTER_SECONDS:
                os.unlink(path)
                removed += 1
        except FileNotFoundError:
            continue
    return removed


class BatchWriter(Writer):
    """Appends to many ledgers in one step; see `Writer`."""

    def __init__(self, private: str, kinds: Kinds, backend: BatchBackend, lock: str = "lock") -> None:
        super().__init__(private, kinds, backend, backend.maker, lock)
        self._batch = backend

    def append_each(self, kind: str, plans: Iterable[tuple[Sequence[str], Plan]]) -> Sequence[Tip[Any]]:
        """Appends what each plan says to the ledger of its names, all of it or nothing.

        Returns the tips of the ledgers that moved. Each ledger may be named once.
        """
        wanted = [(Named(self._kinds[kind], tuple(names)), plan) for names, plan in plans]
        for named, _ in wanted:
            named.kind.ref(*named.names)
        with file_lock(self._private, name=self._lock):
            for _ in range(_TRIES):
                try:
                    return self._append_all(wanted)
                except LedgerMovedError:
                    continue  # a writer without our lock was faster
        raise BusyError(f"the ledgers of {kind}s kept moving", fix=("run the command again",))

    def _append_all(self, wanted: Iterable[tuple[Named, Plan]]) -> Sequence[Tip[Any]]:
        tips = []
        try:
            for named, plan in wanted:
                before = self._batch.read(named)
                drafts = plan(before)
                if drafts:
                    tips.append(self._append(named, before, drafts)[-1])
            self._batch.flush()
        finally:
            self._batch.forget()
        return tips
