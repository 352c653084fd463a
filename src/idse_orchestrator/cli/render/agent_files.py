"""The agent files for people and as data: how each stands, what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.agents.file_standing import CURRENT, MISSING, SHARED
from idse_orchestrator.cli.render.aligned import aligned
from idse_orchestrator.cli.render.style import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.agents.file_standing import FileStanding
    from idse_orchestrator.agents.install_files import FileOutcome
    from idse_orchestrator.cli.render.style import Style


def outcome_lines(outcomes: Sequence[FileOutcome]) -> list[str]:
    """What was done about every file, one plain line each."""
    rows = [
        (each.file.at(each.line if each.is_trouble else 0), each.result, each.detail) for each in outcomes
    ]
    return [printable(line) for line in aligned(rows)]


def standing_page(standings: Sequence[FileStanding], program: str, style: Style) -> str:
    """How every file stands, and which idse the hooks would start."""
    rows = [(each.file.agent, each.file.at(each.line), each.condition, each.detail) for each in standings]
    lines = [printable(line) for line in aligned(rows)]
    well = all(each.condition in (CURRENT, SHARED, MISSING) for each in standings)
    has_hooks = any(each.file.hooks and each.condition != MISSING for each in standings)
    if all(each.condition in (MISSING, SHARED) for each in standings):
        lines.append("no agent is told about idse: idse agents install")
    elif not well:
        lines.append(style.yellow("not all is as idse writes it: idse agents install"))
    if has_hooks:
        says = f"agents call {printable(program)}" if program else "idse is not on PATH: no agent can call it"
        lines.append(style.green(says) if program else style.yellow(says))
    return "\n".join(lines)


def standing_data(standings: Sequence[FileStanding], program: str) -> dict[str, object]:
    """The same in JSON's own types."""
    files = [
        {
            "agent": each.file.agent,
            "path": each.file.path,
            "kind": "hooks" if each.file.hooks else "block",
            "condition": each.condition,
            "line": each.line or None,
            "detail": each.detail,
        }
        for each in standings
    ]
    return {"files": files, "program": program or None}
