"""What a person, or a program that asked for JSON, reads when a command fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from idse_orchestrator.cli.render.errors import render_error
from idse_orchestrator.cli.render.style import style_for
from idse_orchestrator.errors import EXIT_INTERNAL, IdseError


def report_error(error: IdseError, argv: Sequence[str]) -> int:
    """Tell `error` in the form `argv` asked for; its exit code."""
    if _wants_json(argv):
        from idse_orchestrator.cli.render.envelope import error_envelope

        sys.stdout.write(error_envelope(error) + "\n")
    else:
        sys.stderr.write(render_error(error, style_for(sys.stderr, _color(argv), os.environ)) + "\n")
    if "-vv" in argv:
        import traceback

        traceback.print_exception(error)
    return error.exit_code


def report_bug(error: Exception, argv: Sequence[str]) -> int:
    """Say that idse itself failed, and where the details are to attach to a report."""
    from idse_orchestrator import __version__

    path = _write_details(error, argv)
    told = IdseError(
        f"idse {__version__} failed: {type(error).__name__}: {error}",
        cause="this is a defect of idse; nothing was left half done",
        fix=(
            f"report it with the file {path}" if path else "run it again with -vv and report what it prints",
        ),
    )
    told.exit_code = EXIT_INTERNAL  # type: ignore[misc] # as GateError does: it is what the reader is told
    report_error(told, [word for word in argv if word != "-vv"])
    if "-vv" in argv:
        import traceback

        traceback.print_exception(error)
    return EXIT_INTERNAL


def _write_details(error: Exception, argv: Sequence[str]) -> str | None:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="idse-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(f"idse {' '.join(argv)}\nPython {sys.version}\n\n")
            file.write("".join(traceback.format_exception(error)))
            return file.name
    except OSError:
        return None  # the error itself still reaches the terminal


def _wants_json(argv: Sequence[str]) -> bool:
    words = list(argv)[: list(argv).index("--")] if "--" in argv else list(argv)
    asked = {"--json", "--format=json"}.intersection(words)
    if words[:1] == ["compile"]:  # whose --format is that of the file it writes
        return "--json" in words
    return bool(asked) or ("--format", "json") in pairwise(words)


def _color(argv: Sequence[str]) -> str:
    for word, after in pairwise([*argv, ""]):
        wish = after if word == "--color" else word.removeprefix("--color=")
        if wish in ("always", "never") and word.startswith("--color"):
            return wish
    return "auto"
