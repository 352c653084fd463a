"""The outline of a Markdown document: its sections, its code, its comments."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what follows it up to the next heading of its level or above.

    `name` is the heading as `headings.normalized` writes it. `line` is that of the heading;
    `first` and `last` bound the body (empty when `last` < `first`). Lines count from 1.
    """

    level: int
    title: str
    names: tuple[str, ...]
    line: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Outline:
    """What `outline_of` found."""

    sections: tuple[Section, ...]


def outline_of(text: str) -> Outline:
    """The outline of `text`, whose lines end in ``\\n``."""
    raise NotImplementedError
