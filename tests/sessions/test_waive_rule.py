"""Waiving a rule: an exception that stands in one session's ledger, and can be withdrawn."""

from __future__ import annotations

import dataclasses

import pytest

from here import discover, ledger_writer
from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.constitution.rules import ERROR, Finding
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import UnknownNameError, UsageError
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.sessions.verdicts import Waivers, is_waivable, known_rule, unwaive_rule, waive_rule
from idse_orchestrator.sessions.views import Views
from idse_orchestrator.worktree.workspace import GitWorkspace

LOGIN = ("portal", "login")


@pytest.fixture(scope="module")
def constitution():
    return load_constitution(constitution_bytes())


@pytest.fixture
def context(repo, constitution):
    repository = discover(str(repo.path))
    writer = ledger_writer(repository, agent="a-robot")
    writer.append(*LOGIN, lambda _tip: Draft("created", {"project": "portal", "session": "login"}))
    reader = GitLedgerReader(repository)
    views = Views(reader, GitWorkspace(repository))

    def findings(key):
        folder = session_folder(*key)
        for number, rule in enumerate(constitution.rules):
            place = (f"{number:016x}",)
            yield Finding(rule.id, ERROR, f"{folder}/intent.md", 3, 1, "", "", *key, places=place)

    return Waivers(findings, constitution, reader, writer, views, "2026-01-31")


def standing(context):
    return context.ledgers.session(*LOGIN).state.waivers


def test_a_waiver_says_who_why_and_until_when(context):
    change = waive_rule(context, LOGIN, "idse301", "phase two", "2026-02-01")
    assert change.changed
    assert standing(context) == (change.waiver,)
    waiver = change.waiver
    assert (waiver.rule, waiver.session, waiver.reason) == ("IDSE301", "login", "phase two")
    assert (waiver.expires, waiver.by) == ("2026-02-01", "a-robot")
    assert [path for path, _ in waiver.places] == ["intent.md"]


def test_a_rule_that_finds_nothing_cannot_be_waived(context):
    quiet = dataclasses.replace(context, findings=lambda _key: ())
    with pytest.raises(UsageError, match="IDSE301 finds nothing in portal/login"):
        waive_rule(quiet, LOGIN, "IDSE301", "why")


def test_what_it_finds_anew_is_waived_anew(context):
    waive_rule(context, LOGIN, "IDSE301", "why")
    more = dataclasses.replace(
        context,
        findings=lambda key: (each._replace(places=("f" * 16,)) for each in context.findings(key)),
    )
    assert waive_rule(more, LOGIN, "IDSE301", "why").changed
    assert [waiver.places for waiver in standing(context)] == [(("intent.md", ("f" * 16,)),)]


def test_a_waiver_may_end_today_but_not_yesterday(context):
    assert waive_rule(context, LOGIN, "IDSE301", "why", "2026-01-31").changed
    with pytest.raises(UsageError):
        waive_rule(context, LOGIN, "IDSE301", "why", "2026-01-30")


def test_a_new_waiver_replaces_the_old_one(context):
    waive_rule(context, LOGIN, "IDSE301", "why", "2026-02-01")
    assert not waive_rule(context, LOGIN, "IDSE301", " why\n", "2026-02-01").changed
    change = waive_rule(context, LOGIN, "IDSE301", "why")
    assert change.changed
    assert [waiver.expires for waiver in standing(context)] == [None]


def test_withdrawing_one_waiver_keeps_the_others(context):
    waive_rule(context, LOGIN, "IDSE301", "why")
    waive_rule(context, LOGIN, "IDSE302", "why")
    change = unwaive_rule(context, LOGIN, "IDSE301", "answered")
    assert change.changed
    assert change.waiver.rule == "IDSE301"
    assert [waiver.rule for waiver in standing(context)] == ["IDSE302"]
    assert not unwaive_rule(context, LOGIN, "IDSE301", "answered").changed


def test_a_session_without_a_ledger_cannot_keep_a_waiver(context):
    for act in (waive_rule, unwaive_rule):
        with pytest.raises(UnknownNameError, match="has no ledger"):
            act(context, ("portal", "other"), "IDSE301", "why")
    assert context.ledgers.sessions() == [LOGIN]


def test_only_rules_about_a_session_can_be_waived(context, constitution):
    out_of_reach = [rule.id for rule in constitution.rules if not is_waivable(rule)]
    assert out_of_reach == ["IDSE701", "IDSE702", "IDSE703", "IDSE704", "IDSE705", "IDSE707"]
    with pytest.raises(UsageError, match="cannot be waived"):
        waive_rule(context, LOGIN, "IDSE703", "why")


def test_an_unknown_rule_gets_those_of_its_family_or_of_its_name(constitution):
    for typed, meant in [("IDSE399", "IDSE30"), ("idse80", "IDSE801"), ("secret", "IDSE801")]:
        with pytest.raises(UnknownNameError) as caught:
            known_rule(constitution, typed)
        assert caught.value.words[0].startswith(f"did you mean {meant}"), typed


def test_several_near_rules_are_one_question_and_those_that_begin_so_come_first(constitution):
    with pytest.raises(UnknownNameError) as caught:
        known_rule(constitution, "idse30")
    assert (caught.value.words, caught.value.fix) == (
        ("did you mean IDSE301, IDSE302?",),
        ("idse rule list",),
    )
