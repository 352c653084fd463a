"""Validates sessions of one source: examines their files, weighs what was noticed, and reports.

paths of the source → sessions in scope → hits (kept or fresh) → findings by each session's state
→ where files stand → one ordered report

Kept hits come from the cache; other files are examined in batches, on all cores if it pays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Protocol, cast

from idse_orchestrator.base.names import is_name, loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.hits import DocumentKey, hits_from_json
from idse_orchestrator.constitution.placement_judgement import judge_placement
from idse_orchestrator.constitution.rules import ERROR, NO_LEDGERS, Report
from idse_orchestrator.constitution.scope import EVERYTHING, Scope, in_scope
from idse_orchestrator.constitution.session_judgement import (
    Subject,
    judge_gate,
    judge_misplaced,
    judge_session,
)
from idse_orchestrator.documents.project_workspace import ARTIFACTS, IMPLEMENTATION, session_folder
from idse_orchestrator.errors import NewerLedgerError, UnknownNameError
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, IN_PROGRESS, SessionState, Ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.constitution.account import Account
    from idse_orchestrator.constitution.checks.document import Check, Document
    from idse_orchestrator.constitution.evidence import Facts, Later
    from idse_orchestrator.constitution.hits import Hit, VerdictCache
    from idse_orchestrator.constitution.rules import Constitution, Finding
    from idse_orchestrator.constitution.scope import Sight
    from idse_orchestrator.constitution.validation_engine import Job
    from idse_orchestrator.documents.project_workspace import ArtifactReader, FileEntry
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_machine import Misplaced

NEWER = (
    "the ledger of {} needs a newer idse, so its gates were not checked "
    "(pip install --upgrade idse-orchestrator)"
)
TASKS = ARTIFACTS["tasks"]
NO_SESSIONS = "no session here: nothing was checked"
NO_CHANGES = "no session was changed: nothing was checked"

Hits = Mapping[DocumentKey, "tuple[Hit, ...]"]
HitsByPath = Mapping[str, "tuple[Hit, ...]"]
Settle = Callable[["SessionKey", HitsByPath], HitsByPath]
"""The hits of a session that hold once other documents were looked at."""


class States(Protocol):
    """What validation wants to know from ledgers; a LedgerReader fulfils it."""

    def projects(self) -> Sequence[str]:
        """Returns names of all projects that have a ledger."""

    def states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        """States of many sessions; those without a ledger are left out."""

    def blob(self, name: str) -> bytes | None:
        """Returns the bytes of a document by its blob id; None where it is not here."""


SETTLING = {"agent_profile_complete": "idse_orchestrator.profiles.checks:settling"}
"""Check verb to what drops hits of its rules after a look at other documents, loaded where there are any."""


class Code(Protocol):
    """The code that documents speak of, to look things up for evidence."""

    def begin(self, key: SessionKey, state: SessionState) -> None:
        """Starts to read the commits of a session, beside whatever is done until `facts` are asked for."""

    def facts(self, key: SessionKey, state: SessionState, account: Account) -> Facts:
        """Returns what is here of the code of a session, as far as `account` speaks of it."""

    def record(self, key: SessionKey, account: Account, facts: Facts) -> Mapping[str, object]:
        """Returns what the completion of a session's implementation keeps of `facts`."""

    def later(self, states: Mapping[SessionKey, SessionState]) -> Mapping[SessionKey, Later]:
        """Returns what became of the evidence of completed sessions; those without any are left out."""


class Placing(Protocol):
    """Commits of code, to look up which of them are out of place."""

    def misplaced(self) -> Sequence[Misplaced]:
        """Returns what is out of place, by session and why."""

    def counts(self, each: Misplaced, state: SessionState | None) -> bool:
        """Tests whether to report it, for a session of that `state` (None: it has no ledger here)."""


class Validation(NamedTuple):
    """What to validate with. `today` is an ISO date (UTC).

    `code` is None where documents are judged alone, as a hook does, and so is `placing`. `misplaced_code` is
    the setting, asked where something is out of place. `edits`: the documents are about to be recorded, which
    brings back a session that was deleted; elsewhere such a session is judged by name only.

    `expected_views` maps each view of a work tree to the bytes it should have; None for a source
    in which a view must not be.
    """

    reader: ArtifactReader
    examiner: Examiner
    ledgers: States
    today: str
    expected_views: Mapping[str, bytes] | None = None
    code: Code | None = None
    placing: Placing | None = None
    misplaced_code: Callable[[], str] = lambda: ""
    edits: bool = False


