"""Where the Agency's refs were seen last, under ``refs/idse-local/remotes/<remote>/``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.domain.names import is_name
from idse_orchestrator.domain.sync.refspecs import LEDGERS, tracking_prefix
from idse_orchestrator.errors import StorageError
from idse_orchestrator.git.program import failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from idse_orchestrator.git.program import Git


def tracked(git: Git, remote: str) -> Mapping[str, str]:
    """Published ref to id, as it was seen on `remote` last."""
    prefix = tracking_prefix(remote)
    rows = git.lines("for-each-ref", "--format=%(objectname) %(refname)", prefix)
    return {LEDGERS + ref.removeprefix(prefix): head for head, _, ref in (row.partition(" ") for row in rows)}


def track(git: Git, remote: str, heads: Mapping[str, str]) -> None:
    """Note `heads` for `remote`: only what differs, and only what is in this repository."""
    known = tracked(git, remote)
    differing = {ref: head for ref, head in heads.items() if known.get(ref) != head and _is_plain(ref)}
    here = _present(git, set(differing.values()))
    prefix = tracking_prefix(remote)
    lines = [
        f"update {prefix}{ref.removeprefix(LEDGERS)} {head}\n"
        for ref, head in sorted(differing.items())
        if head in here
    ]
    if lines and not _write(git, lines):
        for line in lines:  # one name that stands in the way of another keeps back no others
            _write(git, [line])


def _write(git: Git, lines: Iterable[str]) -> bool:
    args = ("update-ref", "--no-deref", "--stdin")
    done = git.attempt(*args, stdin="".join(lines).encode())
    if done.returncode != 0:
        error = failure(args, done)
        if isinstance(error, StorageError):
            raise error
    return done.returncode == 0


def _present(git: Git, ids: Iterable[str]) -> frozenset[str]:
    wanted = "".join(f"{name}\n" for name in ids)
    if not wanted:
        return frozenset()
    rows = git.lines("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted.encode())
    return frozenset(row[:40] for row in rows if not row.endswith(" missing"))


def _is_plain(ref: str) -> bool:
    """Whether `ref` is a name that idse could have given: a remote may show anything."""
    return ref.startswith(LEDGERS) and all(map(is_name, ref.removeprefix(LEDGERS).split("/")))
