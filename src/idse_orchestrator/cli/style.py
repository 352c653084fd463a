"""Text that may reach a terminal: colours where wanted, and no control character that we did not write.

Names, paths and messages may come from a repository that somebody else wrote. `printable` makes
whatever could move a cursor, change a title or reorder text visible instead of obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

_JOINERS = "\u200c\u200d"  # harmless, and Persian words and many emoji are written with them
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_NONCHARACTERS = range(0xFDD0, 0xFDF0)
_LAST_OF_PLANE = 0xFFFE
_UNDECODED = range(0xDC80, 0xDD00)
"""How Python carries a byte that it could not decode: 0xDC00 more than the byte."""


class Style:
    """Wraps text in ANSI colours when `enabled`, and gives it back as it is when not.

    A plain class: a hot command would pay more for importing dataclasses than for its own work.
    """

    __slots__ = ("enabled",)

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled

    def bold(self, text: str) -> str:
        """Marks what a reader looks for first."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Marks what most readers skip."""
        return self._wrap("2", text)

    def red(self, text: str) -> str:
        """Marks what blocks."""
        return self._wrap("31", text)

    def green(self, text: str) -> str:
        """Marks what holds."""
        return self._wrap("32", text)

    def yellow(self, text: str) -> str:
        """Marks what needs a look."""
        return self._wrap("33", text)

    def cyan(self, text: str) -> str:
        """Marks what can be typed, and for ids."""
        return self._wrap("36", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text


PLAIN = Style()


def style_for(stream: TextIO, choice: str, environ: Mapping[str, str]) -> Style:
    """Returns the style for `stream`, in this order of precedence.

    1. `choice` ``always`` or ``never``. 2. A non-empty ``NO_COLOR``: off. 3. ``FORCE_COLOR`` other
    than empty or ``0``: on. 4. ``TERM=dumb``: off. 5. On where `stream` is a terminal.
    """
    if choice != "auto":
        return Style(enabled=choice == "always")
    if environ.get("NO_COLOR"):
        return PLAIN
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return Style(enabled=True)
    return Style(enabled=environ.get("TERM") != "dumb" and stream.isatty())


def printable(text: str, *, lines: bool = False) -> str:
    r"""Returns `text` with every character a terminal could obey or hide written out, as in ``\x1b``.

    That is control and format characters (those that reorder text included), line and paragraph
    separators, private-use and non-characters, and surrogates; a byte that was not UTF-8 shows as
    ``\xNN``. With `lines`, newlines and tabs stay. The result can always be encoded.
    """
    if text.isprintable():
        return text
    kept = _JOINERS + "\n\t" if lines else _JOINERS
    return "".join(char if char in kept else _visible(char) for char in text)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    from unicodedata import category  # only odd text pays for this

    point = ord(char)
    if point in _UNDECODED:
        return f"\\x{point - 0xDC00:02x}"
    if category(char) in _HIDDEN or point in _NONCHARACTERS or point & _LAST_OF_PLANE == _LAST_OF_PLANE:
        return char.encode("unicode_escape").decode("ascii")
    return char
