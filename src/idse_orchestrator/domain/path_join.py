"""Three listings of files joined into one, path by path; no renames are guessed.

The cases, in the order of the code: both sides agree, or one left the file as it was · one removed
what the other edited: the edit stays · both edited or added it: the caller has to look inside. The
two sides are interchangeable but for their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class File(NamedTuple):
    """A file in a tree: its mode as git stores it (octal) and its blob."""

    mode: str
    blob: str


class BothEdited(NamedTuple):
    """A path that both sides changed, each in its way; `was` is None where both added it."""

    path: str
    was: File | None
    one: File
    other: File


class JoinedPaths(NamedTuple):
    """`files` that are decided, by path; what is `open`; and of which paths a removal was taken back.

    `kept_by_one` were removed by the other side and edited by the first; `kept_by_other` vice versa.
    """

    files: dict[str, File]
    open: tuple[BothEdited, ...]
    kept_by_one: tuple[str, ...]
    kept_by_other: tuple[str, ...]


def join_paths(base: Mapping[str, File], one: Mapping[str, File], other: Mapping[str, File]) -> JoinedPaths:
    """What two sides made of `base`; each listing maps a path to its file."""
    files: dict[str, File] = {}
    both: list[BothEdited] = []
    by_one: list[str] = []
    by_other: list[str] = []
    for path in sorted({*one, *other}):
        was, mine, theirs = base.get(path), one.get(path), other.get(path)
        kept = mine if theirs in (mine, was) else theirs
        if mine not in (theirs, was) and theirs != was:
            if mine is not None and theirs is not None:
                both.append(BothEdited(path, was, mine, theirs))
                continue
            (by_other if mine is None else by_one).append(path)
            kept = mine or theirs
        if kept is not None:
            files[path] = kept
    return JoinedPaths(files, tuple(both), tuple(by_one), tuple(by_other))


def three_way(was: str, one: str, other: str) -> str:
    """The value that changed; the other side's where both did."""
    return one if other == was else other


def beside_folders(files: Mapping[str, File]) -> tuple[dict[str, File], dict[str, str]]:
    """`files`, in which a file whose name a folder has, too, gets a free one; new name to old name."""
    folders = {folder for path in files for folder in folders_of(path)}
    placed = {path: file for path, file in files.items() if path not in folders}
    moved = {}
    for path in sorted(folders & files.keys()):
        free = path
        while free in placed or free in folders:
            free += "~"
        placed[free] = files[path]
        moved[free] = path
    return placed, moved


def folders_of(path: str) -> list[str]:
    """Every folder above `path`, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
