"""The order in which a ledger's entries are read: newest first, each before its parents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush

from idse_orchestrator.domain.store_entry import StoreEntry

Load = Callable[[str], StoreEntry]


def newest_first(tip: str, load: Load) -> Iterator[tuple[str, StoreEntry]]:
    """(id, entry) of everything that can be reached from `tip`, read as it is taken until a merge comes.

    From a merge on, the parents of all that is left are read first: an entry may have two children.
    """
    name = tip
    while True:
        entry = load(name)
        if len(entry.parents) > 1:
            yield from _sorted(name, load)
            return
        yield name, entry
        if not entry.parents:
            return
        name = entry.parents[0]


def _sorted(tip: str, load: Load) -> Iterator[tuple[str, StoreEntry]]:
    parents, times = _graph(tip, load)
    children = dict.fromkeys(parents, 0)
    for above in parents.values():
        for parent in above:
            children[parent] += 1
    ready = [(-times[tip], tip)]
    while ready:
        _, name = heappop(ready)
        yield name, load(name)
        for parent in parents[name]:
            children[parent] -= 1
            if not children[parent]:
                heappush(ready, (-times[parent], parent))


def _graph(tip: str, load: Load) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    parents: dict[str, tuple[str, ...]] = {}
    times: dict[str, int] = {}
    waiting = [tip]
    while waiting:
        name = waiting.pop()
        if name not in parents:
            entry = load(name)
            parents[name] = tuple(dict.fromkeys(entry.parents))
            times[name] = entry.committed
            waiting += entry.parents
    return parents, times
