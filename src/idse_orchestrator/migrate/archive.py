"""Notices for the old place, once its documents live in ledgers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from uuid import uuid4

from idse_orchestrator.base.text import encodable
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import ArchiveRefusedError
from idse_orchestrator.git.object_stream import find_commit
from idse_orchestrator.git.program import Git, failure
from idse_orchestrator.ledger.refs import LOCAL
from idse_orchestrator.migrate.files import DUPLICATE, MIGRATED
from idse_orchestrator.migrate.paths import DATABASE, FLAT, raw_path
from idse_orchestrator.migrate.sources import FolderSource, WorkTreeSource
from idse_orchestrator.migrate.values import CHANGED, CLOSED, TAKEN, MigrationPlan, SessionPlan

SUMMARY = "IDSE-MIGRATED.md"


def notices(plan: MigrationPlan) -> Mapping[str, bytes]:
    """Returns a notice for each document of an older layout, by its path, and one page about all."""
    sessions = [session for session in plan.sessions if session.verdict not in (CHANGED, TAKEN, CLOSED)]
    found = {}
    for session in sessions:
        for fate in session.arranged.fates:
            is_old = session.places[fate.path].layout not in (FLAT, DATABASE)
            if fate.fate in (MIGRATED, DUPLICATE) and is_old and fate.path.lower().endswith(".md"):
                found[fate.path] = _notice(session, fate.target)
    return {**found, SUMMARY: _summary(sessions)}


def _notice(session: SessionPlan, target: str) -> bytes:
    place = f"{session_folder(*session.key)}/{target}"
    return (
        "# Legacy path notice\n\n"
        f"This document has moved. It belongs to the IDSE session `{session.name}`, whose ledger holds it\n"
        f"with its history; in a work tree it stands at `{place}`.\n\n"
        f"    idse log {session.name}\n"
        f"    idse restore {session.name}\n"
    ).encode()


def _summary(sessions: list[SessionPlan]) -> bytes:
    rows = [f"| `{encodable('/'.join(session.source_key))}` | `{session.name}` |" for session in sessions]
    head = (
        "# These IDSE sessions have moved\n\n"
        "Their documents, stages and history are kept as git commits under `refs/idse/`. Nothing is edited\n"
        "here any more.\n\n| here | now |\n|---|---|\n"
    )
    return (head + "\n".join(rows) + "\n").encode()


_PATIENCE = 600.0
_FOLDER_SIGNS = (os.sep, f".{os.sep}", f"..{os.sep}", "~")
_MESSAGE = "Documents moved to IDSE ledgers: notices in their place\n"


class Archive:
    """The place for the notices for `source`: `name` is a branch where that is a repository, else a folder.

    A name that begins like a path (``./``, ``../``, ``/``) is a folder in any case. ArchiveRefusedError at
    once where the name is taken or cannot be one.
    """

    def __init__(self, source: FolderSource, name: str) -> None:
        self._source = source
        self._name = name
        is_folder = name.startswith(_FOLDER_SIGNS) or name in (".", "..")
        self._git = source.git if isinstance(source, WorkTreeSource) and not is_folder else None
        if self._git is not None:
            self._check_branch(self._git)
        else:
            self._check_folder()

    @property
    def description(self) -> str:
        """Its name in reports: "branch old" or "folder /tmp/notices"."""
        return f"{'branch' if self._git else 'folder'} {self._name}"

    def write(self, notices: Mapping[str, bytes]) -> None:
        """Writes `notices`, by path in the source."""
        if self._git is not None:
            _write_branch(self._git, self._name, notices)
        else:
            self._write_folder(notices)

    def _check_branch(self, git: Git) -> None:
        if git.attempt("check-ref-format", "--branch", self._name).returncode != 0 or self._name[:1] == "-":
            raise ArchiveRefusedError(
                f"{self._name!r} cannot name a branch",
                where=self._source.root,
                fix=("choose another name", "for a folder write its path: --archive ./NAME"),
            )
        if git.attempt("rev-parse", "--verify", "--quiet", f"refs/heads/{self._name}").returncode == 0:
            raise _taken(f"branch {self._name!r} exists already", self._source.root)

    def _check_folder(self) -> None:
        if os.path.lexists(self._name):
            raise _taken("something has the name of the archive already", self._name)
        root = os.path.realpath(self._source.root)
        if os.path.commonpath([os.path.realpath(self._name), root]) == root:
            raise ArchiveRefusedError(
                "the archive would stand in the source, which is never changed",
                where=self._name,
                fix=("choose a folder outside of it",),
            )

    def _write_folder(self, notices: Mapping[str, bytes]) -> None:
        """Writes all or none: the folder gets its name when everything is in it."""
        staging = f"{self._name.rstrip(os.sep)}.{os.getpid()}.tmp"
        try:
            for path, data in notices.items():
                target = os.path.join(staging, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "xb") as file:
                    file.write(data)
            os.rename(staging, self._name)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise ArchiveRefusedError(
                "the archive cannot be written",
                where=self._name,
                cause=error.strerror or str(error),
                fix=("choose another place",),
            ) from error


def _taken(message: str, where: str) -> ArchiveRefusedError:
    return ArchiveRefusedError(message, where=where, fix=("choose another name",))


def _write_branch(git: Git, name: str, notices: Mapping[str, bytes]) -> None:
    """Makes a branch with a commit of the notices on top of HEAD. No work tree, no index."""
    held = f"{LOCAL}archive/{uuid4().hex}"
    head = find_commit(git, "HEAD")
    prefix = git.bytes("rev-parse", "--show-prefix").removesuffix(b"\n")
    args = ("fast-import", "--quiet", "--date-format=now")
    stream = _stream(
        held, _committer(git), head, {prefix + raw_path(path): data for path, data in notices.items()}
    )
    done = git.attempt(*args, stdin=stream, timeout=_PATIENCE)
    if done.returncode != 0:
        raise failure(args, done)
    made = git.text("rev-parse", held)
    try:
        created = git.attempt("update-ref", "--create-reflog", f"refs/heads/{name}", made, "0" * 40)
        if created.returncode != 0:
            raise ArchiveRefusedError(
                f"branch {name!r} cannot be made",
                cause=created.stderr.decode("utf-8", "replace").strip(),
                fix=("choose another name",),
            )
    finally:
        git.attempt("update-ref", "-d", held, made)


def _committer(git: Git) -> bytes:
    """Returns name and address as fast-import wants them; the date is now."""
    found = git.attempt("var", "GIT_COMMITTER_IDENT")
    if found.returncode != 0:
        return b"idse <idse@localhost>"
    return found.stdout.rpartition(b">")[0] + b">"


def _stream(ref: str, who: bytes, head: str | None, files: Mapping[bytes, bytes]) -> bytes:
    parts = [b"commit %s\n" % ref.encode(), b"committer %s now\n" % who, _data(_MESSAGE.encode())]
    if head:
        parts.append(b"from %s\n" % head.encode())
    for path, data in files.items():
        parts += [b"M 100644 inline %s\n" % _quoted(path), _data(data)]
    return b"".join((*parts, b"done\n"))


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: bytes) -> bytes:
    escaped = path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'
