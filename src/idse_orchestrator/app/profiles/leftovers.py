"""The compiled files behind which no profile stands any more: found, and taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from idse_orchestrator.app.profiles.specs import SPEC
from idse_orchestrator.domain.agent_profiles.file import (
    is_as_written,
    says_it_is_from,
    session_of,
)
from idse_orchestrator.domain.pipeline_artifacts import artifact_path


class CompiledFolder(Protocol):
    """A folder with compiled profiles; `is_own`: those of one project, and nobody named it."""

    @property
    def is_own(self) -> bool:
        """See above."""

    def names(self) -> Sequence[str]:
        """The plain files in it, in order; none where there is no folder."""

    def path(self, name: str) -> str:
        """The absolute path of the file of that name."""

    def read(self, name: str) -> bytes | None:
        """The file of that name; None where there is none."""

    def remove(self, name: str) -> None:
        """Take the file away. StorageError where the system refuses it."""


def leftovers(folder: CompiledFolder, project: str, form: str, sessions: Collection[str]) -> tuple[str, ...]:
    """Names of the files of `form` that idse wrote for sessions of `project` other than `sessions`.

    What was edited since is no leftover. In a folder that somebody named, other projects may keep theirs:
    there a file counts only where it says itself whose it is, which JSON does not.
    """
    found = []
    for name in folder.names():
        session = session_of(name, form)
        if session is None or session in sessions:
            continue
        content = folder.read(name) or b""
        ours = folder.is_own or says_it_is_from(content, artifact_path(project, session, SPEC))
        if ours and is_as_written(content):
            found.append(name)
    return tuple(found)


def remove_leftovers(folder: CompiledFolder, names: Sequence[str]) -> None:
    """Take away what `leftovers` found."""
    for name in names:
        folder.remove(name)