def validate(context: Validation, scope: Scope = EVERYTHING) -> Report:
    """Returns every finding about the sessions in `scope`, and about where the files in it stand.

    UnknownNameError where `scope` names a session that is neither in the source nor in a ledger.
    """
    sight = in_scope(context.reader, scope)
    keys = [key for key in sight.sessions if all(map(is_name, key))]
    states, newer = (
        _states(context.ledgers, keys) if scope.session is None else (context.ledgers.states(keys), ())
    )
    _refuse_unknown(scope, sight, states)
    if scope.session is None and not context.edits:
        sight = _without_deleted(sight, states)
    hits = context.examiner.hits(context.reader, _files(sight))
    findings: list[Finding] = []
    rules = context.examiner.constitution
    settling = _Settling(context)
    evidence = _Evidence(context)
    evidence.look_back({key: state for key, state in states.items() if key in sight.sessions})
    for key, files in sight.sessions.items():
        subject = _subject(context, key, files, states.get(key))
        own = settling.settle(key, _by_path(files, hits))
        own = evidence.added(subject, own)
        findings += judge_session(rules, subject, own, context.today)
    placed = _misplaced(context, scope, states)
    findings += [finding for found in placed.values() for finding in found]
    has_ledgers = bool(states) or bool(context.ledgers.projects())
    findings += _placement(context, sight, frozenset((*states, *newer)) if has_ledgers else None)
    notes = [] if (sight.sessions or placed) and has_ledgers else [_note(scope, sight)]
    notes += [NEWER.format("/".join(key)) for key in newer]
    notes += evidence.notes
    return _report(context, {**sight.sessions, **placed}, findings, tuple(notes))


def _misplaced(
    context: Validation, scope: Scope, states: Mapping[SessionKey, SessionState]
) -> dict[SessionKey, list[Finding]]:
    """Returns what is said of code out of place, by session; one need not have a document in scope."""
    if context.placing is None:
        return {}
    asked = (scope.project, scope.session)
    found = [
        each
        for each in context.placing.misplaced()
        if all(wanted in (None, own) for wanted, own in zip(asked, each.key, strict=True))
    ]
    others = sorted({each.key for each in found}.difference(states))
    states = {**states, **(_states(context.ledgers, others)[0] if others else {})}
    told: dict[SessionKey, list[Finding]] = {}
    for each in found:
        if context.placing.counts(each, states.get(each.key)):
            subject = Subject(*each.key, {}, states.get(each.key))
            findings = judge_misplaced(context.examiner.constitution, subject, each, context.today)
            told.setdefault(each.key, []).extend(findings)
    answer = context.misplaced_code() if told else ""
    weighed = {key: _weighed(findings, answer) for key, findings in told.items()}
    return {key: findings for key, findings in weighed.items() if findings}


def _weighed(findings: Iterable[Finding], answer: str) -> list[Finding]:
    """Returns `findings` as the setting has them: it raises a rule, and drops what no rule has raised."""
    if answer == "deny":
        return [finding._replace(severity=ERROR) for finding in findings]
    return [finding for finding in findings if answer != "allow" or finding.severity == ERROR]


def _without_deleted(sight: Sight, states: Mapping[SessionKey, SessionState]) -> Sight:
    kept = {
        key: files for key, files in sight.sessions.items() if key not in states or not states[key].is_deleted
    }
    return sight._replace(sessions=kept)


def _states(
    ledgers: States, keys: Sequence[SessionKey]
) -> tuple[Mapping[SessionKey, SessionState], Sequence[SessionKey]]:
    """Returns the states of `keys`, and those whose ledger only a newer idse reads: they stop no others."""
    try:
        return ledgers.states(keys), ()
    except NewerLedgerError:
        if len(keys) == 1:
            return {}, keys
    half = len(keys) // 2
    one, other = _states(ledgers, keys[:half]), _states(ledgers, keys[half:])
    return {**one[0], **other[0]}, (*one[1], *other[1])


