"""What the tree of a merge holds: one class for ledgers, one for notes.

Both answer one question: given the base ("" : none) and two commits in id order, which tree, and
what is in conflict? Nothing else may decide the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from idse_orchestrator.app.ledger_values import Conflict
from idse_orchestrator.domain.events import Event, event_from_json
from idse_orchestrator.domain.ledger.commit import FOLDER, PLAIN
from idse_orchestrator.domain.ledger.event_order import fold_onto
from idse_orchestrator.git.ledger.format import ARTIFACTS, EVENT, STATE, corrupt
from idse_orchestrator.git.merge.artifact_join import ArtifactJoin
from idse_orchestrator.git.merge.objects import BLOB, make_tree

if TYPE_CHECKING:
    from idse_orchestrator.git.ledger.kinds import LedgerKind
    from idse_orchestrator.git.merge.ancestry import Ancestry
    from idse_orchestrator.git.merge.objects import Objects
    from idse_orchestrator.git.program import Git

_LABEL_DIGITS = 12


class Pair(NamedTuple):
    """Two commits in id order, their base ("" : none), and the commits that only one of them reaches."""

    one: str
    other: str
    base: str
    apart: tuple[str, ...]


class Content(Protocol):
    """How one kind of ref is merged."""

    message: str

    def joined(self, pair: Pair) -> tuple[str, tuple[Conflict, ...]]:
        """The tree of the merge, and its conflicts."""


class Folded(Protocol):
    """What states of all kinds of ledger have in common."""

    @property
    def lamport(self) -> int:
        """The greatest lamport number that was folded."""


State = TypeVar("State", bound=Folded)


class LedgerContent(Generic[State]):
    """Merges the ledger at `ref`: the fold of all events, and the documents of both sides."""

    def __init__(
        self, ref: str, kind: LedgerKind[State], empty: State, ancestry: Ancestry, objects: Objects, git: Git
    ) -> None:
        from idse_orchestrator.domain.ledger.message import MERGE_MESSAGE

        self.message = MERGE_MESSAGE
        self._ref = ref
        self._kind = kind
        self._empty = empty
        self._ancestry = ancestry
        self._objects = objects
        self._artifacts = ArtifactJoin(objects, git)

    def joined(self, pair: Pair) -> tuple[str, tuple[Conflict, ...]]:
        """See `Content.joined`."""
        commits = (pair.base, pair.one, pair.other)
        base, one, other = (self._part(commit, ARTIFACTS) if commit else "" for commit in commits)
        labels = (pair.base[:_LABEL_DIGITS], pair.one[:_LABEL_DIGITS], pair.other[:_LABEL_DIGITS])
        artifacts, conflicts = self._artifacts.join(base, one, other, labels)
        entries = {STATE: (PLAIN, self._objects.make(BLOB, self._state(pair)))}
        if artifacts:
            entries[ARTIFACTS] = (FOLDER, artifacts)
        return make_tree(self._objects, entries), conflicts

    def _state(self, pair: Pair) -> bytes:
        try:
            return self._kind.to_json(self._folded(pair))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise corrupt(self._ref, f"its events cannot be folded: {error!r}") from error

    def _folded(self, pair: Pair) -> State:
        """The fold of both sides' events: on top of the base's state where all of them came after it."""
        if pair.base:
            before = self._kind.from_json(self._objects.read(self._part(pair.base, STATE), BLOB))
            since = self._events(pair.apart)
            if all(event.lamport > before.lamport for event in since):
                return fold_onto(before, since, self._kind.apply)
        everything = self._events(self._ancestry.reachable((pair.one, pair.other)))
        return fold_onto(self._empty, everything, self._kind.apply)

    def _events(self, commits: Iterable[str]) -> list[Event]:
        found = []
        for commit in commits:
            event = self._part(commit, EVENT)
            if event:
                found.append(event_from_json(self._objects.read(event, BLOB)))
            elif len(self._ancestry.commit(commit).parents) < 2:
                raise corrupt(self._ref, f"commit {commit[:12]} has no {EVENT}")
        return found

    def _part(self, commit: str, name: str) -> str:
        """The id of what a ledger commit has under `name`; "" where it has nothing there."""
        entries = self._objects.entries(self._ancestry.commit(commit).tree)
        found = next((entry for entry in entries if entry.path == name), None)
        if found is None and name == STATE:
            raise corrupt(self._ref, f"commit {commit[:12]} has no {STATE}")
        if found is None:
            return ""
        if found.mode != (FOLDER if name == ARTIFACTS else PLAIN):
            raise corrupt(self._ref, f"{name} of commit {commit[:12]} has mode {found.mode}")
        return found.id
