"""M(a, b): the one commit that joins two histories of a ledger, the same on every machine.

Both answer one question: given the base ("" : none) and two commits in id order, which tree, and
what is in conflict? Nothing else may decide the answer.

Its parents stand in id order; author and committer are idse; its date is the later of theirs; its
message is constant; it has no event. Its state is the fold of both sides' events, its documents are
a three-way merge. Of several best common ancestors the base is M of them, in id order; without any
it is empty. Nothing of a user's settings can change a byte of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from idse_orchestrator.base.names import FOLDER, PLAIN
from idse_orchestrator.errors import RefusedError
from idse_orchestrator.git.objects import BLOB, COMMIT, make_tree, objects_of
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, corrupt, unreadable
from idse_orchestrator.ledger.events import Event, event_from_json, fold_onto
from idse_orchestrator.ledger.folding import Line, Lines
from idse_orchestrator.ledger.kinds import EVENTS, Named
from idse_orchestrator.ledger.merge.ancestry import Ancestry, Meeting
from idse_orchestrator.ledger.merge.conflicts import Joined, Merged, Pair
from idse_orchestrator.ledger.merge.folders import TASKS, merge_folders
from idse_orchestrator.ledger.merge.notes import NoteContent
from idse_orchestrator.ledger.merge.trees import GitFolders, merge_texts
from idse_orchestrator.ledger.refs import KNOWS_BOXES, CannotJudgeError, NewerFormatError, newer_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.objects import Objects
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.kinds import Kinds

_LABEL_DIGITS = 12


class Content(Protocol):
    """How one kind of ref is merged."""

    message: str

    def joined(self, pair: Pair) -> Merged:
        """Returns the tree of the merge, and its conflicts."""


class LedgerContent:
    """Merges the ledger at `ref`: the fold of all events, and the documents of both sides."""

    def __init__(self, ref: str, named: Named, ancestry: Ancestry, objects: Objects, git: Git) -> None:
        from idse_orchestrator.ledger.events import MERGE_MESSAGE

        self.message = MERGE_MESSAGE
        self._ref = ref
        self._kind, self._names = named
        self._ancestry = ancestry
        self._objects = objects
        self._git = git
        self._lines = Lines(self._kind.empty(self._names), self._kind.apply)
        self._line_of: dict[str, Line] = {}

    def joined(self, pair: Pair) -> Merged:
        """See `Content.joined`."""
        state = self._folded(pair)
        merged = self._merged(pair, knows_boxes=state.format >= KNOWS_BOXES)
        entries = {STATE: (PLAIN, self._objects.make(BLOB, self._kind.to_json(state)))}
        if merged.tree:
            entries[ARTIFACTS] = (FOLDER, merged.tree)
        return Merged(make_tree(self._objects, entries), merged.conflicts)

    def conflicts_for_boxes(self, pair: Pair) -> bool:
        """Tests whether marks of tasks alone made the list of tasks conflict."""
        return (
            self._folded(pair).format < KNOWS_BOXES
            and TASKS not in self._merged(pair, knows_boxes=True).paths
        )

    def _merged(self, pair: Pair, *, knows_boxes: bool) -> Merged:
        commits = (pair.base, pair.one, pair.other)
        base, one, other = (self._part(commit, ARTIFACTS) if commit else "" for commit in commits)
        labels = (pair.one[:_LABEL_DIGITS], pair.other[:_LABEL_DIGITS])
        by_git = partial(merge_texts, self._git, labels=labels)
        return merge_folders(GitFolders(self._objects), base, one, other, by_git, knows_boxes=knows_boxes)

    def _folded(self, pair: Pair) -> Any:  # noqa: ANN401 - of whichever kind
        """Returns the fold of both sides' events."""
        try:
            return self._fold(pair)
        except CannotJudgeError as error:
            raise unreadable(self._ref, error) from error
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise corrupt(self._ref, f"its events cannot be folded: {error!r}") from error

    def _fold(self, pair: Pair) -> Any:  # noqa: ANN401 - of whichever kind
        """Returns the same, on top of the base's state where all events came after it."""
        if pair.base:
            before = self._kind.from_json(self._objects.read(self._part(pair.base, STATE), BLOB))
            since = self._events(pair.apart)
            if all(event.lamport > before.lamport for event in since):
                return fold_onto(before, since, self._kind.apply)
        lines = self._lines
        return lines.state_of(lines.joined(self._line(pair.one), self._line(pair.other)))

    def _line(self, tip: str) -> Line:
        """Returns the events that `tip` reaches; what was asked before is known."""
        waiting = [tip]
        while waiting:
            parents = self._ancestry.commit(waiting[-1]).parents
            needed = [parent for parent in parents if parent not in self._line_of]
            if needed:
                waiting += needed
                continue
            name = waiting.pop()
            line = self._lines.empty
            for parent in parents:
                line = self._lines.joined(line, self._line_of[parent])
            for event in self._events((name,)):
                line = self._lines.with_event(line, event)
            self._line_of[name] = line
        return self._line_of[tip]

    def _events(self, commits: Iterable[str]) -> list[Event]:
        found = []
        for commit in commits:
            event = self._part(commit, EVENT)
            if event:
                found.append(self._event(self._objects.read(event, BLOB)))
            elif len(self._ancestry.commit(commit).parents) < 2:
                raise corrupt(self._ref, f"commit {commit[:12]} has no {EVENT}")
        return found

    def _event(self, data: bytes) -> Event:
        newer = newer_format(data, self._kind.highest)
        if newer:
            raise NewerFormatError(newer, self._kind.highest)
        event = event_from_json(data)
        self._kind.check_part(event.kind)
        return event

    def _part(self, commit: str, name: str) -> str:
        """Returns the id of what a ledger commit has under `name`; "" where it has nothing there."""
        entries = self._objects.entries(self._ancestry.commit(commit).tree)
        found = next((entry for entry in entries if entry.path == name), None)
        if found is None and name == STATE:
            raise corrupt(self._ref, f"commit {commit[:12]} has no {STATE}")
        if found is None:
            return ""
        if found.mode != (FOLDER if name == ARTIFACTS else PLAIN):
            raise corrupt(self._ref, f"{name} of commit {commit[:12]} has mode {found.mode}")
        return found.id


