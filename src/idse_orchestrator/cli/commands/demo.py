"""``idse demo``: the whole loop, really run, in a temporary repository."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, Self

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
    all that follows take place. What it prints has `prints` in it. A step that `serves` goes on beside the
    others, under its number there; one that `ends` waits for that one.
    """

    shown: str
    says: str = ""
    succeeds: bool = True
    writes: Mapping[str, str] = {}
    enters: str = ""
    prints: str = ""
    serves: bool = False
    ends: bool = False


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


_AGENCY = "~/agency"
_HERE = "$AGENCY/git/acme/shop.git"
_KEPT = "store --file ~/acme.credentials"

AGENCY_STEPS = (
    Step(f"idse agency init --home {_AGENCY}", "A home for an Agency: one folder."),
    Step(f"idse agency client add acme --home {_AGENCY}", "It has two clients."),
    Step(f"idse agency client add globex --home {_AGENCY}"),
    Step(
        f"idse agency serve --home {_AGENCY} --listen 127.0.0.1:0 &",
        "The server tests itself, then it listens. $AGENCY is its address from here on.",
        prints=" listens at 127.0.0.1:",
        serves=True,
    ),
    Step(
        f'echo "http://acme:$(idse agency key issue acme --scope read,push,create --home {_AGENCY}'
        ')@${AGENCY#http://}" >~/acme.credentials',
        "A key for each client goes where git looks for passwords.",
    ),
    Step(
        f'echo "http://globex:$(idse agency key issue globex --home {_AGENCY})@${{AGENCY#http://}}" '
        ">~/globex.credentials"
    ),
    Step(
        "git init --quiet && git config user.name You && git config user.email you@example.org",
        "acme starts a project.",
    ),
    Step(f"git config credential.helper '{_KEPT}'"),
    Step("idse init portal --quiet"),
    Step(f"$EDITOR {_INTENT}", writes={_INTENT: _WRITTEN}),
    Step("idse stage complete"),
    Step("git add .idse && git commit --quiet -m 'Write the intent'"),
    Step(
        f"idse sync setup --quiet {_HERE} && idse sync push",
        "The first push makes the repository.",
        prints="  pushed  portal/__blueprint__  new",
    ),
    Step(
        f"$EDITOR {_INTENT}",
        "Later the deadline is taken out of the complete intent, and the hook is skipped …",
        writes={_INTENT: _BROKEN},
    ),
    Step("git commit --all --quiet --no-verify -m 'Forget the deadline'"),
    Step(
        "idse sync push",
        "… but the Agency judges every push, and says which session it refuses, and why.",
        succeeds=False,
        prints="  rejected  portal/__blueprint__\n      error[IDSE",
    ),
    Step("idse stage reopen intent -m 'The deadline moved'", "The repair: reopen the stage and say why."),
    Step("idse sync push", prints="  pushed  portal/__blueprint__  "),
    Step(
        f"git clone --quiet -c credential.helper='{_KEPT}' . ../laptop",
        "A second clone has it all.",
    ),
    Step("cd ../laptop", enters="../laptop"),
    Step(
        f"git config user.name You && git config user.email you@example.org && idse init --agency {_HERE}",
        prints="pulled",
    ),
    Step("idse log --oneline -n 3", prints="intent: complete → in_progress"),
    Step("cd ..", enters=".."),
    Step(
        f"git -c credential.helper='store --file ~/globex.credentials' ls-remote {_HERE}",
        "For the other client there is no such repository.",
        succeeds=False,
        prints="there is no such repository",
    ),
    Step("kill %1; wait", "The server ends in order.", ends=True),
)


@command("demo", project=False)
@flag("--agency", help="Show a server with two clients, and a push that it refuses.")
@flag("--keep", help="Keep the repository, and say where it is.")
def demo(run: Run, *, agency: bool, keep: bool) -> int:
    """Run the whole loop in a temporary repository, and show each command with its output.

    Starts a project, completes a stage, lets a commit that breaks a promise be blocked, repairs it,
    shows the history, and joins it with that of a second clone. Nothing outside of the temporary folder
    is read or written.

    With --agency, a server is started on a port of this machine, and ended again: it refuses a promise
    that was broken behind the back of the hooks, and shows one client nothing of the other.
    """
    if agency:
        from idse_orchestrator.wiring.serving import need_agency

        need_agency()
    folder = tempfile.mkdtemp(prefix="idse-demo-")
    try:
        place = os.path.join(folder, "portal")
        os.mkdir(place)
        return _play(run, AGENCY_STEPS if agency else STEPS, place, _environment(folder))
    finally:
        if keep:
            run.terminal.say(f"the repository is in {folder}/portal")
        else:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)


def _play(run: Run, steps: Sequence[Step], folder: str, environment: dict[str, str]) -> int:
    with _Beside(environment) as beside:
        for step in steps:
            _announce(run, step)
            if step.enters:
                folder = os.path.normpath(os.path.join(folder, step.enters))
            elif step.serves or step.ends:
                if not (beside.start(step) if step.serves else beside.end(run)):
                    return EXIT_CHECK_FAILED
            elif not _did(run, step, folder, environment):
                return EXIT_CHECK_FAILED
    run.terminal.data("\n" + run.terminal.style.green("Every step did what it should."))
    return EXIT_OK


class _Beside:
    """A program that goes on beside the others, and never longer than the demo, however that ends."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stop()
        finally:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            for number, previous in self._previous.items():
                signal.signal(number, previous)

    def start(self, step: Step) -> bool:
        """Starts it, and waits until it says where it listens."""
        line = step.shown.removesuffix(" &")
        with open(os.path.join(self._environment["HOME"], "server.log"), "wb") as log:
            self._process = subprocess.Popen(  # noqa: S602 - as above
                f"exec {line}",
                shell=True,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        for said in self._process.stderr or ():
            sys.stdout.write(said)
            sys.stdout.flush()
            if step.prints in said:
                self._environment["AGENCY"] = f"http://{said.split()[-1]}"
                return True
        return False

    def end(self, run: Run) -> bool:
        """Ends it, and tests whether it ended well."""
        code = self._stop()
        if code:
            run.terminal.warn(f"the server ended with exit code {code}")
        return code == 0

    def _stop(self) -> int:
        if self._process is None:
            return 0
        self._process.terminate()
        code = self._process.wait(timeout=_TIMEOUT_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()
        return code


def _stop(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


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
    said = done.stdout.decode("utf-8", "replace")
    sys.stdout.write(said)
    if (done.returncode == 0) == step.succeeds and step.prints in said:
        return True
    if (done.returncode == 0) == step.succeeds:
        run.terminal.warn(f"`{step.shown}` was to say {step.prints.strip()!r}")
        return False
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