def _note(scope: Scope, sight: Sight) -> str:
    if sight.sessions:
        return NO_LEDGERS
    return NO_SESSIONS if scope.changes is None else NO_CHANGES


def gate(context: Validation, key: SessionKey, stage: str, state: SessionState) -> Report:
    """Returns what would be wrong if `stage` were complete with the documents of this source.

    `state` is what the session is until then.
    """
    sight = in_scope(context.reader, Scope(*key))
    files = sight.sessions[key]
    found = _by_path(files, context.examiner.hits(context.reader, _files(sight)))
    hits = _Settling(context).settle(key, found)
    subject = _subject(context, key, files, state)
    evidence = _Evidence(context)
    if stage == IMPLEMENTATION:
        hits = evidence.asked(subject, hits)
    findings = judge_gate(context.examiner.constitution, subject, hits, stage, context.today)
    return _report(context, [key], findings, tuple(evidence.notes))._replace(evidence=evidence.record)


def _subject(
    context: Validation, key: SessionKey, files: Mapping[str, FileEntry], state: SessionState | None
) -> Subject:
    def here(blob: str) -> bytes | None:
        if TASKS not in files or files[TASKS].blob != blob:
            return None
        path = f"{session_folder(*key)}/{TASKS}"
        return context.reader.read_many([path])[path]

    return Subject(*key, files, state, Ticks(here, context.ledgers.blob))


NO_CODE = "there is no code beside these documents"
_UNSEEN = "evidence of {} cannot be judged here: {}"


class _Evidence:
    """Evidence of implementations in progress, and what became of that of complete ones."""

    def __init__(self, context: Validation) -> None:
        self._context = context
        self._later: Mapping[SessionKey, Later] = {}
        self.notes: list[str] = []
        self.record: Mapping[str, object] | None = None

    def look_back(self, states: Mapping[SessionKey, SessionState]) -> None:
        """Looks once for all sessions whose implementation is complete."""
        complete = {key: state for key, state in states.items() if _status(state) == COMPLETE}
        if self._context.code is not None and complete:
            self._later = self._context.code.later(complete)

    def added(self, subject: Subject, hits: HitsByPath) -> HitsByPath:
        """Returns `hits` with those of evidence."""
        key = (subject.project, subject.session)
        if self._context.code is not None and subject.state and _status(subject.state) == IN_PROGRESS:
            return self._judged(self._context.code, subject, hits, records=False)
        later = self._later.get(key)
        if later is None:
            return hits
        if later.said:
            self.notes.append(f"evidence of {'/'.join(key)}: {later.said}")
        if later.unseen:
            self.notes.append(_UNSEEN.format("/".join(key), later.unseen))
            return hits
        from idse_orchestrator.constitution.evidence import judge_kept

        found = judge_kept(self._context.examiner.constitution, later.gone) if later.gone else ()
        return _joined(hits, {ARTIFACTS[IMPLEMENTATION]: found})

    def asked(self, subject: Subject, hits: HitsByPath) -> HitsByPath:
        """Returns `hits` with those of evidence, for the gate; `record` is then what its completion keeps."""
        if self._context.code is None:
            key = f"{subject.project}/{subject.session}"
            self.notes.append(_UNSEEN.format(key, NO_CODE))
            self.record = {"unseen": NO_CODE}
            return hits
        return self._judged(self._context.code, subject, hits, records=True)

    def _judged(self, code: Code, subject: Subject, hits: HitsByPath, *, records: bool) -> HitsByPath:
        from idse_orchestrator.constitution.account import account_of
        from idse_orchestrator.constitution.evidence import judge_evidence, unseen_of

        key, constitution = (subject.project, subject.session), self._context.examiner.constitution
        state = subject.state or SessionState(*key)
        documents = documents_of(self._context.reader, key, subject.files, state.stages_needed)
        account = account_of(documents, constitution)
        facts = code.facts(key, state, account)
        unseen = unseen_of(account, facts)
        if unseen:
            self.notes.append(_UNSEEN.format("/".join(key), unseen))
        if records:
            self.record = code.record(key, account, facts._replace(unseen=unseen))
        return _joined(hits, judge_evidence(constitution, account, facts))


def _status(state: SessionState) -> str:
    return state.stages[IMPLEMENTATION].status


