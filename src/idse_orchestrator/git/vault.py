"""A repository, with or without a work tree: one question to git answers every path idse needs.

Kinds of repository that cannot be served safely are refused here, before anything is read.

git offers no single question for this, and a process more would cost every command 2 ms. Only the two
sections that matter are read, by the rules of git's own format; includes do not count there.

Its ledger lock makes writes fair and fast; `libgit2.move_ref` makes them correct.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import (
    TIMEOUT_SECONDS,
    file_lock,
    make_folder,
    open_or_make,
    share_below,
)
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import NotARepositoryError, StorageError, UnsupportedRepositoryError
from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.base.files import Sharing
    from idse_orchestrator.git.program import Git

_QUESTIONS = (
    "rev-parse",
    "--path-format=absolute",
    "--show-object-format",
    "--is-bare-repository",
    "--git-dir",
    "--git-common-dir",
    "--git-path",
    "hooks",
    "--show-toplevel",
    "--show-prefix",
)
_ANSWERS = 7  # one for each option from --show-object-format on
_BARE = 5  # those that a bare repository answers
_FORMAT_WORDS = (
    "extension",
    "repository format",
    "repositoryformatversion",
    "git repo version",
    "ref storage format",
)


class Vault:
    """Where the ledgers of one repository are, bare or not.

    `common_dir` is its git directory, which all of its work trees share; `git` is the program at work there.
    """

    __slots__ = ("common_dir", "git")

    def __init__(self, common_dir: str, git: Git) -> None:
        self.common_dir = common_dir
        self.git = git
        share_below(common_dir, self._sharing)

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads: locks, caches, spool, log."""
        return os.path.join(self.common_dir, "idse")

    def _sharing(self) -> Sharing | None:
        """Returns how git shares what it makes here; it is asked only where it may have something to say."""
        if not _may_be_shared(self.common_dir, self.git.environment):
            return None
        from idse_orchestrator.git.shared import shared

        return shared(self.git)


_SAYS_HOW = ("sharedrepository", "include", "worktreeconfig")
_SYSTEM = ("/etc/gitconfig", "/usr/local/etc/gitconfig", "/opt/homebrew/etc/gitconfig")


def _may_be_shared(common_dir: str, environment: Mapping[str, str]) -> bool:
    """Tests whether `core.sharedRepository` may be set: by git's files, or by what a sharing git made here.

    Most repositories are not shared, and a question to git costs 2 ms.
    """
    home = environment.get("HOME", "")
    places = (
        os.path.join(common_dir, "config"),
        environment.get("GIT_CONFIG_GLOBAL") or os.path.join(home, ".gitconfig"),
        os.path.join(environment.get("XDG_CONFIG_HOME") or os.path.join(home, ".config"), "git", "config"),
        *filter(None, (environment.get("GIT_CONFIG_SYSTEM"),)),
        *_SYSTEM,
    )
    try:
        if os.stat(common_dir).st_mode & stat.S_ISGID:
            return True
    except OSError:
        return False
    return any(word in _text_of(path).lower() for path in places for word in _SAYS_HOW)


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Found(NamedTuple):
    """What git says of the repository around a folder; without a work tree the last two are "".

    `hooks` is where git looks for hooks.
    """

    common_dir: str
    git_dir: str
    hooks: str
    top: str = ""
    prefix: str = ""


