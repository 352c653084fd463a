"""Puts into words what the system refuses (limits, full disks, links), so that it is not told as a defect.

Whoever writes a file says so at once (`base.files`); here is what is left for the door at the end, and what
other programs tell in the system's words. Only failures import it.
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import way_out
from idse_orchestrator.errors import ExhaustedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.errors import IdseError

_EXHAUSTED = {
    errno.EMFILE: ("too many files are open", "ulimit -n 1024  # lets more be open"),
    errno.ENFILE: ("too many files are open on this machine", "end other programs"),
    errno.ENOMEM: ("no memory is left", "ulimit -v unlimited  # or end other programs"),
    errno.EAGAIN: ("no process can be started", "ulimit -u unlimited  # or end other programs"),
}
_UNUSABLE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM),
    *(errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOTEMPTY),
)


def system_failure(error: BaseException) -> IdseError | None:
    """Returns the error for what the system refused, and nobody further down put into words.

    None for what may be a defect of idse.
    """
    if isinstance(error, MemoryError):
        return _exhausted(errno.ENOMEM, None)
    if isinstance(error, OSError):
        return _refused(error)
    if isinstance(error, ImportError | RuntimeError):
        started = "can't start new thread" in str(error)
        return _exhausted(errno.EAGAIN, None) if started else exhausted_by_words(str(error))
    return None


def _refused(error: OSError) -> IdseError | None:
    where = None if error.filename is None else os.fsdecode(error.filename)
    if error.errno in _EXHAUSTED:
        return _exhausted(error.errno, where)
    if where is None or error.errno not in _UNUSABLE:
        return None
    fix = way_out(error.errno, where)
    return StorageError("a file or folder cannot be used", where=where, cause=error.strerror, fix=(fix,))


def _exhausted(number: int, where: str | None) -> ExhaustedError:
    message, fix = _EXHAUSTED[number]
    return ExhaustedError(message, where=where, cause=os.strerror(number), fix=(fix,))


def exhausted_by_words(words: str) -> ExhaustedError | None:
    """Returns the error for a limit that a program or a library told in the system's words."""
    told = (number for number in _EXHAUSTED if os.strerror(number) in words)
    return next((_exhausted(number, None) for number in told), None)


def ended_by_signal(number: int, args: Sequence[str]) -> IdseError | None:
    """Returns the error for a git that the system ended for want of something."""
    if number == signal.SIGXFSZ:
        return StorageError(
            "the repository cannot be written",
            cause=f"git {args[0]} may not write a file so large",
            fix=(way_out(errno.EFBIG, "the repository"),),
        )
    if number in (signal.SIGKILL, signal.SIGXCPU):
        return ExhaustedError(
            f"git {args[0]} was ended from outside",
            cause="no memory or no time was left for it, or somebody ended it",
            fix=("run the command again",),
        )
    return None
