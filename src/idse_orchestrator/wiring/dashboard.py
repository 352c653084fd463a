"""Puts the pages of one repository together: its ledgers, projected into a file of idse's private folder.

That file only saves time: with it a start reads what moved since the last one. It may be deleted at any time,
and each release of idse has its own.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import file_lock, make_folder, remove_file
from idse_orchestrator.errors import StorageError
from idse_orchestrator.server.api.reads import Reads
from idse_orchestrator.server.judgement.rules import generation
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import READ, Caller
from idse_orchestrator.server.pages.local import LocalServer
from idse_orchestrator.server.pages.site import Site
from idse_orchestrator.server.pages.versions import Versions
from idse_orchestrator.server.pages.views import Views
from idse_orchestrator.server.projection.index import reconcile
from idse_orchestrator.server.projection.project import PORTION, Projector
from idse_orchestrator.server.projection.schema import version
from idse_orchestrator.server.projection.sqlite_store import SqliteStore
from idse_orchestrator.server.tenants.admin import Admin, Record
from idse_orchestrator.server.tenants.home import Home
from idse_orchestrator.server.tenants.keys import iso
from idse_orchestrator.wiring.ledgers import KINDS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault

_CLIENT = "here"
_IDS = ("00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002")
"""Of the one client and its repository: the same at each start, as rows bear them."""
_PAUSE = 1.0
"""Seconds for which a page is taken to be as new as the ledgers."""
_FOLDER, _LOCK = "pages", "start.lock"
_PATIENCE = 30.0
_UNUSED_SECONDS = 7 * 86_400
_DATABASE = ".db"


class _Here(Home):
    """A home whose one repository stands elsewhere, and is only read; `path` has tables and verdicts."""

    def __init__(self, path: str, vault: Vault) -> None:
        super().__init__(path)
        self._vault = vault

    def git_dir(self, place: Place) -> str:  # noqa: ARG002 - there is one
        """Returns the repository of the user."""
        return self._vault.common_dir


@contextmanager
def dashboard(vault: Vault, folder: str, port: int, say: Callable[[str], None]) -> Iterator[LocalServer]:
    """Opens the pages of the repository of `vault`, called as its `folder`.

    Nothing but the private folder is written, and not even that where it cannot be. `say` is told how far
    reading the ledgers came.
    """
    with tempfile.TemporaryDirectory(prefix="idse-dashboard-") as temporary:
        name = os.path.basename(folder.rstrip(os.sep))
        place = Place(_CLIENT, _tenant_name(name))
        admin = Admin.make(os.path.join(temporary, "admin.db"), lambda: 0.0)
        client = admin.add_client(_CLIENT, known=Record(_IDS[0]))
        admin.add_repository(None, place, known=Record(_IDS[1]))
        home = _Here(_kept(vault) or temporary, vault)
        store = _store(home)
        try:
            caller = Caller(_CLIENT, client.id, _CLIENT, "", (READ,))
            keeping = _Keeping(Projector(home, admin, store, KINDS), store, admin)
            reads = Reads(store, admin, home)
            views = Views(store, reads, admin, Versions(reads, home))
            try:
                keeping.look(say)
                first = _first(views, caller)
            except StorageError:
                keeping.mend(say)
                first = _first(views, caller)
            site = Site(views, name or place.repository, lambda: iso(time.time()), home=first)

            def rest() -> None:
                store.close()
                admin.close()

            with closing(LocalServer(site, caller, port, keeping, rest)) as local:
                yield local
        finally:
            store.close()
            admin.close()


def _kept(vault: Vault) -> str:
    """Returns the folder that keeps tables from one start to the next; "" where nobody may write there."""
    path = os.path.join(vault.private, _FOLDER)
    try:
        make_folder(path)
        os.chmod(path, 0o700)  # refused where it is another user's, who shares this repository
    except (OSError, StorageError):
        return ""
    return path if os.access(path, os.W_OK) else ""


def _store(home: Home) -> SqliteStore:
    """Returns the tables of this release, made where there are none; those that nobody used go."""
    own = f"{version()}-{generation()}{_DATABASE}"
    store = SqliteStore(os.path.join(home.path, own), home.path)
    with file_lock(home.path, _PATIENCE, _LOCK):
        if not store.is_current():
            store.make()
        os.utime(store.path)
        _forget_unused(home.path, own)
    return store


def _forget_unused(folder: str, own: str) -> None:
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with suppress(OSError, StorageError):
            is_old = time.time() - os.stat(path).st_mtime > _UNUSED_SECONDS
            if _DATABASE in name and not name.startswith(own) and is_old:
                remove_file(path)


def _silent(_words: str) -> None:
    """Says nothing."""


class _Keeping:
    """Keeps the tables as the ledgers are."""

    def __init__(self, projector: Projector, store: SqliteStore, admin: Admin) -> None:
        self._projector = projector
        self._store = store
        self._admin = admin
        self._turn = threading.Lock()
        self._looked = -_PAUSE

    def look(self, say: Callable[[str], None] = _silent) -> None:
        """Reads what changed, unless somebody did just now."""
        with self._turn:
            if time.monotonic() - self._looked >= _PAUSE:
                self._read(say)

    def mend(self, say: Callable[[str], None] = _silent) -> None:
        """Reads all anew where what was kept is damaged; a page failed, so it is worth a look."""
        with self._turn:
            if not self._store.is_whole():
                self._store.make()
            self._read(say)

    def _read(self, say: Callable[[str], None]) -> None:
        reconcile(self._projector, self._admin.repositories(), say, PORTION)
        self._looked = time.monotonic()


def _first(views: Views, caller: Caller) -> str:
    """Returns the page that opens first: the grid of the only project, or all projects."""
    projects = views.client(caller, _CLIENT).data["projects"]
    return str(projects[0]["at"]) if len(projects) == 1 else f"/c/{_CLIENT}"


def _tenant_name(name: str) -> str:
    """Returns what of a folder's name may stand in an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:39].strip("-") or "repository"
