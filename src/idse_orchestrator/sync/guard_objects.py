"""Small questions about objects, asked of two gits that stay open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_finder import reading_also
from idse_orchestrator.git.raw_objects import CarefulObjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.program import Child, Git
    from idse_orchestrator.git.vault import Vault

CHECK = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
FEW = 64
"""Ids up to this number fit into the smallest pipe together with their answers."""


class FewObjects:
    """Answers questions about FEW objects at once. What it started it ends with `close`."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._checker: Child | None = None
        self._reader: CarefulObjects | None = None

    def measure(self, ids: Sequence[str]) -> list[str]:
        """A line ``<id> <kind> <size>`` for each of `ids` that is there; another line for what is not."""
        if not ids:
            return []
        if self._checker is None:
            self._checker = self._git.start(*CHECK)
        asking, answering = self._checker.stdin, self._checker.stdout
        if asking is None or answering is None:
            raise GitFailedError("git does not answer")
        try:
            asking.write("".join(f"{name}\n" for name in ids).encode())
            asking.flush()
        except BrokenPipeError as error:
            raise GitFailedError(
                "git stopped in the middle of measuring objects", fix=("git fsck",)
            ) from error
        return [answering.readline().decode().removesuffix("\n") for _ in ids]

    def load(self, ids: Sequence[str]) -> Mapping[str, bytes]:
        """The content of each of `ids` that can be read."""
        if not ids:
            return {}
        if self._reader is None:
            self._reader = CarefulObjects(self._git)
        found = zip(ids, self._reader.read_all(ids), strict=True)
        return {name: each.data for name, each in found if each is not None}

    def close(self) -> None:
        """End both gits; they only read."""
        if self._reader is not None:
            self._reader.__exit__()
        child = self._checker
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            child.wait()


PORTION = 64 * 1024 * 1024
"""So many bytes of objects are in memory at once."""

Item = TypeVar("Item")

_PLAIN_SIGHT = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
_CHECK = (*CHECK, "--buffer")
_FIELDS = 3
_PATIENCE = 3600.0


class TooMuchError(Exception):
    """More than may be in memory at once; never leaves the guard."""


class Measure(NamedTuple):
    """Kind ("blob", "tree", "commit", "tag") and size in bytes of an object."""

    kind: str
    size: int


class GuardObjects:
    """The objects of a repository and, with `folder`, of an object folder beside its own.

    Use it in a ``with`` block: two gits stay open for small questions, of which each would cost a start.
    `git` sees all of them. `own_git` sees the repository's, and stops where a shallow clone ends.
    """

    def __init__(self, vault: Vault, folder: str | None) -> None:
        self.own_git: Git = vault.git.with_environment(_PLAIN_SIGHT)
        whole = self.own_git.with_environment({"GIT_SHALLOW_FILE": ""})
        self.git: Git = reading_also(whole, folder) if folder else whole
        self._few = FewObjects(self.git)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._few.close()

    def measure(self, ids: Iterable[str]) -> Mapping[str, Measure]:
        """Kind and size of each object that is there; none is loaded."""
        wanted = list(dict.fromkeys(ids))
        if len(wanted) <= FEW:
            lines = self._few.measure(wanted)
        else:
            lines = self.git.bytes(*_CHECK, stdin=_lines(wanted), timeout=_PATIENCE).decode().split("\n")
        rows = (line.split(" ") for line in lines)
        return {row[0]: Measure(row[1], int(row[2])) for row in rows if len(row) == _FIELDS}

    def load(self, ids: Iterable[str]) -> Mapping[str, bytes]:
        """The content of each object that can be read. All of it is in memory: measure first."""
        wanted = list(dict.fromkeys(ids))
        if len(wanted) <= FEW:
            return self._few.load(wanted)
        done = self.git.attempt("cat-file", "--batch", "--buffer", stdin=_lines(wanted), timeout=_PATIENCE)
        if done.returncode == 0:
            return _parted(done.stdout)
        with CarefulObjects(self.git) as careful:  # an object is damaged, and git ends there
            found = zip(wanted, careful.read_all(wanted), strict=True)
            return {name: each.data for name, each in found if each is not None}

    def read(self, ids: Iterable[str], kind: str, cap: int) -> Mapping[str, bytes]:
        """The content of each object that is of `kind` and has at most `cap` bytes.

        TooMuchError where several objects together have more than PORTION bytes: ask for fewer.
        """
        sizes = self.measure(ids)
        fit = [name for name, found in sizes.items() if found.kind == kind and found.size <= cap]
        if len(fit) > 1 and sum(sizes[name].size for name in fit) > PORTION:
            raise TooMuchError
        return self.load(fit)


def in_portions(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """`items` in runs whose sizes add up to no more than PORTION bytes; one that has more stands alone."""
    run: list[Item] = []
    total = 0
    for item in items:
        size = size_of(item)
        if run and total + size > PORTION:
            yield run
            run, total = [], 0
        run.append(item)
        total += size
    if run:
        yield run


def _parted(out: bytes) -> dict[str, bytes]:
    """What `cat-file --batch` printed, by id."""
    found = {}
    at, end = 0, len(out)
    while at < end:
        after = out.index(b"\n", at)
        fields = out[at:after].split()
        if len(fields) != _FIELDS or not fields[2].isdigit():
            at = after + 1
            continue
        begin, size = after + 1, int(fields[2])
        found[fields[0].decode()] = out[begin : begin + size]
        at = begin + size + 1
    return found


def _lines(ids: Sequence[str]) -> bytes:
    return ("\n".join(ids) + "\n").encode()
