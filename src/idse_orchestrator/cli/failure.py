"""Errors for their readers: on a terminal cause, place and what to type now; in JSON a diagnostic."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.layout import PLAIN, Style, from_here, help_command, labelled, place, style_for
from idse_orchestrator.cli.streams import asked_color, tell
from idse_orchestrator.errors import EXIT_INTERNAL, GateError, IdseError, StorageError
from idse_orchestrator.redaction import redacted


def report_error(error: IdseError, argv: Sequence[str]) -> int:
    """Prints `error` in the form that `argv` asked for, and returns its exit code."""
    if _wants_json(argv):
        from idse_orchestrator.cli.envelope import error_envelope

        sys.stdout.write(error_envelope(error) + "\n")
    else:
        color = asked_color(argv)
        if isinstance(error, GateError):
            from idse_orchestrator.cli.render.report import text_report
            from idse_orchestrator.constitution.rules import Report

            if isinstance(error.findings, Report):
                style = style_for(sys.stdout, color, os.environ)
                sys.stdout.write(text_report(error.findings, {}, style) + "\n")
        tell(render_error(error, style_for(sys.stderr, color, os.environ)))
    _trace(error, argv)
    return error.exit_code


def report_unexpected(error: Exception, argv: Sequence[str]) -> int:
    """Prints what nobody expected: what the system refused as any error, and everything else as a defect."""
    from idse_orchestrator.base.refusals import system_failure

    refused = system_failure(error)
    if refused is None and isinstance(error, FileNotFoundError) and error.filename is None:
        refused = _nowhere()
    if refused is None:
        return report_bug(error, argv)
    code = report_error(refused, [word for word in argv if word != "-vv"])
    _trace(error, argv)
    return code


def _nowhere() -> StorageError | None:
    """Returns the error where the working folder is gone, which is how the system tells it."""
    try:
        os.getcwd()
    except OSError as gone:
        return StorageError(
            "the folder in which idse was started is gone",
            cause=gone.strerror,
            fix=("go to a folder that is there, then run the command again",),
        )
    return None


def report_bug(error: Exception, argv: Sequence[str]) -> int:
    """Says that idse itself failed, and where the details are to attach to a report."""
    from idse_orchestrator import __version__

    path = _write_details(error, argv)
    bug = IdseError(
        f"idse {__version__} failed: {type(error).__name__}: {error}",
        cause="this is a defect of idse; nothing was left half done",
        fix=(
            f"report it with the file {path}" if path else "run it again with -vv and report what it prints",
        ),
    )
    bug.exit_code = EXIT_INTERNAL  # type: ignore[misc] # as GateError does: the reader sees it
    report_error(bug, [word for word in argv if word != "-vv"])
    _trace(error, argv)
    return EXIT_INTERNAL


def _trace(error: Exception, argv: Sequence[str]) -> None:
    if "-vv" in argv:
        import traceback

        sys.stderr.write(redacted("".join(traceback.format_exception(error))))


def _write_details(error: Exception, argv: Sequence[str]) -> str | None:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="idse-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            told = f"idse {' '.join(argv)}\nPython {sys.version}\n\n"
            file.write(redacted(told + "".join(traceback.format_exception(error))))
            return file.name
    except OSError:
        return None  # the error itself still reaches the terminal


def _wants_json(argv: Sequence[str]) -> bool:
    words = list(argv)[: list(argv).index("--")] if "--" in argv else list(argv)
    asked = {"--json", "--format=json"}.intersection(words)
    if words[:1] == ["compile"]:  # whose --format is that of the file it writes
        return "--json" in words
    return bool(asked) or ("--format", "json") in pairwise(words)


def render_error(error: IdseError, style: Style = PLAIN) -> str:
    """Returns `error` in the one style that all errors have, ending without a newline."""
    head = style.bold(f"{style.red(f'error[{error.code}]')}: {printable(error.message)}")
    rows = [head]
    if error.where is not None:
        rows.append(place(printable(error.where), style))
    if error.cause is not None:
        rows.append(labelled("cause", error.cause.strip().split("\n"), style))
    if error.words:
        rows.append(labelled("hint", error.words, style))
    if error.fix:
        rows.append(labelled("fix", map(from_here, error.fix), style))
    rows.append(labelled("help", (help_command(error.code),), style))
    return "\n".join(rows)
