"""Look at claims: those that are known, those that could be declared, and whether they still hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.claims.claim import DEMOTED, PROMOTED, Claim, claims_of
from idse_orchestrator.claims.gate import Case, Contradiction, GateTest, Weighed, failed, gate_tests
from idse_orchestrator.claims.session import LEFT, WRITTEN, BlockOutcome, blueprint_tip, show_claims_in_file
from idse_orchestrator.claims.weighing import Weighing
from idse_orchestrator.claims.words import LONGEST, claim_id, unlabelled, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.claims.session import Blueprint

FEWEST_WORDS = 3
"""A statement of fewer words recurs by chance."""

_ENOUGH = 10
"""Of so many sessions at each end of the alphabet the history is read for a candidate, at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement that recurs: the claim it would be, where it stands, and what the gate says of it now.

    `evidence` is that of some of the `sessions` only, where there are many. `known` is the status of that
    claim where it was declared before, else "".
    """

    claim: Claim
    sessions: Sequence[str]
    stages: Sequence[str]
    evidence: Sequence[Weighed]
    tests: Sequence[GateTest]
    known: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The first of the candidates, the strongest first, and how many there are in all."""

    shown: Sequence[Candidate]
    total: int
    sessions: int
    documents: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """A promoted claim held against the ledgers again, with every test of the gate."""

    claim: Claim
    evidence: Sequence[Weighed]
    contradictions: Sequence[Contradiction]
    tests: Sequence[GateTest]

    @property
    def holds(self) -> bool:
        """Whether every test of the gate still passes."""
        return not failed(self.tests)


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found; `block` is what would be done to blueprint.md."""

    verdicts: Sequence[Verdict]
    block: BlockOutcome

    @property
    def holds(self) -> bool:
        """Whether every promoted claim holds."""
        return all(verdict.holds for verdict in self.verdicts)


def claims(blueprint: Blueprint, *, every: bool) -> Sequence[Claim]:
    """The claims of the blueprint, promoted ones first; demoted ones only if `every`."""
    known = claims_of(blueprint_tip(blueprint).state).values()
    order = {PROMOTED: 0, DEMOTED: 2}
    wanted = [claim for claim in known if every or claim.status != DEMOTED]
    return sorted(wanted, key=lambda claim: (order.get(claim.status, 1), claim.section, claim.text, claim.id))


def verify(blueprint: Blueprint) -> Verification:
    """Hold every promoted claim against its evidence and all feedback, as they are now."""
    known = claims_of(blueprint_tip(blueprint).state)
    weighing = Weighing(blueprint)
    promoted = [claim for claim in claims(blueprint, every=False) if claim.status == PROMOTED]
    verdicts = [_verdict(weighing, claim) for claim in promoted]
    return Verification(verdicts, show_claims_in_file(blueprint, known, dry_run=True))


def is_out_of_date(block: BlockOutcome) -> str:
    """What is wrong with the block of blueprint.md, in words; "" where nothing is."""
    if block.status == WRITTEN:
        return "it does not show the claims as they are"
    return block.why if block.status == LEFT else ""


def candidates(blueprint: Blueprint, limit: int) -> Candidates:
    """Statements that stand in documents of two sessions or more, and are no claim yet.

    Two statements are the same where their words are, in the same order; see `claims.words.words_of`.
    """
    known = claims_of(blueprint_tip(blueprint).state)
    weighing = Weighing(blueprint)
    documents = list(weighing.documents())
    recurring = _recurring(weighing, documents)
    wanted = [group for group in recurring if _status(known, group) in ("", DEMOTED)]
    shown = [_candidate(weighing, group, _status(known, group)) for group in wanted[:limit]]
    return Candidates(shown, len(wanted), len({session for session, _, _ in documents}), len(documents))


def _verdict(weighing: Weighing, claim: Claim) -> Verdict:
    case, _ = weighing.case(claim, fresh=False)
    named = GateTest(
        "name", claim.id == claim_id(claim.text), "its id is not that of its words", "the id of its words"
    )
    tests = gate_tests(case) if named.passed else (named, *gate_tests(case))
    return Verdict(claim, case.weighed, case.contradictions, tests)


class _Found(NamedTuple):
    """A statement at one place."""

    text: str
    kind: str
    place: tuple[str, str]


class _Group:
    """One statement, and where it stands: (session, stage)."""

    def __init__(self) -> None:
        self._texts: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self.places: dict[tuple[str, str], None] = {}

    def add(self, found: _Found) -> None:
        self._texts[found.text] += 1
        self._kinds[found.kind] += 1
        self.places[found.place] = None

    @property
    def text(self) -> str:
        """The words most often used for it; of equals the first in order, small letters before capitals."""
        return min(self._texts, key=lambda text: (-self._texts[text], text.swapcase()))

    @property
    def kind(self) -> str:
        return min(self._kinds, key=lambda kind: (-self._kinds[kind], kind))

    @property
    def sessions(self) -> Sequence[str]:
        return sorted({session for session, _ in self.places})

    @property
    def stages(self) -> Sequence[str]:
        return sorted({stage for _, stage in self.places})


def _recurring(weighing: Weighing, documents: Iterable[tuple[str, str, str]]) -> list[_Group]:
    """Statements of more than one session, those of most sessions first. Most are met once, and kept so."""
    once: dict[tuple[str, ...], _Found] = {}
    groups: dict[tuple[str, ...], _Group] = {}
    for session, stage, blob in documents:
        for text, kind in _claimable(weighing, blob):
            key, found = words_of(text).listed, _Found(text, kind, (session, stage))
            first = once.setdefault(key, found)
            if first is not found:
                if key not in groups:
                    groups[key] = _Group()
                    groups[key].add(first)
                groups[key].add(found)
    recurring = [group for group in groups.values() if len(group.sessions) > 1]
    return sorted(recurring, key=lambda group: (-len(group.sessions), -len(group.stages), group.text))


def _claimable(weighing: Weighing, blob: str) -> Iterator[tuple[str, str]]:
    """Text and section of each statement that could be a claim."""
    for statement in weighing.statements(blob):
        if statement.kind and statement.asserts:
            text = unlabelled(statement.text)
            if len(text) <= LONGEST and len(words_of(text).unique) >= FEWEST_WORDS:
                yield text, statement.kind


def _status(known: Mapping[str, Claim], group: _Group) -> str:
    claim = known.get(claim_id(group.text))
    return claim.status if claim else ""


def _some(places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """One place of each stage, and of some sessions, as many as are enough: there may be thousands."""
    order = sorted(places)
    stages = {stage: (session, stage) for session, stage in reversed(order)}
    sessions = {session: (session, stage) for session, stage in reversed(order)}
    spread = list(sessions.values())
    return list(dict.fromkeys((*stages.values(), *spread[-_ENOUGH:], *spread[:_ENOUGH])))


def _candidate(weighing: Weighing, group: _Group, known: str) -> Candidate:
    claim = Claim(claim_id(group.text), group.text, group.kind)
    found = weighing.runs(claim, _some(group.places))
    evidence = sorted(found, key=lambda each: (each.committed, each.evidence))
    said, read = weighing.contradictions(claim)
    tests = gate_tests(Case(evidence, said, read))
    return Candidate(claim, group.sessions, group.stages, evidence, tests, known)
