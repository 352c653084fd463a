"""Claims of a blueprint for people and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import counted
from idse_orchestrator.claims.gate import GateTest, Weighed, failed
from idse_orchestrator.claims.look import Candidate, Candidates, Verification, is_out_of_date
from idse_orchestrator.cli.layout import Style, aligned, printable, wrapped
from idse_orchestrator.cli.terminal import picked

if TYPE_CHECKING:
    from idse_orchestrator.claims.change import Changed
    from idse_orchestrator.claims.claim import Claim, Evidence
    from idse_orchestrator.claims.session import BlockOutcome

_INDENT = " " * 14


def claim_list(claims: Sequence[Claim], style: Style) -> str:
    """Lists each claim with its text, what bears it out, and why it was demoted if it was."""
    return "\n".join(line for claim in claims for line in _claim(claim, style))


def candidate_list(found: Candidates, style: Style) -> str:
    """Lists each candidate with its figures, and the tests it would fail."""
    return "\n".join(line for each in found.shown for line in _candidate(each, style))


def gate_table(tests: Sequence[GateTest], style: Style) -> str:
    """Returns one aligned line for each test of the gate."""
    rows = [(test.name, "passed" if test.passed else "failed", test.found, test.wanted) for test in tests]
    lines = aligned([("test", "", "found", "wanted"), *(tuple(map(printable, row)) for row in rows)])
    marked = [line if test.passed else style.red(line) for line, test in zip(lines[1:], tests, strict=True)]
    return "\n".join([style.bold(lines[0]), *marked])


def verification_page(found: Verification, style: Style) -> str:
    """Returns one line for each promoted claim, and below it why it does not hold any more."""
    lines = []
    for verdict in found.verdicts:
        word = style.green("holds") if verdict.holds else style.red("does not hold")
        lines.append(f"{style.cyan(verdict.claim.id)}  {word}  {printable(verdict.claim.text)}")
        lines += [
            f"{_INDENT}{test.name}: {printable(test.found)}; wanted: {printable(test.wanted)}"
            for test in failed(verdict.tests)
        ]
        lines += [
            f"{_INDENT}{each.session}/feedback:{each.line}  {printable(each.text)}"
            for each in verdict.contradictions
        ]
    return "\n".join(lines)


def claim_data(claim: Claim) -> dict[str, object]:
    """Returns a claim in JSON's own types."""
    return {
        **picked(claim, "id text section status at by event reason"),
        "evidence": [each._asdict() for each in claim.evidence],
    }


def candidate_data(candidate: Candidate) -> dict[str, object]:
    """Returns a candidate in JSON's own types."""
    return {
        **picked(candidate.claim, "id text section"),
        **picked(candidate, "known sessions stages"),
        "evidence": [weighed_data(each) for each in candidate.evidence],
        "gate": gate_data(candidate.tests),
    }


def verification_data(found: Verification) -> dict[str, object]:
    """Returns a verification in JSON's own types."""
    return {
        "holds": found.holds,
        "claims": [
            {
                **picked(verdict.claim, "id text"),
                "holds": verdict.holds,
                "gate": gate_data(verdict.tests),
                "evidence": [weighed_data(each) for each in verdict.evidence],
                "contradictions": [each._asdict() for each in verdict.contradictions],
            }
            for verdict in found.verdicts
        ],
        "block": block_data(found.block),
    }


def changed_data(done: Changed) -> dict[str, object]:
    """Returns a changed claim in JSON's own types."""
    return {
        "claim": claim_data(done.claim),
        "changed": done.changed,
        "gate": gate_data(done.tests),
        "added": [weighed_data(each) for each in done.added],
    }


def weighed_data(weighed: Weighed) -> dict[str, object]:
    """Returns a piece of evidence, and what was found of it."""
    return {
        **weighed.evidence._asdict(),
        "date": weighed.day,
        **picked(weighed, "overlap counts dropped problem"),
    }


def gate_data(tests: Sequence[GateTest]) -> list[Mapping[str, object]]:
    """Returns the tests of a gate."""
    return [test._asdict() for test in tests]


def block_data(block: BlockOutcome) -> dict[str, object]:
    """Returns the problem of the block of claims in blueprint.md ("" : none)."""
    return {"path": block.path, "problem": is_out_of_date(block)}


def evidence_words(evidence: Sequence[Evidence]) -> str:
    """Counts evidence in words."""
    if not evidence:
        return "no evidence yet"
    sessions = {each.session for each in evidence}
    stages = {each.stage for each in evidence}
    entries = counted(len(evidence), "piece") + " of evidence"
    return f"{entries} from {counted(len(sessions), 'session')}, {counted(len(stages), 'stage')}"


def _claim(claim: Claim, style: Style) -> list[str]:
    section = f" · {claim.section}" if claim.section else ""
    by = f" · since {claim.at[:10]} by {printable(claim.by)}"
    lines = [
        *wrapped(printable(claim.text), _INDENT, f"{claim.id}  ", 100),
        f"{_INDENT}{claim.status}{section} · {evidence_words(claim.evidence)}{by}",
    ]
    if claim.reason:
        lines += wrapped(printable(claim.reason), _INDENT, f"{_INDENT}because: ", 100)
    return [lines[0].replace(claim.id, style.cyan(claim.id), 1), *lines[1:]]


def _candidate(candidate: Candidate, style: Style) -> list[str]:
    claim = candidate.claim
    missing = [test.name for test in failed(candidate.tests)]
    days = next((test.found.partition(" (")[0] for test in candidate.tests if test.name == "stability"), "")
    gate = f"not yet: {', '.join(missing)}" if missing else "would pass the gate"
    known = f" · was {candidate.known}" if candidate.known else ""
    sessions, stages = len(candidate.sessions), len(candidate.stages)
    spread = f"{counted(sessions, 'session')} · {counted(stages, 'stage')} · {days}"
    lines = [
        *wrapped(printable(claim.text), _INDENT, f"{claim.id}  ", 100),
        f"{_INDENT}{claim.section} · {spread} · {gate}{known}",
    ]
    return [lines[0].replace(claim.id, style.cyan(claim.id), 1), *lines[1:]]
