"""``idse demo``: the whole loop, really run, in a temporary repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

import click

from idse_orchestrator.cli.demo_script import STEPS, Step
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.run import Run
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError

_TIMEOUT_SECONDS = 120


class _Place(NamedTuple):
    folder: str
    environment: Mapping[str, str]


@command("demo", project=False)
@click.option("--keep", is_flag=True, help="Keep the repository, and say where it is.")
def _demo(run: Run, *, keep: bool) -> int:
    """Run the whole loop in a temporary repository, and show each command with its output.

    Starts a project, completes a stage, lets a commit that breaks a promise be blocked, repairs it,
    shows the history, and joins it with that of a second clone. Nothing outside of the temporary folder
    is read or written.
    """
    folder = tempfile.mkdtemp(prefix="idse-demo-")
    try:
        place = _Place(os.path.join(folder, "portal"), _environment(folder))
        os.mkdir(place.folder)
        return _play(run, place)
    finally:
        if keep:
            run.terminal.say(f"the repository is in {folder}/portal")
        else:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


def build() -> click.Command:
    """The click command."""
    return _demo


def _play(run: Run, place: _Place) -> int:
    for step in STEPS:
        _announce(run, step)
        if step.enters:
            place = place._replace(folder=os.path.normpath(os.path.join(place.folder, step.enters)))
            continue
        if not _took_place(run, place, step):
            return EXIT_CHECK_FAILED
    run.terminal.data("\n" + run.terminal.style.green("Every step did what it should."))
    return EXIT_OK


def _announce(run: Run, step: Step) -> None:
    style = run.terminal.style
    if step.says:
        run.terminal.data("\n" + style.bold(f"# {step.says}"))
    run.terminal.data(style.cyan(f"$ {step.shown}"))
    sys.stdout.flush()


def _took_place(run: Run, place: _Place, step: Step) -> bool:
    for path, text in step.writes.items():
        with open(os.path.join(place.folder, path), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    if step.writes:
        return True
    try:
        done = subprocess.run(  # noqa: S602 - the commands are those of our own script, shown to the reader
            step.shown,
            shell=True,
            cwd=place.folder,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise IdseError(f"`{step.shown}` did not end", cause=str(error)) from error
    sys.stdout.write(done.stdout.decode("utf-8", "replace"))
    if (done.returncode == 0) == step.succeeds:
        return True
    expected = "succeed" if step.succeeds else "be refused"
    run.terminal.warn(f"`{step.shown}` was to {expected}, and ended with exit code {done.returncode}")
    return False


def _environment(folder: str) -> dict[str, str]:
    """The user's environment without settings that would change what is shown; `idse` is this one."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "IDSE_", "PRE_COMMIT"))
    }
    kept.update(
        HOME=folder,
        XDG_CONFIG_HOME=folder,
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_PAGER="cat",
        PATH=os.pathsep.join((_program_folder(folder), os.environ.get("PATH", os.defpath))),
    )
    return kept


def _program_folder(folder: str) -> str:
    """A folder in which `idse` is this very program, however it was started."""
    place = os.path.join(folder, "bin")
    os.mkdir(place)
    path = os.path.join(place, "idse")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{sys.executable}" -m idse_orchestrator "$@"\n')
    os.chmod(path, 0o755)  # noqa: S103 - a program has to be executable
    return place
