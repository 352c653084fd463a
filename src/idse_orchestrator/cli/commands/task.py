"""``idse task``: the tasks of a session, one by one."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.text import few, one_line, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import headed
from idse_orchestrator.cli.render.task import BLOCKED, data, listing, shown, told
from idse_orchestrator.cli.terminal import Answer, Raw, Said, Warned, application_here
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import NameTakenError, TaskStateError, UnknownNameError, UsageError
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted
from idse_orchestrator.tasks.shapes import MAX_TEXT
from idse_orchestrator.tasks.state import NewTask, TaskState
from idse_orchestrator.tasks.task_queue import persons_only
from idse_orchestrator.tasks.words import STATES
from idse_orchestrator.wiring.tasks import queue_of, tick_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.tasks.task_queue import TaskQueue


def _tasks(context: click.Context, _incomplete: str) -> Iterable[str]:
    app = application_here()
    project = context.params.get("project")
    key = app.resolve_session(project, context.params.get("session"))
    return sorted(queue_of(app).names(*key))


_task_argument = click.argument("task", metavar="TASK", shell_complete=options.silently(_tasks))


def _queue(run: Run, session: str | None) -> tuple[TaskQueue, SessionKey]:
    return queue_of(run.app), run.session(session)


def _known(run: Run, session: str | None) -> tuple[TaskQueue, SessionKey]:
    """Returns the queue and a session that has a ledger here and was not deleted."""
    queue, key = _queue(run, session)
    tip = run.app.reader.session(*key)
    if tip is None:
        raise no_ledger(key)
    refuse_deleted(tip.state)
    return queue, key


# --- looking


@options.command("list", reads=True)
@click.option(
    "--state",
    "wanted",
    type=click.Choice([*STATES, BLOCKED]),
    multiple=True,
    help="Only those that stand so; may be given more than once.",
)
@options.session_argument
def list_tasks(run: Run, session: str | None, wanted: tuple[str, ...]) -> Answer:
    """List the tasks of a session: how each stands, who has it, what it cost, what it waits for.

    A task that is ready and needs others that are not done is blocked.
    """
    gc.disable()  # ten thousand tasks are read, printed, and forgotten by the end of the process
    queue, key = _queue(run, session)
    board = queue.board(*key)
    blocked = {state.task for state in board.blocked}

    def word(state: TaskState) -> str:
        return BLOCKED if state.task in blocked else state.state

    chosen = [state for state in board.states if not wanted or word(state) in wanted]
    return Answer(
        "idse.tasks/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "counts": dict(board.counts),
            "spent_usd": board.spent_usd,
            "reserved_usd": board.reserved_usd,
            "tasks": [data(board, state) for state in chosen],
            "unreadable": {task: error.cause for task, error in board.unreadable.items()},
        },
        listing(board, chosen, word, run.terminal.style),
    )


@options.command("show", reads=True)
@_task_argument
@options.session_option
def show_task(run: Run, task: str, session: str | None) -> Answer:
    """Show how one task stands, and what it waits for."""
    queue, key = _queue(run, session)
    state = queue.state(*key, task)
    board = queue.board(*key)
    return Answer("idse.task/1", lambda: data(board, state), shown(board, state))


@options.command("log", reads=True)
@_task_argument
@options.session_option
def log_task(run: Run, task: str, session: str | None) -> Answer:
    """Show all that happened to a task, the first event first."""
    queue, key = _queue(run, session)
    events = queue.log(*key, task)
    return Answer(
        "idse.task-log/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "task": task,
            "events": [
                {"id": each.id, "at": each.at, "by": each.actor.label, "kind": each.kind, **each.body}
                for each in events
            ],
        },
        told(events),
    )


# --- adding


@options.command("add", reads=True)
@click.argument("task", metavar="[TASK]", required=False)
@click.argument("text", metavar="[TEXT]", required=False)
@click.option("--needs", metavar="IDS", default="", help="What it waits for, with commas between.")
@click.option("--path", "paths", metavar="PATH", multiple=True, help="What it touches.")
@options.naming_agent("--for", "agent", default="", help="Who shall do it.")
@click.option("--approve", metavar="WHAT", default="", help="What a person has to look at before it begins.")
@options.session_option
def add(run: Run, task: str | None, text: str | None, session: str | None, **asked: Any) -> Answer:  # noqa: ANN401 - of several options
    """Queue the list of a session, or one task that is in no list.

    Without TASK it brings what is new in tasks.md into the queue, and has what is there follow the list: the
    stage tasks must be complete. A task whose line is gone is cancelled, one whose words changed is changed
    while nobody holds it, and a box that was ticked by hand counts as done.
    """
    from idse_orchestrator.tasks.enqueue import refuse_impossible

    queue, key = _known(run, session)
    if task is None:
        return _added(run, queue, key)
    text = one_line(text or "")
    if not text:
        raise UsageError("a task needs a text", fix=(f'idse task add {one_line(task)} "what to do"',))
    board = queue.board(*key)
    made = NewTask(
        check_name("task", task),
        text[:MAX_TEXT],
        tuple(filter(None, (need.strip() for need in asked["needs"].split(",")))),
        tuple(filter(None, map(one_line, asked["paths"]))),
        check_name("agent", asked["agent"]) if asked["agent"] else "",
        position=max((state.position for state in board.states), default=0) + 1,
        approve=one_line(asked["approve"])[:MAX_TEXT],
    )
    twin = next((name for name in queue.names(*key) if name.casefold() == task.casefold()), None)
    if twin is not None:
        raise NameTakenError(
            f"task {twin!r} exists already", fix=(f"idse task show {twin}", "choose another id")
        )
    refuse_impossible([made], {state.task: state for state in board.states}, (), f"task {task}")
    state = queue.enqueue(*key, [made])[0]
    return Answer(
        "idse.task/1", lambda: data(queue.board(*key), state), [Said(f"queued {task}: it is {state.state}")]
    )


def _added(run: Run, queue: TaskQueue, key: SessionKey) -> Answer:
    from idse_orchestrator.tasks.queue_list import queue_list, stale_words

    queued = queue_list(run.app.reader, run.app.workspace, queue, key)
    asked, moved = queued.wanted, {state.task: state for state in queued.moved}
    new = [task.task for task in asked.new if task.task in moved]
    gone = [change.task for change in asked.changes if change.action == "cancel" and change.task in moved]
    changed = [change.task for change in asked.changes if change.action != "cancel" and change.task in moved]
    parts = {"new": new, "changed": changed, "cancelled": gone}
    words = [f"{len(names)} {what}" for what, names in parts.items() if names]
    words += [f"{asked.kept} as before"] if asked.kept else []
    return Answer(
        "idse.task-add/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            **parts,
            "kept": asked.kept,
            "stale": [{"task": each.state.task, "action": each.action} for each in asked.stale],
        },
        [Said(f"queue of {key[0]}/{key[1]}: {', '.join(words) or 'nothing is open'}")]
        + [Warned(line) for line in stale_words(asked)],
    )


# --- moving


def _moved(queue: TaskQueue, key: SessionKey, state: TaskState) -> Answer:
    return Answer(
        "idse.task/1",
        lambda: data(queue.board(*key), state),
        [Said(f"{state.task} is {state.state}" + (f": {state.reason}" if state.reason else ""))],
    )


@options.command("accept", reads=True)
@_task_argument
@click.option("--into", metavar="COMMIT", help="The commit that has the result; else the branch, or HEAD.")
@options.reason_option
@options.session_option
def accept(run: Run, task: str, session: str | None, into: str | None, reason: str) -> Answer:
    """Accept the result of a task in review: it is done, and what needs it may begin.

    The commit that has its code is looked for on the branch of the session, then at HEAD.
    """
    queue, key = _known(run, session)
    state = queue.state(*key, task)
    _refuse_agents(run, "accept", task)
    commit = _commit(run, into) if into else _holding(run, key, state)
    return _moved(queue, key, queue.accept(state, commit, reason=reason))


def _refuse_agents(run: Run, action: str, task: str) -> None:
    """Raises where an agent judges a result: it may be its own."""
    agent = run.app.acting().agent
    if agent:
        raise persons_only(action, task, agent)


def _commit(run: Run, name: str) -> str:
    found = run.app.vault.git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if found.returncode != 0:
        raise UnknownNameError(f"there is no commit {one_line(name)!r}", fix=("git log --oneline",))
    return found.stdout.decode().strip()


def _holding(run: Run, key: SessionKey, state: TaskState) -> str:
    """Returns the commit that has the code of a result; "" where it has none."""
    if not state.code or state.state != "review":
        return ""
    git = run.app.vault.git
    for name in (f"refs/heads/idse/{key[0]}/{key[1]}", "HEAD"):
        if git.attempt("merge-base", "--is-ancestor", state.code, name).returncode == 0:
            return _commit(run, name)
    raise TaskStateError(
        f"the result of {state.task} is on no branch yet",
        where=state.code[:12],
        cause="a task is done when its code is merged",
        fix=(f"git merge {state.code[:12]}", f"idse task accept {state.task} --into COMMIT"),
    )


@options.command("reject", reads=True)
@_task_argument
@options.required_reason("What is wrong with it; part of the history.")
@options.session_option
def reject(run: Run, task: str, session: str | None, reason: str) -> Answer:
    """Send the result of a task in review back: it is ready again."""
    queue, key = _known(run, session)
    _refuse_agents(run, "reject", task)
    return _moved(queue, key, queue.reject(queue.state(*key, task), reason=reason))


def _plain(name: str, words: str, *, reason: Any = options.reason_option) -> click.Command:  # noqa: ANN401 - an option
    """Makes a command that moves a task by the method of the queue that is called like it."""

    def move(run: Run, task: str, session: str | None, reason: str) -> Answer:
        queue, key = _known(run, session)
        return _moved(queue, key, getattr(queue, name)(queue.state(*key, task), reason=reason))

    move.__doc__ = words
    return options.command(name, _task_argument, reason, options.session_option, reads=True)(move)


approve = _plain("approve", "Let a task begin that waits for a person.")
refuse = _plain(
    "refuse",
    "Never let a task begin that waits for a person.",
    reason=options.required_reason("Why; part of the history."),
)
cancel = _plain(
    "cancel",
    "End a task without a result. Who holds it goes on in vain: its result does not count.",
    reason=options.required_reason("Why; part of the history."),
)
retry = _plain("retry", "Let a failed or cancelled task be taken again; attempts are counted anew.")
reopen = _plain(
    "reopen",
    "Let a task that is done be taken again.",
    reason=options.required_reason("Why; part of the history."),
)


# --- documents and outputs


@options.command("tick", reads=True)
@options.session_argument
def tick(run: Run, session: str | None) -> Answer:
    """Tick the boxes of done tasks in tasks.md of this work tree.

    Only open boxes of tasks that are done with the words that the list has now are ticked; nothing else
    changes, and no box is opened. Ticks are progress: they do not touch a completed stage.
    """
    queue, key = _known(run, session)
    ticked = tick_list(run.app, key, queue.board(*key).states)
    words = f"ticked {few(ticked)} in {ARTIFACTS['tasks']}" if ticked else "every done task is ticked"
    return Answer(
        "idse.task-tick/1",
        lambda: {"project": key[0], "session": key[1], "ticked": list(ticked)},
        [Said(words)],
    )


@options.command("output", reads=True)
@_task_argument
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--attempt", type=click.IntRange(1), help="Another attempt than the last one.")
@options.session_option
def output(run: Run, task: str, path: str | None, session: str | None, attempt: int | None) -> Answer:
    """List the files that a task put out beside code, or print one of them.

    They are what its agent left in $IDSE_OUT. PATH is printed byte for byte.
    """
    queue, key = _queue(run, session)
    state = queue.state(*key, task)
    number = attempt or state.attempt
    files = queue.outputs(state, number) if number else None
    if files is None:
        raise UnknownNameError(
            f"nothing is kept that attempt {number} of {task} put out"
            if number
            else f"{task} was never taken",
            fix=(f"idse task log {task}",),
        )
    if path is not None:
        return _printed(queue, path, {each.path: each.blob for each in files})
    _, lines = headed((), [(each.path, f"{each.size:,} bytes") for each in files])
    return Answer(
        "idse.task-output/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "task": task,
            "attempt": number,
            "files": [each._asdict() for each in files],
        },
        [*map(printable, lines), *([] if files else [Said("it put nothing out")])],
    )


def _printed(queue: TaskQueue, path: str, files: Mapping[str, str]) -> Answer:
    if path not in files:
        raise UnknownNameError(
            f"there is no file {one_line(path)!r} among them", cause=f"files: {few(sorted(files))}"
        )
    return Answer(lines=[Raw([queue.blob(files[path])])])


task = options.Group(
    "task",
    commands=[
        *(list_tasks, show_task, log_task, add, accept, reject, approve, refuse),
        *(cancel, retry, reopen, tick, output),
    ],
    no_args_is_help=True,
    help="""Look at the tasks of a session, and decide about single ones.

    Each task is a ledger of its own, which stays in this repository. Workers take tasks and end them; what
    people decide is typed here.
    """,
)
