"""The report as data, in the envelope that all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.report_words import Rules, kind_of

if TYPE_CHECKING:
    from idse_orchestrator.constitution.findings import Finding, Report

SCHEMA = "idse.validate/1"


def json_report(report: Report, rules: Rules) -> str:
    """One JSON document: the envelope around `report_data`."""
    return envelope(SCHEMA, report_data(report, rules))


def report_data(report: Report, rules: Rules) -> dict[str, object]:
    """The report in JSON's own types; findings in the report's order, ``blocks`` as without ``--strict``."""
    kinds = [kind_of(finding) for finding in report.findings]
    return {
        "source": report.source,
        "constitution": report.constitution,
        "sessions": list(report.sessions),
        "summary": {
            "errors": kinds.count("error"),
            "warnings": kinds.count("warning"),
            "waived": kinds.count("waived"),
            "blocks": report.blocks(),
        },
        "findings": [finding_data(finding, rules) for finding in report.findings],
        "notes": list(report.notes),
    }


def finding_data(finding: Finding, rules: Rules) -> dict[str, object]:
    """One finding; ``line`` and ``column`` are null for a whole file, ``waiver`` null where there is none."""
    rule = rules.get(finding.rule)
    waiver = finding.waiver
    return {
        "rule": finding.rule,
        "name": rule.name if rule else None,
        "article": rule.article if rule else None,
        "severity": finding.severity,
        "blocks": finding.blocks,
        "path": finding.path,
        "line": finding.line or None,
        "column": finding.column or None,
        "message": finding.message,
        "hint": finding.hint,
        "project": finding.project,
        "session": finding.session,
        "stage": finding.stage,
        "waiver": waiver
        and {"reason": waiver.reason, "expires": waiver.expires, "by": waiver.by, "event": waiver.event},
    }
