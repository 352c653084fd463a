"""Checks of a document's sections and of its words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from operator import itemgetter

from idse_orchestrator.constitution.checks.document import (
    Budget,
    Document,
    Notice,
    folded,
    heading_name,
    headings,
    number,
    sections_called,
    text,
)
from idse_orchestrator.constitution.patterns import pattern_of
from idse_orchestrator.constitution.rules import texts
from idse_orchestrator.documents.markdown import Section, code_spans, comment_spans, without_comments

_RULER = re.compile(r"[-*_=|:\s]*")
_BULLET = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])(?:\s+|$)(?:\[[ xX]?\](?:\s+|$))?")
_LABEL = re.compile(r"[*_]{0,3}[^:.?!]{1,60}:[*_]{0,3}\s*")
_ITALIC = re.compile(r"([*_])(?![*_\s])([^*_]+)\1\s*")


def body_lines(document: Document, section: Section) -> Iterator[tuple[int, str]]:
    """Line number and text of each line of `section` that is neither blank, a heading nor in a comment."""
    outline = document.outline
    body = "\n".join(document.lines[section.first - 1 : section.last])
    document.budget.spend(len(body) + 40 * (section.last - section.first + 1))
    body = without_comments(body)
    unclosed = outline.comments if "<!--" in body else ()
    for line, words in enumerate(body.split("\n"), section.first):
        if words.strip() and line not in outline.headings and line not in unclosed:
            yield line, words


def says_something(document: Document, section: Section, markers: tuple[str, ...], help_words: int) -> bool:
    """Tests whether anything but help, markers, labels and rulers stands in `section`.

    Help is a quoted line, or a line all in italics of at least `help_words` words. Code counts as words.
    """
    code = document.outline.code
    pattern = marker_pattern(*markers)
    for line, words in body_lines(document, section):
        if line in code:
            if not words.lstrip().startswith(("```", "~~~")):
                return True
            continue
        document.budget.spend(_UNITS_OF_MARKER * len(markers) * len(words))
        if _is_own_text(pattern.sub("", words), help_words):
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
_UNITS_OF_MARKER = 6
"""Units of work for each character of a text in which one marker is looked for."""
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
    core = _core(marker)
    if core.isascii() and folded(core) not in document.folded:
        return
    document.budget.spend(2 * _UNITS_OF_MARKER * len(document.text))
    offsets = list(_open_places(document, marker_pattern(marker)))
    if offsets:
        places = [document.place(offset) for offset in offsets]
        lines = list(dict.fromkeys(str(line) for line, _ in places))
        listed = ", ".join(lines[:_LISTED]) + (" …" if len(lines) > _LISTED else "")
        where = f"line{'s' if len(lines) > 1 else ''} {listed}"
        params = {"count": len(offsets), "marker": marker, "lines": where}
        texts_of = [document.lines[line - 1] for line, _ in places]
        yield Notice(*places[0], params, texts_of)


def no_placeholder(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice at each piece of text outside of code that one of `patterns` finds."""
    patterns = [pattern_of(each) for each in texts(options, "patterns")]
    patterns = [each for each in patterns if each.may_match(document.text)]
    if patterns:
        document.budget.foresee(patterns, document.text, document.longest_line)
    for offset, found in _found(document, _apart(document.text, [each.matcher for each in patterns])):
        shown = " ".join(found.split())
        params = {"placeholder": shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"}
        yield Notice(*document.place(offset), params)


def _apart(text: str, patterns: Sequence[re.Pattern[str]]) -> Iterator[re.Match[str]]:
    """Yields the matches of `patterns` in their order, without those that begin inside of another one."""
    end = 0
    found = [_ranked(number, pattern.finditer(text)) for number, pattern in enumerate(patterns)]
    for start, _, match in merge(*found, key=itemgetter(0, 1)):
        if start >= end:
            end = match.end()
            yield match


def _ranked(number: int, matches: Iterator[re.Match[str]]) -> Iterator[tuple[int, int, re.Match[str]]]:
    return ((match.start(), number, match) for match in matches)


def _open_places(document: Document, pattern: re.Pattern[str]) -> Iterator[int]:
    for offset, found in _found(document, pattern.finditer(document.text)):
        end = offset + len(found)
        before, after = document.text[offset - 1 : offset], document.text[end : end + 1]
        if not after or _QUOTES.get(before) != after:
            yield offset


def _found(document: Document, matches: Iterator[re.Match[str]]) -> Iterator[tuple[int, str]]:
    """Offset and text of each of `matches` outside of code and comments."""
    outline = document.outline
    spans: dict[int, list[tuple[int, int]]] = {}
    for match in matches:
        document.budget.spend(300)
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
        hidden += comment_spans(block)
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(hidden):
        if merged and start + begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], start + end))
        else:
            merged.append((start + begin, start + end))
    return merged


