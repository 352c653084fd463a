"""Reports for CI servers.

SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. JUnit XML: a suite for each
session, a case for each rule and file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from idse_orchestrator import __version__
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.envelope import ascii_json
from idse_orchestrator.cli.render.report import advice_lines, finding_line, session_of, waiver_words
from idse_orchestrator.constitution.report_data import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.cli.layout import Style
    from idse_orchestrator.cli.render.report import Rules
    from idse_orchestrator.constitution.rules import Finding, Report

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOMEPAGE = "https://pypi.org/project/idse-orchestrator/"
ROOT = "%SRCROOT%"
FINGERPRINT = "idseFinding/v1"


def sarif_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the one shape of formats
    """Returns one SARIF log with one run, as ASCII JSON."""
    return ascii_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, rules)]}, indent=2)


def _run(report: Report, rules: Rules) -> dict[str, object]:
    ids = sorted({*rules, *(finding.rule for finding in report.findings)})
    notes = [{"level": "note", "message": {"text": printable(note)}} for note in report.notes]
    driver = {
        "name": "idse",
        "fullName": "IDSE Orchestrator",
        "version": __version__,
        "informationUri": HOMEPAGE,
        "rules": [_descriptor(rule_id, rules) for rule_id in ids],
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {
            # Code scanning compares runs whose id is equal up to the last slash.
            "id": "idse/validate/",
            "description": {"text": printable(f"idse validate of the {report.source}")},
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": _results(report.findings, ids),
        "properties": {
            "constitution": printable(report.constitution),
            "source": printable(report.source),
            "sessions": [printable(session) for session in report.sessions],
        },
    }


def _descriptor(rule_id: str, rules: Rules) -> dict[str, object]:
    rule = rules.get(rule_id)
    asks = f"idse rule show {rule_id}"
    plain: dict[str, object] = {
        "id": printable(rule_id),
        "helpUri": f"{HOMEPAGE}#{quote(rule_id, errors='replace')}",
    }
    if rule is None:
        return {**plain, "help": {"text": printable(f"To read the rule: {asks}")}}
    return {
        **plain,
        "name": printable(rule.name),
        "shortDescription": {"text": printable(rule.message)},
        "fullDescription": {"text": printable(f"{rule.message} (article {rule.article})")},
        "help": {"text": printable(f"{rule.hint}\nTo read the rule: {asks}", lines=True)},
        "properties": {"tags": [f"article-{printable(rule.article)}"]},
    }


def _results(findings: Sequence[Finding], ids: Sequence[str]) -> list[dict[str, object]]:
    index = {rule_id: place for place, rule_id in enumerate(ids)}
    seen: Counter[tuple[str, str, str]] = Counter()
    results = []
    for finding in findings:
        same = (finding.rule, finding.path, finding.message)
        results.append(_result(finding, index[finding.rule], _fingerprint(same, seen[same])))
        seen[same] += 1
    return results


def _result(finding: Finding, rule_index: int, fingerprint: str) -> dict[str, object]:
    words = "\n".join([finding.message, *advice_lines(finding)])
    why = {"kind": "external", "status": "accepted", "justification": printable(waiver_words(finding))}
    return {
        "ruleId": printable(finding.rule),
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": printable(words, lines=True)},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        # The list must be there, empty or not, in all results or in none (section 3.27.23).
        "suppressions": [] if finding.waiver is None else [why],
        "properties": {name: printable(getattr(finding, name)) for name in ("project", "session", "stage")},
    }


def _location(finding: Finding) -> dict[str, object]:
    artifact: dict[str, object] = {"uri": _uri(finding.path), "uriBaseId": ROOT}
    if not finding.line:
        return {"artifactLocation": artifact}
    region = {"startLine": finding.line, "startColumn": finding.column or 1}
    return {"artifactLocation": artifact, "region": region}


def _uri(path: str) -> str:
    try:
        return quote(path, errors="surrogateescape")
    except UnicodeEncodeError:  # no file has such a name, but a finding must not end the report
        return quote(path, errors="replace")


def _fingerprint(same: tuple[str, str, str], count: int) -> str:
    """Stays when lines move: it knows the rule, the file, the words, and how many alike came before."""
    text = "\0".join((*same, str(count)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


REPOSITORY = "repository"
"""The suite of findings that belong to no session."""


def junit_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the one shape of formats
    """Returns XML in ASCII. Errors are failures, waived findings are skipped, warnings are output.

    A session without findings has one passing case, so that every session that was judged shows.
    """
    root = ET.Element("testsuites", name="idse")
    names = dict.fromkeys(
        [*report.sessions, *(session_of(finding) or REPOSITORY for finding in report.findings)]
    )
    for name in names:
        own = [finding for finding in report.findings if (session_of(finding) or REPOSITORY) == name]
        _suite(root, name, own, rules, report)
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=False)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + body.decode("ascii")


def _suite(parent: ET.Element, name: str, findings: Sequence[Finding], rules: Rules, report: Report) -> None:
    suite = ET.SubElement(parent, "testsuite", name=printable(name))
    properties = ET.SubElement(suite, "properties")
    for key, value in (("source", report.source), ("constitution", report.constitution)):
        ET.SubElement(properties, "property", name=key, value=printable(value))
    ordered = sorted(findings, key=_case_key)
    for _key, same in groupby(ordered, key=_case_key):
        _case(suite, name, list(same), rules)
    if not findings:
        ET.SubElement(suite, "testcase", name="all rules", classname=printable(name), time="0")
    for total, tag in (
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(total, str(sum(1 for _element in suite.iter(tag))))
    suite.set("time", "0")


def _case_key(finding: Finding) -> tuple[str, str]:
    return finding.path, finding.rule


def _case(suite: ET.Element, session: str, findings: Sequence[Finding], rules: Rules) -> None:
    first = findings[0]
    rule = rules.get(first.rule)
    case = ET.SubElement(
        suite,
        "testcase",
        name=printable(
            f"{first.rule} {rule.name} {_short(first)}" if rule else f"{first.rule} {_short(first)}"
        ),
        classname=printable(session),
        file=printable(first.path),
        line=str(first.line or 1),
        time="0",
    )
    _verdict(case, findings)


def _junit_lines(finding: Finding) -> str:
    waived = waiver_words(finding)
    return "\n".join([finding_line(finding, waived), *([] if waived else advice_lines(finding))])


def _verdict(case: ET.Element, findings: Sequence[Finding]) -> None:
    """Adds one element at most: viewers show only the first. What blocks comes before what was waived."""
    kinds = [kind_of(finding) for finding in findings]
    words = printable("\n".join(map(_junit_lines, findings)), lines=True)
    if "error" in kinds:
        first = findings[kinds.index("error")]
        message = printable(first.message)
        ET.SubElement(case, "failure", type=printable(first.rule), message=message).text = words
    elif "warning" in kinds:
        ET.SubElement(case, "system-out").text = words
    else:
        ET.SubElement(case, "skipped", message=printable(f"waived: {waiver_words(findings[0])}"))


def _short(finding: Finding) -> str:
    """Returns the path within the session: by it one case of a suite differs from another."""
    return finding.path.rsplit(f"/sessions/{finding.session}/", 1)[-1] if finding.session else finding.path
