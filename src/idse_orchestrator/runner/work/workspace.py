"""The private repository of one attempt: made by hand, without a remote, and never git's own folder.

::

    <state>/idse/work/<repository>/<project>/<session>/<task>.<n>/
        workspace/   the code at the base; its .git has objects/info/alternates, one branch, no remote
        out/         $IDSE_OUT        home/   a home, where the agent has none of its own
        index        of the supervisor: what it wrote last, and from what it tells what changed
        task.md      what is to be done

Everything is 0700. Whoever works on an attempt holds a lock on its folder; a folder that nobody holds is
swept. git is never run *in* a workspace: its settings would be those of whoever worked there. The supervisor
runs it twice, with the repository's own settings and its own index: to check out, and to see what changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folders
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.work.child import Start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.git.vault import Vault

_KEPT = "kept"
_GONE = ".gone-"
_BRANCH = "refs/heads/work"
_GIT_SECONDS = 600.0
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.sparseCheckout=false",
    "core.bare=false",
    "submodule.recurse=false",
    "advice.addEmbeddedRepo=false",
    "gc.auto=0",
)
"""Of the two gits of the supervisor: whatever the repository says, no hook and no monitor is started.

A submodule stays as it is: to check one out would have its own git directory name the workspace.
"""

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\thooksPath = /dev/null
[gc]
\tauto = 0
"""
_IDENTITY = """\
[user]
\tname = idse agent
\temail = agent@localhost
[init]
\tdefaultBranch = main
"""


_OF_THEIR_OWN = ("git-lfs ", "git lfs ", "git-crypt ", '"git-crypt" ')
"""Filters that run nothing out of the folder that they are started in."""
_SHELL_SIGNS = frozenset("|&;<>()$`\\\n*?[~")


def open_filters(settings: Mapping[str, str]) -> Sequence[str]:
    """Returns the commands of filters in git's `settings` that may run what an agent wrote.

    git starts a filter in the workspace and outside of the sandbox: a script of the tree, or a module that
    its interpreter looks for there first, would be the agent's own.
    """
    return [
        command
        for command in settings.values()
        if command and not (command.startswith(_OF_THEIR_OWN) and not _SHELL_SIGNS & set(command))
    ]


def work_root(common_dir: str, state_home: str) -> str:
    """Returns where the workspaces of a repository are, below the user's folder for state."""
    common_dir = os.path.realpath(common_dir)
    name = os.path.basename(common_dir)
    name = os.path.basename(os.path.dirname(common_dir)) if name == ".git" else name.removesuffix(".git")
    name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:40]
    mark = hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:10]
    return os.path.join(state_home, "idse", "work", f"{name or 'repository'}-{mark}")


class Place(NamedTuple):
    """The folder of an attempt, and the lock on it: a descriptor, which its holder keeps open."""

    folder: str
    lock: int

    @property
    def workspace(self) -> str:
        """The code."""
        return os.path.join(self.folder, "workspace")

    @property
    def out(self) -> str:
        """What the agent puts out beside code."""
        return os.path.join(self.folder, "out")

    @property
    def home(self) -> str:
        """A home folder, empty."""
        return os.path.join(self.folder, "home")

    @property
    def own_index(self) -> str:
        """The supervisor's own index."""
        return os.path.join(self.folder, "index")

    @property
    def task_file(self) -> str:
        """What is to be done."""
        return os.path.join(self.folder, "task.md")


def make_place(root: str, names: tuple[str, ...]) -> Place:
    """Makes the folder of an attempt, and holds it; what stood there is removed. Raises OSError."""
    import fcntl

    folder = os.path.join(root, *names)
    make_private(os.path.dirname(folder))
    while True:
        with suppress(FileNotFoundError):
            _remove(folder)
        make_private(folder)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = os.path.samestat(os.fstat(lock), os.stat(folder))
        except OSError:  # somebody sweeps it, who was faster
            is_ours = False
        if is_ours:
            break
        os.close(lock)
    place = Place(folder, lock)
    for each in (place.workspace, place.out, place.home):
        make_private(each)
    furnish(place.home)
    return place


def furnish(home: str) -> None:
    """Has git in a home know a name to commit as: in repositories that a test makes, for example."""
    path = os.path.join(home, ".gitconfig")
    if not os.path.lexists(path):
        write_file(path, _IDENTITY)


def make_private(folder: str) -> None:
    """Makes a folder that only this user can enter, with what is above it. Raises OSError."""
    above = os.path.dirname(folder)
    if not os.path.isdir(above):
        make_private(above)
    make_folders(folder)
    if stat.S_IMODE(os.stat(folder).st_mode) & 0o077 and os.stat(folder).st_uid == os.geteuid():
        os.chmod(folder, 0o700)


