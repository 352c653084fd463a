"""Dates without git mean what they mean with it."""

from __future__ import annotations

import pytest

from idse_orchestrator.errors import UsageError
from idse_orchestrator.stores.plain_history import moment

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("now", 0),
        ("30 seconds ago", 30),
        ("2 hours ago", 7_200),
        ("2.days.ago", 172_800),
        ("a week ago", 604_800),
        ("last month", 30 * 86_400),
        ("yesterday", 86_400),
    ],
)
def test_words_count_back_from_now(text, ago):
    assert moment(text, NOW) == NOW - ago


def test_a_day_begins_at_midnight_and_ends_before_the_next(sealed):
    assert moment("2026-01-31", NOW) == 1_769_817_600
    assert moment("2026-01-31", NOW, is_end=True) == 1_769_817_600 + 86_399
    assert moment("2026-01-31T12:00:00Z", NOW) == 1_769_817_600 + 43_200
    assert moment("2026-01-31 12:00+01:00", NOW) == 1_769_817_600 + 39_600


@pytest.mark.parametrize("text", ["tea", "next tuesday", "2026-13-01", "day"])
def test_a_date_that_only_git_could_read_is_an_error(text):
    with pytest.raises(UsageError, match="without git"):
        moment(text, NOW)
