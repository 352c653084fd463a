"""``idse session``, ``spawn`` and ``switch``: make, list, rename, archive and delete sessions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import click

from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.text import counted, few, one_word, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.options import command, flag, reason_option, session_argument
from idse_orchestrator.cli.render.status import sessions_answer, status_answer
from idse_orchestrator.cli.render.warnings import doubt_diagnostics, doubt_warnings
from idse_orchestrator.cli.terminal import Answer, Run, Said
from idse_orchestrator.documents.project_workspace import STAGES, artifact_path, session_folder
from idse_orchestrator.errors import UsageError
from idse_orchestrator.pipeline.ports import FEATURE
from idse_orchestrator.sessions import create_session, rename_session

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.worktree.branches import BranchPlan

_SPAWN_OPTIONS = (
    click.argument("session", metavar="NAME"),
    click.option(
        "--type",
        "kind",
        default=FEATURE,
        metavar="TYPE",
        shell_complete=options.session_types,
        help="What kind of work it is, and so which stages it has: feature, fix, spike …",
    ),
    click.option("--title", default="", metavar="TEXT", help="What it is about, in a few words."),
    click.option("--owner", default="", metavar="WHO", help="Who answers for it."),
    options.naming_session(
        "--parent", "parents", multiple=True, metavar="SESSION", help="A session it grows from."
    ),
)


_OWN = ""
"""The value of ``--branch`` where it was given without one."""


def _branch_option(help_: str) -> options.Option:
    return click.option("--branch", is_flag=False, flag_value=_OWN, metavar="[BRANCH]", help=help_)


def _spawning(name: str, *, switches: bool) -> click.Command:
    """Makes a command that makes a session, and switches to it if `switches`."""

    def make(run: Run, session: str, kind: str, parents: tuple[str, ...], **more: Any) -> Answer:  # noqa: ANN401 - click hands over what it parsed
        branch = more.pop("branch", None)
        known, stages = _parents(run, parents), _stages(run, kind)
        wanted = create_session.SessionRequest(session, kind, stages, parents=known, **more)
        return _made(run, wanted, branch, switches=switches)

    words = "Make a session from the templates" + (", and switch to it." if switches else ".")
    make.__doc__ = words + (_ON_A_BRANCH if switches else "")
    of_branch = _branch_option("Also make this git branch for it, named like the session if not said.")
    return command(name, *_SPAWN_OPTIONS, *((of_branch,) if switches else ()), reads=True)(make)


_ON_A_BRANCH = """

    With --branch a git branch is made as well, and belongs to the session from then on: git switch
    makes the session the current one. BRANCH may be the branch that is checked out. Where it cannot be
    made, nothing is.
"""


def _stages(run: Run, kind: str) -> tuple[str, ...]:
    """Returns the stages of a type; most sessions have all, and no constitution is read for them."""
    return STAGES if kind == FEATURE else create_session.stages_of(run.app.judging.constitution.types, kind)


def _parents(run: Run, names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names of the sessions that were named as parents. UsageError for one of another project."""
    keys = [run.app.resolve_session(run.project, name) for name in names]
    for name, (project, _) in zip(names, keys, strict=True):
        if project != run.project:
            raise UsageError(f"a parent is of the same project: {name} is not of {run.project}")
    return tuple(name for _, name in keys)


def _made(run: Run, wanted: create_session.SessionRequest, branch: str | None, *, switches: bool) -> Answer:
    app, project = run.app, run.project
    key = (project, wanted.name)
    plan = (
        None if branch is None else app.branches.plan_new(branch or check_name("session", wanted.name), key)
    )
    maker = app.session_maker
    tip = create_session.create_session(maker, project, wanted)
    doubts = maker.templates.doubts()
    if plan:
        _follow(run, plan, key)
    if switches:
        create_session.switch_session(app.workspace, app.views, key)
    path = artifact_path(*key, STAGES[0])

    def lines() -> Iterator[str]:
        yield from doubt_warnings(doubts)
        yield Said(f"made session {project}/{wanted.name}" + (" and switched to it" if switches else ""))
        if plan:
            yield _told_branch(plan, key)
        following = f"write {path}, or let idse edit open it" if switches else f"idse switch {wanted.name}"
        yield Said(f"next: {following}")

    return Answer(
        "idse.session/1",
        lambda: {
            "project": project,
            "session": wanted.name,
            "ledger": tip.commit,
            "path": path,
            "current": switches,
            **({"branch": plan.branch} if plan else {}),
        },
        lines(),
        doubt_diagnostics(doubts),
    )


def _follow(run: Run, plan: BranchPlan, key: SessionKey) -> None:
    """Switches to the branch of `plan`, and has it belong to the session `key`."""
    run.app.branches.switch(plan)
    run.app.branches.map(plan.branch, key)


