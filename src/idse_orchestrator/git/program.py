"""The git program, started with a clean environment, no prompts and a time limit.

Hooks inherit ``GIT_DIR``, ``GIT_INDEX_FILE`` and more from the git that called them. Let through to
a child, they have corrupted commits in the field, so a child gets none of them unless the caller
passes it on purpose. The environment itself is an argument: this process may serve many users.
"""

from __future__ import annotations

import errno
import os
import subprocess
from typing import IO, TYPE_CHECKING, TypeAlias

from idse_orchestrator.errors import (
    EXIT_INTERNAL,
    GitFailedError,
    IdseError,
    InvalidArtifactError,
    StorageError,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping, Sequence

    from idse_orchestrator.git.watching import Watched

Child: TypeAlias = "subprocess.Popen[bytes]"
"""A program that runs."""

TIMEOUT_SECONDS = 60.0

_NO_PROGRAM = (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR, errno.EPERM)
_MISUSED = 129
"""What git exits with where it does not know an option."""

_INDEX_IS_DAMAGED = (
    'mv "$(git rev-parse --git-path index)" "$(git rev-parse --git-path index).damaged"',
    "git reset  # makes the index anew from HEAD; files stay as they are",
)
_PACKED_REFS_ARE_DAMAGED = (
    'cd "$(git rev-parse --git-common-dir)" && cp packed-refs packed-refs.damaged',
    "take the line that git names out of packed-refs",
    "idse doctor  # looks for ledgers whose refs are gone then",
)
_WAYS_OUT = {
    "index file corrupt": _INDEX_IS_DAMAGED,
    "index file smaller than expected": _INDEX_IS_DAMAGED,
    "unexpected line in ": _PACKED_REFS_ARE_DAMAGED,
    "unterminated line in ": _PACKED_REFS_ARE_DAMAGED,
}
"""Words of a git that cannot go on, to the steps that help a person."""

_TRIES = 10
_VANISHED = b"unable to create temporary file: No such file or directory"

# What `git rev-parse --local-env-vars` prints; a fixed list saves a process on every start.
LOCAL_ENVIRONMENT = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns `environment` as a child git may have it: no inherited repository, no prompt, plain English."""
    kept = {key: value for key, value in environment.items() if key not in LOCAL_ENVIRONMENT}
    kept.update(GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0", LC_ALL="C")
    return kept


class Git:
    """Runs git in one folder, with a cleaned `environment`. Every method may raise GitFailedError.

    `settings_count` says how many settings the environment has for git, which count only for a remote.
    """

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = clean_environment(environment)
        self.settings_count = environment.get("GIT_CONFIG_COUNT", "")

    def with_environment(self, extra: Mapping[str, str]) -> Git:
        """Returns the same git with `extra` variables set."""
        other = self.at(self.folder)
        other.environment = {**self.environment, **extra}
        return other

    def at(self, folder: str) -> Git:
        """Returns the same git in another folder."""
        other = Git.__new__(Git)
        other.folder, other.environment = folder, self.environment
        other.settings_count = self.settings_count
        return other

    def attempt(
        self,
        *args: str,
        stdin: builtins.bytes | IO[builtins.bytes] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> subprocess.CompletedProcess[builtins.bytes]:
        """Runs and returns whatever happened; only a git that cannot start or end is an error.

        `stdin` is what git reads, or a file that it reads from the beginning.
        Where a `git gc` beside us took away the empty folder into which an object was to go, it is run again.
        """
        done = self._run(args, stdin, timeout)
        for _ in range(_TRIES):
            if done.returncode == 0 or _VANISHED not in done.stderr:
                break
            done = self._run(args, stdin, timeout)
        return done

    def _run(
        self, args: Sequence[str], stdin: builtins.bytes | IO[builtins.bytes] | None, timeout: float
    ) -> subprocess.CompletedProcess[builtins.bytes]:
        given = stdin if isinstance(stdin, bytes) else None
        file = None if isinstance(stdin, bytes) else _from_its_beginning(stdin)
        try:
            return subprocess.run(  # noqa: S603 - fixed program, no shell
                ["git", *args],  # noqa: S607 - the user's git is the one on PATH
                cwd=self.folder,
                env=self.environment,
                input=given,
                stdin=file,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except OSError as error:
            raise _not_started(error) from error
        except subprocess.TimeoutExpired as error:
            raise GitFailedError(
                f"git {args[0]} did not end within {timeout:g} s", where=self.folder
            ) from error

    def bytes(
        self, *args: str, stdin: builtins.bytes | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> builtins.bytes:
        """Returns standard output of a git that succeeded."""
        done = self.attempt(*args, stdin=stdin, timeout=timeout)
        if done.returncode != 0:
            raise failure(args, done)
        return done.stdout

    def text(self, *args: str, stdin: builtins.bytes | None = None) -> str:
        """Returns standard output as text without its last line break; names that are not UTF-8 survive."""
        return self.bytes(*args, stdin=stdin).decode("utf-8", "surrogateescape").removesuffix("\n")

    def lines(self, *args: str, stdin: builtins.bytes | None = None) -> Sequence[str]:
        """Returns standard output split at line breaks."""
        out = self.text(*args, stdin=stdin)
        return out.split("\n") if out else []

    def helper(self, words: Sequence[str], timeout: float) -> str:
        """Returns what another program says that git itself would start, such as ssh; "" where it fails."""
        try:
            done = subprocess.run(  # noqa: S603 - chosen by the user's own settings, as git does
                words,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    def start(self, *args: str) -> subprocess.Popen[builtins.bytes]:
        """Returns a running git with pipes on standard input and output, for streaming."""
        return self._piped(args, subprocess.DEVNULL)

    def watch(
        self,
        *args: str,
        stdin: builtins.bytes = b"",
        patience: float = TIMEOUT_SECONDS,
        on_words: Callable[[builtins.bytes], None] | None = None,
        alone: bool = True,
    ) -> Watched:
        """Runs a git that may take long, as long as it says something every `patience` seconds.

        `on_words` is given what it writes to standard error as it comes. `alone` keeps it and all it starts
        away from the terminal, so that nothing can ask a question; all of it is ended with it.
        """
        child = self.launch(*args, alone=alone)
        from idse_orchestrator.git.watching import watched

        return watched(child, stdin, patience, on_words, alone=alone)

    def launch(
        self, *args: str, alone: bool = True, files: Sequence[int] = ()
    ) -> subprocess.Popen[builtins.bytes]:
        """Returns a running git with all three pipes, for `watched`; see `watch`. It gets `files`, too."""
        return self._piped(args, subprocess.PIPE, alone=alone, files=files)

    def _piped(
        self, args: tuple[str, ...], errors: int, *, alone: bool = False, files: Sequence[int] = ()
    ) -> subprocess.Popen[builtins.bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - fixed program, no shell
                ["git", *args],  # noqa: S607 - the user's git is the one on PATH
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=alone,
                pass_fds=files,
            )
        except OSError as error:
            raise _not_started(error) from error


def _from_its_beginning(file: IO[bytes] | None) -> IO[bytes] | int:
    if file is None:
        return subprocess.DEVNULL
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return file


def _not_started(error: OSError) -> IdseError:
    """Returns the error for a git that the system does not start: it is missing, or no program."""
    if error.errno == errno.ENOENT and error.filename not in (None, "git"):
        return StorageError("the folder to work in is gone", where=str(error.filename), cause=error.strerror)
    from idse_orchestrator.base.refusals import system_failure

    found = None if error.errno in _NO_PROGRAM else system_failure(error)
    return found or GitFailedError(
        "git cannot be started", cause=str(error), fix=("install git 2.31 or newer",)
    )


def failure(args: Sequence[str], done: subprocess.CompletedProcess[bytes] | Watched) -> IdseError:
    """Returns the error for a git that ended badly, told in git's own words."""
    words = done.stderr.decode("utf-8", "replace").strip()
    from idse_orchestrator.base.refusals import ended_by_signal, exhausted_by_words

    known = ended_by_signal(-done.returncode, args) or exhausted_by_words(words)
    if known is not None:
        return known
    if "beyond a symbolic link" in words or "is a symbolic link" in words:
        return InvalidArtifactError(
            "a file lies behind a symbolic link",
            cause=words,
            fix=("put the folder itself where the link is: git does not follow it",),
        )
    if "filter '" in words and (" failed" in words or "external filter" in words):
        return InvalidArtifactError(
            "a filter that git's attributes name does not run",
            cause=words,
            fix=("git config --show-origin --get-regexp '^filter\\.'", "install the program that it names"),
        )
    if "lock" in words and ": File exists" in words:
        return StorageError(
            "another git holds a lock, or left it behind",
            cause=words,
            fix=(
                "wait for it to end, then run the command again",
                "idse doctor  # tells locks that are old",
            ),
        )
    for sign in (
        "No space left on device",
        "Read-only file system",
        "Permission denied",
        "insufficient permission",
        "Out of diskspace",
        "Disk quota exceeded",
        "couldn't write '",
        "File too large",
        "failed to write",
        "could not write",
        "unable to write",
        "could not lock config file",
        "Unable to create '",
    ):
        if sign in words:
            return StorageError(
                "the repository cannot be written",
                cause=words,
                fix=("make room, or make the git directory writable, then run the command again",),
            )
    fix = next((fix for sign, fix in _WAYS_OUT.items() if sign in words), ())
    error = GitFailedError(
        f"git {args[0]} failed with exit code {done.returncode}", cause=words or None, fix=fix
    )
    if done.returncode == _MISUSED:
        error.exit_code = EXIT_INTERNAL  # type: ignore[misc] # as GateError does: the reader sees it
    return error
