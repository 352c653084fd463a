"""What a section says once the template's own words are taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from idse_orchestrator.domain.checks.document import Document
from idse_orchestrator.domain.documents.markdown import COMMENT, Section

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
    for line, text in enumerate(body.split("\n"), section.first):
        if text.strip() and line not in outline.headings and line not in unclosed:
            yield line, text


def says_something(document: Document, section: Section, markers: re.Pattern[str], help_words: int) -> bool:
    """Whether anything but help, markers, labels and rulers stands in `section`.

    Help is a quoted line, or a line all in italics of at least `help_words` words. Code counts as text.
    """
    code = document.outline.code
    for line, text in body_lines(document, section):
        if line in code:
            if not text.lstrip().startswith(("```", "~~~")):
                return True
        elif _is_own_text(markers.sub("", text), help_words):
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
