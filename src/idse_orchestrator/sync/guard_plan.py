"""Plans which commits of each ref have to be judged, and on top of what: one walk of git for all refs.

Only what is reachable from a ref's own old tip counts as judged before. That another ref has a commit
says nothing: a history can be put under a wrong name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.git.program import Git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.ledger.sync_point import RefMove

_WALK = ("rev-list", "--topo-order", "--reverse", "--parents", "--stdin")
_PATIENCE = 3600.0

Graph = dict[str, tuple[str, ...]]
"""Commit to parents, parents first."""


class Stretch(NamedTuple):
    """The new commits of one ref, parents first, on top of the commit `base` ("" : of nothing).

    `base` is reachable from the ref's old tip. Where what is new does not stand on one commit, `whole` is
    all that is reachable from the new tip, and `fresh` what of it is new. `is_forward`: the new tip
    reaches the old one.
    """

    ref: str
    fresh: Sequence[str]
    base: str = ""
    whole: Sequence[str] = ()
    is_forward: bool = True


class Plan(NamedTuple):
    """The stretches to judge, the parents of every commit in them, and refs without a sound history."""

    stretches: Sequence[Stretch]
    graph: Mapping[str, tuple[str, ...]]
    unreadable: Mapping[str, str]


def whole_of(git: Git, stretch: Stretch) -> tuple[Stretch, Mapping[str, tuple[str, ...]]]:
    """Returns `stretch` with the whole history of its tip, and the graph of that."""
    from idse_orchestrator.ledger.sync_point import RefMove

    graph, _ = _walk(git, [RefMove(stretch.ref, "", stretch.fresh[-1])])
    return stretch._replace(base="", whole=tuple(graph)), graph


def plan_of(git: Git, moves: Sequence[RefMove]) -> Plan:
    """Plans the judgement of `moves`; an `old` must be here, or be ""."""
    graph, unreadable = _walk(git, moves)
    moves = [move for move in moves if move.ref not in unreadable]
    places = {name: place for place, name in enumerate(graph)}
    stretches, odd = [], []
    for move in moves:
        stretch = _simple(move, graph, places)
        if stretch is None:
            odd.append(move)
        else:
            stretches.append(stretch)
    if odd:
        histories, lost = _walk(git, odd, everything=True)
        unreadable |= lost
        order = {name: place for place, name in enumerate(histories)}
        stretches += [_odd(move, histories, order) for move in odd if move.ref not in lost]
        graph |= histories
    return Plan(stretches, graph, unreadable)


def _simple(move: RefMove, graph: Graph, places: Mapping[str, int]) -> Stretch | None:
    """Finds a line on top of the old tip, or a history that begins by itself; else None."""
    line, name = [], move.new
    while name in graph and len(graph[name]) == 1:
        line.append(name)
        (name,) = graph[name]
    if name == move.old:
        return Stretch(move.ref, line[::-1], name)
    if name in graph and not graph[name]:
        return Stretch(move.ref, [name, *line[::-1]], is_forward=not move.old)
    if name not in graph:
        return None
    reached = _reached(graph, move.new)
    if any(parent not in reached for each in reached for parent in graph[each]):
        return None
    return Stretch(move.ref, sorted(reached, key=places.__getitem__), is_forward=not move.old)


def _odd(move: RefMove, graph: Graph, places: Mapping[str, int]) -> Stretch:
    before = _reached(graph, move.old) if move.old else frozenset[str]()
    whole = sorted(_reached(graph, move.new), key=places.__getitem__)
    fresh = [name for name in whole if name not in before]
    below = {parent for name in fresh for parent in graph[name] if parent in before}
    is_forward = not move.old or (len(fresh) < len(whole) and before.issubset(whole))
    if len(below) == 1 and all(
        graph[name] == (previous,) for previous, name in zip([*below, *fresh], fresh, strict=False)
    ):
        return Stretch(move.ref, fresh, below.pop(), (), is_forward)
    return Stretch(move.ref, fresh, "", whole if below else (), is_forward)


def _reached(graph: Mapping[str, tuple[str, ...]], tip: str) -> frozenset[str]:
    found, waiting = set(), [tip]
    while waiting:
        name = waiting.pop()
        if name in graph and name not in found:
            found.add(name)
            waiting.extend(graph[name])
    return frozenset(found)


def _walk(git: Git, moves: Sequence[RefMove], *, everything: bool = False) -> tuple[Graph, dict[str, str]]:
    """Returns the graph of what is new (or of `everything`), and ref to git's words if broken.

    git gives up on all of them then, so they are walked by halves until the broken ones stand alone.
    """
    if not moves:
        return {}, {}
    done = git.attempt(*_WALK, stdin=_question(moves, everything=everything), timeout=_PATIENCE)
    if done.returncode == 0:
        rows = (line.split() for line in done.stdout.decode().splitlines())
        return {row[0]: tuple(row[1:]) for row in rows}, {}
    if len(moves) == 1:
        return {}, {moves[0].ref: done.stderr.decode("utf-8", "replace").strip()}
    half = len(moves) // 2
    graph, broken = _walk(git, moves[:half], everything=everything)
    more, also = _walk(git, moves[half:], everything=everything)
    graph.update((name, parents) for name, parents in more.items() if name not in graph)
    return graph, broken | also


def _question(moves: Iterable[RefMove], *, everything: bool) -> bytes:
    sign = "" if everything else "^"
    rows = (f"{move.new}\n" + (f"{sign}{move.old}\n" if move.old else "") for move in moves)
    return "".join(rows).encode()
