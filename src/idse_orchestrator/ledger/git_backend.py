"""Ledgers in a repository, as the writer needs them: an entry is a commit, a ledger is a ref.

What is written before the ref moves is unreachable, and git's own collection removes it.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from idse_orchestrator.errors import LedgerMovedError, UnsupportedRepositoryError
from idse_orchestrator.git.libgit2 import RefMovedError, libgit2, move_ref, open_repository, read_again
from idse_orchestrator.git.objects import BLOB, TREE, commit_object, write_objects
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, corrupt, unreadable
from idse_orchestrator.ledger.events import Tip
from idse_orchestrator.ledger.kinds import refuse_unknown
from idse_orchestrator.ledger.writer import EventMaker, Made, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.kinds import Named

_REMEMBERED = 64
"""Ledgers whose last state is kept in memory."""


def tree_of(made: Made, event: str, state: str) -> bytes:
    """Returns the content of an entry's tree, given the ids of its two files."""
    rows = [(b"100644", EVENT, event), (b"100644", STATE, state)]
    if made.artifacts:
        rows.insert(0, (b"40000", ARTIFACTS, made.artifacts))
    return b"".join(b"%b %b\0%b" % (mode, name.encode(), bytes.fromhex(at)) for mode, name, at in rows)


class GitBackend:
    """The `Backend` port on a repository; its `maker` signs what happens now."""

    def __init__(
        self,
        vault: Vault,
        actor: Acting,
        clock: Callable[[], float] = time.time,
        remembers: int = _REMEMBERED,
    ) -> None:
        self._vault = vault
        self._remembers = remembers
        self._titled: tuple[Named | None, str] = (None, "")
        self.maker = EventMaker(actor, clock)
        self._read_before: dict[str, Tip[Any]] = {}
        self._signed: tuple[int, pygit2.Signature] | None = None

    def read(self, named: Named) -> Tip[Any] | None:
        """See `Backend.read`."""
        try:
            return read_again(lambda: self._read(named), self._reopen)
        except OSError as error:
            self._refuse_closed()
            raise unreadable(self.title(named), error) from error

    def _read(self, named: Named) -> Tip[Any] | None:
        ref = self.title(named)
        try:
            reference = self.git.lookup_reference(ref)
        except KeyError:
            return None
        except (libgit2().GitError, ValueError) as error:
            self._refuse_closed()
            raise corrupt(ref, str(error)) from error
        try:
            target = reference.resolve().target
            known = self._read_before.get(ref)
            if known is not None and known.commit == str(target):
                return known
            commit = self.git[target].peel(libgit2().Commit)
        except (KeyError, libgit2().GitError, ValueError) as error:
            self._refuse_closed()
            raise corrupt(ref, "it points at something that is missing or is no commit") from error
        try:
            tree = commit.tree
            if STATE not in tree:
                raise corrupt(ref, f"it points at commit {str(commit.id)[:7]}, which has no {STATE}")
            artifacts = str(tree[ARTIFACTS].id) if ARTIFACTS in tree else ""
            data = tree[STATE].data
            state = named.kind.from_json(data)
            refuse_unknown(named.kind, state, data, tree[EVENT].data if EVENT in tree else None)
            return self._remember(ref, Tip(str(commit.id), artifacts, state))
        except (KeyError, AttributeError, ValueError, libgit2().GitError) as error:
            raise unreadable(ref, error) from error

    def _remember(self, ref: str, tip: Tip[Any]) -> Tip[Any]:
        """Keeps what a commit was read to say, which is so for ever: most writers come back to it at once."""
        self._read_before.pop(ref, None)
        if len(self._read_before) >= self._remembers:
            del self._read_before[next(iter(self._read_before))]
        self._read_before[ref] = tip
        return tip

    def _refuse_closed(self) -> None:
        """Raises StorageError where another user closed something, which libgit2 calls damaged or missing."""
        from idse_orchestrator.git.shared import refuse_closed

        refuse_closed(self._vault.common_dir)

    def keep(self, named: Named, made: Made) -> str:
        """See `Backend.keep`."""
        ref = self.title(named)
        tree = read_again(lambda: write_objects(ref, lambda: self._tree(made)), self._reopen)
        return read_again(lambda: write_objects(ref, lambda: self._commit(made, tree)), self._reopen)

    def move(self, named: Named, old: str | None, new: Tip[Any], subject: str) -> None:
        """See `Backend.move`."""
        ref = self.title(named)
        logged = None if named.kind.is_local else f"idse: {subject}"
        try:
            move_ref(self.git, ref, new.commit, old, logged, self.signature())
        except RefMovedError as error:
            raise LedgerMovedError(f"{ref} moved") from error
        self._remember(ref, new)

    def title(self, named: Named) -> str:
        """See `Backend.title`."""
        if self._titled[0] is not named:
            self._titled = (named, named.kind.ref(*named.names))
        return self._titled[1]

    def _tree(self, made: Made) -> pygit2.Oid:
        if made.artifacts and libgit2().Oid(hex=made.artifacts) not in self.git:
            # A tree that is written as bytes is not looked into, as one is that libgit2 builds.
            raise libgit2().GitError(f"there is no folder {made.artifacts} among the objects")
        event, state = (str(self.git.write(BLOB, data)) for data in (made.data, made.state))
        return self.git.write(TREE, tree_of(made, event, state))

    def _commit(self, made: Made, tree: pygit2.Oid) -> str:
        parents = [libgit2().Oid(hex=made.before)] if made.before else []
        return str(commit_object(self.git, self._author(made), made.message, tree, parents, self.committer()))

    def committer(self) -> pygit2.Signature | None:
        """Returns who stores what others did; None where that is who did it."""
        return None

    def _author(self, made: Made) -> pygit2.Signature:
        """Returns author and date of the commit: of its event, where that is old.

        git has no time before 1970.
        """
        if not made.is_old:
            return self.signature()
        name, email = made.event.actor[:2]
        signature: pygit2.Signature = libgit2().Signature(name, email, max(0, seconds_of(made.event.at)), 0)
        return signature

    def signature(self) -> pygit2.Signature:
        """Returns who acts now, and when."""
        now = int(self.maker.clock())
        if self._signed is None or self._signed[0] != now:
            offset = time.localtime(now).tm_gmtoff // 60
            who = self.maker.person
            self._signed = (now, libgit2().Signature(who.name, who.email, now, offset))
        return self._signed[1]

    def _reopen(self) -> None:
        self.__dict__.pop("git", None)

    @cached_property
    def git(self) -> pygit2.Repository:
        """The repository as libgit2 has it."""
        try:
            return open_repository(self._vault.common_dir)
        except (libgit2().GitError, OSError) as error:
            raise UnsupportedRepositoryError(
                "libgit2, which writes the ledgers, cannot open this repository",
                where=self._vault.common_dir,
                cause=str(error),
            ) from error
