"""The document of a handoff: what whoever goes on has to know, told by the ledger as it was when asked.

It is rendered from a template that a project may replace, ``.idse/templates/handoff.md.j2``. The same
ledger gives the same text, whenever it is rendered; only what became of the handoff is told as of now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.agents import agent_events
from idse_orchestrator.agents.handoff import ACCEPT, OPEN, HandoffRecord
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import few, one_line
from idse_orchestrator.constitution.hits import DocumentKey, with_params
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import Validation, validate
from idse_orchestrator.documents.project_workspace import (
    REGULAR,
    STAGE_OF,
    ArtifactReader,
    FileEntry,
    session_folder,
    split_session_path,
)
from idse_orchestrator.ledger.events import EDITED, HANDOFF, VALIDATED, Event, SessionKey
from idse_orchestrator.pipeline.kinds import SESSIONS
from idse_orchestrator.pipeline.stage_state_model import (
    CHANGED,
    PENDING,
    STALE,
    SessionState,
    Standing,
    standings,
)
from idse_orchestrator.sessions.status import next_action
from idse_orchestrator.sessions.template_folder import TemplateText, render_document

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Finding
    from idse_orchestrator.constitution.validate import Examiner
    from idse_orchestrator.ledger.entries import Entry
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import Same
    from idse_orchestrator.sessions.trees import Trees

TEMPLATE = "handoff.md"

_MOST = 50
"""Lines of what was done, and of findings: a document that nobody reads hands nothing over."""


class Judged(NamedTuple):
    """Findings about the documents in a ledger commit, and the questions those leave open."""

    findings: Sequence[Finding]
    questions: Sequence[str]


Judge = Callable[[str, "SessionState"], Judged]
"""Judges the documents in a ledger commit, for the state that the session had there."""


@dataclass(frozen=True, slots=True)
class HandoffFacts:
    """The facts that the document tells. `state` is the session's when the handoff was asked for."""

    record: HandoffRecord
    key: SessionKey
    state: SessionState
    done: tuple[str, ...]
    standings: tuple[Standing, ...]
    judged: Judged


def facts_of(
    key: SessionKey,
    record: HandoffRecord,
    entries: Sequence[Entry],
    blobs: Mapping[str, str],
    same: Same,
    judge: Judge,
) -> HandoffFacts:
    """Gathers what there is to tell; `entries` are all of it, oldest first, `blobs` of its commit.

    `same` compares versions of ``tasks.md``.
    """
    known = _ancestry(entries, record.commit)
    before = [(entry, entry.event) for entry in entries if entry.commit in known and entry.event]
    kind = SESSIONS.taking(agent_events.IN_SESSIONS)
    state = kind.fold(key, (event for _, event in before))
    ignored = {each.event: each.why for each in state.not_applied}
    done = tuple(
        _done_line(entry, event, ignored.get(event.id, ""))
        for entry, event in _since_last(before, ignored)
        if event.kind not in (HANDOFF, VALIDATED)
    )
    return HandoffFacts(record, key, state, done, standings(state, blobs, same), judge(record.commit, state))


def _ancestry(entries: Iterable[Entry], commit: str) -> set[str]:
    """Returns the commits that the ledger held at `commit`: what was merged later was not known there."""
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
    """Returns those after the last handoff that was accepted."""
    taken = [
        place
        for place, (entry, event) in enumerate(rows)
        if event.kind == HANDOFF and entry.text("action") == ACCEPT and event.id not in ignored
    ]
    return rows[taken[-1] + 1 :] if taken else rows


def _done_line(entry: Entry, event: Event, ignored: str) -> str:
    """Tells what was done, by whom and why; or why it did not count."""
    who = f"{event.actor.name} ({event.actor.agent})" if event.actor.agent else event.actor.name
    why = "" if entry.kind == EDITED and entry.text("code") else entry.text("reason")
    why = f"not applied, {ignored}" if ignored else why
    return one_line(f"{event.at[:10]} {entry.subject}, by {who}" + (f": {why}" if why else ""))


