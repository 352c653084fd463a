"""Puts the pages of one repository together: its ledgers, projected into a temporary folder."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.server.api.reads import Reads
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import READ, Caller
from idse_orchestrator.server.pages.local import LocalServer
from idse_orchestrator.server.pages.site import Site
from idse_orchestrator.server.pages.versions import Versions
from idse_orchestrator.server.pages.views import Views
from idse_orchestrator.server.projection.index import PORTION, reconcile
from idse_orchestrator.server.projection.project import Projector
from idse_orchestrator.server.projection.sqlite_store import SqliteStore
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.home import Home, make_home
from idse_orchestrator.server.tenants.keys import iso
from idse_orchestrator.wiring.ledgers import KINDS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault

_CLIENT = "here"
_PAUSE = 1.0
"""Seconds for which a page is taken to be as new as the ledgers."""


class _Here(Home):
    """A home whose one repository stands elsewhere, and is only read."""

    def __init__(self, path: str, vault: Vault) -> None:
        super().__init__(path)
        self._vault = vault

    def git_dir(self, place: Place) -> str:  # noqa: ARG002 - there is one
        """Returns the repository of the user."""
        return self._vault.common_dir


@contextmanager
def dashboard(vault: Vault, folder: str, port: int, say: Callable[[str], None]) -> Iterator[LocalServer]:
    """Opens the pages of the repository of `vault`, called as its `folder`; nothing is written to it.

    `say` is told how far reading the ledgers came.
    """
    with tempfile.TemporaryDirectory(prefix="idse-dashboard-") as kept:
        home = _Here(make_home(os.path.join(kept, "home")).path, vault)
        admin = Admin(home.admin_db)
        store = SqliteStore(os.path.join(home.path, "projection.db"), home.run)
        try:
            name = os.path.basename(folder.rstrip(os.sep))
            place = Place(_CLIENT, _tenant_name(name))
            client = admin.add_client(_CLIENT)
            admin.add_repository(None, place)
            store.make()
            caller = Caller(_CLIENT, client.id, _CLIENT, "", (READ,))
            keeping = _Keeping(Projector(home, admin, store, KINDS), admin)
            keeping.look(say)
            reads = Reads(store, admin, home)
            views = Views(store, reads, admin, Versions(reads, home))
            site = Site(views, name or place.repository, lambda: iso(time.time()), home=_first(views, caller))

            def rest() -> None:
                store.close()
                admin.close()

            yield LocalServer(site, caller, port, keeping.look, rest)
        finally:
            store.close()
            admin.close()


class _Keeping:
    """Keeps the tables as the ledgers are."""

    def __init__(self, projector: Projector, admin: Admin) -> None:
        self._projector = projector
        self._admin = admin
        self._turn = threading.Lock()
        self._looked = -_PAUSE

    def look(self, say: Callable[[str], None] = lambda _words: None) -> None:
        """Reads what changed, unless somebody did just now."""
        with self._turn:
            if time.monotonic() - self._looked >= _PAUSE:
                reconcile(self._projector, self._admin.repositories(), say, PORTION)
                self._looked = time.monotonic()


def _first(views: Views, caller: Caller) -> str:
    """Returns the page that opens first: the grid of the only project, or all projects."""
    projects = views.client(caller, _CLIENT).data["projects"]
    return str(projects[0]["at"]) if len(projects) == 1 else f"/c/{_CLIENT}"


def _tenant_name(name: str) -> str:
    """Returns what of a folder's name may stand in an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:39].strip("-") or "repository"
