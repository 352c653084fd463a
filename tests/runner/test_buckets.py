"""Buckets: properties against a model that keeps a list of what was taken, and many processes at once."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.runner.model.buckets import (
    ACCOUNT_SHARE,
    MINUTE,
    WORKER_SHARE,
    Amounts,
    Bucket,
    advanced,
    clamped,
    frozen,
    full,
    settled,
    taken,
    thawed,
    wait_s,
)
from idse_orchestrator.runner.work.rate_limiter import Held, RateLimiter, Share

SHARE = Amounts(60, 6_000, 600)
NEAR = 1e-6

amounts = st.builds(
    Amounts, st.floats(0, 90), st.floats(0, 9_000), st.one_of(st.just(0.0), st.floats(0.001, 900))
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 90)),
        st.tuples(st.just("take"), amounts),
        st.tuples(st.just("settle"), amounts),
        st.tuples(st.just("freeze"), st.one_of(st.none(), st.floats(0, 100))),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_a_bucket_is_what_its_history_says(history):
    """The model keeps no level: it adds up all that came in and all that was used."""
    now, bucket, open_takes, ends = 1000.0, full(SHARE, 1000.0), [], 0.0
    levels = list(SHARE)
    for action, value in history:
        if action == "pass":
            now += value
            bucket = advanced(bucket, SHARE, now)
            levels = [
                min(most, have + most * value / MINUTE) for most, have in zip(SHARE, levels, strict=True)
            ]
        elif action == "take":
            need = clamped(value, SHARE)
            wait = wait_s(bucket, SHARE, need)
            fits = all(have >= want or not want for have, want in zip(levels, need, strict=True))
            may = now >= ends and fits
            assert (wait <= NEAR) == may or abs(wait) < NEAR
            if wait == 0:
                bucket = taken(bucket, need)
                levels = [have - want for have, want in zip(levels, need, strict=True)]
                made = [have for have, want in zip(bucket.left, need, strict=True) if want]
                assert min(made, default=0) >= -NEAR, "a take alone never makes a debt"
                open_takes.append(need)
            else:
                later = advanced(bucket, SHARE, now + wait + NEAR)
                assert wait_s(later, SHARE, need) < NEAR, "who waits as long as told may take"
        elif action == "settle" and open_takes:
            need = open_takes.pop()
            bucket = settled(bucket, SHARE, need, value)
            levels = [
                min(most, have + held - used)
                for most, have, held, used in zip(SHARE, levels, need, value, strict=True)
            ]
        elif action == "freeze":
            before = bucket.frozen_until
            bucket = frozen(bucket, value, 0.0)
            ends = max(ends, bucket.frozen_until)
            assert bucket.frozen_until >= before, "a freeze is never made shorter"
        assert all(abs(a - b) < 1e-3 for a, b in zip(bucket.left, levels, strict=True))
        assert all(have <= most for have, most in zip(bucket.left, SHARE, strict=True))


def test_a_limit_without_a_time_doubles_from_30_seconds_to_15_minutes():
    bucket, waits = full(SHARE, 0.0), []
    for _ in range(7):
        bucket = frozen(bucket._replace(frozen_until=0.0), None, 0.0)
        waits.append(bucket.frozen_until)
    assert waits == [30, 60, 120, 240, 480, 900, 900]
    assert frozen(thawed(bucket)._replace(frozen_until=0.0), None, 0.0).frozen_until == 30


def test_a_time_from_the_provider_counts_with_a_little_more():
    assert frozen(full(SHARE, 100.0), 7.0, 0.0).frozen_until == 107
    assert 107 < frozen(full(SHARE, 100.0), 7.0, 1.0).frozen_until <= 107.7


def test_a_clock_that_goes_back_keeps_neither_tokens_nor_a_freeze():
    bucket = Bucket(Amounts(0, 0, 0), 4_600.0, 4_630.0)
    back = advanced(bucket, SHARE, 1_000.0)
    assert back.frozen_until == 1_030
    assert advanced(back, SHARE, 1_060.0).left == SHARE


def test_the_shares_are_those_of_the_first_design():
    assert WORKER_SHARE == (1_000, 100_000, 20_000)
    assert ACCOUNT_SHARE.requests == 4_000


def test_a_kind_that_is_not_limited_does_not_matter_and_one_of_0_lets_nothing_through():
    share = Amounts(None, 0)
    assert wait_s(full(share, 0.0), share, clamped(Amounts(5, 0, 7), share)) == 0
    assert wait_s(full(share, 0.0), share, Amounts(0, 1, 0)) == float("inf")


# --- kept for many processes


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def limiter(tmp_path):
    clock = Clock()
    made = RateLimiter(str(tmp_path / "run"), clock, lambda: 0.0)
    made.clock = clock
    return made


ACCOUNT, MINE = Share("account:anthropic", Amounts(10)), Share("worker:a:anthropic", Amounts(6, 100))


def test_a_take_is_all_or_nothing(limiter):
    other = Share("worker:b:anthropic", Amounts(6, 100))
    assert isinstance(limiter.take([ACCOUNT, MINE], Amounts(6, 50)), Held)
    assert limiter.take([ACCOUNT, other], Amounts(6, 50)) == pytest.approx(12)
    assert isinstance(limiter.take([ACCOUNT, other], Amounts(4, 100)), Held), "nothing of it was taken before"


def test_settling_gives_back_or_goes_into_debt(limiter):
    held = limiter.take([MINE], Amounts(1, 80))
    limiter.settle(held, Amounts(1, 10))
    assert limiter.take([MINE], Amounts(1, 90)).amounts == ((1, 90, 0),)
    held = limiter.take([MINE], Amounts(1, 0))
    limiter.settle(held, Amounts(1, 300))
    assert limiter.take([MINE], Amounts(1, 10)) == pytest.approx((300 + 10) * 60 / 100)


def test_a_429_freezes_the_account_for_everybody_and_survives_a_new_process(limiter, tmp_path):
    assert limiter.freeze(ACCOUNT, 7.0) == 7
    again = RateLimiter(str(tmp_path / "run"), limiter.clock, lambda: 0.0)
    assert again.take([ACCOUNT, MINE], Amounts(1)) == 7
    limiter.clock.now += 7
    assert isinstance(again.take([ACCOUNT, MINE], Amounts(1)), Held)


def test_a_damaged_database_is_made_anew(limiter):
    limiter.take([MINE], Amounts(6))
    pathlib.Path(limiter.path).write_bytes(b"no database" * 100)
    assert isinstance(limiter.take([MINE], Amounts(6)), Held)


def test_looking_makes_no_file(limiter):
    assert limiter.levels(lambda _name: MINE.amounts) == ()
    assert not os.path.exists(limiter.path)


def _storm(path, ready, done, seed):
    """Takes as fast as it may for 3 s from a bucket of 600 a minute; each tenth take meets a limit."""
    limiter, took, frozen_at = RateLimiter(path), [], []
    share = Share("account:storm", Amounts(600))
    ready.wait()
    until = time.time() + 3
    while time.time() < until:
        found = limiter.take([share], Amounts(1))
        if isinstance(found, Held):
            took.append(time.time())
            if len(took) % 10 == seed:
                before = time.time()
                until_at_least = before + limiter.freeze(share, 0.3)
                frozen_at.append((time.time(), until_at_least))
            limiter.settle(found, Amounts(1))
        else:
            time.sleep(min(found, 0.02))
    done.put((took, frozen_at))


def test_a_storm_of_limits_never_exceeds_the_bucket(tmp_path):
    """600 a minute, of which 590 are gone: 8 processes get 10 and what comes in, not one more."""
    path = str(tmp_path / "run")
    share = Share("account:storm", Amounts(600))
    spawned = multiprocessing.get_context("spawn")
    ready, done = spawned.Barrier(9), spawned.Queue()
    workers = [spawned.Process(target=_storm, args=(path, ready, done, seed)) for seed in range(8)]
    for worker in workers:
        worker.start()
    RateLimiter(path).take([share], Amounts(590))
    began = time.time()
    RateLimiter(path).take([share], Amounts(10))
    ready.wait()
    found = [done.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    took = sorted(at for times, _ in found for at in times)
    assert 10 < len(took) <= 600 * (took[-1] - began) / 60 + 11
    # Nobody took while somebody had it frozen; a take that was decided before may be told a little later.
    frozen_at = [each for _, freezes in found for each in freezes]
    assert frozen_at
    for at, end in frozen_at:
        assert not [each for each in took if at + 0.03 < each < end - 0.01]
