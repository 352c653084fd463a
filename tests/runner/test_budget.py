"""Budgets: what fits, what an attempt holds back, and eight processes that race for the last dollar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.runner.agents.adapter import Ended, Seen, Usage
from idse_orchestrator.runner.agents.shell import ShellAgent
from idse_orchestrator.runner.meter import Meter, Party
from idse_orchestrator.runner.model.buckets import Amounts
from idse_orchestrator.runner.model.budget import (
    FALLBACK_USD,
    Budget,
    estimated_tokens,
    estimated_usd,
    refusing,
    reserve_usd,
)
from idse_orchestrator.runner.model.prices import Price, Prices
from idse_orchestrator.runner.work.rate_limiter import Share
from idse_orchestrator.wiring.metering import usage_of

PRICE = Price("m", "2026-01-01", "https://x.example", 3, 15, 0.3, 3.75)


def test_an_attempt_fits_where_what_is_spent_and_held_leaves_room():
    assert Budget("run", 1.0, 0.5, 0.2).fits(0.3)
    assert not Budget("run", 1.0, 0.5, 0.2).fits(0.300001)
    assert Budget("run", 0.3, 0.1, 0.1).fits(0.1), "no rounding of binary fractions gets in the way"


def test_the_first_that_refuses_is_named():
    month = Budget("month 2026-12", 1, 1)
    assert refusing([Budget("run", 5), month], 0.1) == month
    assert refusing([Budget("run", 5)], 0.1) is None
    assert str(month) == "the month 2026-12 has spent 1.00 of 1.00 USD"


def test_a_budget_of_0_is_told_by_name_and_lets_nothing_begin():
    nothing = Budget("run", 0)
    assert not nothing.fits(0)
    assert str(nothing) == "the budget of the run is 0 USD: nothing can begin"


@pytest.mark.parametrize(
    ("cap", "estimate", "reserve"),
    [(0.5, 0.2, 0.2), (0.1, 0.2, 0.1), (None, 0.2, 0.2), (0.5, None, 0.5), (None, None, FALLBACK_USD)],
)
def test_the_cap_or_the_estimate_is_held_back_whichever_is_less(cap, estimate, reserve):
    assert reserve_usd(cap, estimate) == reserve


def test_of_the_last_20_attempts_three_of_four_cost_no_more():
    assert estimated_usd([9.0] * 5 + [float(n) for n in range(1, 21)], 0, PRICE) == 15
    assert estimated_usd([0.4], 0, None) == 0.4
    assert estimated_usd([], 4_000_000, PRICE) == 3
    assert estimated_usd([], 4_000, None) is None
    assert estimated_tokens([], 4_000) == Usage(1_000)
    assert estimated_tokens([Usage(10, output=n) for n in range(1, 5)], 0) == Usage(10, output=3)


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(0, 2_000))
def test_takes_one_after_the_other_never_exceed_a_budget(cents, limit):
    budget = Budget("run", limit / 100)
    for each in cents:
        if budget.fits(each / 100):
            budget = budget._replace(reserved_usd=round(budget.reserved_usd + each / 100, 6))
    assert budget.reserved_usd <= budget.limit_usd


def test_who_was_turned_away_has_used_nothing_and_who_was_killed_counts_as_unknown():
    parties = {"mine": Party((Share("account:a", Amounts(1)),)), "make": Party()}
    meter = Meter(parties, Prices(), None, tuple, lambda: "2026-12-01")
    mine, make = ShellAgent("true", "mine"), ShellAgent("true", "make")
    usage = usage_of(meter, parties)
    assert usage(mine, Seen(login=True), Ended(1)) == {"duration_ms": 0}
    assert usage(mine, Seen(limit=True), Ended(1)) == {"duration_ms": 0}
    assert usage(mine, Seen(limit=True, acts=1), Ended(1))["basis"] == "unknown"
    assert usage(mine, Seen(), Ended(-9))["basis"] == "unknown"
    assert usage(make, Seen(), Ended(0)) == {"duration_ms": 0}
