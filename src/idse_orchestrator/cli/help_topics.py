"""Texts of `idse help` besides those of commands: exit codes, stages, refs, errors. Each text is only here.

`docs/generate.py` makes the pages of exit codes and of errors from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from idse_orchestrator import errors
from idse_orchestrator.cli.layout import aligned, wrapped
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import IdseError

_WITHOUT_A_CODE = (
    "What happened has no code of its own: the message says all that is known. If it calls itself a "
    "defect of idse, please report it with the log file that it names."
)


class ExitCode(NamedTuple):
    """The meaning of a number, in a word or two and in a sentence."""

    title: str
    text: str


class Topic(NamedTuple):
    """Something `idse help` explains by name."""

    summary: str
    text: Callable[[], str]


EXIT_CODES: Mapping[int, ExitCode] = MappingProxyType(
    {
        errors.EXIT_OK: ExitCode("done", "Everything that was asked for happened."),
        errors.EXIT_CHECK_FAILED: ExitCode(
            "a check said no", "A rule, a gate or an integrity check found what blocks."
        ),
        errors.EXIT_USAGE: ExitCode(
            "usage or configuration", "The command, a setting or the place it ran in does not fit."
        ),
        errors.EXIT_CONFLICT: ExitCode(
            "conflict or stale", "Somebody was faster, or work would be lost. Look, then retry."
        ),
        errors.EXIT_NOT_AUTHORIZED: ExitCode(
            "not authorized", "The remote knows you and does not allow this."
        ),
        errors.EXIT_UNREACHABLE: ExitCode(
            "remote unreachable", "No connection. Nothing is lost; try again later."
        ),
        errors.EXIT_INTERNAL: ExitCode("internal error", "A defect of idse. A log file says more."),
        errors.EXIT_BUSY: ExitCode(
            "busy, try later",
            "Another process holds what is needed, or the system has no more of it. Run it again.",
        ),
        errors.EXIT_INTERRUPTED: ExitCode("interrupted", "You, or a signal, ended it. Nothing is half done."),
    }
)
"""Exit code to its explanation, in the order of the numbers."""

HOOKS_EXIT = "`idse hook …`, which git calls, uses only 0 and 1."

_STATUSES = (
    ("pending", "not begun"),
    ("in_progress", "begun, by completing the stage before it or by idse stage start"),
    ("complete", "its gate held when it was completed: idse stage complete STAGE"),
)
_CONDITIONS = (
    ("changed", "its own document is not the one that was completed"),
    ("stale", "a document that it builds on is not the one that it was completed with"),
)
_REFS = (
    ("refs/idse/projects/<project>", "a project's ledger: its settings and agents"),
    ("refs/idse/sessions/<project>/<session>", "a session's ledger: one commit for each event"),
    ("refs/idse/notes/commits", "notes on code commits: session, stage, verdict"),
    ("refs/idse/sync/<replica>", "sync points of one clone"),
    ("refs/idse-local/…", "never published: what was fetched"),
    ("refs/worktree/idse/…", "the current session of one work tree"),
)
_LEDGER = (
    ("artifacts/", "the session's folder, as it was"),
    ("event.json", "what happened"),
    ("state.json", "where the session stood after it"),
)


def exit_codes() -> str:
    """Lists every exit code and its meaning."""
    rows = [(f"{number:>3}", code.title, code.text) for number, code in EXIT_CODES.items()]
    return "\n".join([*aligned(rows), "", HOOKS_EXIT])


def stages() -> str:
    """Explains the pipeline, the statuses of a stage, and why completion expires."""
    return _text(
        "A session passes seven stages, and each of them writes one document:",
        list(ARTIFACTS.items()),
        "A stage has one of three statuses:",
        _STATUSES,
        "Complete means complete with these documents. When they change, the stage shows as one of:",
        _CONDITIONS,
        "Nothing has to be reset: bring the text back and the stage is current again. Otherwise take it "
        "up again (idse stage reopen STAGE -m WHY), or say that it still holds (idse stage confirm STAGE "
        "-m WHY).",
    )


def refs() -> str:
    """Explains where everything is kept, and how plain git reads it."""
    return _text(
        "Everything idse knows is in git:",
        _REFS,
        "A commit of a session's ledger holds:",
        _LEDGER,
        "Plain git reads all of it:",
        [
            ("git log refs/idse/sessions/<project>/<session>",),
            ("git show refs/idse/sessions/<project>/<session>:artifacts/spec.md",),
            ("git push agency",),
        ],
    )


TOPICS: Mapping[str, Topic] = MappingProxyType(
    {
        "exit-codes": Topic("What the exit code of a command means.", exit_codes),
        "stages": Topic("The seven stages, and when one is complete.", stages),
        "refs": Topic("What is kept where in git.", refs),
    }
)


def error_classes() -> list[type[IdseError]]:
    """Returns every error that has a code of its own, by code."""
    found = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, IdseError) and kind is not IdseError
    ]
    return sorted(found, key=lambda kind: kind.code)


def error_title(kind: type[IdseError]) -> str:
    """Names a class in prose: "Not a repository"."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("Error")).lower()
    return words[:1].upper() + words[1:]


def error_page(code: str) -> str | None:
    """Returns the page of an error, such as ``IDSE004``; None where no error has this code."""
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
    from inspect import getdoc  # slow, and `idse --help` reads this file

    text = (getdoc(kind) or "").replace("``", "`")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _text(*parts: str | list[tuple[str, ...]] | tuple[tuple[str, ...], ...]) -> str:
    """Joins paragraphs, and tables set in below them, with empty lines between."""
    blocks = [
        "\n".join(wrapped(part) if isinstance(part, str) else [f"  {line}" for line in aligned(part)])
        for part in parts
    ]
    return "\n\n".join(blocks)
