"""Finds documents that a tool overwrote with a line of its own, where the history still has their text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from idse_orchestrator.base.text import counted
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.migrate.files import Text, text_of
from idse_orchestrator.migrate.paths import document_of
from idse_orchestrator.migrate.survey import Survey
from idse_orchestrator.migrate.values import DONE, NEW, MigrationSource, SessionPlan, Step


def with_overwritten(
    source: MigrationSource, found: Survey, plans: Sequence[SessionPlan]
) -> Iterator[SessionPlan]:
    """Yields `plans` with a doubt about each document that is a mere line now, and was more before.

    Only the earlier versions of such documents are read.
    """
    asked = {plan.key: _earlier(found, plan) for plan in plans if plan.verdict in (NEW, DONE)}
    blobs = {blob for stages in asked.values() for steps in stages.values() for _, blob in steps}
    texts = {name: text_of(data) for name, data in source.blobs(sorted(blobs))} if blobs else {}
    for plan in plans:
        doubts = _doubts(plan, asked.get(plan.key, {}), texts)
        yield replace(plan, doubts=(*plan.doubts, *doubts)) if doubts else plan


def _earlier(found: Survey, plan: SessionPlan) -> Mapping[str, Sequence[tuple[Step, str]]]:
    """Returns the earlier versions of each document that is a mere line now, the newest first."""
    origins = plan.origins()
    lines = {
        stage: blob
        for stage, path in ARTIFACTS.items()
        if (blob := plan.arranged.files.get(path)) and plan.contents[origins[blob]].is_line
    }
    versions: dict[str, list[tuple[Step, str]]] = {stage: [] for stage in lines}
    for step in reversed(plan.steps) if lines else ():
        for path, blob in step.files.items():
            place = found.place(path)
            document = document_of(place.rest) if place is not None and place.rest else None
            if document is not None and document.stage in lines and blob != lines[document.stage]:
                versions[document.stage].append((step, blob))
    return versions


def _doubts(
    plan: SessionPlan, earlier: Mapping[str, Iterable[tuple[Step, str]]], texts: Mapping[str, Text]
) -> list[str]:
    doubts = []
    for stage, versions in earlier.items():
        written = ((step, texts[blob]) for step, blob in versions if blob in texts)
        last = next(((step, text) for step, text in written if not text.is_line), None)
        if last is not None:
            step, text = last
            doubts.append(
                f"{ARTIFACTS[stage]} holds a mere line, and held {counted(text.lines, 'line')} on {step.at}: "
                f"idse log {plan.name} --kind migrated --until {step.at} -n 1, then idse show ID:{stage}"
            )
    return doubts
