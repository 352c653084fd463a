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
from collections.abc import Collection, Mapping

from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.stage_state_model import COMPLETE, IN_PROGRESS, PENDING

_NOT_TEXT = re.compile(r"<!--(?:[^-]|-(?!->))*(?:-->|\Z)|^[ \t]*#[^\n]*$|^[-=*_|:> \t]+$", re.MULTILINE)
_MARKER = re.compile(r"\\?\[REQUIRES INPUT[^\]\n]{0,200}\]", re.IGNORECASE)
_ENOUGH = 64 * 1024
_FEW = 12
"""Letters of a text that is none."""


def is_blank(data: bytes) -> bool:
    """Whether nothing is written in the document `data`: headings, comments and markers are no text."""
    text = _MARKER.sub("", data[:_ENOUGH].decode("utf-8", "replace"))
    return sum(map(str.isalnum, _NOT_TEXT.sub("", text))) < _FEW


def stage_statuses(
    written: Collection[str], unfinished: Collection[str], recorded: Mapping[str, str]
) -> dict[str, str]:
    """Stage to status: `written` have a document with a text; that of `unfinished` leaves something open."""
    return {stage: _status(stage, written, unfinished, recorded) for stage in STAGES}


def _status(
    stage: str, written: Collection[str], unfinished: Collection[str], recorded: Mapping[str, str]
) -> str:
    if stage not in written:
        return PENDING
    return COMPLETE if recorded.get(stage) == COMPLETE and stage not in unfinished else IN_PROGRESS
