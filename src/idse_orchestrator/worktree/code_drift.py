"""Reads from git which commits changed the code that a session built; see `constitution.drift`.

One walk from the baseline to HEAD, along the paths that are traced, shows all changes with their places; git
then says of each place who wrote its lines. A commit of the session that came again under another id, after a
squash or a rebase, is the session's as well.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.drift import (
    NOTHING_RECORDED,
    Commit,
    Drift,
    Drifted,
    FileChange,
    Hunk,
    Owned,
    Place,
    Reader,
    Span,
    carried,
    changing,
    is_code,
    is_moved,
    reader,
    saying,
    says_so,
    touches,
    united,
)
from idse_orchestrator.documents.project_workspace import CAP, IMPLEMENTATION
from idse_orchestrator.git.object_stream import ObjectStream, find_commit, headers
from idse_orchestrator.ledger.notes import parse_note
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS
from idse_orchestrator.pipeline.stage_state_model import COMPLETE
from idse_orchestrator.worktree.code_facts import CODE, DIFF, ELSEWHERE, LOG, PATCH, SHALLOW, CodeFacts

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState

NOT_HERE = "this branch has none of the commits that it was built by"

_PATIENCE = 600.0
_MOST_NAMES = 8
"""Renames of one file that are followed."""
_MOST_READERS = 32
_PLAIN = ("-c", "core.quotePath=false", "-c", "diff.indentHeuristic=true", "-c", "log.showRoot=true")
_WALK = (
    *_PLAIN,
    "-c",
    f"core.notesRef={NOTES_ON_COMMITS}",
    "log",
    "--reverse",
    "--topo-order",
    "--parents",
    "--no-show-signature",
    "--no-color",
    "--notes",
    "--format=%x01%H%x00%P%x00%as%x00%an%x00%s%x00%N",
)
_PATCH = ("--unified=0", "--diff-algorithm=histogram", "--full-index", "--find-renames", *DIFF)
_DIFFS = (*_PLAIN, "diff-tree", "--stdin", "--root", "-r")
_PLACE = re.compile(r"@@ -(\d+(?:,\d+)?) \+(\d+(?:,\d+)?) @@", re.ASCII)
_BLOBS = re.compile(r"([0-9a-f]{40})\.\.([0-9a-f]{40})")
_NOTHING = "0" * 40


class Traced(NamedTuple):
    """What a session built: its commits that HEAD reaches, and the paths of its code.

    `baseline` are commits with all that was accepted.
    """

    baseline: tuple[str, ...]
    own: frozenset[str]
    paths: tuple[str, ...]


class CodeDrift(CodeFacts):
    """The code at HEAD of a work tree's repository, beside that on which implementations were complete."""

    def drift(self, states: Mapping[SessionKey, SessionState]) -> Mapping[SessionKey, Drift]:
        """Returns what became of the code of each session whose implementation is complete."""
        complete = {key: each for key, each in states.items() if _is_complete(each)}
        if self._is_shallow:
            return dict.fromkeys(complete, Drift(unseen=SHALLOW))
        self._settle()
        recorded = self._recorded(complete)
        return {key: self._drift(key, state, recorded.get(key, {})) for key, state in complete.items()}

    def _drift(self, key: SessionKey, state: SessionState, recorded: Mapping[str, Any]) -> Drift:
        if recorded.get("no_code"):
            return Drift()
        if not recorded.get("commits"):
            return Drift(unseen=recorded.get("unseen") or NOTHING_RECORDED)
        if self._is_elsewhere(key, recorded["commits"]):
            return Drift(unseen=ELSEWHERE)
        missing = self._not_at_head(recorded["commits"]) if self._head else frozenset(recorded["commits"])
        again = self._again(key, state, recorded, missing) if missing and self._head else frozenset()
        own = frozenset(recorded["commits"]).difference(missing) | again
        if not own:
            return Drift(unseen=NOT_HERE)
        head = find_commit(self._git, recorded["head"]) if recorded["head"] else None
        baseline = (*((head,) if head else ()), *sorted(again))
        paths = {path for _, paths in self._changed(sorted(own)) for path in paths}
        traced = Traced(baseline or tuple(sorted(own)), own, (*paths, *recorded["files"]))
        return drift_of(self._git, "/".join(key), traced, self._head)

    def _not_at_head(self, commits: Iterable[str]) -> frozenset[str]:
        """Returns those of `commits` that are gone, or that HEAD does not reach."""
        names = sorted(commits)
        here = [name for name, each in zip(names, headers(self._git, names), strict=True) if each]
        stdin = "".join(f"{name}\n" for name in here).encode()
        out = self._git.text("rev-list", "--stdin", "--not", self._head, stdin=stdin) if here else ""
        return frozenset(names).difference(here) | frozenset(out.split()).intersection(here)

    def _again(
        self, key: SessionKey, state: SessionState, recorded: Mapping[str, Any], missing: frozenset[str]
    ) -> frozenset[str]:
        """Returns commits that HEAD reaches and that are those of `missing` once more."""
        patches = {recorded["commits"][name] for name in missing} | {recorded.get("whole", "")}
        asked = (*LOG, *PATCH, f"--since={state.created_at}", self._head, "--", *CODE)
        diffs = self._git.bytes(*asked, timeout=_PATIENCE)
        found = {commit for patch, commit in self._identified(diffs) if patch in patches}
        authored = {recorded["authored"].get(name) for name in missing}
        noted = sorted(self._noted(key).difference(recorded["commits"]))
        noted = [name for name in noted if name not in self._not_at_head(noted)]
        found.update(name for name, who in self._authored(noted).items() if who in authored)
        return frozenset(found) or self._made_so(recorded["files"])

    def _made_so(self, files: Mapping[str, str]) -> frozenset[str]:
        """Returns the commits after which the declared files stood just as they did then."""
        if not files:
            return frozenset()
        asked = (*LOG, "--format=%x01%H", "--raw", "--no-abbrev", "-m", "-z", self._head, "--")
        out = self._git.text(*asked, *(f":(top,literal){path}" for path in files))
        made: dict[str, str] = {}
        commit = meta = ""
        for word in (word.strip("\n") for word in out.split("\0")):
            if word.startswith("\1"):
                commit = word[1:41]
            elif word.startswith(":"):
                meta = word
            elif files.get(word) and meta.split()[3] == files[word]:
                made[word] = commit  # the oldest that did: the newest are told first
        return frozenset(made.values()) if set(made) == set(files) else frozenset()


