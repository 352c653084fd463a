"""Commits of the user's own branch, which are only read: what each changed, and those that wait.

Some wait to be recorded in ledgers (`GitMissedCommits`), others for their note (the spool).
In ``<common git dir>/idse/spool`` a file ``<commit>`` holds the symbolic ref of the session that was
current, and the branch in a second line; an empty file ``<new>-<old>`` says that a rewrite put one commit
in another's place. One file for each, so that no two writers ever share one; a file goes only after the
notes ref moved, so a process killed in between leaves work that is simply done again.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, open_or_make
from idse_orchestrator.base.names import is_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted
from idse_orchestrator.documents.project_workspace import (
    CONSTITUTION_PATH,
    WORKSPACE,
    session_folder,
    split_session_path,
)
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.object_stream import EMPTY_TREE, find_commit
from idse_orchestrator.ledger.notes import note_text, parse_note
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS, parse_session_ref, session_ref

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Acting, SessionKey
    from idse_orchestrator.worktree.work_tree import WorkTree


class CodeChange(NamedTuple):
    """A change of the branch: from `before` ("" : nothing) to `after`, and the first line of its message.

    `previous` is where HEAD stood until then. It differs from `before` when a commit was amended.
    `is_merge`: one commit with several parents, so that somebody has brought their texts together.
    """

    before: str
    after: str
    subject: str
    previous: str
    is_merge: bool = False


class Missed(NamedTuple):
    """A change that waits to be recorded: the commit `after`, or all from `before` ("" : it alone)."""

    after: str
    before: str = ""


class Documents(NamedTuple):
    """The sessions of which any file differs, in order, and whether the project's own rules do."""

    sessions: Sequence[SessionKey]
    has_rules: bool


_END = "\1"
"""Ends a commit in a list of ours; no note has it."""


