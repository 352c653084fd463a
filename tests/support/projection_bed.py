"""An Agency without its server, whose repositories are pushed to and projected in this process."""

from __future__ import annotations

import json
import os
import subprocess

from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.projection.index import compare, rebuild, reconcile
from idse_orchestrator.server.projection.project import Projector
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.home import make_home
from idse_orchestrator.server.tenants.tenancy import Tenants
from idse_orchestrator.wiring.ledgers import KINDS


class ProjectionBed:
    """A home at `path` with the projection in `store`, which is made by `opened(home)`."""

    def __init__(self, path, opened) -> None:
        self.home = make_home(str(path))
        self.admin = Admin(self.home.admin_db)
        self.tenants = Tenants(self.home, self.admin, agency_git(os.environ))
        self.store = opened(self.home)
        self.store.make()
        self.projector = Projector(self.home, self.admin, self.store, KINDS)

    def add(self, place: str):
        """Adds a repository, and its client where there is none; returns it."""
        there = Place(*place.split("/"))
        if there.client not in {each.name for each in self.admin.clients()}:
            self.tenants.add_client(there.client)
        self.tenants.add_repository(there)
        return self.admin.repository(there)

    def push(self, clone, repository, *refs, by="k1"):
        """Has refs of a clone ("" : all) in the store, and in the audit; returns those that moved."""
        before = self.tips(repository)
        names = refs or [
            line.split()[1] for line in clone.repo.git("show-ref").splitlines() if PUBLISHED in line
        ]
        specs = [f"+{name}:{name}" for name in names]
        self.git(repository, "fetch", "--quiet", "--no-write-fetch-head", str(clone.repo.path), *specs)
        after = self.tips(repository)
        moves = [(ref, before.get(ref, ""), new) for ref, new in after.items() if before.get(ref) != new]
        if moves:
            detail = json.dumps({"push": "p", "refs": moves})
            entry = AuditEntry(repository.client_id, "push", by, repository.name, detail=detail)
            self.admin.audit.write(entry)
        return [ref for ref, _, _ in moves]

    def git(self, repository, *words):
        """Runs git in a repository."""
        folder = self.home.git_dir(repository.place)
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def tips(self, repository):
        """Where every published ref of a repository points."""
        listed = self.git(repository, "for-each-ref", "--format=%(refname) %(objectname)", PUBLISHED)
        return dict(line.split() for line in listed.splitlines())

    def catch_up(self):
        """Brings everything up to date; returns how many refs were behind."""
        return reconcile(self.projector, self.admin.repositories(), quiet)

    def rebuild(self):
        """Makes all anew."""
        rebuild(self.projector, self.admin.repositories, quiet)

    def differences(self):
        """How the tables differ from those made anew."""
        return compare(self.projector, self.admin.repositories(), quiet)

    def rows(self, table, client=""):
        """All rows of a table, as one client (or everybody) sees them, in any order."""
        found = self.store.read(f"SELECT * FROM {table}", client=client)
        return sorted((tuple(row.values()) for row in found), key=str)


def quiet(_words):
    """Says nothing."""


def row_of(table, client, number=0):
    """A row of a client."""
    return tuple(
        (client if name == table.tenant else f"{name}{number}") if kind == "TEXT" else number
        for name, kind in zip(table.columns, table.kinds, strict=True)
    )