def _is_complete(state: SessionState) -> bool:
    return state.stages[IMPLEMENTATION].status == COMPLETE


def drift_of(git: Git, key: str, traced: Traced, head: str) -> Drift:
    """Returns what drifted since the baseline of the session `key`, as ``project/session``."""
    paths = tuple(sorted({path for path in traced.paths if is_code(path)}))
    since = _before(git, traced.own)
    names, commits = _walked(git, paths, since, head) if paths else ((), ())
    accepted = frozenset(git.lines("rev-list", *traced.baseline, *since, "--"))
    found: list[Drifted] = []
    others: list[Drifted] = []
    quiet: list[Drifted] = []
    with ObjectStream(git) as objects:
        judge = _Judge(git, objects, traced.own)
        for commit in commits:
            changed = judge.changed(commit, is_accepted=commit.id in accepted)
            if changed:
                is_others = commit.sessions and key not in commit.sessions
                kind = others if is_others else quiet if says_so(commit.subject) else found
                kind.append(Drifted(commit, changed))
        uncommitted = judge.open(names, head, commits[-1].id) if commits else ()
    found = list(_standing(found, _as_it_was(git, traced.baseline[0], head, names)))
    return Drift(traced.baseline[0], names, tuple(found), tuple(others), tuple(quiet), uncommitted)


