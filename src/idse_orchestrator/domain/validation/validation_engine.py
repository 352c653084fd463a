"""The ValidationEngine: one engine for worktree, index, commit, ledger and server.

`examine` looks at one file and returns hits, which may be kept for as long as the file and the
constitution stay the same. `judge_session`, `judge_gate` and `judge_placement` turn hits and
paths into findings. All of them are pure: the same input gives the same findings in the same order.
"""

from __future__ import annotations

from idse_orchestrator.domain.validation.document_examination import examine
from idse_orchestrator.domain.validation.hits import Hit, hits_from_json, hits_to_json
from idse_orchestrator.domain.validation.placement_judgement import judge_placement
from idse_orchestrator.domain.validation.session_judgement import Subject, judge_gate, judge_session

__all__ = [
    "Hit",
    "Subject",
    "examine",
    "hits_from_json",
    "hits_to_json",
    "judge_gate",
    "judge_placement",
    "judge_session",
]
