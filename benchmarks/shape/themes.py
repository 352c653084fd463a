"""The folders that a theme is spread over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from shape.source import EDGES, Source

_THEME_OF = {"sync": "sync", "agent": "agents", "handoff": "agents", "migrat": "migrate"}
THEMES = tuple(dict.fromkeys(_THEME_OF.values()))
_WORD = re.compile("|".join(_THEME_OF))


def folders(sources: Sequence[Source]) -> Mapping[str, set[str]]:
    """For each theme, the folders with files whose path names it, `cli` and `wiring` left aside.

    A path belongs to the theme that it names first, and stands for its first folder that names the theme,
    or for the folder of the file where only the file does: folders in a theme's room are that room.
    """
    found: dict[str, set[str]] = {theme: set() for theme in THEMES}
    for theme, folder in _named(source.path for source in sources if source.room not in EDGES):
        found[theme].add(folder)
    return found


def _named(paths: Iterator[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if word := _WORD.search(path):
            inner, slash, _ = path[word.end() :].partition("/")
            folder = path[: word.end()] + inner if slash else path.rpartition("/")[0]
            yield _THEME_OF[word.group()], folder