def documents_of(
    reader: ArtifactReader, key: SessionKey, files: Mapping[str, FileEntry], stages: Collection[str]
) -> dict[str, Document]:
    """Returns the documents of `stages` that lead to code, by stage; one that is no text is left out."""
    from idse_orchestrator.constitution.account import READ
    from idse_orchestrator.constitution.checks.document import Document

    folder = session_folder(*key)
    there = {stage: ARTIFACTS[stage] for stage in READ if ARTIFACTS[stage] in files and stage in stages}
    contents = reader.read_many([f"{folder}/{path}" for path in there.values()])
    found = (
        (stage, Document(path, files[path], contents[f"{folder}/{path}"])) for stage, path in there.items()
    )
    return {stage: document for stage, document in found if document.is_regular and document.is_text}


_OUTLINES = "outlines"


def keep_outlines(documents: Iterable[Document], cache: VerdictCache) -> None:
    """Gives `documents` the outlines that are kept of them, and keeps those of the others.

    To load what parses Markdown takes longer than git takes to list two thousand commits.
    """
    from idse_orchestrator.documents.markdown import outline_from_json, outline_to_json

    keys = {DocumentKey(each.path, each.entry.mode, each.entry.blob): each for each in documents}
    known = cache.get_many(_OUTLINES, keys)
    fresh = {}
    for key, document in keys.items():
        try:
            document.outline = outline_from_json(known.get(key, ""))
        except ValueError:
            fresh[key] = outline_to_json(document.outline)
    cache.put_many(_OUTLINES, fresh)


def _joined(hits: HitsByPath, more: Mapping[str, Sequence[Hit]]) -> HitsByPath:
    return {path: (*hits.get(path, ()), *more.get(path, ())) for path in {**hits, **more}}


class _Settling:
    """The `settling` of check verbs, each made once a rule of its verb has a hit."""

    def __init__(self, context: Validation) -> None:
        self._context = context
        rules = context.examiner.constitution.rules
        self._names = {rule.id: SETTLING[rule.check] for rule in rules if rule.check in SETTLING}
        self._made: dict[str, Settle] = {}

    def settle(self, key: SessionKey, hits: HitsByPath) -> HitsByPath:
        """Returns the hits of the session `key` that hold."""
        rules = {hit.rule for found in hits.values() for hit in found}
        for name in sorted({self._names[rule] for rule in rules if rule in self._names}):
            hits = self._of(name)(key, hits)
        return hits

    def _of(self, name: str) -> Settle:
        if name not in self._made:
            make = cast("Callable[[ArtifactReader, Constitution], Settle]", loaded(name))
            self._made[name] = make(self._context.reader, self._context.examiner.constitution)
        return self._made[name]


def _files(sight: Sight) -> dict[DocumentKey, tuple[str, FileEntry]]:
    """Returns one place for each different file: equal documents are examined once."""
    found = {}
    for key, files in sight.sessions.items():
        folder = session_folder(*key)
        for path, entry in files.items():
            found[DocumentKey(path, entry.mode, entry.blob)] = (f"{folder}/{path}", entry)
    return found


def _by_path(files: Mapping[str, FileEntry], hits: Hits) -> dict[str, tuple[Hit, ...]]:
    return {path: hits[DocumentKey(path, entry.mode, entry.blob)] for path, entry in files.items()}


def _placement(context: Validation, sight: Sight, known: frozenset[SessionKey] | None) -> tuple[Finding, ...]:
    expected = context.expected_views
    if expected is not None:
        expected = {path: data for path, data in expected.items() if sight.covers(path)}
    present = [path for path in expected or () if path in sight.paths]
    contents = context.reader.read_many(present) if present else {}
    return judge_placement(
        context.examiner.constitution, sight.paths, sight.legacy_paths, known, expected, contents
    )


def _refuse_unknown(scope: Scope, sight: Sight, states: Mapping[SessionKey, SessionState]) -> None:
    key = (scope.project or "", scope.session or "")
    if scope.session is None or sight.sessions.get(key) or key in states:
        return
    raise UnknownNameError(
        f"there is no session {scope.session!r} in project {scope.project!r}", fix=("idse session list",)
    )


