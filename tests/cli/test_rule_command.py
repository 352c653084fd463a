"""`idse rule`: the constitution to read, and exceptions from it to record."""

from __future__ import annotations

import json

import pytest

LEDGER = "refs/idse/sessions/portal/login"
INTENT = ".idse/projects/portal/sessions/login/intent.md"
OWN_RULES = """\
raise:
  IDSE301: {in_progress: error}
rules:
  - id: ACME001
    article: II
    name: cloud-named
    applies_to: [context]
    check: has_text
    with: {texts: [cloud]}
    message: "{artifact} names no cloud"
    hint: "Name it"
"""


@pytest.fixture
def portal(repo, once):
    def make():
        assert repo.idse("init", "portal", "--no-hooks").returncode == 0
        assert repo.idse("spawn", "login").returncode == 0

    once(repo, make)
    return repo


def event(repo):
    return json.loads(repo.git("show", f"{LEDGER}:event.json"))


def rows(done):
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_the_list_shows_severity_by_status_and_where_a_rule_comes_from(portal):
    portal.write(".idse/constitution.yaml", OWN_RULES)
    found = {row[0]: row[1:] for row in rows(portal.idse("rule", "list"))}
    assert found["IDSE302"] == ["template-placeholder", "off", "warning", "error", "error", "core"]
    assert found["IDSE301"] == ["unresolved-input", "off", "error", "error", "error", "core,", "raised"]
    assert found["ACME001"] == ["cloud-named", "off", "warning", "error", "error", "project"]
    assert len(found) > 30


def test_the_list_is_aligned_and_fits_a_terminal(portal):
    lines = portal.idse("rule", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert {line.index(line.split()[1]) for line in lines} == {9}


@pytest.mark.parametrize("family", ["3", "3xx", "input", "INPUT"])
def test_a_family_has_a_digit_and_a_name(portal, family):
    assert [row[0] for row in rows(portal.idse("rule", "list", "--family", family))] == ["IDSE301", "IDSE302"]


def test_a_projects_own_rules_are_a_family(portal):
    portal.write(".idse/constitution.yaml", OWN_RULES)
    assert [row[0] for row in rows(portal.idse("rule", "list", "--family", "project"))] == ["ACME001"]


def test_a_stage_narrows_the_list_to_rules_that_look_at_it(portal):
    ids = [row[0] for row in rows(portal.idse("rule", "list", "--stage", "tasks"))]
    assert "IDSE601" in ids
    assert "IDSE301" in ids
    assert not {"IDSE501", "IDSE701", "IDSE901"} & set(ids)


@pytest.mark.parametrize(
    ("option", "typed", "meant"), [("--family", "inptu", "input"), ("--stage", "taks", "tasks")]
)
def test_a_name_that_is_wrong_gets_the_nearest(portal, option, typed, meant):
    done = portal.idse("rule", "list", option, typed)
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr


def test_rules_can_be_read_outside_of_any_repository(tmp_path, make_repo):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert make_repo().idse("rule", "show", "IDSE301", cwd=outside).returncode == 0


def test_one_rule_is_shown_whole(portal):
    done = portal.idse("rule", "show", "idse302")
    assert done.stdout == (
        "IDSE302  template-placeholder  (core, input)\n"
        "\n"
        "says       {artifact} still holds the placeholder {placeholder}\n"
        "hint       Replace it by text, or write it as `code` if it is meant to stay\n"
        'fix        idse stage reopen {stage} -m "why"\n'
        "\n"
        "looks at   every artifact\n"
        "severity   pending off · in progress warning · complete error · gate error\n"
        "\n"
        "article    III · The specification is complete\n"
        "           Nothing is planned or built on an open ambiguity. What is not known\n"
        "           is marked where it is missing, and a stage that still carries such\n"
        "           a mark is not complete, whoever says otherwise.\n"
        "\n"
        'waive      idse rule waive IDSE302 -m "why" [--until YYYY-MM-DD]\n'
        "           for one session; it is recorded in its ledger, and every report\n"
        "           shows it\n"
        "\n"
        "check      no_placeholder\n"
        "           patterns:\n"
        "             - \\{\\{[^{}\\n]{0,80}\\}\\}\n"
        "             - \\{%[^%\\n]{1,80}%\\}\n"
        "             - ^[ \\t]{0,12}(?:[-*+][ \\t]{1,4})?<[A-Za-z]\\w{0,30}"
        "(?: [\\w/’'-]{1,30}){1,12}>[ \\t]{0,8}$\n"
    )


def test_every_rule_can_be_shown_for_people_and_as_data(portal):
    listed = json.loads(portal.idse("rule", "list", "--json").stdout)
    assert listed["schema"] == "idse.rule-list/1"
    for rule in listed["data"]["rules"][::6]:
        assert portal.idse("rule", "show", rule["id"]).returncode == 0
        shown = json.loads(portal.idse("rule", "show", rule["id"], "--json").stdout)
        assert shown["schema"] == "idse.rule-show/1"
        assert shown["data"]["rule"] == rule
        assert shown["data"]["article"]["id"] == rule["article"]


@pytest.mark.parametrize("typed", ["IDSE309", "unresolved-input"])
def test_a_rule_that_is_not_there_gets_the_nearest(portal, typed):
    done = portal.idse("rule", "show", typed)
    assert done.returncode == 2
    assert done.stderr.count("did you mean") == 1
    assert "IDSE301" in done.stderr


def test_a_waiver_is_recorded_and_shown_in_every_report(portal):
    done = portal.idse("rule", "waive", "idse301", "-m", "comes with phase two", "--until", "2999-12-31")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "waived IDSE301 in portal/login until 2999-12-31\n"
        "  because: comes with phase two\n"
        "  by: Test Author\n"
    )
    body = {"rule": "IDSE301", "reason": "comes with phase two", "expires": "2999-12-31"}
    told = event(portal)
    assert list(told["body"].pop("places")) == ["intent.md"]
    assert (told["kind"], told["body"], told["format"]) == ("approved", body, 2)
    assert portal.git("log", "-1", "--format=%s", LEDGER) == "waived IDSE301 until 2999-12-31"

    portal.write(".idse/constitution.yaml", OWN_RULES)
    done = portal.idse("validate", "--format", "concise")
    assert done.returncode == 0
    assert "waived[IDSE301]" in done.stdout
    assert "comes with phase two (until 2999-12-31, by Test Author)" in done.stdout


