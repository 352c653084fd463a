"""Tables as CSV, which spreadsheets open as what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.text import printable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields a line with the names of `columns`, and one for each of `rows`, as RFC 4180 has them."""

    def line(cells: Iterable[object]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        return text.getvalue()

    yield line(columns)
    yield from (line(_cell(row[name]) for name in columns) for row in rows)


def _cell(value: object) -> object:
    """Returns a cell in one line, that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = printable(value.replace("\n", "\\n"))
    return f"'{text}" if text.startswith(_FORMULA) else text