def _as_it_was(git: Git, baseline: str, head: str, names: Sequence[str]) -> frozenset[str]:
    """Returns those of the paths `names` where HEAD has the very file that the baseline has."""
    asked = [f"{commit}:{name}" for name in names for commit in (baseline, head)]
    found = headers(git, asked)
    pairs = zip(names, found[::2], found[1::2], strict=True)
    return frozenset(name for name, was, now in pairs if was is not None and was == now)


def _standing(found: Iterable[Drifted], restored: Collection[str]) -> Iterator[Drifted]:
    """Yields what still makes a difference: a file that is again as it was did not drift."""
    for each in found:
        places = tuple(place for place in each.places if place.path not in restored)
        if places:
            yield Drifted(each.commit, places)


class _Judge:
    """Takes commits one after the other, parents first; knows which lines are the session's after each."""

    def __init__(self, git: Git, objects: ObjectStream, own: frozenset[str]) -> None:
        self._git = git
        self._objects = objects
        self._own = own
        self._owned: dict[str, Owned] = {}
        self._readers: dict[tuple[str, str], Reader] = {}

    def changed(self, commit: Commit, *, is_accepted: bool) -> tuple[Place, ...]:
        """Returns where a commit changed what is the session's; nowhere if it is accepted, or its own."""
        owned: dict[str, tuple[Span, ...]] = {}
        found: dict[Place, None] = {}
        is_own = commit.id in self._own
        for parent, files in zip(commit.parents, commit.changes, strict=False):
            before = self._owned.get(parent, {})
            kept: dict[str, Sequence[Hunk]] = {}
            for path, file in files.items():
                changing, same = self._touching(path, file, before.get(file.before, ()))
                kept[path] = [*same, *(changing if is_accepted else ())]
                found.update((Place(path, hunk.after), None) for hunk in changing)
            for path, spans in _after(before, files, kept).items():
                owned[path] = united(owned.get(path, ()), spans)
        if is_own:
            for path, spans in self._written(commit).items():
                owned[path] = united(owned.get(path, ()), spans)
        self._owned[commit.id] = owned
        if is_own or is_accepted:
            return ()
        new = [place for place in found if _is_new(place, commit.changes)]
        return self._without_moves(commit, new) if new and len(commit.parents) == 1 else tuple(new)

    def _without_moves(self, commit: Commit, places: Sequence[Place]) -> tuple[Place, ...]:
        """Returns the places of which a commit did not only bring the lines somewhere else."""
        (files,) = commit.changes
        added = _added(self._git, commit.id) if commit.id else Counter[str]()
        kept = []
        for place in places:
            file = files[place.path]
            hunk = next(each for each in file.hunks if each.after == place.lines)
            was, now = self._rows(file.was), self._rows(file.now)
            gone = was[hunk.before.first - 1 : hunk.before.last]
            if not is_moved(gone, now[hunk.after.first - 1 : hunk.after.last], added):
                kept.append(place)
        return tuple(kept)

    def _rows(self, blob: str) -> list[str]:
        return self._content(blob).decode("utf-8", "replace").split("\n")

    def open(self, names: Sequence[str], head: str, last: str) -> tuple[Place, ...]:
        """Returns where the work tree changed what is the session's since `head`; `last` changed it last."""
        places = (f":(top,literal){name}" for name in names)
        patch = self._git.bytes(*_PLAIN, "diff", "-p", *_PATCH, head, "--", *places, timeout=_PATIENCE)
        files = dict(_files(patch.decode("utf-8", "surrogateescape")))
        for path, file in files.items():
            self._readers[path, file.now] = reader(path, _read_file(os.path.join(self._git.folder, path)))
        return self.changed(Commit("", (last,), "", "", "", (), (files,)), is_accepted=False)

    def _written(self, commit: Commit) -> Owned:
        """Returns the lines by which a commit says something that no parent said."""
        places: dict[str, list[Span]] = {}
        for path, file in (commit.changes or ({},))[0].items():
            hunks = [each for each in file.hunks if each.after.size]
            new = [each for each in hunks if _is_new(Place(path, each.after), commit.changes)]
            if new:
                said = saying(new, self._reader(path, file.was), self._reader(path, file.now))
                places[path] = [each.after for each in said]
        return {path: tuple(spans) for path, spans in places.items()}

    def _touching(
        self, path: str, file: FileChange, owned: Sequence[Span]
    ) -> tuple[Sequence[Hunk], Sequence[Hunk]]:
        """Returns where lines of the session came to say something else, and where all is said as before."""
        ours = [hunk for hunk in file.hunks if touches(owned, hunk)]
        if not ours:
            return (), ()
        before, after = self._reader(path, file.was), self._reader(path, file.now)
        other = saying(ours, before, after)
        return changing(other, owned, before, after), [hunk for hunk in ours if hunk not in other]

    def _reader(self, path: str, blob: str) -> Reader:
        """Returns what reads a file; the next commit mostly asks for the same again."""
        if (path, blob) not in self._readers:
            if len(self._readers) >= _MOST_READERS:
                del self._readers[next(iter(self._readers))]
            self._readers[path, blob] = reader(path, self._content(blob))
        return self._readers[path, blob]

    def _content(self, blob: str) -> bytes:
        found = self._objects.read(blob) if blob else None
        return found.data if found else b""


