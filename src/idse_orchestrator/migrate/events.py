"""The ledger of a migrated session: its events, in the order in which they are written.

created · one `migrated` for each commit of the source that touched it · one more where the files are not
what its last commit holds · the stages as they stand · claims of a blueprint · what else is known of it ·
waivers. Stories of handoffs stand among these by their dates. Everything but the waivers is dated as the
source says, and done by who did it there, or by nobody in particular: so it is the same in every clone that
migrates the same source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.text import counted, encodable, few, one_line
from idse_orchestrator.constitution.rules import Finding
from idse_orchestrator.ledger import events
from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.migrate.files import Content, Found, arranged
from idse_orchestrator.migrate.judging import stage_blobs, upstream_blobs
from idse_orchestrator.migrate.paths import DATABASE, LAYOUTS, Place
from idse_orchestrator.migrate.values import HistoricEvent, SessionPlan, Step
from idse_orchestrator.pipeline.stage_machine import FINISH, START, TARGET
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, PENDING
from idse_orchestrator.sessions.verdicts import places_of

NOBODY = Actor("idse", "idse@localhost")
"""The author of what the source has none for."""

_LISTED = 50
"""Findings that a waiver's event lists; the report of the run has all of them."""

LATEST = "9999"
"""Behind every date: what has none happens now."""

Files = Mapping[str, str]


def session_events(
    plan: SessionPlan,
    place: Callable[[str], Place | None],
    contents: Mapping[str, Content],
    constitution: str,
) -> list[HistoricEvent]:
    """Returns the events of the new ledger of `plan`.

    `place` tells what a path of the source stands for, `contents` has what is in the blobs of its history,
    `constitution` is the content id of the rules that judged.
    """
    moves = [
        *_documents(plan, place, contents),
        *_stages(plan, constitution),
        *_claims(plan),
        *_described(plan),
    ]
    return [_created(plan), *_woven(moves, list(_stories(plan))), *_waivers(plan)]


def _woven(moves: Iterable[HistoricEvent], stories: Sequence[HistoricEvent]) -> Iterator[HistoricEvent]:
    """Yields `moves` in their order, and before each the `stories` that are older."""
    told = 0
    for move in moves:
        while told < len(stories) and _is_older(stories[told], move):
            yield stories[told]
            told += 1
        yield move
    yield from stories[told:]


def _is_older(story: HistoricEvent, move: HistoricEvent) -> bool:
    return story.at is not None and (move.at is None or story.at < move.at)


def _created(plan: SessionPlan) -> HistoricEvent:
    facts = plan.facts
    body: dict[str, Any] = {
        "project": plan.key[0],
        "session": plan.key[1],
        "type": facts.type,
        "title": one_line(facts.title),
        "owner": one_line(facts.owner),
        "parents": list(plan.parents),
    }
    if facts.collaborators:
        body["collaborators"] = [one_line(name) for name in facts.collaborators]
    if plan.was_renamed:
        body["called"] = encodable("/".join(plan.source_key))
    author = plan.steps[0].author if plan.steps else NOBODY
    return HistoricEvent(events.CREATED, body, {}, plan.began_at, author)


def _documents(
    plan: SessionPlan, place: Callable[[str], Place | None], contents: Mapping[str, Content]
) -> Iterator[HistoricEvent]:
    """Yields the folder as it was after each commit, and as it is now; the last one has the fingerprint."""
    before: Files = {}
    waiting: HistoricEvent | None = None
    for step in plan.steps:
        if waiting is not None:
            yield waiting
        files = _folder(step, place, contents)
        waiting = _migrated(plan, step, before, files)
        before = files
    final = plan.arranged.files
    if waiting is None or dict(before) != dict(final):
        if waiting is not None:
            yield waiting
        waiting = _migrated(plan, None, before, final)
    yield HistoricEvent(
        events.MIGRATED,
        {**waiting.body, "migration": plan.fingerprint},
        waiting.files,
        waiting.at,
        waiting.actor,
    )


def _folder(step: Step, place: Callable[[str], Place | None], contents: Mapping[str, Content]) -> Files:
    """Returns the session's folder as it was at `step`, arranged by the rules that arrange it now."""
    found = (
        Found(path, where, contents[blob])
        for path, blob in step.files.items()
        if blob in contents and (where := place(path)) is not None and where.rest
    )
    return arranged(found).files