def _report(
    context: Validation, sessions: Iterable[SessionKey], findings: Iterable[Finding], notes: tuple[str, ...]
) -> Report:
    return Report(
        source=context.reader.description,
        constitution=context.examiner.constitution.id,
        sessions=tuple(sorted(f"{project}/{session}" for project, session in sessions)),
        findings=tuple(sorted(findings, key=lambda finding: finding.sort_key())),
        notes=notes,
    )


Progress = Callable[[int, int], None]
"""Called with how many files are done, and of how many."""

BATCH_BYTES = 512 * 1024
BATCH_FILES = 128
POOL_PAYS = 500
"""From this many files on, starting more processes costs less than it saves."""
_KEPT_AT_ONCE = 2048


def quiet(done: int, total: int) -> None:
    """A Progress that shows nothing."""


class Examiner(NamedTuple):
    """Everything that examining needs besides the files."""

    constitution: Constitution
    cache: VerdictCache
    extra_checks: Mapping[str, Check] = {}
    on_progress: Progress = quiet

    def hits(
        self, reader: ArtifactReader, files: Mapping[DocumentKey, tuple[str, FileEntry]]
    ) -> dict[DocumentKey, tuple[Hit, ...]]:
        """Returns the hits of `files`, each given by the path and entry it has in `reader`."""
        found = self._kept(files)
        missing = {key: place for key, place in files.items() if key not in found}
        self.on_progress(len(found), len(files))
        if missing:
            self._examine(reader, missing, found)
        return found

    def _examine(
        self,
        reader: ArtifactReader,
        missing: Mapping[DocumentKey, tuple[str, FileEntry]],
        found: dict[DocumentKey, tuple[Hit, ...]],
    ) -> None:
        """Adds the hits of `missing` to `found`, and keeps them."""
        total = len(found) + len(missing)
        fresh: dict[DocumentKey, str] = {}
        with closing(self._examined(_batches(reader, missing), len(missing))) as examined:
            for jobs, verdicts in examined:
                for job, verdict in zip(jobs, verdicts, strict=True):
                    fresh[job.key] = verdict
                    found[job.key] = hits_from_json(verdict)
                self.on_progress(len(found), total)
                if len(fresh) >= _KEPT_AT_ONCE:
                    self.cache.put_many(self.constitution.id, fresh)
                    fresh = {}
        if fresh:
            self.cache.put_many(self.constitution.id, fresh)

    def _kept(self, keys: Iterable[DocumentKey]) -> dict[DocumentKey, tuple[Hit, ...]]:
        """Hits from the cache; equal verdicts share one value, since most of them are equal."""
        known: dict[str, tuple[Hit, ...] | None] = {}
        found = {}
        for key, verdict in self.cache.get_many(self.constitution.id, keys).items():
            if verdict not in known:
                known[verdict] = _hits(verdict)
            hits = known[verdict]
            if hits is not None:
                found[key] = hits
        return found

    def _examined(self, batches: Iterable[list[Job]], total: int) -> Generator[tuple[list[Job], list[str]]]:
        from idse_orchestrator.constitution.validation_engine import examine_batch

        if total < POOL_PAYS or self.extra_checks:
            return ((jobs, examine_batch(jobs, self.constitution, self.extra_checks)) for jobs in batches)
        from idse_orchestrator.constitution.examination_pool import examine_on_all_cores

        return examine_on_all_cores(batches, self.constitution)


def _hits(verdict: str) -> tuple[Hit, ...] | None:
    try:
        return hits_from_json(verdict)
    except ValueError:
        return None


def _batches(
    reader: ArtifactReader, files: Mapping[DocumentKey, tuple[str, FileEntry]]
) -> Iterator[list[Job]]:
    """Jobs with their bytes, read a batch at a time so that memory stays bounded."""
    from idse_orchestrator.constitution.validation_engine import Job  # only new files pay for the checks

    for keys in _portions(files):
        contents = reader.read_many([files[key][0] for key in keys])
        yield [Job(key, files[key][1].size, contents[files[key][0]]) for key in keys]


def _portions(files: Mapping[DocumentKey, tuple[str, FileEntry]]) -> Iterator[list[DocumentKey]]:
    portion: list[DocumentKey] = []
    size = 0
    for key, (_, entry) in files.items():
        if portion and (len(portion) >= BATCH_FILES or size + entry.size > BATCH_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(key)
        size += entry.size
    if portion:
        yield portion
