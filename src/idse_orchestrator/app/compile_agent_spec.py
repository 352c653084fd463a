"""Compile Agent Profiles: the specs of some sessions in one source, each with its defaults, to files.

spec of the session, spec that gives the defaults → readings → AgentProfileSpec → bytes of a file
→ compared with the file that stands there → written, unless somebody else wrote that one
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.app.profile_problems import PlacedProblem, no_profile, refused
from idse_orchestrator.domain.agent_profile_file import (
    YAML,
    is_as_written,
    profile_file,
    profile_name,
    with_plain_line_ends,
)
from idse_orchestrator.domain.agent_profile_spec import AgentProfileSpec
from idse_orchestrator.domain.artifact_reader import EXECUTABLE, REGULAR
from idse_orchestrator.domain.doc_to_agent_profile_spec_compiler import (
    Problem,
    ProfileReading,
    compile_profile,
    missing_keys,
    read_profile,
    too_large,
)
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.domain.pipeline_artifacts import artifact_path, split_session_path
from idse_orchestrator.domain.project_workspace import sessions_folder
from idse_orchestrator.errors import ForeignFileError, NoAgentProfileError

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import SessionKey
    from idse_orchestrator.domain.artifact_reader import ArtifactReader

SPEC = "spec"

_PLAIN = (REGULAR, EXECUTABLE)
_AT_ONCE = 64

MISSING = "missing"
CURRENT = "current"
OUTDATED = "outdated"
FOREIGN = "foreign"


class ProfileFiles(Protocol):
    """The folder that profiles are compiled into."""

    def path(self, name: str) -> str:
        """The absolute path of the file of that name."""

    def read(self, name: str) -> bytes | None:
        """The file of that name; None where there is none, ForeignFileError where it is no plain file."""

    def write(self, name: str, content: bytes) -> None:
        """Put `content` there in one step, with the folder if it has to be made."""


class CompiledProfile(NamedTuple):
    """The profile of a session, the file it makes, and how the file that stands there compares.

    `blueprint` is the session that gave defaults, "" where none did. `standing` is MISSING, CURRENT,
    OUTDATED, or FOREIGN for one that idse did not write, or that somebody changed since.
    """

    key: SessionKey
    blueprint: str
    spec: AgentProfileSpec
    name: str
    content: bytes
    standing: str = MISSING


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
    return tuple(
        artifact_path(wish.project, name, SPEC) for name in dict.fromkeys((wish.session, wish.blueprint))
    )


def compile_agent_spec(reader: ArtifactReader, wish: CompileWish) -> tuple[CompiledProfile, ...]:
    """The profiles `wish` asks for, in order of their sessions.

    AgentProfileError names all that is wrong with any of them; NoAgentProfileError where the session
    that was asked for has none, or the session named for its defaults is not there.
    """
    specs = _Specs(reader, wish.project)
    blueprint = specs.reading(wish.blueprint) if wish.session != wish.blueprint else None
    if wish.insists and not specs.reading(wish.blueprint).is_there:
        raise specs.lacking(wish.blueprint)
    if wish.session is not None:
        own = specs.reading(wish.session)
        if not own.is_there:
            raise specs.lacking(wish.session)
        sessions: Sequence[str] = (wish.session,)
    else:
        sessions = [name for name in specs.sessions() if specs.counts(name, wish.blueprint)]
    compiled: list[CompiledProfile] = []
    problems = [PlacedProblem(specs.path(wish.blueprint), each) for each in _problems(blueprint)]
    for session in sessions:
        found = list(specs.compiled(session, wish))
        problems += [PlacedProblem(specs.path(session), each) for each in found if isinstance(each, Problem)]
        compiled += [each for each in found if isinstance(each, CompiledProfile)]
    if problems:
        raise refused(dict.fromkeys(problems), wish.project)
    return tuple(compiled)


def compared(files: ProfileFiles, profiles: Sequence[CompiledProfile]) -> tuple[CompiledProfile, ...]:
    """`profiles` with how each compares with the file that stands there."""
    return tuple(each._replace(standing=_standing(files.read(each.name), each.content)) for each in profiles)


def write_profiles(files: ProfileFiles, profiles: Sequence[CompiledProfile], *, force: bool = False) -> None:
    """Write the files of compared `profiles` that are not current.

    ForeignFileError, with nothing written, where one of them is not idse's to replace, unless by `force`.
    """
    foreign = [each.name for each in profiles if each.standing == FOREIGN]
    if foreign and not force:
        raise ForeignFileError(
            f"{foreign[0]} is not as idse wrote it"
            + (f", nor are {len(foreign) - 1} more" * (len(foreign) > 1)),
            where=files.path(foreign[0]),
            cause="idse did not write it, or somebody changed it since",
            fix=(
                "move what you want to keep into the spec, then add --force",
                "name another folder: --out DIR",
            ),
        )
    for each in profiles:
        if each.standing != CURRENT:
            files.write(each.name, each.content)


def _standing(existing: bytes | None, content: bytes) -> str:
    if existing is None:
        return MISSING
    if with_plain_line_ends(existing) == content:
        return CURRENT
    return OUTDATED if is_as_written(existing) else FOREIGN


def _problems(reading: ProfileReading | None) -> tuple[Problem, ...]:
    return reading.problems if reading else ()


class _Specs:
    """The specs of one project in a source, each read once."""

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
        return artifact_path(self._project, session, SPEC)

    def lacking(self, session: str) -> NoAgentProfileError:
        path = self.path(session)
        return no_profile(path, self.reading(session), exists=path in self._entries)

    def sessions(self) -> list[str]:
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

    def compiled(self, session: str, wish: CompileWish) -> Iterator[CompiledProfile | Problem]:
        own = self.reading(session)
        given = self.reading(wish.blueprint) if session != wish.blueprint else ProfileReading()
        defaults = given if given.is_there else None
        if own.problems or given.problems:
            yield from own.problems
            return
        spec = compile_profile(own, defaults, session=session, blueprint=wish.blueprint)
        if not isinstance(spec, AgentProfileSpec):
            yield from spec
            return
        sources = self._sources(session, wish.blueprint if defaults else None)
        content = profile_file(spec, sources, self.path(session), wish.form)
        name = profile_name(session, wish.form)
        yield CompiledProfile(
            (self._project, session), wish.blueprint if defaults else "", spec, name, content
        )

    def _sources(self, session: str, blueprint: str | None) -> Mapping[str, str]:
        sources = {"spec": self._entries[self.path(session)].blob}
        return (
            sources
            if blueprint is None
            else {**sources, "blueprint_spec": self._entries[self.path(blueprint)].blob}
        )
