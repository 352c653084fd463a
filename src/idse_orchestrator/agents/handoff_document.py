"""The document of a handoff: what whoever goes on has to know, told by the ledger as it was when asked.

It is rendered from a template that a project may replace, ``.idse/templates/handoff.md.j2``. The same
ledger gives the same text, whenever it is rendered; only what became of the handoff is told as of now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.agents import agent_events
from idse_orchestrator.agents.handoff import ACCEPT
from idse_orchestrator.agents.told_handoffs import OPEN
from idse_orchestrator.base.text import few, one_line
from idse_orchestrator.ledger.events import EDITED, HANDOFF, VALIDATED
from idse_orchestrator.pipeline.kinds import SESSIONS
from idse_orchestrator.pipeline.stage_state_model import CHANGED, STALE, standings
from idse_orchestrator.sessions.status import next_action
from idse_orchestrator.sessions.template_folder import render_document

if TYPE_CHECKING:
    from idse_orchestrator.agents.told_handoffs import ToldHandoff
    from idse_orchestrator.constitution.rules import Finding
    from idse_orchestrator.ledger.entries import Entry
    from idse_orchestrator.ledger.events import Event, SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState, Standing
    from idse_orchestrator.sessions.template_folder import TemplateText

TEMPLATE = "handoff.md"

_MOST = 50
"""Lines of what was done, and of findings: a document that nobody reads hands nothing over."""


class Judged(NamedTuple):
    """What the rules say of the documents in a ledger commit, and the questions those leave open."""

    findings: Sequence[Finding]
    questions: Sequence[str]


Judge = Callable[[str, "SessionState"], Judged]
"""Judges the documents in a ledger commit, for the state that the session had there."""


@dataclass(frozen=True, slots=True)
class HandoffFacts:
    """What the document tells. `state` is the session's when the handoff was asked for."""

    told: ToldHandoff
    key: SessionKey
    state: SessionState
    done: tuple[str, ...]
    standings: tuple[Standing, ...]
    judged: Judged


def facts_of(
    key: SessionKey,
    told: ToldHandoff,
    entries: Sequence[Entry],
    blobs: Mapping[str, str],
    judge: Judge,
) -> HandoffFacts:
    """What there is to tell; `entries` are all of the session, oldest first, `blobs` those of its commit."""
    known = _ancestry(entries, told.commit)
    before = [(entry, entry.event) for entry in entries if entry.commit in known and entry.event]
    kind = SESSIONS.taking(agent_events.IN_SESSIONS)
    state = kind.fold(key, (event for _, event in before))
    ignored = {each.event: each.why for each in state.not_applied}
    done = tuple(
        _done_line(entry, event, ignored.get(event.id, ""))
        for entry, event in _since_last(before, ignored)
        if event.kind not in (HANDOFF, VALIDATED)
    )
    return HandoffFacts(told, key, state, done, standings(state, blobs), judge(told.commit, state))


def _ancestry(entries: Iterable[Entry], commit: str) -> set[str]:
    """The commits that the ledger held at `commit`: what was merged later was not known there."""
    parents = {entry.commit: entry.parents for entry in entries}
    found: set[str] = set()
    ahead = [commit]
    while ahead:
        here = ahead.pop()
        if here not in found:
            found.add(here)
            ahead += parents.get(here, ())
    return found


def _since_last(
    rows: Sequence[tuple[Entry, Event]], ignored: Container[str]
) -> Sequence[tuple[Entry, Event]]:
    """Those after the last handoff that was accepted."""
    taken = [
        place
        for place, (entry, event) in enumerate(rows)
        if event.kind == HANDOFF and entry.text("action") == ACCEPT and event.id not in ignored
    ]
    return rows[taken[-1] + 1 :] if taken else rows


def _done_line(entry: Entry, event: Event, ignored: str) -> str:
    """What was done, by whom and why; or why it did not count."""
    who = f"{event.actor.name} ({event.actor.agent})" if event.actor.agent else event.actor.name
    why = "" if entry.kind == EDITED and entry.text("code") else entry.text("reason")
    why = f"not applied, {ignored}" if ignored else why
    return one_line(f"{event.at[:10]} {entry.subject}, by {who}" + (f": {why}" if why else ""))


def handoff_document(template: TemplateText, facts: HandoffFacts) -> bytes:
    """The document as UTF-8 text that ends in a line break."""
    return render_document(template, template_values(facts))


def template_values(facts: HandoffFacts) -> dict[str, object]:
    """The names a template of a handoff may use; texts stand on one line, and the others are lists."""
    handoff, state = facts.told.handoff, facts.state
    action = next_action(state, facts.standings)
    texts = {
        "project": facts.key[0],
        "session": facts.key[1],
        "title": state.title or facts.key[1],
        "handoff": handoff.id,
        "stage": handoff.stage,
        "from_agent": handoff.from_agent or handoff.by,
        "to_agent": handoff.to_agent,
        "reason": handoff.reason,
        "after": handoff.after,
        "asked_by": handoff.by,
        "date": handoff.at,
        "result": result_words(facts.told),
        "next": action.why,
    }
    lists = {
        "done": _shortened(facts.done[::-1], "idse log")[::-1],
        "stages": [_stage_line(here) for here in facts.standings],
        "findings": _shortened([_finding_line(each) for each in facts.judged.findings], "idse validate"),
        "questions": _shortened([one_line(each) for each in facts.judged.questions], "see the documents"),
        "commands": list(action.commands),
    }
    return {**{name: one_line(text) for name, text in texts.items()}, **lists}


def result_words(told: ToldHandoff) -> str:
    """What became of it, in a sentence without its end."""
    handoff = told.handoff
    if told.result == OPEN:
        if handoff.waits_for_approval:
            return "waits for a person to approve it"
        yes = f", approved by {handoff.approved_by}" if handoff.approved_by else ""
        return f"waits for {handoff.to_agent} to accept it{yes}"
    who = f" by {told.by} on {told.at}" if told.by else ""
    return f"{told.result}{who}" + (f": {told.answer}" if told.answer else "")


def _shortened(lines: Sequence[str], more: str) -> list[str]:
    if len(lines) <= _MOST:
        return list(lines)
    return [*lines[:_MOST], f"and {len(lines) - _MOST} more: {more}"]


def _stage_line(here: Standing) -> str:
    words = here.status.replace("_", " ")
    if here.condition == CHANGED:
        words += ", and its document changed since"
    if here.condition == STALE:
        words += f", and stale: {few(here.causes)} changed since"
    return f"{here.stage}: {words}"


def _finding_line(finding: Finding) -> str:
    place = "/".join(finding.path.split("/")[5:]) or finding.path
    line = f":{finding.line}" if finding.line else ""
    waived = " (waived)" if finding.waiver else ""
    return one_line(f"{place}{line}: {finding.severity}[{finding.rule}] {finding.message}{waived}")
