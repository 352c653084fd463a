"""Who git says the person is, and the id of this clone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.ids import is_ulid, ulid
from idse_orchestrator.base.text import one_line
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.configuration import ConfigurationEntry
    from idse_orchestrator.git.program import Git

_BRACKETS = re.compile("[<>]")
_AROUND = " .,:;\"'\\"
_NOBODY = "unknown"
_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL")


class Identity(NamedTuple):
    """Name and email as git would put them on a commit."""

    name: str
    email: str


def identity(git: Git, entries: Sequence[ConfigurationEntry]) -> Identity:
    """The author git would use; InvalidConfigurationError where git does not know one.

    `entries` is git's configuration, which most commands have read already: only an identity that stands
    neither there nor in the environment of `git` costs a process, for git can make one up from the machine.
    """
    given = Identity(*(_stripped(git.environment.get(name, "")) for name in _VARIABLES))
    if given.name and given.email:
        return given
    known = _configured(entries)
    if not (known.name and known.email):
        known = _asked(git)
    return Identity(given.name or known.name, given.email or known.email)


def as_written(name: str, email: str) -> Identity:
    """Name and email of anybody, as git would write them; it takes no empty ones."""
    return Identity(_stripped(name) or _stripped(email) or _NOBODY, _stripped(email) or _NOBODY)


def _configured(entries: Sequence[ConfigurationEntry]) -> Identity:
    said = {entry.key: entry.value for entry in entries}
    name, email = (said.get(f"author.{key}", said.get(f"user.{key}", "")) for key in ("name", "email"))
    return Identity(_stripped(name), _stripped(email))


def _stripped(text: str) -> str:
    """`text` as git puts it on a commit: without angle brackets, and without punctuation around it."""
    return _BRACKETS.sub("", one_line(text)).strip(_AROUND)


def _asked(git: Git) -> Identity:
    done = git.attempt("var", "GIT_AUTHOR_IDENT")
    words = done.stdout.decode("utf-8", "replace")
    name, _, rest = words.partition(" <")
    if done.returncode != 0 or not name:
        raise InvalidConfigurationError(
            "git does not know who you are",
            cause="every event in a ledger names its author",
            fix=('git config user.name "Your Name"', "git config user.email you@example.org"),
        )
    return Identity(one_line(name), one_line(rest.partition(">")[0]))


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
