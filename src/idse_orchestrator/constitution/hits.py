"""Hits: what a rule noticed in one file, as it is kept by content, and how its words are filled.

They depend on a file's bytes and the constitution only, so kept ones are used again without loading a check.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from idse_orchestrator.base.records import NamedTuple


class DocumentKey(NamedTuple):
    """A file as the rules see it: path relative to its session, mode as in a tree, blob id."""

    path: str
    mode: int
    blob: str


class VerdictCache(Protocol):
    """Kept verdicts and compiled constitutions. No method raises: what cannot be kept is not kept."""

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:
        """Returns the verdicts that are known under the constitution of that id.

        Unknown keys are left out.
        """

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """Keeps verdicts reached under the constitution of that id."""

    def compiled(self, constitution: str) -> str | None:
        """Returns the compiled form (`Constitution.to_json`) kept under that id, or None."""

    def keep_compiled(self, constitution: str, text: str) -> None:
        """Keeps the compiled form of the constitution of that id."""


class Hit(NamedTuple):
    """One notice of `rule`. `line` and `column` count from 1; 0 means the whole file.

    `params` fill the placeholders of the rule's message and hint. `stage` names the stage that the
    hit is about where that is not the document's own. `places` are marks of the texts that it is about.
    """

    rule: str
    line: int = 0
    column: int = 0
    params: Mapping[str, str] = {}
    stage: str = ""
    places: tuple[str, ...] = ()


def mark(text: str) -> str:
    """Returns what a waiver keeps of a place: the same however its text is spaced or moved.

    It is a digest and no text, since ledgers are published and the text may be a secret.
    """
    import hashlib

    return hashlib.sha256(" ".join(text.casefold().split()).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def marks(texts: Iterable[str], before: Counter[str] | None = None) -> tuple[str, ...]:
    """Returns the marks of `texts`; of equal ones, also among those `before`, each has its own."""
    seen = Counter[str]() if before is None else before
    found = []
    for text in texts:
        own = mark(text)
        seen[own] += 1
        found.append(own if seen[own] == 1 else f"{own}-{seen[own]}")
    return tuple(found)


def hits_to_json(hits: Iterable[Hit]) -> str:
    """Returns one JSON text that `hits_from_json` turns into equal hits."""
    import json

    rows = [[*hit[:3], dict(hit.params), hit.stage, hit.places] for hit in hits]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def hits_from_json(text: str) -> tuple[Hit, ...]:
    """Returns the hits that `hits_to_json` wrote. Raises ValueError for any other text."""
    import json

    try:
        return tuple(
            Hit(rule, line, column, params, stage, tuple(places))
            for rule, line, column, params, stage, places in json.loads(text)
        )
    except TypeError as error:
        raise ValueError(f"not a list of hits: {error}") from error


_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def with_params(words: str, params: Mapping[str, str]) -> str:
    """Returns `words` with each ``{name}`` replaced by ``params[name]``.

    A name that is not there stays as it is.
    """
    if "{" not in words:
        return words
    return _PLACEHOLDER.sub(lambda found: params.get(found[1], found[0]), words)