def test_a_waiver_without_an_end_says_so(portal):
    done = portal.idse("rule", "waive", "IDSE301", "--session", "__blueprint__", "-m", "as it is")
    assert done.stderr.startswith("waived IDSE301 in portal/__blueprint__\n")


def test_the_same_waiver_twice_is_recorded_once(portal):
    portal.idse("rule", "waive", "IDSE301", "-m", "why")
    tip = portal.git("rev-parse", LEDGER)
    done = portal.idse("rule", "waive", "IDSE301", "-m", "why")
    assert done.returncode == 0
    assert done.stderr.startswith("already waived: IDSE301 in portal/login")
    assert portal.git("rev-parse", LEDGER) == tip
    portal.idse("rule", "waive", "IDSE301", "-m", "another reason")
    assert portal.git("rev-parse", LEDGER) != tip


def test_a_withdrawn_waiver_blocks_again(portal):
    portal.write(".idse/constitution.yaml", OWN_RULES)
    portal.idse("rule", "waive", "IDSE301", "-m", "why")
    assert portal.idse("validate").returncode == 0
    done = portal.idse("rule", "unwaive", "idse301", "-m", "it is answered")
    assert done.stderr == (
        "withdrew the waiver of IDSE301 in portal/login\n"
        "  because: why\n"
        "  by: Test Author\n"
        "  now because: it is answered\n"
    )
    assert event(portal)["body"] == {"rule": "IDSE301", "withdrawn": True, "reason": "it is answered"}
    assert portal.idse("validate").returncode == 1


def test_withdrawing_what_is_not_waived_changes_nothing(portal):
    tip = portal.git("rev-parse", LEDGER)
    done = portal.idse("rule", "unwaive", "IDSE301", "-m", "why")
    assert done.returncode == 0
    assert done.stderr == "nothing to withdraw: IDSE301 is not waived in portal/login\n"
    assert portal.git("rev-parse", LEDGER) == tip


def test_a_waiver_of_a_rule_that_is_gone_can_be_withdrawn(portal):
    portal.write(".idse/constitution.yaml", OWN_RULES.replace("[context]", "[intent]"))
    assert portal.idse("rule", "waive", "ACME001", "-m", "why").returncode == 0
    portal.write(".idse/constitution.yaml", "")
    assert portal.idse("rule", "unwaive", "acme001", "-m", "why").returncode == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("IDSE309", "-m", "why"), "did you mean"),
        (("IDSE301", "-m", "  "), "the reason is empty"),
        (("IDSE301",), "missing option '-m'"),
        (("IDSE301", "-m", "why", "--until", "2020-01-01"), "2020-01-01 has passed"),
        (("IDSE301", "-m", "why", "--until", "2999-02-30"), "'2999-02-30' is no day"),
        (("IDSE301", "-m", "why", "--until", "29991231"), "'29991231' is no day"),
        (("IDSE301", "-m", "why", "--session", "logn"), "did you mean login?"),
        (("IDSE702", "-m", "why"), "IDSE702 cannot be waived"),
    ],
)
def test_a_waiver_that_makes_no_sense_is_refused_and_nothing_recorded(portal, args, words):
    tip = portal.git("rev-parse", LEDGER)
    done = portal.idse("rule", "waive", *args)
    assert done.returncode == 2
    assert words in done.stderr
    assert portal.git("rev-parse", LEDGER) == tip


def test_a_reason_can_hold_anything(portal):
    reason = "Idse-Event: forged\n---\nzweite Zeile ✓"
    assert portal.idse("rule", "waive", "IDSE301", "-m", reason).returncode == 0
    assert event(portal)["body"]["reason"] == reason
    trailers = portal.git("log", "-1", "--format=%(trailers:key=Idse-Event,valueonly)", LEDGER).split()
    assert trailers == [event(portal)["id"]]


def test_the_views_follow_a_waiver(portal):
    assert portal.idse("rule", "waive", "IDSE301", "-m", "why").returncode == 0
    assert "IDSE704" not in portal.idse("validate", "--all").stdout


def test_a_group_without_its_command_shows_its_help(repo):
    done = repo.idse("rule")
    assert done.returncode == 2
    assert done.stdout.startswith("Usage: idse rule")
