"""Reviews claims: those that are known, those that could be declared, and whether they still hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.claims.claim import DEMOTED, PROMOTED, Claim, claims_of
from idse_orchestrator.claims.gate import Case, CheckedEvidence, GateTest, failed, gate_tests
from idse_orchestrator.claims.search import EvidenceSearch
from idse_orchestrator.claims.session import (
    LEFT,
    WRITTEN,
    BlockOutcome,
    Blueprint,
    blueprint_tip,
    show_claims_in_file,
)
from idse_orchestrator.claims.statements import Contradiction
from idse_orchestrator.claims.words import LONGEST, claim_id, unlabelled, words_of

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
    evidence: Sequence[CheckedEvidence]
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
    evidence: Sequence[CheckedEvidence]
    contradictions: Sequence[Contradiction]
    tests: Sequence[GateTest]

    @property
    def holds(self) -> bool:
        """True if every test of the gate still passes."""
        return not failed(self.tests)


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of `verify`; `block` is what would be done to blueprint.md."""

    verdicts: Sequence[Verdict]
    block: BlockOutcome

    @property
    def holds(self) -> bool:
        """True if every promoted claim holds."""
        return all(verdict.holds for verdict in self.verdicts)


def claims(blueprint: Blueprint, *, every: bool) -> Sequence[Claim]:
    """Returns the claims of the blueprint, promoted ones first; demoted ones only if `every`."""
    known = claims_of(blueprint_tip(blueprint).state).values()
    order = {PROMOTED: 0, DEMOTED: 2}
    wanted = [claim for claim in known if every or claim.status != DEMOTED]
    return sorted(wanted, key=lambda claim: (order.get(claim.status, 1), claim.section, claim.text, claim.id))


def verify(blueprint: Blueprint) -> Verification:
    """Holds every promoted claim against its evidence and all feedback, as they are now."""
    known = claims_of(blueprint_tip(blueprint).state)
    search = EvidenceSearch(blueprint)
    promoted = [claim for claim in claims(blueprint, every=False) if claim.status == PROMOTED]
    verdicts = [_verdict(search, claim) for claim in promoted]
    return Verification(verdicts, show_claims_in_file(blueprint, known, dry_run=True))


def is_out_of_date(block: BlockOutcome) -> str:
    """Tells what is wrong with the block of blueprint.md, in words; "" where nothing is."""
    if block.status == WRITTEN:
        return "it does not show the claims as they are"
    return block.why if block.status == LEFT else ""


def candidates(blueprint: Blueprint, limit: int) -> Candidates:
    """Statements that stand in documents of two sessions or more, and are no claim yet.

    Two statements are the same where their words are, in the same order; see `claims.words.words_of`.
    """
    known = claims_of(blueprint_tip(blueprint).state)
    search = EvidenceSearch(blueprint)
    documents = list(search.documents())
    recurring = _recurring(search, documents)
    wanted = [group for group in recurring if _status(known, group) in ("", DEMOTED)]
    shown = [_candidate(search, group, _status(known, group)) for group in wanted[:limit]]
    return Candidates(shown, len(wanted), len({session for session, _, _ in documents}), len(documents))


def _verdict(search: EvidenceSearch, claim: Claim) -> Verdict:
    case, _ = search.case(claim, fresh=False)
    named = GateTest(
        "name", claim.id == claim_id(claim.text), "its id is not that of its words", "the id of its words"
    )
    tests = gate_tests(case) if named.passed else (named, *gate_tests(case))
    return Verdict(claim, case.checked, case.contradictions, tests)


class _Found(NamedTuple):
    """A statement at one place."""

    text: str
    kind: str
    session: str
    stage: str


class _Group(NamedTuple):
    """One statement, in the words most often used for it, and where it stands: (session, stage)."""

    text: str
    kind: str
    sessions: Sequence[str]
    stages: Sequence[str]
    places: set[tuple[str, str]]


def _recurring(search: EvidenceSearch, documents: Iterable[tuple[str, str, str]]) -> list[_Group]:
    """Returns the statements of more than one session, those of most sessions first."""
    found: dict[tuple[str, ...], list[_Found]] = {}
    for session, stage, blob in documents:
        for text, kind in _claimable(search, blob):
            found.setdefault(words_of(text).listed, []).append(_Found(text, kind, session, stage))
    groups = [_group(each) for each in found.values() if any(one.session != each[0].session for one in each)]
    return sorted(groups, key=lambda group: (-len(group.sessions), -len(group.stages), group.text))


def _group(found: Sequence[_Found]) -> _Group:
    texts = Counter(each.text for each in found)
    kinds = Counter(each.kind for each in found)
    return _Group(
        # of equals the first in order, small letters before capitals
        min(texts, key=lambda text: (-texts[text], text.swapcase())),
        min(kinds, key=lambda kind: (-kinds[kind], kind)),
        sorted({each.session for each in found}),
        sorted({each.stage for each in found}),
        {(each.session, each.stage) for each in found},
    )


def _claimable(search: EvidenceSearch, blob: str) -> Iterator[tuple[str, str]]:
    """Text and section of each statement that could be a claim."""
    for statement in search.statements(blob):
        if statement.kind and statement.asserts:
            text = unlabelled(statement.text)
            if len(text) <= LONGEST and len(words_of(text).unique) >= FEWEST_WORDS:
                yield text, statement.kind


def _status(known: Mapping[str, Claim], group: _Group) -> str:
    claim = known.get(claim_id(group.text))
    return claim.status if claim else ""


def _some(places: Iterable[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """Returns a place of each stage, and of as many sessions as are enough: there may be thousands."""
    order = sorted(places)
    stages = {stage: (session, stage) for session, stage in reversed(order)}
    sessions = {session: (session, stage) for session, stage in reversed(order)}
    spread = list(sessions.values())
    return list(dict.fromkeys((*stages.values(), *spread[-_ENOUGH:], *spread[:_ENOUGH])))


def _candidate(search: EvidenceSearch, group: _Group, known: str) -> Candidate:
    claim = Claim(claim_id(group.text), group.text, group.kind)
    found = search.runs(claim, _some(group.places))
    evidence = sorted(found, key=lambda each: (each.committed, each.evidence))
    said, read = search.contradictions(claim)
    tests = gate_tests(Case(evidence, said, read))
    return Candidate(claim, group.sessions, group.stages, evidence, tests, known)
