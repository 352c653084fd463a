"""``idse compile``: agent profiles out of specs, and the schema that they satisfy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.app.compile_agent_spec import (
    CURRENT,
    CompiledProfile,
    CompileWish,
    compared,
    compile_agent_spec,
    write_profiles,
)
from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.profiles import (
    print_contents,
    profiles_data,
    shown_path,
    standing_lines,
    summary,
)
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run
from idse_orchestrator.domain.agent_profile_file import FORMATS, YAML
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from idse_orchestrator.stores.profile_folder import ProfileFolder


@dataclass(frozen=True, slots=True)
class _Options:
    """What was typed."""

    session: str | None
    blueprint: str | None
    everything: bool
    at: str | None
    out: str | None
    form: str
    dry_run: bool
    check: bool
    force: bool


@command("agent-spec", reads=True)
@click.option(
    "--session",
    metavar="SESSION",
    help="The session whose spec is compiled; the current one if left out.",
    shell_complete=completion_values.sessions,
)
@click.option("--all", "everything", is_flag=True, help="Compile every session that has an Agent Profile.")
@click.option(
    "--blueprint",
    metavar="SESSION",
    help=f"The session whose profile gives the defaults.  [default: {BLUEPRINT}]",
    shell_complete=completion_values.sessions,
)
@click.option("--at", metavar="REV", help="Compile the specs of a code revision, not those of the work tree.")
@click.option("--out", metavar="DIR", help="Write into DIR.  [default: .idse/projects/PROJECT/build/agents]")
@click.option("--format", "form", type=click.Choice(FORMATS), default=YAML, help="What to write.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 where a file is not what would be written."
)
@click.option("--force", is_flag=True, help="Replace files that idse did not write, or that were edited.")
def agent_spec(run: Run, **options: Any) -> int:  # noqa: ANN401 - click hands over what it parsed
    """Compile the Agent Profile of a spec into a file that programs can read.

    The profile is the fenced yaml block below the heading "## Agent Profile" of spec.md, as it is in this
    work tree, saved or not. What it leaves out comes from the blueprint's profile, if that has one:
    mappings merge, everything else replaces, null clears. Equal documents give equal bytes.

    The paths of the files are printed. A file that idse did not write, or that somebody changed since, is
    not replaced without --force. Exit code 1: a profile has a problem, or --check found a difference.
    """
    asked = _Options(**options)
    _refuse_contradictions(asked)
    wish = _wish(run, asked)
    source = run.app.compiling.source(wish, asked.at)
    folder = run.app.compiling.folder(wish.project, asked.out)
    profiles = compared(folder, compile_agent_spec(source, wish))
    if not (asked.check or asked.dry_run):
        write_profiles(folder, profiles, force=asked.force)
    _show(run, profiles, folder, source.description, asked)
    differs = any(each.standing != CURRENT for each in profiles)
    return EXIT_CHECK_FAILED if asked.check and differs else EXIT_OK


@command("schema", project=False)
def schema(run: Run) -> int:
    """Print the JSON Schema that every compiled profile satisfies, YAML and JSON alike."""
    import json

    from idse_orchestrator.domain.agent_profile_schema import agent_profile_schema

    run.terminal.data(json.dumps(agent_profile_schema(), indent=2))
    return EXIT_OK


def build() -> click.Command:
    """The group."""
    return click.Group("compile", commands=[agent_spec, schema], help="Compile agent profiles out of specs.")


def _refuse_contradictions(asked: _Options) -> None:
    for one, other, both in (
        ("--all", "--session", asked.everything and asked.session is not None),
        ("--check", "--dry-run", asked.check and asked.dry_run),
        ("--check", "--force", asked.check and asked.force),
    ):
        if both:
            raise UsageError(f"{one} and {other} exclude each other", fix=("give one of them",))


def _wish(run: Run, asked: _Options) -> CompileWish:
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


# --- what is shown ---


def _show(
    run: Run, profiles: Sequence[CompiledProfile], folder: ProfileFolder, source: str, asked: _Options
) -> None:
    doubts = _doubts(profiles)
    writes = not (asked.check or asked.dry_run)
    if run.terminal.as_json:
        data = profiles_data(profiles, folder.path, source, written=writes)
        notes = [{"severity": "warning", "message": doubt} for doubt in doubts]
        run.terminal.data(envelope("idse.compile-agent-spec/1", data, notes))
        return
    if asked.dry_run:
        print_contents(run.terminal, profiles, asked.form)
    elif asked.check:
        for line in standing_lines(profiles, folder.path, run.terminal.style):
            run.terminal.data(line)
    else:
        for each in profiles:
            run.terminal.data(printable(shown_path(folder.path(each.name))))
    for doubt in doubts:
        run.terminal.warn(doubt)
    run.terminal.say(summary(profiles, source, done="written" if writes else "to write"))


def _doubts(profiles: Sequence[CompiledProfile]) -> list[str]:
    """Programs know an agent by its id, so two of one id are worth a word."""
    sessions: dict[str, list[str]] = {}
    for each in profiles:
        sessions.setdefault(each.spec.id, []).append(each.key[1])
    return [
        f"{' and '.join(names)} have one id, {name}: a profile without an id takes the blueprint's"
        for name, names in sessions.items()
        if len(names) > 1
    ]
