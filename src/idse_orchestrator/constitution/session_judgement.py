"""Findings about one session: its hits weighed by how far each stage has come, and its sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, few, is_past
from idse_orchestrator.constitution.hits import Hit, marks, with_params
from idse_orchestrator.constitution.rules import OFF, Constitution, Finding, Rule, texts
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    IMPLEMENTATION,
    STAGE_OF,
    STAGES,
    session_folder,
    upstream_of,
)
from idse_orchestrator.pipeline.stage_machine import EARLY, LATE, UNMAPPED, Misplaced
from idse_orchestrator.pipeline.stage_state_model import (
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    NOT_NEEDED,
    PENDING,
    STALE,
    Same,
    SessionState,
    StageRecord,
    Standing,
    Waiver,
    standings,
)

if TYPE_CHECKING:
    from idse_orchestrator.documents.project_workspace import FileEntry

_WORDS = {PENDING: "pending", IN_PROGRESS: "in progress", COMPLETE: "complete", NOT_NEEDED: "not needed"}


def sequence_hits(
    constitution: Constitution, subject: Subject, state: SessionState, *, gate: bool = False
) -> Iterator[tuple[str, Hit]]:
    """Stage and hit, for every rule about sequence and every stage that it applies to.

    What has one cause is one hit, unless it is asked for the `gate` of a stage, which looks at that alone.
    """
    standing = {each.stage: each for each in standings(state, subject.blobs, subject.same)}
    waived = {waiver.rule for waiver in state.waivers}
    changed = [
        each.stage
        for each in standing.values()
        if each.condition == CHANGED and each.stage in subject.blobs and not gate
    ]
    told = any(rule.check == "unchanged" and rule.id not in waived for rule in constitution.rules)
    sequence = _Sequence(standing, subject.blobs, frozenset(changed if told else ()), is_gate=gate)
    for rule in constitution.rules:
        check = _CHECKS.get(rule.check)
        for stage in STAGES if check else ():
            if check and stage in rule.applies_to:
                for params in check(sequence, rule, stage):
                    said = " ".join(value for name, value in sorted(params.items()) if name != "mend")
                    yield stage, Hit(rule.id, params=params, places=marks([f"{stage} {said}"]))


class _Sequence(NamedTuple):
    """`changed` are stages of which another finding says that their document changed."""

    standing: Mapping[str, Standing]
    blobs: Mapping[str, str]
    changed: frozenset[str]
    is_gate: bool

    def stale(self, causes: tuple[str, ...] = ()) -> list[str]:
        """Returns the stages that are stale because of just `causes`; () stands for any."""
        return [
            each.stage
            for each in self.standing.values()
            if each.condition == STALE and causes in ((), each.causes)
        ]


def _artifact_exists(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    if stage not in sequence.blobs:
        yield {"status": _WORDS[sequence.standing[stage].status]}


def _in_order(sequence: _Sequence, rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    """Yields the stage before must be complete and current, unless this one may run beside it."""
    here = sequence.standing[stage]
    earlier = [up for up in upstream_of(stage) if sequence.standing[up].status != NOT_NEEDED]
    if here.status in (PENDING, NOT_NEEDED) or not earlier:
        return
    before = sequence.standing[earlier[-1]]
    beside = stage in texts(rule.options, "may_start_beside") and here.status == IN_PROGRESS
    if before.holds or (beside and before.status != PENDING):
        return
    if before.status == COMPLETE and not sequence.is_gate:
        return  # that it changed, or is stale, is a finding of its own
    yield {
        "status": _WORDS[here.status],
        "before": before.stage,
        "problem": _problem(before),
        "mend": _mend(before),
    }


def _problem(before: Standing) -> str:
    if before.status != COMPLETE:
        return f"is {_WORDS[before.status]}"
    if before.condition == CHANGED:
        return "changed after it was completed"
    return f"is stale: {', '.join(before.causes)} changed since it was completed"


def _mend(before: Standing) -> str:
    """Returns the moves that `before` can make from where it stands, a line for each."""
    stage = before.stage
    if before.status == COMPLETE:
        return f'idse stage confirm {stage} -m "why"\nidse stage reopen {stage} -m "why"'
    return f"idse stage {'start' if before.status == PENDING else 'complete'} {stage}"


def _unchanged(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    """Yields nothing for a missing artifact: another rule tells that."""
    if sequence.standing[stage].condition == CHANGED and stage in sequence.blobs:
        behind = [each for each in sequence.stale() if stage in sequence.standing[each].causes]
        builds = "build" if len(behind) > 1 else "builds"
        tells = bool(behind) and stage in sequence.changed
        yield {
            "behind": f"; {_joined(behind)} {builds} on it" if tells else "",
            "mend": _look_again(stage, further=tells),
        }


def _upstream_unchanged(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    here = sequence.standing[stage]
    if here.condition != STALE:
        return
    others = [] if sequence.is_gate else sequence.stale(here.causes)
    if sequence.changed.issuperset(here.causes) or others[:1] not in ([], [stage]):
        return
    so = f", and so {'are' if len(others) > 2 else 'is'} {_joined(others[1:])}" if others[1:] else ""
    yield {"causes": ", ".join(here.causes), "others": so, "mend": _look_again(stage, further=bool(so))}


def _look_again(stage: str, *, further: bool) -> str:
    """Returns what a complete stage needs that does not hold, a line for each; `further`: others with it."""
    downstream = " --downstream" if further else ""
    return f'idse stage reopen {stage} -m "why"\nidse stage confirm {stage}{downstream} -m "why"'


def _joined(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


_Check = Callable[[_Sequence, Rule, str], Iterator[dict[str, str]]]

_CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "artifact_exists": _artifact_exists,
        "in_order": _in_order,
        "unchanged": _unchanged,
        "upstream_unchanged": _upstream_unchanged,
    }
)


def _by_id(_one: str, _other: str) -> bool:
    return False


class Subject(NamedTuple):
    """A session to judge. `files` are keyed by path relative to the session's folder.

    `state` is None where no ledger is known: every stage then counts as pending. `same` compares versions of
    its ``tasks.md``.
    """

    project: str
    session: str
    files: Mapping[str, FileEntry]
    state: SessionState | None = None
    same: Same = _by_id

    @property
    def blobs(self) -> dict[str, str]:
        """Stage to the id of its artifact, for the artifacts that are there."""
        return {stage: self.files[path].blob for stage, path in ARTIFACTS.items() if path in self.files}


def judge_session(
    constitution: Constitution, subject: Subject, hits: Mapping[str, tuple[Hit, ...]], today: str
) -> tuple[Finding, ...]:
    """Returns everything the rules say about `subject` as it stands, ordered by place.

    `hits` are those of `examine`, keyed like `subject.files`. `today` is an ISO date (UTC): a waiver
    counts up to and including the day it expires.
    """
    judgement = _Judgement(constitution, subject, today)
    return _ordered(judgement.findings(hits))


def judge_misplaced(
    constitution: Constitution, subject: Subject, found: Misplaced, today: str
) -> tuple[Finding, ...]:
    """Returns what the rules say of code that is out of place in `subject`."""
    commits = [commit[:7] for commit in found.commits]
    params = {
        "problem": _OUT_OF_PLACE[found.why, bool(commits)].format(
            commits=counted(len(commits), "commit"), names=few(commits)
        ),
        "mend": _MEND[found.why].format(session="/".join(found.key)),
    }
    places = marks(found.commits or [found.why])
    hits = [
        Hit(rule.id, params=params, stage=IMPLEMENTATION, places=places)
        for rule in constitution.rules
        if rule.check == "code_in_place"
    ]
    judgement = _Judgement(constitution, subject, today)
    return _ordered(judgement.of_hits({ARTIFACTS[IMPLEMENTATION]: tuple(hits)}))


_OUT_OF_PLACE = {
    (EARLY, True): "{commits} of code came before implementation was begun: {names}",
    (LATE, True): "{commits} of code came after the session was complete: {names}",
    (UNMAPPED, True): "{commits} of code came on a branch of no session: {names}",
    (EARLY, False): "code is committed before implementation is begun",
    (LATE, False): "code is committed after the session is complete",
    (UNMAPPED, False): "code is committed on a branch of no session",
}
_MEND = {
    EARLY: "idse next",
    LATE: 'idse stage reopen implementation --session {session} -m "why"\nidse spawn NAME --branch',
    UNMAPPED: "idse switch {session} --branch",
}


def judge_gate(
    constitution: Constitution,
    subject: Subject,
    hits: Mapping[str, tuple[Hit, ...]],
    stage: str,
    today: str,
) -> tuple[Finding, ...]:
    """Returns what the rules would say about `stage` if it were complete with its present documents."""
    judgement = _Judgement(constitution, _completed(subject, stage), today, stage, _status(subject, stage))
    return _ordered(finding for finding in judgement.findings(hits) if finding.stage == stage)


class _Judgement(NamedTuple):
    """One walk over the hits of a session.

    `gate` names the stage whose gate is asked, or is empty; `gate_status` is what that stage is until then.
    """

    constitution: Constitution
    subject: Subject
    today: str
    gate: str = ""
    gate_status: str = ""

    def of_hits(self, hits: Mapping[str, tuple[Hit, ...]]) -> Iterator[Finding]:
        for path, of_file in hits.items():
            for hit in of_file:
                yield from self._finding(path, hit, hit.stage or STAGE_OF.get(path, ""))

    def findings(self, hits: Mapping[str, tuple[Hit, ...]]) -> Iterator[Finding]:
        yield from self.of_hits(hits)
        subject = self.subject
        if subject.state is not None:
            hits_of = sequence_hits(self.constitution, subject, subject.state, gate=bool(self.gate))
            for stage, hit in hits_of:
                yield from self._finding(ARTIFACTS[stage], hit, stage)

    def _finding(self, path: str, hit: Hit, stage: str) -> Iterator[Finding]:
        rule = self.constitution.rule(hit.rule)
        severity = OFF if rule is None else self._severity(rule, stage)
        if rule is None or severity == OFF:
            return
        where = f"{session_folder(self.subject.project, self.subject.session)}/{path}"
        params = {**self._common(path, where, stage), **hit.params}
        yield Finding(
            rule=rule.id,
            severity=severity,
            path=where,
            line=hit.line,
            column=hit.column,
            message=with_params(rule.message, params),
            hint=with_params(rule.hint, params),
            project=self.subject.project,
            session=self.subject.session,
            stage=stage,
            waiver=self._excuse(rule, hit, path) or self._waiver(rule.id, path, hit.places),
            fix=rule.commands(self._status(stage), params),
            places=hit.places,
        )

    def _severity(self, rule: Rule, stage: str) -> str:
        return rule.gate if stage and stage == self.gate else rule.severity_at(self._status(stage))

    def _status(self, stage: str) -> str:
        return self.gate_status if stage and stage == self.gate else _status(self.subject, stage)

    def _common(self, path: str, where: str, stage: str) -> dict[str, str]:
        return {
            "artifact": path,
            "path": where,
            "stage": stage,
            "project": self.subject.project,
            "session": self.subject.session,
        }

    def _excuse(self, rule: Rule, hit: Hit, path: str) -> Waiver | None:
        """Returns the waiver that a document writes for itself, with its reason."""
        if rule.check != "code_denied":
            return None
        return Waiver(rule.id, self.subject.session, hit.params["why"], None, path, "", ())

    def _waiver(self, rule_id: str, path: str, places: tuple[str, ...]) -> Waiver | None:
        """Returns the waiver of these places that counts longest, so that renewing one is enough."""
        state = self.subject.state
        valid = [
            waiver
            for waiver in (state.waivers if state else ())
            if waiver.rule == rule_id
            and waiver.session == self.subject.session
            and waiver.covers(path, places)
            and (waiver.expires is None or not is_past(waiver.expires, self.today))
        ]
        return max(valid, key=lambda waiver: (waiver.expires or "9999-12-31", waiver.event), default=None)


def _status(subject: Subject, stage: str) -> str:
    state = subject.state
    return state.stages[stage].status if state and stage in state.stages else PENDING


def _completed(subject: Subject, stage: str) -> Subject:
    state = subject.state or SessionState(subject.project, subject.session)
    blobs = subject.blobs
    record = state.stages.get(stage, StageRecord())._replace(
        status=COMPLETE,
        artifact=blobs.get(stage, ""),
        upstream={up: blobs.get(up, "") for up in upstream_of(stage)},
    )
    return subject._replace(state=state.with_stage(stage, record))


def _ordered(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(set(findings), key=lambda finding: (*finding.sort_key(), finding.severity)))
