"""Tells what is odd about a project's own templates, where a command has just used them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Terminal
    from idse_orchestrator.sessions.template_folder import TemplateDoubt

_SHOWN = 3


def warn_of(terminal: Terminal, doubts: Sequence[TemplateDoubt]) -> None:
    """A line for each of the first few, and how many more there are."""
    for doubt in doubts[:_SHOWN]:
        terminal.warn(f"{doubt.where} {doubt.what}: {doubt.fix}")
    if len(doubts) > _SHOWN:
        terminal.warn(f"{len(doubts) - _SHOWN} more in .idse/templates: idse doctor")


def doubt_diagnostics(doubts: Sequence[TemplateDoubt]) -> list[dict[str, object]]:
    """The same for ``diagnostics``, all of them."""
    return [
        {
            "severity": "warning",
            "code": InvalidConfigurationError.code,
            "message": doubt.what,
            "where": doubt.where,
            "fix": [doubt.fix],
        }
        for doubt in doubts
    ]
