"""What a rule noticed in one document, before anybody asked how far its stage has come.

Hits depend on one file's bytes and the constitution only. They can be kept under those two ids
and turned into findings whenever the session's state is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Hit(NamedTuple):
    """One notice of `rule`. `line` and `column` count from 1; 0 means the whole file.

    `params` fill the placeholders of the rule's message and hint. `stage` names the stage that the
    hit is about where that is not the document's own.
    """

    rule: str
    line: int = 0
    column: int = 0
    params: Mapping[str, str] = {}
    stage: str = ""


def hits_to_json(hits: Iterable[Hit]) -> str:
    """One JSON text that `hits_from_json` turns into equal hits."""
    import json

    rows = [[hit.rule, hit.line, hit.column, dict(hit.params), hit.stage] for hit in hits]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def hits_from_json(text: str) -> tuple[Hit, ...]:
    """The hits that `hits_to_json` wrote. Raises ValueError for any other text."""
    import json

    try:
        return tuple(Hit(*row) for row in json.loads(text))
    except TypeError as error:
        raise ValueError(f"not a list of hits: {error}") from error
