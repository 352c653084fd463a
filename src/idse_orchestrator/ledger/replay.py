"""Replays one ledger, commit by commit, and says where it is not what its events make of it.

Commits come parents first. Where all of a history passes through one commit (a *cut*; in a history
without merges that is every commit) everything before it is forgotten but its state, so a ledger of
any length is replayed in little memory. A merge needs the events since the last cut, no more: those
before it have smaller lamport numbers than all that came after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.ledger.commit import LedgerCommit, file_problems, shape_problems
from idse_orchestrator.ledger.defects import Defect, message_difference, state_difference
from idse_orchestrator.ledger.event_check import checked_event
from idse_orchestrator.ledger.events import CREATED, Event
from idse_orchestrator.ledger.folding import Line, Lines
from idse_orchestrator.ledger.kinds import Named, refuse_unknown, refuse_unknown_event
from idse_orchestrator.ledger.refs import FIRST, CannotJudgeError, NewerFormatError, newer_format

State = Any
"""Of whichever kind the ledger is; see `kinds.States`."""


ExpectedMerge = Callable[[str, Sequence[str]], str]
"""The id that the merge of two commits must have: ref and parents to id. CorruptLedgerError where it
cannot be told."""


@dataclass(slots=True)
class _Node:
    """`state` is what the replay says (None: nobody can tell), `recorded` what the commit says if other.

    `line` holds the events since the last cut that can be reached from here.
    """

    line: Line
    event: Event | None = None
    state: State | None = None
    recorded: State | None = None
    foreign: bool = False


class Replay:
    """The replay of the ledger at `ref`. Feed it with `step`, then ask `end`.

    `sound` is the last commit up to which nothing was wrong ("" when there is none). After a commit
    that this idse cannot judge `stopped` is true: nothing can be said about what follows.

    With `base`, a commit and its state that were found sound before, the replay begins on top of it. Then
    no event that stands before it is known: whoever asks so must look for repeated ones himself.

    `expected` gives the id that a merge must have; without it the documents in a merge are not checked.
    """

    def __init__(
        self,
        ref: str,
        named: Named,
        base: tuple[str, State] | None = None,
        *,
        expected: ExpectedMerge | None = None,
    ) -> None:
        self.ref = ref
        self.sound = ""
        self.stopped = False
        self._kind, self._names = named
        self._expected = expected
        self._is_shallow = False
        self._lines = Lines(base[1] if base else self._kind.empty(self._names), self._kind.apply)
        self._nodes: dict[str, _Node] = {base[0]: _Node(self._lines.empty, state=base[1])} if base else {}
        self._by_event: dict[str, Event] = {}
        self._older_ids: set[str] = set()
        self._clean = True
        self._carried = ("", 0)

    def step(self, commit: LedgerCommit, *, is_cut: bool, is_tip: bool) -> Sequence[Defect]:
        """Takes in the next commit; what is wrong with it."""
        found = [
            Defect(self.ref, commit.id, code, what) for code, what in self._judged(commit, is_tip=is_tip)
        ]
        if not found:
            found = [Defect(self.ref, commit.id, *problem) for problem in self._merge_problems(commit)]
        self._clean = self._clean and all(defect.is_note for defect in found)
        if self._clean:
            self.sound = commit.id
        if is_cut:
            self._forget_before(commit.id)
        return found

    def end(self) -> Sequence[Defect]:
        """Returns what is wrong with the ledger as a whole."""
        commit, count = self._carried
        if not count:
            return ()
        what = f"{counted(count, 'commit')} up to here build on a wrong state.json"
        return (Defect(self.ref, commit, "state-carried", what),)

    def _judged(self, commit: LedgerCommit, *, is_tip: bool) -> Iterator[tuple[str, str]]:
        node = _Node(self._line_below(commit))
        self._nodes[commit.id] = node
        if commit.is_foreign:
            node.foreign = True
            if is_tip:
                yield "foreign-tip", "the ref points at a commit that is no ledger commit"
            return
        if commit.grafted:
            yield "grafted", "a graft gives this commit other parents here"
        for name in commit.missing:
            yield "missing-object", f"object {name} is missing or damaged"
        highest = self._kind.highest
        newer = newer_format(commit.event or b"", highest) or newer_format(commit.state or b"", highest)
        if newer:
            self.stopped = True
            yield "newer-format", str(NewerFormatError(newer, highest))
            return
        yield from self._parent_problems(commit)
        for what in shape_problems(commit.entries or ()):
            yield "tree-shape", what
        yield from file_problems(commit.files, self._kind.limit)
        yield from self._event_problems(commit, node)
        if not self.stopped:
            yield from self._state_problems(commit, node)

    def _parent_problems(self, commit: LedgerCommit) -> Iterator[tuple[str, str]]:
        if commit.cut:
            self._is_shallow = True
            yield "cut-history", "this clone is shallow: what came before cannot be checked"
            return
        for parent in commit.parents:
            node = self._nodes.get(parent)
            if node is None:
                yield "missing-object", f"its parent {parent} is missing or damaged"
            elif node.foreign:
                yield "foreign-parent", f"its parent {parent[:12]} is no ledger commit"
        if len(commit.parents) > 1 and not self._kind.merges:
            yield "task-fork", f"it has {len(commit.parents)} parents, and a {self._kind.name} is one line"
        if len(commit.parents) > 2 or list(commit.parents) != sorted(set(commit.parents)):
            yield "merge-parents", f"its {len(commit.parents)} parents are not two in the order of their ids"

    def _merge_problems(self, commit: LedgerCommit) -> Iterator[tuple[str, str]]:
        """Yields what else is wrong with a merge that says what it should.

        Its documents, its date, its author.
        """
        if len(commit.parents) == 2 and self._expected and not (self._is_shallow or commit.is_foreign):
            yield from merge_problems(self.ref, commit.id, commit.parents, self._expected)

    def _event_problems(self, commit: LedgerCommit, node: _Node) -> Iterator[tuple[str, str]]:
        is_merge = len(commit.parents) > 1
        if commit.event is None:
            if not is_merge and commit.entries is not None and not commit.missing:
                yield "missing-event", "there is no event.json"
            return
        if is_merge:
            yield "merge-event", "a commit with more than one parent has an event.json"
        node.event, problem = checked_event(commit.event, self._kind)
        try:
            if node.event is None:
                refuse_unknown_event(self._kind, commit.event)
                yield "event-schema", problem
                return
            self._kind.check_part(node.event.kind)
        except CannotJudgeError as error:
            self.stopped = True
            yield error.code, str(error)
            return
        if node.event.id not in self._older_ids:
            node.line = self._lines.with_event(node.line, node.event)
        if node.event.to_json() != commit.event:
            yield "event-bytes", "event.json is not in the canonical form"
        difference = message_difference(commit.message, node.event)
        if difference is not None:
            yield "message", difference
        yield from self._order_problems(commit, node.event)

    def _order_problems(self, commit: LedgerCommit, event: Event) -> Iterator[tuple[str, str]]:
        if not commit.parents and event.kind != CREATED:
            yield "genesis", f"the first event is `{event.kind}`, not `{CREATED}`"
        states: list[Any] = [node.state for node in self._parents(commit) if node is not None]
        if len(states) == len(commit.parents) and None not in states:
            expected = max((state.lamport for state in states), default=0) + 1
            if event.lamport != expected:
                yield "lamport", f"lamport is {event.lamport}, and should be {expected}"
            before = max((state.format for state in states), default=FIRST)
            wanted = max(before, self._kind.needed(event.kind, event.body))
            if event.format != wanted:
                yield "event-format", f"its format is {event.format}, and should be {wanted}"
        if self._is_repeated(commit, event):
            yield "repeated-event", f"event {event.id} stands earlier in this history already"

    def _is_repeated(self, commit: LedgerCommit, event: Event) -> bool:
        """Returns an id among the ancestors.

        On concurrent sides the same event may stand twice, but no other.
        """
        if event.id in self._older_ids:
            return True
        twin = self._by_event.setdefault(event.id, event)
        return twin is not event and (twin != event or self._lines.holds(self._line_below(commit), event))

    def _state_problems(self, commit: LedgerCommit, node: _Node) -> Iterator[tuple[str, str]]:
        node.state = self._replayed(commit, node)
        if not self._kind.merges and node.state is not None and node.event is not None:
            refused = next((each for each in node.state.not_applied if each.event == node.event.id), None)
            if refused is not None:
                yield "task-action", refused.why
        if commit.state is None:
            if commit.entries is not None and not commit.missing:
                yield "missing-state", "there is no state.json"
            return
        if node.state is not None and commit.state == self._kind.to_json(node.state):
            return
        problem = self._kind.state_problem(commit.state)
        try:
            recorded = self._kind.from_json(commit.state)
            refuse_unknown(self._kind, recorded, commit.state, None)
        except CannotJudgeError as error:
            self.stopped = True
            yield error.code, str(error)
            return
        except ValueError as error:
            yield "state-schema", problem or str(error)
            return
        if problem is not None:
            yield "state-schema", problem
            return
        yield from self._difference(commit, node, recorded)

    def _difference(self, commit: LedgerCommit, node: _Node, recorded: State) -> Iterator[tuple[str, str]]:
        names = self._kind.names_of(recorded)
        if names != self._names:
            yield "other-ledger", f"state.json is of {self._kind.title(names)}"
        if node.state is None:
            node.state = recorded  # nothing before it can be replayed: go on from what it says
            return
        node.recorded = recorded
        if self._is_carried(commit, node, recorded):
            self._carried = (commit.id, self._carried[1] + 1)
        elif names == self._names:
            yield "state-mismatch", state_difference(commit.state or b"", self._kind.to_json(node.state))

    def _is_carried(self, commit: LedgerCommit, node: _Node, recorded: State) -> bool:
        """Tests whether the difference came from the parent, and this commit only built upon it."""
        parents = self._parents(commit)
        before = parents[0].recorded if len(parents) == 1 and parents[0] else None
        return (
            before is not None and node.event is not None and self._kind.apply(before, node.event) == recorded
        )

    def _replayed(self, commit: LedgerCommit, node: _Node) -> State | None:
        parents = self._parents(commit)
        if commit.cut or any(parent is None or parent.state is None for parent in parents):
            return None
        if len(parents) > 1:
            return self._lines.state_of(node.line)
        if node.event is None:
            return None
        before = parents[0].state if parents and parents[0] else self._kind.empty(self._names)
        return self._kind.apply(before, node.event) if before is not None else None

    def _line_below(self, commit: LedgerCommit) -> Line:
        """Returns the events since the last cut that the parents of `commit` reach."""
        line = self._lines.empty
        for parent in self._parents(commit):
            if parent is not None:
                line = parent.line if line.event is None else self._lines.joined(line, parent.line)
        return line

    def _parents(self, commit: LedgerCommit) -> list[_Node | None]:
        return [self._nodes.get(parent) for parent in commit.parents]

    def _forget_before(self, name: str) -> None:
        node = self._nodes[name]
        self._older_ids.update(self._by_event)
        self._by_event = {}
        base = self._lines.empty.state if node.state is None else node.state
        self._lines = Lines(base, self._kind.apply)
        node.event = None
        node.line = self._lines.empty
        self._nodes = {name: node}


def merge_problems(
    ref: str, commit: str, parents: Sequence[str], expected: ExpectedMerge
) -> Iterator[tuple[str, str]]:
    """Yields (code, what) where a merge of two parents is not the one that everybody would make."""
    try:
        wanted = expected(ref, parents)
    except CorruptLedgerError as error:
        yield "merge-content", f"it cannot be made again: {error.message} ({error.cause})"
        return
    if wanted in parents:
        yield "merge-content", f"it merges {wanted[:12]} with a commit that this one holds already"
    elif wanted != commit:
        yield "merge-content", f"these parents make {wanted[:12]}, whoever merges them"


def cuts(parents_of: Sequence[tuple[int, ...]]) -> bytearray:
    """For each commit 1 where all of the history passes through it.

    A commit is given as the positions of its parents, and parents come first. A second root lies
    beside all that came before it.
    """
    last_use = list(range(len(parents_of)))
    furthest = 0
    for position, parents in enumerate(parents_of):
        furthest = furthest if parents else position
        for parent in parents:
            last_use[parent] = position
    flags = bytearray(len(parents_of))
    for position, use in enumerate(last_use):
        flags[position] = furthest <= position
        furthest = max(furthest, use)
    return flags
