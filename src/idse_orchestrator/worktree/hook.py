"""The text of a hook, with the path of idse and a seal; and the states and outcomes of hooks.

The seal is a digest of everything else in the file. It tells our own hooks, of whatever release,
from those that somebody changed by hand, and those are never overwritten or removed.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from idse_orchestrator.base.files import make_folder, shipped_folder, storage_error, write_atomically

HOOKS = (
    "pre-commit",
    "pre-merge-commit",
    "post-commit",
    "post-merge",
    "post-rewrite",
    "post-checkout",
    "pre-push",
)
"""The hooks idse has, in the order in which git may call them."""

CURRENT = "current"
OUTDATED = "outdated"
MISSING = "missing"
FOREIGN = "foreign"
EDITED = "edited"
NOT_EXECUTABLE = "not executable"
DISABLED = "disabled"
CALLING = "your own"
"""Conditions of a hook, in this order: ours as it should be; ours of another release or path; no file;
somebody else's; ours and changed by hand; ours, but git will not run it; ours, in a folder that git does not
look at; somebody else's, and it calls idse."""

INSTALLED = "installed"
ALREADY = "already"
UPDATED = "updated"
CHAINED = "chained"
SKIPPED = "skipped"
REMOVED = "removed"
RESTORED = "restored"
ABSENT = "absent"
KEPT = ".idse-chained"
"""What the name of the folder ends in that keeps a user's hooks while ours stand in their places."""


@dataclass(frozen=True, slots=True)
class HookState:
    """One hook as it stands. `chained`: the hook that was there before is kept beside it and runs first."""

    name: str
    condition: str
    path: str
    chained: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """The outcome of one hook.

    Installing: INSTALLED, ALREADY, UPDATED, CHAINED (installed, and a user's hook runs first) or
    SKIPPED. Uninstalling: REMOVED, RESTORED (the user's hook is back), ABSENT or SKIPPED. `detail`
    says why something was skipped, and what to do about it.
    """

    name: str
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class HookManager:
    """A hook manager that is in charge here.

    `name` is "pre-commit", "husky" or "lefthook", `evidence` the file or folder that tells so,
    `snippet` what to put into the manager's own configuration, with its file names as comments. `wired` are
    the hooks that it hands to idse, and `waiting` those that its configuration names while git does not call
    it for them: `install` is the command that mends it. `limits`: hook to what it keeps from that hook.
    """

    name: str
    evidence: str
    snippet: str
    wired: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    install: str = ""
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HooksPlace:
    """The folder that git looks for hooks in.

    `setting` is the value of core.hooksPath ("" if unset), `scope` who set it.

    `outside`: the folder is neither in the work tree nor in the git directory, so that other
    repositories may share it. `in_worktree`: its files may be tracked, and show up as changes, and then
    `relative` is its path from the top of the work tree.
    """

    folder: str
    setting: str = ""
    scope: str = ""
    outside: bool = False
    in_worktree: bool = False
    relative: str = ""
    manager: HookManager | None = None


@dataclass(frozen=True, slots=True)
class HooksReport:
    """The hooks found or written. With a `refusal` nothing was written and `outcomes` is empty.

    `in_worktree` are paths of files that were written into the work tree, where git shows them as changes.
    """

    place: HooksPlace
    states: tuple[HookState, ...]
    outcomes: tuple[HookOutcome, ...] = ()
    refusal: str = ""
    fix: tuple[str, ...] = ()
    in_worktree: tuple[str, ...] = ()

    @property
    def works(self) -> bool:
        """True where git or a hook manager calls idse for every hook."""
        return not self.silent

    @property
    def silent(self) -> tuple[str, ...]:
        """The hooks for which nobody calls idse."""
        wired = self.place.manager.wired if self.place.manager else ()
        calling = (CURRENT, OUTDATED, CALLING)
        return tuple(
            state.name for state in self.states if state.condition not in calling and state.name not in wired
        )

    @property
    def changed(self) -> bool:
        """True where a hook was written."""
        return any(outcome.result in (INSTALLED, UPDATED, CHAINED) for outcome in self.outcomes)


