"""The git ledger as a DesignStore: the refs under ``refs/idse/`` of one repository.

Commands on a repository use the ledgers more directly (`git.ledger`), because a status must not wait
for libgit2 to load. This is the door for whatever moves ledgers between stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLOB, COMMIT, FOLDER, PLAIN, TREE
from idse_orchestrator.errors import ConflictError, GitFailedError, LedgerMovedError
from idse_orchestrator.git import objects as kinds
from idse_orchestrator.git.libgit2 import RefMovedError, libgit2, move_ref, open_repository
from idse_orchestrator.git.objects import Objects, objects_of, parse_commit, write_objects
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.stores.design_store import (
    EntryStore,
    LedgerKey,
    check_append,
    check_new_key,
    check_tip,
    checked_entry,
    ledger_ref,
    no_such_content,
    no_such_ledger,
)
from idse_orchestrator.stores.entry import Load, StoreEntry, corrupt_entry, entry_objects

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.git.vault import Vault

_NUMBERS = {BLOB: kinds.BLOB, TREE: kinds.TREE, COMMIT: kinds.COMMIT}
_REMEMBERED = 10_000


class GitStore(EntryStore):
    """The `DesignStore` port on a repository; `reason` is what its reflogs say of a change."""

    def __init__(self, vault: Vault, reason: str = "idse: import") -> None:
        self._vault = vault
        self._reader = GitLedgerReader(vault)
        self._reason = reason
        self._folders: dict[str, Mapping[str, str]] = {}

    def list_projects(self) -> Sequence[str]:
        """See `DesignStore.list_projects`."""
        return self._reader.projects()

    def list_sessions(self, project: str | None = None) -> Sequence[LedgerKey]:
        """See `DesignStore.list_sessions`."""
        return self._reader.sessions(project)

    def save_session(self, key: LedgerKey, entries: Sequence[StoreEntry], expected: str | None) -> str:
        """See `DesignStore.save_session`."""
        ref = ledger_ref(key)
        with ledger_lock(self._vault):
            check_tip(key, self._tip(key), expected)
            if expected is None:
                check_new_key(self, key)
            ids = check_append(entries, expected, self._objects.has, self._objects.has)
            for entry in entries:
                self._install(ref, entry)
            try:
                move_ref(self._git, ref, ids[-1], expected, self._reason)
            except RefMovedError as error:
                raise LedgerMovedError(f"{ref} moved", fix=("run the command again",)) from error
        return ids[-1]

    def delete_session(self, key: LedgerKey, expected: str) -> None:
        """See `DesignStore.delete_session`."""
        with ledger_lock(self._vault):
            tip = self._tip(key)
            if tip is None:
                raise no_such_ledger(key)
            check_tip(key, tip, expected)
            done = self._vault.git.attempt("update-ref", "-m", self._reason, "-d", ledger_ref(key), expected)
        if done.returncode:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise ConflictError(f"{ledger_ref(key)} cannot be deleted", cause=words)

    def load_artifact(self, content_id: str) -> bytes:
        """See `DesignStore.load_artifact`."""
        if len(content_id) != 40 or not set(content_id) <= set("0123456789abcdef"):
            raise no_such_content(content_id)
        if not self._objects.has(content_id):
            raise no_such_content(content_id)
        return self._objects.read(content_id, kinds.BLOB)

    def save_artifact(self, content: bytes) -> str:
        """See `DesignStore.save_artifact`."""
        return write_objects("a document", lambda: str(self._git.create_blob(content)))

    def _install(self, ref: str, entry: StoreEntry) -> None:
        def write() -> None:
            for kind, content in entry_objects(entry):
                self._git.write(_NUMBERS[kind], content)

        write_objects(ref, write)

    def _tip(self, key: LedgerKey) -> str | None:
        ref = ledger_ref(key)
        try:
            return str(self._git.lookup_reference(ref).resolve().target)
        except KeyError:
            return None
        except (libgit2().GitError, ValueError) as error:
            raise corrupt_entry(ref, str(error)) from error

    def _loader(self, key: LedgerKey) -> Load:  # noqa: ARG002 - one load for all ledgers
        return self._entry

    def _entry(self, name: str) -> StoreEntry:
        commit = self._objects.read(name, kinds.COMMIT)
        tree, _, _ = parse_commit(commit)
        rows = {(row.path, row.mode): row.id for row in self._objects.entries(tree)}
        event, state = rows.pop((EVENT, PLAIN), None), rows.pop((STATE, PLAIN), None)
        folder = rows.pop((ARTIFACTS, FOLDER), None)
        if state is None or rows:
            raise corrupt_entry(name, "its tree is not that of a ledger commit")
        entry = StoreEntry(
            commit,
            self._objects.read(event, kinds.BLOB) if event else None,
            self._objects.read(state, kinds.BLOB),
            self._documents(name, folder) if folder else None,
        )
        return checked_entry(name, entry)

    def _documents(self, name: str, folder: str) -> Mapping[str, str]:
        """Returns the files below a tree, once: one folder mostly serves many entries."""
        found = self._folders.get(folder)
        if found is None:
            if len(self._folders) >= _REMEMBERED:
                self._folders.clear()
            found = self._folders[folder] = dict(self._files(name, folder, ""))
        return found

    def _files(self, name: str, folder: str, prefix: str) -> Iterator[tuple[str, str]]:
        for row in self._objects.entries(folder, prefix):
            if row.mode == FOLDER:
                yield from self._files(name, row.id, f"{row.path}/")
            elif row.mode == PLAIN:
                yield row.path, row.id
            else:
                raise corrupt_entry(name, f"{row.path} has mode {row.mode}, and documents are plain files")

    @cached_property
    def _objects(self) -> Objects:
        return objects_of(self._vault.common_dir)

    @cached_property
    def _git(self) -> pygit2.Repository:
        try:
            return open_repository(self._vault.common_dir)
        except (libgit2().GitError, OSError) as error:
            raise GitFailedError(
                "libgit2 cannot open this repository", where=self._vault.common_dir, cause=str(error)
            ) from error
