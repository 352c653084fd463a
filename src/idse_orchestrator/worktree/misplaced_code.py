"""Code that is committed out of place: before `implementation`, after the end, or on a branch of no session.

Whether it was can only be told when it is committed: later, the session has moved on. So the note on the
commit says it in a word, and whoever judges a range of commits finds it there, on another machine too. Which
branch belongs to which session stays here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, remove_file, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.object_stream import find_commit, headers
from idse_orchestrator.ledger.notes import MISPLACED, misplaced_text, note_text, parse_misplaced
from idse_orchestrator.ledger.refs import NOTES_ON_COMMITS
from idse_orchestrator.pipeline.stage_machine import EARLY, LATE, UNMAPPED, Misplaced, misplaced_code
from idse_orchestrator.pipeline.stage_state_model import COMPLETE
from idse_orchestrator.worktree.branches import current_branch, session_named
from idse_orchestrator.worktree.session_folders import WorkFolders

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.worktree.branches import GitBranches
    from idse_orchestrator.worktree.code_commits import Waiting
    from idse_orchestrator.worktree.work_tree import WorkTree

_CODE = (":(top)", f":(exclude,top){WORKSPACE}")


class CodePlaces:
    """Says of commits of this repository which session their code belongs to, and whether it is in place."""

    def __init__(self, work_tree: WorkTree, branches: GitBranches, ledgers: LedgerReader) -> None:
        self._work_tree = work_tree
        self._branches = branches
        self._ledgers = ledgers

    def settle(self, waiting: Sequence[Waiting]) -> Mapping[str, str]:
        """Returns the note of each commit that waits for one: see `code_commits.Settle`.

        Its session is the one that its branch belongs to by now, or else the one that was current.
        """
        mapped = self._branches.mapped() if any(each.branch for each in waiting) else {}
        own = {each.commit: session_named(mapped.get(each.branch, "")) for each in waiting}
        keys = {each.commit: own[each.commit] or session_named(each.session) for each in waiting}
        states = self._states(key for key in keys.values() if key)
        git = self._work_tree.git
        branches = sorted({each.branch for each in waiting if each.branch and each.branch not in mapped})
        there = headers(git, (f"refs/heads/{branch}" for branch in branches if mapped))
        # One that was renamed or deleted may have belonged to a session.
        free = {branch for branch, is_there in zip(branches, there, strict=False) if is_there}
        why = {
            each.commit: _why(states, keys[each.commit], is_unmapped=each.branch in free) for each in waiting
        }
        code = {each.commit for each in _listed(git, [commit for commit, word in why.items() if word])}
        code = {name for name in code if why[name] != LATE or not _comes_again(git, keys[name], name)}
        found = {}
        for each in waiting:
            key = keys[each.commit]
            if key is None:
                continue
            name = "/".join(key)
            text = note_text(name, None, None, None)
            if each.commit in code:
                text = f"{misplaced_text(name, why[each.commit])}\n{text}"
            found[each.commit] = text
        return found

    def note(self, commit: str) -> str:
        """Returns what the note on `commit`, which was just made, says of its code; "" for in place."""
        key, why = self.here()
        git = self._work_tree.git
        if key is None or not why or not _listed(git, [commit]) or _brought_in(git, commit):
            return ""
        if why == LATE and _comes_again(git, key, commit):
            return ""
        return misplaced_text("/".join(key), why)

    def here(self) -> tuple[SessionKey | None, str]:
        """Returns the session that code committed now would belong to, and why it would be out of place."""
        branch = current_branch(self._work_tree.git_dir)
        key = self._branches.session(branch) if branch else None
        key = key or WorkFolders(self._work_tree.top, self._work_tree.git_dir).current()
        if key is None:
            return None, ""
        return key, _why(self._states([key]), key, is_unmapped=bool(self._branches.unmapped()))

    def _states(self, keys: Iterable[SessionKey]) -> Mapping[SessionKey, SessionState]:
        try:
            return self._ledgers.states(sorted(set(keys)))
        except IdseError:
            return {}  # a ledger that cannot be read is told by whoever needs it


def _why(states: Mapping[SessionKey, SessionState], key: SessionKey | None, *, is_unmapped: bool) -> str:
    return misplaced_code(states[key], is_unmapped=is_unmapped) if key and key in states else ""


def _brought_in(git: Git, commit: str) -> bool:
    """Tests whether a commit brings ``.idse/`` itself: what comes with it was there before the project."""
    before, now = headers(git, (f"{commit}^:{WORKSPACE}", f"{commit}:{WORKSPACE}"))
    return before is None and now is not None


def _comes_again(git: Git, key: SessionKey | None, commit: str) -> bool:
    """Tests whether a commit only brings what another of its session has: a squash, on another branch."""
    names = git.text("diff-tree", "--root", "-r", "-z", "--no-commit-id", "--name-only", commit).split("\0")
    code = (name for name in names if name and not name.startswith(f"{WORKSPACE}/"))
    paths = [f":(top,literal){name}" for name in code]
    others = [name for name in _noted_of(git, key) if name != commit] if key else []
    here = [name for name, each in zip(others, headers(git, others), strict=True) if each]
    compared = (git.attempt("diff", "--quiet", name, commit, "--", *paths) for name in here[:_MOST_COMPARED])
    return any(done.returncode == 0 for done in compared)


_MOST_COMPARED = 200


class Asked(NamedTuple):
    """Commits that are asked for: what `rev` reaches, since `base`; or `rev` `alone`; of a `project`."""

    rev: str = "HEAD"
    base: str | None = None
    alone: bool = False
    project: str | None = None


class NotedCode:
    """Code out of place by the notes on commits.

    Of a range, or of one commit, every one counts. Else what is over does not: `implementation` has begun by
    now, or the branch that is checked out belongs to the session. `settle` writes the notes that wait.
    """

    def __init__(
        self,
        vault: Vault,
        settle: Callable[[], object],
        branches: GitBranches | None,
        asked: Asked,
    ) -> None:
        self._git = vault.git
        self._settle = settle
        self._branches = branches
        self._asked = asked

    def misplaced(self) -> Sequence[Misplaced]:
        """Returns what is noted, by session and word."""
        self._settle()
        found: dict[tuple[SessionKey, str], set[str]] = {}
        for commit, key, why in _noted(self._git):
            if self._asked.project not in (None, key[0]):
                continue
            found.setdefault((key, why), set()).add(commit)
        there = self._there(sorted(set().union(*found.values()))) if found else ()
        told = ((at, tuple(name for name in there if name in commits)) for at, commits in found.items())
        return [Misplaced(key, why, commits) for (key, why), commits in told if commits]

    def counts(self, each: Misplaced, state: SessionState | None) -> bool:
        """Tests whether to report it, for a session of that `state` (None: it has no ledger here)."""
        if self._asked.base is not None or self._asked.alone or state is None:
            return True
        if each.why == UNMAPPED:
            mapped = self._branches.session(self._branches.current()) if self._branches else None
            return not state.is_at_rest and state.effective_status != COMPLETE and mapped != each.key
        return misplaced_code(state) == each.why

    def _there(self, commits: Sequence[str]) -> Sequence[str]:
        """Returns those of `commits` that are asked for, the newest first."""
        tip = find_commit(self._git, self._asked.rev)
        if tip is None or self._asked.alone:
            return (tip,) if tip else ()
        here = [name for name, each in zip(commits, headers(self._git, commits), strict=True) if each]
        base = find_commit(self._git, self._asked.base) if self._asked.base else None
        wanted = set(here).difference(self._beyond(here, tip))
        if base:
            wanted.intersection_update(self._beyond(here, base))
        stdin = "".join(f"{name}\n" for name in wanted).encode()
        return self._git.lines("rev-list", "--no-walk=sorted", "--stdin", stdin=stdin) if wanted else ()

    def _beyond(self, commits: Sequence[str], tip: str) -> Sequence[str]:
        """Returns those of `commits` that `tip` does not reach, and what of their history it does not."""
        stdin = "".join(f"{name}\n" for name in commits).encode()
        return self._git.lines("rev-list", "--stdin", "--not", tip, stdin=stdin) if commits else ()


def _noted(git: Git) -> Sequence[tuple[str, SessionKey, str]]:
    """Returns commit, session and word of every note that has one."""
    asked = ("grep", "-zE", "--no-color", "-e", f"^{MISPLACED}: ", NOTES_ON_COMMITS)
    out = git.attempt(*asked).stdout.decode("utf-8", "replace")
    found = []
    for row in out.split("\n"):
        place, _, line = row.partition("\0")
        said = parse_misplaced(line)
        key = session_named(said[0]) if said else None
        if said and key and said[1] in (EARLY, LATE, UNMAPPED):
            found.append((place.partition(":")[2].replace("/", ""), key, said[1]))
    return found


class StagedCode:
    """The code of the commit that git is about to make."""

    def __init__(self, git: Git, places: CodePlaces) -> None:
        self._git = git
        self._places = places

    def misplaced(self) -> Sequence[Misplaced]:
        """Returns what the commit would be, if it has code and is out of place."""
        key, why = self._places.here()
        if key is None or not why:
            return ()
        done = self._git.attempt("diff", "--cached", "--quiet", "--no-ext-diff", "--", *_CODE)
        return [Misplaced(key, why)] if done.returncode == 1 else ()

    def counts(self, _each: Misplaced, _state: SessionState | None) -> bool:
        """True: it is about to be done."""
        return True


class NotedCommit(NamedTuple):
    """A commit of code with a note: `at` is a Unix time, `misplaced` the words that the note says of it."""

    commit: str
    at: int
    author: str
    subject: str
    misplaced: tuple[str, ...] = ()


class NotedCommits(NamedTuple):
    """Those of one session, the newest first. `gone` counts those whose note is here and that are not."""

    commits: tuple[NotedCommit, ...]
    gone: int = 0


_EVERYWHERE = ("--branches", "--tags", "--remotes")
_LIST = (
    "-c",
    "core.quotePath=true",
    "-c",
    "log.showRoot=true",
    "log",
    "--no-walk=sorted",
    "--no-merges",
    "--stdin",
    "--no-show-signature",
    "--no-color",
)
_FORM = ("--no-notes", "--no-renames", "--name-only", "-z", "--format=%x01%H%x02%ct%x02%an%x02%s%x02")


def noted_commits(vault: Vault, key: SessionKey) -> NotedCommits:
    """Returns the commits that notes give to a session and that change code. What a rewrite left is no more.

    Where the repository has no code, as an Agency, all of them are gone.
    """
    git, names = vault.git, _noted_of(vault.git, key)
    here = [commit for commit, each in zip(names, headers(git, names), strict=True) if each]
    if not here:
        return NotedCommits((), len(names))
    head = ("HEAD",) if find_commit(git, "HEAD") else ()
    listed = "".join(f"{commit}\n" for commit in here).encode()
    left = set(git.text("rev-list", "--stdin", "--not", *_EVERYWHERE, *head, stdin=listed).split())
    wanted = [commit for commit in here if commit not in left]
    words: dict[str, list[str]] = {}
    for commit, own, why in _noted(git):
        if own == key:
            words.setdefault(commit, []).append(why)
    found = (each._replace(misplaced=tuple(words.get(each.commit, ()))) for each in _listed(git, wanted))
    return NotedCommits(tuple(found), len(names) - len(here))


def _noted_of(git: Git, key: SessionKey) -> Sequence[str]:
    """Returns the commits that notes give to a session."""
    name = re.escape("/".join(key))
    asked = ("grep", "-lzE", "--no-color", "-e", f"^Idse-Session: {name}$", NOTES_ON_COMMITS)
    out = git.attempt(*asked).stdout.decode("ascii", "replace")
    return [path.partition(":")[2].replace("/", "") for path in out.split("\0") if path]


def _listed(git: Git, commits: Sequence[str]) -> Sequence[NotedCommit]:
    """Returns those of `commits` that change anything outside of ``.idse/``, the newest first.

    A merge is none: it brings what others changed.
    """
    if not commits:
        return ()
    stdin = "".join(f"{commit}\n" for commit in commits).encode()
    found = []
    for row in git.text(*_LIST, *_FORM, stdin=stdin).split("\1")[1:]:
        commit, at, author, subject, paths = row.split("\2", 4)
        changed = (path.lstrip("\n") for path in paths.split("\0"))
        if any(path and not path.startswith(f"{WORKSPACE}/") for path in changed):
            found.append(NotedCommit(commit, int(at), author, subject))
    return found


CODE_RULE = "code-rule"
CODE_SETTING = "code-setting"
"""Empty files among idse's own: a rule, or a setting, has commits of code judged before they are made. The
hook in sh looks for them, and starts Python only then."""


def keep_flag(private: str, name: str, *, is_set: bool) -> None:
    """Makes or removes the file `name` in the folder `private`; where that cannot be, it stays as it is."""
    path = os.path.join(private, name)
    if os.path.exists(path) == is_set:
        return
    with suppress(OSError, IdseError):
        if is_set:
            make_folder(private)
            write_atomically(path, b"")
        else:
            remove_file(path)


def judges_code(private: str, environment: Mapping[str, str]) -> bool:
    """Tests whether commits of code may have to be judged before they are made, as the hook in sh does."""
    flags = (os.path.join(private, name) for name in (CODE_RULE, CODE_SETTING))
    return any(map(os.path.exists, flags)) or "deny" in map(environment.get, VARIABLES)


VARIABLES = ("IDSE_MISPLACED_CODE", "IDSE_CODE_EDITS")
"""What sets the setting for one process."""
