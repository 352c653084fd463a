"""What a session breaks at one of its commits, by the engine that hooks and CI use, and what a push brings.

A push is refused for what it brings: what blocks at the new tip and did not, by the same rules and on the
same documents, at the old one. So whoever touches a document in debt pays, and a rule raised today stops
nobody's other work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.hits import DocumentKey, Hit
from idse_orchestrator.constitution.rules import ERROR, PROJECT, Finding, Report, Rule
from idse_orchestrator.constitution.scope import Scope
from idse_orchestrator.constitution.validate import Examiner, Validation, gate, validate
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    STAGES,
    artifact_path,
    session_folder,
    upstream_of,
)
from idse_orchestrator.ledger.commit import ARTIFACTS as FOLDER_OF_ARTIFACTS
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, SessionState, Waiver, state_from_json
from idse_orchestrator.server.judgement.pushed import OneState, TipReader
from idse_orchestrator.server.judgement.rules import core_types
from idse_orchestrator.server.model.policy import ANY
from idse_orchestrator.server.model.push import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.documents.project_workspace import ArtifactReader, FileEntry
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.server.judgement.pushed import Pushed
    from idse_orchestrator.server.judgement.rules import Rules
    from idse_orchestrator.server.model.policy import Policy

_SEQUENCE = ("unchanged", "upstream_unchanged")
"""A complete stage of which they find something is no longer what was completed."""
_CONFLICTS = "no_conflict_markers"
_UNJUDGED = "check_ran"
_SECRETS = "no_secrets"
_TELLS_NO_TEXT = frozenset(
    (
        *_SEQUENCE,
        _CONFLICTS,
        _SECRETS,
        "artifact_exists",
        "check_ran",
        "has_criteria",
        "has_text",
        "has_tasks",
        "in_order",
        "max_size",
        "names_artifacts",
        "no_marker",
        "no_nul",
        "no_text",
        "not_executable",
        "regular_file",
        "required_sections",
        "sections_filled",
        "utf8",
    )
)
"""Checks whose messages say nothing that a document says: words for a wire and a log quote none."""

Key = tuple[str, ...]
"""A rule, its stage, a document and its blob, and the blobs of the documents that the stage builds on."""
Counts = Callable[[Waiver], tuple[str, str]]
"""Why a waiver does not count, and what mends it."""


class Broken(NamedTuple):
    """One broken promise: what was found, by which rule, and why a waiver of it does not count."""

    finding: Finding
    rule: Rule
    why: str = ""
    mend: str = ""

    def refusal(self, ref: str, others: int = 0) -> Refusal:
        """Returns the words for it; `others` more were found by that rule in that document."""
        finding = self.finding
        folder = f"{session_folder(finding.project, finding.session)}/"
        path = finding.path.removeprefix(folder)
        quiet = f"{self.rule.name.replace('-', ' ')} in {path}"
        said = finding.message if self.rule.check in _TELLS_NO_TEXT else quiet
        where = f" (line {finding.line})" if finding.line else ""
        more = f", and {others} more of it" if others else ""
        because = f"; its waiver does not count: {self.why}" if self.why else ""
        place = f"  # in {finding.project}/{finding.session}"
        fix = self.mend or (finding.fix[0] + place if finding.fix else finding.hint)
        return Refusal(ref, finding.rule, f"{said}{where}{more}{because}", fix)


class Weighed(NamedTuple):
    """What was found, whether it breaks a promise, and why a waiver of it does not count ("" : it does)."""

    finding: Finding
    broken: Broken | None
    ignored: str


class _Examiner(Examiner):
    """Leaves out that rules of a project could not be judged: nobody but the project needs them."""

    def hits(
        self, reader: ArtifactReader, files: Mapping[DocumentKey, tuple[str, FileEntry]]
    ) -> dict[DocumentKey, tuple[Hit, ...]]:
        found = super().hits(reader, files)
        return {key: tuple(hit for hit in hits if not self._is_projects(hit)) for key, hits in found.items()}

    def _is_projects(self, hit: Hit) -> bool:
        reporting, about = (self.constitution.rule(name) for name in (hit.rule, hit.params.get("about", "")))
        return bool(
            reporting and reporting.check == _UNJUDGED and about is not None and about.origin == PROJECT
        )


class Promises:
    """Judges commits of the session `key` by `rules` and `policy`, on the day `today`."""

    def __init__(self, pushed: Pushed, key: SessionKey, rules: Rules, policy: Policy, today: str) -> None:
        self._pushed = pushed
        self._key = key
        self._rules = rules
        self._policy = policy
        self._today = today
        self._examiner = _Examiner(rules.constitution, rules.cache)
        self._raw = Examiner(rules.constitution, rules.cache)
        self._readers: dict[str, TipReader] = {}

    def state(self, commit: str) -> SessionState:
        """Returns the state at a commit, with the stages that the policy lets nobody leave out."""
        return self.strictly(state_from_json(self._pushed.state(commit)))

    def strictly(self, state: SessionState) -> SessionState:
        """Returns a state with the stages that the policy lets nobody leave out."""
        types = self._rules.constitution.types
        if self._policy.allows(state.type, core_types()):
            least = () if self._policy.types == ANY else types.get(state.type, ())
        else:
            least = STAGES
        needed = tuple(stage for stage in STAGES if stage in state.needed or stage in least)
        return state._replace(needed=needed)

    def broken(self, commit: str, state: SessionState, counts: Counts) -> dict[Key, list[Broken]]:
        """Returns what blocks at `commit`, by what would make it the same elsewhere."""
        files = self.files(commit)
        found: dict[Key, list[Broken]] = {}
        for weighed in self.weighed(commit, state, counts):
            if weighed.broken is not None:
                found.setdefault(self._same(weighed.finding, files), []).append(weighed.broken)
        return found

    def report(self, commit: str, stage: str, counts: Counts) -> Report:
        """Returns all that is found at `commit`, or by the gate of `stage` if it were complete there."""
        state = self.state(commit)
        context = self._context(commit, state)
        found = gate(context, self._key, stage, state) if stage else validate(context, Scope(*self._key))
        return found._replace(findings=tuple(_if_it_counts(each, counts) for each in found.findings))

    def _context(self, commit: str, state: SessionState) -> Validation:
        states = OneState(self._pushed, self._key, state)
        return Validation(self._reader(commit), self._examiner, states, self._today)

    def weighed(self, commit: str, state: SessionState, counts: Counts) -> Iterator[Weighed]:
        """Yields all that is found at `commit`, in the order of a report; nothing in a deleted session."""
        if state.is_deleted:
            return
        for finding in validate(self._context(commit, state), Scope(*self._key)).findings:
            why, mend = counts(finding.waiver) if finding.waiver is not None else ("", "")
            yield Weighed(finding, self._broken(finding, state, why, mend), why)

    def files(self, commit: str) -> Mapping[str, FileEntry]:
        """Returns the session's documents at `commit`, by their path in its folder."""
        return self._reader(commit).own()

    def unjudged(self, commit: str) -> list[str]:
        """Returns the ids of the project's rules that could not be judged at `commit`."""
        reporting = {rule.id for rule in self._rules.constitution.rules if rule.check == _UNJUDGED}
        hits = self._hits(commit, self._reader(commit).own())
        about = {hit.params["about"] for _, of_file in hits for hit in of_file if hit.rule in reporting}
        return sorted(
            name for name in about if (rule := self._rules.constitution.rule(name)) and rule.origin == PROJECT
        )

    def secrets(self, commits: Iterable[str], but: Iterable[str]) -> Iterator[tuple[str, str, Hit]]:
        """Yields commit, path and hit of each secret in a document of `commits` that none of `but` has."""
        rules = {rule.id for rule in self._rules.constitution.rules if rule.check == _SECRETS}
        seen = {(path, e.blob) for commit in but for path, e in self._reader(commit).own().items()}
        for commit in commits:
            files = {p: e for p, e in self._reader(commit).own().items() if (p, e.blob) not in seen}
            seen.update((path, entry.blob) for path, entry in files.items())
            for path, hits in self._hits(commit, files):
                yield from ((commit, path, hit) for hit in hits if hit.rule in rules)

    def _hits(self, commit: str, files: Mapping[str, FileEntry]) -> Iterator[tuple[str, tuple[Hit, ...]]]:
        folder = session_folder(*self._key)
        asked = {
            DocumentKey(path, entry.mode, entry.blob): (f"{folder}/{path}", entry)
            for path, entry in files.items()
        }
        found = self._raw.hits(self._reader(commit), asked)
        return ((key.path, hits) for key, hits in found.items())

    def _reader(self, commit: str) -> TipReader:
        if commit not in self._readers:
            self._readers[commit] = TipReader(self._pushed, self._key, commit, self._defaults())
        return self._readers[commit]

    def _defaults(self) -> tuple[str, str]:
        project, session = self._key
        path = artifact_path(project, BLUEPRINT, "spec")
        if session == BLUEPRINT:
            return path, ""
        tip = self._pushed.tip(session_ref(project, BLUEPRINT))
        if not tip:
            return path, ""
        folder = self._pushed.part(tip, FOLDER_OF_ARTIFACTS)
        return path, self._pushed.inside(folder, *ARTIFACTS["spec"].split("/"))

    def _broken(self, finding: Finding, state: SessionState, why: str, mend: str) -> Broken | None:
        """Returns what is broken by a finding; None for one that is recorded and refused for nothing."""
        rule = self._rules.constitution.rule(finding.rule)
        if rule is None:
            return None
        is_complete = finding.stage in state.stages and state.stages[finding.stage].status == COMPLETE
        blocks = rule.check in _SEQUENCE or finding.severity == ERROR
        if not blocks or (rule.check == _CONFLICTS and not is_complete):
            return None
        return None if finding.waiver is not None and not why else Broken(finding, rule, why, mend)

    def _same(self, finding: Finding, files: Mapping[str, FileEntry]) -> Key:
        def blob(path: str) -> str:
            return files[path].blob if path in files else ""

        path = finding.path.removeprefix(f"{session_folder(*self._key)}/")
        below = (*upstream_of(finding.stage), finding.stage) if finding.stage else ()
        return (finding.rule, finding.stage, path, blob(path), *(blob(ARTIFACTS[stage]) for stage in below))


def _if_it_counts(finding: Finding, counts: Counts) -> Finding:
    """Returns a finding without a waiver that does not count."""
    why, mend = counts(finding.waiver) if finding.waiver is not None else ("", "")
    if not why:
        return finding
    return finding._replace(
        waiver=None, hint=f"its waiver does not count: {why}", fix=(mend,) if mend else ()
    )


def told(ref: str, broken: Mapping[Key, Sequence[Broken]], when: str = "") -> list[Refusal]:
    """Returns one refusal for each rule and document; `when` says of which moment."""
    found = []
    for of_document in broken.values():
        refusal = of_document[0].refusal(ref, len(of_document) - 1)
        found.append(refusal._replace(message=refusal.message + when) if when else refusal)
    return found
