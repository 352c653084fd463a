"""ULIDs: 26 characters that sort by time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.names import is_ulid, ulid

times = st.integers(0, 2**48 - 1)
randomness = st.binary(min_size=10, max_size=10)


def test_the_example_of_its_specification():
    assert ulid(1469918176385, bytes(10)) == "01ARYZ6S410000000000000000"


@given(times, randomness)
def test_every_time_gives_a_ulid(milliseconds, noise):
    assert is_ulid(ulid(milliseconds, noise))


@given(times, times, randomness, randomness)
def test_later_ones_sort_after_earlier_ones(one, other, noise, more_noise):
    if one < other:
        assert ulid(one, noise) < ulid(other, more_noise)


@given(times, randomness, randomness)
def test_different_randomness_gives_different_ids(milliseconds, noise, more_noise):
    assert (ulid(milliseconds, noise) == ulid(milliseconds, more_noise)) == (noise == more_noise)


@pytest.mark.parametrize(
    "text",
    ["", "0" * 25, "0" * 27, "8" + "0" * 25, "0" * 25 + "I", "0" * 25 + "a", "0" * 26 + "\n", "٠" * 26],
)
def test_other_text_is_none(text):
    assert not is_ulid(text)