def handoff_document(template: TemplateText, facts: HandoffFacts) -> bytes:
    """Returns the document as UTF-8 text that ends in a line break."""
    return render_document(template, template_values(facts))


def template_values(facts: HandoffFacts) -> dict[str, object]:
    """Returns the names a template of a handoff may use; texts on one line, and lists of them."""
    handoff, state = facts.record.handoff, facts.state
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
        "result": result_words(facts.record),
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


def result_words(record: HandoffRecord) -> str:
    """Tells what became of it, in a sentence without its end."""
    handoff = record.handoff
    if record.result == OPEN:
        if handoff.waits_for_approval:
            return "waits for a person to approve it"
        yes = f", approved by {handoff.approved_by}" if handoff.approved_by else ""
        return f"waits for {handoff.to_agent} to accept it{yes}"
    who = f" by {record.by} on {record.at}" if record.by else ""
    return f"{record.result}{who}" + (f": {record.answer}" if record.answer else "")


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


_QUESTIONS = ("questions_answered", "no_marker")
"""Check verbs whose hits are something that nobody has answered yet, however far the stage is."""


@dataclass(frozen=True, slots=True)
class _Then:
    """The ledgers as they were when the commit was made: one session."""

    state: SessionState
    blob: Callable[[str], bytes | None]

    def projects(self) -> Sequence[str]:
        """Returns the project of the session."""
        return (self.state.project,)

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """Returns the state of the session."""
        return {key: self.state for key in keys if key == (self.state.project, self.state.session)}


def judge_ledger(reader: EntryDocuments, examiner: Examiner, state: SessionState, today: str) -> Judged:
    """Findings about the documents of `reader`, one session of a ledger, and what they leave open."""
    if not reader.paths():
        return Judged((), ())
    context = Validation(reader, examiner, _Then(state, reader.blob), today)
    report = validate(context, Scope(state.project, state.session))
    return Judged(report.findings, tuple(_questions(reader, examiner, state)))


def _questions(reader: ArtifactReader, examiner: Examiner, state: SessionState) -> Iterator[str]:
    """Yields those of the documents that are begun: before that a document is all questions."""
    files = {
        DocumentKey(own[2], entry.mode, entry.blob): (path, entry)
        for path, entry in sorted(reader.paths().items())
        if (own := split_session_path(path)) and _is_begun(state, own[2])
    }
    for key, hits in examiner.hits(reader, files).items():
        for hit in hits:
            rule = examiner.constitution.rule(hit.rule)
            if rule is not None and rule.check in _QUESTIONS:
                params = {"artifact": key.path, **hit.params}
                yield f"{key.path}:{hit.line}: {with_params(rule.message, params)}"


def _is_begun(state: SessionState, path: str) -> bool:
    stage = STAGE_OF.get(path)
    return stage is None or state.stages[stage].status != PENDING


class EntryDocuments:
    """The `ArtifactReader` port on one ledger commit: few files, all of them read."""

    def __init__(self, ledgers: LedgerReader, trees: Trees, key: SessionKey, commit: str) -> None:
        self._ledgers = ledgers
        self.blob = ledgers.blob
        self._trees = trees
        self._folder = session_folder(*key) + "/"
        self._commit = commit

    @property
    def description(self) -> str:
        """The word ledger, and the short id of the commit."""
        return f"ledger {self._commit[:7]}"

    def paths(self) -> Mapping[str, FileEntry]:
        """Returns the files by path."""
        return {path: entry for path, (entry, _) in self._files.items()}

    def legacy_paths(self) -> Sequence[str]:
        """None: a ledger holds one session's folder and nothing else."""
        return ()

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Returns the bytes of files by path."""
        return {path: self._files[path][1] for path in paths}

    @cached_property
    def _files(self) -> Mapping[str, tuple[FileEntry, bytes]]:
        blobs = self._ledgers.tree_files(self._trees.of_entry(self._commit))
        found = {}
        for path, blob in blobs.items():
            content = self._trees.content(self._commit, path)
            if content is not None:
                found[self._folder + path] = (FileEntry(REGULAR, blob, len(content)), content)
        return found
