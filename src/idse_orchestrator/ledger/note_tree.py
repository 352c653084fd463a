"""Notes on code commits, under ``refs/idse/notes/commits``: plain ``git log`` shows them.

Each write is one commit on that ref. Its root is the same commit in every clone (no parent, an
empty tree, the message ``idse: notes``, a fixed identity and date 0), so notes of two clones always
have a common ancestor, and whoever guards what is published knows the root by its id.

New notes go to ``ab/cdef…`` (two digits, then 38): one of libgit2's own flat trees is written whole
for every note, 27 ms at ten thousand. Any fan-out that git writes is read, and kept where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import as_written
from idse_orchestrator.errors import BusyError, CorruptLedgerError
from idse_orchestrator.git.libgit2 import RefMovedError, libgit2, move_ref, open_repository, read_again
from idse_orchestrator.git.objects import commit_object, write_objects
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.notes import merge_notes
from idse_orchestrator.ledger.refs import NOTES, NOTES_ON_COMMITS

if TYPE_CHECKING:
    from idse_orchestrator.git.libgit2 import pygit2
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting


GENESIS_MESSAGE = "idse: notes\n"
GENESIS = "e0e8f204150b5a71a49b6af0369c6c02c5fde7c0"
"""Id of the root commit of every notes ref."""

_TRIES = 50
_BLOB = 0o100644
_TREE = 0o040000


class GitNotes:
    """The notes on code commits of one repository. Commit ids are full, 40 hexadecimal digits."""

    def __init__(self, vault: Vault, actor: Acting) -> None:
        self._vault = vault
        self._acting = actor

    def read(self, commit: str) -> str | None:
        """Returns the note on `commit`, or None. CorruptLedgerError where the ref does not hold notes."""
        try:
            return read_again(lambda: self._read(commit), self._reopen)
        except OSError as error:
            raise _corrupt(error) from error

    def write_many(
        self, notes: Mapping[str, str], message: str, rewritten: Iterable[tuple[str, str]] = ()
    ) -> tuple[str, ...]:
        """Adds `notes` (commit to text) in one commit; returns the commits whose note became different.

        A text is merged into the note that is there (see `merge_notes`), never put in its place.
        For each (old, new) of `rewritten`, `new` also gets what `old` has, through any number of
        rewrites. Takes the ledger lock. Raises BusyError, StorageError, CorruptLedgerError.
        """
        pairs = tuple(rewritten)
        with ledger_lock(self._vault):
            for _ in range(_TRIES):
                try:
                    return read_again(lambda: self._write(notes, message, pairs), self._reopen)
                except RefMovedError:
                    continue  # a writer without our lock (a fetch, another tool) was faster
                except OSError as error:
                    raise _corrupt(error) from error
        raise BusyError(f"{NOTES_ON_COMMITS} kept moving", fix=("run the command again",))

    def copy(self, rewritten: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Gives each new commit of the (old, new) pairs the note of the old one; see `write_many`."""
        return self.write_many({}, "idse: notes follow rewritten commits", rewritten)

    def _write(
        self, notes: Mapping[str, str], message: str, rewritten: tuple[tuple[str, str], ...]
    ) -> tuple[str, ...]:
        tip = self._tip()
        tree = tip.tree if tip else None
        there = {commit: self._text(tree, commit) or "" for commit in _involved(notes, rewritten)}
        wanted = {commit: merge_notes(text, notes.get(commit, "")) for commit, text in there.items()}
        _follow(rewritten, wanted)
        changed = {commit: text for commit, text in wanted.items() if _differs(text, there[commit])}
        if changed:
            self._commit(tip, changed, message)
        return tuple(changed)

    def _commit(self, tip: pygit2.Commit | None, changed: Mapping[str, str], message: str) -> None:
        git, ref = self._git, NOTES_ON_COMMITS
        texts = {commit: _encoded(text) for commit, text in changed.items()}
        blobs = {each: write_objects(ref, partial(git.create_blob, data)) for each, data in texts.items()}
        tree = write_objects(ref, lambda: self._planted(tip.tree if tip else None, blobs, top=True))
        parent = tip.id if tip else write_objects(ref, self._genesis)
        who, words = self._signature(), message.rstrip("\n") + "\n"
        new = write_objects(ref, lambda: commit_object(git, who, words, tree, [parent]))
        move_ref(git, NOTES_ON_COMMITS, str(new), str(tip.id) if tip else None, message.partition("\n")[0])

    def _planted(
        self, tree: pygit2.Tree | None, notes: Mapping[str, pygit2.Oid], *, top: bool = False
    ) -> pygit2.Oid:
        """`tree` with `notes` (rest of a commit id to blob) in it, each below the folders that are there."""
        builder = self._git.TreeBuilder(tree) if tree is not None else self._git.TreeBuilder()
        deeper: dict[str, dict[str, pygit2.Oid]] = {}
        for rest, blob in notes.items():
            folder = rest[:2]
            if not top and _folder(tree, folder) is None:
                builder.insert(rest, blob, _BLOB)
                continue
            deeper.setdefault(folder, {})[rest[2:]] = blob
            if builder.get(rest) is not None:
                builder.remove(rest)
        for folder, inner in deeper.items():
            builder.insert(folder, self._planted(_folder(tree, folder), inner), _TREE)
        return builder.write()

    def _genesis(self) -> pygit2.Oid:
        nobody = self._signed("idse", "idse@localhost", 0, 0)
        empty = self._git.TreeBuilder().write()
        return commit_object(self._git, nobody, GENESIS_MESSAGE, empty, [])

    def _signature(self) -> pygit2.Signature:
        who = self._acting()
        return self._signed(*as_written(who.name, who.email))

    def _signed(self, name: str, email: str, *at: int) -> pygit2.Signature:
        """`at` is seconds and offset; now, when they are left out."""
        signature: pygit2.Signature = libgit2().Signature(name, email, *at)
        return signature

    def _tip(self) -> pygit2.Commit | None:
        try:
            reference = self._git.lookup_reference(NOTES_ON_COMMITS)
        except KeyError:
            return None
        try:
            tip: pygit2.Commit = self._git[reference.resolve().target].peel(libgit2().Commit)
        except (KeyError, libgit2().GitError, ValueError) as error:
            raise _corrupt(error) from error
        return tip

    def _text(self, tree: pygit2.Tree | None, commit: str) -> str | None:
        try:
            found = [] if tree is None else [blob.data for blob in _blobs(tree, commit)]
        except (libgit2().GitError, KeyError) as error:
            raise _corrupt(error) from error
        texts = [data.decode("utf-8", "surrogateescape") for data in found]
        if len(texts) > 1:
            return merge_notes(*texts)
        return texts[0] if texts else None

    def _read(self, commit: str) -> str | None:
        tip = self._tip()
        return self._text(tip.tree, commit) if tip else None

    def _reopen(self) -> None:
        self.__dict__.pop("_git", None)

    @cached_property
    def _git(self) -> pygit2.Repository:
        return open_repository(self._vault.common_dir)


