"""Where we stand: one question to git answers every path idse needs.

Kinds of repository that cannot be served safely are refused here, before anything is read.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from idse_orchestrator.domain.text import one_word
from idse_orchestrator.errors import NotARepositoryError, UnsupportedRepositoryError
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.repository_kind import refuse_unsupported_kind, refused_extension

_QUESTIONS = (
    "rev-parse",
    "--path-format=absolute",
    "--show-object-format",
    "--is-bare-repository",
    "--git-dir",
    "--git-common-dir",
    "--show-toplevel",
    "--show-prefix",
)
_ANSWERS = 6  # one for each option from --show-object-format on
_FORMAT_WORDS = (
    "extension",
    "repository format",
    "repositoryformatversion",
    "git repo version",
    "ref storage format",
)


class Repository(NamedTuple):
    """Absolute paths of one work tree; `prefix` is where we stand inside it ("" or "a/b/")."""

    toplevel: str
    git_dir: str
    common_dir: str
    prefix: str
    git: Git

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads: locks, caches, spool, log."""
        return os.path.join(self.common_dir, "idse")

    @property
    def is_linked(self) -> bool:
        """Whether this is a linked worktree."""
        return self.git_dir != self.common_dir


def discover(folder: str) -> Repository:
    """The repository around `folder`, or an error that says what to type."""
    git = Git(folder)
    done = git.attempt(*_QUESTIONS)
    answers = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    if done.returncode != 0:
        raise _refusal(folder, answers, done.stderr.decode("utf-8", "replace").strip())
    if len(answers) != _ANSWERS + 1:  # each ends its line
        raise UnsupportedRepositoryError(
            "the path of this folder holds a line break",
            where=one_word(folder),
            cause="git answers with one path a line, so the paths cannot be told apart",
            fix=("rename the folder, or work in a clone elsewhere",),
        )
    object_format, _bare, git_dir, common_dir, toplevel, prefix = answers[:6]
    if object_format != "sha1":
        raise UnsupportedRepositoryError(
            f"this repository uses {object_format} object ids",
            where=git_dir,
            cause="libgit2, which writes the ledgers, reads sha1 repositories only",
            fix=("use a repository made with: git init --object-format=sha1",),
        )
    refuse_unsupported_kind(common_dir)
    return Repository(toplevel, git_dir, common_dir, prefix, Git(toplevel))


def _refusal(folder: str, answers: list[str], words: str) -> NotARepositoryError | UnsupportedRepositoryError:
    if "dubious ownership" in words:
        return UnsupportedRepositoryError(
            "this repository belongs to another user",
            where=folder,
            cause="git refuses it, and so does idse: its hooks and settings could run commands as you",
            fix=("if you trust it: git config --global --add safe.directory " + one_word(folder),),
        )
    if len(answers) > 1 and answers[1] == "true":
        return UnsupportedRepositoryError(
            "this is a bare repository", where=folder, fix=("run idse in a clone of it that has a work tree",)
        )
    if "not a git repository" in words:
        return NotARepositoryError(
            "this folder is not in a git repository",
            where=folder,
            fix=("git init", "or cd into a repository"),
        )
    if "must be run in a work tree" in words:
        return NotARepositoryError(
            "this folder is inside a git directory, where there are no documents",
            where=folder,
            fix=("cd into the work tree",),
        )
    if any(sign in words for sign in _FORMAT_WORDS):
        return refused_extension(words, folder)
    return NotARepositoryError("git cannot use this folder", where=folder, cause=words)
