"""The guard at the border: judges what a remote has before it comes in, and what we have before it goes out.

All directions ask the same: is all that is new under this ref a ledger as idse writes it? So whatever one
clone may publish, a server and every other clone take in. Nothing here moves a ref or keeps an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.workers import answer, cores, share_out
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.raw_objects import grafted
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.kinds import EVENTS, NOTES, SYNC_POINTS, Kinds, Named
from idse_orchestrator.ledger.refs import Neighbours
from idse_orchestrator.ledger.replay import merge_problems
from idse_orchestrator.sync.guard_commits import NotesJudge
from idse_orchestrator.sync.guard_ledgers import LedgerJudge, Plan, Stretch, plan_of
from idse_orchestrator.sync.guard_objects import GuardObjects
from idse_orchestrator.sync.guard_sync_points import sync_line_defects
from idse_orchestrator.sync.published_refs import RefMove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.ledger.merge.joiner import GitJoiner
    from idse_orchestrator.sync.incoming import Incoming

INCOMING, OUTGOING, RECEIVING = "incoming", "outgoing", "receiving"
_SHOWN = 20
_WORKER = "idse_orchestrator.sync.guard"


class GitGuard:
    """Judges ledgers before they come in or go out. A Defect that is a note is no reason to refuse."""

    def __init__(self, vault: Vault, kinds: Kinds) -> None:
        self._vault = vault
        self._kinds = kinds

    def incoming(
        self, moves: Iterable[RefMove], objects: Incoming | None, there: Iterable[str]
    ) -> Mapping[str, Sequence[Defect]]:
        """Returns the defects of what a remote has, by ref; sound refs are left out.

        `old` is the local id ("" : we have none), `new` the remote's; what is reachable from `old` was judged
        before. `there` are all local ref names, for names that differ only in case. `objects` is None if
        everything is in this repository already.
        """
        wanted = sorted(moves)
        neighbours = Neighbours(there) if any(not move.old for move in wanted) else None
        named, refused = self._named(wanted, neighbours)
        return _by_ref([*refused, *self._judged(named, objects.folder if objects is not None else None)])

    def outgoing(self, moves: Iterable[RefMove]) -> Mapping[str, Sequence[Defect]]:
        """Returns what keeps local refs from being published, by ref.

        `old` is what the remote has ("" : nothing); what is reachable from it is published already.
        """
        named, refused = self._named(sorted(moves), None)
        gone = [move.ref for move in named if not move.new]
        deletions = [Defect(ref, "", "ref-deletion", "it would be deleted on the remote") for ref in gone]
        judged = self._judged([move for move in named if move.new], None, OUTGOING)
        return _by_ref([*map(_grave, refused), *deletions, *judged])

    def receiving(
        self, moves: Iterable[RefMove], object_folder: str | None, there: Iterable[str]
    ) -> Mapping[str, Sequence[Defect]]:
        """Returns why a server cannot take a push, by ref; sound refs are left out, and a note is a reason.

        `old` is what the server has ("" : nothing), `new` what was pushed ("" : a deletion), in the
        repository or in `object_folder`. `there` are the names of all refs, asked where one is new.
        """
        wanted = sorted(moves)
        neighbours = Neighbours(there) if any(not move.old for move in wanted) else None
        named, refused = self._named(wanted, neighbours)
        gone = [Defect(move.ref, "", "ref-deletion", "it would be deleted") for move in named if not move.new]
        judged = self._judged([move for move in named if move.new], object_folder, RECEIVING)
        return _by_ref([*map(_grave, refused), *gone, *judged])

    def _named(
        self, moves: Iterable[RefMove], neighbours: Neighbours | None
    ) -> tuple[list[RefMove], list[Defect]]:
        """Returns the moves of refs that may be judged further, and why the others may not."""
        named, refused = [], []
        for move in moves:
            name = self._kinds.published(move.ref)
            problem = None if isinstance(name, Named) else name
            if problem is None and neighbours is not None:
                problem = neighbours.problem(move.ref)
            if problem is not None:
                refused.append(Defect(move.ref, "", *problem))
                continue
            named.append(move)
            if neighbours is not None:
                neighbours.add(move.ref)
        return named, refused

    def _judged(
        self, moves: Sequence[RefMove], folder: str | None, direction: str = INCOMING
    ) -> list[Defect]:
        """Returns the defects of `moves`; ledgers know nothing of each other, so in parts."""
        count = parts_for(len(moves)) if self._kinds.found_at else 1
        git = self._vault.git
        place = (self._vault.common_dir, git.folder, dict(git.environment), self._kinds.found_at)
        parts = [Part(tuple(moves[number::count]), folder, direction) for number in range(count)]

        def here(question: tuple[object, Part]) -> Sequence[Sequence[str]]:
            return judge_part(self._vault, self._kinds, question[1])

        rows = share_out([(place, part) for part in parts], _WORKER, git.environment, here)
        return [Defect(*row) for part in rows for row in part]


class Part(NamedTuple):
    """Refs to judge in one go: `moves`, with the object folder `objects` beside the repository's own."""

    moves: tuple[RefMove, ...]
    objects: str | None
    direction: str


def judge_part(vault: Vault, kinds: Kinds, part: Part) -> Sequence[Sequence[str]]:
    """Returns (ref, commit, code, what) of each defect of the refs of `part`, whose names are good."""
    with GuardObjects(vault, part.objects) as objects:
        found = _Judgement(vault, kinds, part, objects).defects()
        return [(bad.ref, bad.commit, bad.code, bad.what) for bad in found]


