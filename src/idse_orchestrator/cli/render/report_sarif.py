"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from idse_orchestrator import __version__
from idse_orchestrator.cli.envelope import ascii_json
from idse_orchestrator.cli.layout import printable
from idse_orchestrator.cli.render.report import waiver_words

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
    return {
        "tool": {"driver": _driver(ids, rules)},
        "automationDetails": {
            # Code scanning compares runs whose id is equal up to the last slash.
            "id": "idse/validate/",
            "description": {"text": printable(f"idse validate of the {report.source}")},
        },
        "invocations": [_invocation(report)],
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": _results(report.findings, ids),
        "properties": {
            "constitution": printable(report.constitution),
            "source": printable(report.source),
            "sessions": [printable(session) for session in report.sessions],
        },
    }


def _driver(ids: Sequence[str], rules: Rules) -> dict[str, object]:
    return {
        "name": "idse",
        "fullName": "IDSE Orchestrator",
        "version": __version__,
        "informationUri": HOMEPAGE,
        "rules": [_descriptor(rule_id, rules) for rule_id in ids],
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


def _invocation(report: Report) -> dict[str, object]:
    notes = [{"level": "note", "message": {"text": printable(note)}} for note in report.notes]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


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
    hint = f"\nFix: {finding.hint}" if finding.hint else ""
    return {
        "ruleId": printable(finding.rule),
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": printable(finding.message + hint, lines=True)},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {FINGERPRINT: fingerprint},
        # The list must be there, empty or not, in all results or in none (section 3.27.23).
        "suppressions": [] if finding.waiver is None else [_suppression(finding)],
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


def _suppression(finding: Finding) -> dict[str, object]:
    return {"kind": "external", "status": "accepted", "justification": printable(waiver_words(finding))}


def _fingerprint(same: tuple[str, str, str], count: int) -> str:
    """Stays when lines move: it knows the rule, the file, the words, and how many alike came before."""
    text = "\0".join((*same, str(count)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
