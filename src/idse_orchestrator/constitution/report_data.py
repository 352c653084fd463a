"""Reports and findings in JSON's own types: the same for `idse validate --json`, REST and MCP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked, picked_or_none

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report, Rule


def report_data(report: Report, rules: Mapping[str, Rule]) -> dict[str, object]:
    """Returns the report in JSON's own types; ``blocks`` as without ``--strict``."""
    kinds = [kind_of(finding) for finding in report.findings]
    return {
        **picked(report, "source constitution sessions"),
        "summary": {
            "errors": kinds.count("error"),
            "warnings": kinds.count("warning"),
            "waived": kinds.count("waived"),
            "blocks": report.blocks(),
        },
        "findings": [finding_data(finding, rules) for finding in report.findings],
        "notes": list(report.notes),
    }


def finding_data(finding: Finding, rules: Mapping[str, Rule]) -> dict[str, object]:
    """Returns one finding; ``line`` and ``column`` are null for a whole file."""
    rule = rules.get(finding.rule)
    waiver = finding.waiver
    return {
        "rule": finding.rule,
        **{name: getattr(rule, name, None) for name in ("name", "article")},
        **picked(finding, "severity blocks path"),
        **picked_or_none(finding, "line column"),
        **picked(finding, "message hint fix project session stage"),
        "waiver": waiver
        and {**picked(waiver, "reason expires by event"), "rule_wide": waiver.places is None},
    }


def kind_of(finding: Finding) -> str:
    """Names it as a reader does: ``waived``, ``error`` or ``warning``."""
    return finding.severity if finding.waiver is None else "waived"
