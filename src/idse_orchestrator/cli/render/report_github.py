"""Workflow commands: GitHub Actions turns these lines into annotations on the changed files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.report_words import Rules, kind_of, summary, waiver_words
from idse_orchestrator.cli.render.style import printable

if TYPE_CHECKING:
    from idse_orchestrator.constitution.findings import Finding, Report

_COMMANDS = {"error": "error", "warning": "warning", "waived": "notice"}


def github_report(report: Report, rules: Rules) -> str:
    """A ``::error …::`` or ``::warning …::`` line for each finding, ``::notice`` where it is waived.

    The last line is the summary, in plain words.
    """
    lines = [_command(finding, rules) for finding in report.findings]
    return "\n".join([*lines, f"idse: {printable(summary(report))}"])


def _command(finding: Finding, rules: Rules) -> str:
    rule = rules.get(finding.rule)
    properties = {
        "file": finding.path,
        "line": str(finding.line or ""),
        "col": str(finding.column or ""),
        "title": f"{finding.rule} {rule.name}" if rule else finding.rule,
    }
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{_COMMANDS[kind_of(finding)]} {given}::{_data(_words(finding))}"


def _words(finding: Finding) -> str:
    why = waiver_words(finding)
    further = [f"waived: {why}" if why else "", f"fix: {finding.hint}" if finding.hint else ""]
    return "\n".join([finding.message, *filter(None, further)])


def _data(text: str) -> str:
    """Everything else that could end the line is made visible first; only our own line breaks remain."""
    return printable(text, lines=True).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