def _told_branch(plan: BranchPlan, key: SessionKey) -> Said:
    how = "made branch" if plan.makes else "switched to branch" if plan.switches else "branch"
    return Said(printable(f"  {how} {plan.branch}, which belongs to {'/'.join(key)}"))


def _remind(run: Run, key: SessionKey) -> list[Said]:
    """Says that the branch goes on to belong to another session, where it does."""
    branch = run.app.branches.current()
    other = run.app.branches.session(branch)
    if other is None or other == key:
        return []
    words = f"branch {branch} belongs to {'/'.join(other)}, and so do commits of code on it"
    own = run.app.branches.of(key)
    return [Said(printable(f"  {words}" + (f": git switch {one_word(own[0])}" if own else "")))]


@command("switch")
@click.argument("name", shell_complete=options.sessions)
@_branch_option("Also switch to this git branch, and have it belong to NAME.  [default: the one we are on]")
@flag("--no-branch", "is_freed", help="Have no branch belong to NAME any more.")
def switch(run: Run, name: str, branch: str | None, *, is_freed: bool) -> Answer:
    """Make NAME (a session, or project/session) the current session of this work tree.

    Where the branch does not carry its folder, that is written from its ledger.

    A branch that belongs to a session makes it the current one whenever git switches to that branch. It
    keeps its session when it is renamed, and loses it when it is deleted.
    """
    if is_freed and branch is not None:
        raise UsageError("--branch and --no-branch exclude each other", fix=("give one of them",))
    app, key = run.app, run.session(name)
    plan = None if branch is None else app.branches.plan_known(branch, key)
    freed = app.branches.of(key) if is_freed else ()
    if plan:
        _follow(run, plan, key)
    for each in freed:
        app.branches.unmap(each)
    said, *brought = _switched(run, key)
    lines = [said]
    if plan:
        lines.append(_told_branch(plan, key))
    elif app.has_git and not app.is_bare:
        lines += _remind(run, key)
    if is_freed:
        words = f"{few(freed)} {'belong' if len(freed) > 1 else 'belongs'} to no session now"
        lines.append(Said(printable(f"  {words}" if freed else "  no branch belonged to it")))
    return Answer(lines=[*lines, *brought])


def _switched(run: Run, key: SessionKey) -> list[str]:
    """Makes `key` the current session here, with its folder, and says so."""
    from idse_orchestrator.worktree.save import bring_folder

    app = run.app
    changed = create_session.switch_session(app.workspace, app.views, key)
    lines: list[str] = [Said(f"{'switched to' if changed else 'already on'} {'/'.join(key)}")]
    if brought := bring_folder(app.reader, app.writer, app.workspace, key):
        lines.append(Said(f"  brought {session_folder(*key)}/ from its ledger ({counted(brought, 'file')})"))
    return lines


@command("list", reads=True)
@flag("--all", "with_deleted", help="Those that were deleted, too.")
def _list(run: Run, *, with_deleted: bool) -> Answer:
    """List the sessions of all projects; each stage is one sign.

    · pending, ▶ in progress, ✓ complete, - not needed by its type.

    With --project, or IDSE_PROJECT, those of one project.
    """
    return sessions_answer(run, run.projects, with_deleted=with_deleted)


@command("show", reads=True)
@session_argument
def _show(run: Run, session: str | None) -> Answer:
    """Show where a session stands, as idse status does, and how many commits of code it has."""
    key = run.session(session)
    answer = status_answer(run, key)
    if not run.app.has_git:
        return answer
    count = len(run.app.code_commits(key).commits)
    said = f"code: {counted(count, 'commit')}" + (": idse log --code" if count else "")
    data = answer.data
    return answer._replace(
        data=lambda: {**cast("dict[str, object]", data()), "code_commits": count},
        lines=chain(answer.lines, [said]),
    )


@command("set")
@session_argument
@click.option("--title", metavar="TEXT", help="What it is about, in a few words.")
@click.option("--owner", metavar="WHO", help="Who answers for it.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A tag; give all of them.")
@click.option(
    "--status", type=click.Choice(create_session.SETTABLE_STATUSES), help="How far it is, set by hand."
)
@click.option(
    "--type", "kind", metavar="TYPE", shell_complete=options.session_types,
    help="Which stages it has from now on; asks for a reason.",
)  # fmt: skip
@reason_option
def _set(run: Run, session: str | None, kind: str | None, reason: str, **fields: object) -> Answer:
    """Say more about a session. What is not given stays as it is.

    A stage that was moved stays, also where the new type has none of it.
    """
    key = run.session(session)
    given = {name: value for name, value in fields.items() if value not in (None, ())}
    lines = list(_typed(run, key, kind, reason)) if kind else []
    if given or not kind:
        changed = create_session.describe_session(run.app.writer, key, given)
        lines.append(Said(f"described {'/'.join(key)}" if changed else "nothing changed"))
    run.app.views.refresh(key[0])
    return Answer(lines=lines)