def _read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(CAP)
    except OSError:
        return b""


def _added(git: Git, commit: str) -> Counter[str]:
    """Returns the lines that a commit adds anywhere, without what stands around them."""
    asked = (*_PLAIN, "diff-tree", "-r", "--root", "-p", *_PATCH, "--no-commit-id", commit)
    out = git.bytes(*asked, timeout=_PATIENCE).decode("utf-8", "replace")
    return Counter(row[1:].strip() for row in out.split("\n") if row.startswith("+"))


def _is_new(place: Place, changes: Sequence[Mapping[str, FileChange]]) -> bool:
    """Tests whether lines are new to every parent: a merge took them from none."""
    return all(
        place.path in files and any(_meet(place.lines, hunk.after) for hunk in files[place.path].hunks)
        for files in changes
    )


def _meet(one: Span, other: Span) -> bool:
    return one == other or (one.first <= other.last and other.first <= one.last)


def _after(
    owned: Owned, files: Mapping[str, FileChange], kept: Mapping[str, Sequence[Hunk]]
) -> dict[str, tuple[Span, ...]]:
    """Returns the lines of a parent after a commit; what stands in place of them is, where that is `kept`."""
    gone = {file.before for file in files.values()}
    found = {path: spans for path, spans in owned.items() if path not in gone}
    for path, file in files.items():
        spans = carried(owned.get(file.before, ()), file.hunks, kept[path])
        if spans:
            found[path] = spans
    return found


def _before(git: Git, own: Iterable[str]) -> list[str]:
    """Returns what leaves out all that was there before the first of the session's commits."""
    common = git.attempt("merge-base", "--octopus", *sorted(own)).stdout.decode().split()
    parents = (
        git.lines("rev-list", "--no-walk", "--parents", common[0], "--")[0].split()[1:] if common else []
    )
    return [f"^{parent}" for parent in parents]


def _walked(
    git: Git, paths: Sequence[str], since: Sequence[str], head: str
) -> tuple[tuple[str, ...], Sequence[Commit]]:
    """Returns the paths with the names that they were given since, and the commits that change them."""
    names = list(paths)
    commits: Sequence[Commit] = ()
    for _ in range(_MOST_NAMES):
        places = [f":(top,literal){name}" for name in names]
        out = git.bytes(*_WALK, head, *since, "--", *places, timeout=_PATIENCE)
        commits = list(_compared(git, list(_read(out.decode("utf-8", "surrogateescape"))), places))
        lost = [
            (commit.id, parent, path)
            for commit in commits
            for parent, files in zip(commit.parents, commit.changes, strict=False)
            for path, file in files.items()
            if not file.now
        ]
        more = [name for name in _renamed(git, lost) if name not in names and is_code(name)]
        if not more:
            break
        names += dict.fromkeys(more)
    return tuple(names), commits