def _one_marker(marker: str) -> str:
    inner = marker.strip("[]")
    words = r"[ \t]+".join(re.escape(word) for word in inner.split())
    if not (marker.startswith("[") and marker.endswith("]")):
        return re.escape(marker)
    return rf"\\?\[{words}(?:[ \t]*[:\u2013—-][^\[\]\n]{{0,200}})?\\?\]"


def _core(marker: str) -> str:
    """Returns the first of the words of `marker`, which is there wherever the marker is."""
    return next(iter(marker.strip("[]").split()), marker)


def required_sections(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each section of `sections` that the document lacks."""
    for wanted in headings(options, document.stage):
        if not sections_called(document, wanted):
            yield Notice(params={"section": heading_name(wanted)})


def sections_filled(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each section of `sections` that is there and says nothing of its own.

    A section in which one of `markers` still stands is left to the rule about markers.
    """
    markers = texts(options, "markers")
    help_words = number(options, "help_words")
    for wanted in headings(options, document.stage):
        found = sections_called(document, wanted)
        if not found or any(says_something(document, each, markers, help_words) for each in found):
            continue
        bodies = ["\n".join(document.lines[each.first - 1 : each.last]) for each in found]
        document.budget.spend(_UNITS_OF_MARKER * len(markers) * sum(map(len, bodies)))
        if not any(marker_pattern(*markers).search(body) for body in bodies):
            yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def no_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each of `texts` in the document, in any case, as whole words, outside of code blocks."""
    for start, end in whole_words(document.text, document.folded, texts(options, "texts"), document.budget):
        line, column = document.place(start)
        if line not in document.outline.code:
            yield Notice(line, column, {"text": document.text[start:end]})


def has_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice where none of `texts` is in the document, in any case, as whole words."""
    wanted = texts(options, "texts")
    if not any(whole_words(document.text, document.folded, wanted, document.budget)):
        yield Notice(params={"texts": ", ".join(wanted)})


def whole_words(text: str, low: str, words: tuple[str, ...], budget: Budget) -> Iterator[tuple[int, int]]:
    """Yields start and end of each of `words` in `text`, in any case, where no letter or digit is beside it.

    `low` is the folded `text`. They come in their order; none begins inside of another one.
    """
    budget.spend((15 + len(text) // 4) * len(words))
    there = [each for each in _with_folded(words) if each[2] in low]
    end = 0
    for start, _, stop in merge(*(_places(text, low, *each, budget) for each in there)):
        if start >= end:
            end = stop
            yield start, stop


@lru_cache(maxsize=512)
def _with_folded(words: tuple[str, ...]) -> Sequence[tuple[int, str, str]]:
    """Returns number, word and what to find; where that is "" only a pattern knows the word in any case."""
    return [(number, word, folded(word) if word.isascii() else "") for number, word in enumerate(words)]


def _places(
    text: str, low: str, number: int, word: str, wanted: str, budget: Budget
) -> Iterator[tuple[int, int, int]]:
    """Yields (start, number, end): finding is far quicker than a pattern that takes letters in any case."""
    if not wanted:
        budget.spend(20 * len(text))
        for found in _in_any_case(word).finditer(text):
            yield found.start(), number, found.end()
        return
    start = low.find(wanted)
    while start >= 0:
        budget.spend(80)
        end = start + len(wanted)
        is_whole = not (_is_in_word(text[start - 1 : start]) or _is_in_word(text[end : end + 1]))
        if is_whole:
            yield start, number, end
        start = low.find(wanted, end if is_whole else start + 1)


def _is_in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


@lru_cache(maxsize=512)
def _in_any_case(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE)
