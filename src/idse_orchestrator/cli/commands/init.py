"""``idse init``: start or adopt a project."""

from __future__ import annotations

from collections.abc import Sequence

import click

from idse_orchestrator.agents.install_files import ALREADY, FileOutcome, install_agent_files
from idse_orchestrator.base.names import check_name
from idse_orchestrator.cli.agent_files import kept_diagnostics, refuse_kept, say_what_follows
from idse_orchestrator.cli.first_pull import bring_ledgers, say_brought
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.agent_files import outcome_lines
from idse_orchestrator.cli.render.hooks import worktree_notice
from idse_orchestrator.cli.render.sync import setup_lines
from idse_orchestrator.cli.run import Run
from idse_orchestrator.cli.template_doubts import doubt_diagnostics, warn_of
from idse_orchestrator.documents.pipeline_artifacts import STAGES, artifact_path
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK, UsageError
from idse_orchestrator.sessions.init_project import Initialized, InitWish, init_project
from idse_orchestrator.sessions.template_folder import TemplateDoubt
from idse_orchestrator.sync.agency import REMOTE as AGENCY
from idse_orchestrator.worktree.hooks.hook import HooksReport
from idse_orchestrator.worktree.hooks.install import install_hooks


@command("init", reads=True, project=False)
@click.argument("name", metavar="[PROJECT]", required=False)
@click.option("--stack", default="", metavar="TEXT", help="What it is built with, for the templates.")
@click.option("--agency", default="", metavar="URL", help="Where to sync, as idse sync setup URL.")
@click.option("--no-fetch", is_flag=True, help="Do not look for the ledgers of a branch that was cloned.")
@click.option("--no-hooks", is_flag=True, help="Do not install the git hooks.")
@click.option("--agent-files", is_flag=True, help="Tell coding agents of idse, as idse agents install.")
def _init(  # noqa: PLR0913 - one parameter for each option
    run: Run, name: str | None, stack: str, agency: str, *, no_fetch: bool, no_hooks: bool, agent_files: bool
) -> int:
    """Start a project in this repository, or adopt one that the branch carries.

    Writes .idse/ with the __blueprint__ session, its ledger under refs/idse/, the git hooks, and one
    git setting so that plain git log shows idse's notes. Existing files are never touched, nothing is
    committed, and a second run changes nothing. PROJECT may be left out where the branch carries
    exactly one. In a clone, the ledgers of that project are fetched from the Agency, or from origin
    when that has them.
    """
    project = name if name is not None else _only_folder(run)
    wish = InitWish(project, stack)
    check_name("project", wish.project)
    with run.app.alone():
        setup = run.app.sync.set_up(agency, AGENCY) if agency else None
        brought = None if no_fetch else bring_ledgers(run, wish.project)
        maker = run.app.session_maker
        done = init_project(maker, run.app.settings, wish)
        hooks = install_hooks(run.app.hook_files()) if run.app.has_git and not no_hooks else None
    files = install_agent_files(run.app.agent_files) if agent_files else ()
    say_brought(run, brought)
    _render(run, done, hooks, maker.templates.doubts() if done.made else (), files)
    for line in setup_lines(setup) if setup else ():
        run.terminal.say(line)
    if files and not run.terminal.as_json:
        say_what_follows(run, files)
        refuse_kept(run, files)
    code = brought.exit_code if brought else EXIT_OK
    return code or (EXIT_CONFLICT if any(each.is_trouble for each in files) else EXIT_OK)


def build() -> click.Command:
    """The click command."""
    return _init


def _only_folder(run: Run) -> str:
    projects = sorted({project for project, _ in run.app.workspace.session_folders()})
    if len(projects) == 1:
        return projects[0]
    raise UsageError(
        "which project?",
        cause="this branch carries " + (", ".join(projects) if projects else "none yet"),
        fix=tuple(f"idse init {name}" for name in projects[:3]) or ("idse init NAME",),
    )


def _render(
    run: Run,
    done: Initialized,
    hooks: HooksReport | None,
    doubts: Sequence[TemplateDoubt],
    files: Sequence[FileOutcome],
) -> None:
    terminal = run.terminal
    changed = done.changed or (hooks is not None and hooks.changed)
    if terminal.as_json:
        from idse_orchestrator.cli.render.envelope import envelope

        data = {
            "project": done.project,
            "changed": changed,
            "created": done.created,
            "made": done.made,
            "adopted": done.adopted,
            "hooks": {outcome.name: outcome.result for outcome in hooks.outcomes} if hooks else {},
            "hooks_refused": hooks.refusal if hooks else "",
            "hooks_in_worktree": hooks.in_worktree if hooks else (),
            "agent_files": {each.file.path: each.result for each in files},
        }
        terminal.data(envelope("idse.init/1", data, [*doubt_diagnostics(doubts), *kept_diagnostics(files)]))
        return
    warn_of(terminal, doubts)
    if hooks is not None and hooks.refusal:
        terminal.warn(f"hooks not installed: {hooks.refusal}")
        terminal.say("         idse hooks install    (says what to do)")
    if changed:
        _tell(run, done, hooks)
    elif all(each.result == ALREADY for each in files):
        terminal.say(f"project {done.project} is set up already; nothing changed")
    for line in outcome_lines(files) if files else ():
        terminal.say(f"  {line}")


def _tell(run: Run, done: Initialized, hooks: HooksReport | None) -> None:
    say = run.terminal.say
    say(f"{'started' if done.created else 'mended'} project {done.project}")
    for session in done.made:
        say(f"  made session {session}: .idse/projects/{done.project}/sessions/{session}/")
    for session in done.adopted:
        say(f"  adopted session {session}")
    if hooks is not None and hooks.outcomes:
        installed = [outcome.name for outcome in hooks.outcomes if outcome.result != "skipped"]
        say(f"  hooks: {', '.join(installed)}")
        if notice := worktree_notice(hooks):
            run.terminal.warn(notice)
    if done.made:
        say(f"next: write {artifact_path(done.project, done.made[0], STAGES[0])}, then: idse next")
