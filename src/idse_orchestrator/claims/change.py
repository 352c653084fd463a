"""Declares, promotes, reinforces and demotes a claim: each is one event in the blueprint's ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from idse_orchestrator.base.text import encodable, few, one_line
from idse_orchestrator.claims.claim import (
    DECLARE,
    DEMOTE,
    DEMOTED,
    PROMOTE,
    PROMOTED,
    REINFORCE,
    Claim,
    claims_of,
)
from idse_orchestrator.claims.gate import MOST_AT_ONCE, CheckedEvidence, GateTest, failed, gate_tests
from idse_orchestrator.claims.search import EvidenceSearch
from idse_orchestrator.claims.session import (
    LEFT,
    BlockOutcome,
    Blueprint,
    append,
    blueprint_tip,
    known_claim,
    shortened,
    show_claims_in_file,
)
from idse_orchestrator.claims.statements import SECTIONS
from idse_orchestrator.claims.words import claim_id, claim_text
from idse_orchestrator.errors import ClaimDeniedError, ConflictError, IdseError, UnknownNameError, UsageError
from idse_orchestrator.ledger.events import CLAIMED, Draft
from idse_orchestrator.pipeline.values import SessionTip


@dataclass(frozen=True, slots=True)
class Changed:
    """`claim` as it stands now; `changed` is False where there was nothing to do.

    `tests` are those of the gate, `added` the new evidence, `block` what became of blueprint.md (None: it
    was only asked what would happen).
    """

    claim: Claim
    changed: bool
    tests: Sequence[GateTest] = ()
    added: Sequence[CheckedEvidence] = ()
    block: BlockOutcome | None = None


def declare(blueprint: Blueprint, text: str, section: str = "", *, dry_run: bool = False) -> Changed:
    """Records a claim that nothing bears out yet. The same statement twice is one claim."""
    clean = claim_text(text)
    if section and section not in SECTIONS:
        raise UnknownNameError(
            f"there is no section {one_line(section)!r}", cause="sections: " + ", ".join(SECTIONS)
        )
    name = claim_id(clean)

    def plan(tip: SessionTip) -> Draft | None:
        known = claims_of(tip.state).get(name)
        if known is not None and known.status == DEMOTED:
            raise _demoted(known, "was declared, and demoted since")
        body = {"action": DECLARE, "claim": name, "text": clean, "section": section}
        return None if known else Draft(CLAIMED, body)

    return _done(blueprint, Claim(name, clean, section), plan, dry_run=dry_run)


def promote(blueprint: Blueprint, name: str, reason: str = "", *, dry_run: bool = False) -> Changed:
    """Makes a claim count, if the gate says so; ClaimDeniedError with the tests that failed if not."""
    claim = _known(blueprint, name)
    if claim.status == PROMOTED:
        return Changed(claim, changed=False)
    why = encodable(reason).strip()
    if claim.status == DEMOTED and not why:
        raise _demoted(claim, "was demoted, so to promote it again needs a reason")
    search = EvidenceSearch(blueprint)
    # What bore out a claim that was demoted may be gone: it is promoted on evidence that is looked up anew.
    before = claim._replace(evidence=()) if claim.status == DEMOTED else claim
    case, added = search.case(before, fresh=True)
    tests = gate_tests(case)
    if failed(tests):
        raise denied(claim, tests, {each.session for each in claim.evidence} - search.tips.keys())
    carried = [each.evidence for each in added] or before.evidence[:MOST_AT_ONCE]

    def plan(tip: SessionTip) -> Draft | None:
        now = claims_of(tip.state).get(claim.id, claim)
        if now.status == PROMOTED:
            return None
        if now.demotions != claim.demotions:
            raise ConflictError(
                f"{claim.id} was demoted meanwhile",
                cause=f"because: {now.reason}",
                fix=(
                    "idse blueprint claims --all",
                    f"idse blueprint promote {claim.id}  # if it holds still",
                ),
            )
        body = {
            "action": PROMOTE,
            "claim": claim.id,
            "evidence": [each._asdict() for each in carried],
            "demotions": dict(now.demotions),
            "gate": {test.name: test.found for test in tests},
            **({"reason": why} if why else {}),
        }
        return Draft(CLAIMED, body)

    return replace(_done(blueprint, claim, plan, dry_run=dry_run), tests=tests, added=added)


def reinforce(blueprint: Blueprint, name: str, session: str = "", *, dry_run: bool = False) -> Changed:
    """Adds what the ledgers hold by now to the evidence of a claim; of one `session` only, if it is named."""
    claim = _known(blueprint, name)
    if claim.status == DEMOTED:
        raise _demoted(claim, "was demoted, so there is nothing to reinforce")
    search = EvidenceSearch(blueprint)
    if session and session not in search.sessions:
        raise UnknownNameError(
            f"session {one_line(session)!r} has no ledger here that could bear out a claim",
            cause="evidence is in ledgers that this clone has; the blueprint cannot bear out itself",
            fix=("idse sync pull  # where another clone has it", "idse session list"),
        )
    added = search.case(claim, fresh=True, only=session)[1]

    def plan(tip: SessionTip) -> Draft | None:
        new = [
            each.evidence
            for each in added
            if each.evidence not in claims_of(tip.state).get(claim.id, claim).evidence
        ]
        body = {"action": REINFORCE, "claim": claim.id, "evidence": [each._asdict() for each in new]}
        return Draft(CLAIMED, body) if new else None

    return replace(_done(blueprint, claim, plan, dry_run=dry_run), added=added)


def demote(blueprint: Blueprint, name: str, reason: str, *, dry_run: bool = False) -> Changed:
    """Takes a claim back. It stays in history with the reason, and can be promoted again."""
    claim = _known(blueprint, name)
    why = encodable(reason).strip()
    if not why:
        raise UsageError(
            "the reason is empty",
            cause="whoever meets the claim in history will want to know why",
            fix=(f'idse blueprint demote {claim.id} -m "why"',),
        )

    def plan(tip: SessionTip) -> Draft | None:
        if claims_of(tip.state).get(claim.id, claim).status == DEMOTED:
            return None
        return Draft(CLAIMED, {"action": DEMOTE, "claim": claim.id, "reason": why})

    return _done(blueprint, claim, plan, dry_run=dry_run)


def _demoted(claim: Claim, words: str) -> UsageError:
    return UsageError(
        f"{claim.id} {words}",
        cause=f"because: {claim.reason}",
        fix=(f'idse blueprint promote {claim.id} -m "why it holds after all"',),
    )


def _known(blueprint: Blueprint, name: str) -> Claim:
    return known_claim(claims_of(blueprint_tip(blueprint).state), name)


def denied(claim: Claim, tests: Sequence[GateTest], away: Collection[str] = ()) -> ClaimDeniedError:
    """Returns the error for a claim that does not pass the gate: each failed test with its figures.

    `away` are sessions that bore it out before, and have no ledger here.
    """
    found = failed(tests)
    lines = [f"{test.name}: {test.found}; wanted: {test.wanted}" for test in found]
    return ClaimDeniedError(
        f"{claim.id} is not promoted: {len(found)} of {len(tests)} tests failed",
        where=shortened(claim.text),
        cause="\n".join(lines),
        fix=_ways_out({test.name for test in found}, claim, away),
    )


def _ways_out(names: set[str], claim: Claim, away: Collection[str]) -> tuple[str, ...]:
    fixes = (
        [f"idse sync pull  # the ledger of {few(sorted(away))} bore it out and is not here"] if away else []
    )
    if "feedback" in names:
        fixes.append(f"idse blueprint demote {claim.id} -m WHY  # or settle what the feedback says")
    if names & {"sessions", "stages", "words"}:
        fixes.append("write it into the documents of the sessions that hold to it, then save them")
    if names == {"stability"}:
        fixes.append("let it stand: later commits of these ledgers count, no clock does")
    return tuple(fixes)


def _done(
    blueprint: Blueprint, planned: Claim, plan: Callable[[SessionTip], Draft | None], *, dry_run: bool
) -> Changed:
    """Appends the event, then shows the claims in blueprint.md; the ledger is the truth, so in this order."""
    written = False

    def watched(tip: SessionTip) -> Draft | None:
        nonlocal written
        draft = plan(tip)
        written = draft is not None
        return draft

    after = append(blueprint, watched, dry_run=dry_run)
    claim = claims_of(after.state).get(planned.id, planned)
    return Changed(claim, written, block=None if dry_run else _shown(blueprint, after))


def _shown(blueprint: Blueprint, tip: SessionTip) -> BlockOutcome:
    try:
        return show_claims_in_file(blueprint, claims_of(tip.state))
    except IdseError as error:  # the event is in the ledger: the view can follow later
        return BlockOutcome(LEFT, error.where or "", error.cause or error.message)
