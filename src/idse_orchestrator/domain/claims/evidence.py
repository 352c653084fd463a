"""Which ledger commits bear out a claim: how long each document has said so, and which of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from idse_orchestrator.domain.claims.gate import STABLE, Weighed

MOST_AT_ONCE = 12
"""So many pieces of evidence one event carries at most: the gate needs four."""

MOST = 60
"""So many a claim can have."""

_DAY = 86_400


class Version(NamedTuple):
    """One ledger commit of a session: its parents, when it was made (Unix time, ISO date), stage to blob."""

    commit: str
    parents: tuple[str, ...]
    committed: int
    day: str
    blobs: Mapping[str, str]


def reachable(history: Mapping[str, Version], tip: str, wanted: Callable[[Version], bool]) -> list[Version]:
    """The commits from `tip`, which comes first, back over all parents, as long as they are `wanted`."""
    waiting, seen = [tip], set[str]()
    found: list[Version] = []
    while waiting:
        commit = waiting.pop()
        version = history.get(commit)
        if version is None or commit in seen:
            continue
        seen.add(commit)
        if wanted(version):
            found.append(version)
            waiting.extend(version.parents)
    return found


def standing_run(
    history: Mapping[str, Version], tip: str, stage: str, says_so: Callable[[str], bool]
) -> tuple[Version, Version] | None:
    """The oldest and the newest ledger commit of the time for which the document has said so until now.

    From the tip one goes back over all parents, as long as the document of `stage` says so. None where
    the tip does not.
    """
    run = reachable(history, tip, lambda version: says_so(version.blobs.get(stage, "")))
    if not run:
        return None
    return min(run, key=lambda each: (each.committed, each.commit)), run[0]


def kept(found: Sequence[Weighed], known: Sequence[Weighed] = ()) -> tuple[Weighed, ...]:
    """What of `found` is worth to be recorded beside `known`, at most MOST_AT_ONCE and in a stable order.

    First what widens the time, then one for each new stage, each new session, and each stage of a session:
    so the gate says of what is kept the same as of all that was found.
    """
    fresh = sorted(set(found) - set(known), key=lambda each: (each.committed, each.evidence))
    wider = _wider(fresh, known)
    chosen = list(wider)
    for key in (_stage, _session, _pair):
        chosen += _first_of(fresh, key, map(key, (*known, *chosen)))
    room = max(0, min(MOST_AT_ONCE, MOST - len(known)))
    return tuple(dict.fromkeys(chosen))[:room]


def _stage(weighed: Weighed) -> str:
    return weighed.evidence.stage


def _session(weighed: Weighed) -> str:
    return weighed.evidence.session


def _pair(weighed: Weighed) -> tuple[str, str]:
    return weighed.evidence.session, weighed.evidence.stage


def _wider(fresh: Sequence[Weighed], known: Sequence[Weighed]) -> tuple[Weighed, ...]:
    """The oldest and the newest of `fresh`, where they stand outside of what is known.

    By a day or more, so that evidence does not grow with each commit; or by less, where they make the time
    long enough for the gate.
    """
    if not fresh:
        return ()
    counted = [each.committed for each in known if each.counts]
    if not counted:
        return tuple(dict.fromkeys((fresh[0], fresh[-1])))
    first, last = min(counted), max(counted)
    whole = max(last, fresh[-1].committed) - min(first, fresh[0].committed)
    least = 1 if last - first < STABLE <= whole else _DAY
    older = (fresh[0],) if first - fresh[0].committed >= least else ()
    newer = (fresh[-1],) if fresh[-1].committed - last >= least else ()
    return tuple(dict.fromkeys((*older, *newer)))


def _first_of(
    items: Iterable[Weighed], key: Callable[[Weighed], Hashable], taken: Iterable[Hashable]
) -> list[Weighed]:
    seen, found = set(taken), []
    for each in items:
        if key(each) not in seen:
            seen.add(key(each))
            found.append(each)
    return found
