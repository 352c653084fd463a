"""What a form holds of a document, and the document that comes of it: the same bytes where nothing changed.

A browser sends each line end as CRLF and knows no byte order mark, so the form has neither. They come back
from the document that was read.
"""

from __future__ import annotations

import re
from collections import Counter

from idse_orchestrator.base.text_merge import common_blocks

MOST = 256 * 1024
"""Bytes of a document that a page lets edit. A larger one is for a clone, or for REST."""
_BOM = "\ufeff"
_END = re.compile(r"(\r\n|\r|\n)")


def why_fixed(data: bytes) -> str:
    """Returns why a document cannot be edited in a form; "" where it can."""
    if len(data) > MOST:
        return f"it has {len(data):,} bytes, and a page takes {MOST:,}"
    if b"\0" in data:
        return "it is no text: it holds a NUL byte"
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"it is no text in UTF-8: see byte {error.start:,}"
    return ""


def text_of(data: bytes) -> str:
    """Returns the text of a document as a form holds it: line ends are line feeds, and there is no mark."""
    return _END.sub("\n", data.decode().removeprefix(_BOM))


def document_of(sent: str, base: bytes) -> bytes:
    """Returns the document that a form means with what it `sent`, where `base` was read.

    It has the byte order mark of `base`, and ends with a line end where that did. A line that `base` has
    keeps its end, one that took the place of another gets that one's, and a new one the usual end.
    """
    text = _END.sub("\n", sent)
    if text == text_of(base):
        return base
    whole = base.decode()
    was = _lines(whole.removeprefix(_BOM))
    now = text.split("\n")
    usual = _usual([end for _, end in was])
    ends = [end or usual for end in _ends(was, now, usual)]
    if now[-1] and base and not was[-1][1]:
        ends[-1] = ""
    lines = [f"{line}{end}" for line, end in zip(now, ends, strict=True)]
    if not now[-1]:
        lines.pop()
    for place in range(1, len(lines)):
        if lines[place] == "\n" and lines[place - 1].endswith("\r"):
            lines[place] = "\r\n"  # else both were one end
    mark = _BOM if whole.startswith(_BOM) else ""
    return f"{mark}{''.join(lines)}".encode()


def _lines(text: str) -> list[tuple[str, str]]:
    """Returns lines and their ends; the last one has none where the text does not end with one."""
    parts = _END.split(text)
    found = list(zip(parts[::2], [*parts[1::2], ""], strict=True))
    return found if found[-1][0] or len(found) == 1 else found[:-1]


def _usual(ends: list[str]) -> str:
    counted = Counter(filter(None, ends)).most_common(1)
    return counted[0][0] if counted else "\n"


def _ends(was: list[tuple[str, str]], now: list[str], usual: str) -> list[str]:
    """Returns the end of each line of `now`."""
    ends = [usual] * len(now)
    old, new = 0, 0
    blocks = common_blocks([line.encode() for line, _ in was], [line.encode() for line in now])
    for start, begin, size in (*blocks, (len(was), len(now), 0)):
        if start - old == begin - new:  # as many lines as before: each took the place of one
            ends[new:begin] = [end for _, end in was[old:start]]
        ends[begin : begin + size] = [end for _, end in was[start : start + size]]
        old, new = start + size, begin + size
    return ends
