"""``idse compile``: agent profiles out of specs, and the schema that they satisfy."""

from __future__ import annotations

from typing import Any

import click

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.cli import options
from idse_orchestrator.cli.compiling import CompileOptions
from idse_orchestrator.cli.compiling import agent_spec as compiled
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.terminal import Answer, Run
from idse_orchestrator.profiles.file import FORMATS, YAML


@command("agent-spec", reads=True)
@click.option(
    "--session",
    metavar="SESSION",
    help="The session whose spec is compiled; the current one if left out.",
    shell_complete=options.sessions,
)
@click.option("--all", "everything", is_flag=True, help="Compile every session that has an Agent Profile.")
@click.option(
    "--blueprint",
    metavar="SESSION",
    help=f"The session whose profile gives the defaults.  [default: {BLUEPRINT}]",
    shell_complete=options.sessions,
)
@click.option("--at", metavar="REV", help="Compile the specs of a code revision, not those of the work tree.")
@click.option("--out", metavar="DIR", help="Write into DIR.  [default: .idse/projects/PROJECT/build/agents]")
@click.option("--format", "form", type=click.Choice(FORMATS), default=YAML, help="What to write.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 where a file is not what would be written."
)
@click.option("--force", is_flag=True, help="Replace files that idse did not write, or that were edited.")
def agent_spec(run: Run, **options: Any) -> Answer:  # noqa: ANN401 - click hands over what it parsed
    """Compile the Agent Profile of a spec into a file that programs can read.

    The profile is the fenced yaml block below the heading "## Agent Profile" of spec.md, as it is in this
    work tree, saved or not. What it leaves out comes from the blueprint's profile, if that has one:
    mappings merge, everything else replaces, null clears. Equal documents give equal bytes.

    The paths of the files are printed. A file that idse did not write, or that somebody changed since, is
    not replaced without --force. With --all the files of profiles that are gone are removed, unless somebody
    changed them. Exit code 1: a profile has a problem, or --check found a difference.
    """
    return compiled(run, CompileOptions(**options))


@command("schema", project=False)
def schema(run: Run) -> Answer:  # noqa: ARG001 - every command is given its run
    """Print the JSON Schema that every compiled profile satisfies, YAML and JSON alike."""
    import json

    from idse_orchestrator.profiles.file import agent_profile_schema

    return Answer(lines=[json.dumps(agent_profile_schema(), indent=2)])


compile_ = click.Group("compile", commands=[agent_spec, schema], help="Compile agent profiles out of specs.")