def _migrated(plan: SessionPlan, step: Step | None, before: Files, after: Files) -> HistoricEvent:
    changed = {
        path: after.get(path) for path in sorted({*before, *after}) if before.get(path) != after.get(path)
    }
    what = few([encodable(path) for path in changed]) or "nothing"
    body: dict[str, Any] = {
        "changed": {encodable(path): blob for path, blob in changed.items()},
        "layouts": [LAYOUTS[letter] for letter in plan.layouts],
    }
    if step is None:
        body |= {"summary": f"migrated {what}"}
        return HistoricEvent(events.MIGRATED, body, after, plan.settled_at, NOBODY)
    subject = one_line(step.subject)
    body |= {"commit": step.commit, "subject": subject, "summary": f"migrated {what}: {subject}"}
    return HistoricEvent(events.MIGRATED, body, after, step.at, step.author)


def late_body(added: Files, fingerprint: str) -> dict[str, Any]:
    """Returns the body of the event that adds what the database of a session has."""
    return {
        "changed": {encodable(path): blob for path, blob in sorted(added.items())},
        "layouts": [LAYOUTS[DATABASE]],
        "summary": f"migrated {few([encodable(path) for path in sorted(added)]) or 'nothing'}",
        "migration": fingerprint,
    }


def _stages(plan: SessionPlan, constitution: str) -> Iterator[HistoricEvent]:
    blobs = stage_blobs(plan.arranged.files)
    at = plan.settled_at
    for stage, status in plan.stages.items():
        if status == PENDING:
            continue
        said = plan.facts.stages.get(stage, "nothing")
        reason = {"reason": f"migrated: its source recorded {said}"}
        yield HistoricEvent(events.STAGE, _move(stage, START, PENDING) | reason, None, at, NOBODY)
        if status == COMPLETE:
            sealed = {
                "artifact": blobs[stage],
                "upstream": upstream_blobs(stage, blobs),
                "reopens": {},
                "constitution": constitution,
            }
            body = _move(stage, FINISH, TARGET[START]) | reason | sealed
            yield HistoricEvent(events.STAGE, body, None, at, NOBODY)


def _move(stage: str, action: str, before: str) -> dict[str, Any]:
    return {"stage": stage, "action": action, "from": before, "to": TARGET[action]}


def _stories(plan: SessionPlan) -> Iterator[HistoricEvent]:
    """Yields what handoff documents and governance state tell, oldest first."""
    dated = [(each.at.at if each.at else plan.settled_at, each) for each in plan.stories]
    for at, each in sorted(dated, key=lambda pair: pair[0] or LATEST):
        body = {**each.body, "document": encodable(each.path)}
        if each.path in plan.contents:
            body["blob"] = plan.contents[each.path].blob
        if each.copies:
            body["copies"] = [encodable(path) for path in each.copies]
        if each.doubts:
            body["doubts"] = [encodable(doubt) for doubt in each.doubts]
        yield HistoricEvent(events.HANDOFF, body, None, at, NOBODY)


def _claims(plan: SessionPlan) -> Iterator[HistoricEvent]:
    for claim in plan.claims:
        for body, at in claim.bodies():
            yield HistoricEvent(events.CLAIMED, body, None, at.at if at else plan.settled_at, NOBODY)


def _described(plan: SessionPlan) -> Iterator[HistoricEvent]:
    facts = plan.facts
    at = plan.settled_at
    body: dict[str, Any] = {"tags": [one_line(tag) for tag in facts.tags]} if facts.tags else {}
    if facts.status in ("draft", "review"):
        body["status"] = facts.status
    if body:
        yield HistoricEvent(events.DESCRIBED, body, None, at, NOBODY)
    if facts.status == "archived":
        yield HistoricEvent(events.ARCHIVED, {}, None, at, NOBODY)


def _waivers(plan: SessionPlan) -> Iterator[HistoricEvent]:
    for rule, findings in sorted(plan.waived.items()):
        count = len(findings)
        reason = f"migrated: {counted(count, 'finding')} when it was taken over"
        body = {
            "rule": rule,
            "reason": reason,
            "expires": None,
            "places": places_of(findings, plan.key, rule),
            "findings": list(map(_line, findings[:_LISTED])),
        }
        yield HistoricEvent(events.APPROVED, body)


def _line(finding: Finding) -> str:
    return encodable(f"{finding.path}:{finding.line}: {finding.message}")