_MARK = b"# idse-hook"
_PROGRAM = b"idse_program=''"
_KEPT_NAME = b"idse_kept=''"
_DIGEST_LENGTH = 32


def shim(name: str, program: str, kept: str = f"hooks{KEPT}") -> bytes:
    """Returns the hook `name`, which starts `program` (absolute path of idse; "" for the one on PATH).

    `kept` is the name of the folder, beside that of the hook, with the hooks that stood here before.
    """
    script = _shipped(name).replace(_PROGRAM, b"idse_program=" + _quoted(program), 1)
    script = script.replace(_KEPT_NAME, b"idse_kept=" + _quoted(kept), 1)
    return script.replace(_MARK + b"\n", _sealed_mark(script), 1)


def is_ours(content: bytes) -> bool:
    """Tests for a hook of idse, edited or not."""
    return _mark_line(content) is not None


def is_sealed(content: bytes) -> bool:
    """Tests for a hook exactly as idse wrote it, in any release and for any path."""
    line = _mark_line(content)
    if line is None:
        return False
    plain = content.replace(line + b"\n", _MARK + b"\n", 1)
    return line + b"\n" == _sealed_mark(plain)


def find_program() -> str:
    """Returns the absolute path of the idse that runs now, or of the one beside this Python, or ""."""
    names = ("idse.exe", "idse") if os.name == "nt" else ("idse",)
    beside = [os.path.join(os.path.dirname(sys.executable), name) for name in names]
    running = [sys.argv[0]] if os.path.basename(sys.argv[0]) in names and os.path.dirname(sys.argv[0]) else []
    for path in (*running, *beside):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.abspath(path)
    return ""


@cache
def _shipped(name: str) -> bytes:
    script = _read(name)
    for text in _read("shared.sh").rstrip(b"\n").split(b"\n\n"):
        function = text.partition(b"() {\n")[0].rpartition(b"\n")[2]
        script = script.replace(b"# shared: " + function + b"\n", text + b"\n")
    return script


def _read(name: str) -> bytes:
    with open(os.path.join(shipped_folder("hooks"), name), "rb") as file:
        return file.read().replace(b"\r\n", b"\n")


def _quoted(program: str) -> bytes:
    """Returns one word of sh. Backslashes of Windows become slashes, which Git's sh wants."""
    plain = program.replace("\\", "/") if os.name == "nt" else program
    return b"'" + os.fsencode(plain).replace(b"'", b"'\\''") + b"'"


def _sealed_mark(plain: bytes) -> bytes:
    import hashlib  # only whoever installs hooks pays for it

    digest = hashlib.sha256(plain).hexdigest()[:_DIGEST_LENGTH].encode()
    return _MARK + b" " + digest + b"\n"


def _mark_line(content: bytes) -> bytes | None:
    lines = content[:200].split(b"\n")
    return lines[1] if len(lines) > 2 and lines[1].startswith(_MARK) else None


class MadeFolder:
    """At most one folder, kept as a line in idse's own folder `private`."""

    def __init__(self, private: str) -> None:
        self._record = os.path.join(private, "made-hooks-folder")

    def begin(self, folder: str) -> None:
        """Makes `folder`, and remembers it if it was not there."""
        if os.path.isdir(folder):
            return
        make_folder(folder)
        make_folder(os.path.dirname(self._record))
        write_atomically(self._record, os.fsencode(folder))

    def end(self) -> None:
        """Removes the folder that was made, if it is empty; in any case forgets it."""
        try:
            with open(self._record, "rb") as file:
                folder = os.fsdecode(file.read())
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(error, self._record) from error
        with suppress(OSError):  # somebody's hooks are in it, or it is gone
            os.rmdir(folder)
        with suppress(FileNotFoundError):
            os.unlink(self._record)