def repository_around(git: Git, elsewhere: str = "") -> Found:
    """Returns the repository around the folder of `git`, or an error that says what to type.

    `elsewhere` is a git directory that a variable names: it is not followed, and the error says so.
    """
    folder = git.folder
    done = git.attempt(*_QUESTIONS)
    if b"empty string is not a valid path" in done.stderr:  # the setting core.hooksPath
        done = git.attempt(*(*_QUESTIONS[:6], "--git-path", "no-hooks", *_QUESTIONS[8:]))
    answers = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    is_bare = len(answers) > _BARE and answers[1] == "true"
    if done.returncode != 0 and not is_bare:
        raise _refusal(folder, done.stderr.decode("utf-8", "replace").strip(), elsewhere)
    if len(answers) != (_BARE if is_bare else _ANSWERS) + 1:  # each ends its line
        raise UnsupportedRepositoryError(
            "the path of this folder holds a line break",
            where=one_word(folder),
            cause="git answers with one path a line, so the paths cannot be told apart",
            fix=("rename the folder, or work in a clone elsewhere",),
        )
    object_format, _, git_dir, common_dir, hooks, *work_tree = answers[:-1]
    if object_format != "sha1":
        raise UnsupportedRepositoryError(
            f"this repository uses {object_format} object ids",
            where=git_dir,
            cause="libgit2, which writes the ledgers, reads sha1 repositories only",
            fix=("git init --object-format=sha1 FOLDER  # a repository that idse serves",),
        )
    refuse_unsupported_kind(common_dir)
    return Found(common_dir, git_dir, hooks, *work_tree)


def _refusal(folder: str, words: str, elsewhere: str) -> NotARepositoryError | UnsupportedRepositoryError:
    if "dubious ownership" in words:
        return UnsupportedRepositoryError(
            "this repository belongs to another user",
            where=folder,
            cause="git refuses it, and so does idse: its hooks and settings could run commands as you",
            fix=(f"git config --global --add safe.directory {one_word(folder)}  # if you trust it",),
        )
    if elsewhere and ("not a git repository" in words or "must be run in a work tree" in words):
        place = one_word(os.path.join(folder, elsewhere))
        return UnsupportedRepositoryError(
            "GIT_DIR names a repository that has no .git here",
            where=folder,
            cause="idse, and the hooks that git starts, serve the repository that they stand in",
            fix=(
                "at the top of the work tree, so that git finds it without GIT_DIR:",
                f"git --git-dir={place} config core.bare false && git init --separate-git-dir={place}",
            ),
        )
    if "not a git repository" in words:
        return _unrecognized(folder) or NotARepositoryError(
            "this folder is not in a git repository",
            where=folder,
            fix=("git init", "or go to a repository"),
        )
    if "must be run in a work tree" in words:
        return NotARepositoryError(
            "this folder is inside a git directory, where there are no documents",
            where=folder,
            fix=("go to the work tree",),
        )
    if any(sign in words for sign in _FORMAT_WORDS):
        return refused_extension(words, folder)
    line = re.search(r"bad config line (\d+) in file (.+)", words)
    fix = (f"mend line {line[1]} of {line[2]} in an editor",) if line else ()
    return NotARepositoryError("git cannot use this folder", where=folder, cause=words, fix=fix)


