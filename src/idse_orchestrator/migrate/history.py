"""The history of a source in one run of git: which commits touched whose files, and what those were then.

Each commit's files are those of its first parent with what differs applied. git's simplification keeps
every commit that touched one of the folders asked for, and their parents among each other, so nothing
else of the repository is looked at. An owner that was renamed is one whose files, as they were, appear
under another in the commit that takes them away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.migrate.values import Step

Owner = TypeVar("Owner", bound="Hashable")
Files = Mapping[str, str]

_BEGIN = "\x01"
_FORMAT = "%x01%H%x00%P%x00%an%x00%ae%x00%at%x00%s"
_LOG = (
    "-c",
    "log.showSignature=false",
    "-c",
    "log.showRoot=true",
    "log",
    "--reverse",
    "--topo-order",
    "--full-history",
    "--parents",
    "--diff-merges=first-parent",
    "--raw",
    "-z",
    "--no-renames",
    "--no-abbrev",
    "--no-notes",
    "--no-color",
    "--no-ext-diff",
    "--ignore-submodules=all",
    "--encoding=UTF-8",
    f"--format={_FORMAT}",
)
_PATIENCE = 600.0
_FILE_MODES = frozenset({"100644", "100755"})
_LATEST = 253402300799
"""The last second of the year 9999."""


class Change(NamedTuple):
    """A path, and the blob that stands there afterwards ("" : nothing that is a file)."""

    path: str
    blob: str


class Commit(NamedTuple):
    """A commit and how its files differ from those of its first parent."""

    id: str
    parents: tuple[str, ...]
    author: Actor
    at: str
    subject: str
    changes: tuple[Change, ...]


def read_history(
    git: Git, options: Sequence[str], owner: Callable[[str], Owner | None]
) -> dict[Owner, list[Step]]:
    """Returns the steps of each owner. `options` say where to begin and which paths count."""
    log = git.bytes(*_LOG, *options, timeout=_PATIENCE).decode("utf-8", "surrogateescape")
    commits = list(_commits(log.split("\0")))
    return _Walk(commits, owner).steps()


def _commits(tokens: Sequence[str]) -> Iterator[Commit]:
    at, end = 0, len(tokens)
    while at < end:
        if not tokens[at].startswith(_BEGIN):
            at += 1
            continue
        name, parents, author, email, seconds, subject = tokens[at : at + 6]
        at += 6
        changes = []
        while at + 1 < end and tokens[at].lstrip("\n").startswith(":"):
            fields = tokens[at].lstrip("\n:").split(" ")
            changes.append(Change(tokens[at + 1], fields[3] if fields[1] in _FILE_MODES else ""))
            at += 2
        yield Commit(
            name.removeprefix(_BEGIN),
            tuple(parents.split()),
            Actor(author, email),
            moment(int(seconds) if seconds.lstrip("-").isdecimal() else 0),
            subject,
            tuple(changes),
        )


def moment(seconds: int) -> str:
    """Returns a Unix time as events write it; a year they do not know becomes the nearest."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(max(seconds, 0), _LATEST)))


class _Walk:
    """Walks commits, parents first, and keeps what an owner's files are at each until no child needs it."""

    def __init__(self, commits: Sequence[Commit], owner: Callable[[str], object]) -> None:
        self._commits = commits
        self._owner = cache(owner)
        self._states: dict[str, dict[object, Files]] = {}
        self._children: dict[str, int] = {}
        self._found: dict[object, list[Step]] = {}
        for commit in commits:
            for parent in commit.parents:
                self._children[parent] = self._children.get(parent, 0) + 1

    def steps(self) -> dict[Owner, list[Step]]:
        for commit in self._commits:
            for owner, files in self._touched(commit).items():
                step = Step(commit.id, commit.at, commit.author, commit.subject, files)
                self._found.setdefault(owner, []).append(step)
        return self._found  # type: ignore[return-value] # owners come from `owner` alone

    def _touched(self, commit: Commit) -> dict[object, Files]:
        """Returns the owners that this commit touched, with their files after it; its own state is kept."""
        above = [self._states.get(parent, {}) for parent in commit.parents]
        before = above[0] if above else {}
        touched: dict[object, dict[str, str]] = {}
        for path, blob in commit.changes:
            owner = self._owner(path)
            if owner is None:
                continue
            files = touched.get(owner)
            if files is None:
                files = touched[owner] = dict(before.get(owner, {}))
            if blob:
                files[path] = blob
            else:
                files.pop(path, None)
        self._rename(before, touched)
        self._keep(commit, before, touched)
        for parent in commit.parents:
            self._forget(parent)
        if len(above) < 2:
            return dict(touched)
        return {
            owner: files
            for owner, files in touched.items()
            if not any(files == state.get(owner, {}) for state in above[1:])
        }

    def _rename(self, before: Mapping[object, Files], touched: Mapping[object, Files]) -> None:
        """Moves the steps of an owner that goes to one that appears with its files."""
        gone = {
            owner: set(had.values())
            for owner, files in touched.items()
            if not files and (had := before.get(owner))
        }
        for owner, files in touched.items():
            if not gone or not files or before.get(owner) or owner in self._found:
                continue
            appeared = set(files.values())
            best = max(gone, key=lambda each: len(gone[each] & appeared))
            if 2 * len(gone[best] & appeared) >= len(gone[best]):
                self._found[owner] = self._found.pop(best, [])
                del gone[best]

    def _keep(self, commit: Commit, before: Mapping[object, Files], touched: Mapping[object, Files]) -> None:
        if not self._children.get(commit.id):
            return
        alone = bool(commit.parents) and self._children.get(commit.parents[0]) == 1
        state = before if alone and isinstance(before, dict) else dict(before)
        state.update(touched)
        self._states[commit.id] = state

    def _forget(self, parent: str) -> None:
        self._children[parent] -= 1
        if not self._children[parent]:
            self._states.pop(parent, None)
