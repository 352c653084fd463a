"""``idse demo``: the whole loop, really run, in a temporary repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run

_TIMEOUT_SECONDS = 120


_FOLDER = ".idse/projects/portal/sessions/__blueprint__"
_INTENT = f"{_FOLDER}/intent.md"
_CONTEXT = f"{_FOLDER}/context.md"
_SPEC = f"{_FOLDER}/spec.md"

_WRITTEN = """\
# Intent: a customer portal

## Goal
Customers see their invoices without calling us.

## Problem / Opportunity
Four hundred calls a month ask for a copy of an invoice. Each takes six minutes.

## Stakeholders / Users
Customers with an account, the support team, accounting.

## Success Criteria
- Calls for copies fall below forty a month within a quarter.
- Nine in ten customers find an invoice in under a minute.

## Constraints / Assumptions / Risks
Invoices stay in the accounting system; the portal only shows them.

## Scope
In: search, view, download. Out: payment.

## Time / Priority
First release by the end of March.
"""

_BROKEN = _WRITTEN.replace("the end of March", "[REQUIRES INPUT]")
_REPAIRED = _WRITTEN.replace("the end of March", "the end of May")

_KNOWN = """\
# Context: a customer portal

The accounting system has an interface that lists the invoices of a customer.
"""

_WANTED = """\
# Spec: a customer portal

Whoever is logged in sees a list of invoices, the newest first.
"""


class Step(NamedTuple):
    """`says` introduces the step, `shown` is typed.

    Instead of running it, `writes` are files that are written, and `enters` is the folder in which it and
    all that follows take place.
    """

    shown: str
    says: str = ""
    succeeds: bool = True
    writes: Mapping[str, str] = {}
    enters: str = ""


STEPS = (
    Step(
        "git init --quiet && git config user.name You && git config user.email you@example.org",
        "A new repository.",
    ),
    Step("idse init portal", "Start a project: seven documents, a ledger under refs/idse/, git hooks."),
    Step("git add .idse && git commit --quiet -m 'Start the portal'", "Fresh templates may be committed."),
    Step("idse stage complete", "But nobody can call the intent complete yet.", succeeds=False),
    Step(f"$EDITOR {_INTENT}", "So somebody writes it.", writes={_INTENT: _WRITTEN}),
    Step("idse stage complete", "Now it is, and the next stage begins."),
    Step("git add .idse && git commit --quiet -m 'Write the intent'"),
    Step(
        f"$EDITOR {_INTENT}",
        "Later the deadline is taken out of the complete intent …",
        writes={_INTENT: _BROKEN},
    ),
    Step(
        "git add .idse && git commit -m 'Forget the deadline'", "… and the commit is blocked.", succeeds=False
    ),
    Step("idse stage reopen intent -m 'The deadline moved'", "The repair: reopen the stage and say why."),
    Step(f"$EDITOR {_INTENT}", writes={_INTENT: _REPAIRED}),
    Step("idse stage complete intent"),
    Step("git add .idse && git commit --quiet -m 'Move the deadline'"),
    Step("idse status", "Where do we stand?"),
    Step("idse log", "Who moved which stage, and when?"),
    Step("git log -1", "The commit itself knows where it belongs: git shows idse's note on it."),
    Step("git log --oneline refs/idse/sessions/portal/__blueprint__", "And all of it is plain git."),
    Step(
        "git init --quiet --bare ../agency.git && idse sync setup --quiet ../agency.git",
        "Others take part: the Agency is any git repository, here an empty one.",
    ),
    Step("idse sync push"),
    Step(
        "git clone --quiet -c user.name=You -c user.email=you@example.org . ../laptop",
        "A second clone.",
    ),
    Step("cd ../laptop", enters="../laptop"),
    Step("idse init --agency ../agency.git"),
    Step(f"$EDITOR {_CONTEXT}", "One document is written there …", writes={_CONTEXT: _KNOWN}),
    Step("idse save -m 'What accounting offers'"),
    Step("idse sync push"),
    Step("cd ../portal", "… and another one here, at the same time.", enters="../portal"),
    Step(f"$EDITOR {_SPEC}", writes={_SPEC: _WANTED}),
    Step("idse save -m 'What customers see'"),
    Step("idse sync pull", "Both histories are joined: every clone makes the very same merge."),
    Step("idse log --graph --oneline -n 4"),
    Step("idse sync push"),
    Step("idse sync status", "Nothing is left to send, and nothing to bring."),
)


@command("demo", project=False)
@flag("--keep", help="Keep the repository, and say where it is.")
def demo(run: Run, *, keep: bool) -> int:
    """Run the whole loop in a temporary repository, and show each command with its output.

    Starts a project, completes a stage, lets a commit that breaks a promise be blocked, repairs it,
    shows the history, and joins it with that of a second clone. Nothing outside of the temporary folder
    is read or written.
    """
    folder = tempfile.mkdtemp(prefix="idse-demo-")
    try:
        place = os.path.join(folder, "portal")
        os.mkdir(place)
        return _play(run, place, _environment(folder))
    finally:
        if keep:
            run.terminal.say(f"the repository is in {folder}/portal")
        else:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


def _play(run: Run, folder: str, environment: Mapping[str, str]) -> int:
    for step in STEPS:
        _announce(run, step)
        if step.enters:
            folder = os.path.normpath(os.path.join(folder, step.enters))
        elif not _did(run, step, folder, environment):
            return EXIT_CHECK_FAILED
    run.terminal.data("\n" + run.terminal.style.green("Every step did what it should."))
    return EXIT_OK


def _announce(run: Run, step: Step) -> None:
    style = run.terminal.style
    if step.says:
        run.terminal.data("\n" + style.bold(f"# {step.says}"))
    run.terminal.data(style.cyan(f"$ {step.shown}"))
    sys.stdout.flush()


def _did(run: Run, step: Step, folder: str, environment: Mapping[str, str]) -> bool:
    for path, text in step.writes.items():
        with open(os.path.join(folder, path), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    if step.writes:
        return True
    try:
        done = subprocess.run(  # noqa: S602 - the commands are those of our own script, shown to the reader
            step.shown,
            shell=True,
            cwd=folder,
            env=environment,
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
    """Returns the user's environment without settings that would change what is shown; `idse` is this one."""
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
    """Makes a folder in which `idse` is this very program, however it was started."""
    place = os.path.join(folder, "bin")
    os.mkdir(place)
    path = os.path.join(place, "idse")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{sys.executable}" -m idse_orchestrator "$@"\n')
    os.chmod(path, 0o755)  # noqa: S103 - a program has to be executable
    return place
