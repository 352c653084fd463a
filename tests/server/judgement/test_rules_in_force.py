"""What an operator sees: the rules file by file, and which sessions would fail by them today."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from idse_orchestrator.cli.commands.agency_rules import rules
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.server.judgement.today import Raise, failing_today, rules_in_force
from pushes import BOT, GOOD, TODAY

HASTE = (
    "rules: [{id: %s, name: no-haste, applies_to: [intent], check: %s, with: {texts: [ASAP]},"
    " message: '{text} is no date', hint: Say when}]\n"
)


def failing(agency, client="shop", today=TODAY):
    return [
        (each.where, each.session, [reason.code for reason in each.reasons])
        for each in failing_today(str(agency.home), client, today)
    ]


def test_what_each_file_adds_and_raises(agency):
    agency.rules(
        HASTE % ("HOUSE001", "no_text") + "raise: {IDSE301: {in_progress: error}}\npolicy: {types: core}"
    )
    agency.rules("raise: {HOUSE001: {in_progress: error}}\nsession_types: {study: [intent]}", client=True)
    found = rules_in_force(str(agency.home), "shop")
    house, shop = found.layers
    assert ([rule.id for rule in house.rules], house.raised) == (
        ["HOUSE001"],
        (Raise("IDSE301", "in_progress", "warning", "error"),),
    )
    assert (shop.rules, shop.types) == ((), ("study",))
    assert shop.raised == (Raise("HOUSE001", "in_progress", "warning", "error"),)
    assert found.policy.types == "core"
    assert [layer.origin for layer in rules_in_force(str(agency.home)).layers] == ["agency"]


def test_a_check_that_is_not_installed_is_told(agency):
    agency.rules("rules: [{id: HOUSE001, name: a, applies_to: [intent], check: acme, message: m, hint: h}]")
    (layer,) = rules_in_force(str(agency.home), "shop").layers
    assert layer.unknown == ("HOUSE001",)


@pytest.mark.parametrize("name", ["nobody", "../shop", "agency", "Shop"])
def test_a_client_that_is_not_there_is_told(agency, name):
    agency.rules("rules: []")
    with pytest.raises(UnknownNameError):
        rules_in_force(str(agency.home), name)
    with pytest.raises(UnknownNameError):
        failing(agency, name)


def test_which_sessions_would_fail_by_a_rule_that_was_raised(agency, clone):
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert not agency.push(clone).refused
    assert failing(agency) == []
    agency.rules(HASTE % ("HOUSE001", "no_text"))
    assert failing(agency) == failing(agency, "") == [("shop/web", "portal/login", ["HOUSE001"])]


def test_waivers_that_do_not_count_and_those_that_are_over_count_as_failing(agency, clone):
    agency.rules("policy: {waivers: anyone}")
    clone.complete("intent", GOOD["intent"].replace("The log.", "[REQUIRES INPUT]"))
    clone.waive("IDSE301", expires=TODAY)
    assert not agency.push(clone, caller=BOT).refused
    assert failing(agency) == []
    assert failing(agency, today="2026-12-01") == [("shop/web", "portal/login", ["IDSE301"])]
    agency.rules("policy: {waivers: people}")
    assert failing(agency) == [("shop/web", "portal/login", ["IDSE301"])]


def run(*args):
    return CliRunner().invoke(rules, [*args], standalone_mode=False)


def test_the_commands_show_and_check(agency, clone):
    agency.rules(HASTE % ("HOUSE001", "no_text"))
    home = str(agency.home)
    (agency.home / "agency.toml").touch()
    agency.home.chmod(0o700)
    shown = run("show", "--home", home, "shop")
    assert shown.return_value == 0, shown.output
    assert "agency  rules/agency.yaml" in shown.output
    assert "  adds HOUSE001 no-haste: pending off · in progress warning · complete error" in shown.output
    assert "  waivers: people" in shown.output
    assert json.loads(run("show", "--home", home, "--json").output)["data"]["policy"]["gates"] == "enforce"
    agency.rules("rules: []")
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert not agency.push(clone).refused
    assert run("check", "--home", home).return_value == 0
    agency.rules(HASTE % ("HOUSE001", "no_text"))
    checked = run("check", "--home", home, "shop")
    assert checked.return_value == 1
    assert "shop/web portal/login: error[HOUSE001] ASAP is no date" in checked.output
    assert json.loads(run("check", "--home", home, "--json").output)["data"][0]["session"] == "portal/login"
