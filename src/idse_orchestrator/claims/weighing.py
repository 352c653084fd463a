"""Claims held against the ledgers: what bears them out, what speaks against them, what is gone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.claims.claim import Claim, Evidence
from idse_orchestrator.claims.evidence import (
    Denial,
    Version,
    contradictions,
    denials_of,
    kept,
    reachable,
    speaks_against,
    standing_run,
)
from idse_orchestrator.claims.gate import Case, Contradiction, Weighed
from idse_orchestrator.claims.statements import Statement, statements_of
from idse_orchestrator.claims.words import THRESHOLD, Words, best_overlap, may_share, words_of
from idse_orchestrator.documents.project_workspace import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from idse_orchestrator.claims.session import Blueprint

FEEDBACK = "feedback"


class Weighing:
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

    def case(self, claim: Claim, *, fresh: bool, only: str = "") -> tuple[Case, tuple[Weighed, ...]]:
        """The claim before the gate, and what new evidence is in that case.

        With `fresh` the ledgers are searched for more, in the session `only` if one is named.
        """
        recorded = self.weighed(claim)
        nearest, more = 0, tuple[Weighed, ...]()
        if fresh:
            nearest, found = self._found(claim, only)
            more = kept([each for each in found if each.evidence not in claim.evidence], recorded)
        said, read = self.contradictions(claim)
        return Case((*recorded, *more), said, read, nearest), more

    def weighed(self, claim: Claim) -> tuple[Weighed, ...]:
        """The recorded evidence of a claim, looked up again."""
        here = {each.session for each in claim.evidence} & self.tips.keys()
        self._load_history(here)
        self._load(each.blob for each in claim.evidence)
        self._load(
            self.tips[each.session].blobs.get(each.stage, "")
            for each in claim.evidence
            if each.session in here
        )
        return tuple(self._weighed(claim, each) for each in claim.evidence)

    def contradictions(self, claim: Claim) -> tuple[tuple[Contradiction, ...], int]:
        """What the feedback of all sessions says against the claim, and how many documents were read."""
        blobs = {session: tip.blobs[FEEDBACK] for session, tip in self.tips.items() if FEEDBACK in tip.blobs}
        self._load(blobs.values())
        said = [
            found
            for session, blob in blobs.items()
            for found in contradictions(claim.id, claim.text, session, self._denied(blob))
        ]
        return tuple(said), sum(1 for blob in blobs.values() if blob in self._data)

    def _denied(self, blob: str) -> tuple[Denial, ...]:
        if blob not in self._denials:
            self._denials[blob] = denials_of(self._data.get(blob, b""))
        return self._denials[blob]

    def statements(self, blob: str) -> tuple[Statement, ...]:
        """What a document states; nothing where it cannot be read."""
        self._load((blob,))
        return statements_of(self._data.get(blob, b""))

    def documents(self, only: str = "") -> Iterator[tuple[str, str, str]]:
        """(session, stage, blob) of all documents that can bear out a claim; in `only`, if it is given."""
        self._load_tips()
        wanted = [session for session in self.sessions if only in ("", session)]
        for number, session in enumerate(wanted, 1):
            blobs = self.tips[session].blobs
            yield from ((session, stage, blobs[stage]) for stage in STAGES if stage in blobs)
            self._blueprint.on_progress(number, len(wanted))

    def runs(self, claim: Claim, places: Iterable[tuple[str, str]]) -> list[Weighed]:
        """The oldest and the newest evidence of how long the documents at (session, stage) have said so."""
        wanted = list(places)
        self._load_history({session for session, _ in wanted})
        self._load(
            version.blobs.get(stage, "")
            for session, stage in wanted
            for version in reachable(self._history, self.tips[session].commit, lambda _: True)
        )
        return [each for place in wanted for each in self._run(claim, *place)]

    def _run(self, claim: Claim, session: str, stage: str) -> list[Weighed]:
        found = standing_run(
            self._history,
            self.tips[session].commit,
            stage,
            lambda blob: self._overlap(claim, blob) >= THRESHOLD,
        )
        return [
            Weighed(
                Evidence(session, stage, version.commit, version.blobs[stage]),
                version.committed,
                version.day,
                self._overlap(claim, version.blobs[stage]),
            )
            for version in {each.commit: each for each in found or ()}.values()
        ]

    def _found(self, claim: Claim, only: str) -> tuple[int, list[Weighed]]:
        nearest, places = 0, []
        for session, stage, blob in self.documents(only):
            here = self._overlap(claim, blob)
            nearest = max(nearest, here)
            if here >= THRESHOLD:
                places.append((session, stage))
        return nearest, self.runs(claim, places)

    def _weighed(self, claim: Claim, evidence: Evidence) -> Weighed:
        problem = self._problem(evidence)
        if problem:
            return Weighed(evidence, problem=problem)
        version = self._history[evidence.commit]
        now = self._overlap(claim, self.tips[evidence.session].blobs.get(evidence.stage, ""))
        overlap = self._overlap(claim, evidence.blob)
        return Weighed(evidence, version.committed, version.day, overlap, dropped=now < THRESHOLD)

    def _overlap(self, claim: Claim, blob: str) -> int:
        if not blob:
            return 0
        words = words_of(claim.text)
        if blob not in self._said:
            self._load((blob,))
            if not may_share(words, self._data.get(blob, b"")):
                return 0
            asserted = (each for each in self.statements(blob) if each.asserts and not speaks_against(each))
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
        """Those of the ledger of one session."""
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

    def _load_tips(self) -> None:
        self._load(blob for session in self.sessions for blob in self.tips[session].blobs.values())

    def _load(self, blobs: Iterable[str]) -> None:
        wanted = dict.fromkeys(blob for blob in blobs if blob and blob not in self._data)
        if wanted:
            self._data.update(self._blueprint.documents.contents(wanted))
