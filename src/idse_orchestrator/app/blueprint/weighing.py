"""Claims held against the ledgers: what bears them out, what speaks against them, what is gone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.domain.claim import Claim, Evidence
from idse_orchestrator.domain.claim_evidence import Version, kept, standing_run
from idse_orchestrator.domain.claim_gate import Case, Weighed
from idse_orchestrator.domain.claim_words import THRESHOLD, best_overlap, may_share, words_of
from idse_orchestrator.domain.contradictions import Contradiction, contradictions
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.statements import Statement, statements_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from idse_orchestrator.app.blueprint.ports import Blueprint

FEEDBACK = "feedback"


class Weighing:
    """One look at the ledgers of a project; each document is read and parsed once."""

    def __init__(self, blueprint: Blueprint) -> None:
        self._blueprint = blueprint
        self._statements: dict[str, tuple[Statement, ...]] = {}
        self._histories: dict[str, Mapping[str, Version]] = {}
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
        recorded = tuple(self.weighed(claim, each) for each in claim.evidence)
        nearest, more = 0, tuple[Weighed, ...]()
        if fresh:
            self._load_tips()
            nearest, found = self._found(claim, only)
            more = kept([each for each in found if each.evidence not in claim.evidence], recorded)
        said, read = self.contradictions(claim)
        return Case((*recorded, *more), said, read, nearest), more

    def weighed(self, claim: Claim, evidence: Evidence) -> Weighed:
        """A recorded piece of evidence, looked up again."""
        version = self._history(evidence.session).get(evidence.commit)
        problem = self._problem(evidence, version)
        if problem or version is None:
            return Weighed(evidence, problem=problem)
        tip = self.tips[evidence.session]
        now = self._overlap(claim, tip.blobs.get(evidence.stage, ""))
        return Weighed(
            evidence,
            version.committed,
            version.day,
            self._overlap(claim, evidence.blob),
            dropped=now < THRESHOLD,
        )

    def contradictions(self, claim: Claim) -> tuple[tuple[Contradiction, ...], int]:
        """What the feedback of all sessions says against the claim, and how many documents were read."""
        blobs = {session: tip.blobs[FEEDBACK] for session, tip in self.tips.items() if FEEDBACK in tip.blobs}
        self._load(blobs.values())
        said = [
            found
            for session, blob in blobs.items()
            if blob in self._data
            for found in contradictions(claim.id, claim.text, session, self.statements(blob))
        ]
        return tuple(said), sum(1 for blob in blobs.values() if blob in self._data)

    def statements(self, blob: str) -> tuple[Statement, ...]:
        """What a document states; nothing where it cannot be read."""
        if blob not in self._statements:
            self._load((blob,))
            self._statements[blob] = statements_of(self._data.get(blob, b""))
        return self._statements[blob]

    def documents(self, only: str = "") -> Iterator[tuple[str, str, str]]:
        """(session, stage, blob) of all documents that can bear out a claim; in `only`, if it is given."""
        self._load_tips()
        wanted = [session for session in self.sessions if only in ("", session)]
        for number, session in enumerate(wanted, 1):
            blobs = self.tips[session].blobs
            yield from ((session, stage, blobs[stage]) for stage in STAGES if stage in blobs)
            self._blueprint.on_progress(number, len(wanted))

    def run(self, claim: Claim, session: str, stage: str) -> list[Weighed]:
        """The oldest and the newest evidence of how long that document has said so; [] if it does not now."""
        history = self._history(session)
        self._load({version.blobs[stage] for version in history.values() if stage in version.blobs})
        found = standing_run(
            history, self.tips[session].commit, stage, lambda blob: self._overlap(claim, blob) >= THRESHOLD
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
        nearest, found = 0, []
        for session, stage, blob in self.documents(only):
            here = self._overlap(claim, blob)
            nearest = max(nearest, here)
            if here >= THRESHOLD:
                found += self.run(claim, session, stage)
        return nearest, found

    def _overlap(self, claim: Claim, blob: str) -> int:
        if not blob:
            return 0
        self._load((blob,))
        data = self._data.get(blob, b"")
        words = words_of(claim.text)
        if not may_share(words, data):
            return 0
        return best_overlap(words, (each.text for each in self.statements(blob)))

    def _problem(self, evidence: Evidence, version: Version | None) -> str:
        if evidence.session not in self.tips:
            return f"session {evidence.session} has no ledger here"
        if version is None:
            return f"commit {evidence.commit[:10]} is not in the ledger of {evidence.session}"
        if version.blobs.get(evidence.stage) != evidence.blob:
            return f"commit {evidence.commit[:10]} does not hold document {evidence.blob[:10]}"
        self._load((evidence.blob,))
        if evidence.blob not in self._data:
            return f"document {evidence.blob[:10]} is missing or damaged"
        return ""

    def _history(self, session: str) -> Mapping[str, Version]:
        if session not in self._histories:
            documents = self._blueprint.documents
            self._histories[session] = (
                documents.history(self._blueprint.project, session) if session in self.tips else {}
            )
        return self._histories[session]

    def _load_tips(self) -> None:
        self._load(blob for session in self.sessions for blob in self.tips[session].blobs.values())

    def _load(self, blobs: Iterable[str]) -> None:
        wanted = dict.fromkeys(blob for blob in blobs if blob not in self._data)
        if wanted:
            self._data.update(self._blueprint.documents.contents(wanted))
