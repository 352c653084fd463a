"""Checks of a document's sections: is each there, and does it say something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.markers import marker_pattern
from idse_orchestrator.domain.checks.options import heading_name, headings, number, sections_called, texts
from idse_orchestrator.domain.checks.section_text import says_something


def required_sections(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each section of `sections` that the document lacks."""
    for wanted in headings(options, document.stage):
        if not sections_called(document.outline, wanted):
            yield Notice(params={"section": heading_name(wanted)})


def sections_filled(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each section of `sections` that is there and says nothing of its own.

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
