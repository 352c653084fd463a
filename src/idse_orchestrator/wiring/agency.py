"""Puts together what an Agency is made of: its home, its database, its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.home import Home, open_home
from idse_orchestrator.server.tenants.tenancy import Tenants

if TYPE_CHECKING:
    from idse_orchestrator.base.checkup import Check

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


def tenants_at(folder: str, environment: Mapping[str, str]) -> Tenants:
    """Returns the clients of the Agency whose home is in `folder`."""
    home = open_home(folder)
    return Tenants(home, Admin(home.admin_db), agency_git(environment))


def checks_at(
    folder: str, environment: Mapping[str, str], *, with_ledgers: bool, backup: str = ""
) -> Iterator[Check]:
    """Yields the checks of the home at `folder`, whatever is wrong with it.

    Its audit is compared with that in `backup`, a folder.
    """
    from idse_orchestrator.server.tenants.doctor import Further, home_checks

    home = Home(folder)

    def rules() -> Mapping[str, str]:
        from idse_orchestrator.constitution.in_force import installed_checks
        from idse_orchestrator.server.judgement.today import broken_rules

        return broken_rules(folder, installed_checks(home.configuration(environment).checks))

    fsck = ledger_check(environment) if with_ledgers else None
    further = Further(rules, backup, fsck)
    return home_checks(home, agency_git(environment), environment, further=further)


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
