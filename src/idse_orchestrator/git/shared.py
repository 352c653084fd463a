"""A repository that several users share: what is made in it gets the modes that git itself would give.

git widens or narrows the mode of each file and folder that it makes in its directory by the setting
`core.sharedRepository` (`adjust_shared_perm` in its path.c). libgit2 reads that setting for `git init`
only, and takes no mode for a loose object but what the umask leaves of it. The umask is no way out: it is
one for all threads. So in a shared repository git moves the refs, and loose objects are written here.
"""

from __future__ import annotations

import os
import stat
import sys
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folders, remove_quietly, sharing_at
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.git.program import Git

_SETTING = r"^core\.sharedrepository$"
_GROUP, _EVERYBODY = 0o660, 0o664
_WORDS = {
    **dict.fromkeys(("group", "true", "yes", "on"), _GROUP),
    **dict.fromkeys(("all", "world", "everybody"), _EVERYBODY),
}
_OLD_NUMBERS = (0, _GROUP, _EVERYBODY)
_OWNER = 0o600
_FOLDERS_KEEP_THEIR_GROUP = sys.platform.startswith(("freebsd", "gnukfreebsd", "dragonfly"))


def shared(git: Git) -> Shared | None:
    """Returns how the repository of `git` is shared; None where it is not, or where git refuses the value."""
    done = git.attempt("config", "--null", "--get-regexp", _SETTING)
    said = done.stdout.decode("utf-8", "replace").split("\0")[:-1]
    if not said:
        return None
    _, has_value, value = said[-1].partition("\n")
    rule = rule_of(value) if has_value else _GROUP
    return Shared(git, rule) if rule else None


def rule_of(value: str) -> int:
    """Returns the bits that a value of the setting adds to a mode; below zero: those that it is to have."""
    try:
        number = int(value or "0", 8)
    except ValueError:
        return _WORDS.get(value.lower(), 0)
    if 0 <= number < len(_OLD_NUMBERS):
        return _OLD_NUMBERS[number]
    return -(number & 0o666) if number & _OWNER == _OWNER else 0


def shared_mode(mode: int, rule: int) -> int:
    """Returns the mode of a file or folder that was made with `mode`, by git's own reckoning."""
    bits = abs(rule)
    if not mode & stat.S_IWUSR:
        bits &= ~0o222
    if mode & stat.S_IXUSR:
        bits |= (bits & 0o444) >> 2
    mode = mode & ~0o777 | bits if rule < 0 else mode | bits
    if stat.S_ISDIR(mode):
        mode |= (mode & 0o444) >> 2
        if mode & 0o060 and not _FOLDERS_KEEP_THEIR_GROUP:
            mode |= stat.S_ISGID
    return mode


class Shared:
    """How one repository is shared. Called with what was just made (see `Sharing`), it gives it its mode."""

    def __init__(self, git: Git, rule: int) -> None:
        self._git = git
        self._rule = rule

    def __call__(self, made: str | int) -> None:
        """Gives a path or a descriptor its mode."""
        before = os.stat(made).st_mode
        after = shared_mode(before, self._rule)
        if after != before:
            os.chmod(made, stat.S_IMODE(after))

    def is_due(self, path: str) -> bool:
        """Tests whether what this user made at `path` has another mode than it is to have."""
        try:
            found = os.lstat(path)
        except OSError:
            return False
        is_ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
        return is_ours and shared_mode(found.st_mode, self._rule) != found.st_mode

    def update_ref(
        self, ref: str, new: str, old: str, message: str | None, who: tuple[str, str, int, int]
    ) -> str:
        """Has git move `ref` from `old` (zeros: it is new); returns git's words where that failed.

        Without a `message` no reflog is begun.
        `who` is name, email, seconds, and minutes of the time zone.
        """
        name, email, seconds, offset = who
        zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
        signed = self._git.with_environment(
            {
                "GIT_COMMITTER_NAME": name,
                "GIT_COMMITTER_EMAIL": email,
                "GIT_COMMITTER_DATE": f"@{seconds} {zone}",
            }
        )
        logged = () if message is None else ("--create-reflog", "-m", message)
        done = signed.attempt("update-ref", *logged, ref, new, old)
        words = done.stderr.decode("utf-8", "replace").strip()
        return (words or "git update-ref failed") if done.returncode else ""


