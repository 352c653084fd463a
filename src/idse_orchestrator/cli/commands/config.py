"""`idse config`: show the configuration and where it comes from, and set a value for this repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.sessions.configuration import (
    GIT,
    SETTINGS,
    Value,
    configuration,
    get_setting,
    set_setting,
    unknown_keys,
)

if TYPE_CHECKING:
    from idse_orchestrator.cli.run import Run


@command("list", reads=True, project=False)
@click.option("--show-origin", is_flag=True, help="Also say where each value comes from.")
def list_settings(run: Run, *, show_origin: bool) -> None:
    """Show every setting.

    The last of these that speaks counts: built-in values, ~/.idseconfig.json, git config idse.*, IDSE_*
    variables. No setting names a command, and none comes from a file that a branch carries.
    """
    values = configuration(run.app.layers)
    unknown = unknown_keys(run.app.layers)
    if run.terminal.as_json:
        notes = [
            {"severity": "warning", "message": f"there is no setting {said.key}", "where": said.origin}
            for said in unknown
        ]
        run.terminal.data(envelope("idse.config-list/1", [_data(value) for value in values.values()], notes))
        return
    for value in values.values():
        line = f"{value.key}={printable(value.value)}"
        run.terminal.data(f"{printable(_origin(value))}\t{line}" if show_origin else line)
    for said in unknown:
        run.terminal.warn(f"there is no setting {said.key} ({said.origin})")


@command("get", reads=True, project=False)
@click.argument("key")
@click.option("--show-origin", is_flag=True, help="Also say where the value comes from.")
def get(run: Run, key: str, *, show_origin: bool) -> None:
    """Show one setting; an empty line when it has no value."""
    value = get_setting(run.app.layers, key)
    if run.terminal.as_json:
        run.terminal.data(envelope("idse.config-get/1", _data(value)))
        return
    run.terminal.data(
        f"{printable(_origin(value))}\t{printable(value.value)}" if show_origin else printable(value.value)
    )


@command("set", project=False)
@click.argument("key")
@click.argument("value")
def set_value(run: Run, key: str, value: str) -> None:
    """Set a value for this repository, in its git configuration. Nothing in your home is written."""
    now = set_setting(run.app.layers, key, value)
    run.terminal.say(f"{now.key}={now.value}")
    if now.layer != GIT:
        run.terminal.warn(f"{now.origin} decides over what was set here")


def build() -> click.Command:
    """The command `idse config`."""
    group = click.Group(
        "config", help="Show the configuration and where it comes from; set it for this repository."
    )
    for sub in (list_settings, get, set_value):
        group.add_command(sub)
    return group


def _origin(value: Value) -> str:
    return f"{value.layer}: {value.origin}" if value.origin != value.layer else value.layer


def _data(value: Value) -> dict[str, object]:
    summary = SETTINGS[value.key].summary
    return {
        "key": value.key,
        "value": value.value,
        "layer": value.layer,
        "origin": value.origin,
        "summary": summary,
    }
