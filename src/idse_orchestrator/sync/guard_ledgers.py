"""Judges what is new in many ledgers at once, by the replay that `idse fsck` uses."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.refs import CannotJudgeError
from idse_orchestrator.ledger.replay import Replay, cuts
from idse_orchestrator.sync.guard_commits import CommitReader, ReadCommit
from idse_orchestrator.sync.guard_plan import whole_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.ledger.kinds import Named
    from idse_orchestrator.sync.guard_objects import GuardObjects
    from idse_orchestrator.sync.guard_plan import Stretch

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
        self.events: set[bytes] = set()
        self.defects: list[Defect] = []
        self.ended = False
        self._problems: set[tuple[str, str]] = set()
        self._cuts = _cuts(self.ids, graph) if not stretch.base else b"\1" * len(self.ids)
        below = (stretch.base, name.kind.from_json(base)) if stretch.base else None
        self._replay = Replay(self.ref, name, below)

    def rows(self) -> Iterator[tuple[_Ledger, str, int]]:
        """Every commit to read, with its ledger and its place in it, until the ledger has ended."""
        for place, name in enumerate(self.ids):
            if self.ended:
                return
            yield self, name, place

    def take(self, read: ReadCommit, place: int) -> None:
        """Judge the next commit."""
        if self.ended:
            return
        for problem in read.problems:
            if problem not in self._problems:
                self._problems.add(problem)
                self.defects.append(Defect(self.ref, read.id, *problem))
        if read.commit is None:
            self.ended = True
            return
        self.events.update(_EVENT.findall(read.commit.message))
        is_tip = place == len(self.ids) - 1
        self.defects += self._replay.step(read.commit, is_cut=bool(self._cuts[place]), is_tip=is_tip)
        if read.commit.is_foreign and not is_tip:
            what = "it can be reached from this ref and is no ledger commit"
            self.defects.append(Defect(self.ref, read.id, "foreign-parent", what))
        self.ended = read.commit.is_foreign or self._replay.stopped or len(self.defects) >= _ENOUGH

    def end(self) -> None:
        """Judge the ledger as a whole."""
        self.defects += self._replay.end()
        del self.defects[_ENOUGH:]


class LedgerJudge:
    """Judges ledgers whose new commits are in `graph`."""

    def __init__(self, objects: GuardObjects, graph: Mapping[str, tuple[str, ...]]) -> None:
        self._objects = objects
        self._graph = graph
        self._reader = CommitReader(objects, graph)

    def judge(self, asked: Sequence[tuple[Named, Stretch]]) -> dict[str, list[Defect]]:
        """The defects of each ledger that has some."""
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
        ledgers = self._again(ledgers, {stretch.ref: name for name, stretch in asked})
        return found | {ledger.ref: self._told(ledger) for ledger in ledgers if ledger.defects}

    def _run(self, ledgers: Iterable[_Ledger]) -> None:
        ledgers = list(ledgers)
        rows = (row for ledger in ledgers for row in ledger.rows())
        while batch := list(islice(rows, _AT_ONCE)):
            commits = self._reader.read([name for _, name, _ in batch])
            for (ledger, _, place), commit in zip(batch, commits, strict=True):
                ledger.take(commit, place)
        for ledger in ledgers:
            ledger.end()

    def _again(self, ledgers: Sequence[_Ledger], names: Mapping[str, Named]) -> list[_Ledger]:
        """Replay those from the beginning that hold an event which stands below their base already."""
        older = self._events_below([ledger.stretch.base for ledger in ledgers if ledger.stretch.base])
        doubtful = [
            ledger
            for ledger in ledgers
            if ledger.stretch.base and not ledger.defects and not ledger.events.isdisjoint(older)
        ]
        kept = [ledger for ledger in ledgers if ledger not in doubtful]
        for ledger in doubtful:
            stretch, graph = whole_of(self._objects.git, ledger.stretch)
            kept.append(_Ledger(names[ledger.ref], stretch, graph, b""))
            self._run(kept[-1:])
        return kept

    def _events_below(self, bases: Sequence[str]) -> frozenset[bytes]:
        """Ids of all events that the commits `bases` reach: their messages were compared with them before."""
        if not bases:
            return frozenset()
        stdin = "".join(f"{name}\n" for name in bases).encode()
        told = self._objects.own_git.bytes(
            "rev-list", "--stdin", "--format=%B", "--encoding=UTF-8", stdin=stdin, timeout=_PATIENCE
        )
        return frozenset(_EVENT.findall(told))

    def _told(self, ledger: _Ledger) -> list[Defect]:
        """The defects; of a ref that is source code altogether just that."""
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
