"""Cycles among tasks, and who waits for whom."""

from __future__ import annotations

import itertools
from graphlib import CycleError, TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.task_graph import cycles, waits_for

GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefx"), max_size=4))


@given(GRAPHS)
def test_a_cycle_is_found_exactly_where_there_is_one(edges):
    found = list(cycles(edges))
    try:
        TopologicalSorter(edges).prepare()
    except CycleError:
        assert found
    else:
        assert not found


@given(GRAPHS)
def test_a_cycle_follows_the_edges_and_ends_where_it_began(edges):
    for cycle in cycles(edges):
        assert cycle[0] == cycle[-1]
        assert all(after in edges[before] for before, after in itertools.pairwise(cycle))


def test_a_chain_of_any_length_is_followed():
    chain = {str(n): [str(n + 1)] for n in range(50_000)}
    assert list(cycles(chain)) == []
    assert len(waits_for(chain, "0")) == 50_000


def test_what_a_task_waits_for_includes_what_that_waits_for():
    assert waits_for({"a": ["b"], "b": ["c", "a"]}, "a") == {"a", "b", "c"}
