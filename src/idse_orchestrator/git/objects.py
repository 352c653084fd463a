"""Objects as git stores them: read, made in memory, and written beside a `git gc`.

libgit2 makes the folder and then renames the file into it. Where the folder goes in between, it gives up;
git itself makes the folder again, and so do we.

Nothing here knows of replacement refs, grafts, attributes, filters or any setting: a merge must be
the same in every clone, however its owner set git up. Since ids are known before anything is
written, `idse fsck` and the judge of incoming ledgers can ask what a merge must be and write nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.base.files import sharing_at
from idse_orchestrator.base.names import FOLDER, Entry, content_id
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.libgit2 import libgit2, read_again, shared_objects, write_failure
from idse_orchestrator.git.object_stream import LARGEST

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2

Written = TypeVar("Written")

_TRIES = 1_000
_ID_BYTES = 20
_VANISHED = "No such file or directory"


def write_objects(where: str, write: Callable[[], Written]) -> Written:
    """Returns what `write` does, which may be called again. Raises StorageError if the disk refuses."""
    for left in reversed(range(_TRIES)):
        try:
            return write()
        except (libgit2().GitError, OSError, SystemError) as error:
            # So pygit2 wraps, here and there, what our own writing of shared objects raised.
            why = error.__cause__ if isinstance(error, SystemError) else error
            if not isinstance(why, Exception):
                raise
            if not left or _VANISHED not in str(why):
                raise write_failure(where, why) from error
    raise AssertionError


def commit_object(
    git: pygit2.Repository,
    who: pygit2.Signature,
    message: str,
    tree: pygit2.Oid,
    parents: Sequence[pygit2.Oid],
    committer: pygit2.Signature | None = None,
) -> pygit2.Oid:
    """Writes a commit of `who` and returns its id; `committer` is who stores it, where that is another.

    Raises GitError or OSError if it could not be written.

    Never by `create_commit`: that of libgit2 1.9 gives an id, and no error, for a commit that a full disk
    or a vanished folder kept from being stored.
    """
    stored: pygit2.Oid = git.write(COMMIT, commit_text(who, message, str(tree), map(str, parents), committer))
    return stored


def commit_text(
    who: pygit2.Signature,
    message: str,
    tree: str,
    parents: Iterable[str],
    committer: pygit2.Signature | None = None,
) -> bytes:
    """Returns the content of a commit.

    As `create_commit_string` does, which first reads the tree and the parents back from the disk, and writes
    what is left of a time beyond 32 bits.
    """
    above = "".join(f"parent {parent}\n" for parent in parents)
    people = f"author {_signed(who)}\ncommitter {_signed(committer or who)}\n"
    return f"tree {tree}\n{above}{people}\n{message}".encode()


def _signed(who: pygit2.Signature) -> str:
    sign, minutes = ("-", -who.offset) if who.offset < 0 else ("+", who.offset)
    return f"{who.name} <{who.email}> {who.time} {sign}{minutes // 60:02}{minutes % 60:02}"


COMMIT, TREE, BLOB = 1, 2, 3
"""Kinds of objects, by libgit2's numbers."""
TAG = 4
_KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob", TAG: "tag"}


