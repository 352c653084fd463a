"""Findings about one session: its hits weighed by how far each stage has come, and its sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idse_orchestrator.domain.artifact_reader import FileEntry
from idse_orchestrator.domain.constitution_rules import Constitution
from idse_orchestrator.domain.findings import Finding
from idse_orchestrator.domain.hits import Hit
from idse_orchestrator.domain.stage_state_model import SessionState


@dataclass(frozen=True, slots=True)
class Subject:
    """A session to judge. `files` are keyed by path relative to the session's folder.

    `state` is None where no ledger is known: every stage then counts as pending.
    """

    project: str
    session: str
    files: Mapping[str, FileEntry]
    state: SessionState | None = None


def judge_session(
    constitution: Constitution, subject: Subject, hits: Mapping[str, tuple[Hit, ...]], today: str
) -> tuple[Finding, ...]:
    """Everything the rules say about `subject` as it stands, ordered by place.

    `hits` are those of `examine`, keyed like `subject.files`. `today` is an ISO date (UTC): a waiver
    counts up to and including the day it expires.
    """
    raise NotImplementedError


def judge_gate(
    constitution: Constitution,
    subject: Subject,
    hits: Mapping[str, tuple[Hit, ...]],
    stage: str,
    today: str,
) -> tuple[Finding, ...]:
    """What the rules would say about `stage` if it were complete with its present documents."""
    raise NotImplementedError
