"""Changes to a JSON text that leave every other byte of it alone: what is not changed is never written anew.

Positions are found by the standard library's own decoder, so what it reads and what is cut agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from idse_orchestrator.base.records import NamedTuple

_BLANK = re.compile(r"[ \t\n\r]*")
_FIRST_KEY = re.compile(r"[ \t\n\r]*\{(?P<blank>[ \t\n\r]*)")


class Span(NamedTuple):
    """One member of an object or item of a list: ``text[start:end]``; its value begins at `at`."""

    start: int
    end: int
    key: str
    at: int
    value: Any


class Style(NamedTuple):
    """How a JSON text is laid out: `unit` is one step of indentation, None where all is on one line."""

    unit: str | None
    line_break: str


def refuse_constant(word: str) -> NoReturn:
    """Refuses ``NaN`` and its like, which Python reads and JSON does not have."""
    raise ValueError(f"{word} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def parsed(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Returns the value of `text`; ValueError with the place where it is no JSON."""
    try:
        start = _skip(text, 0)
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if text[_skip(text, end) :]:
        raise json.JSONDecodeError("more text after the end", text, end)
    return value


def spans(text: str, at: int) -> Sequence[Span]:
    """Returns the members of the object, or the items of the list, that begins at ``text[at]``."""
    closing = "}" if text[at] == "{" else "]"
    found: list[Span] = []
    here = _skip(text, at + 1)
    while text[here] != closing:
        start, key = here, ""
        if closing == "}":
            key, here = _DECODER.raw_decode(text, here)
            here = _skip(text, _skip(text, here) + 1)
        value, end = _DECODER.raw_decode(text, here)
        found.append(Span(start, end, key, here, value))
        here = _skip(text, end)
        if text[here] == ",":
            here = _skip(text, here + 1)
    return found


def style_of(text: str) -> Style:
    """Returns how `text`, an object, is laid out: by the line on which its first key stands."""
    line_break = "\r\n" if "\r\n" in text else "\n"
    found = _FIRST_KEY.match(text)
    blank = found["blank"] if found else ""
    is_empty = found is not None and text[found.end() : found.end() + 1] == "}"
    if is_empty:
        return Style("  ", line_break)
    if "\n" not in blank:
        return Style(None if "\n" not in text.strip() else "  ", line_break)
    return Style(blank.rpartition("\n")[2] or "  ", line_break)


def appended(text: str, at: int, depth: int, value: Any, key: str = "") -> str:  # noqa: ANN401 - any JSON value
    """Appends `value` as the last item of the list at `at`, or as the last member, `key`, of the object.

    `depth` is how many containers are around that list or object.
    """
    style = style_of(text)
    piece = _laid_out(value, key, depth + 1, style)
    inside = spans(text, at)
    if inside:
        before = ", " if style.unit is None else "," + _new_line(style, depth + 1)
        return text[: inside[-1].end] + before + piece + text[inside[-1].end :]
    end = _skip(text, at + 1)
    if style.unit is None:
        return text[: at + 1] + piece + text[end:]
    return text[: at + 1] + _new_line(style, depth + 1) + piece + _new_line(style, depth) + text[end:]


def removed(text: str, at: int, index: int) -> str:
    """Removes one member or item of the container at `at`; what is empty then holds no blank."""
    inside = spans(text, at)
    if len(inside) == 1:
        return text[: at + 1] + text[_skip(text, inside[0].end) :]
    if index == 0:
        return text[: inside[0].start] + text[inside[1].start :]
    return text[: inside[index - 1].end] + text[inside[index].end :]


def _laid_out(value: Any, key: str, depth: int, style: Style) -> str:  # noqa: ANN401 - any JSON value
    head = json.dumps(key, ensure_ascii=False) + ": " if key else ""
    if style.unit is None:
        return head + json.dumps(value, ensure_ascii=False)
    text = json.dumps(value, ensure_ascii=False, indent=style.unit)
    return head + text.replace("\n", _new_line(style, depth))


def _new_line(style: Style, depth: int) -> str:
    return style.line_break + (style.unit or "") * depth


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
