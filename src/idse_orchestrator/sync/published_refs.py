"""The refs under ``refs/idse/`` of this repository: where they are, how they relate, and moving many at once.

Many refs move in one `git update-ref`, each only from where it was seen. git does that as one
transaction that one moved ref undoes, so what is still as it was seen is tried again without it.
"""

from __future__ import annotations

import os
import re
import time
from threading import Thread
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.git.object_stream import headers, reading_also
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.commit import ARTIFACTS
from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
from idse_orchestrator.ledger.refs import KEPT_RULES, LOCAL, PUBLISHED, tracking_ref

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.sync.incoming import Incoming

EQUAL = "equal"
AHEAD = "ahead"
BEHIND = "behind"
DIVERGED = "diverged"
"""Relations of a local id to a remote one."""

_FEW = 8
"""Pairs up to this number are related by the git program: libgit2's import costs as much as ten of them."""
_AT_ONCE = 20_000
"""Refs moved under one hold of the ledger lock: a second or two, and a commit's hooks wait for it."""
_ARGUMENTS = 1_000
"""Refs named on one command line."""
_TRIES = 5
_PATIENCE = 15.0
"""Seconds in which a lock file that nobody owns is found to be stale, three times over."""
_LONG = 3600.0
_NOTHING = "0" * 40
_PRIVATE_LOCK = re.compile(rf"'(/[^'\n]*/{LOCAL}[^'\n]*\.lock)': File exists")
_MARKED = ("grep", "-nzI", "--no-color", "--all-match", "-e", "^<<<<<<< ", "-e", "^>>>>>>> ")
"""Lists the marks in documents of commits that have both marks of a conflict."""


class PublishedRefs:
    """The refs under ``refs/idse/`` of a repository. Ids are 40 hexadecimal digits."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._git = vault.git

    def heads(self) -> Mapping[str, str]:
        """Returns ref to id of all of them."""
        return heads_below(self._git, PUBLISHED)

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Returns those of `ids` whose commit is in this repository."""
        return frozenset(each.id for each in headers(self._git, ids) if each and each.kind == "commit")

    def conflicts(self, refs: Iterable[str]) -> Sequence[ConflictPlace]:
        """Returns where documents of `refs` carry conflict markers; a ref that is gone has none."""
        asked = set(refs)
        # git reads every loose ref for each listing, so where many are asked for, all are listed once.
        listed = (PUBLISHED,) if len(asked) > _ARGUMENTS else sorted(asked)
        there = self._git.lines("for-each-ref", "--format=%(refname)", *listed) if asked else []
        wanted = [ref for ref in there if ref in asked]
        found: dict[tuple[str, str], ConflictPlace] = {}
        for start in range(0, len(wanted), _ARGUMENTS):
            names = wanted[start : start + _ARGUMENTS]
            rows = self._git.attempt(*_MARKED, *names, "--", f"{ARTIFACTS}/").stdout
            for row in rows.decode("utf-8", "surrogateescape").split("\n"):
                name, _, rest = row.partition("\0")
                ref, _, path = name.partition(f":{ARTIFACTS}/")
                line, _, text = rest.partition("\0")
                if ref in names and text.startswith("<<<<<<< "):
                    found.setdefault((ref, path), ConflictPlace(ref, path, int(line)))
        return tuple(found[key] for key in sorted(found))

    def relations(self, pairs: Iterable[tuple[str, str]], objects: Incoming | None) -> Sequence[str]:
        """Returns for each (mine, theirs) one of EQUAL, AHEAD, BEHIND, DIVERGED.

        Both must be readable, here or in `objects`.
        """
        asked = list(pairs)
        if len(asked) <= _FEW:
            git = self._git if objects is None else reading_also(self._git, objects.folder)
            return [_relation(git, *pair) for pair in asked]
        return self._many(asked, objects)

    def move(self, moves: Iterable[RefMove], reason: str) -> Sequence[RefMove]:
        """Moves each ref by compare-and-swap; returns the moves that somebody else forestalled."""
        asked = list(moves)
        late: list[RefMove] = []
        for start in range(0, len(asked), _AT_ONCE):
            with ledger_lock(self._vault):
                late += self._moved(asked[start : start + _AT_ONCE], reason)
        return late

    def _moved(self, moves: list[RefMove], reason: str) -> list[RefMove]:
        late: list[RefMove] = []
        tries, deadline = 0, time.monotonic() + _PATIENCE
        while moves:
            lines = "".join(f"update {move.ref} {move.new} {move.old or _NOTHING}\n" for move in moves)
            wanted = ("update-ref", "--create-reflog", "-m", f"idse: {reason}", "--stdin")
            done = self._git.attempt(*wanted, stdin=lines.encode())
            if done.returncode == 0:
                break
            now = self.heads()
            gone = {move for move in moves if now.get(move.ref, "") != move.old}
            late += sorted(gone)
            moves = [move for move in moves if move not in gone]
            tries += not (gone or self._waits_for_locks(moves))
            if tries == _TRIES or time.monotonic() > deadline:
                raise failure(wanted, done)
        return late

    def _waits_for_locks(self, moves: Iterable[RefMove]) -> bool:
        """Gives the owner of a ref's lock file time, or removes what a killed process left."""
        from idse_orchestrator.git.libgit2 import wait_for_lock_file

        paths = (os.path.join(self._vault.common_dir, f"{move.ref}.lock") for move in moves)
        locked = [path for path in paths if os.path.exists(path)]
        for path in locked:
            wait_for_lock_file(path)
        return bool(locked)

    def _many(self, pairs: Sequence[tuple[str, str]], objects: Incoming | None) -> list[str]:
        from idse_orchestrator.git.libgit2 import libgit2, open_repository, read_again

        def opened() -> pygit2.Repository:
            git = open_repository(self._vault.common_dir)
            if objects is not None:
                git.odb.add_disk_alternate(objects.folder)
            return git

        def relation(mine: str, theirs: str) -> str:
            ids = [libgit2().Oid(hex=name) for name in (mine, theirs)]
            return _named(*read_again(lambda: repository[0].ahead_behind(*ids), reopen))

        def reopen() -> None:
            repository[:] = [opened()]

        repository = [opened()]
        return [relation(*pair) for pair in pairs]


