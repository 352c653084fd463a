"""The fold of two histories costs what they do not have in common, and is that of all their events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.ledger.events import Actor, Event, in_order
from idse_orchestrator.ledger.folding import Lines

NUMBERS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), max_size=8, unique=True)


def event(lamport, number):
    return Event(f"{lamport}-{number}", "edited", lamport, "", "", Actor("a", "a", ""), {})


def counting():
    """Lines whose state is the ids of their events; and how often one was folded."""
    folded = []

    def apply(state, each):
        folded.append(each.id)
        return (*state, each.id)

    return Lines((), apply), folded


@given(NUMBERS, NUMBERS)
def test_two_lines_make_that_of_all_their_events_in_their_order(ours, theirs):
    lines, _ = counting()
    one = other = lines.empty
    for place in ours:
        one = lines.with_event(one, event(*place))
    for place in theirs:
        other = lines.with_event(other, event(*place))
    both = lines.joined(one, other)
    wanted = in_order(event(*place) for place in (*ours, *theirs))
    assert lines.state_of(both) == tuple(each.id for each in wanted)
    assert lines.joined(other, one) is both
    assert all(lines.holds(both, each) for each in wanted)
    assert not lines.holds(both, event(9, 9))


def test_what_two_histories_have_in_common_is_folded_once():
    lines, folded = counting()
    one = other = lines.empty
    for number in range(100):
        left, right = (lines.with_event(tip, event(number, side)) for side, tip in ((1, one), (2, other)))
        one, other = lines.joined(left, other), lines.joined(right, one)
        lines.state_of(one), lines.state_of(other)
    assert len(folded) < 10 * 100


def test_a_forged_event_is_the_same_whoever_sees_both():
    lines, _ = counting()
    real, forged = event(3, 1), event(3, 1)._replace(kind="described")
    one, other = (lines.with_event(lines.empty, each) for each in (real, forged))
    assert lines.joined(one, other) is lines.joined(other, one)
