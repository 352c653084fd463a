"""Many refs on their way out, under one name that git takes as one pattern.

git compares every refspec of a push with every ref on both sides: 5,000 refspecs take it 35 s, one pattern
0.8 s. The refs themselves may move while git reads them, so copies of exactly what was judged are made
under ``refs/idse-local/outgoing/``, and removed when the push is over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.domain.sync.refspecs import LEDGERS
from idse_orchestrator.git.sync.incoming import is_alive

if TYPE_CHECKING:
    from idse_orchestrator.domain.sync.sync_point import RefMove
    from idse_orchestrator.git.program import Git

_OUTGOING = "refs/idse-local/outgoing/"
_FEW = 16
"""So many refspecs cost less than copies do."""
_PATIENCE = 600.0


@contextmanager
def refspecs(git: Git, moves: Sequence[RefMove]) -> Iterator[Sequence[str]]:
    """What to give to ``git push`` so that it sends `moves`, and nothing else, for the time of the block."""
    if len(moves) <= _FEW:
        yield [f"{move.new}:{move.ref}" for move in moves]
        return
    _remove_leftovers(git)
    prefix = f"{_OUTGOING}{os.getpid()}-{os.urandom(6).hex()}/"
    _update(git, [f"create {prefix}{move.ref.removeprefix(LEDGERS)} {move.new}" for move in moves])
    try:
        yield [f"{prefix}*:{LEDGERS}*"]
    finally:
        _remove(git, prefix)


def _remove_leftovers(git: Git) -> None:
    """Remove the copies of processes that are gone."""
    names = git.lines("for-each-ref", "--format=%(refname)", _OUTGOING)
    owners = {name.removeprefix(_OUTGOING).partition("/")[0] for name in names}
    for owner in owners:
        if not is_alive(owner.partition("-")[0]):
            _remove(git, f"{_OUTGOING}{owner}/")


def _remove(git: Git, prefix: str) -> None:
    _update(git, git.lines("for-each-ref", "--format=delete %(refname)", prefix))


def _update(git: Git, lines: Sequence[str]) -> None:
    stdin = "".join(f"{line}\n" for line in lines).encode()
    git.bytes("update-ref", "--no-deref", "--stdin", stdin=stdin, timeout=_PATIENCE)
