"""`idse config`: show the configuration and where it comes from, and set a value for this repository."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.options import Group, command, flag
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.sessions import configuration as settings

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


@command("list", reads=True, project=False)
@flag("--show-origin", help="Also say where each value comes from.")
def list_settings(run: Run, *, show_origin: bool) -> Answer:
    """Show every setting.

    The last of these that speaks counts: built-in values, ~/.idseconfig.json, git config idse.*, IDSE_*
    variables. No setting names a command, and none comes from a file that a branch carries.
    """
    values = settings.configuration(run.app.layers)
    unknown = settings.unknown_keys(run.app.layers)

    def lines() -> Iterator[str]:
        for value in values.values():
            yield _with_origin(value, f"{value.key}={printable(value.shown)}", show_origin=show_origin)
        for said in unknown:
            yield Warned(f"there is no setting {said.key} ({said.origin})")

    return Answer(
        "idse.config-list/1",
        lambda: [_data(value) for value in values.values()],
        lines(),
        (remark("warning", f"there is no setting {said.key}", where=said.origin) for said in unknown),
    )


@command("get", reads=True, project=False)
@click.argument("key")
@flag("--show-origin", help="Also say where the value comes from.")
def get(run: Run, key: str, *, show_origin: bool) -> Answer:
    """Show one setting; an empty line when it has no value."""
    value = settings.get_setting(run.app.layers, key)
    line = _with_origin(value, printable(value.shown), show_origin=show_origin)
    return Answer("idse.config-get/1", lambda: _data(value), [line])


@command("set", project=False)
@click.argument("key")
@click.argument("value")
def set_value(run: Run, key: str, value: str) -> Answer:
    """Set a value for this repository, in its git configuration. Nothing in your home is written."""
    now = settings.set_setting(run.app.layers, key, value)
    if now.key == settings.MISPLACED_CODE:
        run.app.misplaced_code()  # the hook in sh hears of it
    lines = [Said(f"{now.key}={now.shown}")]
    if now.layer != settings.GIT:
        lines.append(Warned(f"{now.origin} decides over what was set here"))
    return Answer(lines=lines)


def _with_origin(value: settings.Value, text: str, *, show_origin: bool) -> str:
    """Returns `text`, behind the place that it comes from where that is asked for."""
    origin = f"{value.layer}: {value.origin}" if value.origin != value.layer else value.layer
    return f"{printable(origin)}\t{text}" if show_origin else text


def _data(value: settings.Value) -> dict[str, object]:
    return {**value._asdict(), "value": value.shown, "summary": settings.SETTINGS[value.key].summary}


config = Group(
    "config",
    commands=[list_settings, get, set_value],
    help="Show the configuration and where it comes from; set it for this repository.",
)
