"""The specs of one project in a source of documents, and what each says about its agent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.project_workspace import (
    EXECUTABLE,
    REGULAR,
    artifact_path,
    sessions_folder,
    split_session_path,
)
from idse_orchestrator.profiles.block import Problem
from idse_orchestrator.profiles.doc_to_agent_profile_spec_compiler import (
    ProfileReading,
    compile_profile,
    missing_keys,
    read_profile,
    too_large,
)
from idse_orchestrator.profiles.file import YAML, profile_file, profile_name
from idse_orchestrator.profiles.problems import PlacedProblem, no_profile, no_spec, refused
from idse_orchestrator.profiles.spec import AgentProfileSpec

if TYPE_CHECKING:
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.errors import NoAgentProfileError
    from idse_orchestrator.ledger.events import SessionKey

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


class CompiledProfile(NamedTuple):
    """The profile of a session, and the file it makes.

    `blueprint` is the session that gave defaults, "" where none did; `borrows_id` says whether even its
    id is that session's.
    """

    key: SessionKey
    blueprint: str
    borrows_id: bool
    spec: AgentProfileSpec
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class CompileWish:
    """Which session's profile of `project` (None: of each session that has one), with whose defaults.

    With `insists` the session `blueprint` was asked for by name, and must have a profile.
    """

    project: str
    session: str | None
    blueprint: str = BLUEPRINT
    form: str = YAML
    insists: bool = False


def places_of(wish: CompileWish) -> tuple[str, ...]:
    """The files and folders that a reader has to cover for `wish`: a narrow reader is a fast one."""
    if wish.session is None:
        return (sessions_folder(wish.project),)
    names = dict.fromkeys((wish.session, wish.blueprint))
    return tuple(artifact_path(wish.project, name, SPEC) for name in names)


def compile_agent_spec(reader: ArtifactReader, wish: CompileWish) -> tuple[CompiledProfile, ...]:
    """The profiles `wish` asks for, in order of their sessions.

    AgentProfileError names all that is wrong with any of them; NoAgentProfileError where the session
    that was asked for has none, or the session named for its defaults has none.
    """
    specs = ProfileSpecs(reader, wish.project)
    given = specs.reading(wish.blueprint)
    if wish.insists and not given.is_there:
        raise specs.lacking(wish.blueprint)
    compiled: list[CompiledProfile] = []
    problems: list[PlacedProblem] = []
    for session in _sessions(specs, wish):
        own = session == wish.blueprint
        found = _compiled(specs, session, wish, None if own or not given.is_there else given)
        if isinstance(found, CompiledProfile):
            compiled.append(found)
        else:
            problems += found
    if problems:
        raise refused(dict.fromkeys(problems), wish.project)
    return tuple(compiled)


def _sessions(specs: ProfileSpecs, wish: CompileWish) -> Sequence[str]:
    if wish.session is None:
        return [name for name in specs.sessions() if specs.counts(name, wish.blueprint)]
    if not specs.reading(wish.session).is_there:
        raise specs.lacking(wish.session)
    return (wish.session,)


def _compiled(
    specs: ProfileSpecs, session: str, wish: CompileWish, defaults: ProfileReading | None
) -> CompiledProfile | list[PlacedProblem]:
    own = specs.reading(session)
    broken = [PlacedProblem(specs.path(session), each) for each in own.problems]
    broken += [PlacedProblem(specs.path(wish.blueprint), each) for each in _problems(defaults)]
    if broken:
        return broken
    spec = compile_profile(own, defaults, session=session, blueprint=wish.blueprint)
    if not isinstance(spec, AgentProfileSpec):
        return [PlacedProblem(specs.path(session), each) for each in spec]
    sources = {"spec": specs.blob(session)}
    if defaults is not None:
        sources["blueprint_spec"] = specs.blob(wish.blueprint)
    return CompiledProfile(
        key=(wish.project, session),
        blueprint=wish.blueprint if defaults else "",
        borrows_id="id" not in own.values,
        spec=spec,
        name=profile_name(session, wish.form),
        content=profile_file(spec, sources, specs.path(session), wish.form),
    )


def _problems(reading: ProfileReading | None) -> tuple[Problem, ...]:
    return reading.problems if reading else ()
