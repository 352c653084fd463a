"""What ``idse compile agent-spec`` does, free of click: builds and tests call it over and over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from idse_orchestrator.cli.render.profiles import (
    leftover_lines,
    print_contents,
    profiles_data,
    shown_path,
    standing_lines,
    summary,
)
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.documents.pipeline_artifacts import artifact_path
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, NoAgentProfileError, UsageError
from idse_orchestrator.profiles.compile_agent_spec import SPEC, CompileWish, compile_agent_spec
from idse_orchestrator.profiles.file import FORMATS, YAML, profile_name
from idse_orchestrator.profiles.folder import (
    CURRENT,
    Standing,
    compared,
    leftovers,
    remove_leftovers,
    write_profiles,
)

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run
    from idse_orchestrator.documents.artifact_reader import ArtifactReader
    from idse_orchestrator.profiles.compile_agent_spec import CompiledProfile
    from idse_orchestrator.profiles.folder import ProfileFolder


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """What was typed."""

    session: str | None = None
    blueprint: str | None = None
    everything: bool = False
    at: str | None = None
    out: str | None = None
    form: str = YAML
    dry_run: bool = False
    check: bool = False
    force: bool = False


_FLAGS = {"--check": "check", "--dry-run": "dry_run", "-n": "dry_run", "--force": "force"}
_VALUES = {"--session": "session", "--blueprint": "blueprint", "--out": "out", "--format": "form"}


def plain_options(words: Sequence[str]) -> CompileOptions | None:
    """The options that `words` spell, if they are plain; None for whatever only click can tell."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in _FLAGS:
            found[_FLAGS[word]] = True
        elif word in _VALUES and rest and not rest[0].startswith("-"):
            found[_VALUES[word]] = rest.pop(0)
        else:
            return None
    return CompileOptions(**found) if found.get("form", YAML) in FORMATS else None


def run_agent_spec(run: Run, asked: CompileOptions) -> int:
    """Compile what was asked for, write or compare it, and show it; the exit code."""
    _refuse_contradictions(asked)
    wish = _wish(run, asked)
    source = run.app.compiling.source(wish, asked.at)
    folder = run.app.compiling.folder(wish.project, asked.out)
    standings = compared(folder, _compiled(source, wish, folder, asked))
    kept = {each.profile.key[1] for each in standings}
    left = leftovers(folder, wish.project, wish.form, kept) if asked.everything else ()
    if not (asked.check or asked.dry_run):
        write_profiles(folder, standings, force=asked.force)
        remove_leftovers(folder, left)
    _show(run, standings, [folder.path(name) for name in left], source.description, asked)
    differs = bool(left) or any(each.how != CURRENT for each in standings)
    return EXIT_CHECK_FAILED if asked.check and differs else EXIT_OK


def _compiled(
    source: ArtifactReader, wish: CompileWish, folder: ProfileFolder, asked: CompileOptions
) -> tuple[CompiledProfile, ...]:
    try:
        return compile_agent_spec(source, wish)
    except NoAgentProfileError as error:
        session = wish.session or ""
        gone = error.where == artifact_path(wish.project, session, SPEC)  # not that of the defaults
        if gone and profile_name(session, wish.form) in leftovers(folder, wish.project, wish.form, ()):
            error.fix = (*error.fix, _taking_away(asked))
        raise


def _taking_away(asked: CompileOptions) -> str:
    import shlex

    words = ["idse compile agent-spec --all"]
    words += [f"--out {shlex.quote(asked.out)}"] if asked.out is not None else []
    words += [f"--format {asked.form}"] if asked.form != YAML else []
    return " ".join(words) + "    (takes away the file of the profile that was here)"


def _refuse_contradictions(asked: CompileOptions) -> None:
    for one, other, both in (
        ("--all", "--session", asked.everything and asked.session is not None),
        ("--check", "--dry-run", asked.check and asked.dry_run),
        ("--check", "--force", asked.check and asked.force),
    ):
        if both:
            raise UsageError(f"{one} and {other} exclude each other", fix=("give one of them",))
    if asked.out == "":
        raise UsageError("--out names no folder", fix=("--out .    (the folder we stand in)",))


def _wish(run: Run, asked: CompileOptions) -> CompileWish:
    compiling, option = run.app.compiling, run.project_option
    if asked.everything:
        project, session = compiling.project(option), None
    else:
        project, session = compiling.key(option, asked.session, asked.at)
    if asked.blueprint is None:
        return CompileWish(project, session, form=asked.form)
    home, blueprint = compiling.key(project, asked.blueprint, asked.at)
    if home != project:
        raise UsageError(
            f"{asked.blueprint} is of another project than {project}",
            cause="defaults come from a session of the same project",
            fix=(f"name a session of {project}",),
        )
    return CompileWish(project, session, blueprint, asked.form, insists=True)


def _show(
    run: Run, standings: Sequence[Standing], left: Sequence[str], source: str, asked: CompileOptions
) -> None:
    doubts = list(_doubts(standings))
    writes = not (asked.check or asked.dry_run)
    if run.terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = profiles_data(standings, left, source, written=writes)
        notes = [{"severity": "warning", "message": doubt} for doubt in doubts]
        run.terminal.data(envelope("idse.compile-agent-spec/1", data, notes))
        return
    if asked.dry_run:
        print_contents(run.terminal, standings, asked.form)
    elif asked.check:
        for line in standing_lines(standings, left, run.terminal.style):
            run.terminal.data(line)
    else:
        for each in standings:
            run.terminal.data(printable(shown_path(each)))
    for doubt in doubts:
        run.terminal.warn(doubt)
    if not asked.check:
        for line in leftover_lines(left, done="removed" if writes else "to remove"):
            run.terminal.say(line)
    run.terminal.say(summary(standings, source, done="written" if writes else "to write"))


def _doubts(standings: Sequence[Standing]) -> Iterator[str]:
    """Programs know an agent by its id, so two of one id are worth a word."""
    sessions: dict[str, list[str]] = {}
    for each in standings:
        sessions.setdefault(each.profile.spec.id, []).append(each.profile.key[1])
        if each.profile.borrows_id:
            name, given = each.profile.key[1], each.profile.blueprint
            yield f"{name} says no id of its own and takes that of {given}, {each.profile.spec.id}"
    for name, sharing in sessions.items():
        if len(sharing) > 1:
            yield f"{' and '.join(sharing)} have one id, {name}"
