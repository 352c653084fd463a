"""The log of an attempt: its first MiB and its last four, in a file, whatever it prints.

What is written first goes into the file itself. What follows goes into a second one beside it, which is cut
to its end when it grows too long; when the attempt is over, its end is put behind the beginning. A disk that
is full ends the log, never the attempt.
"""

from __future__ import annotations

import os
from contextlib import suppress

from idse_orchestrator.base.files import make_folders

HEAD_BYTES = 1024 * 1024
TAIL_BYTES = 4 * 1024 * 1024
MORE = ".more"
"""Ends the name of the file with what came after the beginning, while the attempt runs."""


class LogFile:
    """A log at `path`, which only this user may read. `trouble` says why it is not whole, "" where it is."""

    def __init__(self, path: str, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> None:
        self.path = path
        self.written = 0
        self.trouble = ""
        self._head = head
        self._tail = tail
        self._more: int | None = None
        self._more_bytes = 0
        self._file: int | None = None
        try:
            make_folders(os.path.dirname(path))
            self._file = _opened(path)
        except OSError as error:
            self._give_up(error)

    def write(self, data: bytes) -> None:
        """Adds `data`."""
        if self.trouble:
            return
        try:
            room = max(self._head - self.written, 0)
            if data[:room]:
                _write_all(self._file, data[:room])
            if data[room:]:
                self._write_more(data[room:])
            self.written += len(data)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Puts the end behind the beginning, with a line between them that says how much was left out."""
        try:
            if self._more is not None and not self.trouble:
                end = _last(self._more, self._tail)
                left_out = self.written - self._head - len(end)
                if left_out:
                    _write_all(self._file, b"\n... %d bytes left out ...\n" % left_out)
                _write_all(self._file, end)
        except OSError as error:
            self._give_up(error)
        for descriptor in (self._file, self._more):
            if descriptor is not None:
                with suppress(OSError):
                    os.close(descriptor)
        if self._more is not None:
            with suppress(OSError):
                os.unlink(self.path + MORE)
        self._file = self._more = None

    def _write_more(self, data: bytes) -> None:
        if self._more is None:
            self._more = _opened(self.path + MORE)
        if self._more_bytes + len(data) > 2 * self._tail:
            kept = _last(self._more, self._tail)
            os.close(self._more)
            os.unlink(self.path + MORE)  # a new file: whoever follows the log sees that something is gone
            self._more = _opened(self.path + MORE)
            _write_all(self._more, kept)
            self._more_bytes = len(kept)
        _write_all(self._more, data)
        self._more_bytes += len(data)

    def _give_up(self, error: OSError) -> None:
        self.trouble = error.strerror or str(error)


def _opened(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _write_all(descriptor: int | None, data: bytes) -> None:
    if descriptor is None:
        return
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _last(descriptor: int, size: int) -> bytes:
    length = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, max(length - size, 0))
