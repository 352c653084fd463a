"""The words and small facts that all report formats share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from idse_orchestrator.constitution.findings import Finding, Report


class RuleInfo(Protocol):
    """What a report says about a rule besides its findings; `constitution.rules.Rule` is one."""

    @property
    def id(self) -> str:
        """The stable id, such as ``IDSE301``."""

    @property
    def name(self) -> str:
        """A few words with hyphens."""

    @property
    def message(self) -> str:
        """What a finding says, with ``{placeholders}``."""

    @property
    def hint(self) -> str:
        """What to do about it, with ``{placeholders}``."""

    @property
    def article(self) -> str:
        """The roman number of its article."""


Rules = Mapping[str, RuleInfo]


def kind_of(finding: Finding) -> str:
    """What a reader calls it: ``waived``, ``error`` or ``warning``."""
    return finding.severity if finding.waiver is None else "waived"


def waiver_words(finding: Finding) -> str:
    """Why a finding is waived, until when, and who said so; "" where it is not."""
    waiver = finding.waiver
    if waiver is None:
        return ""
    until = f"until {waiver.expires}" if waiver.expires else "without an end"
    return f"{waiver.reason} ({until}, by {waiver.by})"


def session_of(finding: Finding) -> str:
    """``project/session``, or "" for a finding about the repository as a whole."""
    return f"{finding.project}/{finding.session}" if finding.session else finding.project


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary(report: Report) -> str:
    """One line: what was found, and in what."""
    kinds = [kind_of(finding) for finding in report.findings]
    found = [counted(kinds.count(kind), kind) for kind in ("error", "warning") if kind in kinds]
    waived = [f"{kinds.count('waived')} waived"] if "waived" in kinds else []
    sessions = counted(len(report.sessions), "session")
    return f"{', '.join(found + waived) or 'no findings'} in {sessions} ({report.source})"
