"""`idse blueprint`: grow the blueprint by claims that sessions bear out; claims for people and as data."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.claims import change, review
from idse_orchestrator.claims.claim import claims_of
from idse_orchestrator.claims.gate import CheckedEvidence, GateTest, failed
from idse_orchestrator.claims.session import LEFT, WRITTEN, blueprint_tip, write_claims
from idse_orchestrator.claims.statements import SECTIONS
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import Style, aligned, wrapped
from idse_orchestrator.cli.options import command, flag, naming_session, required_reason
from idse_orchestrator.cli.terminal import Answer, Progress, Run, Said, Warned
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from idse_orchestrator.claims.claim import Claim, Evidence

_READ_AT_MOST = 8192
_SHOWN = 20
_INDENT = " " * 14

claim_argument = click.argument("claim", metavar="CLAIM", shell_complete=options.claims)
dry_run_option = flag("--dry-run", help="Say what would happen, and write nothing.")


@command("declare", reads=True)
@click.argument("text", metavar="TEXT")
@click.option(
    "--section", default="", metavar="NAME", help=f"What it is about: {', '.join(SECTIONS)}; or nothing."
)
@dry_run_option
def _declare(run: Run, text: str, section: str, *, dry_run: bool) -> Answer:
    """Declare a claim: one statement that should hold for the whole project.

    Nothing bears it out yet; promote it when it does. TEXT may be - to read it from standard input.
    The claim's id is made of its words, so the same statement declared in two clones is one claim.
    """
    if text == "-":
        text = sys.stdin.buffer.read(_READ_AT_MOST).decode("utf-8", "surrogateescape").removesuffix("\n")
    done = change.declare(run.app.blueprint(run.project), text, section, dry_run=dry_run)
    return _changed(done, _change_lines(done, "declare", dry_run=dry_run))


@command("candidates", reads=True)
@click.option(
    "-n", "limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="Show so many at most."
)
def _candidates(run: Run, limit: int) -> Answer:
    """List statements that stand in documents of two sessions or more, and are no claim yet.

    Looked at are list items and sentences under headings for requirements, constraints and decisions, in
    the newest documents of every ledger here. Two are the same where their words are, in the same order,
    without case, punctuation, fillers such as "the", and labels such as FR-1. No model is asked.
    """
    with Progress(run.terminal, "sessions read") as progress:
        found = review.candidates(run.app.blueprint(run.project, progress), limit)
    return Answer(
        "idse.blueprint-candidates/1",
        lambda: {"total": found.total, "candidates": [_candidate_data(each) for each in found.shown]},
        _candidate_lines(run, found),
    )


def _candidate_lines(run: Run, found: review.Candidates) -> Iterator[str]:
    for each in found.shown:
        yield from _candidate_rows(each, run.terminal.style)
    if found.total > len(found.shown):
        yield Said(f"{found.total - len(found.shown)} more: -n {found.total}")
    if found.total:
        yield Said('to take one up: idse blueprint declare "TEXT"')
    else:
        read = f"read: {counted(found.documents, 'document')} of {counted(found.sessions, 'session')}"
        yield Said(f"nothing recurs in two sessions that is not a claim already ({read})")


@command("promote", reads=True)
@claim_argument
@click.option("-m", "reason", default="", metavar="WHY", help="Why; needed where it was demoted.")
@dry_run_option
def _promote(run: Run, claim: str, reason: str, *, dry_run: bool) -> Answer:
    """Make a claim count for the whole project, if it passes the promotion gate.

    The gate looks at ledgers alone: evidence that can be read, of at least two sessions and two stages,
    whose commits lie seven days or more apart, whose documents have at least 75 % of the claim's words in
    one statement, and no feedback that contradicts. It exits with 1 and names each test that failed.
    """
    with Progress(run.terminal, "sessions read") as progress:
        done = change.promote(run.app.blueprint(run.project, progress), claim, reason, dry_run=dry_run)

    def lines() -> Iterator[str]:
        if done.tests:
            yield from _gate_table(done.tests, run.terminal.style)
        yield from _change_lines(done, "promote", dry_run=dry_run)

    return _changed(done, lines())


@command("reinforce", reads=True)
@claim_argument
@naming_session("--session", help="Look at the documents of this session only.")
@dry_run_option
def _reinforce(run: Run, claim: str, session: str | None, *, dry_run: bool) -> Answer:
    """Add what the ledgers hold by now to the evidence of a claim."""
    project, name = (run.project, "") if session is None else run.session(session)
    with Progress(run.terminal, "sessions read") as progress:
        done = change.reinforce(run.app.blueprint(project, progress), claim, name, dry_run=dry_run)

    def lines() -> Iterator[str]:
        if not done.changed:
            yield Said(f"nothing new bears out {done.claim.id}")
            return
        yield from _change_lines(done, "reinforce", dry_run=dry_run)
        for each in done.added:
            name = f"{each.evidence.stage} of {each.evidence.session}"
            yield Said(f"  {each.evidence.commit[:10]}  {each.day}  {each.overlap:3} %  {name}")

    return _changed(done, lines())


@command("demote", reads=True)
@claim_argument
@required_reason("Why; it stays in history with the claim.")
@dry_run_option
def _demote(run: Run, claim: str, reason: str, *, dry_run: bool) -> Answer:
    """Take a claim back. It stays in history, and can be promoted again when its evidence is sound."""
    done = change.demote(run.app.blueprint(run.project), claim, reason, dry_run=dry_run)
    return _changed(done, _change_lines(done, "demote", dry_run=dry_run))


@command("claims", reads=True)
@flag("--all", "every", help="Also those that were demoted.")
@flag("--write", help="Write the block of claims in blueprint.md anew.")
@flag("--force", help="With --write: also over a block that was edited by hand.")
@flag("--dry-run", help="With --write: say what would happen, and write nothing.")
def _claims(run: Run, *, every: bool, write: bool, force: bool, dry_run: bool) -> Answer:
    """List the claims of the blueprint: promoted ones first, then those that are only declared."""
    if (force or dry_run) and not write:
        raise UsageError("--force and --dry-run are about --write", fix=("idse blueprint claims --write",))
    own = run.app.blueprint(run.project)
    block = None
    if write:
        block = write_claims(own, claims_of(blueprint_tip(own).state), force=force, dry_run=dry_run)
    found = review.claims(own, every=every)

    def lines() -> Iterator[str]:
        for claim in found:
            yield from _claim_rows(claim, run.terminal.style)
        if not found:
            yield Said('no claims yet: idse blueprint candidates, or idse blueprint declare "TEXT"')
        if block is not None:
            done = {WRITTEN: "would write" if dry_run else "wrote"}.get(block.status, "up to date:")
            yield Said(f"{done} {block.path}")

    return Answer(
        "idse.blueprint-claims/1", lambda: {"claims": [_claim_data(each) for each in found]}, lines()
    )


@command("verify", reads=True)
def _verify(run: Run) -> Answer:
    """Hold every promoted claim against its evidence and all feedback, as they are now.

    Exits with 1 where one no longer holds: its evidence is gone or damaged, sessions took the statement
    out of their documents, or feedback contradicts. It changes nothing; demote what does not hold.
    """
    found = review.verify(run.app.blueprint(run.project))
    return Answer(
        "idse.blueprint-verify/1",
        lambda: {
            "holds": found.holds,
            "claims": [_verdict_data(verdict) for verdict in found.verdicts],
            "block": {"path": found.block.path, "problem": review.is_out_of_date(found.block)},
        },
        _verification_lines(run, found),
        code=EXIT_OK if found.holds else EXIT_CHECK_FAILED,
    )


def _verification_lines(run: Run, found: review.Verification) -> Iterator[str]:
    for verdict in found.verdicts:
        yield from _verdict_rows(verdict, run.terminal.style)
    if not found.verdicts:
        yield Said("no claim is promoted: there is nothing to verify")
    problem = review.is_out_of_date(found.block)
    if problem:
        yield Warned(f"{found.block.path}: {problem}; idse blueprint claims --write")
    for verdict in found.verdicts:
        if not verdict.holds:
            yield Said(f"if it is over: idse blueprint demote {verdict.claim.id} -m WHY")


def _verdict_rows(verdict: review.Verdict, style: Style) -> Iterator[str]:
    """Yields a line for a promoted claim, and below it why it does not hold any more."""
    word = style.green("holds") if verdict.holds else style.red("does not hold")
    yield f"{style.cyan(verdict.claim.id)}  {word}  {printable(verdict.claim.text)}"
    for test in failed(verdict.tests):
        yield f"{_INDENT}{test.name}: {printable(test.found)}; wanted: {printable(test.wanted)}"
    for each in verdict.contradictions:
        yield f"{_INDENT}{each.session}/feedback:{each.line}  {printable(each.text)}"


def _gate_table(tests: Sequence[GateTest], style: Style) -> list[str]:
    rows = [(test.name, "passed" if test.passed else "failed", test.found, test.wanted) for test in tests]
    head, *lines = aligned([("test", "", "found", "wanted"), *(tuple(map(printable, row)) for row in rows)])
    marked = [line if test.passed else style.red(line) for line, test in zip(lines, tests, strict=True)]
    return [style.bold(head), *marked]


def _claim_rows(claim: Claim, style: Style) -> list[str]:
    section = f" · {claim.section}" if claim.section else ""
    by = f" · since {claim.at[:10]} by {printable(claim.by)}"
    why = wrapped(printable(claim.reason), _INDENT, f"{_INDENT}because: ", 100) if claim.reason else []
    facts = f"{_INDENT}{claim.status}{section} · {_evidence_words(claim.evidence)}{by}"
    return [*_statement(claim, style), facts, *why]


def _candidate_rows(candidate: review.Candidate, style: Style) -> list[str]:
    missing = [test.name for test in failed(candidate.tests)]
    days = next((test.found.partition(" (")[0] for test in candidate.tests if test.name == "stability"), "")
    gate = f"not yet: {', '.join(missing)}" if missing else "would pass the gate"
    known = f" · was {candidate.known}" if candidate.known else ""
    sessions, stages = len(candidate.sessions), len(candidate.stages)
    spread = f"{counted(sessions, 'session')} · {counted(stages, 'stage')} · {days}"
    facts = f"{_INDENT}{candidate.claim.section} · {spread} · {gate}{known}"
    return [*_statement(candidate.claim, style), facts]


def _statement(claim: Claim, style: Style) -> list[str]:
    first, *others = wrapped(printable(claim.text), _INDENT, f"{claim.id}  ", 100)
    return [first.replace(claim.id, style.cyan(claim.id), 1), *others]


def _evidence_words(evidence: Sequence[Evidence]) -> str:
    if not evidence:
        return "no evidence yet"
    sessions = {each.session for each in evidence}
    stages = {each.stage for each in evidence}
    entries = counted(len(evidence), "piece") + " of evidence"
    return f"{entries} from {counted(len(sessions), 'session')}, {counted(len(stages), 'stage')}"


def _change_lines(done: change.Changed, verb: str, *, dry_run: bool) -> Iterator[str]:
    words = f"would {verb}" if dry_run else f"{verb}d"
    yield Said(f"{words if done.changed else f'{verb}d already:'} {done.claim.id}: {done.claim.text}")
    if done.block is not None and done.block.status == LEFT:
        left = f"{done.block.path} was not written: {done.block.why}"
        yield Warned(f"{left}; then: idse blueprint claims --write")


def _changed(done: change.Changed, lines: Iterator[str]) -> Answer:
    return Answer(
        "idse.blueprint-change/1",
        lambda: {
            "claim": _claim_data(done.claim),
            "changed": done.changed,
            "gate": _gate_data(done.tests),
            "added": [_evidence_data(each) for each in done.added],
        },
        lines,
    )


def _claim_data(claim: Claim) -> dict[str, object]:
    return {
        **picked(claim, "id text section status at by event reason"),
        "evidence": [each._asdict() for each in claim.evidence],
    }


def _candidate_data(candidate: review.Candidate) -> dict[str, object]:
    return {
        **picked(candidate.claim, "id text section"),
        **picked(candidate, "known sessions stages"),
        "evidence": [_evidence_data(each) for each in candidate.evidence],
        "gate": _gate_data(candidate.tests),
    }


def _verdict_data(verdict: review.Verdict) -> dict[str, object]:
    return {
        **picked(verdict.claim, "id text"),
        "holds": verdict.holds,
        "gate": _gate_data(verdict.tests),
        "evidence": [_evidence_data(each) for each in verdict.evidence],
        "contradictions": [each._asdict() for each in verdict.contradictions],
    }


def _evidence_data(checked: CheckedEvidence) -> dict[str, object]:
    return {
        **checked.evidence._asdict(),
        "date": checked.day,
        **picked(checked, "overlap counts dropped problem"),
    }


def _gate_data(tests: Sequence[GateTest]) -> list[Mapping[str, object]]:
    return [test._asdict() for test in tests]


blueprint = options.Group(
    "blueprint",
    commands=[_declare, _candidates, _promote, _reinforce, _demote, _claims, _verify],
    help="Grow the blueprint by claims that sessions bear out.",
)
