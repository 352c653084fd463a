"""The promotion gate: what must hold before a claim counts as something the whole project agreed on.

Pure and without a clock: it looks at evidence that was weighed before, so it says the same in every clone
that has the same ledgers, today and in a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.text import counted
from idse_orchestrator.claims.words import THRESHOLD

if TYPE_CHECKING:
    from idse_orchestrator.claims.claim import Evidence


class Contradiction(NamedTuple):
    """A line of a session's feedback that says a claim does not hold."""

    session: str
    line: int
    text: str


SESSIONS = 2
STAGES = 2
DAYS = 7

_DAY = 86_400
STABLE = DAYS * _DAY
"""The same in seconds."""


class Weighed(NamedTuple):
    """One piece of evidence, looked up in the ledgers.

    `committed` is the Unix time at which its ledger commit was made and `day` the same as an ISO date,
    `overlap` how many percent of the claim's words its document has. `problem` says why it cannot be read,
    `dropped` that the session has since taken the statement out of that stage's document; either way it
    does not count.
    """

    evidence: Evidence
    committed: int = 0
    day: str = ""
    overlap: int = 0
    problem: str = ""
    dropped: bool = False

    @property
    def counts(self) -> bool:
        """Whether the gate may lean on it."""
        return not self.problem and not self.dropped and self.overlap >= THRESHOLD


class GateTest(NamedTuple):
    """One test of the gate: what was found, and what was wanted."""

    name: str
    passed: bool
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Case:
    """A claim before the gate: its evidence, what speaks against it, and in how many documents one looked.

    `nearest` is the greatest overlap that any document has, for a claim that no document bears out.
    """

    weighed: Sequence[Weighed]
    contradictions: Sequence[Contradiction] = ()
    feedback_read: int = 0
    nearest: int = 0


def gate_tests(case: Case) -> tuple[GateTest, ...]:
    """Every test of the gate, passed or not, in the order they are told."""
    counted = [each for each in case.weighed if each.counts]
    return (
        _readable(case),
        _sessions(counted),
        _stages(counted),
        _stability(counted),
        _words(case, counted),
        _feedback(case),
    )


def failed(tests: Iterable[GateTest]) -> tuple[GateTest, ...]:
    """Those that did not pass."""
    return tuple(test for test in tests if not test.passed)


def _readable(case: Case) -> GateTest:
    broken = [each for each in case.weighed if each.problem]
    found = f"{len(case.weighed) - len(broken)} of {len(case.weighed)} can be read"
    if broken:
        first = broken[0]
        found += f" ({first.evidence.stage} of {first.evidence.session}: {first.problem})"
    return GateTest("evidence", not broken, found, "all")


def _sessions(counted: Sequence[Weighed]) -> GateTest:
    names = sorted({each.evidence.session for each in counted})
    return GateTest("sessions", len(names) >= SESSIONS, _counted(names), f"at least {SESSIONS}")


def _stages(counted: Sequence[Weighed]) -> GateTest:
    names = sorted({each.evidence.stage for each in counted})
    return GateTest("stages", len(names) >= STAGES, _counted(names), f"at least {STAGES}")


def _stability(counted: Sequence[Weighed]) -> GateTest:
    if not counted:
        return GateTest("stability", passed=False, found="0.0 days", wanted=f"at least {DAYS} days")
    first = min(counted, key=lambda each: each.committed)
    last = max(counted, key=lambda each: each.committed)
    span = last.committed - first.committed
    # Rounded down, so that what is shown as seven days is seven days.
    found = f"{span * 10 // _DAY / 10} days ({first.day} to {last.day})"
    return GateTest("stability", span >= STABLE, found, f"at least {DAYS} days")


def _words(case: Case, counted: Sequence[Weighed]) -> GateTest:
    readable = [each for each in case.weighed if not each.problem and not each.dropped]
    wanted = f"at least {THRESHOLD} %"
    if not readable:
        return GateTest(
            "words", passed=False, found=f"{case.nearest} % in the nearest document", wanted=wanted
        )
    weakest = min(readable, key=lambda each: (each.overlap, each.evidence))
    where = f"{weakest.evidence.stage} of {weakest.evidence.session}"
    found = f"{weakest.overlap} % in the weakest evidence ({where})"
    return GateTest("words", len(counted) == len(readable), found, wanted)


def _feedback(case: Case) -> GateTest:
    count = len(case.contradictions)
    found = f"{counted(count, 'contradiction')} in {counted(case.feedback_read, 'feedback document')}"
    if case.contradictions:
        first = case.contradictions[0]
        found += f" (feedback of {first.session}, line {first.line})"
    return GateTest("feedback", not case.contradictions, found, "none")


def _counted(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
    return f"{len(names)} ({shown})" if names else "0"
