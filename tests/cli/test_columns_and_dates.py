"""How wide text is, and how long ago something was."""

from __future__ import annotations

import pytest

from idse_orchestrator.cli.layout import ago, columns, filled, fitted
from idse_orchestrator.errors import UsageError
from idse_orchestrator.sessions.log import check_date


@pytest.mark.parametrize(
    ("text", "width"),
    [("plain", 5), ("→", 1), ("漢字", 4), ("e\u0301", 1), ("\x1b[1mbold\x1b[0m", 4), ("", 0)],
)
def test_columns_are_what_a_terminal_shows(text, width):
    assert columns(text) == width
    assert columns(filled(text, 9)) == 9


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [("short", 5, "short"), ("longer", 5, "long…"), ("漢字漢", 4, "漢…"), ("ab", 0, "")],
)
def test_what_does_not_fit_ends_in_an_ellipsis(text, width, cut):
    assert fitted(text, width) == cut
    assert columns(fitted(text, width)) <= width


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "in the future"),
        (0, "0 seconds ago"),
        (1, "1 second ago"),
        (89, "89 seconds ago"),
        (120, "2 minutes ago"),
        (7200, "2 hours ago"),
        (3 * 86_400, "3 days ago"),
        (21 * 86_400, "3 weeks ago"),
        (150 * 86_400, "5 months ago"),
        (400 * 86_400, "1 year, 1 month ago"),
        (3653 * 86_400, "10 years ago"),
    ],
)
def test_the_past_in_words(seconds, words):
    assert ago(seconds) == words


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2 days ago",
        "yesterday noon",
        "last friday",
        "2026-01-31",
        "2026-01-31T10:00:00Z",
        "Jan 5 10:00 UTC",
    ],
)
def test_dates_that_git_understands_pass(text):
    check_date(text)


@pytest.mark.parametrize("text", ["foo", "2 dyas ago", "--exec", "soon"])
def test_a_word_that_no_date_has_is_refused(text):
    with pytest.raises(UsageError):
        check_date(text)
