"""Kinds of repository that git serves and idse cannot, told from the repository's own configuration file.

git offers no single question for this, and a process more would cost every command 2 ms. Only the
two sections that matter are read, by the rules of git's own format; includes do not count there.
"""

from __future__ import annotations

import os
import re

from idse_orchestrator.errors import UnsupportedRepositoryError

_SECTION = r'\[\s*([A-Za-z0-9.-]+)\s*(?:"(?:[^"\\]|\\.)*")?\s*\]'
_TRUE = ("", "true", "yes", "on", "1")
_SERVED = ("noop", "noop-v1", "objectformat", "preciousobjects", "worktreeconfig")
"""Extensions that libgit2 knows, or that `discover` judges by itself."""


def refuse_unsupported_kind(common_dir: str) -> None:
    """Raise UnsupportedRepositoryError for a reftable repository, a partial clone or an unknown extension."""
    path = os.path.join(common_dir, "config")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return  # git has just read it, or reports what is wrong with it far better
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
        fix=("work in a plain clone of it: git clone URL",),
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
    """(section, key, value) of sections that matter, section and key in lower case."""
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
        fix=("use a full clone: git clone URL    (without --filter)",),
    )


def _reftable(where: str, cause: str) -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        "this repository keeps its refs in reftables",
        where=where,
        cause=f"{cause}; libgit2, which writes the ledgers, reads refs from files only",
        fix=("turn them into files: git refs migrate --ref-format=files    (git 2.46 or newer)",),
    )
