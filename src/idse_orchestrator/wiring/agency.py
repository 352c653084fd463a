"""Puts together what an Agency is made of: its home, its database, its checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.home import Home, open_home
from idse_orchestrator.server.tenants.tenancy import Tenants

if TYPE_CHECKING:
    from idse_orchestrator.base.checkup import Check
    from idse_orchestrator.server.projection.project import Projector

FIRST_RULES = b"""\
# Rules for all clients: what .idse/constitution.yaml may hold, and a policy. The file of one, CLIENT.yaml,
# may add to it and be stricter. `idse agency rules show` prints what is in force.
policy:
  gates: enforce      # record | enforce | every
  waivers: people     # anyone | people | approvers | none
  types: any          # any | core | a list
  identity: record    # record | key
  signed: optional    # optional | required
  not-waivable: []    # ids of rules, or families such as IDSE8
"""


def database_maker(url: str) -> Callable[[Home], str]:
    """Returns what sets up the PostgreSQL at `url` for a new home; "" : the projection is in the home."""
    if not url:
        return lambda _: ""
    from idse_orchestrator.server.projection.opening import POSTGRESQL, keep_login, need_postgres

    need_postgres()
    from idse_orchestrator.server.projection.postgres_setup import check_without_password, set_up

    check_without_password(url)

    def make(home: Home) -> str:
        keep_login(home, set_up(url))
        return POSTGRESQL

    return make


def projector_at(folder: str, environment: Mapping[str, str]) -> tuple[Projector, Admin]:
    """Returns what writes the projection of the Agency in `folder`, and the database beside it."""
    from idse_orchestrator.constitution.in_force import installed_checks
    from idse_orchestrator.server.projection.opening import open_store
    from idse_orchestrator.server.projection.project import Projector
    from idse_orchestrator.wiring.ledgers import KINDS

    home = open_home(folder)
    configuration = home.configuration(environment)
    admin = Admin(home.admin_db)
    store = open_store(home, configuration.database, environment)
    return Projector(home, admin, store, KINDS, installed_checks(configuration.checks)), admin


def tenants_at(folder: str, environment: Mapping[str, str]) -> Tenants:
    """Returns the clients of the Agency whose home is in `folder`."""
    home = open_home(folder)
    return Tenants(home, Admin(home.admin_db), agency_git(environment))


def checks_at(folder: str, environment: Mapping[str, str], *, with_ledgers: bool) -> Iterator[Check]:
    """Yields the checks of the home at `folder`, whatever is wrong with it."""
    from idse_orchestrator.base.checkup import Check
    from idse_orchestrator.server.projection.checkup import diagnosis
    from idse_orchestrator.server.tenants.doctor import home_checks

    fsck = ledger_check(environment) if with_ledgers else None
    home = Home(folder)
    yield from home_checks(home, agency_git(environment), environment, fsck=fsck)
    if os.path.exists(home.admin_db):
        yield Check("projection", lambda: diagnosis(home, environment))


def ledger_check(environment: Mapping[str, str]) -> Callable[[str], int]:
    """Returns what counts the defects of all ledgers in a bare repository, as `idse fsck` finds them."""
    from idse_orchestrator.ledger.fsck import check_ledgers
    from idse_orchestrator.wiring.application import Application

    plain = agency_git(environment).environment

    def defects(git_dir: str) -> int:
        app = Application(git_dir, plain)
        report = check_ledgers(
            app.ledger_source,
            only=lambda _: True,
            on_progress=lambda _: None,
            expected=app.expected_merge,
            sync_problems=app.sync_problems,
        )
        return len(report.defects)

    return defects
