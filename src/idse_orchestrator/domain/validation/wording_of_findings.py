"""A rule's message and hint with their placeholders filled."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def filled(words: str, params: Mapping[str, str]) -> str:
    """`words` with each ``{name}`` replaced by ``params[name]``; a name that is not there stays as it is."""
    if "{" not in words:
        return words
    return _PLACEHOLDER.sub(lambda found: params.get(found[1], found[0]), words)
