"""Everything under ``refs/idse/`` as it is in the object store: what `idse fsck` replays."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN, Entry
from idse_orchestrator.git.object_stream import LARGEST, headers
from idse_orchestrator.git.objects import parse_commit, parse_tree
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.raw_objects import PLAIN_SIGHT, CarefulObjects, grafted
from idse_orchestrator.git.shared import refuse_closed
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, LedgerCommit
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.fsck import FoundRef, Step, name_defects, no_commit
from idse_orchestrator.ledger.kinds import EVENTS, NOTES
from idse_orchestrator.ledger.note_tree import GENESIS
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.ledger.replay import Replay, cuts

if TYPE_CHECKING:
    from idse_orchestrator.git.object_stream import GitObject
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.kinds import Kinds

_BATCH = 200
_DOCUMENTS_AT_ONCE = 16
_SUBMODULE = "160000"
_BROKEN = re.compile(
    r"ignoring (?:broken ref|ref with broken name|dangling symref) (refs/idse(?:-local)?/\S*)"
)
_ID = re.compile(rb"\b[0-9a-f]{40}\b")
_NOTE_PATH = re.compile(r"[0-9a-f]{40}")


class GitLedgerSource:
    """The `LedgerSource` port on a repository."""

    def __init__(self, vault: Vault, kinds: Kinds, place: str = PUBLISHED) -> None:
        """`place` is the folder of refs that is looked at, with its slash."""
        self._kinds = kinds
        self._place = place
        self._common_dir = vault.common_dir
        self._git = vault.git.with_environment(PLAIN_SIGHT)

    def refs(self) -> Sequence[FoundRef]:
        """See `LedgerSource.refs`. Raises GitFailedError where git can list none of them.

        StorageError where another user closed one: it is no lost ref, and nobody is to bring it back.
        """
        refuse_closed(self._common_dir, self._place)
        asked = ("for-each-ref", "--format=%(refname) %(objectname) %(symref)", self._place)
        done = self._git.attempt(*asked)
        if done.returncode != 0:
            raise failure(asked, done)
        rows = (line.split(" ") for line in done.stdout.decode("utf-8", "surrogateescape").splitlines())
        found = [self.found(name, target, symbolic) for name, target, symbolic in rows]
        words = done.stderr.decode("utf-8", "surrogateescape")
        broken = [self.found(name, "", "") for name in _BROKEN.findall(words)]
        listed = {ref.name for ref in (*found, *broken)}
        passed_over = [self.found(name, "", to) for name, to in self._leading_nowhere(listed)]
        unique = {(ref.name, ref.target, ref.symbolic): ref for ref in (*found, *broken, *passed_over)}
        return sorted(unique.values(), key=lambda ref: ref.name)

    def _leading_nowhere(self, listed: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yields symbolic refs that lead to no commit, and where to: git lists none, and says nothing."""
        for folder, _, names in os.walk(os.path.join(self._common_dir, self._place)):
            for name in names:
                path = os.path.join(folder, name)
                ref = os.path.relpath(path, self._common_dir).replace(os.sep, "/")
                if ref not in listed and not name.endswith(".lock"):
                    target = _symbolic_target(path)
                    if target:
                        yield ref, target

    def found(self, name: str, target: str, symbolic: str = "") -> FoundRef:
        """Returns the ref `name` as if it pointed at `target`."""
        return FoundRef(name, target, symbolic, self._kinds.family(name), self._kinds.named(name))

    def kinds(self, ids: Iterable[str]) -> Sequence[str]:
        """See `LedgerSource.kinds`."""
        return [found.kind if found else "" for found in headers(self._git, ids)]

    def history(self, tip: str) -> Iterator[Step]:
        """See `LedgerSource.history`."""
        with CarefulObjects(self._git) as objects:
            yield from steps_of(objects, history_of(self._git, objects, tip), tip, grafted(self._common_dir))

    def merges(self, tip: str) -> Iterator[tuple[str, Sequence[str]]]:
        """See `LedgerSource.merges`; none where git cannot walk the history."""
        listed = self._git.attempt("rev-list", "--min-parents=2", "--reverse", "--parents", tip, "--")
        for line in listed.stdout.decode("ascii").splitlines() if listed.returncode == 0 else ():
            commit, *parents = line.split()
            yield commit, parents

    def notes_problems(self, tip: str) -> Iterator[tuple[str, str]]:
        """See `LedgerSource.notes_problems`."""
        roots = self._git.attempt("rev-list", "--max-parents=0", tip, "--")
        if roots.returncode != 0:
            yield "missing-object", roots.stderr.decode("utf-8", "replace").strip()
            return
        for root in roots.stdout.decode().split():
            if root != GENESIS:
                yield (
                    "notes-root",
                    f"its history begins with {root[:12]}, not with the first commit of all notes",
                )
        listing = self._git.attempt("ls-tree", "-r", "-z", "--full-tree", tip)
        if listing.returncode != 0:
            yield "missing-object", listing.stderr.decode("utf-8", "replace").strip()
        for record in listing.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            meta, _, path = record.partition("\t")
            if not _NOTE_PATH.fullmatch(path.replace("/", "")) or not meta.startswith(f"{PLAIN} "):
                yield "notes-shape", f"{path!r} (mode {meta[:6]}) is no note on a commit"

    def tip_defects(self, refs: Sequence[FoundRef]) -> Iterator[Defect]:
        """Yields what is wrong with the names of `refs` and with what stands at their tips.

        Of what lies below only the commits are looked for: the rest is what `check_ledgers` reads.
        """
        yield from name_defects(refs, refs)
        readable = [ref for ref in refs if ref.target]
        ledgers = []
        for ref, kind in zip(readable, self.kinds(ref.target for ref in readable), strict=True):
            if kind != "commit":
                yield no_commit(ref, kind)
            elif ref.holds == NOTES:
                yield from (
                    Defect(ref.name, ref.target, *problem) for problem in self.notes_problems(ref.target)
                )
            elif ref.named and ref.holds == EVENTS:
                ledgers.append((ref, Replay(ref.name, ref.named)))
        commits = self._tips([ref.target for ref, _ in ledgers])
        for (_, replay), commit in zip(ledgers, commits, strict=True):
            yield from (found for found in replay.step(commit, is_cut=True, is_tip=True) if not found.is_note)
        yield from self._torn([ref for ref, _ in ledgers])

    def _tips(self, ids: Sequence[str]) -> Iterator[LedgerCommit]:
        """Yields these commits as if each were the first that is here."""
        with CarefulObjects(self._git) as objects:
            reader = _CommitReader(objects, frozenset(ids), grafted(self._common_dir))
            for start in range(0, len(ids), _BATCH):
                yield from reader.read(ids[start : start + _BATCH])

    def _torn(self, refs: Sequence[FoundRef]) -> Iterator[Defect]:
        """Yields ledgers below whose tip a commit is missing: one git for all, and for each only then."""
        wanted = "".join(f"{ref.target}\n" for ref in refs).encode()
        walk = ("rev-list", "--quiet")
        if not refs or self._git.attempt(*walk, "--stdin", stdin=wanted).returncode == 0:
            return
        for ref in refs:
            done = self._git.attempt(*walk, ref.target, "--")
            if done.returncode != 0:
                named = _ID.search(done.stderr)
                what = f"object {named[0].decode()} below it" if named else "a commit below it"
                yield Defect(ref.name, ref.target, "missing-object", f"{what} is missing or damaged")


