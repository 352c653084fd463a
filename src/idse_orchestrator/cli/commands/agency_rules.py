"""`idse agency rules`: the rules that hold for a client's pushes, and which sessions would fail by them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.options import agency_command
from idse_orchestrator.cli.render.rules import rule_data
from idse_orchestrator.cli.terminal import Answer, Run, Said, Warned
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK

if TYPE_CHECKING:
    from idse_orchestrator.constitution.in_force import InstalledChecks
    from idse_orchestrator.server.judgement.today import Failing, InForce, LayerInForce

_client = click.argument("client", metavar="[CLIENT]", required=False, default="")


def _checks(home: str) -> InstalledChecks:
    """Loads the check verbs that the Agency's configuration names: nothing else names any."""
    from idse_orchestrator.constitution.in_force import installed_checks
    from idse_orchestrator.server.tenants.home import open_home

    return installed_checks(open_home(home).configuration(os.environ).checks)


@agency_command("show", _client)
def show(_run: Run, home: str, client: str) -> Answer:
    """Show the rules and the policy in force for all clients, or for CLIENT, file by file.

    Below them stand the rules that are shipped (`idse rule list`) and those of each project, which its ledger
    carries. No file makes another milder.
    """
    from idse_orchestrator.server.judgement.today import rules_in_force

    found = rules_in_force(home, client, _checks(home))
    return Answer("idse.agency-rules/1", lambda: _data(found), _lines(found))


@agency_command("check", _client)
def check(_run: Run, home: str, client: str) -> Answer:
    """Tell which sessions of all clients, or of CLIENT, would fail today. Exit code 1 if any would.

    Old debt counts here; a push is refused for what it brings. Run it before you raise a rule.
    """
    from idse_orchestrator.server.judgement.today import failing_today, rules_in_force

    checks = _checks(home)
    rules_in_force(home, client, checks)  # a file that cannot be used is the first thing to know
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    failing = list(failing_today(home, client, today, checks))
    return Answer(
        "idse.agency-rules-check/1",
        lambda: [
            {
                "repository": each.where,
                "session": each.session,
                "reasons": [
                    {"rule": reason.code, "message": reason.message, "fix": reason.fix}
                    for reason in each.reasons
                ],
            }
            for each in failing
        ],
        _failing_lines(failing),
        code=EXIT_CHECK_FAILED if failing else EXIT_OK,
    )


def _data(found: InForce) -> dict[str, object]:
    return {
        "constitution": found.constitution.id,
        "policy": found.policy._asdict(),
        "layers": [
            {
                "origin": layer.origin,
                "where": layer.where,
                "rules": [rule_data(rule) for rule in layer.rules],
                "raised": [each._asdict() for each in layer.raised],
                "types": list(layer.types),
                "not_judged": list(layer.unknown),
            }
            for layer in found.layers
        ],
    }


def _lines(found: InForce) -> Iterator[str]:
    yield f"core  {counted(sum(rule.origin == 'core' for rule in found.constitution.rules), 'rule')}"
    for layer in found.layers:
        yield from _layer_lines(layer)
    yield "policy"
    for key, value in found.policy._asdict().items():
        said = value if isinstance(value, str) else ", ".join(value) or "-"
        yield f"  {key.replace('_', '-')}: {printable(said)}"


def _layer_lines(layer: LayerInForce) -> Iterator[str]:
    yield f"{layer.origin}  {printable(layer.where)}"
    for rule in layer.rules:
        levels = " · ".join(f"{status} {rule.severity_at(status)}" for status in rule.severity)
        yield f"  adds {printable(rule.id)} {printable(rule.name)}: {levels}".replace(
            "in_progress", "in progress"
        )
    for each in layer.raised:
        status = each.status.replace("_", " ")
        yield f"  raises {printable(each.rule)}: {status} {each.before} → {each.after}"
    for name in layer.types:
        yield f"  adds the type of sessions {printable(name)}"
    for name in layer.unknown:
        yield Warned(
            f"the check of {printable(name)} is not installed here: it blocks every stage it looks at"
        )


def _failing_lines(failing: list[Failing]) -> Iterator[str]:
    for each in failing:
        for reason in each.reasons:
            place = f"{each.where} {each.session}"
            yield f"{printable(place)}: error[{printable(reason.code)}] {printable(reason.message)}"
    yield Said(
        f"{counted(len(failing), 'session')} would fail today" if failing else "no session would fail today"
    )


rules = options.Group(
    "rules",
    commands=[show, check],
    help="Show the rules in force, and which sessions would fail today.",
)
