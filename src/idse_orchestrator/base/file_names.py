"""File names that mean the same file, or git's own folder, on somebody else's machine.

A ledger is written on one system and its folders are written out on another. macOS ignores some
characters and case, Windows ignores case, trailing dots and spaces, and knows short names and streams.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

MAX_ARTIFACT_BYTES = 1024 * 1024
"""A document larger than this never enters a ledger."""
MAX_FILES = 10_000
"""Files in one session's folder; more is no set of documents."""
MAX_DEPTH = 32
"""Folders within folders, counted from the session's own."""

_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT_FOLDER = re.compile(r"(\.git|git~1)[ .]*(:.*)?", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=4096)
def file_name_problem(name: bytes) -> str | None:  # noqa: PLR0911 - one return for each case
    """What keeps `name` from being a file or folder in a ledger; None when nothing does."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "its name is not UTF-8"
    if name in (b"", b".", b".."):
        return "it leads out of its folder"
    if b"/" in name:
        return "its name holds a slash"
    if name.isalnum():
        return None
    seen = _IGNORED_BY_HFS.sub("", text) if not name.isascii() else text
    if any(_GIT_FOLDER.fullmatch(part) for part in seen.split("\\")):
        return "some system takes it for git's own folder"
    if any(part in (".", "..") for part in text.split("\\")):
        return "some system takes it for a way out of its folder"
    return None


@lru_cache(maxsize=4096)
def same_file(name: bytes) -> str:
    """Equal for names that are one file where case, or the way an accent is written, does not count."""
    if name.isascii():
        return name.decode().lower()
    from unicodedata import normalize  # only names beyond ASCII pay for the table

    text = _IGNORED_BY_HFS.sub("", name.decode("utf-8", "replace"))
    return normalize("NFC", normalize("NFC", text).casefold())


def name_problems(names: Iterable[bytes]) -> Iterator[tuple[str, bytes, str]]:
    """(code, name, what) for each of the `names` in one folder that a ledger may not hold."""
    seen: dict[str, bytes] = {}
    for name in names:
        problem = file_name_problem(name)
        if problem is not None:
            yield "artifact-name", name, problem
            continue
        key = same_file(name)
        if key in seen:
            shown = seen[key].decode("utf-8", "replace")
            yield "artifact-case", name, f"it is the same file as {shown} where case does not count"
        seen[key] = name


def first_problem(paths: Iterable[str]) -> tuple[str, str] | None:
    """(path, what) of the first of a folder's files `paths` that no ledger may hold; None without one."""
    folders: dict[str, dict[str, None]] = {}
    known = list(paths)
    if len(known) > MAX_FILES:
        return known[MAX_FILES], f"it is one of {len(known):,} files, and the limit is {MAX_FILES:,}"
    for path in known:
        parts = path.split("/")
        if len(parts) > MAX_DEPTH:
            return path, f"it lies {len(parts) - 1} folders deep, and the limit is {MAX_DEPTH - 1}"
        for depth, name in enumerate(parts):
            folders.setdefault("/".join(parts[:depth]), {})[name] = None
    for folder, names in folders.items():
        for _, odd, what in name_problems(name.encode("utf-8", "surrogateescape") for name in names):
            shown = odd.decode("utf-8", "surrogateescape")
            return f"{folder}/{shown}" if folder else shown, what
    return None
