"""Lists of files in git's machine formats, turned into FileEntry by path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.documents.artifact_reader import GITLINK, SYMLINK, FileEntry
from idse_orchestrator.documents.pipeline_artifacts import WORKSPACE
from idse_orchestrator.errors import GitFailedError, InvalidArtifactError
from idse_orchestrator.git.object_stream import CAP, ObjectStream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from idse_orchestrator.git.object_stream import GitObject
    from idse_orchestrator.git.program import Git

EVERYTHING = (WORKSPACE,)

_KINDS = {SYMLINK: "a symbolic link", GITLINK: "a repository of its own"}
_MUST_BE_A_FOLDER = re.compile(rf"{re.escape(WORKSPACE)}/projects(/[^/]+(/sessions(/[^/]+)?)?)?")

DELETED = "D"
UNMERGED = "U"


def literally(folders: Iterable[str]) -> list[str]:
    """Returns `folders` as path patterns in which no character is special."""
    return [f":(top,literal){folder}" for folder in folders]


def decode(raw: bytes) -> str:
    """Returns a path as git stores it, as text; bytes that are not UTF-8 survive the way back."""
    return raw.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """Returns the bytes that `decode` came from."""
    return path.encode("utf-8", "surrogateescape")


def names(out: bytes) -> list[str]:
    """Returns the paths of a NUL-terminated list."""
    return [decode(raw) for raw in out.split(b"\0") if raw]


def from_tree(out: bytes, prefix: str = "") -> dict[str, FileEntry]:
    """Parses `git ls-tree -r -l -z`; each path gets `prefix` in front."""
    entries = {}
    for record in out.split(b"\0")[:-1]:
        fields, _, path = record.partition(b"\t")
        mode, _kind, blob, size = fields.split()
        length = 0 if size == b"-" else int(size)
        entries[prefix + decode(path)] = FileEntry(int(mode, 8), blob.decode(), length)
    return entries


class Change(NamedTuple):
    """One path that differs between two sources: mode and blob on the new side, git's letter for it."""

    path: str
    mode: int
    blob: str
    kind: str


def from_raw(out: bytes) -> list[Change]:
    """Parses a `git diff-…` with ``--raw -z --no-abbrev``."""
    fields = out.split(b"\0")
    changes = []
    for meta, path in zip(fields[:-1:2], fields[1::2], strict=True):
        _, mode, _, blob, kind = meta.decode().split()
        changes.append(Change(decode(path), int(mode, 8), blob, kind))
    return changes


def from_stages(out: bytes) -> tuple[dict[str, tuple[int, str]], list[str]]:
    """Parses `git ls-files -s -z`: mode and blob by path, and the paths that are not merged yet."""
    merged, unmerged = {}, []
    for record in out.split(b"\0")[:-1]:
        fields, _, path = record.partition(b"\t")
        mode, blob, stage = fields.split()
        if stage == b"0":
            merged[decode(path)] = (int(mode, 8), blob.decode())
        else:
            unmerged.append(decode(path))
    return merged, list(dict.fromkeys(unmerged))


def check_folders(entries: Mapping[str, FileEntry], description: str) -> None:
    """Refuses a ``.idse``, project or session that is no folder: its documents would silently go unread."""
    for path, entry in entries.items():
        if path == WORKSPACE or (entry.mode in (SYMLINK, GITLINK) and _MUST_BE_A_FOLDER.fullmatch(path)):
            raise InvalidArtifactError(
                f"{path} is {_KINDS.get(entry.mode, 'a file')}, not a folder",
                where=f"{path} ({description})",
                cause="documents that stand elsewhere cannot be validated with this repository",
                fix=(f"make {path} a real folder of this repository",),
            )


def contents(git: Git, entries: Mapping[str, FileEntry], paths: Iterable[str]) -> dict[str, bytes]:
    """Bytes of `paths` out of the object store.

    A file above the cap of the object stream, and a repository inside this one, read as b"".
    """
    found = dict.fromkeys(paths, b"")
    wanted = [path for path in found if is_readable(entries[path])]
    with ObjectStream(git) as objects:
        answers = objects.read_all(entries[path].blob for path in wanted)
        for path, answer in zip(wanted, answers, strict=True):
            found[path] = _present(answer, path)
    return found


def is_readable(entry: FileEntry) -> bool:
    """Tests whether `contents` loads this file at all."""
    return entry.mode != GITLINK and 0 < entry.size <= CAP


def _present(answer: GitObject | None, path: str) -> bytes:
    if answer is None:
        raise GitFailedError("an object of this repository is missing", where=path, fix=("git fsck",))
    return answer.data


_STAGE_FOLDERS = ("intents", "contexts", "specs", "plans", "tasks", "implementation", "feedback")
_STAGES = "|".join(_STAGE_FOLDERS)
_SESSION_FILES = rf"(?:(?:{_STAGES}|metadata)/.+|[^/]+\.md|session_state\.json|\.owner|\.collaborators)"

_LEGACY = (
    rf"(?:{_STAGES})/projects/[^/]+/sessions/[^/]+/.+"
    rf"|(?:{_STAGES})/current/(?:[^/]+\.md|feedback/[^/]+\.md)"
    rf"|projects/[^/]+/sessions/[^/]+/{_SESSION_FILES}"
)

PATHSPECS = (
    *(f":(top,glob){folder}/projects/*/sessions/**" for folder in _STAGE_FOLDERS),
    *(f":(top,glob){folder}/current/**/*.md" for folder in _STAGE_FOLDERS),
    ":(top,glob)projects/*/sessions/**",
)
"""What to hand git after ``--``: wide enough for every older layout; `only_legacy` narrows the answer."""


TOP_FOLDERS = (*_STAGE_FOLDERS, "projects")
"""The folders that all of them are in."""


def only_legacy(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns those of `paths` that belong to an older layout, in order, each once."""
    return tuple(sorted({path for path in paths if re.fullmatch(_LEGACY, path, re.DOTALL)}))
