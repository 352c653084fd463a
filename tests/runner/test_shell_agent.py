"""The shell agent, and what every adapter shares: the fold of events, and an end from outside."""

from __future__ import annotations

import pytest

from idse_orchestrator.runner.agents.adapter import (
    BUDGET,
    CAPPED,
    DENIED,
    DONE,
    FAILED,
    FINAL,
    IDLE,
    KILLED,
    LIMIT,
    LIMITED,
    NEEDS_REVIEW,
    SPEND,
    STOPPED,
    TIMEOUT,
    Ended,
    Event,
    Order,
    Seen,
    Usage,
    fold,
)
from idse_orchestrator.runner.agents.shell import ShellAgent

ORDER = Order("portal", "login", "T001", 1, "text", "prompt", "/w", "/h", "/o", "/t")


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        (Ended(0), DONE),
        (Ended(1), FAILED),
        (Ended(64), NEEDS_REVIEW),
        (Ended(75), LIMITED),
        (Ended(130), FAILED),
        (Ended(-9), KILLED),
        (Ended(0, STOPPED), KILLED),
        (Ended(0, TIMEOUT), KILLED),
        (Ended(0, IDLE), KILLED),
        (Ended(0, CAPPED), BUDGET),
    ],
)
def test_the_exit_code_decides_unless_somebody_ended_it(ended, kind):
    assert ShellAgent("true").finish(Seen(), ended).kind == kind


def test_the_command_is_the_users_and_nothing_that_it_prints_counts():
    agent = ShellAgent("make $IDSE_TASK")
    assert agent.plan(ORDER).argv == ("sh", "-c", "make $IDSE_TASK")
    assert agent.parse(b'{"type": "result"}') is None


def test_of_each_number_the_highest_counts():
    seen = Seen()
    for usage, cost in ((Usage(10, 5), 0.5), (Usage(4, 9), 0.25)):
        seen = fold(seen, Event(SPEND, usage=usage, cost_usd=cost))
    assert (seen.usage, seen.cost_usd, seen.final) == (Usage(10, 9), 0.5, False)


def test_events_are_folded_into_what_was_seen():
    seen = fold(fold(fold(Seen(), Event(DENIED)), Event(LIMIT, retry_after_s=7)), Event(FINAL))
    assert (seen.denied, seen.limit, seen.retry_after_s, seen.final) == (1, True, 7, True)