class GitCodeCommits:
    """The commits of the branch a work tree is on; ids are full."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._git = work_tree.git

    def head(self) -> CodeChange | None:
        """Returns HEAD against its first parent; None before the first commit.

        The reflog knows where HEAD stood before; without one, the parent it is.
        """
        rows = self._log("--walk-reflogs", "-2") or self._log("-1")
        if not rows:
            return None
        return _change(rows)

    def commit(self, name: str) -> CodeChange | None:
        """Returns the commit `name` as `head` returned it when it was made here; None where it is gone."""
        if find_commit(self._git, name) is None:
            return None
        rows = self._log("--walk-reflogs")
        places = [place for place, row in enumerate(rows) if row[0] == name]
        made = rows[places[-1] :] if places else self._log("-1", rev=name)
        return _change(made) if made else None

    def between(self, before: str, after: str) -> CodeChange:
        """Returns the change from one commit to another."""
        old, new = (find_commit(self._git, rev) or "" for rev in (before, after))
        return CodeChange(old, new, "", old)

    def _log(self, *options: str, rev: str = "HEAD") -> list[tuple[str, list[str], str]]:
        """Returns (commit, parents, subject) of `rev`, or of where it stood."""
        form = "--format=%H %P%x00%s"
        done = self._git.attempt("log", *options, "--no-show-signature", "--no-notes", form, rev, "--")
        rows = done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
        return [_row(row) for row in rows if "\0" in row]

    def documents_in(self, change: CodeChange) -> Documents:
        """Returns what differs below ``.idse/``."""
        before = change.before or EMPTY_TREE
        out = self._git.text("diff-tree", "-r", "-z", "--name-only", before, change.after, "--", WORKSPACE)
        paths = out.split("\0")
        split = (split_session_path(path) for path in paths)
        keys = {(found[0], found[1]) for found in split if found and is_name(found[0]) and is_name(found[1])}
        return Documents(sorted(keys), CONSTITUTION_PATH in paths)

    def newest_known(self, key: SessionKey, change: CodeChange) -> str:
        """Returns the newest commit of `change` whose edit the session's ledger has already; "" for none.

        An event names the commit that brought it; the note on a commit, which goes along when that is
        rewritten, names the ledger commit that had it.
        """
        if not change.before:
            return ""
        form, limits = (
            f"--format=%H%x00%N{_END}",
            (change.after, f"^{change.before}", "--", session_folder(*key)),
        )
        # `--notes=REF` would look for one below refs/notes/.
        at = ("-c", f"core.notesRef={NOTES_ON_COMMITS}")
        noted = self._git.text(*at, "log", "--topo-order", "--notes", form, *limits)
        form = "--format=%H %(trailers:key=Idse-Code,valueonly,separator=%x20)"
        known = set(self._git.text("log", "--no-show-signature", form, session_ref(*key), "--").split())
        for commit, _, note in (row.strip().partition("\0") for row in noted.split(_END)):
            held = {each.ledger for each in parse_note(note) if each.session == "/".join(key)}
            if commit in known or held & known:
                return commit
        return ""

    def merge_base(self, one: str, other: str) -> str:
        """Returns where two commits parted; "" where they have nothing in common."""
        return self._git.attempt("merge-base", one, other).stdout.decode().strip()

    def unclean(self, folder: str) -> Sequence[str]:
        """Returns paths in `folder` of files that the work tree or the index has otherwise than HEAD.

        Those that git ignores are among them.
        """
        question = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignored")
        rows = self._git.text(*question, "--", folder).split("\0")
        return [row[3:].removeprefix(f"{folder}/") for row in rows if row]


def _change(rows: Sequence[tuple[str, list[str], str]]) -> CodeChange:
    """Returns the change of the first of `rows`; the second is where HEAD stood before."""
    commit, parents, subject = rows[0]
    parent = parents[0] if parents else ""
    previous = rows[1][0] if len(rows) > 1 else parent
    return CodeChange(parent, commit, subject, previous, is_merge=len(parents) > 1)


def _row(line: str) -> tuple[str, list[str], str]:
    ids, _, subject = line.partition("\0")
    commit, *parents = ids.split()
    return commit, parents, subject.strip()


_COMMIT = re.compile(r"[0-9a-f]{40}")
_REWRITE = re.compile(r"([0-9a-f]{40})-([0-9a-f]{40})")
_SYMBOLIC = "ref: "
_BRANCH = "branch: "
_LONGEST = 1024
_UNFINISHED_SECONDS = 60.0


class Waiting(NamedTuple):
    """A commit of the spool: the session that was current ("project/session") and the branch ("" : none)."""

    commit: str
    session: str
    branch: str = ""


Settle = Callable[[Sequence[Waiting]], Mapping[str, str]]
"""Commit to the text of its note, for those that wait for one."""


def as_current(waiting: Sequence[Waiting]) -> Mapping[str, str]:
    """Returns notes that name the sessions that were current: a Settle that asks nobody."""
    return {each.commit: note_text(each.session, None, None, None) for each in waiting}


class _Spooled(NamedTuple):
    """`rewritten`: (old, new). `files`: every name that is done with afterwards."""

    waiting: list[Waiting]
    rewritten: list[tuple[str, str]]
    files: list[str]


def drain(work_tree: WorkTree, actor: Acting, settle: Settle = as_current) -> tuple[str, ...]:
    """Turns the spool into notes, all in one commit; returns the commits whose note became different.

    `settle` says which session a commit belongs to, by now.
    Takes the ledger lock, so the caller must not hold it. Costs one folder listing when there is
    nothing to do. Commits that git has collected since, and files that say nothing, are dropped.
    Raises BusyError, StorageError and CorruptLedgerError; the spool is whole then.
    """
    names = _names(_folder(work_tree))
    if not names:
        return ()
    spooled = _sorted_out(work_tree, names)
    changed: tuple[str, ...] = ()
    count = len(spooled.waiting) + len(spooled.rewritten)
    if count:
        from idse_orchestrator.ledger.note_tree import GitNotes

        message = f"idse: note {counted(count, 'commit')} from the spool"
        changed = GitNotes(work_tree, actor).write_many(settle(spooled.waiting), message, spooled.rewritten)
    _remove(_folder(work_tree), spooled.files)
    return changed


def _sorted_out(work_tree: WorkTree, names: list[str]) -> _Spooled:
    from idse_orchestrator.git.libgit2 import open_repository

    objects = open_repository(work_tree.common_dir)
    folder = _folder(work_tree)
    spooled = _Spooled([], [], [])
    for name in names:
        rewrite = _REWRITE.fullmatch(name)
        if rewrite and rewrite[1] in objects:
            spooled.rewritten.append((rewrite[2], rewrite[1]))
        elif not rewrite:
            read = _read(folder, name)
            if read is None:
                continue
            if read.session and name in objects:
                spooled.waiting.append(read)
        spooled.files.append(name)
    return spooled


def _read(folder: str, name: str) -> Waiting | None:
    """Returns what a file says; no session when that is of no use; None while it is being written."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "surrogateescape")
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None  # another process was faster
    except OSError:
        return Waiting(name, "")
    if not text.endswith("\n") and len(text) < _LONGEST and age < _UNFINISHED_SECONDS:
        return None
    ref, _, rest = text.removeprefix(_SYMBOLIC).partition("\n")
    key = parse_session_ref(ref) if text.startswith(_SYMBOLIC) else None
    if key is None or not (rest == "" or rest.startswith(_BRANCH)):
        return Waiting(name, "")
    return Waiting(name, "/".join(key), rest.removeprefix(_BRANCH).rstrip("\n"))