def _typed(run: Run, key: SessionKey, kind: str, reason: str) -> Iterator[str]:
    """Gives a session another type, and says what that changes."""
    stages = create_session.stages_of(run.app.judging.constitution.types, kind)
    written = create_session.change_type(run.app.session_maker, key, kind, stages, reason)
    if written is None:
        yield Said(f"{'/'.join(key)} is a {kind} already")
        return
    yield Said(f"{'/'.join(key)} is a {kind} now: {', '.join(stages)}")
    for path in written:
        yield Said(f"  to write: {path}")


@command("rename")
@click.argument("names", metavar="[SESSION] NAME", nargs=-1, required=True, shell_complete=options.sessions)
@options.session_option
@click.option("--title", metavar="TEXT", help="What it is about, in a few words.")
def _rename(run: Run, names: tuple[str, ...], session: str | None, title: str | None) -> Answer:
    """Give a session another name, which means it wherever a session is named.

    Its ledger and its folder keep the first name, and that still means it. A name that it was given before
    is free then; renamed to its first name, it has that alone.
    """
    *named, name = names
    if len([*named, *filter(None, [session])]) > 1:
        raise UsageError(
            "one session is renamed at a time", cause="usage: idse session rename [SESSION] NAME"
        )
    key = run.session(named[0] if named else session)
    done = rename_session.rename_session(run.app.reader, run.app.writer, key, name, title)
    run.app.views.refresh(key[0])
    if not done.changed:
        return Answer(lines=[Said("nothing changed")])
    now = f"is called {done.now} now" + ("" if done.now == key[1] else f"; {key[1]} means it, too")
    return Answer(lines=[Said(f"{key[0]}/{done.before} {now}")])


@command("delete")
@session_argument
@reason_option
@flag("--undo", help="Bring it back.")
def _delete(run: Run, session: str | None, reason: str, *, undo: bool) -> Answer:
    """Hide a session everywhere but in idse session list --all. Needs a reason: -m WHY.

    Nothing is taken away: its ledger stays, and its folder in the branch. Whatever is done to it later, or
    was done elsewhere meanwhile, brings it back: an edit in a commit, a stage that is moved.
    """
    key = run.session(session)
    changed = rename_session.delete_session(run.app.writer, key, reason, undo=undo)
    if not changed:
        return Answer(lines=[Said("nothing changed")])
    lines: list[str] = [Said(f"{'brought back' if undo else 'deleted'} {'/'.join(key)}")]
    if not undo:
        lines += _deleted_lines(run, key)
    run.app.views.refresh(key[0])
    return Answer(lines=lines)


def _deleted_lines(run: Run, key: SessionKey) -> Iterator[str]:
    """Yields what stays, and works on another session where this one was current."""
    from idse_orchestrator.wiring.tasks import queue_of

    workspace = run.app.workspace
    if key in workspace.session_folders():
        where, command = ("in this branch", "git rm -r") if run.app.has_git else ("here", "rm -r")
        yield Said(f"  its folder stays {where}; remove it when you like: {command} {session_folder(*key)}")
    yield Said(f"  to bring it back: idse session delete {key[1]} --undo")
    tasks = len(queue_of(run.app).names(*key)) if run.app.has_git else 0
    if tasks:
        yield Said(f"  {counted(tasks, 'task')} of it: kept, and none moves until then")
    if workspace.current(key[0]) != key:
        return
    following = rename_session.next_session(run.app.reader, key[0])
    if following is None:
        yield Said(f"no other session of {key[0]} is there: idse spawn NAME")
        return
    worked_on = workspace.current()
    yield from _switched(run, following)
    if worked_on not in (None, key):
        workspace.set_current(*worked_on)  # of another project: that stays


@command("archive")
@session_argument
@reason_option
@flag("--undo", help="Bring it back.")
def _archive(run: Run, session: str | None, reason: str, *, undo: bool) -> Answer:
    """Put a session into the archive: it stays readable, and its stages do not move any more."""
    key = run.session(session)
    changed = create_session.archive_session(run.app.writer, key, reason, undo=undo)
    run.app.views.refresh(key[0])
    words = "brought back" if undo else "archived"
    return Answer(lines=[Said(f"{words} {'/'.join(key)}" if changed else "nothing changed")])


spawn = _spawning("spawn", switches=True)
session = options.Group(
    "session",
    commands=[_spawning("new", switches=False), _list, _show, switch, _set, _rename, _archive, _delete],
    help="Make, list, rename, archive and delete sessions.",
)