def sharer_of(common_dir: str) -> Shared:
    """Returns how a repository is shared that is known to be."""
    found = sharing_at(common_dir)
    if not isinstance(found, Shared):
        raise TypeError(common_dir)
    return found


def write_loose(folder: str, name: str, kind: str, content: bytes) -> None:
    """Writes an object as git does: it has its mode before it has its name.

    What a killed process leaves, git's collection takes for its own. Raises OSError.
    """
    place = os.path.join(folder, name[:2])
    make_folders(place)
    temporary = os.path.join(place, f"tmp_obj_{os.urandom(6).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        with open(descriptor, "wb") as file:
            share = sharing_at(temporary)
            if share is not None:
                share(descriptor)
            file.write(zlib.compress(f"{kind} {len(content)}\0".encode() + content, 1))
        os.replace(temporary, os.path.join(place, name[2:]))
    finally:
        remove_quietly(temporary)


_PLACES = ("packed-refs", "refs/idse", "logs/refs/idse", "objects", "idse")
"""Parts of a git directory that every user of it must be able to read."""
_IN_WORK = ("new-folder", "incoming-")


def closed_to_us(common_dir: str, places: Iterable[str] = _PLACES, *, to_write: bool = False) -> list[str]:
    """Returns what this user may not read at `places` in a git directory; with `to_write` not use, either.

    To libgit2, and mostly to git, what is closed is not there, or damaged.
    """
    found = []
    waiting = [os.path.join(common_dir, place) for place in places]
    while waiting:
        path = waiting.pop()
        if not os.path.lexists(path) or os.path.islink(path):
            continue
        is_folder = os.path.isdir(path)
        wanted = os.R_OK | (os.X_OK if is_folder else 0)
        if to_write and (is_folder or f"{os.sep}logs{os.sep}" in path):
            wanted |= os.W_OK
        if not os.access(path, wanted):
            found.append(path)
        elif is_folder:
            with suppress(OSError):  # it went
                names = [name for name in os.listdir(path) if not name.startswith(_IN_WORK)]
                waiting += [os.path.join(path, name) for name in names]
    return sorted(found)


def refuse_closed(common_dir: str, *places: str) -> None:
    """Raises StorageError where something at `places` (default: all that matters) is closed to this user."""
    closed = closed_to_us(common_dir, places or _PLACES)
    if closed:
        raise StorageError(
            "a part of this repository is closed to you",
            where=closed[0],
            cause=f"another user made it, and keeps it from others{_and_more(closed)}",
            fix=(open_it(common_dir),),
        )


def _and_more(closed: Sequence[str]) -> str:
    return f", and {len(closed) - 1} more" if len(closed) > 1 else ""


def open_it(common_dir: str) -> str:
    """Returns what the owner of what is closed has to type."""
    return f"ask its owner for: chmod -R g+rwX {one_word(common_dir)}"


def unshared(common_dir: str) -> list[str]:
    """Returns what this user made and has not shared, as the setting wants it."""
    share = sharing_at(common_dir)
    if not isinstance(share, Shared):
        return []
    found = []
    for place in _PLACES[1:]:
        for folder, _, names in os.walk(os.path.join(common_dir, place)):
            paths = (folder, *(os.path.join(folder, name) for name in names))
            found += [path for path in paths if share.is_due(path)]
    return sorted(found)


def share_all(common_dir: str) -> str:
    """Shares what `unshared` finds; returns what was done."""
    found = unshared(common_dir)
    for path in found:
        with suppress(FileNotFoundError):
            sharer_of(common_dir)(path)
    return f"shared {len(found)} files and folders"
