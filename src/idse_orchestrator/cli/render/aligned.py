"""Rows of text in aligned columns, and prose in a width people can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WIDTH = 78


def aligned(rows: Iterable[Sequence[str]], gap: int = 2) -> list[str]:
    """One line for each row, every column as wide as its widest cell; no spaces at the ends."""
    cells = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        (" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def wrapped(text: str, indent: str = "", first: str | None = None, width: int = WIDTH) -> list[str]:
    """`text` as lines of at most `width`, each after `indent`, the first after `first`.

    Words longer than a line stay whole, so that a path or a command can be copied.
    """
    from textwrap import wrap

    return wrap(
        text,
        width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def labelled_prose(label: str, text: str, column: int = 11) -> list[str]:
    """`text` beside `label`, in lines that begin at `column`; a line break in `text` stays one."""
    lines: list[str] = []
    for part in text.split("\n"):
        first = None if lines else label.ljust(column)
        lines += wrapped(part, " " * column, first) or [(first or "").rstrip()]
    return lines