class _Judgement:
    """One judgement of many refs."""

    def __init__(self, vault: Vault, kinds: Kinds, part: Part, objects: GuardObjects) -> None:
        self._vault = vault
        self._kinds = kinds
        self._part = part
        self._objects = objects
        self._names = {move.ref: named for move in part.moves if (named := kinds.named(move.ref))}

    def defects(self) -> Iterator[Defect]:
        """Yields what is wrong with any ref; merges are made again only where all else is sound."""
        moves = self._part.moves
        kinds = self._objects.measure(name for move in moves for name in (move.new, move.old) if name)
        readable = []
        for move in moves:
            kind = kinds[move.new].kind if move.new in kinds else ""
            if self._part.direction == RECEIVING and move.old and move.old not in kinds:
                yield Defect(
                    move.ref, move.old, "missing-object", "what the ref points at so far is not here"
                )
            elif kind == "commit":
                readable.append(move if move.old in kinds else move._replace(old=""))
            else:
                yield _no_commit(move, kind)
        plan = plan_of(self._objects.git, readable)
        for ref, words in plan.unreadable.items():
            yield Defect(ref, "", "missing-object", words)
        bad = set()
        for defect in self._contents(plan):
            bad.add(defect.ref)
            yield defect
        sound = [stretch for stretch in plan.stretches if stretch.ref not in bad]
        yield from self._merge_defects(sound, plan.graph)

    def _contents(self, plan: Plan) -> Iterator[Defect]:
        names = self._names
        families: dict[str, list[Stretch]] = {}
        for stretch in plan.stretches:
            families.setdefault(names[stretch.ref].kind.holds, []).append(stretch)
        if self._part.direction != INCOMING:
            yield from self._not_forward(plan)
        judged = LedgerJudge(self._objects, plan.graph).judge(
            [(names[stretch.ref], stretch) for stretch in families.get(EVENTS, ()) if stretch.fresh]
        )
        for defects in judged.values():
            yield from defects
        for stretch in families.get(NOTES, ()):
            found = NotesJudge(self._objects).judge(stretch.fresh, stretch.base)
            yield from (Defect(stretch.ref, *problem) for problem in found)
        lines = families.get(SYNC_POINTS, ())
        owners = {stretch.ref: names[stretch.ref].names[0] for stretch in lines}
        yield from sync_line_defects(self._objects, lines, owners)

    def _merge_defects(
        self, stretches: Sequence[Stretch], graph: Mapping[str, tuple[str, ...]]
    ) -> Iterator[Defect]:
        """Yields merges whose parents are sound and that are not what everybody would make of them."""
        made = [
            (stretch.ref, name) for stretch in stretches for name in stretch.fresh if len(graph[name]) > 1
        ]
        if not made:
            return
        from idse_orchestrator.ledger.merge.joiner import GitJoiner

        joiner = GitJoiner(self._vault, self._kinds, self._part.objects)
        refused: set[str] = set()
        for ref, name in made:
            problem = None if ref in refused else _merge_problem(joiner, ref, name, graph[name])
            if problem is not None:
                refused.add(ref)
                yield Defect(ref, name, *problem)

    def _not_forward(self, plan: Plan) -> Iterator[Defect]:
        grafts = grafted(self._vault.common_dir)
        for stretch in plan.stretches:
            if not stretch.is_forward:
                yield Defect(stretch.ref, "", "ref-rewind", "the remote's commits would be lost")
            for name in grafts.intersection(stretch.fresh):
                yield Defect(stretch.ref, name, "grafted", "a graft gives this commit other parents here")


def _merge_problem(
    joiner: GitJoiner, ref: str, name: str, parents: tuple[str, ...]
) -> tuple[str, str] | None:
    try:
        return next(merge_problems(ref, name, parents, joiner.expected), None)
    except GitFailedError as error:
        return "merge-content", f"its parents cannot be merged: {error}"


def _grave(defect: Defect) -> Defect:
    """Makes a note a reason to refuse: an unknown ref may be left alone, and may not be sent."""
    return Defect(defect.ref, "", "ref-family", defect.what) if defect.is_note else defect


def _no_commit(move: RefMove, kind: str) -> Defect:
    if not kind:
        return Defect(move.ref, move.new, "missing-object", "the ref points at an object that is not here")
    return Defect(move.ref, move.new, "ref-kind", f"the ref points at a {kind}, not at a commit")


def _by_ref(defects: Iterable[Defect]) -> dict[str, list[Defect]]:
    found: dict[str, list[Defect]] = {}
    for defect in defects:
        shown = found.setdefault(defect.ref, [])
        if len(shown) < _SHOWN:
            shown.append(defect)
    return found


WORTH_IT = 2_000
"""Refs from which on the second process saves more than it costs."""
_MOST = 4


def parts_for(count: int) -> int:
    """Returns into how many parts the judgement of `count` refs is divided."""
    if count < WORTH_IT:
        return 1
    return max(1, min(_MOST, cores(), count // WORTH_IT + 1))


def _answer(question: Any) -> Sequence[Sequence[str]]:  # noqa: ANN401 - whatever JSON holds
    (common_dir, folder, environment, found_at), (moves, objects, direction) = question
    vault = Vault(common_dir, Git(folder, environment))
    part = Part(tuple(RefMove(*move) for move in moves), objects, direction)
    return judge_part(vault, loaded(found_at), part)


if __name__ == "__main__":
    answer(_answer)