def _blobs(tree: pygit2.Tree, rest: str) -> Iterator[pygit2.Blob]:
    """Yields every blob that is the note of a commit: git itself reads them all, whatever their depth."""
    folder = _folder(tree, rest[:2])
    if folder is not None:
        yield from _blobs(folder, rest[2:])
    if rest in tree:
        entry = tree[rest]
        if isinstance(entry, libgit2().Blob):
            yield entry


def _folder(tree: pygit2.Tree | None, name: str) -> pygit2.Tree | None:
    if tree is None or not name or name not in tree:
        return None
    entry = tree[name]
    return entry if isinstance(entry, libgit2().Tree) else None


def _corrupt(error: Exception) -> CorruptLedgerError:
    return CorruptLedgerError(
        "the notes on code commits cannot be read",
        where=NOTES_ON_COMMITS,
        cause=str(error),
        fix=("idse fsck",),
    )


def _involved(notes: Mapping[str, str], rewritten: Iterable[tuple[str, str]]) -> dict[str, None]:
    return dict.fromkeys([*notes, *(commit for pair in rewritten for commit in pair)])


def _follow(rewritten: tuple[tuple[str, str], ...], wanted: dict[str, str]) -> None:
    """Lets every new commit say what its old one says, until nothing moves (rewrites may chain)."""
    moving = True
    while moving:
        moving = False
        for old, new in rewritten:
            merged = merge_notes(wanted[new], wanted[old], wanted[new])
            if merged != wanted[new]:
                wanted[new] = merged
                moving = True


def _differs(text: str, before: str) -> bool:
    return text != merge_notes(before)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


NOTES_KEY = "notes.displayRef"


NOTES_VALUE = f"{NOTES}*"


class GitSettings:
    """The setting of git that idse makes: notes in `git log`."""

    def __init__(self, vault: Vault) -> None:
        self._git = vault.git

    def shows_notes(self) -> bool:
        """Tests whether plain `git log` shows idse's notes already, by whatever setting."""
        done = self._git.attempt("config", "--get-all", NOTES_KEY)
        values = done.stdout.decode("utf-8", "replace").split()
        return any(value in (NOTES_VALUE, NOTES_ON_COMMITS) for value in values)

    def show_notes(self) -> bool:
        """Makes plain `git log` show idse's notes; False if it does already."""
        if self.shows_notes():
            return False
        self._git.bytes("config", "--local", "--add", NOTES_KEY, NOTES_VALUE)
        return True

    def hide_notes(self) -> bool:
        """Takes back what `show_notes` set; True if it was there."""
        pattern = f"^{NOTES}\\*$"
        return self._git.attempt("config", "--local", "--unset-all", NOTES_KEY, pattern).returncode == 0
