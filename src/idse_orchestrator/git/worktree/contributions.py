"""What this work tree last gave to a session's ledger, and on top of which code commits.

An edit is applied to a ledger as what changed since then. The parent commit's file alone would be the
wrong base after a save, an amend or a second save: a document would conflict with itself. Losing this
record loses nothing; the parent commit is the base again.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.git.private_files import make_folder, write_atomically

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository

_WORD = re.compile(r"[0-9a-f]{40}|-", re.ASCII)
_NOTHING = "-"


class Contribution(NamedTuple):
    """The session's folder as `tree` ("" : empty), given while HEAD was one of `heads` ("" : none)."""

    tree: str
    heads: tuple[str, ...]


def last_contribution(repository: Repository, project: str, session: str) -> Contribution | None:
    """The last contribution of this work tree, or None when there is none that can be read."""
    try:
        with open(_path(repository, project, session), encoding="ascii") as file:
            words = file.read(4096).split()
    except (OSError, UnicodeDecodeError):
        return None
    if len(words) < 2 or not all(_WORD.fullmatch(word) for word in words):
        return None
    tree, *heads = ("" if word == _NOTHING else word for word in words)
    return Contribution(tree, tuple(heads))


def remember_contribution(
    repository: Repository, project: str, session: str, contribution: Contribution
) -> None:
    """Keep `contribution` as the last one of this work tree."""
    path = _path(repository, project, session)
    make_folder(os.path.dirname(path))
    words = [word or _NOTHING for word in (contribution.tree, *contribution.heads)]
    write_atomically(path, " ".join(words).encode() + b"\n")


def _path(repository: Repository, project: str, session: str) -> str:
    """In this work tree's own git directory, not the common one."""
    return os.path.join(repository.git_dir, "idse", "contributed", project, session)
