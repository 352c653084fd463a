"""Clients and repositories as they are: rows of the database and folders of the home, changed together.

Folders are made, moved and removed under the repository's lock, which every door holds. A process that is
killed on the way leaves what `idse agency doctor --fix` brings in line: the database says what is right.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from idse_orchestrator.base.files import make_folder, storage_error, sync_to_disk, write_atomically
from idse_orchestrator.errors import BusyError, ConflictError
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import Caller
from idse_orchestrator.server.tenants.admin import Admin, Client, Found, Repository
from idse_orchestrator.server.tenants.bundles import refs_in, write_bundle
from idse_orchestrator.server.tenants.home import Home, make_repository, size_of, write_record
from idse_orchestrator.server.tenants.keys import Key

DELETED = ".deleted"
"""How the folder of a repository ends while it is being removed."""
_WHAT = "the home of the Agency"
_PUSH_SECONDS = 90.0
"""A push holds its repository while it is judged, a minute at most, and while git moves its refs."""


class Tenants:
    """The clients of the Agency in `home`; `git` runs where a repository is bundled."""

    def __init__(self, home: Home, admin: Admin, git: Git) -> None:
        self.home = home
        self.admin = admin
        self._git = git

    def add_client(self, name: str, *, max_bytes: int = 0, max_repositories: int = 0) -> Client:
        """Adds a client and its folder."""
        client = self.admin.add_client(name, max_bytes=max_bytes, max_repositories=max_repositories)
        self.write_client_record(client)
        return client

    def write_client_record(self, client: Client) -> None:
        """Writes the file by which a client is known without the database."""
        make_folder(self.home.client_dir(client.name), _WHAT)
        write_record(
            self.home.client_record(client.name), client.id, client.name, self.admin.former_names(client)
        )

    def rename_client(self, old: str, new: str) -> Client:
        """Renames a client: its folder and its rules move, its old name leads to the new one."""
        client = self.admin.client(old)
        if client.name == new:
            return client
        names = [each.name for each in self.admin.repositories(client.name)]
        places = [Place(name, each) for name in (client.name, new) for each in names]

        def move() -> None:
            self._copy_rules(client.name, new)
            _move(self.home.client_dir(client.name), self.home.client_dir(new))

        with self.home.locked(*places):
            renamed = self.admin.rename_client(client.name, new, move)
            self.write_client_record(renamed)
        with suppress(FileNotFoundError):
            os.unlink(self._rules(client.name))
        return renamed

    def _rules(self, client: str) -> str:
        return os.path.join(self.home.rules, f"{client}.yaml")

    def _copy_rules(self, old: str, new: str) -> None:
        """Copies a client's rules first and removes them last: at no moment is the client without."""
        try:
            with open(self._rules(old), "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return
        write_atomically(self._rules(new), content, durable=True, what=_WHAT)

    def delete_client(self, name: str, *, confirm: str, purge: bool = False) -> Client:
        """Deletes an archived client that has no repository any more. Its name is never given again."""
        known = self.admin.repositories(name, with_deleted=True)
        client = self.admin.delete_client(name, confirm=confirm)
        if purge:
            for each in known:
                self._purge(each)
            self.admin.purge(client.id, [""])
        with suppress(FileNotFoundError):
            os.unlink(self._rules(client.name))
        shutil.rmtree(self.home.client_dir(client.name), ignore_errors=True)
        return client

    def add_repository(self, place: Place, caller: Caller | None = None) -> Found:
        """Adds a repository and its folder; for a caller one that is there is found."""

        def make(ident: str) -> None:
            make_repository(self.home.git_dir(place))
            write_record(self.home.record(place), ident, place.repository)

        return self.admin.add_repository(caller, place, make)

    def rename_repository(self, place: Place, new: str) -> Repository:
        """Renames a repository: its folder moves, its old name leads to the new one."""
        with self._held(place) as known:
            before, after = known.place, Place(known.client, new)
            former = tuple(sorted({known.name, *known.former} - {new}))

            def move() -> None:
                write_record(self.home.record(after), known.id, new, former)
                _move(self.home.git_dir(before), self.home.git_dir(after))

            renamed = self.admin.rename_repository(before, new, move)
            if before != after:
                os.unlink(self.home.record(before))
        return renamed

    def archive_repository(self, place: Place) -> Repository:
        """Ends pushes to a repository; one that is under way ends before."""
        with self._held(place) as known:
            return self.admin.archive_repository(known.place)

    def archive_client(self, name: str) -> Client:
        """Ends pushes of a client; those that are under way end before this returns, or come too late."""
        client = self.admin.archive_client(name)
        self._let_pushes_end(client.name, f"client {client.name} is archived")
        return client

    def revoke_key(self, key_id: str) -> Key:
        """Ends a key; pushes that are under way with it end before this returns, or come too late."""
        key = self.admin.keys.revoke(key_id)
        self._let_pushes_end(key.client, f"key {key.id} is revoked")
        return key

    @contextmanager
    def _held(self, place: Place) -> Iterator[Repository]:
        """Holds the lock of a repository that is called `place`, or was, and yields what is known of it."""
        while True:
            known = self.admin.repository(place)
            with self.home.locked(known.place):
                if self.admin.repository(place).place == known.place:  # or it was renamed meanwhile
                    yield known
                    return

    def _let_pushes_end(self, client: str, done: str) -> None:
        """Waits for each push to repositories of `client` ("" : of all) that had its last look before now."""
        for each in self.admin.repositories(client):
            try:
                with self.home.locked(each.place, timeout=_PUSH_SECONDS):
                    pass
            except BusyError as error:
                raise BusyError(
                    f"{done}, but a push that began before is still under way",
                    where=str(each.place),
                    cause=f"it holds the repository for more than {_PUSH_SECONDS:g} s",
                    fix=("idse agency doctor",),
                ) from error

    def delete_repository(self, place: Place, *, confirm: str, purge: bool = False) -> tuple[Repository, str]:
        """Deletes an archived repository once its bundle is in backup/; returns it and the bundle's path.

        With `purge` the bundle, kept verdicts, and details in the audit go as well; that can be done later.
        """
        known = self.admin.check_deletable(place, confirm)
        if known.deleted_at and not purge:
            raise ConflictError(
                f"repository {known.place} was deleted before",
                fix=(f"idse agency repository delete {known.place} --confirm {known.place} --purge",),
            )
        bundle = ""
        if not known.deleted_at:
            with self._held(place) as known:
                bundle = "" if purge else self._bundle(known)
                self._remove(known, confirm)
        if purge:
            self._purge(known)
        return known, bundle

    def _remove(self, known: Repository, confirm: str) -> None:
        folder = self.home.git_dir(known.place)
        above, name = os.path.split(folder)
        aside = os.path.join(above, f".{name}.{secrets.token_hex(4)}{DELETED}")
        self.admin.delete_repository(known.place, confirm=confirm, remove=lambda: _move(folder, aside))
        shutil.rmtree(aside, ignore_errors=True)
        with suppress(FileNotFoundError):
            os.unlink(self.home.record(known.place))

    def _bundle(self, known: Repository) -> str:
        git = self._git.at(self.home.git_dir(known.place))
        refs = refs_in(git)
        if not refs:
            return ""
        path = os.path.join(self.home.backup, f"{known.client}-{known.name}-{known.id}.bundle")
        write_bundle(git, refs, path)
        git.text("bundle", "verify", "--quiet", path)
        sync_to_disk(self.home.backup, _WHAT)
        return path

    def _purge(self, known: Repository) -> None:
        for name in os.listdir(self.home.backup):
            if name.endswith(f"-{known.id}.bundle"):
                os.unlink(os.path.join(self.home.backup, name))
        for name in (known.name, *known.former):
            shutil.rmtree(os.path.join(self.home.cache, known.client, name), ignore_errors=True)
        shutil.rmtree(os.path.join(self.home.cache, known.id), ignore_errors=True)
        self.admin.purge(known.client_id, (known.name, *known.former))

    def measure(self, place: Place, *, pushed: bool = True) -> int:
        """Returns the bytes of a repository, and keeps them for its client's quota; called after a push."""
        count = size_of(self.home.git_dir(place))
        self.admin.note_bytes(place, count, pushed=pushed)
        return count


def _move(before: str, after: str) -> None:
    """Moves a folder; what stands where it is to go keeps it from moving."""
    if before == after:
        return
    try:
        os.rename(before, after)
    except OSError as error:
        raise storage_error(error, after, _WHAT) from error
    sync_to_disk(os.path.dirname(after), _WHAT)
