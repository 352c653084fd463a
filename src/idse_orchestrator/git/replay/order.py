"""The order in which the commits of a ledger are replayed: parents first, with the cuts of the history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from idse_orchestrator.domain.ledger.replay import cuts
from idse_orchestrator.git.replay.raw_objects import parse_commit

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.replay.careful_objects import CarefulObjects


@dataclass(frozen=True, slots=True)
class History:
    """Commit ids, parents first; for each 1 where it is a cut; and those without parents in git's eyes."""

    ids: Sequence[str]
    cuts: bytearray
    roots: frozenset[str]


def history_of(git: Git, objects: CarefulObjects, tip: str) -> History:
    """The history of `tip`; where git cannot walk it, because commits are missing, what can be reached."""
    done = git.attempt("rev-list", "--topo-order", "--reverse", "--parents", tip, "--", timeout=3600)
    if done.returncode == 0:
        return _ordered(line.decode("ascii").split() for line in BytesIO(done.stdout))
    return _ordered(_walked(objects, tip))


def _ordered(rows: Iterable[list[str]]) -> History:
    ids: list[str] = []
    positions: dict[str, int] = {}
    parents_of: list[tuple[int, ...]] = []
    roots = set()
    for commit, *parents in rows:
        positions[commit] = len(ids)
        ids.append(commit)
        parents_of.append(tuple(positions[parent] for parent in parents if parent in positions))
        if not parents:
            roots.add(commit)
    return History(ids, cuts(parents_of), frozenset(roots))


def _walked(objects: CarefulObjects, tip: str) -> list[list[str]]:
    """[commit, parent, …] of every commit that can be read, parents first, as `git rev-list` would."""
    parents_of: dict[str, tuple[str, ...]] = {}
    waiting = [tip]
    while waiting:
        known = [name for name in dict.fromkeys(waiting) if name not in parents_of]
        waiting = []
        for name, found in zip(known, objects.read_all(known), strict=True):
            if found is not None and found.kind == "commit":
                parents_of[name] = parse_commit(found.data)[1]
                waiting.extend(parents_of[name])
    return [[name, *parents_of[name]] for name in _parents_first(parents_of, tip)]


def _parents_first(parents_of: dict[str, tuple[str, ...]], tip: str) -> list[str]:
    """Depth first and without recursion: a history is deeper than Python's stack."""
    order: list[str] = []
    done: set[str] = set()
    stack = [(tip, False)]
    while stack:
        name, seen = stack.pop()
        if seen:
            order.append(name)
        elif name in parents_of and name not in done:
            done.add(name)
            stack.append((name, True))
            stack.extend((parent, False) for parent in parents_of[name])
    return order
