"""JUnit XML, as CI servers show it: a suite for each session, a case for each rule and file."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from idse_orchestrator.cli.layout import printable
from idse_orchestrator.cli.render.report import kind_of, session_of, waiver_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.cli.layout import Style
    from idse_orchestrator.cli.render.report import Rules
    from idse_orchestrator.constitution.rules import Finding, Report

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


def _verdict(case: ET.Element, findings: Sequence[Finding]) -> None:
    """Adds one element at most: viewers show only the first. What blocks comes before what was waived."""
    kinds = [kind_of(finding) for finding in findings]
    words = printable("\n".join(map(_words, findings)), lines=True)
    if "error" in kinds:
        first = findings[kinds.index("error")]
        message = printable(first.message)
        ET.SubElement(case, "failure", type=printable(first.rule), message=message).text = words
    elif "warning" in kinds:
        ET.SubElement(case, "system-out").text = words
    else:
        ET.SubElement(case, "skipped", message=printable(f"waived: {waiver_words(findings[0])}"))


def _words(finding: Finding) -> str:
    why = waiver_words(finding) or finding.hint
    place = f"{finding.path}:{finding.line or 1}:{finding.column or 1}"
    return f"{place}: {kind_of(finding)}[{finding.rule}] {finding.message}{f' -- {why}' if why else ''}"


def _short(finding: Finding) -> str:
    """Returns the path within the session: by it one case of a suite differs from another."""
    return finding.path.rsplit(f"/sessions/{finding.session}/", 1)[-1] if finding.session else finding.path
