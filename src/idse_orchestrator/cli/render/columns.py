"""How many columns text takes on a terminal, and text cut or filled to a number of them."""

from __future__ import annotations

import os
import re
import sys

WIDEST = 100
"""Lines are not laid out wider than this: nobody reads across a whole wide screen."""

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def terminal_width() -> int:
    """Columns of the terminal at standard output, or what ``COLUMNS`` says; WIDEST for neither."""
    wish = os.environ.get("COLUMNS", "")
    if wish.isdecimal() and 0 < int(wish) < 10_000:
        return int(wish)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or WIDEST if sys.__stdout__ else WIDEST
    except (OSError, ValueError):
        return WIDEST


def columns(text: str) -> int:
    """Columns that `text` takes; colours take none, East Asian characters and most emoji two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(_width, _COLOR.sub("", text)))


def fitted(text: str, width: int) -> str:
    """`text`, without colours, cut with an ellipsis if it takes more than `width` columns."""
    if columns(text) <= width:
        return text
    kept, left = [], width - 1
    for char in text:
        left -= _width(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…" if width > 0 else ""


def filled(text: str, width: int) -> str:
    """`text` with spaces behind it up to `width` columns; colours in it do not count."""
    return text + " " * (width - columns(text))


def _width(char: str) -> int:
    if char.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    if combining(char) or char in "\u200c\u200d\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1