def _read(text: str) -> Iterator[Commit]:
    for part in re.split("^\1", text, flags=re.MULTILINE)[1:]:
        name, parents, at, author, subject, note = part.split("\0", 5)
        sessions = tuple(each.session for each in parse_note(note))
        yield Commit(name, tuple(parents.split()), at, author, subject, sessions)


def _compared(git: Git, commits: Sequence[Commit], places: Sequence[str]) -> Iterator[Commit]:
    """Yields `commits` with what they change."""
    asked = [f"{each.id} {parent}".strip() for each in commits for parent in each.parents or ("",)]
    parts = iter(_diffs(git, asked, *_PATCH, "-p", "--always", "--", *places))
    for each in commits:
        yield each._replace(changes=tuple(dict(_files(next(parts))) for _ in each.parents or ("",)))


def _diffs(git: Git, asked: Sequence[str], *options: str) -> Sequence[str]:
    """Returns what git says of each pair of commit and parent."""
    stdin = "".join(f"{pair}\n" for pair in asked).encode()
    out = git.bytes(*_DIFFS, *options, stdin=stdin, timeout=_PATIENCE) if asked else b""
    return re.split("^[0-9a-f]{40}\n", out.decode("utf-8", "surrogateescape"), flags=re.MULTILINE)[1:]


def _renamed(git: Git, lost: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yields what became of files that commits seem to take away: `lost` holds commit, parent and path."""
    pairs = sorted({f"{commit} {parent}" for commit, parent, _ in lost})
    parts = _diffs(git, pairs, "--always", "--find-renames", "--diff-filter=R", "--name-status")
    gone = {(f"{commit} {parent}", path) for commit, parent, path in lost}
    for pair, part in zip(pairs, parts, strict=True):
        rows = (row.split("\t") for row in part.splitlines())
        yield from (row[2] for row in rows if len(row) == 3 and (pair, _plain(row[1])) in gone)


def _files(patch: str) -> Iterator[tuple[str, FileChange]]:
    """Yields the files of a patch without context; one that is renamed alone, or no text, has no hunks."""
    for part in re.split("^diff --git ", patch, flags=re.MULTILINE)[1:]:
        heads: dict[str, str] = {}
        hunks: list[Hunk] = []
        for row in part.split("\n"):
            place = _PLACE.match(row)
            if place:
                hunks.append(Hunk(_span(place[1]), _span(place[2])))
            elif not hunks:
                word, _, rest = row.partition(" ")
                heads.setdefault(word, rest)
        blobs = _BLOBS.match(heads.get("index", ""))
        was, now = ("" if blob == _NOTHING else blob for blob in blobs.groups()) if blobs else ("", "same")
        before, after = _path(heads.get("---", "")), _path(heads.get("+++", ""))
        if heads.get("rename", "").startswith("from "):
            before, after = _renaming(part)
        if before or after:
            yield after or before, FileChange(before, after, was, now, tuple(hunks))


def _renaming(part: str) -> tuple[str, str]:
    found = re.search("^rename from (.*)\nrename to (.*)$", part, flags=re.MULTILINE)
    return (_plain(found[1]), _plain(found[2])) if found else ("", "")


def _span(words: str) -> Span:
    first, _, count = words.partition(",")
    return (
        Span(int(first), int(first) + int(count or 1) - 1)
        if count != "0"
        else Span(int(first) + 1, int(first))
    )


def _path(words: str) -> str:
    """Returns the path in a header of a patch, "" where the file is not there on that side."""
    plain = _plain(words)
    return "" if plain == "/dev/null" else plain[2:]


def _plain(words: str) -> str:
    """Returns a path as it is: git quotes one with odd letters in it."""
    plain = words.rstrip("\t")
    if plain.startswith('"'):
        return plain.strip('"').encode("latin-1", "replace").decode("unicode_escape")
    return plain
