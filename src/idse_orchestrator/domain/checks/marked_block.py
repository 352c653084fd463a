"""The check of a generated block in a file that people write: is it as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from idse_orchestrator.domain.checks.document import Document, Notice
from idse_orchestrator.domain.checks.options import texts
from idse_orchestrator.domain.claims.conflict import conflict_at
from idse_orchestrator.domain.marked_block import BlockTrouble, find_block

_CONFLICT = "a merge conflict (idse blueprint claims --write takes it out of the block)"


def block_as_written(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice where the block in one of `files` has a conflict, was edited, or its markers are no pair."""
    if document.path not in texts(options, "files"):
        return
    conflict = conflict_at(document.data)
    found = find_block(document.data)
    if conflict:
        yield Notice(conflict, 1, {"problem": _CONFLICT})
    elif isinstance(found, BlockTrouble):
        yield Notice(found.line, 1, {"problem": found.what})
    elif found is not None and found.is_edited:
        yield Notice(found.line, 1, {"problem": "the block of claims was edited by hand"})
