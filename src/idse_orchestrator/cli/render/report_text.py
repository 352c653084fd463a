"""The report for people: like findings of a file together, in the style all errors have."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.errors import help_command, labelled, place
from idse_orchestrator.cli.render.report_words import kind_of, session_of, summary, waiver_words
from idse_orchestrator.cli.render.style import Style, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.constitution.findings import Finding, Report

MAX_PLACES = 5
"""Places shown of one kind of finding in one file; the other formats have them all."""


def text_report(report: Report, style: Style) -> str:
    """Findings grouped by file and then by kind, the notes, and a summary line."""
    blocks = [
        _file(path, list(findings), style)
        for path, findings in groupby(report.findings, key=lambda finding: finding.path)
    ]
    notes = [f"{style.cyan('note')}: {printable(note)}" for note in report.notes]
    return "\n\n".join([*blocks, "\n".join([*notes, _summary(report, style)])])


def _file(path: str, findings: Sequence[Finding], style: Style) -> str:
    first = findings[0]
    names = " · ".join(filter(None, (session_of(first), first.stage)))
    heading = style.bold(printable(path)) + (f"  {style.dim(printable(names))}" if names else "")
    return "\n".join([heading, *(_block(same, style) for same in _alike(findings))])


def _alike(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Findings that differ only in their place, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.message, finding.hint, finding.waiver)
        groups.setdefault(key, []).append(finding)
    return iter(groups.values())


def _block(findings: Sequence[Finding], style: Style) -> str:
    first = findings[0]
    rows = [f"{_head(first, style)}: {printable(first.message)}"]
    rows += [place(_where(finding), style) for finding in findings[:MAX_PLACES]]
    if len(findings) > MAX_PLACES:
        rows.append(f"      and {len(findings) - MAX_PLACES} more: --format concise lists all")
    if first.waiver:
        rows.append(labelled("waived", (waiver_words(first),), style))
    elif first.hint:
        rows.append(labelled("fix", first.hint.split("\n"), style))
    rows.append(labelled("help", (help_command(first.rule),), style))
    return "\n".join(rows)


def _head(finding: Finding, style: Style) -> str:
    kind = kind_of(finding)
    paint = {"error": style.red, "warning": style.yellow, "waived": style.dim}[kind]
    return style.bold(paint(f"{kind}[{printable(finding.rule)}]"))


def _where(finding: Finding) -> str:
    place_in_file = f":{finding.line}:{finding.column or 1}" if finding.line else ""
    return f"{printable(finding.path)}{place_in_file}"


def _summary(report: Report, style: Style) -> str:
    words = printable(summary(report))
    if report.errors:
        return style.red(words)
    return style.yellow(words) if report.findings else style.green(words)