_NOBODY = "idse <idse@localhost>"
_REMEMBERED = 10_000
_MOST_HELD = 64 * 1024 * 1024
"""Bytes of merges that are held in memory while a history is judged, whose merges build on each other."""
_NEWEST = 16


class GitJoiner:
    """The `Joiner` port on a repository.

    `object_folder` holds objects that are not installed yet: it is read, too, and merges are written
    there instead of into the repository's own store. Ids are full. Every method raises
    CorruptLedgerError where a history cannot be read, and RefusedError for a ref that never merges.
    """

    def __init__(self, vault: Vault, kinds: Kinds, object_folder: str | None = None) -> None:
        self._vault = vault
        self._kinds = kinds
        self._folder = object_folder
        self._known: dict[tuple[str, str, str], Joined] = {}
        self._latest: tuple[str, Content] | None = None

    def join(self, ref: str, one: str, other: str) -> str:
        """See `Joiner.join`: the descendant where one of the two is an ancestor of the other."""
        return self.join_with_conflicts(ref, one, other).commit

    def join_with_conflicts(self, ref: str, one: str, other: str) -> Joined:
        """Returns the same, with the paths that a person has to look at; () for notes."""
        found = self._joined(ref, one, other)
        self._objects.install(found.commit, ref)
        self._forget_older()
        return found

    def conflicts_for_boxes(self, ref: str, joined: Joined) -> bool:
        """Tests whether marks of tasks alone made the list of tasks conflict: it need not.

        `joined` is what `join_with_conflicts` returned last.
        """
        content = self._content(ref) if self._latest is None else self._latest[1]
        return (
            TASKS in joined.paths
            and joined.pair is not None
            and isinstance(content, LedgerContent)
            and content.conflicts_for_boxes(joined.pair)
        )

    def expected(self, ref: str, parents: Sequence[str]) -> str:
        """Returns the id that a merge of these two parents must have. Writes nothing.

        It is one of the parents where there is nothing to merge.
        """
        found = self._joined(ref, *parents)
        if self._objects.held > _MOST_HELD:
            self._forget_older()
        return found.commit

    def _forget_older(self) -> None:
        """Drops what was made, but for the newest merges: others build on those."""
        newest = list(self._known.values())[-_NEWEST:]
        self._objects.forget(but=[each.commit for each in newest])

    def _joined(self, ref: str, one: str, other: str) -> Joined:
        """M of two commits. What it needs first waits on a list: criss-cross histories can be deep."""
        if self._latest is None or self._latest[0] != ref:
            self._objects.forget()
            self._latest = (ref, self._content(ref))
        content = self._latest[1]
        if len(self._known) >= _REMEMBERED:
            self._known = dict(list(self._known.items())[_REMEMBERED // 2 :])
        wanted = [_in_order(one, other)]
        while True:
            pair = wanted[-1]
            needed = self._step(ref, content, *pair)
            if needed is not None:
                wanted.append(needed)
                continue
            wanted.pop()
            if not wanted:
                return self._known[(ref, *pair)]

    def _step(self, ref: str, content: Content, one: str, other: str) -> tuple[str, str] | None:
        """Makes M(one, other) known, or returns the pair whose M has to be known before."""
        if self._is_known(ref, one, other):
            return None
        meeting = self._ancestry.meeting(one, other)
        if meeting.bases in ((one,), (other,)):
            self._known[(ref, one, other)] = Joined(other if meeting.bases == (one,) else one, ())
            return None
        base = ""
        for ancestor in meeting.bases:
            pair = _in_order(base, ancestor)
            if base and not self._is_known(ref, *pair):
                return pair
            base = self._known[(ref, *pair)].commit if base else ancestor
        self._known[(ref, one, other)] = self._made(content, one, other, base, meeting)
        return None

    def _made(self, content: Content, one: str, other: str, base: str, meeting: Meeting) -> Joined:
        pair = Pair(one, other, base, meeting.apart)
        tree, conflicts = content.joined(pair)
        time = max(self._ancestry.commit(name).time for name in (one, other))
        lines = (
            f"tree {tree}",
            f"parent {one}",
            f"parent {other}",
            f"author {_NOBODY} {time} +0000",
            f"committer {_NOBODY} {time} +0000",
        )
        data = "\n".join(lines) + "\n\n" + content.message
        commit = self._objects.make(COMMIT, data.encode("ascii"))
        return Joined(commit, conflicts, pair)

    def _is_known(self, ref: str, one: str, other: str) -> bool:
        """Tests whether M of the two was made before, and can be read."""
        found = self._known.get((ref, one, other))
        return found is not None and self._objects.has(found.commit)

    def _content(self, ref: str) -> Content:
        kind, named = self._kinds.family(ref), self._kinds.named(ref)
        parts = (self._ancestry, self._objects)
        if named and kind and kind.merges and kind.holds == EVENTS:
            return LedgerContent(ref, named, *parts, self._vault.git)
        if kind and kind.merges and kind.holds != EVENTS:
            return NoteContent(ref, *parts)
        raise RefusedError(
            "two histories of this ref cannot be merged",
            where=ref,
            cause="only ledgers of projects and sessions, and notes, are merged",
        )

    @cached_property
    def _objects(self) -> Objects:
        return objects_of(self._vault.common_dir, self._folder)

    @cached_property
    def _ancestry(self) -> Ancestry:
        return Ancestry(self._objects)


def _in_order(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)
