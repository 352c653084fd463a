"""How an error looks on a terminal: what happened, where, why, and what to type now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from idse_orchestrator.cli.render.style import PLAIN, Style, printable

if TYPE_CHECKING:
    from idse_orchestrator.errors import IdseError

_LABEL = 7
_BEFORE_LABEL = len("   = ")


def render_error(error: IdseError, style: Style = PLAIN) -> str:
    """`error` in the one style all errors have, ending without a newline."""
    head = style.bold(f"{style.red(f'error[{error.code}]')}: {printable(error.message)}")
    rows = [head]
    if error.where is not None:
        rows.append(place(printable(error.where), style))
    if error.cause is not None:
        rows.append(labelled("cause", error.cause.strip().split("\n"), style))
    if error.fix:
        rows.append(labelled("fix", error.fix, style))
    rows.append(labelled("help", (help_command(error.code),), style))
    return "\n".join(rows)


def place(where: str, style: Style = PLAIN) -> str:
    """The line that says where: ``  --> path:12:1``. `where` is printable already."""
    return f"  {style.cyan('-->')} {where}"


def labelled(label: str, texts: Iterable[str], style: Style = PLAIN) -> str:
    """``   = fix:   first``, and every further text aligned beneath it."""
    name = f"{label}: ".ljust(_LABEL)
    beneath = "\n" + " " * (_BEFORE_LABEL + len(name))
    return f"   {style.cyan('=')} {name}" + beneath.join(printable(text) for text in texts)


def help_command(code: str) -> str:
    """What to type to read about `code`: errors of the tool are in help, rules in the constitution."""
    return f"idse help {code}" if code.startswith("IDSE0") else f"idse rule show {code}"
