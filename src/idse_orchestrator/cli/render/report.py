"""A report in one of six formats, chosen by name. Each format is a small module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.style import PLAIN, Style
from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.cli.render.report_words import Rules
    from idse_orchestrator.constitution.findings import Report

FORMATS = ("text", "concise", "json", "sarif", "junit", "github")


def render_report(name: str, report: Report, rules: Rules, style: Style = PLAIN) -> str:
    """`report` in the format `name`, ready to print, ending without a newline.

    Every format but ``text`` ignores `style`; ``json``, ``sarif`` and ``junit`` are ASCII. No format
    lets a control character through. A finding whose rule is not in `rules` is shown all the same.
    """
    if name == "text":
        from idse_orchestrator.cli.render.report_text import text_report

        return text_report(report, style)
    return _machine_report(name, report, rules)


def _machine_report(name: str, report: Report, rules: Rules) -> str:
    """Imported one by one: a hook that prints ``concise`` needs no XML."""
    if name == "concise":
        from idse_orchestrator.cli.render.report_concise import concise_report as render
    elif name == "json":
        from idse_orchestrator.cli.render.report_json import json_report as render
    elif name == "sarif":
        from idse_orchestrator.cli.render.report_sarif import sarif_report as render
    elif name == "junit":
        from idse_orchestrator.cli.render.report_junit import junit_report as render
    elif name == "github":
        from idse_orchestrator.cli.render.report_github import github_report as render
    else:
        raise UsageError(
            f"no report format is called {name!r}", fix=(f"choose one of: {', '.join(FORMATS)}",)
        )
    return render(report, rules)
