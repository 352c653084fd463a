"""``idse compile``: agent profiles out of specs, and the schema that they satisfy.

Plain forms start without click (see ``cli/main.py``): builds and tests call them over and over.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.layout import Style
from idse_orchestrator.cli.terminal import Answer, Raw, Said, Warned, remark
from idse_orchestrator.documents.project_workspace import artifact_path
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, NoAgentProfileError, UsageError
from idse_orchestrator.profiles import folder as folders
from idse_orchestrator.profiles.project_profiles import SPEC, CompileRequest, compile_agent_spec, refused
from idse_orchestrator.profiles.spec import FORMATS, YAML, profile_name

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.profiles.project_profiles import Compilation


_WORDS = {
    folders.MISSING: "missing",
    folders.OUTDATED: "outdated",
    folders.FOREIGN: "not as idse wrote it",
    folders.CURRENT: "up to date",
}
_WIDEST = max(map(len, _WORDS.values()))


@dataclass(frozen=True, slots=True)
class _Options:
    """Options as they were typed."""

    session: str | None = None
    blueprint: str | None = None
    everything: bool = False
    at: str | None = None
    out: str | None = None
    form: str = YAML
    dry_run: bool = False
    check: bool = False
    force: bool = False

    @property
    def writes(self) -> bool:
        """False where files are only shown or compared."""
        return not (self.check or self.dry_run)


def agent_spec(run: Run, **options: Any) -> Answer:  # noqa: ANN401 - click hands over what it parsed
    """Compile the Agent Profile of a spec into a file that programs can read.

    The profile is the fenced yaml block below the heading "## Agent Profile" of spec.md, as it is in this
    work tree, saved or not. What it leaves out comes from the blueprint's profile, if that has one:
    mappings merge, everything else replaces, null clears. Equal documents give equal bytes.

    The paths of the files are printed. A file that idse did not write, or that somebody changed since, is
    not replaced without --force. With --all sound profiles are compiled beside those with problems, and the
    files of profiles that are gone are removed, unless somebody changed them. Exit code 1: a profile has a
    problem, or --check found a difference.
    """
    asked = _Options(**options)
    _refuse_contradictions(asked)
    request = _wanted(run, asked)
    source = run.app.compiling.source(request, asked.at)
    folder = run.app.compiling.folder(request.project, asked.out)
    found = _compiled(source, request, folder, asked)
    standings = folders.compared(folder, found.profiles)
    kept = {*found.refused, *(each.profile.key[1] for each in standings)}
    left = folders.leftovers(folder, request.project, request.form, kept) if asked.everything else ()
    if asked.writes:
        folders.write_profiles(folder, standings, force=asked.force)
        folders.remove_leftovers(folder, left)
    paths = [os.path.relpath(folder.path(name)) for name in left]
    differs = bool(left) or any(each.how != folders.CURRENT for each in standings)
    return Answer(
        "idse.compile-agent-spec/1",
        lambda: _data(standings, found, paths, source.description, written=asked.writes),
        _lines(standings, found, paths, source.description, asked, run.terminal.style),
        _diagnostics(standings, found),
        EXIT_CHECK_FAILED if found.problems or (asked.check and differs) else EXIT_OK,
    )


def _compiled(
    source: ArtifactReader, request: CompileRequest, folder: folders.ProfileFolder, asked: _Options
) -> Compilation:
    try:
        return compile_agent_spec(source, request)
    except NoAgentProfileError as error:
        session = request.session or ""
        gone = error.where == artifact_path(request.project, session, SPEC)  # not that of the defaults
        if gone and profile_name(session, request.form) in folders.leftovers(
            folder, request.project, request.form, ()
        ):
            error.fix = (*error.fix, _taking_away(asked))
        raise


def _taking_away(asked: _Options) -> str:
    import shlex

    words = ["idse compile agent-spec --all"]
    words += [f"--out {shlex.quote(asked.out)}"] if asked.out is not None else []
    words += [f"--format {asked.form}"] if asked.form != YAML else []
    return " ".join(words) + "  # takes away the file of the profile that was here"


def _refuse_contradictions(asked: _Options) -> None:
    for one, other, both in (
        ("--all", "--session", asked.everything and asked.session is not None),
        ("--check", "--dry-run", asked.check and asked.dry_run),
        ("--check", "--force", asked.check and asked.force),
    ):
        if both:
            raise UsageError(f"{one} and {other} exclude each other", fix=("give one of them",))
    if asked.out == "":
        raise UsageError("--out names no folder", fix=("write --out . for the folder we stand in",))


def _wanted(run: Run, asked: _Options) -> CompileRequest:
    compiling, option = run.app.compiling, run.project_option
    deleted: frozenset[str] = frozenset()
    if asked.everything:
        project, session = compiling.project(option), None
        states = run.app.known_states(project)
        deleted = frozenset(name for (_, name), state in states.items() if state.is_deleted)
    else:
        project, session = compiling.key(option, asked.session, asked.at)
    if asked.blueprint is None:
        return CompileRequest(project, session, form=asked.form, left_out=deleted)
    home, blueprint = compiling.key(project, asked.blueprint, asked.at)
    if home != project:
        raise UsageError(
            f"{asked.blueprint} is of another project than {project}",
            cause="defaults come from a session of the same project",
            fix=(f"name a session of {project}",),
        )
    return CompileRequest(project, session, blueprint, asked.form, insists=True, left_out=deleted)


def _lines(
    standings: Sequence[folders.Standing],
    found: Compilation,
    left: Sequence[str],
    source: str,
    asked: _Options,
    style: Style,
) -> Iterator[str | Raw]:
    if asked.dry_run:
        yield from _contents(standings, asked.form)
    elif asked.check:
        yield from _standing_lines(standings, left, style)
    else:
        yield from (printable(os.path.relpath(each.path)) for each in standings)
    yield from map(Warned, _doubts(standings, found))
    if not asked.check:
        done = "removed" if asked.writes else "to remove"
        yield from (Said(f"{done} {printable(path)}: its session has no profile") for path in left)
    yield Said(_summary(standings, source, done="written" if asked.writes else "to write"))
    if found.problems:
        raise refused(found.problems, len(standings))


def _contents(standings: Sequence[folders.Standing], form: str) -> Iterator[str | Raw]:
    """Yields the files, byte for byte where no terminal looks on; several are a stream of documents."""
    between = "---\n" if form == YAML else ""
    for number, each in enumerate(standings):
        text = (between if number else "") + each.profile.content.decode()
        if sys.stdout.isatty():
            yield printable(text, lines=True).removesuffix("\n")
        else:
            yield Raw([text.encode()])


def _diagnostics(standings: Sequence[folders.Standing], found: Compilation) -> Iterator[Mapping[str, object]]:
    if found.problems:
        from idse_orchestrator.cli.envelope import diagnostics_of

        yield from diagnostics_of(refused(found.problems, len(standings)))
    yield from (remark("warning", doubt) for doubt in _doubts(standings, found))


def _doubts(standings: Sequence[folders.Standing], found: Compilation) -> Iterator[str]:
    """Yields what was doubtful, and a sentence where two have one id: programs know an agent by it."""
    yield from found.doubts
    sessions: dict[str, list[str]] = {}
    for each in standings:
        sessions.setdefault(each.profile.spec.id, []).append(each.profile.key[1])
        if each.profile.borrows_id:
            name, given = each.profile.key[1], each.profile.blueprint
            yield f"{name} says no id of its own and takes that of {given}, {each.profile.spec.id}"
    for name, sharing in sessions.items():
        if len(sharing) > 1:
            yield f"{' and '.join(sharing)} have one id, {name}"


def _data(
    standings: Sequence[folders.Standing],
    found: Compilation,
    left: Sequence[str],
    source: str,
    *,
    written: bool,
) -> dict[str, object]:
    return {
        "source": source,
        "profiles": [
            {
                "project": each.profile.key[0],
                "session": each.profile.key[1],
                "blueprint": each.profile.blueprint or None,
                "path": os.path.relpath(each.path),
                "before": each.how,
                "written": written and each.how != folders.CURRENT,
                "profile": each.profile.spec.as_data(),
            }
            for each in standings
        ],
        "refused": list(found.refused),
        "leftovers": [{"path": path, "removed": written} for path in left],
    }


def _summary(standings: Sequence[folders.Standing], source: str, *, done: str) -> str:
    """Counts profiles in a sentence, and how many of them were `done` ("written", "to write")."""
    if not standings:
        return f"no profile in the {source}"
    current = sum(each.how == folders.CURRENT for each in standings)
    numbers = {done: len(standings) - current, "up to date": current}
    parts = [f"{number} {word}" for word, number in numbers.items() if number]
    return f"{counted(len(standings), 'profile')} compiled from the {source}: {', '.join(parts)}"


def _standing_lines(standings: Sequence[folders.Standing], left: Sequence[str], style: Style) -> list[str]:
    """Returns how each file stands that is not what would be written, or is `left` over, and where it is."""
    rows = [
        (_WORDS[each.how], os.path.relpath(each.path)) for each in standings if each.how != folders.CURRENT
    ]
    rows += [("left over", path) for path in left]
    return [f"{style.red(how.ljust(_WIDEST))}  {printable(path)}" for how, path in rows]


def _schema(run: Run) -> Answer:  # noqa: ARG001 - every command is given its run
    """Print the JSON Schema that every compiled profile satisfies, YAML and JSON alike."""
    import json

    from idse_orchestrator.profiles.spec import agent_profile_schema

    return Answer(lines=[json.dumps(agent_profile_schema(), indent=2)])


def compile_() -> click.Group:
    """Makes the click group."""
    import click

    from idse_orchestrator.cli.options import Group, command, flag, naming_session

    agent_spec_options = (
        naming_session(
            "--session",
            metavar="SESSION",
            help="The session whose spec is compiled; the current one if left out.",
        ),
        flag("--all", "everything", help="Compile every session that has an Agent Profile."),
        naming_session(
            "--blueprint",
            metavar="SESSION",
            help=f"The session whose profile gives the defaults.  [default: {BLUEPRINT}]",
        ),
        click.option(
            "--at", metavar="REV", help="Compile the specs of a code revision, not those of the work tree."
        ),
        click.option(
            "--out", metavar="DIR", help="Write into DIR.  [default: .idse/projects/PROJECT/build/agents]"
        ),
        click.option("--format", "form", type=click.Choice(FORMATS), default=YAML, help="What to write."),
        flag("-n", "--dry-run", help="Print what would be written, and write nothing."),
        flag("--check", help="Write nothing; exit 1 where a file is not what would be written."),
        flag("--force", help="Replace files that idse did not write, or that were edited."),
    )
    commands = [
        command("agent-spec", *agent_spec_options, reads=True)(agent_spec),
        command("schema", project=False)(_schema),
    ]
    return Group("compile", commands=commands, help="Compile agent profiles out of specs.")
