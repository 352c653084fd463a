"""Which regular expressions a project may bring."""

from __future__ import annotations

import pytest

from idse_orchestrator.constitution.entries import problem_with


@pytest.mark.parametrize(
    "pattern",
    [
        "acme-[a-z]{8}",
        "(?:a|b)c?",
        "acme_[A-Za-z0-9]{16,250}",
        "^TBD$",
        "(?i)tbd",
        "(?<!x)a",
        "(?:ab){4}",
        "",
    ],
)
def test_a_pattern_of_bounded_cost_may_be_used(pattern):
    assert problem_with(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a*", "without a bound"),
        ("(a+)+$", "without a bound"),
        (".{0,9000}x", "without a bound"),
        ("(?:a{1,9}){1,9}", "repeats something that repeats"),
        ("(?:a|a){30}", "too many ways"),
        ("a{0,99}a{0,99}", "too many ways"),
        (r"(a)\1", "refers back"),
        ("[a", "no regular expression"),
        ("(" * 5000, "no regular expression"),
    ],
)
def test_a_pattern_that_could_run_for_hours_is_refused(pattern, why):
    assert why in problem_with(pattern)
