"""Typed access to a rule's options, which were checked when the constitution was loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from idse_orchestrator.domain.documents.headings import names_start, normalized
from idse_orchestrator.domain.documents.markdown import Outline, Section

Heading = Mapping[str, object]
"""A section as a rule names it: ``{"name": …, "also": [aliases]}``."""


def texts(options: Mapping[str, object], key: str) -> tuple[str, ...]:
    """The list of texts under `key`; empty where it is missing."""
    return tuple(cast("Sequence[str]", options.get(key, ())))


def text(options: Mapping[str, object], key: str) -> str:
    """The text under `key`."""
    return cast("str", options[key])


def number(options: Mapping[str, object], key: str) -> int:
    """The whole number under `key`."""
    return cast("int", options[key])


def heading(options: Mapping[str, object], key: str = "section") -> Heading:
    """The section that the rule is about."""
    return cast("Heading", options[key])


def headings(options: Mapping[str, object], stage: str) -> Sequence[Heading]:
    """The sections that the rule asks of the artifact of `stage`."""
    return cast("Mapping[str, Sequence[Heading]]", options["sections"]).get(stage, ())


def heading_name(wanted: Heading) -> str:
    """The name that a message shows."""
    return cast("str", wanted["name"])


def sections_called(outline: Outline, wanted: Heading) -> list[Section]:
    """The sections of `outline` that go by the name of `wanted` or one of its aliases."""
    exact, starts = _wanted_names(heading_name(wanted), texts(wanted, "also"))
    return [
        section
        for section in outline.sections
        if not exact.isdisjoint(section.names) or (starts and names_start(section.names, starts))
    ]


@lru_cache(maxsize=512)
def _wanted_names(name: str, also: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Whole names, and the starts that a trailing ``*`` asks for."""
    names = (name, *also)
    exact = frozenset(normalized(each) for each in names if not each.endswith("*"))
    return exact, tuple(normalized(each.removesuffix("*")) for each in names if each.endswith("*"))
