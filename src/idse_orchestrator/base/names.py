"""Names that people give, ids that are made, and canonical JSON.

The name of a project or a session becomes a folder and a component of a ref, so it must be safe as both
on every platform. Ids are ULIDs, which sort by time, or content ids as git computes them: a folder's id
is that of the tree git would make of its files, an entry's that of the commit. So a ledger that travels
from one store to another keeps every id, and a changed byte shows as another id. Libraries that make
them import more than a hook has time for, and take clock and randomness from around them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any, TypeVar, Union

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidNameError, NameTakenError, UnknownNameError
from idse_orchestrator.redaction import redacted

MAX_LENGTH = 64
BLUEPRINT = "__blueprint__"

_ALLOWED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_RULE = (
    f"a name has 1 to {MAX_LENGTH} letters, digits, '.', '_' or '-', and starts with a letter, a digit or '_'"
)


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """Tests whether `name` may name a project, a session or an agent."""
    return problem_with(name) is None


def check_name(kind: str, name: str) -> str:
    """Returns `name` if it may name a `kind` ("project", "session"); raises InvalidNameError if not."""
    problem = problem_with(name)
    if problem is None:
        return name
    raise InvalidNameError(
        f"{name!r} cannot name {'an' if kind[0] in 'aeiou' else 'a'} {kind}: {problem}",
        cause=_RULE,
        fix=(f"choose another {kind} name, for instance {_suggestion(kind, redacted(name))!r}",),
    )


def check_new_name(kind: str, name: str, existing: Iterable[str]) -> str:
    """Does as check_name, and raises where `name` is taken or differs from a taken one only in case."""
    check_name(kind, name)
    for other in existing:
        if other == name:
            raise NameTakenError(
                f"{kind} {name!r} exists already",
                fix=(
                    "choose another name",
                    f"idse switch {name}  # works on it",
                )
                if kind == "session"
                else ("choose another name",),
            )
        if other.casefold() == name.casefold():
            raise InvalidNameError(
                f"{kind} {name!r} differs from {other!r} only in case",
                cause="such names share one folder on macOS and Windows",
                fix=("choose a name that differs in more than case",),
            )
    return name


def check_known(
    kind: str, word: str, known: Collection[str], fix: tuple[str, ...] = (), *, many: str = ""
) -> str:
    """Returns `word` if it is one of `known`. Raises UnknownNameError, with the nearest, if not.

    `kind` is what they are; `many` is its plural where that is no plain one.
    """
    if word in known:
        return word
    raise UnknownNameError(
        f"there is no {kind} {word!r}",
        cause=f"{many or kind + 's'}: {', '.join(known)}",
        fix=did_you_mean(word, known) or fix,
    )


def problem_with(name: str) -> str | None:
    """Returns why `name` can name neither a project nor a session; None where it can."""
    if not name:
        return "it is empty"
    if len(name) > MAX_LENGTH:
        return f"it has {len(name)} characters"
    if not _ALLOWED.fullmatch(name):
        return "it has a character that is not allowed there"
    if ".." in name:
        return "it contains '..'"
    if name.endswith((".", ".lock")):
        return f"git refuses names that end in {'.lock' if name.endswith('.lock') else '.'!r}"
    return None


def _suggestion(kind: str, name: str) -> str:
    return as_name(name) or f"my-{kind}"


def as_name(words: str) -> str:
    """Returns what of `words` may be a name; "" where nothing may."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", words, flags=re.ASCII).strip("-")[:MAX_LENGTH]
    return plain.removesuffix("-lock")


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def ulid(milliseconds: int, randomness: bytes) -> str:
    """26 characters from a Unix time in milliseconds (48 bits) and 10 random bytes."""
    number = milliseconds << 80 | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def is_ulid(text: str) -> bool:
    """Tests whether `text` has the form of a ULID."""
    return _PATTERN.fullmatch(text) is not None


FORMAT = 1
"""The version of everything a ledger holds: ``format`` in ``event.json`` and ``state.json``."""


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Returns `value` as JSON with sorted keys, no spaces and UTF-8: equal values give equal bytes."""
    return _ENCODER.encode(value).encode()


Filled = TypeVar("Filled", bound="tuple[Any, ...]")


def filled(kind: type[Filled], raw: Mapping[str, Any], **given: Any) -> Filled:  # noqa: ANN401 - any field
    """Returns a named tuple of `given`, and of what `raw` has for its other fields. Raises KeyError."""
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    return kind(*(given[name] if name in given else raw[name] for name in fields))


BLOB, TREE, COMMIT = "blob", "tree", "commit"

_FILE = b"100644"
_FOLDER = b"40000"

Folder = dict[str, Union[str, "Folder"]]
"""Names of a folder: a file's content id, or what is in the folder of that name."""
Row = tuple[str, bytes]
"""(kind, content) of one object."""


def content_id(kind: str, content: bytes) -> str:
    """Returns the id of an object of `kind` with this content: 40 hexadecimal digits."""
    from hashlib import sha1  # it loads OpenSSL, 2 ms, and a status needs no id

    return sha1(
        b"%s %d\0" % (kind.encode("ascii"), len(content)) + content, usedforsecurity=False
    ).hexdigest()


def blob_id(content: bytes) -> str:
    """Returns the id of a file's content."""
    return content_id(BLOB, content)


def folder_id(files: Mapping[str, str]) -> str:
    """Returns the id of a folder of plain files, path to content id.

    ValueError where paths exclude each other.
    """
    return folder_objects(nested(files))[0]


def folder_objects(folder: Folder) -> tuple[str, list[Row]]:
    """Returns the id of a folder, and its object after those of the folders in it."""
    rows: list[Row] = []
    entries = []
    for name, value in folder.items():
        raw = name.encode("utf-8", "surrogateescape")
        if isinstance(value, str):
            entries.append((raw, _FILE, value))
            continue
        inner, inner_rows = folder_objects(value)
        rows += inner_rows
        entries.append((raw + b"/", _FOLDER, inner))
    content = b"".join(_line(*entry) for entry in sorted(entries))
    rows.append((TREE, content))
    return content_id(TREE, content), rows


def nested(files: Mapping[str, str]) -> Folder:
    """Returns `files`, path to content id, as folders within folders. ValueError as by `folder_id`."""
    top: Folder = {}
    for path, name in files.items():
        *above, last = path.split("/")
        folder = top
        for part in above:
            inner = folder.setdefault(part, {})
            if isinstance(inner, str):
                raise ValueError(f"{part!r} is a file and a folder")  # noqa: TRY004 - a wrong value it is
            folder = inner
        if last in folder:
            raise ValueError(f"{path!r} is a file and a folder")
        folder[last] = name
    return top


def _line(name: bytes, mode: bytes, target: str) -> bytes:
    return mode + b" " + name.removesuffix(b"/") + b"\0" + bytes.fromhex(target)


PLAIN = "100644"
FOLDER = "40000"
"""Modes of a tree's entries, in octal as git stores them."""


class Entry(NamedTuple):
    """One entry of a tree: mode as git stores it (octal), path, object id, size of a file if it is known."""

    mode: str
    path: str
    id: str
    size: int | None = None


@cache
def loaded(target: str) -> Any:  # noqa: ANN401 - whatever stands there
    """Returns what ``module:name`` names. ModuleNotFoundError where that part of idse is absent."""
    module, _, name = target.partition(":")
    return getattr(__import__(module, fromlist=(name,)), name)
