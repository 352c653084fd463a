"""How far each stage of a session is that was taken over: never further than its source recorded.

document                            recorded    →
none                                anything    pending
with nothing written in it          anything    pending
written                             complete    complete
written, an open marker in it       complete    in_progress
written                             anything    in_progress
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.stage_state_model import COMPLETE, IN_PROGRESS, PENDING

EMPTY, OPEN, WRITTEN = "empty", "open", "written"
"""What a document is: a mere template or less, a text that leaves something open, a text."""

_NOT_TEXT = re.compile(r"<!--(?:[^-]|-(?!->))*(?:-->|\Z)|^[ \t]*#[^\n]*$|^[-=*_|:> \t]+$", re.MULTILINE)
_MARKER = re.compile(r"\\?\[REQUIRES INPUT[^\]\n]{0,200}\]", re.IGNORECASE)
_FEW = 12
"""Letters of a text that is none."""


def document_kind(data: bytes, *, is_open: bool) -> str:
    """What the document `data` is. `is_open`: the rules found a marker or a placeholder in it."""
    text = _MARKER.sub("", data.decode("utf-8", "replace"))
    written = sum(char.isalnum() for char in _NOT_TEXT.sub("", text)[:4096])
    if written < _FEW:
        return EMPTY
    return OPEN if is_open else WRITTEN


def stage_statuses(documents: Mapping[str, str], recorded: Mapping[str, str]) -> dict[str, str]:
    """Stage to status, from what its document is (absent: there is none) and what its source recorded."""
    return {stage: _status(documents.get(stage, EMPTY), recorded.get(stage, "")) for stage in STAGES}


def _status(document: str, recorded: str) -> str:
    if document == EMPTY:
        return PENDING
    return COMPLETE if recorded == COMPLETE and document == WRITTEN else IN_PROGRESS
