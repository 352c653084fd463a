"""Judges what is new in many ledgers at once, by the replay that `idse fsck` uses."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.event_index import LONG
from idse_orchestrator.ledger.refs import CannotJudgeError
from idse_orchestrator.ledger.replay import Replay, cuts
from idse_orchestrator.sync.guard_commits import CommitReader, ReadCommit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.ledger.kinds import Named
    from idse_orchestrator.sync.guard_objects import GuardObjects
    from idse_orchestrator.sync.published_refs import RefMove

_WALK = ("rev-list", "--topo-order", "--reverse", "--parents", "--stdin")

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
    from idse_orchestrator.sync.published_refs import RefMove

    graph, _ = _walk(git, [RefMove(stretch.ref, "", stretch.fresh[-1])])
    return stretch._replace(base="", whole=tuple(graph)), graph


def plan_of(git: Git, moves: Sequence[RefMove], known: Graph | None = None) -> Plan:
    """Plans the judgement of `moves`; an `old` must be here, or be "".

    `known` is the graph of what is new, where git need not be asked.
    """
    graph, unreadable = _walk(git, moves) if known is None else (known, {})
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


_AT_ONCE = 4_000
_ENOUGH = 20
"""Defects that are told of one ref: whoever made more of them by hand knows."""
_EVENT = re.compile(rb"^Idse-Event: (\S+)$", re.MULTILINE)
_PATIENCE = 3600.0


class _Ledger:
    """One ledger while it is judged."""

    def __init__(
        self, name: Named, stretch: Stretch, graph: Mapping[str, tuple[str, ...]], base: bytes
    ) -> None:
        self.ref = stretch.ref
        self.stretch = stretch
        self.ids = stretch.whole or stretch.fresh
        self.events: set[str] = set()
        self.before = 0
        """How many events stand below the base, at the least."""
        self.defects: list[Defect] = []
        self.ended = False
        self._problems: set[tuple[str, str]] = set()
        self._cuts = _cuts(self.ids, graph) if not stretch.base else b"\1" * len(self.ids)
        below = (stretch.base, name.kind.from_json(base)) if stretch.base else None
        self.before = below[1].lamport if below else 0
        self._replay = Replay(self.ref, name, below)

    def rows(self) -> Iterator[tuple[_Ledger, str, int]]:
        """Yields every commit to read, with its ledger and its place in it, until the ledger has ended."""
        for place, name in enumerate(self.ids):
            if self.ended:
                return
            yield self, name, place

    def take(self, read: ReadCommit, place: int) -> None:
        """Judges the next commit."""
        if self.ended:
            return
        for problem in read.problems:
            if problem not in self._problems:
                self._problems.add(problem)
                self.defects.append(Defect(self.ref, read.id, *problem))
        if read.commit is None:
            self.ended = True
            return
        self.events.update(each.decode("utf-8", "replace") for each in _EVENT.findall(read.commit.message))
        is_tip = place == len(self.ids) - 1
        self.defects += self._replay.step(read.commit, is_cut=bool(self._cuts[place]), is_tip=is_tip)
        if read.commit.is_foreign and not is_tip:
            what = "it can be reached from this ref and is no ledger commit"
            self.defects.append(Defect(self.ref, read.id, "foreign-parent", what))
        self.ended = read.commit.is_foreign or self._replay.stopped or len(self.defects) >= _ENOUGH

    def end(self) -> None:
        """Judges the ledger as a whole."""
        self.defects += self._replay.end()
        del self.defects[_ENOUGH:]


class LedgerJudge:
    """Judges ledgers whose new commits are in `graph`."""

    def __init__(self, objects: GuardObjects, graph: Mapping[str, tuple[str, ...]]) -> None:
        self._objects = objects
        self._graph = graph
        self._reader = CommitReader(objects, graph)

    def judge(self, asked: Sequence[tuple[Named, Stretch]]) -> dict[str, list[Defect]]:
        """Returns the defects of each ledger that has some."""
        found: dict[str, list[Defect]] = {}
        ledgers = []
        bases = list(dict.fromkeys(stretch.base for _, stretch in asked if stretch.base))
        states = self._reader.states(bases)
        for name, stretch in asked:
            try:
                ledgers.append(_Ledger(name, stretch, self._graph, states.get(stretch.base, b"")))
            except CannotJudgeError as error:
                found[stretch.ref] = [Defect(stretch.ref, stretch.base, error.code, str(error))]
            except ValueError:
                what = "this commit of our own, on which the new ones build, cannot be read"
                found[stretch.ref] = [Defect(stretch.ref, stretch.base, "state-schema", what)]
        self._run(ledgers)
        ledgers = self._replayed_where_doubtful(ledgers, {stretch.ref: name for name, stretch in asked})
        return found | {ledger.ref: self._reported(ledger) for ledger in ledgers if ledger.defects}

    def _run(self, ledgers: Iterable[_Ledger]) -> None:
        ledgers = list(ledgers)
        rows = (row for ledger in ledgers for row in ledger.rows())
        while batch := list(islice(rows, _AT_ONCE)):
            commits = self._reader.read([name for _, name, _ in batch])
            for (ledger, _, place), commit in zip(batch, commits, strict=True):
                ledger.take(commit, place)
        for ledger in ledgers:
            ledger.end()

    def _replayed_where_doubtful(
        self, ledgers: Sequence[_Ledger], names: Mapping[str, Named]
    ) -> list[_Ledger]:
        """Replays those from the beginning that hold an event which stands below their base already."""
        based = [ledger for ledger in ledgers if ledger.stretch.base and not ledger.defects]
        long = [ledger for ledger in based if ledger.before >= LONG]
        older = self._events_below([ledger.stretch.base for ledger in based if ledger not in long])
        doubtful = [
            ledger for ledger in based if self._is_known(ledger) or not ledger.events.isdisjoint(older)
        ]
        kept = [ledger for ledger in ledgers if ledger not in doubtful]
        for ledger in doubtful:
            stretch, graph = whole_of(self._objects.git, ledger.stretch)
            kept.append(_Ledger(names[ledger.ref], stretch, graph, b""))
            self._run(kept[-1:])
        return kept

    def _is_known(self, ledger: _Ledger) -> bool:
        """Tests whether another of our commits holds an event of a long ledger; an index tells."""
        if ledger.before < LONG:
            return False
        table = self._objects.index.covering(ledger.ref, ledger.stretch.base, make=True)
        fresh = set(ledger.ids)
        return table is None or any(not fresh.issuperset(table.commits(event)) for event in ledger.events)

    def _events_below(self, bases: Sequence[str]) -> frozenset[str]:
        """Returns the ids of all events that `bases` reach: their messages were compared with them before."""
        messages = self._objects.messages_below(bases) if bases else b""
        return frozenset(each.decode("utf-8", "replace") for each in _EVENT.findall(messages))

    def _reported(self, ledger: _Ledger) -> list[Defect]:
        """Returns the defects; of a ref that is source code altogether just that."""
        if any(defect.code == "foreign-parent" for defect in ledger.defects):
            (tip,) = self._reader.read([ledger.ids[-1]])
            if tip.commit is not None and tip.commit.is_foreign:
                what = "the ref points at a commit that is no ledger commit"
                return [Defect(ledger.ref, tip.id, "foreign-tip", what)]
        return ledger.defects


def _cuts(ids: Sequence[str], graph: Mapping[str, tuple[str, ...]]) -> bytes:
    if all(len(graph[name]) < 2 for name in ids):
        return b"\1" * len(ids)
    places = {name: place for place, name in enumerate(ids)}
    return bytes(cuts([tuple(places[parent] for parent in graph[name] if parent in places) for name in ids]))
