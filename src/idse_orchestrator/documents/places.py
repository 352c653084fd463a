"""Where documents stand: the folders they may be in, now and in older layouts, and names of files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from idse_orchestrator.documents.artifact_reader import GITLINK, SYMLINK, FileEntry
from idse_orchestrator.documents.pipeline_artifacts import WORKSPACE
from idse_orchestrator.errors import InvalidArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CAP = 8 * 1024 * 1024
"""Files larger than this many bytes are not loaded, unless the caller says otherwise."""

EVERYTHING = (WORKSPACE,)

_KINDS = {SYMLINK: "a symbolic link", GITLINK: "a repository of its own"}
_MUST_BE_A_FOLDER = re.compile(rf"{re.escape(WORKSPACE)}/projects(/[^/]+(/sessions(/[^/]+)?)?)?")


def decode(raw: bytes) -> str:
    """Returns a path as git stores it, as text; bytes that are not UTF-8 survive the way back."""
    return raw.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """Returns the bytes that `decode` came from."""
    return path.encode("utf-8", "surrogateescape")


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


def is_readable(entry: FileEntry) -> bool:
    """Tests whether `contents` loads this file at all."""
    return entry.mode != GITLINK and 0 < entry.size <= CAP


STAGE_FOLDERS = ("intents", "contexts", "specs", "plans", "tasks", "implementation", "feedback")
_STAGES = "|".join(STAGE_FOLDERS)
_SESSION_FILES = rf"(?:(?:{_STAGES}|metadata)/.+|[^/]+\.md|session_state\.json|\.owner|\.collaborators)"

_LEGACY = (
    rf"(?:{_STAGES})/projects/[^/]+/sessions/[^/]+/.+"
    rf"|(?:{_STAGES})/current/(?:[^/]+\.md|feedback/[^/]+\.md)"
    rf"|projects/[^/]+/sessions/[^/]+/{_SESSION_FILES}"
)

TOP_FOLDERS = (*STAGE_FOLDERS, "projects")
"""The folders that all of them are in."""


def only_legacy(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns those of `paths` that belong to an older layout, in order, each once."""
    return tuple(sorted({path for path in paths if re.fullmatch(_LEGACY, path, re.DOTALL)}))
