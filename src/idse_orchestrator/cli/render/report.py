"""A report in one of six formats, chosen by name: here those for people, editors, GitHub and programs.

A format is a function ``(report, rules, style)`` that returns text without a final line break.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import PLAIN, Style, help_command, labelled, place
from idse_orchestrator.constitution.report_data import kind_of, report_data
from idse_orchestrator.errors import UsageError

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report, Rule

    Rules = Mapping[str, Rule]
    from collections.abc import Iterator, Sequence

SCHEMA = "idse.validate/2"

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "report:text_report",
        "concise": "report:concise_report",
        "json": "report:json_report",
        "sarif": "report_ci:sarif_report",
        "junit": "report_ci:junit_report",
        "github": "report:github_report",
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


def waiver_words(finding: Finding) -> str:
    """Says why a finding is waived, until when, and by whom; "" where it is not."""
    waiver = finding.waiver
    if waiver is None:
        return ""
    until = f"until {waiver.expires}" if waiver.expires else "without an end"
    wide = ", rule-wide" if waiver.places is None else ""
    return f"{waiver.reason} ({until}, by {waiver.by}{wide})"


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


_MOST_PLACES = 5
"""Places shown of one kind of finding in one file; the other formats have them all."""

_COMMANDS = {"error": "error", "warning": "warning", "waived": "notice"}


def text_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the one shape of formats
    """Groups findings by file and then by kind; the notes and a summary line follow."""
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
    """Groups findings that differ only in their place, in the order of the first of each."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.message, finding.hint, finding.fix, finding.waiver)
        groups.setdefault(key, []).append(finding)
    return iter(groups.values())


def _block(findings: Sequence[Finding], style: Style) -> str:
    first = findings[0]
    kind = kind_of(first)
    paint = {"error": style.red, "warning": style.yellow, "waived": style.dim}[kind]
    head = style.bold(paint(f"{kind}[{printable(first.rule)}]"))
    rows = [f"{head}: {printable(first.message)}"]
    rows += [place(_place(finding), style) for finding in findings[:_MOST_PLACES]]
    if len(findings) > _MOST_PLACES:
        rows.append(f"      and {len(findings) - _MOST_PLACES} more: --format concise lists all")
    if first.waiver:
        rows.append(labelled("waived", (waiver_words(first),), style))
    else:
        rows += [labelled("hint", first.hint.split("\n"), style)] if first.hint else []
        rows += [labelled("fix", first.fix, style)] if first.fix else []
    rows.append(labelled("help", (help_command(first.rule),), style))
    return "\n".join(rows)


def _place(finding: Finding) -> str:
    position = f":{finding.line}:{finding.column or 1}" if finding.line else ""
    return f"{printable(finding.path)}{position}"


def _summary(report: Report, style: Style) -> str:
    words = printable(summary(report))
    if report.errors:
        return style.red(words)
    return style.yellow(words) if report.findings else style.green(words)


def concise_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the same
    """Writes ``path:line:col: error[IDSE301] message`` for each finding; a whole file counts as 1:1.

    A waived finding reads ``waived[…]`` and ends in its reason. Empty where nothing was found.
    """
    return "\n".join(printable(finding_line(finding, waiver_words(finding))) for finding in report.findings)


def finding_line(finding: Finding, why: str) -> str:
    """Writes place, kind, rule and message of a finding, and `why` where that is said."""
    head = f"{finding.path}:{finding.line or 1}:{finding.column or 1}: {kind_of(finding)}[{finding.rule}]"
    return f"{head} {finding.message}{f' -- {why}' if why else ''}"


def github_report(report: Report, rules: Rules, style: Style) -> str:  # noqa: ARG001 - the same
    """Writes workflow commands, which GitHub Actions turns into annotations on the changed files.

    A ``::error …::`` or ``::warning …::`` line for each finding, ``::notice`` where it is waived and for what
    could not be checked; the last line is the summary, in plain words.
    """
    lines = [_command(finding, rules) for finding in report.findings]
    lines += [f"::notice title=idse::{_escaped(printable(note))}" for note in report.notes]
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
    return f"::{_COMMANDS[kind_of(finding)]} {given}::{_escaped(_command_words(finding))}"


def _command_words(finding: Finding) -> str:
    why = waiver_words(finding)
    return "\n".join([finding.message, *([f"waived: {why}"] if why else ()), *advice_lines(finding)])


def advice_lines(finding: Finding) -> list[str]:
    """Returns what to do about a finding, for readers of plain text: the hint, and each command."""
    return [*([f"hint: {finding.hint}"] if finding.hint else ()), *(f"fix: {line}" for line in finding.fix)]


def _escaped(text: str) -> str:
    """Escapes line breaks of ours: all else that could end the line is made visible first."""
    return printable(text, lines=True).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
