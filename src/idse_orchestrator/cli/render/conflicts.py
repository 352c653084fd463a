"""A conflict in words: what the ledger holds now, and how to see the other side."""

from __future__ import annotations

from idse_orchestrator.base.text import one_word
from idse_orchestrator.ledger.merge.conflicts import (
    CASE,
    FOLDER,
    NO_TEXT,
    REMOVED_HERE,
    REMOVED_THERE,
    Conflict,
)

_SHORT = 10


def conflict_words(conflict: Conflict, before: str) -> str:
    """One sentence; `before` is the ledger commit that has what the other side made of it."""
    path = conflict.path
    if conflict.kind == NO_TEXT:
        other = one_word(f"{before[:_SHORT]}:artifacts/{path}")
        both = f"{path} is no text, and both sides changed it"
        return f"{both}: what was saved here stands; the other is git show {other}"
    if conflict.kind == REMOVED_HERE:
        kept = "the ledger keeps the edited text; idse restore brings it here"
        return f"{path} was removed here, but somebody edited it: {kept}"
    if conflict.kind == REMOVED_THERE:
        back = "it is back in the ledger; idse log says who removed it"
        return f"{path} was edited here, but somebody removed it: {back}"
    if conflict.kind == FOLDER:
        two = f"{conflict.original} is a file on one side and a folder on the other"
        return f"{two}: the file is {path} in the ledger; idse restore brings both here"
    if conflict.kind == CASE:
        return f"{conflict.original} and another name differ only in case: it is {path} in the ledger"
    return f"{path} has conflict markers in the ledger: idse restore, resolve them, idse save"
