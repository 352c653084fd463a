"""Repositories as single files that git reads: a bundle of what the refs were at one moment."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import IO, cast

from idse_orchestrator.base.files import open_or_make, storage_error
from idse_orchestrator.errors import BackupError, GitFailedError
from idse_orchestrator.git.program import Git

_HEAD = b"# v2 git bundle\n"
_CHUNK = 1 << 20
_PATIENCE = 6 * 3600.0
_WHAT = "the backup"
_BLIND = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def agency_git(environment: Mapping[str, str]) -> Git:
    """Returns a git that reads no settings of the machine or of a user; `at` moves it to a repository."""
    return Git("/", environment).with_environment(_BLIND)


def refs_in(git: Git) -> Mapping[str, str]:
    """Returns all refs of the repository of `git`, name to id."""
    lines = git.lines("for-each-ref", "--format=%(objectname) %(refname)")
    return {name: ident for ident, _, name in (line.partition(" ") for line in lines)}


def write_bundle(git: Git, refs: Mapping[str, str], path: str) -> str:
    """Writes `refs`, as they were read, with all that they lead to; returns the SHA-256 of the file.

    They are named by id: what is pushed meanwhile is not in it, and what was there stays there.
    """
    heads = b"".join(f"{ident} {name}\n".encode("utf-8", "surrogateescape") for name, ident in refs.items())
    digest = hashlib.sha256()
    try:
        with open(open_or_make(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            _add(file, digest, _HEAD + heads + b"\n")
            child = git.launch("pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q")
            with child, cast("IO[bytes]", child.stdin) as asked:
                asked.write(b"".join(ident.encode() + b"\n" for ident in dict.fromkeys(refs.values())))
                asked.close()
                packed = cast("IO[bytes]", child.stdout)
                while chunk := packed.read(_CHUNK):
                    _add(file, digest, chunk)
                words = cast("IO[bytes]", child.stderr).read()
            if child.returncode:
                raise GitFailedError(
                    "git cannot pack a repository",
                    where=git.folder,
                    cause=words.decode("utf-8", "replace").strip(),
                    fix=("git fsck --full  # in that folder, says more",),
                )
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(error, path, _WHAT) from error
    return digest.hexdigest()


def unpack_bundle(git: Git, path: str, refs: Mapping[str, str]) -> None:
    """Brings `refs` out of a bundle into the empty repository of `git`, each object checked by git."""
    settings = ("-c", "transfer.fsckObjects=true", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0")
    done = git.attempt(
        *settings, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", path, "+refs/*:refs/*",
        timeout=_PATIENCE,
    )  # fmt: skip
    if done.returncode:
        raise BackupError(
            "a bundle cannot be read", where=path, cause=done.stderr.decode("utf-8", "replace").strip()
        )
    check_refs(path, refs_in(git), refs)


def check_refs(where: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raises BackupError where refs are not what they are to be."""
    names: Sequence[str] = sorted({name for name, _ in found.items() ^ wanted.items()})
    if names:
        raise BackupError(
            f"{len(names)} refs are not what the manifest says", where=where, cause=f"the first is {names[0]}"
        )


def _add(file: IO[bytes], digest: hashlib._Hash, data: bytes) -> None:
    file.write(data)
    digest.update(data)
