"""The check of feedback: does it say which documents it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.options import heading, heading_name, number, sections_called, texts
from idse_orchestrator.domain.checks.section_text import body_lines
from idse_orchestrator.domain.pipeline_artifacts import STAGES

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