def _names(folder: str) -> list[str]:
    """Returns our names in the spool, in order. What somebody else put there is left alone."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if _COMMIT.fullmatch(name) or _REWRITE.fullmatch(name))


def _remove(folder: str, names: list[str]) -> None:
    for name in names:
        try:
            os.unlink(os.path.join(folder, name))
        except OSError:
            continue  # gone already, or it cannot go: doing it again changes nothing


def _folder(work_tree: WorkTree) -> str:
    return os.path.join(work_tree.private, "spool")


_NAME = re.compile(r"missed-([0-9a-f]{40})(?:-([0-9a-f]{40}))?")


class GitMissedCommits:
    """Commits, merges and rebases of a work tree that wait to be recorded."""

    def __init__(self, work_tree: WorkTree) -> None:
        self._work_tree = work_tree
        self._folder = os.path.join(work_tree.git_dir, "idse")

    def waiting(self) -> Sequence[Missed]:
        """Returns all of them, the oldest first."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        found = [Missed(name[1], name[2] or "") for name in map(_NAME.fullmatch, names) if name]
        return sorted(found, key=self._age) if len(found) > 1 else found

    def keep(self, missed: Missed) -> bool:
        """Has `missed` wait; False where not even that is possible."""
        try:
            make_folder(self._folder)
            os.close(open_or_make(self._path(missed), os.O_WRONLY))
        except (OSError, IdseError):
            return False
        return True

    def change(self, missed: Missed) -> CodeChange | None:
        """Returns the change that waits; None where git does not have its commits any more."""
        commits = GitCodeCommits(self._work_tree)
        if not missed.before:
            return commits.commit(missed.after)
        change = commits.between(missed.before, missed.after)
        return change if change.before and change.after else None

    def is_recorded(self, key: SessionKey, code: str) -> bool:
        """Tests whether the ledger of a session has an edit that came with the commit `code`."""
        wanted = ("--fixed-strings", "--all-match", "--grep=Idse-Kind: edited", f"--grep=Idse-Code: {code}")
        done = self._work_tree.git.attempt("log", "-1", "--format=%H", *wanted, session_ref(*key), "--")
        return bool(done.stdout.strip())

    def postpone(self, missed: Missed) -> None:
        """Makes it the youngest from now on."""
        with suppress(OSError):
            os.utime(self._path(missed))

    def forget(self, missed: Missed) -> None:
        """Has it wait no longer."""
        with suppress(OSError):  # gone already, or it cannot go: what is recorded is not recorded twice
            os.unlink(self._path(missed))

    def _path(self, missed: Missed) -> str:
        return os.path.join(self._folder, "-".join(filter(None, ("missed", *missed))))

    def _age(self, missed: Missed) -> tuple[int, Missed]:
        try:
            return os.stat(self._path(missed)).st_mtime_ns, missed
        except OSError:
            return 0, missed
