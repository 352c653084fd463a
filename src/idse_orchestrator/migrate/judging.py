"""Holds migrated sessions to today's rules: how far their stages are, and what has to be waived.

Migration never invents content. So a stage is complete where its source said so and its document leaves
nothing open, and what the rules say all the same becomes a recorded waiver that lists it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from idse_orchestrator.constitution.hits import DocumentKey, Hit
from idse_orchestrator.constitution.session_judgement import Subject, judge_session
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    REGULAR,
    FileEntry,
    session_folder,
    upstream_of,
)
from idse_orchestrator.migrate.files import stage_statuses
from idse_orchestrator.migrate.values import NEW, MigrationSource, Progress, SessionPlan
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, PENDING, SessionState, StageRecord
from idse_orchestrator.sessions.verdicts import is_waivable

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution, Finding
    from idse_orchestrator.constitution.validate import Examiner

_INPUT = "input"
"""The family of the rules about what a template left open."""


@dataclass(frozen=True, slots=True)
class Judge:
    """The rules in force here. `today` is an ISO date (UTC)."""

    examiner: Examiner
    today: str


class _Planned:
    """An ArtifactReader over documents that no work tree has yet."""

    def __init__(self, source: MigrationSource, plans: Sequence[SessionPlan]) -> None:
        self._source = source
        self._entries: dict[str, FileEntry] = {}
        self._origins: dict[str, str] = {}
        for plan in plans:
            origins = plan.origins()
            folder = session_folder(*plan.key)
            for target, blob in plan.arranged.files.items():
                path = f"{folder}/{target}"
                self._origins[path] = origins[blob]
                self._entries[path] = FileEntry(REGULAR, blob, plan.contents[origins[blob]].size)

    @property
    def description(self) -> str:
        return self._source.description

    def paths(self) -> Mapping[str, FileEntry]:
        return self._entries

    def legacy_paths(self) -> Sequence[str]:
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        wanted = list(paths)
        loaded = self._source.load([self._origins[path] for path in wanted])
        return {path: data or b"" for path, (_, data) in zip(wanted, loaded, strict=True)}


def judged(
    judge: Judge, source: MigrationSource, plans: Sequence[SessionPlan], on_progress: Progress
) -> Iterator[SessionPlan]:
    """Yields `plans` with their stages, and with the waivers that new ones need."""
    new = [plan for plan in plans if plan.verdict == NEW]
    reader = _Planned(source, new)
    examiner = judge.examiner._replace(
        on_progress=lambda done, total: on_progress("judging documents", done, total)
    )
    wanted = {}
    for plan in new:
        folder = session_folder(*plan.key)
        for target, blob in plan.arranged.files.items():
            path = f"{folder}/{target}"
            wanted[DocumentKey(target, REGULAR, blob)] = (path, reader.paths()[path])
    hits = examiner.hits(reader, wanted)
    for plan in plans:
        yield _judged(judge, plan, reader.paths(), hits) if plan.verdict == NEW else plan


def _judged(
    judge: Judge,
    plan: SessionPlan,
    entries: Mapping[str, FileEntry],
    hits: Mapping[DocumentKey, tuple[Hit, ...]],
) -> SessionPlan:
    files = plan.arranged.files
    folder = session_folder(*plan.key)
    own = {path: hits[DocumentKey(path, REGULAR, blob)] for path, blob in files.items()}
    stages = _stages(judge, plan, own)
    subject = Subject(*plan.key, {path: entries[f"{folder}/{path}"] for path in files}, _state(plan, stages))
    found = judge_session(judge.examiner.constitution, subject, own, judge.today)
    return replace(plan, stages=stages, waived=_waived(judge.examiner.constitution, found))


def _stages(judge: Judge, plan: SessionPlan, hits: Mapping[str, tuple[Hit, ...]]) -> dict[str, str]:
    origins = plan.origins()
    written, unfinished = set(), set()
    for stage, path in ARTIFACTS.items():
        blob = plan.arranged.files.get(path)
        if blob is None or plan.contents[origins[blob]].is_blank:
            continue
        written.add(stage)
        rules = (judge.examiner.constitution.rule(hit.rule) for hit in hits[path])
        if any(rule is not None and rule.family == _INPUT for rule in rules):
            unfinished.add(stage)
    return stage_statuses(written, unfinished, plan.facts.stages)


def _state(plan: SessionPlan, stages: Mapping[str, str]) -> SessionState:
    """Returns the state that the ledger will have."""
    blobs = stage_blobs(plan.arranged.files)
    state = SessionState(*plan.key)
    for stage, status in stages.items():
        if status != PENDING:
            record = StageRecord(status)
            if status == COMPLETE:
                record = record._replace(artifact=blobs[stage], upstream=upstream_blobs(stage, blobs))
            state = state.with_stage(stage, record)
    return state


def stage_blobs(files: Mapping[str, str]) -> dict[str, str]:
    """Returns stage to the blob id of its artifact, of a folder given as path to blob id."""
    return {stage: files[path] for stage, path in ARTIFACTS.items() if path in files}


def upstream_blobs(stage: str, blobs: Mapping[str, str]) -> dict[str, str]:
    """Returns what a completion of `stage` records of the stages before it."""
    return {above: blobs.get(above, "") for above in upstream_of(stage)}


def _waived(constitution: Constitution, found: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    waived: dict[str, tuple[Finding, ...]] = {}
    for finding in found:
        rule = constitution.rule(finding.rule)
        if finding.blocks and rule is not None and is_waivable(rule):
            waived[finding.rule] = (*waived.get(finding.rule, ()), finding)
    return waived
