"""The promotion gate: each test alone can deny, and what is kept of the evidence says what all of it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.claims.claim import Evidence
from idse_orchestrator.claims.gate import (
    MOST,
    MOST_AT_ONCE,
    Case,
    CheckedEvidence,
    Version,
    failed,
    gate_tests,
    kept,
    reachable,
    standing_run,
)
from idse_orchestrator.claims.statements import Contradiction

DAY = 86_400


def weighed(session, stage, day, number=0, **more):
    commit = f"{number or int(day * 10)}"
    values = {"overlap": 100, **more}
    return CheckedEvidence(Evidence(session, stage, commit, "b"), int(day * DAY), f"day {day}", **values)


GOOD = (weighed("pay", "spec", 0), weighed("search", "plan", 7))
DENIALS = {
    "evidence": Case((*GOOD, weighed("x", "spec", 1, problem="it is gone"))),
    "sessions": Case((GOOD[0], weighed("pay", "plan", 7))),
    "stages": Case((GOOD[0], weighed("search", "spec", 7))),
    "stability": Case((GOOD[0], weighed("search", "plan", 6.99))),
    "words": Case((*GOOD, weighed("x", "spec", 1, overlap=74))),
    "feedback": Case(GOOD, (Contradiction("x", 3, "no"),), 2),
}


def names(case):
    return [test.name for test in failed(gate_tests(case))]


def test_two_sessions_two_stages_and_seven_days_pass():
    assert names(Case(GOOD)) == []


@pytest.mark.parametrize(("name", "case"), DENIALS.items())
def test_each_test_can_deny_alone(name, case):
    assert names(case) == [name]


@pytest.mark.parametrize("how", [{"problem": "gone"}, {"dropped": True}, {"overlap": 10}])
def test_evidence_that_is_gone_dropped_or_about_something_else_does_not_count(how):
    case = Case((GOOD[0], weighed("search", "plan", 7, **how)))
    assert {"sessions", "stages", "stability"} <= set(names(case))


def test_seven_days_less_a_second_are_not_shown_as_seven():
    test = gate_tests(Case((GOOD[0], weighed("search", "plan", 7 - 1 / DAY))))[3]
    assert (test.passed, test.found) == (False, "6.9 days (day 0 to day 6.999988425925926)")


evidence = st.builds(
    weighed,
    st.sampled_from(["pay", "search", "third", "x", "y", "z"]),
    st.sampled_from(["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"]),
    st.integers(0, 80).map(lambda quarters: quarters / 4),
    st.integers(1, 5),
)


@given(st.lists(evidence, max_size=80, unique_by=lambda each: each.evidence))
def test_what_is_kept_says_the_same_to_the_gate_as_all_of_it(found):
    chosen = kept(found)
    assert len(chosen) <= MOST_AT_ONCE
    assert names(Case(chosen)) == names(Case(found))
    assert set(chosen) <= set(found)


@given(
    st.lists(evidence, max_size=40, unique_by=lambda each: each.evidence),
    st.lists(evidence, max_size=40, unique_by=lambda each: each.evidence),
)
def test_reinforcing_ends_and_never_grows_beyond_its_limit(first, second):
    known = kept(first)
    for _ in range(30):
        more = kept([*first, *second], known)
        assert not set(more) & set(known)
        known = (*known, *more)
    assert kept([*first, *second], known) == ()
    assert len(known) <= MOST


@given(
    st.lists(evidence, max_size=20, unique_by=lambda each: each.evidence),
    st.lists(evidence, max_size=20, unique_by=lambda each: each.evidence),
)
def test_what_is_added_says_the_same_to_the_gate_as_all_that_was_found(first, second):
    known = kept(first)
    added = kept(second, known)
    assert names(Case((*known, *added))) == names(Case((*known, *second)))


def test_the_hours_that_make_seven_days_whole_are_kept():
    known = kept([weighed("pay", "spec", 0), weighed("search", "plan", 6.5)])
    assert names(Case((*known, *kept([weighed("search", "plan", 7.1)], known)))) == []


def test_order_and_repetition_of_what_was_found_change_nothing():
    found = [weighed("pay", "spec", day) for day in (3, 1, 2)]
    assert kept(found) == kept([*reversed(found), *found])


def version(commit, parents, at, **blobs):
    return Version(commit, parents, at, "", blobs)


def test_a_run_goes_back_over_both_sides_of_a_merge_until_somebody_said_otherwise():
    history = {
        each.commit: each
        for each in (
            version("a", (), 1, spec="yes"),
            version("b", ("a",), 2, spec="no"),
            version("c", ("b",), 5, spec="yes"),
            version("d", ("b",), 4, spec="yes"),
            version("m", ("c", "d"), 6, spec="yes"),
        )
    }
    found = standing_run(history, "m", "spec", "yes".__eq__)
    assert [each.commit for each in found] == ["d", "m"]
    assert standing_run(history, "b", "spec", "yes".__eq__) is None
    assert standing_run(history, "gone", "spec", "yes".__eq__) is None
    assert {each.commit for each in reachable(history, "m", lambda _: True)} == set("abcdm")
