"""What may be used in a minute: a bucket of requests, of input and of output tokens, that fills up steadily.

A bucket is a value, and everything here is a function of it: `runner.work.rate_limiter` keeps buckets where
many processes share them.
"""

from __future__ import annotations

from collections.abc import Sequence

from idse_orchestrator.base.records import NamedTuple

MINUTE = 60.0
FIRST_WAIT = 30.0
LONGEST_WAIT = 15 * MINUTE
MOST_JITTER = 0.1
"""By which part a freeze is longer than it had to be, at most: not all come back in the same moment."""


class Amounts(NamedTuple):
    """Requests, input tokens and output tokens: in a minute, at once, or left. None: it does not matter."""

    requests: float | None = None
    input: float | None = None
    output: float | None = None


WORKER_SHARE = Amounts(1_000, 100_000, 20_000)
ACCOUNT_SHARE = Amounts(4_000)
"""The shares of the first design."""


class Bucket(NamedTuple):
    """What is left, at the Unix time `at`.

    Nothing may be taken before `frozen_until`; `strikes` counts limits in a row that named no time to wait.
    """

    left: Amounts
    at: float
    frozen_until: float = 0.0
    strikes: int = 0


def full(share: Amounts, now: float) -> Bucket:
    """Returns a bucket of which nothing was taken."""
    return Bucket(share, now)


def advanced(bucket: Bucket, share: Amounts, now: float) -> Bucket:
    """Returns the bucket as it is at `now`. A clock that went back takes nothing away."""
    passed = now - bucket.at
    if passed < 0:
        frozen = bucket.frozen_until + passed if bucket.frozen_until > bucket.at else 0.0
        return bucket._replace(at=now, frozen_until=frozen)
    left = [
        most if most is None or have is None else min(most, have + most * passed / MINUTE)
        for most, have in zip(share, bucket.left, strict=True)
    ]
    return bucket._replace(left=Amounts(*left), at=now)


def clamped(need: Amounts, share: Amounts) -> Amounts:
    """Returns `need`, at most a full bucket of each kind: what is more is told when it was used."""
    kept = [
        0.0 if most is None else min(most, wanted or 0.0) for wanted, most in zip(need, share, strict=True)
    ]
    return Amounts(*kept)


def wait_s(bucket: Bucket, share: Amounts, need: Amounts) -> float:
    """Returns the seconds until `need`, which is clamped, can be taken; 0 where it can be now."""
    waits = [max(0.0, bucket.frozen_until - bucket.at)]
    for wanted, have, most in zip(need, bucket.left, share, strict=True):
        if most and have is not None and wanted and have < wanted:
            waits.append((wanted - have) * MINUTE / most)
        elif most == 0 and wanted:
            waits.append(float("inf"))
    return max(waits)


def taken(bucket: Bucket, need: Amounts) -> Bucket:
    """Returns the bucket without `need`. Below 0 is a debt, which has to fill up first."""
    left = [
        have if have is None else have - (wanted or 0.0)
        for wanted, have in zip(need, bucket.left, strict=True)
    ]
    return bucket._replace(left=Amounts(*left))


def settled(bucket: Bucket, share: Amounts, held: Amounts, used: Amounts) -> Bucket:
    """Returns the bucket once it is known what was `used` of what was `held`: the rest comes back."""
    left = [
        have if have is None or most is None else min(most, have + (before or 0.0) - (after or 0.0))
        for before, after, have, most in zip(held, used, bucket.left, share, strict=True)
    ]
    return bucket._replace(left=Amounts(*left))


def frozen(bucket: Bucket, retry_after_s: float | None, chance: float) -> Bucket:
    """Returns the bucket frozen for as long as the provider says, and a little of `chance` (0 to 1) longer.

    Where it says nothing: 30 s, twice as long each time in a row, 15 minutes at most. A freeze that is
    there already is never made shorter.
    """
    strikes = bucket.strikes
    if retry_after_s is None:
        seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(strikes, 10))
        strikes += 1
    else:
        seconds = max(0.0, retry_after_s)
    until = bucket.at + seconds * (1 + MOST_JITTER * chance)
    return bucket._replace(frozen_until=max(bucket.frozen_until, until), strikes=strikes)


def thawed(bucket: Bucket) -> Bucket:
    """Returns the bucket after something went well: the next limit without a time waits 30 s again."""
    return bucket._replace(strikes=0)


def wait_for_all(parts: Sequence[tuple[Bucket, Amounts]], need: Amounts) -> float:
    """Returns the seconds until `need` can be taken from all buckets with their shares; 0: now."""
    return max((wait_s(bucket, share, clamped(need, share)) for bucket, share in parts), default=0.0)
