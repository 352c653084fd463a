"""What attempts cost, from the ledgers of their tasks alone: attempts out of events, and sums of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.events import Event
from idse_orchestrator.runner.agents.adapter import Usage
from idse_orchestrator.runner.model.prices import UNKNOWN

NOBODY = "-"
STAGE = "implementation"
"""The stage whose work tasks are."""

_ENDS = ("finish", "fail", "release", "expire", "cancel")


class Attempt(NamedTuple):
    """One attempt. `end` is the action that ended it, "" while it goes on; `why` is its closed word.

    `cost_usd` is None where nobody told it; of an agent that has prices, `reserve_usd`, what it held back,
    counts against budgets then.
    `accepted`: its result was taken. `again`: it did what had been done before, and was reopened.
    """

    project: str
    session: str
    task: str
    number: int
    agent: str
    began: str
    reserve_usd: float
    end: str = ""
    why: str = ""
    ended: str = ""
    usage: Mapping[str, Any] = {}
    accepted: bool = False
    again: bool = False

    @property
    def cost_usd(self) -> float | None:
        """What it cost; None where nobody told, as a command of the shell does not."""
        found: float | None = self.usage.get("cost_usd")
        return found

    @property
    def is_unknown(self) -> bool:
        """True where nobody knows what it cost."""
        lost = self.end in ("expire", "cancel") and self.reserve_usd > 0
        return "cost_usd" not in self.usage and (self.usage.get("basis") == UNKNOWN or lost)

    @property
    def tokens(self) -> Usage:
        """What it used."""
        return Usage(*(self.usage.get(name, 0) for name in Usage._fields))

    @property
    def seconds(self) -> float:
        """How long its program ran."""
        found: float = self.usage.get("duration_ms", 0) / 1000
        return found


def attempts_of(key: tuple[str, str, str], events: Iterable[Event]) -> Iterator[Attempt]:
    """Yields the attempts of the task `key`, the first one first."""
    current: Attempt | None = None
    again = False
    for event in events:
        body = event.body
        action = body.get("action", "")
        if action == "take":
            if current is not None:
                yield current
            reserve = body["reserve_usd"]
            current = Attempt(*key, body["attempt"], body["agent"] or NOBODY, event.at, reserve, again=again)
        elif action == "reopen":
            again = True
        elif current is not None and action in _ENDS and not current.end:
            usage, is_taken = body.get("usage", {}), bool(body.get("into"))
            current = current._replace(
                end=action, why=body.get("why", ""), ended=event.at, usage=usage, accepted=is_taken
            )
        elif current is not None and action == "accept":
            current = current._replace(accepted=True)
        elif current is not None and action == "reject":
            current = current._replace(accepted=False, why=body.get("why", ""))
    if current is not None:
        yield current


BY: Mapping[str, Callable[[Attempt], str]] = {
    "task": lambda each: f"{each.project}/{each.session}/{each.task}",
    "stage": lambda _each: STAGE,
    "session": lambda each: f"{each.project}/{each.session}",
    "agent": lambda each: each.agent,
    "model": lambda each: each.usage.get("model", NOBODY),
    "day": lambda each: (each.ended or each.began)[:10],
}
"""What a report can be made by."""

NUMBERS = (
    "attempts", "accepted", "failed", "released", "seconds", *Usage._fields, "cost_usd",
    "unknown", "unknown_usd",
)  # fmt: skip
"""The columns of numbers: `cost_usd` is None where no attempt told a cost; `unknown` attempts have a cost
that nobody knows, and held back `unknown_usd`."""


def sums(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Returns the numbers of `attempts`, by the names of NUMBERS."""
    tokens = Usage(*map(sum, zip(*(each.tokens for each in attempts), strict=True))) if attempts else Usage()
    unknown = [each for each in attempts if each.is_unknown]
    return {
        "attempts": len(attempts),
        "accepted": sum(each.accepted for each in attempts),
        "failed": sum(each.end in ("fail", "expire") for each in attempts),
        "released": sum(each.end == "release" for each in attempts),
        "seconds": round(sum(each.seconds for each in attempts), 3),
        **tokens._asdict(),
        "cost_usd": _total(attempts),
        "unknown": len(unknown),
        "unknown_usd": round(sum(each.reserve_usd for each in unknown), 6),
    }


def rows_by(attempts: Iterable[Attempt], by: str) -> list[dict[str, Any]]:
    """Returns a row of numbers for each task, session and so on, in the order of their names."""
    groups: dict[str, list[Attempt]] = {}
    for each in attempts:
        groups.setdefault(BY[by](each), []).append(each)
    return [{by: name, **sums(groups[name])} for name in sorted(groups)]


def totals(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Returns the numbers of all, what failed attempts cost, what was done again, and one accepted task."""
    found = sums(attempts)
    accepted, cost = found["accepted"], found["cost_usd"]
    return {
        **found,
        "failed_usd": _total([each for each in attempts if not each.accepted and each.end]),
        "again_usd": _total([each for each in attempts if each.again]),
        "per_accepted_usd": round(cost / accepted, 6) if accepted and cost is not None else None,
    }


def _total(attempts: Iterable[Attempt]) -> float | None:
    """Returns what is known of their cost, None where nothing is."""
    known = [each.cost_usd for each in attempts if each.cost_usd is not None]
    return round(sum(known), 6) if known else None