def _symbolic_target(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            content = file.read(4096)
    except OSError:
        return ""
    return content.removeprefix("ref:").strip() if content.startswith("ref:") else ""


class _CommitReader:
    """Turns ids into `LedgerCommit`; a folder that many commits share is looked into once.

    `roots` are commits that have no parents here, `grafts` those to which git was told to give others.
    """

    def __init__(
        self, objects: CarefulObjects, roots: frozenset[str], grafts: frozenset[str] = frozenset()
    ) -> None:
        self._objects = objects
        self._roots = roots
        self._grafts = grafts
        self._seen: set[str] = set()

    def read(self, ids: Sequence[str]) -> Sequence[LedgerCommit]:
        """Returns the commits of `ids`, in order."""
        raw = [parse_commit(found.data) if found else None for found in self._objects.read_all(ids)]
        trees = self._trees([parts[0] if parts else "" for parts in raw])
        wanted = [_named(tree, name) for tree in trees for name in (EVENT, STATE)]
        blobs = self._blobs(wanted)
        files = self._measured([self._files(tree) for tree in trees])
        return [
            self._commit(name, parts, tree, blobs, inside)
            for name, parts, tree, inside in zip(ids, raw, trees, files, strict=True)
        ]

    def _commit(
        self,
        name: str,
        parts: tuple[str, tuple[str, ...], bytes] | None,
        tree: tuple[Entry, ...] | None,
        blobs: dict[str, bytes],
        inside: tuple[tuple[Entry, ...], tuple[str, ...]],
    ) -> LedgerCommit:
        tree_id, parents, message = parts or ("", (), b"")
        event, state = _named(tree, EVENT), _named(tree, STATE)
        missing = [blob for blob in (event, state) if blob and blob not in blobs]
        if tree is None:
            missing.append(tree_id or name)
        return LedgerCommit(
            name,
            parents,
            message,
            tree,
            blobs.get(event),
            blobs.get(state),
            inside[0],
            (*missing, *inside[1]),
            cut=bool(parents) and name in self._roots,
            grafted=name in self._grafts,
        )

    def _trees(self, ids: Sequence[str]) -> list[tuple[Entry, ...] | None]:
        return [_entries(found) for found in self._objects.read_all(ids)]

    def _blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        names = [name for name in dict.fromkeys(ids) if name]
        found = zip(names, self._objects.read_all(names), strict=True)
        return {name: blob.data for name, blob in found if blob and blob.kind == "blob"}

    def _files(self, tree: tuple[Entry, ...] | None) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
        """Returns what is in artifacts/ of `tree`, unless it was looked into before.

        And what of it is missing.
        """
        root = next(
            (entry.id for entry in tree or () if entry.path == ARTIFACTS and entry.mode == FOLDER), ""
        )
        if not root or root in self._seen:
            return (), ()
        files: list[Entry] = []
        missing: list[str] = []
        waiting = [Entry(FOLDER, "", root)]
        while waiting:
            folder = waiting.pop()
            entries = _entries(self._objects.read_all([folder.id])[0], folder.path)
            self._seen.add(folder.id)
            if entries is None:
                missing.append(folder.id)
                continue
            for entry in entries:
                if entry.mode == FOLDER:
                    waiting.append(Entry(FOLDER, f"{entry.path}/", entry.id))
                else:
                    files.append(entry)
        return tuple(files), tuple(missing)

    def _measured(
        self, found: Sequence[tuple[tuple[Entry, ...], tuple[str, ...]]]
    ) -> list[tuple[tuple[Entry, ...], tuple[str, ...]]]:
        """The same with the size of every file, all asked for at once, and with what is missing of them.

        A damaged one may still tell its size, so each is read once.
        """
        wanted = dict.fromkeys(entry.id for files, _ in found for entry in files if entry.mode != _SUBMODULE)
        sizes = {**self._objects.sizes(wanted)}
        loaded = [name for name, size in sizes.items() if size <= LARGEST]
        for start in range(0, len(loaded), _DOCUMENTS_AT_ONCE):
            names = loaded[start : start + _DOCUMENTS_AT_ONCE]
            for name, blob in zip(names, self._objects.read_all(names), strict=True):
                if blob is None:
                    del sizes[name]
        return [
            (
                tuple(Entry(entry.mode, entry.path, entry.id, sizes.get(entry.id)) for entry in files),
                (*missing, *(entry.id for entry in files if entry.id in wanted and entry.id not in sizes)),
            )
            for files, missing in found
        ]


def _entries(found: GitObject | None, prefix: str = "") -> tuple[Entry, ...] | None:
    if found is None or found.kind != "tree":
        return None
    try:
        return parse_tree(found.data, prefix)
    except ValueError:
        return None


def _named(tree: tuple[Entry, ...] | None, name: str) -> str:
    """Returns the id of the blob `name` in a tree; "" where there is none."""
    wanted = (entry.id for entry in tree or () if entry.path == name and entry.mode != FOLDER)
    return next(wanted, "")


@dataclass(frozen=True, slots=True)
class History:
    """Commit ids, parents first; for each 1 where it is a cut; and those without parents in git's eyes."""

    ids: Sequence[str]
    cuts: bytearray
    roots: frozenset[str]


def history_of(git: Git, objects: CarefulObjects, tip: str) -> History:
    """Returns the history of `tip`.

    Where git cannot walk it, because commits are missing, what can be reached.
    """
    done = git.attempt("rev-list", "--topo-order", "--reverse", "--parents", tip, "--", timeout=3600)
    if done.returncode == 0:
        return _ordered(line.decode("ascii").split() for line in BytesIO(done.stdout))
    return _ordered(_walked(objects, tip))


def steps_of(
    objects: CarefulObjects, history: History, tip: str, grafts: frozenset[str] = frozenset()
) -> Iterator[Step]:
    """Yields the commits of a history, read in batches, so that git never waits for an answer."""
    reader = _CommitReader(objects, history.roots, grafts)
    rows = zip(history.ids, history.cuts, strict=True)
    while batch := list(islice(rows, _BATCH)):
        commits = reader.read([name for name, _ in batch])
        for commit, (name, cut) in zip(commits, batch, strict=True):
            yield Step(commit, bool(cut), name == tip)


def walked(objects: CarefulObjects, tip: str) -> History:
    """Returns what of the history of `tip` can be read, without a process: for short ones."""
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
