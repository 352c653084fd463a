"""The report as data, in the envelope that all commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.envelope import envelope
from idse_orchestrator.cli.render.report import kind_of

if TYPE_CHECKING:
    from idse_orchestrator.cli.render.report import Rules
    from idse_orchestrator.cli.style import Style
    from idse_orchestrator.constitution.findings import Finding, Report

SCHEMA = "idse.validate/1"


def json_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the one shape of formats
    """Returns one JSON document: the envelope around `report_data`."""
    return envelope(SCHEMA, report_data(report, rules))


def report_data(report: Report, rules: Rules) -> dict[str, object]:
    """Returns the report in JSON's own types; ``blocks`` as without ``--strict``."""
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
    """Returns one finding; ``line`` and ``column`` are null for a whole file."""
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
