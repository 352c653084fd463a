"""``idse init``: start or adopt a project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.install_files import (
    ALREADY,
    FileOutcome,
    chosen_files,
    install_agent_files,
)
from idse_orchestrator.base.names import as_name, check_name
from idse_orchestrator.base.records import NamedTuple, picked
from idse_orchestrator.base.text import counted, few, one_word, printable
from idse_orchestrator.cli.agent_files import kept_diagnostics, outcome_rows, refuse_kept, what_follows
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.render.warnings import doubt_diagnostics, doubt_warnings, worktree_notice
from idse_orchestrator.cli.terminal import Answer, Run, Said, Warned
from idse_orchestrator.documents.project_workspace import STAGES, artifact_path
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK, ConflictError, IdseError, UsageError
from idse_orchestrator.sessions.init_project import Initialized, InitRequest, init_project
from idse_orchestrator.sync.agency import REMOTE as AGENCY

if TYPE_CHECKING:
    from idse_orchestrator.cli.render.sync import Brought
    from idse_orchestrator.sessions.template_folder import TemplateDoubt
    from idse_orchestrator.sync.setup_agency import AgencySetup
    from idse_orchestrator.sync.syncing import SyncOutcome
    from idse_orchestrator.worktree.hook import HooksReport


class _Done(NamedTuple):
    """All that one run of ``idse init`` did."""

    project: Initialized
    hooks: HooksReport | None
    doubts: Sequence[TemplateDoubt]
    files: Sequence[FileOutcome]
    agency: AgencySetup | None
    brought: SyncOutcome | None
    others: Sequence[str]
    """Other projects that the Agency has."""
    folder: Brought | None

    @property
    def changed(self) -> bool:
        """False where all of it was there already."""
        return self.project.changed or (self.hooks is not None and self.hooks.changed)


@command("init", reads=True, project=False)
@click.argument("name", metavar="[PROJECT]", required=False)
@click.option("--stack", default="", metavar="TEXT", help="What it is built with, for the templates.")
@click.option("--agency", default="", metavar="URL", help="Where to sync, as idse sync setup URL.")
@click.option(
    "--remote", default="", metavar="NAME", help="The git remote to sync with, as idse sync setup --remote."
)
@flag("--no-fetch", help="Do not look for the ledgers of a branch that was cloned.")
@flag("--new-ledger", help="Begin a new history for documents whose ledgers are not here.")
@flag("--no-hooks", help="Do not install the git hooks.")
@flag("--agent-files", help="Tell coding agents of idse, as idse agent-files install.")
def init(  # noqa: PLR0913 - one parameter for each option
    run: Run,
    name: str | None,
    stack: str,
    agency: str,
    remote: str,
    *,
    no_fetch: bool,
    new_ledger: bool,
    no_hooks: bool,
    agent_files: bool,
) -> Answer:
    """Start a project in this repository, or adopt one that the branch carries.

    Writes .idse/ with the __blueprint__ session, its ledger under refs/idse/, the git hooks, and one
    git setting so that plain git log shows idse's notes. Existing files are never touched, nothing is
    committed, and a second run changes nothing.

    Where the hooks could not be installed, because a hook manager is in charge or other repositories
    share the folder, all else is done, and the exit code is 3. Without PROJECT, it is the one that the branch
    carries, or that --agency has, or else has the name of the folder. In a clone, the ledgers of that project
    are fetched from the Agency, or from origin when that has them. Where they are not found, nothing is begun
    unless --new-ledger says so.
    """
    if name is not None:
        check_name("project", name)
    elif not (agency or remote):
        name = _only_folder(run, ())
    wanted = chosen_files(run.app.agent_files) if agent_files else ()
    with run.app.alone():
        setup = run.app.sync.set_up(agency, remote or AGENCY) if agency or remote else None
        there = setup.projects if setup and not no_fetch else ()
        project = name if name is not None else _only_folder(run, there, agency)
        check_name("project", project)
        is_there = project in there and project not in run.app.reader.projects()
        brought, missing = (None, "") if no_fetch else _bring_ledgers(run, project, is_there=is_there)
        if is_there and not new_ledger and project not in run.app.reader.projects():
            raise ConflictError(
                f"the Agency has {project}, and it could not be brought",
                cause=missing if brought is None else "what came was refused: idse sync pull says why",
                fix=(
                    "idse sync pull",
                    f"idse init {project} --new-ledger  # begins another history of that name",
                ),
            )
        _refuse_lost(run, project)
        maker = run.app.session_maker
        made = init_project(maker, run.app.settings, InitRequest(project, stack, new_ledger, missing))
        if run.app.has_git:
            run.app.ignore_rules.renew()
            if made.created:
                run.app.carry_rules(anew=True)
        hooks = None if no_hooks else _install_hooks(run)
        if no_hooks and run.app.has_git and not run.app.work_tree.is_guarded:
            run.app.work_tree.decline_hooks(declined=True)
    files = install_agent_files(run.app.agent_files, wanted)
    doubts = maker.templates.doubts() if made.made else ()
    folder = _folder(run) if is_there else None
    others = tuple(each for each in there if each != project)
    done = _Done(made, hooks, doubts, files, setup, brought, others, folder)
    code = brought.exit_code if brought else EXIT_OK
    if hooks is not None and hooks.refusal and not hooks.works:
        code = code or EXIT_CONFLICT
    return Answer(
        "idse.init/1",
        lambda: _data(done),
        _lines(run, done),
        [*doubt_diagnostics(done.doubts), *kept_diagnostics(files)],
        code or (EXIT_CONFLICT if any(each.is_trouble for each in files) else EXIT_OK),
    )


def _folder(run: Run) -> Brought | None:
    from idse_orchestrator.cli.render.sync import brought_folder

    return brought_folder(run)


def _refuse_lost(run: Run, project: str) -> None:
    """Raises ConflictError where a ledger was here and its last commit still is: it goes on from there."""
    lost = run.app.lost_ledgers(project) if run.app.has_git else ()
    if lost:
        raise ConflictError(
            f"{counted(len(lost), 'ledger')} of {project} was here and its ref is gone",
            where=", ".join(lost[:3]),
            cause="its last commit is still here; a new beginning would count nothing as finished",
            fix=("idse doctor --fix  # has the ref point there again",),
        )


def _install_hooks(run: Run) -> HooksReport | None:
    if not run.app.has_git:
        return None
    from idse_orchestrator.worktree.hook_files import install_hooks

    return install_hooks(run.app.hook_files())


def _only_folder(run: Run, there: Sequence[str], url: str = "") -> str:
    """Returns the one project that the branch carries, or else the Agency at `url`, with those `there`."""
    projects = sorted({project for project, _ in run.app.workspace.session_folders()})
    if len(projects) == 1:
        return projects[0]
    if not projects and len(there) == 1:
        return there[0]
    if not projects and there:
        where = f" --agency {one_word(url)}" if url else ""
        raise UsageError(
            "which project?",
            cause=f"the Agency has {few(there)}",
            fix=tuple(f"idse init {name}{where}" for name in there[:3]),
        )
    if not projects and (name := as_name(os.path.basename(run.app.top))):
        return name
    raise UsageError(
        "which project?",
        cause="this branch carries " + (", ".join(projects) if projects else "none yet"),
        fix=tuple(f"idse init {name}" for name in projects[:3]) or ("idse init NAME",),
    )


def _bring_ledgers(run: Run, project: str, *, is_there: bool) -> tuple[SyncOutcome | None, str]:
    """Pulls what the Agency, or else `origin`, has of the ledgers that this clone lacks; says what failed.

    `git clone` brings the branches and no ledger. `is_there`: the Agency has the project.
    """
    app = run.app
    here = app.reader.sessions(project)
    if not is_there and not any(
        key[0] == project and key not in here for key in app.workspace.session_folders()
    ):
        return None, ""
    agency = app.sync.ledgers_elsewhere()
    if agency is None:
        return None, ""
    from idse_orchestrator.sync.pull import pull

    run.terminal.progress(f"looking for ledgers at {agency.url}")
    try:
        with app.sync.open(run.terminal.progress, agency=agency) as syncing:
            return pull(syncing), f"{agency.url} has none of it"
    except IdseError as error:
        return None, f"they could not be fetched: {error.message}: {error.cause}"
    finally:
        run.terminal.progress("")


def _data(done: _Done) -> dict[str, object]:
    project, hooks = done.project, done.hooks
    return {
        "project": project.project,
        "changed": done.changed,
        **picked(project, "created made adopted"),
        "hooks": {outcome.name: outcome.result for outcome in hooks.outcomes} if hooks else {},
        "hooks_refused": hooks.refusal if hooks else "",
        "hooks_in_worktree": hooks.in_worktree if hooks else (),
        "agent_files": {each.file.path: each.result for each in done.files},
    }


def _lines(run: Run, done: _Done) -> Iterator[str]:
    hooks, files = done.hooks, done.files
    yield from _brought_lines(done.brought)
    yield from doubt_warnings(done.doubts)
    if hooks is not None and hooks.refusal and not hooks.works:
        yield Warned(f"hooks not installed: {hooks.refusal}")
        yield Said("         idse hooks install    (says what to do)")
    if done.changed:
        yield from _project_lines(done.project, hooks)
    elif all(each.result == ALREADY for each in files):
        yield Said(f"project {done.project.project} is set up already; nothing changed")
    for row in outcome_rows(files) if files else ():
        yield Said(f"  {row}")
    if done.folder and (done.folder.files or done.folder.branch):
        yield Said(done.folder.words)
    if done.others:
        yield Said(f"the Agency has other projects, too: {printable(few(done.others))}")
    if done.agency:
        from idse_orchestrator.cli.render.sync import setup_lines  # it knows git, which may not be here

        yield from map(Said, setup_lines(done.agency))
    if files:
        yield from what_follows(run, files)
        yield from refuse_kept(files)


def _brought_lines(outcome: SyncOutcome | None) -> Iterator[str]:
    if outcome is None or not outcome.refs:
        return
    from idse_orchestrator.cli.render.sync import outcome_lines, outcome_summary, ref_label
    from idse_orchestrator.cli.render.warnings import markers_warning

    yield Said(f"from {outcome.agency.url}: {outcome_summary(outcome)}")
    yield from map(Said, outcome_lines(outcome) if outcome.exit_code else ())
    for place in outcome.conflicts:
        yield markers_warning(ref_label(place.ref), place)
    if outcome.agency.remote == "origin":
        yield Said("  to push there, too: idse sync setup --remote origin")


def _project_lines(done: Initialized, hooks: HooksReport | None) -> Iterator[str]:
    yield Said(f"{'started' if done.created else 'mended'} project {done.project}")
    for session in done.made:
        yield Said(f"  made session {session}: .idse/projects/{done.project}/sessions/{session}/")
    for session in done.adopted:
        yield Said(f"  adopted session {session}")
    if hooks is not None and hooks.outcomes:
        installed = [outcome.name for outcome in hooks.outcomes if outcome.result != "skipped"]
        yield Said(f"  hooks: {', '.join(installed)}")
        yield from worktree_notice(hooks)
    if done.made:
        yield Said(
            f"next: write {artifact_path(done.project, done.made[0], STAGES[0])}, or let idse edit open it"
        )
