"""What a rule has to say about one place, and the report that many findings make."""

from __future__ import annotations

from typing import NamedTuple

from idse_orchestrator.pipeline.stage_state_model import Waiver

OFF = "off"
WARNING = "warning"
ERROR = "error"
SEVERITIES = (OFF, WARNING, ERROR)
"""From the mildest to the strictest: a project may move a rule to the right, never to the left."""


class Finding(NamedTuple):
    """One rule's verdict at one place.

    `path` is relative to the repository; `line` and `column` count from 1, and 0 means the whole
    file. `severity` is WARNING or ERROR. A waived finding never counts as an error.
    """

    rule: str
    severity: str
    path: str
    line: int
    column: int
    message: str
    hint: str
    project: str = ""
    session: str = ""
    stage: str = ""
    waiver: Waiver | None = None

    @property
    def blocks(self) -> bool:
        """Whether this finding alone makes a check say no."""
        return self.severity == ERROR and self.waiver is None

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Reports are ordered by place, then rule, then words."""
        return (self.path, self.line, self.column, self.rule, self.message)


class Report(NamedTuple):
    """Everything one run of the ValidationEngine found, in a stable order.

    `source` says what was looked at ("worktree", "index", "commit 3f2a1c9"), `constitution` is the
    content id of the rules, `sessions` the ``project/session`` names that were judged.
    """

    source: str
    constitution: str
    sessions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        """How many findings block."""
        return sum(1 for finding in self.findings if finding.blocks)

    @property
    def warnings(self) -> int:
        """How many findings do not block, waived ones included."""
        return len(self.findings) - self.errors

    def blocks(self, *, strict: bool = False) -> bool:
        """Whether the run says no: on any error, and with `strict` on any finding not waived."""
        if strict:
            return any(finding.waiver is None for finding in self.findings)
        return self.errors > 0
