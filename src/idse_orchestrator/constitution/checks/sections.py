"""Checks of a document's sections and of its words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from idse_orchestrator.constitution.checks.document import (
    Document,
    Notice,
    heading_name,
    headings,
    number,
    sections_called,
    text,
)
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.markdown import COMMENT, Section, code_spans

_RULER = re.compile(r"[-*_=|:\s]*")
_BULLET = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?:\s+|$)(?:\[[ xX]?\](?:\s+|$))?")
_LABEL = re.compile(r"[*_]{0,3}[^:.?!]{1,60}:[*_]{0,3}\s*")
_ITALIC = re.compile(r"([*_])(?![*_\s])([^*_]+)\1\s*")


def body_lines(document: Document, section: Section) -> Iterator[tuple[int, str]]:
    """Line number and text of each line of `section` that is neither blank, a heading nor in a comment."""
    outline = document.outline
    body = "\n".join(document.lines[section.first - 1 : section.last])
    if "<!--" in body:
        body = COMMENT.sub(lambda found: "\n" * found[0].count("\n"), body)
    unclosed = outline.comments if "<!--" in body else ()
    for line, words in enumerate(body.split("\n"), section.first):
        if words.strip() and line not in outline.headings and line not in unclosed:
            yield line, words


def says_something(document: Document, section: Section, markers: re.Pattern[str], help_words: int) -> bool:
    """Tests whether anything but help, markers, labels and rulers stands in `section`.

    Help is a quoted line, or a line all in italics of at least `help_words` words. Code counts as words.
    """
    code = document.outline.code
    for line, words in body_lines(document, section):
        if line in code:
            if not words.lstrip().startswith(("```", "~~~")):
                return True
        elif _is_own_text(markers.sub("", words), help_words):
            return True
    return False


def _is_own_text(line: str, help_words: int) -> bool:
    text = line[_bullet_end(line) :].strip()
    if text.startswith(">") or _RULER.fullmatch(text) or _LABEL.fullmatch(text):
        return False
    italic = _ITALIC.fullmatch(text)
    return italic is None or len(italic[2].split()) < help_words


def _bullet_end(line: str) -> int:
    bullet = _BULLET.match(line)
    return bullet.end() if bullet else 0


_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "\u2018": "\u2019", "«": "»", "\u2039": "\u203a"}
_LISTED = 12
_SHOWN = 60


@lru_cache(maxsize=64)
def marker_pattern(*markers: str) -> re.Pattern[str]:
    r"""Any of `markers` in any case; brackets may be escaped, and a note may stand before the last one.

    ``[REQUIRES INPUT]`` is also found in ``\[REQUIRES INPUT\]`` and ``[REQUIRES INPUT: who decides?]``.
    """
    return re.compile("|".join(_one_marker(marker) for marker in markers) or r"(?!)", re.IGNORECASE)


def no_marker(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields one notice for all places where `marker` still stands, at the first of them."""
    marker = text(options, "marker")
    offsets = list(_open_places(document, marker_pattern(marker), _core(marker)))
    if offsets:
        places = [document.place(offset) for offset in offsets]
        lines = list(dict.fromkeys(str(line) for line, _ in places))
        listed = ", ".join(lines[:_LISTED]) + (" …" if len(lines) > _LISTED else "")
        where = f"line{'s' if len(lines) > 1 else ''} {listed}"
        params = {"count": len(offsets), "marker": marker, "lines": where}
        yield Notice(*places[0], params)


def no_placeholder(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each piece of text outside of code that one of `patterns` finds."""
    if "{{" in document.text or "{%" in document.text or "<" in document.text:
        for offset, found in _found(document, _alternation(texts(options, "patterns"))):
            shown = " ".join(found.split())
            params = {"placeholder": shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"}
            yield Notice(*document.place(offset), params)


def _open_places(document: Document, pattern: re.Pattern[str], core: str) -> Iterator[int]:
    if core not in document.text.casefold():
        return
    for offset, found in _found(document, pattern):
        end = offset + len(found)
        before, after = document.text[offset - 1 : offset], document.text[end : end + 1]
        if not after or _QUOTES.get(before) != after:
            yield offset


def _found(document: Document, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Offset and text of each match outside of code and comments."""
    outline = document.outline
    spans: dict[int, list[tuple[int, int]]] = {}
    for match in pattern.finditer(document.text):
        line = document.place(match.start())[0]
        if line in outline.code or line in outline.comments:
            continue
        first, last = outline.block_at(line)
        if first not in spans:
            spans[first] = _hidden(document, first, last)
        if not _within(match.start(), spans[first]):
            yield match.start(), match[0]


def _within(offset: int, spans: Sequence[tuple[int, int]]) -> bool:
    at = bisect_right(spans, offset, key=itemgetter(0)) - 1
    return at >= 0 and offset < spans[at][1]


def _hidden(document: Document, first: int, last: int) -> list[tuple[int, int]]:
    """Returns start and end offsets of what does not show as text in these lines, in order and apart."""
    start = document.start_of(first)
    block = document.text[start : document.start_of(last + 1)]
    hidden = code_spans(block) if "`" in block else []
    if "<!--" in block:
        hidden += [found.span() for found in COMMENT.finditer(block)]
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(hidden):
        if merged and start + begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], start + end))
        else:
            merged.append((start + begin, start + end))
    return merged


@lru_cache(maxsize=64)
def _alternation(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)", re.MULTILINE)


def _one_marker(marker: str) -> str:
    inner = marker.strip("[]")
    words = r"[ \t]+".join(re.escape(word) for word in inner.split())
    if not (marker.startswith("[") and marker.endswith("]")):
        return re.escape(marker)
    return rf"\\?\[{words}(?:[ \t]*[:\u2013—-][^\[\]\n]{{0,200}})?\\?\]"


def _core(marker: str) -> str:
    return marker.strip("[]").split()[0].casefold() if marker.strip("[] ") else marker.casefold()


def required_sections(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each section of `sections` that the document lacks."""
    for wanted in headings(options, document.stage):
        if not sections_called(document.outline, wanted):
            yield Notice(params={"section": heading_name(wanted)})


def sections_filled(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each section of `sections` that is there and says nothing of its own.

    A section in which one of `markers` still stands is left to the rule about markers.
    """
    markers = marker_pattern(*texts(options, "markers"))
    help_words = number(options, "help_words")
    for wanted in headings(options, document.stage):
        found = sections_called(document.outline, wanted)
        if not found or any(says_something(document, each, markers, help_words) for each in found):
            continue
        bodies = ("\n".join(document.lines[each.first - 1 : each.last]) for each in found)
        if not any(markers.search(body) for body in bodies):
            yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def no_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each of `texts` in the document, in any case, as whole words, outside of code blocks."""
    for found in _whole_words(texts(options, "texts")).finditer(document.text):
        line, column = document.place(found.start())
        if line not in document.outline.code:
            yield Notice(line, column, {"text": found[0]})


def has_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where none of `texts` is in the document, in any case, as whole words."""
    wanted = texts(options, "texts")
    if not _whole_words(wanted).search(document.text):
        yield Notice(params={"texts": ", ".join(wanted)})


@lru_cache(maxsize=64)
def _whole_words(words: tuple[str, ...]) -> re.Pattern[str]:
    each = (rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
    return re.compile("|".join(each), re.IGNORECASE)
