"""Says whether a repository is healthy, and mends what can be mended without asking.

A check looks, and may know how to mend. Mending is only ever what is safe: nothing is lost by it, and
doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from idse_orchestrator.errors import IdseError, told_apart

OK = "ok"
NOTE = "note"
WARNING = "warning"
PROBLEM = "problem"
FIXED = "fixed"
VERDICTS = (OK, NOTE, WARNING, PROBLEM, FIXED)
"""Nothing to say · worth knowing · works, but not as it could · does not work · was mended just now."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a check saw: one of VERDICTS, a sentence, and what to type if it is not well."""

    verdict: str
    says: str
    fix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Says in words what is no command."""
        words, commands = told_apart(self.fix)
        object.__setattr__(self, "says", "; ".join((self.says, *words)))
        object.__setattr__(self, "fix", commands)


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `mend` does what is safe and says in a sentence what it did; None: only a person can."""

    name: str
    look: Callable[[], Diagnosis]
    mend: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check ended. `done` says what was mended; `mendable`: ``--fix`` would try."""

    name: str
    verdict: str
    says: str
    fix: tuple[str, ...] = ()
    done: str = ""
    mendable: bool = False

    @property
    def is_well(self) -> bool:
        """True if nothing about it makes `idse doctor` fail."""
        return self.verdict != PROBLEM


def examine(checks: Iterable[Check], *, mend: bool = False) -> tuple[CheckResult, ...]:
    """Runs `checks` in order; with `mend` also does what they can about what they find, and looks again."""
    return tuple(_examined(check, mend=mend) for check in checks)


def _examined(check: Check, *, mend: bool) -> CheckResult:
    before = _look(check)
    if before.verdict == OK or check.mend is None or not mend:
        mendable = check.mend is not None and before.verdict in (WARNING, PROBLEM)
        return CheckResult(check.name, before.verdict, before.says, before.fix, mendable=mendable)
    try:
        done = check.mend()
    except IdseError as error:
        says = "; ".join((f"{before.says}; it could not be mended: {error.message}", *error.words))
        return CheckResult(check.name, before.verdict, says, error.fix or before.fix)
    after = _look(check)
    if after.verdict != OK:
        return CheckResult(check.name, after.verdict, after.says, after.fix, done)
    return CheckResult(check.name, FIXED, before.says, done=done)


def _look(check: Check) -> Diagnosis:
    try:
        return check.look()
    except IdseError as error:
        says = error.message + (f": {error.cause}" if error.cause else "")
        return Diagnosis(PROBLEM, says, error.words + error.fix)
