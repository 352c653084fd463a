"""Compile Agent Profiles: the specs of some sessions in one source, each with its defaults, to files.

spec of the session, spec that gives the defaults → readings → AgentProfileSpec → bytes of a file
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.app.profiles.problems import PlacedProblem, refused
from idse_orchestrator.app.profiles.specs import SPEC, ProfileSpecs
from idse_orchestrator.domain.agent_profiles.doc_to_agent_profile_spec_compiler import (
    Problem,
    ProfileReading,
    compile_profile,
)
from idse_orchestrator.domain.agent_profiles.file import YAML, profile_file, profile_name
from idse_orchestrator.domain.agent_profiles.spec import AgentProfileSpec
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.domain.pipeline_artifacts import artifact_path
from idse_orchestrator.domain.project_workspace import sessions_folder

if TYPE_CHECKING:
    from idse_orchestrator.app.ports import SessionKey
    from idse_orchestrator.domain.artifact_reader import ArtifactReader


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
