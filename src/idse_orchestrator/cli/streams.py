"""The door of all output: whatever is printed goes through it, whoever prints it and whatever it holds.

It lets no character through that could drive a terminal or hide in it, and knows what to write where the
encoding of a stream has no such character. Only bytes and a line of progress go round it.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, BinaryIO, cast

from idse_orchestrator.base.text import in_sight, printable
from idse_orchestrator.cli.layout import COLOR, style_for
from idse_orchestrator.errors import EXIT_OK, EXIT_USAGE

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
_FALLBACK = "idse.in_sight"
_PLAINER = {
    "…": "...", "→": "->", "▶": ">", "✓": "+", "·": ".", "–": "-", "—": "--",  # noqa: RUF001 - those we print
    "‘": "'", "’": "'", "“": '"', "”": '"', "\xa0": " ",  # noqa: RUF001 - and those that editors put in
}  # fmt: skip
"""Character to its replacement, where a stream cannot encode it. Others show as their code points."""


PRINTED_IN = "idse_printed_in"
"""The option of Python (-X) that names the encoding of the terminal, where Python runs in UTF-8 mode."""


def _without(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    odd = error.object[error.start : error.end]
    return "".join(_PLAINER.get(char) or in_sight(char) for char in odd), error.end


codecs.register_error(_FALLBACK, _without)


class Door(io.TextIOWrapper):
    """A standard stream. `color` is what was asked for: other colours than our own never pass."""

    buffer: BinaryIO = None  # type: ignore[assignment] # click would go round the door where it is ASCII

    def __init__(self, below: BinaryIO, encoding: str, color: str, *, by_line: bool) -> None:
        super().__init__(below, encoding=encoding, errors=_FALLBACK, line_buffering=by_line)
        self.below = below
        self.color = color
        self.wall: object = None
        """The stream that this one replaces, kept alive: it closes `below` when it is collected."""

    def write(self, text: str) -> int:
        """Writes `text` as it may be seen."""
        super().write(self.seen(text))
        return len(text)

    def command(self, text: str) -> None:
        """Writes what the terminal shall obey."""
        super().write(text)

    def seen(self, text: str) -> str:
        """Returns `text` as it may be seen: only colours of our own are obeyed."""
        if "\x1b" not in text or not style_for(self, self.color, os.environ).enabled:
            return printable(text, lines=True)
        parts = COLOR.split(text)
        return "".join(
            part if number % 2 else printable(part, lines=True) for number, part in enumerate(parts)
        )


class PagerDoor(Door):
    """Standard output while a pager shows it: a terminal as far as anyone asks."""

    def isatty(self) -> bool:
        """Returns True."""
        return True


def open_standard_streams(argv: Iterable[str] = ()) -> None:
    """Puts the door before both streams, in the colours that `argv` asks for.

    A stream that the caller closed gets something to lead to. Otherwise the next file that is opened gets the
    number of standard output, and what is printed goes into it: a lock file, or worse.
    """
    if None in (sys.stdin, sys.stdout, sys.stderr):
        for number in range(3):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
        sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole run
        sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
        sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    color = asked_color(argv)
    sys.stdout, sys.stderr = _before(sys.stdout, color), _before(sys.stderr, color)


def _before(stream: object, color: str) -> Door:
    assert isinstance(stream, io.TextIOWrapper)  # noqa: S101 - Python's own
    # Unbuffered, for Python, is less than it says: what is printed comes at once, but in pieces.
    encoding = sys._xoptions.get(PRINTED_IN, stream.encoding)  # noqa: SLF001 - documented, and its only name
    door = Door(stream.buffer, str(encoding), color, by_line=stream.line_buffering or stream.write_through)
    door.wall = stream
    return door


def pager_door(pipe: IO[bytes]) -> PagerDoor:
    """Returns the door to a pager, which shows what it is given on the terminal at standard output."""
    color = getattr(sys.stdout, "color", "auto")
    return PagerDoor(cast("BinaryIO", pipe), sys.stdout.encoding, color, by_line=True)


def asked_color(argv: Iterable[str]) -> str:
    """Returns what `argv` says of colours: always, never or auto."""
    words = [*argv, ""]
    for number, word in enumerate(words):
        if word.startswith("--color"):
            choice = words[number + 1] if word == "--color" else word.removeprefix("--color=")
            if choice in ("always", "never"):
                return choice
    return "auto"


def write_over(text: str) -> None:
    """Writes `text` over the line that stands on the terminal at standard error."""
    write = sys.stderr.command if isinstance(sys.stderr, Door) else sys.stderr.write
    write("\r\x1b[K" + printable(text))
    sys.stderr.flush()


def write_bytes(chunks: Iterable[bytes]) -> None:
    """Writes `chunks` to standard output as they are."""
    sys.stdout.flush()
    below = sys.stdout.below if isinstance(sys.stdout, Door) else sys.stdout.buffer
    below.writelines(chunks)
    below.flush()


def encoded(text: str) -> bytes:
    """Returns `text`, which is printable already, as standard output would write it."""
    return text.encode(sys.stdout.encoding, _FALLBACK)


def tell(text: str) -> None:
    """Writes `text` and a line break to standard error, after what standard output was given before it.

    Where both lead to one pipe or file, as in CI, whoever reads it sees them in the order they were written.
    """
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


def cannot_write(error: OSError) -> bool:
    """Returns True if `error` came from printing.

    What goes wrong with a file carries that file's name, or was made a StorageError where it happened.
    """
    return error.filename is None and error.errno in _UNWRITABLE


def flush_streams(error: OSError | None = None) -> int:
    """Writes what is still held back, and returns the exit code that this asks for.

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
    _say_last(f"error[IDSE015]: the output cannot be written: {error.strerror}\n")
    _hear_no_more()
    return EXIT_USAGE


def _hear_no_more() -> None:
    """Lets what the streams still hold go nowhere: Python 3.13 would say once more that it cannot."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of it


def _say_last(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        return  # the exit code is all that is left to say it with
