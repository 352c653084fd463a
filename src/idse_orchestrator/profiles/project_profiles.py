"""The profiles of one project: compiled from a source of documents, or refused for their problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line
from idse_orchestrator.constitution.rules import ERROR, Finding, Report
from idse_orchestrator.documents.project_workspace import (
    EXECUTABLE,
    REGULAR,
    ArtifactReader,
    artifact_path,
    sessions_folder,
    split_session_path,
)
from idse_orchestrator.errors import AgentProfileError, NoAgentProfileError
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.profiles import compiler
from idse_orchestrator.profiles.compiler import LEVEL, TITLE, ProfileReading
from idse_orchestrator.profiles.spec import YAML, AgentProfileSpec, Problem, profile_file, profile_name

SPEC = "spec"
RULE = "IDSE501"
_MOST_FIXES = 3
_MOST_SHOWN = 60


def refused(problems: Sequence[Finding], others: int = 0) -> AgentProfileError:
    """Returns the error for profiles that cannot be compiled, beside `others` that were.

    There is one problem or more.
    """
    many = f"there are {len(problems)} problems" if len(problems) > 1 else "there is a problem"
    which = "not every Agent Profile was compiled" if others else "no Agent Profile was compiled"
    return AgentProfileError(
        f"{which}: {many}",
        where=_place(problems[0]),
        cause="\n".join(_causes(problems)),
        fix=tuple(dict.fromkeys(each.hint for each in problems))[:_MOST_FIXES],
        findings=Report("", "", (), tuple(problems)),
    )


def _place(problem: Finding) -> str:
    return ":".join(str(part) for part in (problem.path, problem.line, problem.column) if part)


def _causes(problems: Sequence[Finding]) -> list[str]:
    """Returns a line for each problem, with no more of its place than is needed beside that of the first."""
    if len(problems) == 1:
        return [problems[0].message]
    if len({each.path for each in problems}) == 1:
        return [f"line {each.line}: {each.message}" for each in problems]
    return [f"{_place(each)}: {each.message}" for each in problems]


def no_spec(path: str, session: str, source: str) -> NoAgentProfileError:
    """Returns the error for a session whose spec is not in `source`, as its reader describes itself."""
    fix = f"idse restore {session}  # brings back the documents that its ledger holds"
    if source.startswith("commit "):
        fix = f"git log --oneline -- :/{path}  # lists the commits that have it"
    return NoAgentProfileError(
        "this session has no spec to compile a profile from",
        where=path,
        cause=f"there is no such file in the {source}",
        fix=(fix,),
    )


def no_profile(path: str, reading: ProfileReading) -> NoAgentProfileError:
    """Returns the error for a document without a profile."""
    elsewhere = ", ".join(map(str, reading.elsewhere))
    return NoAgentProfileError(
        f"this spec has no {TITLE}",
        where=path,
        cause=f'a heading "{TITLE}" counts at level {LEVEL} (##); that in line {elsewhere} has another one'
        if elsewhere
        else f'no heading of level {LEVEL} is called "{TITLE}"; a mention elsewhere does not count',
        fix=(f"add a heading  ## {TITLE}  and below it a fenced yaml block with id: and name:",),
    )


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
            if path.endswith("/spec.md") and entry.mode in _PLAIN and not compiler.too_large(entry.size)
        ]

    def path(self, session: str) -> str:
        """Returns the path of its spec, relative to the repository."""
        return artifact_path(self._project, session, SPEC)

    def findings(self, session: str, problems: Iterable[Problem]) -> list[Finding]:
        """Places problems with its profile in its spec."""
        path = self.path(session)
        return [Finding(RULE, ERROR, path, *each, self._project, stage=SPEC) for each in problems]

    def lacking(self, session: str) -> NoAgentProfileError:
        """Returns the error for a session whose spec has no profile, or is not there."""
        path = self.path(session)
        if path not in self._entries:
            return no_spec(path, session, self._reader.description)
        return no_profile(path, self.reading(session))

    def sessions(self) -> list[str]:
        """Returns the sessions that have a spec, in order."""
        keys = filter(None, map(split_session_path, self._entries))
        return sorted(
            {session for project, session, rest in keys if project == self._project and rest == "spec.md"}
        )

    def counts(self, session: str, blueprint: str) -> bool:
        """Tests whether it has a profile of its own: a blueprint's without an id holds only defaults."""
        reading = self.reading(session)
        only_defaults = (
            session == blueprint and not reading.problems and "id" in compiler.missing_keys(reading)
        )
        return reading.is_there and not only_defaults

    def reading(self, session: str) -> ProfileReading:
        """Reads what its spec says about its agent; nothing, where there is no spec."""
        if session not in self._readings:
            self._readings[session] = self._read(self.path(session))
        return self._readings[session]

    def _read(self, path: str) -> ProfileReading:
        entry = self._entries.get(path)
        if entry is None:
            return ProfileReading()
        if entry.mode not in _PLAIN:
            what = "it is no plain file, and nothing is read through a link"
            return compiler.unreadable(Problem(0, 0, what, "put the document itself there"))
        return compiler.too_large(entry.size) or compiler.read_profile(self._content(path))

    def _content(self, path: str) -> bytes:
        """Reads along what is asked for next, since asking a source costs more than reading."""
        if path not in self._contents:
            at = self._readable.index(path) if len(self._readable) > _AT_ONCE else 0
            self._contents = dict(self._reader.read_many(self._readable[at : at + _AT_ONCE]))
        return self._contents[path]

    def blob(self, session: str) -> str:
        """Returns the content id of its spec, which must be there."""
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


