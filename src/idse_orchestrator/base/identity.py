"""Who writes: names as git writes them, and the id of this clone."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.names import is_ulid, ulid
from idse_orchestrator.base.text import one_line

_BRACKETS = re.compile("[<>]")
_AROUND = " .,:;\"'\\"
_NOBODY = "unknown"


class Identity(NamedTuple):
    """Name and email as git would put them on a commit."""

    name: str
    email: str


def as_written(name: str, email: str) -> Identity:
    """Name and email of anybody, as git would write them; it takes no empty ones."""
    return Identity(stripped(name) or stripped(email) or _NOBODY, stripped(email) or _NOBODY)


def stripped(text: str) -> str:
    """`text` as git puts it on a commit: without angle brackets, and without punctuation around it."""
    return _BRACKETS.sub("", one_line(text)).strip(_AROUND)


def replica_id(private_folder: str, milliseconds: int) -> str:
    """The id of this clone, made at its first write and kept in the common git directory."""
    known = known_replica_id(private_folder)
    if not known:
        known = new_replica_id(milliseconds)
        keep_replica_id(private_folder, known)
    return known


def known_replica_id(private_folder: str) -> str:
    """The id of this clone, "" where it has none yet."""
    try:
        with open(os.path.join(private_folder, "replica"), encoding="ascii") as file:
            known = file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return known if is_ulid(known) else ""


def new_replica_id(milliseconds: int) -> str:
    """An id that no clone has."""
    return ulid(milliseconds, os.urandom(10))


def keep_replica_id(private_folder: str, replica: str) -> None:
    """Make `replica` the id of this clone from now on."""
    make_folder(private_folder)
    write_atomically(os.path.join(private_folder, "replica"), replica.encode() + b"\n")
