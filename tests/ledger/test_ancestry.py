"""Where two histories meet is found exactly, however wrong the clocks were that dated their commits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.git.objects import COMMIT, TREE, Objects
from idse_orchestrator.ledger.merge.ancestry import Ancestry

COMMITS = st.lists(
    st.tuples(st.sets(st.integers(1, 4), max_size=2), st.integers(0, 9)), min_size=2, max_size=12
)


def history(rows):
    """The commits of `rows` (distances back to parents, date), oldest first, and each one's ancestors."""
    objects = Objects("nowhere")
    tree = objects.make(TREE, b"")
    names: list[str] = []
    reached: list[set[str]] = []
    for number, (distances, date) in enumerate(rows):
        parents = [number - distance for distance in distances if distance <= number]
        lines = [f"tree {tree}", *(f"parent {names[parent]}" for parent in parents)]
        lines += [f"author a <a> {date} +0000", f"committer a <a> {date} +0000", "", f"{number}"]
        names.append(objects.make(COMMIT, "\n".join(lines).encode()))
        reached.append({names[-1]}.union(*(reached[parent] for parent in parents)))
    return Ancestry(objects), names, reached


@pytest.mark.parametrize("wasted", [0, 20_000])
@given(rows=COMMITS, data=st.data())
def test_the_best_common_ancestors_are_all_found_and_no_others(wasted, rows, data):
    """By dates, and by heights once dates have misled."""
    ancestry, names, reached = history(rows)
    ancestry._wasted = wasted
    one, other = data.draw(st.tuples(*[st.integers(0, len(rows) - 1)] * 2))
    common = reached[one] & reached[other]
    below = {name for name in common for up in common if up != name and name in reached[names.index(up)]}
    meeting = ancestry.meeting(names[one], names[other])
    assert set(meeting.bases) == common - below
    assert list(meeting.bases) == sorted(meeting.bases)
    assert reached[one] ^ reached[other] <= set(meeting.apart)
    assert set(ancestry.reachable([names[one], names[other]])) == reached[one] | reached[other]


def test_an_older_ancestor_that_is_dated_later_is_no_base():
    rows = [((), 5), ({1}, 0), ({1}, 0), ({3}, 9), ({4}, 9), ({2, 3}, 9), ({2, 4}, 9)]
    ancestry, names, _ = history(rows)
    assert ancestry.meeting(names[5], names[6]).bases == (names[2],)


class Counted(Ancestry):
    """Counts how often a commit is looked at."""

    looked = 0

    def commit(self, name):
        self.looked += 1
        return super().commit(name)


def looks(rows, pairs):
    ancestry, names, _ = history(rows)
    counted = Counted(ancestry._objects)
    for one, other in pairs:
        counted.meeting(names[one], names[other])
    return counted.looked


def test_dates_that_mislead_cost_no_walk_for_each_question():
    """Every commit is older than its parents, so that the newest one is always the first."""

    def asked(depth):
        rows = [((), depth)] + [({1, 2} if n > 2 else {1}, depth - n) for n in range(1, 2 * depth)]
        return looks(rows, [(n, n + 1) for n in range(2, 2 * depth - 1)])

    assert asked(800) < 3 * asked(400)


def test_many_bases_are_not_compared_with_each_other():
    """Two lines that take in the same roots, one after the other."""

    def asked(count):
        rows = [((), 5)] * count
        tips = []
        for _ in range(2):
            tip = 0
            for root in range(1, count):
                rows.append(({len(rows) - tip, len(rows) - root}, 9))
                tip = len(rows) - 1
            tips.append(tip)
        return looks(rows, [tuple(tips)])

    assert asked(80) < 3 * asked(40)
