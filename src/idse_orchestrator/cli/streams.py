"""The three standard streams, even where the caller closed one or where one cannot be written."""

from __future__ import annotations

import errno
import os
import sys

from idse_orchestrator.errors import EXIT_OK, EXIT_USAGE

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def open_standard_streams() -> None:
    """Give every standard stream that the caller closed something to lead to.

    Otherwise the next file that is opened gets the number of standard output, and what is printed
    goes into it: a lock file, or worse.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole run
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same


def cannot_write(error: OSError) -> bool:
    """Whether `error` came from printing.

    What goes wrong with a file carries that file's name, or was made a StorageError where it happened.
    """
    return error.filename is None and error.errno in _UNWRITABLE


def flush_streams(error: OSError | None = None) -> int:
    """Write what is still held back; the exit code this asks for.

    `error` is what went wrong with writing already. EXIT_OK: all is written, or the reader left early.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            continue  # nobody reads any more
        except OSError as found:
            error = error or found
    if error is None:
        return EXIT_OK
    _say(f"error[IDSE015]: the output cannot be written: {error.strerror}\n")
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - it is told once
    return EXIT_USAGE


def _say(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        return  # the exit code is all that is left to say it with
