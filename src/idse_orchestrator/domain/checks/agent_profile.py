"""The checks of the Agent Profile: what its compiler would say of the document alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idse_orchestrator.domain.agent_profiles.doc_to_agent_profile_spec_compiler import (
    ProfileReading,
    may_hold_profile,
    missing_keys,
    read_outlined,
)
from idse_orchestrator.domain.checks.document import Document, Notice


def agent_profile(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each problem with the document's Agent Profile, where it has one."""
    del options
    for problem in _reading(document).problems:
        yield Notice(problem.line, problem.column, {"problem": problem.what, "fix": problem.fix})


def agent_profile_complete(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each key that every profile needs and this document's does not hold.

    The blueprint may hold it: whoever knows that document drops the notice.
    """
    del options
    reading = _reading(document)
    if reading.is_there and not reading.problems:
        for key in missing_keys(reading):
            yield Notice(reading.line, 1, {"key": key})


def _reading(document: Document) -> ProfileReading:
    if not may_hold_profile(document.text):
        return ProfileReading()
    return read_outlined(document.text, document.outline)
