"""The promotion gate: what must hold before a claim counts as something the whole project agreed on.

Pure and without a clock: it looks at evidence that was checked before, so it says the same in every clone
that has the same ledgers, today and in a year.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted
from idse_orchestrator.claims.claim import Evidence
from idse_orchestrator.claims.statements import Contradiction
from idse_orchestrator.claims.words import THRESHOLD

SESSIONS = 2
STAGES = 2
DAYS = 7

_DAY = 86_400
STABLE = DAYS * _DAY
"""The same in seconds."""


class CheckedEvidence(NamedTuple):
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
        """True if the gate may lean on it."""
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

    checked: Sequence[CheckedEvidence]
    contradictions: Sequence[Contradiction] = ()
    feedback_read: int = 0
    nearest: int = 0


def gate_tests(case: Case) -> tuple[GateTest, ...]:
    """Returns every test of the gate, passed or not, in the order they are told."""
    counted = [each for each in case.checked if each.counts]
    return (
        _readable(case),
        _enough("sessions", set(map(_SESSION, counted)), SESSIONS),
        _enough("stages", set(map(_STAGE, counted)), STAGES),
        _stability(counted),
        _words(case, counted),
        _feedback(case),
    )


def failed(tests: Iterable[GateTest]) -> tuple[GateTest, ...]:
    """Returns those that did not pass."""
    return tuple(test for test in tests if not test.passed)


def _readable(case: Case) -> GateTest:
    broken = [each for each in case.checked if each.problem]
    found = f"{len(case.checked) - len(broken)} of {len(case.checked)} can be read"
    if broken:
        first = broken[0]
        found += f" ({first.evidence.stage} of {first.evidence.session}: {first.problem})"
    return GateTest("evidence", not broken, found, "all")


def _stability(counted: Sequence[CheckedEvidence]) -> GateTest:
    if not counted:
        return GateTest("stability", passed=False, found="0.0 days", wanted=f"at least {DAYS} days")
    first = min(counted, key=lambda each: each.committed)
    last = max(counted, key=lambda each: each.committed)
    span = last.committed - first.committed
    # Rounded down, so that what is shown as seven days is seven days.
    found = f"{span * 10 // _DAY / 10} days ({first.day} to {last.day})"
    return GateTest("stability", span >= STABLE, found, f"at least {DAYS} days")


def _words(case: Case, counted: Sequence[CheckedEvidence]) -> GateTest:
    readable = [each for each in case.checked if not each.problem and not each.dropped]
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


def _enough(test: str, names: set[str], least: int) -> GateTest:
    shown = ", ".join(sorted(names)[:4]) + (" …" if len(names) > 4 else "")
    found = f"{len(names)} ({shown})" if names else "0"
    return GateTest(test, len(names) >= least, found, f"at least {least}")


_STAGE, _SESSION = attrgetter("evidence.stage"), attrgetter("evidence.session")

MOST_AT_ONCE = 12
"""So many pieces of evidence one event carries at most: the gate needs four."""

MOST = 60
"""So many a claim can have."""


class Version(NamedTuple):
    """One ledger commit of a session: its parents, when it was made (Unix time, ISO date), stage to blob."""

    commit: str
    parents: tuple[str, ...]
    committed: int
    day: str
    blobs: Mapping[str, str]


def reachable(history: Mapping[str, Version], tip: str, wanted: Callable[[Version], bool]) -> list[Version]:
    """Returns the commits from `tip`, which comes first, back over all parents while they are `wanted`."""
    waiting, seen = [tip], set[str]()
    found: list[Version] = []
    while waiting:
        commit = waiting.pop()
        version = history.get(commit)
        if version is None or commit in seen:
            continue
        seen.add(commit)
        if wanted(version):
            found.append(version)
            waiting.extend(version.parents)
    return found


def standing_run(
    history: Mapping[str, Version], tip: str, stage: str, says_so: Callable[[str], bool]
) -> tuple[Version, Version] | None:
    """Returns the oldest and the newest ledger commit of the time for which the document has said so.

    From the tip one goes back over all parents, as long as the document of `stage` says so. None where
    the tip does not.
    """
    run = reachable(history, tip, lambda version: says_so(version.blobs.get(stage, "")))
    if not run:
        return None
    return min(run, key=lambda each: (each.committed, each.commit)), run[0]


def kept(
    found: Sequence[CheckedEvidence], known: Sequence[CheckedEvidence] = ()
) -> tuple[CheckedEvidence, ...]:
    """Returns what of `found` to record beside `known`, at most MOST_AT_ONCE and in a stable order.

    First what widens the time, then one for each new stage, each new session, and each stage of a session:
    so the gate says of what is kept the same as of all that was found.
    """
    fresh = sorted(set(found) - set(known), key=lambda each: (each.committed, each.evidence))
    wider = _wider(fresh, known)
    chosen = list(wider)
    for key in (_STAGE, _SESSION, attrgetter("evidence.session", "evidence.stage")):
        chosen += _first_of(fresh, key, map(key, (*known, *chosen)))
    room = max(0, min(MOST_AT_ONCE, MOST - len(known)))
    return tuple(dict.fromkeys(chosen))[:room]


def _wider(fresh: Sequence[CheckedEvidence], known: Sequence[CheckedEvidence]) -> tuple[CheckedEvidence, ...]:
    """Returns the oldest and the newest of `fresh`, where they stand outside of what is known.

    By a day or more, so that evidence does not grow with each commit; or by less, where they make the time
    long enough for the gate.
    """
    if not fresh:
        return ()
    counted = [each.committed for each in known if each.counts]
    if not counted:
        return tuple(dict.fromkeys((fresh[0], fresh[-1])))
    first, last = min(counted), max(counted)
    whole = max(last, fresh[-1].committed) - min(first, fresh[0].committed)
    least = 1 if last - first < STABLE <= whole else _DAY
    older = (fresh[0],) if first - fresh[0].committed >= least else ()
    newer = (fresh[-1],) if fresh[-1].committed - last >= least else ()
    return tuple(dict.fromkeys((*older, *newer)))


def _first_of(
    items: Iterable[CheckedEvidence], key: Callable[[CheckedEvidence], Hashable], taken: Iterable[Hashable]
) -> list[CheckedEvidence]:
    seen, found = set(taken), []
    for each in items:
        if key(each) not in seen:
            seen.add(key(each))
            found.append(each)
    return found
