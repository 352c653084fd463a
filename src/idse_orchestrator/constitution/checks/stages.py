"""Checks of what one stage's document must say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from idse_orchestrator.constitution.checks.document import (
    Document,
    Notice,
    heading,
    heading_name,
    number,
    sections_called,
    texts,
)
from idse_orchestrator.constitution.checks.sections import body_lines
from idse_orchestrator.documents.project_workspace import STAGES

if TYPE_CHECKING:
    from idse_orchestrator.documents.markdown import Section

_ITEM = re.compile(r"(?P<indent>\s*)(?:[-*+]|\d{1,9}[.)])\s+(?P<text>\S.*)")
_TABLE_ROW = re.compile(r"\s*\|.*[^\s|:-].*\|")
_CRITERION = re.compile(r"\bgiven\b.*?\bwhen\b.*?\bthen\b", re.IGNORECASE | re.DOTALL)
_BOX = re.compile(r"\[(?P<mark>[ xX])\]\s*")
_STRUCK = re.compile(r"~~.+~~[\s.]*")
_ASIDE = re.compile(r"\([^()]*\)")
_SHOWN = 80


def has_criteria(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` is there and has text, but no list item, table row or Given … When … Then."""
    wanted = heading(options)
    found = sections_called(document.outline, wanted)
    lines = [text for section in found for _, text in body_lines(document, section)]
    own = [text for text in lines if not text.lstrip().startswith(">")]
    if not own or any(_ITEM.match(text) or _TABLE_ROW.match(text) for text in own):
        return
    if not _CRITERION.search("\n".join(own)):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def questions_answered(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each question in `section` that is neither answered, ticked nor struck."""
    for section in sections_called(document.outline, heading(options)):
        for item in _items(document, section):
            if _is_open(item, options):
                first = item.lines[0]
                shown = first if len(first) <= _SHOWN else first[:_SHOWN] + "…"
                yield Notice(item.line, 1, {"question": shown})


@dataclass(slots=True)
class _Item:
    line: int
    indent: int
    ticked: bool | None
    lines: list[str]


def _items(document: Document, section: Section) -> Iterator[_Item]:
    """List items with what belongs to them, and paragraphs; quoted help and code are left out."""
    item: _Item | None = None
    last = section.first
    for line, text in body_lines(document, section):
        if line in document.outline.code or text.lstrip().startswith(">"):
            continue
        bullet = _ITEM.match(text)
        indent = len(text) - len(text.lstrip())
        deeper = item is not None and indent > item.indent
        joined = item is not None and (deeper or (bullet is None and line == last + 1))
        if joined and item is not None:
            item.lines.append(text.strip())
        else:
            if item is not None:
                yield item
            item = _new_item(line, indent, bullet["text"] if bullet else text.strip())
        last = line
    if item is not None:
        yield item


def _new_item(line: int, indent: int, text: str) -> _Item:
    box = _BOX.match(text)
    if box is None:
        return _Item(line, indent, None, [text])
    return _Item(line, indent, box["mark"] != " ", [text[box.end() :] or text])


def _is_open(item: _Item, options: Mapping[str, object]) -> bool:
    text = " ".join(item.lines)
    if item.ticked or _STRUCK.fullmatch(item.lines[0]):
        return False
    asks = item.ticked is False or "?" in text
    if not asks:
        return False
    if _phrases(texts(options, "still_open")).search(text):
        return True
    if _phrases(texts(options, "answered_by")).search(text):
        return False
    reply = _ASIDE.sub("", text.rpartition("?")[2] if "?" in text else "").strip(" *_.,").casefold()
    return not _starts_with(reply, texts(options, "reply_starts"))


def _starts_with(reply: str, starts: Iterable[str]) -> bool:
    for start in starts:
        rest = reply.removeprefix(start)
        if rest != reply and not (start[-1].isalpha() and rest[:1].isalnum()):
            return True
    return False


@lru_cache(maxsize=64)
def _phrases(phrases: tuple[str, ...]) -> re.Pattern[str]:
    each = (rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in phrases)
    return re.compile("|".join(each) or r"(?!)", re.IGNORECASE)


_NAMED = re.compile(rf"(?<![\w-])(?:{'|'.join(STAGES)}|specification)(?:\.md)?(?![\w-])", re.IGNORECASE)
_WORD = re.compile(r"\w+")


def names_artifacts(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where `section` names none of the seven artifacts, nor says one of `none_words` and why.

    Why is anything of at least `reason_words` more words. A section that says nothing is left to
    the rules about sections and markers.
    """
    wanted = heading(options)
    found = sections_called(document.outline, wanted)
    lines = [text.strip() for section in found for _, text in body_lines(document, section)]
    own = " ".join(line for line in lines if not line.startswith(">"))
    if own and not _NAMED.search(own) and not _says_none(own, options):
        yield Notice(found[0].line, 1, {"section": heading_name(wanted)})


def _says_none(text: str, options: Mapping[str, object]) -> bool:
    words = _WORD.findall(text.casefold())
    joined = f" {' '.join(words)} "
    for none in sorted(texts(options, "none_words"), key=len, reverse=True):
        if f" {none} " in joined:
            return len(words) - len(none.split()) >= number(options, "reason_words")
    return False