class Compilation(NamedTuple):
    """The result of a request: profiles, the sessions `refused` for `problems`, and `doubts`."""

    profiles: tuple[CompiledProfile, ...]
    refused: tuple[str, ...] = ()
    problems: tuple[Finding, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """A request for the profile of a session of `project` (None: of each that has one).

    With `insists` the session `blueprint` was asked for by name, and must have a profile. Sessions in
    `left_out` are compiled only by name.
    """

    project: str
    session: str | None
    blueprint: str = BLUEPRINT
    form: str = YAML
    insists: bool = False
    left_out: frozenset[str] = frozenset()


def places_of(request: CompileRequest) -> tuple[str, ...]:
    """Returns what a reader has to cover for `request`: a narrow reader is a fast one."""
    if request.session is None:
        return (sessions_folder(request.project),)
    names = dict.fromkeys((request.session, request.blueprint))
    return tuple(artifact_path(request.project, name, SPEC) for name in names)


def compile_agent_spec(reader: ArtifactReader, request: CompileRequest) -> Compilation:
    """Returns the profiles `request` asks for, in order of their sessions, and what kept others from it.

    AgentProfileError where there is no profile for the problems with them; NoAgentProfileError where the
    session that was asked for has none, or the session named for its defaults has none.
    """
    specs = ProfileSpecs(reader, request.project)
    given = specs.reading(request.blueprint)
    if request.insists and not given.is_there:
        raise specs.lacking(request.blueprint)
    compiled: list[CompiledProfile] = []
    problems: list[Finding] = []
    failed: list[str] = []
    for session in _sessions(specs, request):
        own = session == request.blueprint
        found = _compiled(specs, session, request, None if own or not given.is_there else given)
        if isinstance(found, CompiledProfile):
            compiled.append(found)
        else:
            failed.append(session)
            problems += found
    problems = list(dict.fromkeys(problems))
    if problems and not compiled:
        raise refused(problems)
    doubts = _doubts(specs, request, [each.key[1] for each in compiled], problems)
    return Compilation(tuple(compiled), tuple(failed), tuple(problems), tuple(doubts))


def _doubts(
    specs: ProfileSpecs, request: CompileRequest, compiled: Sequence[str], told: Sequence[Finding]
) -> Iterator[str]:
    """Yields what does not keep `compiled` from being profiles, and is not as its author may think."""
    inherit = any(session != request.blueprint for session in compiled)
    for session in dict.fromkeys([*compiled, *([request.blueprint] if inherit else [])]):
        for key, right, is_so in (
            ("source_session", session, "this is the spec of"),
            ("source_blueprint", request.blueprint, "defaults come from"),
        ):
            stated = specs.reading(session).stated.get(key)
            if stated and stated.text not in ("", right, f"{request.project}/{right}"):
                place = f"{specs.path(session)}:{stated.line}:{stated.column}"
                said = one_line(stated.text)[:_MOST_SHOWN]
                yield f"{place}: {key} says {said}, and {is_so} {right}: the line is passed over"
    if inherit:
        for each in specs.findings(request.blueprint, specs.reading(request.blueprint).problems):
            if each not in told:
                yield f"{_place(each)}: {each.message}; nothing of it is inherited here"


def _sessions(specs: ProfileSpecs, request: CompileRequest) -> Sequence[str]:
    if request.session is None:
        names = [name for name in specs.sessions() if name not in request.left_out]
        return [name for name in names if specs.counts(name, request.blueprint)]
    if not specs.reading(request.session).is_there:
        raise specs.lacking(request.session)
    return (request.session,)


def _compiled(
    specs: ProfileSpecs, session: str, request: CompileRequest, defaults: ProfileReading | None
) -> CompiledProfile | list[Finding]:
    own = specs.reading(session)
    above = specs.findings(request.blueprint, defaults.problems) if defaults is not None else []
    if own.problems:
        return specs.findings(session, own.problems) + above
    spec = compiler.compile_profile(own, defaults, session=session, blueprint=request.blueprint)
    if not isinstance(spec, AgentProfileSpec):
        return specs.findings(session, spec) + above
    sources = {"spec": specs.blob(session)}
    if defaults is not None:
        sources["blueprint_spec"] = specs.blob(request.blueprint)
    return CompiledProfile(
        key=(request.project, session),
        blueprint=request.blueprint if defaults else "",
        borrows_id="id" not in own.values,
        spec=spec,
        name=profile_name(session, request.form),
        content=profile_file(spec, sources, specs.path(session), request.form),
    )