def write_file(path: str, content: str) -> None:
    """Writes a small file of an attempt; it is new. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)


class Workspaces:
    """Makes the workspaces of one repository below `root`; two git processes for each at most."""

    def __init__(self, vault: Vault, root: str) -> None:
        self._vault = vault
        self.root = root
        self.objects = os.path.join(vault.common_dir, "objects")

    def checkout(self, place: Place, base: str) -> Start:
        """Returns the git that fills the workspace with the tree of `base`. `private` comes after it."""
        return self._git(place, "read-tree", "--reset", "-u", base)

    def collect(self, place: Place) -> Start:
        """Returns the git that brings what the workspace holds into the index, and its files into objects."""
        return self._git(place, "add", "-A", "--", ".")

    def private(self, place: Place, base: str) -> None:
        """Makes a repository of the workspace, for the agent: its git sees the base. Raises OSError."""
        git_dir = os.path.join(place.workspace, ".git")
        make_folders(os.path.join(git_dir, "objects", "info"))
        make_folders(os.path.join(git_dir, "refs", "heads"))
        write_file(os.path.join(git_dir, "objects", "info", "alternates"), f"{self.objects}\n")
        write_file(os.path.join(git_dir, "HEAD"), f"ref: {_BRANCH}\n")
        write_file(os.path.join(git_dir, "config"), _CONFIG)
        write_file(os.path.join(git_dir, _BRANCH), f"{base}\n")
        shutil.copy2(place.own_index, os.path.join(git_dir, "index"))

    def object_folders(self) -> tuple[str, ...]:
        """Returns the folders with objects that a workspace reads: the repository's, and those it borrows."""
        found: list[str] = []
        waiting = [self.objects]
        while waiting and len(found) < 16:
            folder = waiting.pop()
            found.append(folder)
            with (
                suppress(OSError),
                open(os.path.join(folder, "info", "alternates"), encoding="utf-8") as file,
            ):
                lines = [line for line in file.read().split("\n") if line and not line.startswith("#")]
                waiting += [os.path.normpath(os.path.join(folder, line)) for line in lines]
        return tuple(found)

    def _git(self, place: Place, *args: str) -> Start:
        environment: Mapping[str, str] = {
            **self._vault.git.environment,
            "GIT_DIR": self._vault.common_dir,
            "GIT_WORK_TREE": place.workspace,
            "GIT_INDEX_FILE": place.own_index,
        }
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        return Start(("git", *settings, *args), environment, place.workspace, timeout_s=_GIT_SECONDS)


def release_place(place: Place, *, keep: bool) -> None:
    """Lets go of an attempt's folder: it is removed, or kept for a person to look at."""
    try:
        if keep:
            with suppress(OSError):
                write_file(os.path.join(place.folder, _KEPT), "")
        else:
            with suppress(OSError):
                _remove(place.folder)
    finally:
        os.close(place.lock)


def sweep(root: str, keep_days: float, now: float | None = None) -> list[str]:
    """Removes folders of attempts that nobody works on any more; those that are kept, after so many days.

    Returns what was removed.
    """
    import fcntl

    now = time.time() if now is None else now
    removed = []
    for folder in _attempts(root):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = os.path.join(folder, _KEPT)
            if os.path.exists(kept) and now - os.stat(kept).st_mtime < keep_days * 86400:
                continue
            _remove(folder)
            removed.append(folder)
        except OSError:  # somebody works there, or somebody else removed it
            continue
        finally:
            os.close(lock)
    return removed


def _attempts(root: str) -> Iterator[str]:
    """Yields the folders of attempts: three levels down, and what a sweep before left half removed."""
    folders = [root]
    for _ in range(3):
        below = []
        for folder in folders:
            with suppress(OSError), os.scandir(folder) as entries:
                below += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        folders = below
    yield from sorted(folders)


def _remove(folder: str) -> None:
    """Removes a folder in two steps: it gets another name first, so that nobody sees half of one."""
    if _GONE not in folder:
        gone = os.path.join(os.path.dirname(folder), f"{_GONE}{os.urandom(6).hex()}")
        os.rename(folder, gone)
        folder = gone
    shutil.rmtree(folder, onerror=_make_removable)


def _make_removable(remove: object, path: str, _error: object) -> None:
    """Opens a folder that an agent closed, and goes on."""
    above = os.path.dirname(path)
    for each in (above, path):
        with suppress(OSError):
            if not os.path.islink(each):
                os.chmod(each, 0o700)
    with suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        elif callable(remove):
            remove(path)
