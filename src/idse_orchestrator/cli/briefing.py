"""The briefing of an agent: short, complete enough to act on, and the same every time nothing changed.

`idse prime` prints it, and agents' hooks answer with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.text import few
from idse_orchestrator.cli.layout import fitted, printable
from idse_orchestrator.cli.render.status import who_lines
from idse_orchestrator.documents.project_workspace import ARTIFACTS, session_folder

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding, Report
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import Standing
    from idse_orchestrator.sessions.status import SessionStatus
    from idse_orchestrator.wiring.application import Application

MOST_FINDINGS = 10
MOST_CHARACTERS = 160

_RULES = """\
## Rules
- Work on the stage that is in progress, in its own file. Start no stage before the one before it is complete.
- A complete stage is a promise. To change its file, reopen it first and say why; what builds on it then
  shows as stale, and each stale stage is reopened or confirmed.
- Replace every [REQUIRES INPUT] by an answer. If you do not know it, ask; do not make it up.
- Never edit CURRENT_SESSION or session_state.json, and never write refs/idse/ by hand: they are made by idse.
- Never commit with --no-verify. A blocked commit names the file, the line and what to type.

## Commands
idse next                          what to do now
idse validate                      every finding, with its place and a hint
idse stage complete STAGE          check the gate and complete a stage
idse stage start STAGE             begin the next one
idse stage reopen STAGE -m WHY     take a complete stage up again
idse save -m WHY                   record the folder without a code commit
idse log -n 10                     who moved what, and when
Set IDSE_AGENT to your name, so that the history tells who acted. Add --json to any of them."""


_AGENTS = """
idse handoff request --to NAME -m WHY   ask another agent to go on; it accepts before it begins
idse handoff accept                     take over what is offered to you, after: idse handoff show"""


def findings_of(app: Application, key: SessionKey) -> Report:
    """Judges the session `key` as it is in this work tree, and returns every finding."""
    from idse_orchestrator.constitution.scope import Scope, places
    from idse_orchestrator.constitution.validate import validate

    scope = Scope(*key)
    reader = app.documents(places(scope))
    return validate(app.judging.validation(reader, views=app.views.contents()), scope)


def prime_text(status: SessionStatus, report: Report) -> str:
    """Returns the briefing as Markdown, without a final line break."""
    state = status.state
    name = printable(f"{state.project}/{state.session}")
    parts = [
        f"# IDSE session {name}"
        + (f": {fitted(printable(state.title), MOST_CHARACTERS)}" if state.title else ""),
        f"The work goes through seven documents in {session_folder(state.project, state.session)}/:",
        "\n".join(_stage(here) for here in status.stages),
        "## Now\n" + _now(status),
        _findings(report),
        _RULES + (_AGENTS if "registry" in status.ledger.parts else ""),
    ]
    return "\n\n".join(part for part in parts if part)


def _stage(here: Standing) -> str:
    words = here.status.replace("_", " ")
    if here.condition == "changed":
        words += ", but its file changed since"
    elif here.condition == "stale":
        words += f", but stale: {few(here.causes)} changed since"
    return f"- {here.stage} ({ARTIFACTS[here.stage]}): {words}"


def _now(status: SessionStatus) -> str:
    action = status.next
    lines = [action.why, *(f"    {each}" for each in action.commands)]
    return "\n".join([*lines, *(fitted(line, MOST_CHARACTERS) for line in who_lines(status))])


def _findings(report: Report) -> str:
    if not report.findings:
        return "## Findings\nnone"
    rows = [_finding(finding) for finding in report.findings[:MOST_FINDINGS]]
    more = len(report.findings) - len(rows)
    if more:
        rows.append(f"and {more} more: idse validate")
    return "## Findings\n" + "\n".join(rows)


def _finding(finding: Finding) -> str:
    place = "/".join(finding.path.split("/")[5:]) or finding.path
    line = f"- {place}:{finding.line}: {finding.severity}[{finding.rule}] {finding.message}"
    return printable(line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…")
