"""What may be spent: whether one more attempt fits, and what it is expected to cost.

Budgets are asked under the lock of tasks, with what was spent and what is held back read there as well (see
`TaskQueue.take(allowed=…)`). So takes that race for the last dollar are decided one after the other, and a
budget is overshot at most by what an attempt costs beyond its reserve.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.agents.adapter import Usage
from idse_orchestrator.runner.model.prices import Price

LAST_ATTEMPTS = 20
BYTES_A_TOKEN = 4
FALLBACK_USD = 1.0
"""What an attempt holds back whose cost nobody can say: no cap, no price, no attempt before it."""


class Budget(NamedTuple):
    """One limit by `name`, and where it stands."""

    name: str
    limit_usd: float
    spent_usd: float = 0.0
    reserved_usd: float = 0.0

    @property
    def left_usd(self) -> float:
        """What can still be held back."""
        return round(self.limit_usd - self.spent_usd - self.reserved_usd, 6)

    def fits(self, reserve_usd: float) -> bool:
        """Tests whether an attempt may begin. A budget of 0 lets nothing begin that costs anything."""
        return self.limit_usd > 0 and round(self.left_usd - reserve_usd, 6) >= 0

    def __str__(self) -> str:
        """Says where it stands."""
        if self.limit_usd == 0:
            return f"the budget of the {self.name} is 0 USD: nothing can begin"
        held = f", {self.reserved_usd:.2f} held back" if self.reserved_usd else ""
        return f"the {self.name} has spent {self.spent_usd:.2f} of {self.limit_usd:.2f} USD{held}"


def refusing(budgets: Iterable[Budget], reserve_usd: float) -> Budget | None:
    """Returns the first budget into which an attempt does not fit; None where it fits into all of them."""
    return next((budget for budget in budgets if not budget.fits(reserve_usd)), None)


def reserve_usd(cap_usd: float | None, estimate_usd: float | None) -> float:
    """Returns what an attempt holds back: its cap or what it is expected to cost, whichever is less."""
    known = [each for each in (cap_usd, estimate_usd) if each is not None]
    return round(min(known, default=FALLBACK_USD), 6)


def estimated_usd(costs: Sequence[float], prompt_bytes: int, price: Price | None) -> float | None:
    """Returns what an attempt is expected to cost; None where nobody can say.

    `costs` are those of earlier attempts of the same agent and stage, the oldest first: three of four of the
    last 20 cost no more. Without any, the prompt counts, as its bytes by four.
    """
    last = sorted(costs[-LAST_ATTEMPTS:])
    if last:
        return last[math.ceil(0.75 * len(last)) - 1]
    if price is None:
        return None
    return price.usd(Usage(input_uncached=math.ceil(prompt_bytes / BYTES_A_TOKEN)))


def estimated_tokens(usages: Sequence[Usage], prompt_bytes: int) -> Usage:
    """Returns the tokens that an attempt is expected to use, in the same way: each number by itself."""
    last = usages[-LAST_ATTEMPTS:]
    if not last:
        return Usage(input_uncached=math.ceil(prompt_bytes / BYTES_A_TOKEN))
    place = math.ceil(0.75 * len(last)) - 1
    return Usage(*(sorted(column)[place] for column in zip(*last, strict=True)))