class Objects:
    """The objects of a repository, those in `object_folder` (not installed yet), and those made here.

    `store` is the repository's own folder of objects. What is installed goes to `object_folder`
    where there is one: judging brings nothing into the store.
    """

    def __init__(self, store: str, object_folder: str | None = None) -> None:
        self._store = store
        self._folder = object_folder
        self._made: dict[str, tuple[int, bytes]] = {}
        self.held = 0
        """Bytes of what was made and not forgotten."""

    def has(self, name: str) -> bool:
        """Tests whether the object can be read."""
        return name in self._made or libgit2().Oid(hex=name) in self._disk

    def read(self, name: str, kind: int) -> bytes:
        """Returns the content of an object. Raises CorruptLedgerError if there is none of the kind."""
        found = self._made.get(name) or self._from_disk(name)
        if found[0] != kind:
            raise _broken(name, f"it is no {_KINDS[kind]}")
        return found[1]

    def size(self, name: str) -> int:
        """Returns the size of an object in bytes, without loading it.

        CorruptLedgerError where it is missing or damaged.
        """
        if name in self._made:
            return len(self._made[name][1])
        try:
            return read_again(lambda: self._size(name), self._reopen)
        except (libgit2().GitError, OSError, KeyError, ValueError) as error:
            raise _broken(name, str(error)) from error

    def header(self, name: str) -> tuple[str, int] | None:
        """Returns kind and size of an object on the disk, without loading it; None where there is none."""
        try:
            kind, size = read_again(lambda: self._disk.read_header(libgit2().Oid(hex=name)), self._reopen)
        except (libgit2().GitError, OSError, KeyError, ValueError):
            return None
        return (_KINDS[kind], size) if kind in _KINDS else None

    def find(self, name: str) -> bytes | None:
        """Returns the content of an object on the disk; None if it is missing, damaged or too large."""
        try:
            return self._from_disk(name)[1]
        except CorruptLedgerError:
            return None

    def entries(self, tree: str, prefix: str = "") -> tuple[Entry, ...]:
        """Returns the entries of a tree, each path with `prefix` in front."""
        try:
            return parse_tree(self.read(tree, TREE), prefix)
        except ValueError as error:
            raise _broken(tree, "it is damaged") from error

    def make(self, kind: int, data: bytes) -> str:
        """Keeps an object in memory; returns its id."""
        name = content_id(_KINDS[kind], data)
        if name not in self._made:
            self._made[name] = (kind, data)
            self.held += len(data)
        return name

    def install(self, name: str, where: str) -> None:
        """Writes a commit or a tree and whatever was made for it. StorageError when the disk refuses."""
        for needed in self._needed(name):
            write_objects(where, partial(self._target.write, *self._made[needed]))

    def forget(self, but: Sequence[str] = ()) -> None:
        """Drops what was made, but for the commits of `but` and what was made for them."""
        kept = {name: self._made[name] for top in but for name in self._needed(top)}
        self._made = kept
        self.held = sum(len(data) for _, data in kept.values())

    def _needed(self, top: str) -> list[str]:
        """Returns what was made of a commit or tree, itself included; it comes after what it holds."""
        needed: dict[str, None] = {}
        waiting = [top]
        while waiting:
            name = waiting.pop()
            if name in self._made and name not in needed:
                needed[name] = None
                kind, data = self._made[name]
                if kind == COMMIT:
                    waiting.append(parse_commit(data)[0])
                elif kind == TREE:
                    waiting += [entry.id for entry in parse_tree(data)]
        return [*reversed(needed)]

    def _from_disk(self, name: str) -> tuple[int, bytes]:
        try:
            size = read_again(lambda: self._size(name), self._reopen)
            if size > LARGEST:
                raise _broken(name, f"it has {size:,} bytes")
            return read_again(lambda: self._disk.read(libgit2().Oid(hex=name)), self._reopen)
        except (libgit2().GitError, OSError, KeyError, ValueError) as error:
            raise _broken(name, str(error)) from error

    def _size(self, name: str) -> int:
        return self._disk.read_header(libgit2().Oid(hex=name))[1]

    def _reopen(self) -> None:
        self.__dict__.pop("_disk", None)

    @cached_property
    def _target(self) -> pygit2.Odb:
        """Where to write. Another one where users share it: there each reading takes 13 µs more."""
        folder = self._folder or self._store
        return self._disk if sharing_at(folder) is None else shared_objects(folder)

    @cached_property
    def _disk(self) -> pygit2.Odb:
        """Writing goes to the first folder; alternates are only read."""
        try:
            disk: pygit2.Odb = libgit2().Odb(self._folder or self._store)
            if self._folder:
                disk.add_disk_alternate(self._store)
        except (libgit2().GitError, OSError) as error:
            raise write_failure(self._folder or self._store, error) from error
        return disk


def objects_of(common_dir: str, object_folder: str | None = None) -> Objects:
    """Opens the objects of the repository whose common git directory is `common_dir`."""
    return Objects(os.path.join(common_dir, "objects"), object_folder)


def make_tree(objects: Objects, entries: dict[str, tuple[str, str]]) -> str:
    """Makes a tree of `entries`, name to (mode, id), in the order that git demands; returns its id."""
    rows = []
    for name, (mode, target) in entries.items():
        raw = name.encode("utf-8", "surrogateescape")
        place = raw + b"/" if mode == FOLDER else raw
        rows.append((place, mode.encode("ascii") + b" " + raw + b"\0" + bytes.fromhex(target)))
    return objects.make(TREE, b"".join(row for _, row in sorted(rows)))


def _broken(name: str, cause: str) -> CorruptLedgerError:
    return CorruptLedgerError(
        "a merge needs an object that cannot be read",
        where=name,
        cause=cause,
        fix=("idse fsck",),
    )


def parse_commit(data: bytes) -> tuple[str, tuple[str, ...], bytes]:
    """Returns tree, parents and message of a commit's content."""
    head, _, message = data.partition(b"\n\n")
    tree, parents = "", []
    for line in head.split(b"\n"):
        if line.startswith(b"tree "):
            tree = line[5:].decode("ascii", "replace")
        elif line.startswith(b"parent "):
            parents.append(line[7:].decode("ascii", "replace"))
        elif line.startswith(b"author "):
            break
    return tree, tuple(parents), message


def parse_tree(data: bytes, prefix: str = "") -> tuple[Entry, ...]:
    """Returns the entries of a tree's content, each path after `prefix`. Raises ValueError if damaged."""
    entries = []
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        after = end + 1 + _ID_BYTES
        mode = data[at:space].decode("ascii", "replace")
        entries.append(Entry(mode, prefix + name, data[end + 1 : after].hex()))
        at = after
    return tuple(entries)
