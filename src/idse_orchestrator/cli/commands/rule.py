"""`idse rule`: read the constitution, and record exceptions from it."""

from __future__ import annotations

import re

import click

from idse_orchestrator.base.names import check_known
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.cli import options
from idse_orchestrator.cli.options import command, naming_session, naming_stage, required_reason
from idse_orchestrator.cli.render.rules import rule_data, rule_page, rule_table
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.constitution.rules import CORE, FAMILIES, ORIGINS, Constitution
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import UnknownNameError, UsageError
from idse_orchestrator.sessions.verdicts import WaiverChange, known_rule, unwaive_rule, waive_rule

_rule_argument = click.argument("rule", metavar="RULE", shell_complete=options.rules)
_session_option = naming_session("--session", help="The session; the current one if left out.")


@command("list", reads=True, project=False)
@click.option(
    "--family",
    metavar="NAME",
    shell_complete=options.families,
    help="Only rules of one family, such as 3 or input.",
)
@naming_stage("--stage", help="Only rules that look at one stage.")
def list_rules(run: Run, family: str | None, stage: str | None) -> Answer:
    """List the rules in force here.

    Each with its severity while a stage is pending, in progress and complete, and at its gate. A rule
    is core (shipped with idse), of the project (.idse/constitution.yaml of this work tree), or of the Agency:
    for all of its clients (agency) or for this one (client), as the last sync brought it.
    """
    constitution = options.constitution_here()
    rules = constitution.rules
    if family is not None:
        name = _family(family)
        rules = tuple(rule for rule in rules if rule.family == name)
    if stage is not None:
        check_known("stage", stage, STAGES)
        rules = tuple(rule for rule in rules if stage in rule.applies_to)
    return Answer(
        "idse.rule-list/1",
        lambda: {**_about(constitution), "rules": [rule_data(each) for each in rules]},
        [rule_table(rules, run.terminal.style)],
    )


@command("show", reads=True, project=False)
@_rule_argument
def show_rule(run: Run, rule: str) -> Answer:
    """Explain one rule.

    What it says, when it blocks, the article it serves, how to waive it, and the parameters of its check.
    """
    constitution = options.constitution_here()
    found = known_rule(constitution, rule)
    article = constitution.article(found.article)
    return Answer(
        "idse.rule-show/1",
        lambda: {
            **_about(constitution),
            "rule": rule_data(found),
            "article": article and article._asdict(),
        },
        [rule_page(found, constitution, run.terminal.style)],
    )


@command("waive")
@_rule_argument
@_session_option
@required_reason("Why the rule does not count for this session. Every report shows it.")
@click.option("--until", metavar="YYYY-MM-DD", help="The last day (UTC) on which the waiver counts.")
def waive(run: Run, rule: str, session: str | None, reason: str, until: str | None) -> Answer:
    """Record that what a rule finds in a session now does not block it.

    Findings of the rule stay in every report, marked as waived and with the reason. What it finds later, in
    another place or text, is not covered. A second waiver of the same rule replaces the first.
    """
    expires = None if until is None else _day(until)
    key = run.session(session)
    change = waive_rule(run.app.judging.waivers, key, rule, reason, expires)
    words = "waived " if change.changed else "already waived: "
    return Answer(lines=[Said(words + _waived(change, key))])


@command("unwaive")
@_rule_argument
@_session_option
@required_reason("Why the rule counts again.")
def unwaive(run: Run, rule: str, session: str | None, reason: str) -> Answer:
    """Record that the waiver of a rule is withdrawn."""
    key = run.session(session)
    change = unwaive_rule(run.app.judging.waivers, key, rule, reason)
    name = f"{key[0]}/{key[1]}"
    done = f"withdrew the waiver of {_waived(change, key)}\n  now because: {reason.strip()}"
    nothing = f"nothing to withdraw: {change.rule} is not waived in {name}"
    return Answer(lines=[Said(done if change.changed else nothing)])


def _about(constitution: Constitution) -> dict[str, object]:
    return {"version": constitution.version, "constitution": constitution.id}


def _family(asked: str) -> str:
    """Returns the family that a digit ("3", "3xx") or a name stands for."""
    names = {**FAMILIES, **{f"{start:x<3}": name for start, name in FAMILIES.items()}}
    name = names.get(asked.lower(), asked.lower())
    known = (*FAMILIES.values(), *(origin for origin in ORIGINS if origin != CORE))
    if name in known:
        return name
    raise UnknownNameError(
        f"there is no family {asked!r}", cause=f"families: {', '.join(known)}", fix=did_you_mean(name, known)
    )


def _day(text: str) -> str:
    from datetime import date

    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass  # such as 2026-02-30
    raise UsageError(f"{text!r} is no day", fix=("write it as --until 2026-12-31",))


def _waived(change: WaiverChange, key: tuple[str, str]) -> str:
    waiver = change.waiver
    name = f"{change.rule} in {key[0]}/{key[1]}"
    if waiver is None:
        return name
    until = f" until {waiver.expires}" if waiver.expires else ""
    return f"{name}{until}\n  because: {waiver.reason}\n  by: {waiver.by}"


rule = options.Group(
    "rule",
    commands=[list_rules, show_rule, waive, unwaive],
    help="List and explain rules, waive one for a session.",
)