def _unrecognized(folder: str) -> NotARepositoryError | None:
    """Returns the error for a git directory that git passes over: what it knows one by is damaged."""
    while not os.path.isdir(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    git_dir = os.path.join(folder, ".git")
    gone = [name for name in ("objects", "refs") if not os.path.isdir(os.path.join(git_dir, name))]
    if len(gone) == 2:
        return None  # never was one
    if gone:
        what = f"it has no folder {gone[0]}"
        fix = f"mkdir {one_word(os.path.join(git_dir, gone[0]))} && idse doctor"
    else:
        head = os.path.join(git_dir, "HEAD")
        what = "its HEAD names no branch and no commit"
        fix = f"write into {one_word(head)} the branch you were on: ref: refs/heads/NAME"
    return NotARepositoryError(
        "git does not take this folder for a repository any more", where=git_dir, cause=what, fix=(fix,)
    )


_SECTION = r'\[\s*([A-Za-z0-9.-]+)\s*(?:"(?:[^"\\]|\\.)*")?\s*\]'
_TRUE = ("", "true", "yes", "on", "1")
_SERVED = ("noop", "noop-v1", "objectformat", "preciousobjects", "worktreeconfig")
"""Extensions that libgit2 knows, or that `repository_around` judges by itself."""


def refuse_unsupported_kind(common_dir: str) -> None:
    """Raise UnsupportedRepositoryError for a reftable repository, a partial clone or an unknown extension."""
    path = os.path.join(common_dir, "config")
    text = _text_of(path)  # "" : git has just read it, or reports what is wrong with it far better
    lowered = text.lower()
    if "extensions" in lowered or "promisor" in lowered:
        _judge(_settings(text), path)


def refused_extension(words: str, where: str) -> UnsupportedRepositoryError:
    """The error for a repository that git itself refuses because of an extension, in git's `words`."""
    words = " ".join(words.split())
    if "refstorage" in words.lower():
        return _reftable(where, words)
    return UnsupportedRepositoryError(
        "this repository needs features that are not served here",
        where=where,
        cause=words,
        fix=("git clone URL  # a plain clone, to work in",),
    )


def _judge(settings: list[tuple[str, str, str]], path: str) -> None:
    for section, key, value in settings:
        if section == "extensions" and key == "partialclone":
            raise _partial_clone(path, f"extensions.partialClone is {value!r}")
        if section == "remote" and key == "promisor" and value.lower() in _TRUE:
            raise _partial_clone(path, "a remote promises to deliver objects that are not here")
        if section == "extensions" and key == "refstorage" and value.lower() != "files":
            raise _reftable(path, f"extensions.refStorage is {value!r}")
    if any(found[:2] == ("core", "repositoryformatversion") and found[2] != "0" for found in settings):
        _judge_names([key for section, key, _ in settings if section == "extensions"], path)


def _judge_names(names: list[str], path: str) -> None:
    for name in names:
        if name not in (*_SERVED, "refstorage"):
            raise refused_extension(f"extensions.{name} is set, which libgit2 does not know", path)


def _settings(text: str) -> list[tuple[str, str, str]]:
    """Returns (section, key, value) of sections that matter, section and key in lower case."""
    found = []
    section = ""
    for raw in text.split("\n"):
        line = raw.strip()
        header = re.match(_SECTION, line)
        if header:
            section, line = header[1].lower(), line[header.end() :].strip()
        if section in ("extensions", "core", "remote") and line and line[0] not in "#;[":
            key, _, value = line.partition("=")
            found.append((section, key.strip().lower(), _bare(value)))
    return found


def _bare(value: str) -> str:
    return re.split(r"[#;]", value, maxsplit=1)[0].strip().strip('"').strip()


def _partial_clone(where: str, cause: str) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        "this is a partial clone",
        where=where,
        cause=f"{cause}; libgit2, which writes the ledgers, cannot fetch what is missing",
        fix=("git clone URL  # a full clone, without --filter",),
    )


def _reftable(where: str, cause: str) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        "this repository keeps its refs in reftables",
        where=where,
        cause=f"{cause}; libgit2, which writes the ledgers, reads refs from files only",
        fix=("git refs migrate --ref-format=files  # with git 2.46 or newer",),
    )


MAX_BYTES = 1024 * 1024


def log_path(private: str) -> str:
    """Returns where the log stands."""
    return os.path.join(private, "log")


def write_log(private: str, text: str) -> None:
    """Adds one line with the time in UTC. A full log is begun anew; one that cannot be written is left."""
    path = log_path(private)
    words = " ".join(redacted(text).split())
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {words}\n"
    try:
        make_folder(private)
        if os.path.exists(path) and os.path.getsize(path) > MAX_BYTES:
            os.replace(path, f"{path}.old")
        with open(open_or_make(path, os.O_WRONLY | os.O_APPEND), "ab") as file:
            file.write(line.encode("utf-8", "replace"))
    except (OSError, StorageError):
        return


@contextmanager
def ledger_lock(vault: Vault, timeout: float = TIMEOUT_SECONDS, name: str = "lock") -> Iterator[None]:
    """Holds the repository's ledger lock; BusyError when it is not free within `timeout` seconds.

    Another `name` is another lock: one that is held around several writes.
    """
    with file_lock(vault.private, timeout, name):
        yield
