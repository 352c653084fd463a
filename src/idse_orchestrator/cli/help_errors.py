"""The errors of the tool, explained by their classes: for `idse help IDSE004` and for the reference."""

from __future__ import annotations

import inspect
import re

from idse_orchestrator import errors
from idse_orchestrator.cli.help_topics import EXIT_CODES
from idse_orchestrator.cli.render.aligned import wrapped
from idse_orchestrator.errors import IdseError

_WITHOUT_A_CODE = (
    "What happened has no code of its own: the message says all that is known. If it calls itself a "
    "defect of idse, please report it with the log file that it names."
)


def error_classes() -> list[type[IdseError]]:
    """Every error that has a code of its own, by code."""
    found = [
        kind
        for kind in vars(errors).values()
        if inspect.isclass(kind) and issubclass(kind, IdseError) and kind is not IdseError
    ]
    return sorted(found, key=lambda kind: kind.code)


def error_title(kind: type[IdseError]) -> str:
    """What a class is called in prose: "Not a repository"."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("Error")).lower()
    return words[:1].upper() + words[1:]


def error_page(code: str) -> str | None:
    """The page of an error, such as ``IDSE004``; None where no error has this code."""
    if code == IdseError.code:
        return "\n\n".join([f"{code}  No code of its own", "\n".join(wrapped(_WITHOUT_A_CODE))])
    kind = next((kind for kind in error_classes() if kind.code == code), None)
    if kind is None:
        return None
    exit_code = EXIT_CODES[kind.exit_code]
    parts = [
        f"{code}  {error_title(kind)}",
        *("\n".join(wrapped(part)) for part in _paragraphs(kind)),
        f"Exit code {kind.exit_code}, {exit_code.title}: {exit_code.text}",
        "What to type now stands after fix: in the message.",
    ]
    return "\n\n".join(parts)


def _paragraphs(kind: type[IdseError]) -> list[str]:
    text = (inspect.getdoc(kind) or "").replace("``", "`")
    return [" ".join(part.split()) for part in text.split("\n\n")]
