"""Finds and removes what a stopped sync leaves: objects nobody judged, pushes whose end is not known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import known_replica_id
from idse_orchestrator.base.text import counted
from idse_orchestrator.git.object_stream import is_ancestor
from idse_orchestrator.ledger.refs import LOCAL, sync_ref
from idse_orchestrator.sync.incoming import dead_folders, remove_leftovers
from idse_orchestrator.sync.points import PENDING
from idse_orchestrator.sync.remotes import PUBLISHING, tracking
from idse_orchestrator.sync.setup_agency import MADE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault

OLD_SECONDS = 24 * 3600
"""A push is over after a day, whatever became of it."""


class SyncLeftovers(NamedTuple):
    """`folders` of processes that are gone, and sync points that were sent more than a day ago.

    Those that are `settled` are known to have arrived: this clone's sync points stand on them. Of those
    that are `open` only the Agency can tell.
    """

    folders: Sequence[str]
    settled: Sequence[str]
    open: Sequence[str]


def sync_leftovers(vault: Vault) -> SyncLeftovers:
    """Returns what is there now; writes nothing."""
    git, own = vault.git, sync_ref(known_replica_id(vault.private))
    old = time.time() - OLD_SECONDS
    rows = git.lines("for-each-ref", "--format=%(objectname) %(committerdate:unix)", PENDING)
    sent = [name for name, _, at in (row.partition(" ") for row in rows) if at and int(at) < old]
    settled = [name for name in sent if is_ancestor(git, name, own)]
    return SyncLeftovers(dead_folders(vault.private), settled, [name for name in sent if name not in settled])


def remove_sync_leftovers(vault: Vault) -> str:
    """Removes the folders, and forgets what is settled; returns what was done, in words."""
    found = sync_leftovers(vault)
    if found.folders:
        remove_leftovers(vault.private)
    for name in found.settled:
        vault.git.attempt("update-ref", "-d", PENDING + name, name)
    return (
        f"removed {described(found._replace(open=()))}"
        if any(found[:2])
        else "nothing that is safe to remove"
    )


def described(found: SyncLeftovers) -> str:
    """Returns `found` in words."""
    folders, pushes = len(found.folders), len(found.settled) + len(found.open)
    words = []
    if folders:
        words.append(f"{counted(folders, 'folder')} of objects that were never taken in")
    if pushes:
        words.append(f"{pushes} push{'es' if pushes > 1 else ''} from days ago whose end is not known")
    return " and ".join(words)


_OWN = ("url", "fetch", "push", "tagopt", "skipfetchall", MADE.lower())


def remote_settings(git: Git) -> Iterator[tuple[str, str]]:
    """Yields (key, value) of every setting of a git remote that ``idse sync setup`` wrote.

    The mark that says so comes last, so that a removal that was stopped can go on.
    """
    done = git.attempt("config", "--local", "--null", "--get-regexp", r"^remote\.")
    entries = [
        (key, value)
        for key, _, value in (
            entry.partition("\n") for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0")
        )
    ]
    made = {_name(key) for key, _ in entries if key.endswith(f".{MADE.lower()}")}
    for key, value in sorted(entries, key=lambda entry: entry[0].endswith(MADE.lower())):
        name, variable = _name(key), key.rpartition(".")[2]
        added = (variable, value) in (("fetch", tracking(name)), ("push", PUBLISHING))
        if added or (name in made and variable in _OWN and variable not in ("fetch", "push")):
            yield key, value


def remove_setting(git: Git, key: str, value: str) -> None:
    """Removes one value of a setting; that it is gone already is no error."""
    git.attempt("config", "--local", "--fixed-value", "--unset-all", key, value)


def has_local_refs(git: Git) -> bool:
    """Tests whether there is any ref that is never published."""
    return bool(git.lines("for-each-ref", "--count=1", "--format=%(refname)", LOCAL))


def remove_local_refs(git: Git) -> None:
    """Removes every ref that is never published."""
    names = git.lines("for-each-ref", "--format=delete %(refname)", LOCAL)
    git.bytes("update-ref", "--no-deref", "--stdin", stdin="".join(f"{name}\n" for name in names).encode())


def _name(key: str) -> str:
    """Returns the remote in ``remote.<name>.<variable>``."""
    return key.partition(".")[2].rpartition(".")[0]
