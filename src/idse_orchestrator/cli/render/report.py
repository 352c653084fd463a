"""A report in one of six formats, chosen by name; as data; and the words that all formats share.

A format is a function ``(report, rules, style)`` that returns text without a final line break.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted
from idse_orchestrator.cli.layout import PLAIN, Style
from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report, Rule

    Rules = Mapping[str, Rule]

SCHEMA = "idse.validate/1"

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "report_lines:text_report",
        "concise": "report_lines:concise_report",
        "json": "report:json_report",
        "sarif": "report_sarif:sarif_report",
        "junit": "report_junit:junit_report",
        "github": "report_lines:github_report",
    }
)
"""Name to module and function; a module is loaded when its format is asked for."""


def render_report(name: str, report: Report, rules: Rules, style: Style = PLAIN) -> str:
    """Returns `report` in the format `name`, ready to print, ending without a newline.

    Every format but ``text`` ignores `style`; ``json``, ``sarif`` and ``junit`` are ASCII. No format
    lets a control character through. A finding whose rule is not in `rules` is shown all the same.
    """
    if name not in FORMATS:
        raise UsageError(
            f"no report format is called {name!r}", fix=(f"choose one of: {', '.join(FORMATS)}",)
        )
    module, _, function = FORMATS[name].partition(":")
    found = getattr(import_module(f"idse_orchestrator.cli.render.{module}"), function)
    return str(found(report, rules, style))


def json_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the one shape of formats
    """Returns one JSON document: the envelope around `report_data`."""
    from idse_orchestrator.cli.envelope import envelope

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


def kind_of(finding: Finding) -> str:
    """Names it as a reader does: ``waived``, ``error`` or ``warning``."""
    return finding.severity if finding.waiver is None else "waived"


def waiver_words(finding: Finding) -> str:
    """Says why a finding is waived, until when, and by whom; "" where it is not."""
    waiver = finding.waiver
    if waiver is None:
        return ""
    until = f"until {waiver.expires}" if waiver.expires else "without an end"
    return f"{waiver.reason} ({until}, by {waiver.by})"


def session_of(finding: Finding) -> str:
    """Returns ``project/session``, or "" for a finding about the repository as a whole."""
    return f"{finding.project}/{finding.session}" if finding.session else finding.project


def summary(report: Report) -> str:
    """Returns one line: what was found, and in what."""
    kinds = [kind_of(finding) for finding in report.findings]
    found = [counted(kinds.count(kind), kind) for kind in ("error", "warning") if kind in kinds]
    waived = [f"{kinds.count('waived')} waived"] if "waived" in kinds else []
    sessions = counted(len(report.sessions), "session")
    return f"{', '.join(found + waived) or 'no findings'} in {sessions} ({report.source})"
