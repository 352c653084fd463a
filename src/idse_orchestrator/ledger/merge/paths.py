"""Three listings of files joined into one, path by path; no renames are guessed.

The cases, in the order of the code: both sides agree, or one left the file as it was · one removed
what the other edited: the edit stays · both edited or added it: the caller has to look inside. The
two sides are interchangeable but for their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import same_file

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping


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
    """Returns what two sides made of `base`; each listing maps a path to its file."""
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
    """Returns the value that changed; the other side's where both did."""
    return one if other == was else other


def set_apart(files: Mapping[str, File], first: Container[str]) -> tuple[dict[str, File], dict[str, str]]:
    """Returns `files` without two names for one place; the new name to the old one of each that had to move.

    A file moves out of the way of a folder of its name. Where names differ only in case, a folder
    stays, then what is in `first` (paths of files and folders), then the smaller name: some systems
    would write both into one file, and a ledger with such names is not let in anywhere.
    """
    placed: dict[str, File] = {}
    moved: dict[str, str] = {}
    waiting = [("", "", _rooted(files))]
    while waiting:
        old, new, folder = waiting.pop()
        for name, free in _free_names(folder, old, first):
            here, inner = f"{new}{free}", folder.folders.get(name.text) if name.is_folder else None
            if inner is not None:
                waiting.append((f"{old}{name.text}/", f"{here}/", inner))
                continue
            placed[here] = folder.files[name.text]
            if here != f"{old}{name.text}":
                moved[here] = f"{old}{name.text}"
    return placed, moved


class _Name(NamedTuple):
    """A name in a folder, that of a file or of a folder."""

    text: str
    is_folder: bool


class _Folder(NamedTuple):
    """What is in one folder; a file and a folder may still have one name."""

    files: dict[str, File]
    folders: dict[str, _Folder]


def _rooted(files: Mapping[str, File]) -> _Folder:
    root = _Folder({}, {})
    for path, file in files.items():
        *above, name = path.split("/")
        folder = root
        for part in above:
            folder = folder.folders.setdefault(part, _Folder({}, {}))
        folder.files[name] = file
    return root


def _free_names(folder: _Folder, path: str, first: Container[str]) -> Iterator[tuple[_Name, str]]:
    """Yields each name in a folder and the one it gets: most keep theirs, and choose before the others."""
    names = [_Name(text, is_folder=True) for text in folder.folders]
    names += [_Name(text, is_folder=False) for text in folder.files]
    taken: set[str] = set()
    late = []
    for name in sorted(names, key=lambda name: (not name.is_folder, f"{path}{name.text}" not in first, name)):
        if _place(name.text) in taken:
            late.append(name)
            continue
        taken.add(_place(name.text))
        yield name, name.text
    for name in late:
        free = name.text
        while _place(free) in taken:
            free += "~"
        taken.add(_place(free))
        yield name, free


def _place(name: str) -> str:
    return same_file(name.encode("utf-8", "surrogateescape"))


def folders_of(path: str) -> list[str]:
    """Returns every folder above `path`, the outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
