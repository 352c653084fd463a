"""Ids: ULIDs, which sort by time, and content ids as git computes them from canonical bytes.

Written here because the packages that make them import more than a hook has time for, and because
the clock and the randomness must come from outside the domain.

A folder's id is that of the tree git would make of its files, and an entry's id is that of the commit; so
a ledger that travels from one store to another keeps every id, and a changed byte shows as another id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha1
from typing import TYPE_CHECKING, NamedTuple, Union

if TYPE_CHECKING:
    from typing import Any

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def ulid(milliseconds: int, randomness: bytes) -> str:
    """26 characters from a Unix time in milliseconds (48 bits) and 10 random bytes."""
    number = milliseconds << 80 | int.from_bytes(randomness, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))


def is_ulid(text: str) -> bool:
    """Whether `text` has the form of a ULID."""
    return _PATTERN.fullmatch(text) is not None


FORMAT = 1
"""The version of everything a ledger holds: ``format`` in ``event.json`` and ``state.json``."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """`value` as JSON with sorted keys, no spaces and UTF-8: equal values give equal bytes."""
    return _ENCODER.encode(value).encode()


BLOB, TREE, COMMIT = "blob", "tree", "commit"

_FILE = b"100644"
_FOLDER = b"40000"

Folder = dict[str, Union[str, "Folder"]]
"""Names of a folder: a file's content id, or what is in the folder of that name."""
Row = tuple[str, bytes]
"""(kind, content) of one object."""


def content_id(kind: str, content: bytes) -> str:
    """The id of an object of `kind` with this content: 40 hexadecimal digits."""
    return sha1(
        b"%s %d\0" % (kind.encode("ascii"), len(content)) + content, usedforsecurity=False
    ).hexdigest()


def blob_id(content: bytes) -> str:
    """The id of a file's content."""
    return content_id(BLOB, content)


def folder_id(files: Mapping[str, str]) -> str:
    """The id of a folder of plain files, path to content id; ValueError where paths exclude each other."""
    return folder_objects(nested(files))[0]


def folder_objects(folder: Folder) -> tuple[str, list[Row]]:
    """The id of a folder, and its object after those of the folders in it."""
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
    """`files`, path to content id, as folders within folders. ValueError as by `folder_id`."""
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
