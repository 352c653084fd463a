"""Three listings joined path by path, and names that would meet in one place set apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.text import same_file
from idse_orchestrator.ledger.merge.paths import File, join_paths, set_apart, three_way

PARTS = st.sampled_from(["a", "A", "b", "a~", "spec.md", "Spec.md", "é", "E\u0301", "e\u0301"])
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.builds(File, st.just("100644"), st.sampled_from("123")), max_size=6)


@given(FILES, FILES, FILES)
def test_the_sides_are_interchangeable(base, one, other):
    found, turned = join_paths(base, one, other), join_paths(base, other, one)
    assert found.files == turned.files
    assert [edited.path for edited in found.open] == [edited.path for edited in turned.open]
    assert (found.kept_by_one, found.kept_by_other) == (turned.kept_by_other, turned.kept_by_one)


@given(FILES, FILES)
def test_a_side_that_changed_nothing_yields(base, other):
    found = join_paths(base, base, other)
    assert (found.files, found.open) == (other, ())


@given(FILES, st.sets(PATHS))
def test_no_two_names_meet_in_one_place_and_no_file_is_lost(files, first):
    placed, moved = set_apart(files, first)
    assert sorted(moved.get(path, path) for path in placed) == sorted(files)
    assert all(files[moved.get(path, path)] == file for path, file in placed.items())
    places = {}
    for path in placed:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            place = tuple(same_file(part.encode()) for part in parts[:depth])
            name = ("/".join(parts[:depth]), depth == len(parts))
            assert places.setdefault(place, name) == name


@given(FILES, st.sets(PATHS))
def test_names_that_stand_apart_stay(files, first):
    placed, _ = set_apart(files, first)
    assert set_apart(placed, first) == (placed, {})


def test_of_two_values_the_changed_one_counts_and_then_the_other_sides():
    assert [three_way("a", *sides) for sides in (("a", "b"), ("b", "a"), ("b", "c"))] == ["b", "b", "c"]
