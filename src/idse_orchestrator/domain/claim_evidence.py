"""Which ledger commits bear out a claim: how long each document has said so, and which of them are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from idse_orchestrator.domain.claim_gate import Weighed

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


def standing_run(
    history: Mapping[str, Version], tip: str, stage: str, says_so: Callable[[str], bool]
) -> tuple[Version, Version] | None:
    """The oldest and the newest ledger commit of the time for which the document has said so until now.

    From the tip one goes back over all parents, as long as the document of `stage` says so. None where
    the tip does not.
    """
    waiting, seen = [tip], set[str]()
    run: list[Version] = []
    while waiting:
        commit = waiting.pop()
        version = history.get(commit)
        if version is None or commit in seen:
            continue
        seen.add(commit)
        if says_so(version.blobs.get(stage, "")):
            run.append(version)
            waiting.extend(version.parents)
    if not run or run[0].commit != tip:
        return None
    return min(run, key=lambda each: (each.committed, each.commit)), run[0]


def kept(found: Sequence[Weighed], known: Sequence[Weighed] = ()) -> tuple[Weighed, ...]:
    """What of `found` is worth to be recorded beside `known`, at most MOST_AT_ONCE and in a stable order.

    First what widens the time, then one of each session, then one of each stage of each session.
    """
    if not found:
        return ()
    fresh = sorted(set(found) - set(known), key=lambda each: (each.committed, each.evidence))
    wider = _wider(fresh, known)
    pairs = {(each.evidence.session, each.evidence.stage) for each in (*known, *wider)}
    sessions = {each.evidence.session for each in (*known, *wider)}
    new_pairs = _first_of(fresh, lambda each: (each.evidence.session, each.evidence.stage), pairs)
    order = sorted(
        new_pairs, key=lambda each: (each.evidence.session in sessions, each.committed, each.evidence)
    )
    room = max(0, min(MOST_AT_ONCE, MOST - len(known)))
    return tuple(dict.fromkeys((*wider, *order)))[:room]


def _wider(fresh: Sequence[Weighed], known: Sequence[Weighed]) -> tuple[Weighed, ...]:
    """The oldest and the newest of `fresh`, where they stand a day or more outside of what is known."""
    counted = [each.committed for each in known if each.counts]
    if not fresh:
        return ()
    if not counted:
        return tuple(dict.fromkeys((fresh[0], fresh[-1])))
    older = (fresh[0],) if min(counted) - fresh[0].committed >= _DAY else ()
    newer = (fresh[-1],) if fresh[-1].committed - max(counted) >= _DAY else ()
    return tuple(dict.fromkeys((*older, *newer)))


def _first_of(
    items: Iterable[Weighed], key: Callable[[Weighed], tuple[str, str]], taken: Iterable[tuple[str, str]]
) -> list[Weighed]:
    seen, found = set(taken), []
    for each in items:
        if key(each) not in seen:
            seen.add(key(each))
            found.append(each)
    return found
