"""Claims held against the ledgers: what bears them out, what speaks against them, what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.claims import statements
from idse_orchestrator.claims.claim import Claim, Evidence
from idse_orchestrator.claims.gate import Case, CheckedEvidence, Version, kept, reachable, standing_run
from idse_orchestrator.claims.session import Blueprint
from idse_orchestrator.claims.statements import Contradiction, Denial, Statement
from idse_orchestrator.claims.words import THRESHOLD, Words, best_overlap, may_share, words_of
from idse_orchestrator.documents.project_workspace import STAGES

FEEDBACK = "feedback"


class EvidenceSearch:
    """One look at the ledgers of a project; each document is read and parsed once."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._said: dict[str, tuple[Words, ...]] = {}
        self._denials: dict[str, tuple[Denial, ...]] = {}
        self._history: dict[str, Version] = {}
        self._with_history: set[str] = set()
        self._of_session: dict[str, frozenset[str]] = {}
        self._data: dict[str, bytes] = {}

    @cached_property
    def tips(self) -> Mapping[str, Version]:
        """The newest ledger commit of every session that has a ledger here."""
        return self._blueprint.documents.tips(self._blueprint.project)

    @property
    def sessions(self) -> Iterable[str]:
        """Those that can bear out a claim: all but the blueprint itself, which must not prove itself."""
        return (session for session in self.tips if session != BLUEPRINT)

    def case(self, claim: Claim, *, fresh: bool, only: str = "") -> tuple[Case, tuple[CheckedEvidence, ...]]:
        """Returns the claim before the gate, and what new evidence is in that case.

        With `fresh` the ledgers are searched for more, in the session `only` if one is named.
        """
        recorded = self.checked(claim)
        nearest, more = 0, tuple[CheckedEvidence, ...]()
        if fresh:
            nearest, found = self._found(claim, only)
            more = kept([each for each in found if each.evidence not in claim.evidence], recorded)
        said, read = self.contradictions(claim)
        return Case((*recorded, *more), said, read, nearest), more

    def checked(self, claim: Claim) -> tuple[CheckedEvidence, ...]:
        """Returns the recorded evidence of a claim, looked up again."""
        here = {each.session for each in claim.evidence} & self.tips.keys()
        self._load_history(here)
        self._load(each.blob for each in claim.evidence)
        self._load(
            self.tips[each.session].blobs.get(each.stage, "")
            for each in claim.evidence
            if each.session in here
        )
        return tuple(self._checked(claim, each) for each in claim.evidence)

    def contradictions(self, claim: Claim) -> tuple[tuple[Contradiction, ...], int]:
        """Returns what all feedback says against the claim, and how many documents were read."""
        blobs = {session: tip.blobs[FEEDBACK] for session, tip in self.tips.items() if FEEDBACK in tip.blobs}
        self._load(blobs.values())
        said = [
            found
            for session, blob in blobs.items()
            for found in statements.contradictions(claim.id, claim.text, session, self._denied(blob))
        ]
        return tuple(said), sum(1 for blob in blobs.values() if blob in self._data)

    def _denied(self, blob: str) -> tuple[Denial, ...]:
        if blob not in self._denials:
            self._denials[blob] = statements.denials_of(self._data.get(blob, b""))
        return self._denials[blob]

    def statements(self, blob: str) -> tuple[Statement, ...]:
        """Returns what a document states; nothing where it cannot be read."""
        self._load((blob,))
        return statements.statements_of(self._data.get(blob, b""))

    def documents(self, only: str = "") -> Iterator[tuple[str, str, str]]:
        """Yields (session, stage, blob) of all documents that can bear out a claim.

        In `only`, if it is given.
        """
        self._load(blob for session in self.sessions for blob in self.tips[session].blobs.values())
        wanted = [session for session in self.sessions if only in ("", session)]
        for number, session in enumerate(wanted, 1):
            blobs = self.tips[session].blobs
            yield from ((session, stage, blobs[stage]) for stage in STAGES if stage in blobs)
            self._blueprint.on_progress(number, len(wanted))

    def runs(self, claim: Claim, places: Iterable[tuple[str, str]]) -> list[CheckedEvidence]:
        """Returns the oldest and the newest evidence of how long documents at (session, stage) said so."""
        wanted = list(places)
        self._load_history({session for session, _ in wanted})
        self._load(
            version.blobs.get(stage, "")
            for session, stage in wanted
            for version in reachable(self._history, self.tips[session].commit, lambda _: True)
        )
        return [each for place in wanted for each in self._run(claim, *place)]

    def _run(self, claim: Claim, session: str, stage: str) -> list[CheckedEvidence]:
        found = standing_run(
            self._history,
            self.tips[session].commit,
            stage,
            lambda blob: self._overlap(claim, blob) >= THRESHOLD,
        )
        return [
            CheckedEvidence(
                Evidence(session, stage, version.commit, version.blobs[stage]),
                version.committed,
                version.day,
                self._overlap(claim, version.blobs[stage]),
            )
            for version in {each.commit: each for each in found or ()}.values()
        ]

    def _found(self, claim: Claim, only: str) -> tuple[int, list[CheckedEvidence]]:
        nearest, places = 0, []
        for session, stage, blob in self.documents(only):
            here = self._overlap(claim, blob)
            nearest = max(nearest, here)
            if here >= THRESHOLD:
                places.append((session, stage))
        return nearest, self.runs(claim, places)

    def _checked(self, claim: Claim, evidence: Evidence) -> CheckedEvidence:
        problem = self._problem(evidence)
        if problem:
            return CheckedEvidence(evidence, problem=problem)
        version = self._history[evidence.commit]
        now = self._overlap(claim, self.tips[evidence.session].blobs.get(evidence.stage, ""))
        overlap = self._overlap(claim, evidence.blob)
        return CheckedEvidence(evidence, version.committed, version.day, overlap, dropped=now < THRESHOLD)

    def _overlap(self, claim: Claim, blob: str) -> int:
        if not blob:
            return 0
        words = words_of(claim.text)
        if blob not in self._said:
            self._load((blob,))
            if not may_share(words, self._data.get(blob, b"")):
                return 0
            asserted = (
                each for each in self.statements(blob) if each.asserts and not statements.speaks_against(each)
            )
            self._said[blob] = tuple(words_of(each.text) for each in asserted)
        return best_overlap(words, self._said[blob])

    def _problem(self, evidence: Evidence) -> str:
        if evidence.session not in self.tips:
            return f"session {evidence.session} has no ledger here"
        if evidence.commit not in self._commits(evidence.session):
            return f"commit {evidence.commit[:10]} is not in the ledger of {evidence.session}"
        if evidence.blob not in self._data:
            return f"document {evidence.blob[:10]} is missing or damaged"
        if self._history[evidence.commit].blobs.get(evidence.stage) != evidence.blob:
            return f"commit {evidence.commit[:10]} does not hold document {evidence.blob[:10]}"
        return ""

    def _commits(self, session: str) -> frozenset[str]:
        """Returns those of the ledger of one session."""
        if session not in self._of_session:
            found = reachable(self._history, self.tips[session].commit, lambda _: True)
            self._of_session[session] = frozenset(version.commit for version in found)
        return self._of_session[session]

    def _load_history(self, sessions: Iterable[str]) -> None:
        wanted = set(sessions) - self._with_history
        if wanted:
            self._with_history |= wanted
            tips = sorted(self.tips[session].commit for session in wanted)
            self._history.update(self._blueprint.documents.history(tips))

    def _load(self, blobs: Iterable[str]) -> None:
        wanted = dict.fromkeys(blob for blob in blobs if blob and blob not in self._data)
        if wanted:
            self._data.update(self._blueprint.documents.contents(wanted))
