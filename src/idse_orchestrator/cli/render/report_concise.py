"""One finding a line, as editors and ``grep`` like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.report_words import Rules, kind_of, waiver_words
from idse_orchestrator.cli.render.style import printable

if TYPE_CHECKING:
    from idse_orchestrator.constitution.findings import Finding, Report


def concise_report(report: Report, rules: Rules) -> str:  # noqa: ARG001 - all formats have one shape
    """``path:line:col: error[IDSE301] message`` for each finding; a whole file counts as 1:1.

    A waived finding reads ``waived[…]`` and ends in its reason. Empty where nothing was found.
    """
    return "\n".join(_line(finding) for finding in report.findings)


def _line(finding: Finding) -> str:
    why = waiver_words(finding)
    head = f"{finding.path}:{finding.line or 1}:{finding.column or 1}: {kind_of(finding)}[{finding.rule}]"
    return printable(f"{head} {finding.message}{f' -- {why}' if why else ''}")
