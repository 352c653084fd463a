"""The specs of one project in a source of documents, and what each says about its agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.app.profiles.problems import no_profile, no_spec
from idse_orchestrator.domain.agent_profiles.doc_to_agent_profile_spec_compiler import (
    Problem,
    ProfileReading,
    missing_keys,
    read_profile,
    too_large,
)
from idse_orchestrator.domain.artifact_reader import EXECUTABLE, REGULAR
from idse_orchestrator.domain.pipeline_artifacts import artifact_path, split_session_path

if TYPE_CHECKING:
    from idse_orchestrator.domain.artifact_reader import ArtifactReader
    from idse_orchestrator.errors import NoAgentProfileError

SPEC = "spec"

_PLAIN = (REGULAR, EXECUTABLE)
_AT_ONCE = 64


class ProfileSpecs:
    """The specs of `project` that `reader` covers, each read once."""

    def __init__(self, reader: ArtifactReader, project: str) -> None:
        self._reader = reader
        self._project = project
        self._entries = reader.paths()
        self._readings: dict[str, ProfileReading] = {}
        self._contents: dict[str, bytes] = {}
        self._readable = [
            path
            for path, entry in self._entries.items()
            if path.endswith("/spec.md") and entry.mode in _PLAIN and not too_large(entry.size)
        ]

    def path(self, session: str) -> str:
        """The path of its spec, relative to the repository."""
        return artifact_path(self._project, session, SPEC)

    def lacking(self, session: str) -> NoAgentProfileError:
        """The error for a session whose spec has no profile, or is not there."""
        path = self.path(session)
        if path not in self._entries:
            return no_spec(path, session, self._reader.description)
        return no_profile(path, self.reading(session))

    def sessions(self) -> list[str]:
        """The sessions that have a spec, in order."""
        keys = filter(None, map(split_session_path, self._entries))
        return sorted(
            {session for project, session, rest in keys if project == self._project and rest == "spec.md"}
        )

    def counts(self, session: str, blueprint: str) -> bool:
        """Whether a session has a profile of its own: a blueprint's without an id holds only defaults."""
        reading = self.reading(session)
        only_defaults = session == blueprint and not reading.problems and "id" in missing_keys(reading)
        return reading.is_there and not only_defaults

    def reading(self, session: str) -> ProfileReading:
        """What its spec says about its agent; nothing, where there is no spec."""
        if session not in self._readings:
            self._readings[session] = self._read(self.path(session))
        return self._readings[session]

    def _read(self, path: str) -> ProfileReading:
        entry = self._entries.get(path)
        if entry is None:
            return ProfileReading()
        if entry.mode not in _PLAIN:
            what = "it is no plain file, and nothing is read through a link"
            return ProfileReading(problems=(Problem(0, 0, what, "put the document itself there"),))
        return too_large(entry.size) or read_profile(self._content(path))

    def _content(self, path: str) -> bytes:
        """What is asked for next is read along, since asking a source costs more than reading."""
        if path not in self._contents:
            at = self._readable.index(path) if len(self._readable) > _AT_ONCE else 0
            self._contents = dict(self._reader.read_many(self._readable[at : at + _AT_ONCE]))
        return self._contents[path]

    def blob(self, session: str) -> str:
        """The content id of its spec, which must be there."""
        return self._entries[self.path(session)].blob
