"""Checks that projects use for rules of their own: words that must, or must not, be there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.options import texts


def no_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each of `texts` in the document, in any case, as whole words, outside of code blocks."""
    for found in _whole_words(texts(options, "texts")).finditer(document.text):
        line, column = document.place(found.start())
        if line not in document.outline.code:
            yield Notice(line, column, {"text": found[0]})


def has_text(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where none of `texts` is in the document, in any case, as whole words."""
    wanted = texts(options, "texts")
    if not _whole_words(wanted).search(document.text):
        yield Notice(params={"texts": ", ".join(wanted)})


@lru_cache(maxsize=64)
def _whole_words(words: tuple[str, ...]) -> re.Pattern[str]:
    each = (rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
    return re.compile("|".join(each), re.IGNORECASE)
