"""Who writes: the git identity of the person, and the id of this clone."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.ids import is_ulid, ulid
from idse_orchestrator.base.text import one_line
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.vault import Vault

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2

_BRACKETS = re.compile("[<>]")
_AROUND = " .,:;\"'\\"
_NOBODY = "unknown"
_VARIABLES = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL")


class Identity(NamedTuple):
    """Name and email as git would put them on a commit."""

    name: str
    email: str


def identity(vault: Vault, libgit2_repository: pygit2.Repository) -> Identity:
    """The author git would use; InvalidConfigurationError where git does not know one.

    libgit2 reads the same configuration files without starting a process; only an identity that
    is not configured is asked of the git program, which can make one up from the machine.
    """
    given = Identity(*(_stripped(os.environ.get(name, "")) for name in _VARIABLES))
    if given.name and given.email:
        return given
    known = _asked(vault) if _is_elsewhere() else _configured(libgit2_repository.config)
    if not (known.name and known.email):
        known = _asked(vault)
    return Identity(given.name or known.name, given.email or known.email)


def as_written(name: str, email: str) -> Identity:
    """Name and email of anybody, as git would write them; it takes no empty ones."""
    return Identity(_stripped(name) or _stripped(email) or _NOBODY, _stripped(email) or _NOBODY)


def _configured(config: pygit2.Config) -> Identity:
    name, email = _first(config, "author.name", "user.name"), _first(config, "author.email", "user.email")
    return Identity(_stripped(name), _stripped(email))


def _is_elsewhere() -> bool:
    """Whether git was told to read other configuration files than those libgit2 looks for."""
    return any(
        name in os.environ for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
    )


def _stripped(text: str) -> str:
    """`text` as git puts it on a commit: without angle brackets, and without punctuation around it."""
    return _BRACKETS.sub("", one_line(text)).strip(_AROUND)


def _first(config: pygit2.Config, *keys: str) -> str:
    return next((str(config[key]) for key in keys if key in config), "")


def _asked(vault: Vault) -> Identity:
    done = vault.git.attempt("var", "GIT_AUTHOR_IDENT")
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