def heads_below(git: Git, prefix: str) -> dict[str, str]:
    """Returns ref to id of all refs below `prefix`, in order."""
    rows = git.lines("for-each-ref", "--format=%(objectname) %(refname)", prefix)
    return {ref: head for head, _, ref in (row.partition(" ") for row in rows)}


def update_refs(git: Git, lines: Iterable[str]) -> None:
    """Carries out `lines` of `git update-ref --stdin` on private refs, all or none.

    A lock file that a killed git left on one of them is removed: the lock of the sync is held, and what
    else writes there holds a lock for moments.
    """
    from idse_orchestrator.git.libgit2 import wait_for_lock_file

    args = ("update-ref", "--no-deref", "--stdin")
    stdin = "".join(f"{line}\n" for line in lines).encode()
    deadline = time.monotonic() + _PATIENCE
    while (done := git.attempt(*args, stdin=stdin, timeout=_LONG)).returncode != 0:
        lock = _PRIVATE_LOCK.search(done.stderr.decode("utf-8", "surrogateescape"))
        if lock is None or time.monotonic() > deadline:
            raise failure(args, done)
        wait_for_lock_file(lock[1])


def remove_refs(git: Git, prefix: str) -> None:
    """Removes all refs below `prefix`."""
    update_refs(git, git.lines("for-each-ref", "--format=delete %(refname)", prefix))


def remembered_relations(vault: Vault, remote: str) -> dict[str, str]:
    """Returns how each published ref here stands to what the git remote `remote` had when it was asked last.

    Empty where it was never asked. A ref that it did not have is AHEAD. No network is needed.
    """
    place = tracking_ref(remote, "")
    theirs = {
        PUBLISHED + ref.removeprefix(place): head for ref, head in heads_below(vault.git, place).items()
    }
    refs = PublishedRefs(vault)
    mine = refs.heads() if theirs else {}
    found = {ref: EQUAL if theirs.get(ref) == head else AHEAD for ref, head in mine.items()}
    differing = [ref for ref, head in mine.items() if theirs.get(ref, head) != head]
    found |= zip(
        differing, refs.relations([(mine[ref], theirs[ref]) for ref in differing], None), strict=True
    )
    return found


def _relation(git: Git, mine: str, theirs: str) -> str:
    if mine == theirs:
        return EQUAL
    ahead, behind = git.text("rev-list", "--left-right", "--count", f"{mine}...{theirs}", "--").split()
    return _named(int(ahead), int(behind))


def _named(ahead: int, behind: int) -> str:
    if ahead and behind:
        return DIVERGED
    return AHEAD if ahead else BEHIND if behind else EQUAL


class RefListings:
    """Lists all refs beside other work. Listings are in lines like those of `git ls-remote`.

    git is read by a thread: a pipe holds less than it says. Where a ref is broken it says no more, and the
    listings are not those of a settled repository.
    """

    def __init__(self, git: Git) -> None:
        self._rows = b""
        self._child = git.start("show-ref")  # of every ref, and in half the time for-each-ref takes for ours
        self._reader = Thread(target=self._read)
        self._reader.start()

    def here(self) -> bytes:
        """Returns the published refs here."""
        return self._below(PUBLISHED)

    def seen(self, remote: str) -> bytes:
        """Returns what was last seen at `remote`, under the names the refs have there."""
        own = tracking_ref(remote, "")
        return self._below(own).replace(f"\t{own}".encode(), f"\t{PUBLISHED}".encode())

    def kept_rules(self, remote: str) -> str:
        """Returns the id of the rules of the Agency `remote` that are kept here; "" for none."""
        self._reader.join()
        end = self._rows.find(f"\t{KEPT_RULES}{remote}\n".encode())
        return self._rows[self._rows.rfind(b"\n", 0, end) + 1 : end].decode() if end >= 0 else ""

    def close(self) -> None:
        """Ends a git that still runs."""
        if self._child.returncode is None:
            self._child.kill()
        self._reader.join()

    def _below(self, folder: str) -> bytes:
        """Returns the rows of one folder, which stand together: git sorts them."""
        self._reader.join()
        name = f"\t{folder}".encode()
        first, last = self._rows.find(name), self._rows.rfind(name)
        if first < 0:
            return b""
        return self._rows[self._rows.rfind(b"\n", 0, first) + 1 : self._rows.index(b"\n", last) + 1]

    def _read(self) -> None:
        self._rows = self._child.communicate()[0].replace(b" ", b"\t")


PUSH = "push"


PULL = "pull"


class RulesNews(NamedTuple):
    """What became of the Agency's rules in a sync.

    `are_new`: they are others now, and in force here; `refused`: why they are not. `elsewhere` are the ids of
    those whose check is not built in: the Agency alone judges them.
    """

    are_new: bool = False
    refused: str = ""
    elsewhere: tuple[str, ...] = ()


class RefMove(NamedTuple):
    """One ref from `old` to `new`, both commit ids; `old` is "" where the ref is new."""

    ref: str
    old: str
    new: str
