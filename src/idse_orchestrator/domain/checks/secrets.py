"""The check for secrets: shapes of well-known tokens. A secret itself is never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import cast

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.options import number, texts

_SHOWN = 4


def no_secrets(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice at each text of one of `shapes`, in code too, unless it is plainly an example."""
    text = document.text
    taken: set[int] = set()
    for shape in cast("Sequence[Mapping[str, str]]", options["shapes"]):
        if shape["starts"] not in text:
            continue
        for found in _compiled(shape["pattern"]).finditer(text):
            if found.start() not in taken and not _is_example(found[0], options):
                taken.add(found.start())
                params = {"kind": shape["kind"], "masked": _masked(found[0])}
                yield Notice(*document.place(found.start()), params)


def _is_example(token: str, options: Mapping[str, object]) -> bool:
    if token.startswith("-----"):
        return False
    low = token.casefold()
    if any(word in low for word in texts(options, "examples")):
        return True
    return len(set(token)) < number(options, "distinct")


def _masked(token: str) -> str:
    return f"{token[:_SHOWN]}… ({len(token)} characters)"


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_-]){pattern}" if not pattern.startswith("-") else pattern)
