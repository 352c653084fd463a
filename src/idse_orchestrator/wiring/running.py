"""The runner, put together: what is asked for, what keeps it from running, and the run itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.handoff import handoffs_of
from idse_orchestrator.agents.ide_agent_routing import LISTED, additions, route
from idse_orchestrator.agents.registry import IMPLEMENTATION as CODES
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.base.files import file_lock, make_folder, write_atomically
from idse_orchestrator.base.names import ulid
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean, few, one_line
from idse_orchestrator.documents.project_workspace import ARTIFACTS, IMPLEMENTATION, artifact_path
from idse_orchestrator.errors import (
    ConflictError,
    GateError,
    NotARepositoryError,
    UnknownNameError,
    UsageError,
)
from idse_orchestrator.pipeline.stage_machine import START
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, IN_PROGRESS, standings
from idse_orchestrator.runner.agents.shell import ShellAgent
from idse_orchestrator.runner.model.configuration import Configuration
from idse_orchestrator.runner.model.evidence import is_refused_place
from idse_orchestrator.runner.multi_agent_orchestrator import (
    Happened,
    MultiAgentOrchestrator,
    Options,
    Place,
)
from idse_orchestrator.runner.queue.integration import HEADS, Integration
from idse_orchestrator.runner.queue.results import Results
from idse_orchestrator.runner.report import Row, markdown_of, row_of, with_report
from idse_orchestrator.runner.terms import Terms, Tools
from idse_orchestrator.runner.work.sandbox import AUTO, Sandbox, find_sandbox
from idse_orchestrator.runner.work.worker_lock import Watch, WorkerLock
from idse_orchestrator.runner.work.workspace import Workspaces, open_filters, sweep, work_root
from idse_orchestrator.sessions.move_stage import Moving, move_stages
from idse_orchestrator.sessions.ports import Move
from idse_orchestrator.sessions.status import next_action, no_ledger, same_lists
from idse_orchestrator.tasks.enqueue import Wanted, read_list, wanted
from idse_orchestrator.tasks.kind import LOCK
from idse_orchestrator.tasks.words import DONE
from idse_orchestrator.wiring.agent_setup import agents_of, prices_of, ready_adapter
from idse_orchestrator.wiring.metering import meter_of, parties_of, refuse_empty, usage_of
from idse_orchestrator.wiring.tasks import task_queue

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.values import Look
    from idse_orchestrator.runner.agents.adapter import Adapter
    from idse_orchestrator.tasks.state import NewTask, TaskState
    from idse_orchestrator.tasks.task_queue import TaskQueue
    from idse_orchestrator.wiring.application import Application

TASKS = "tasks"
KEEP_DAYS = 7.0
_SHELL = "shell"


class Asked(NamedTuple):
    """What the command line asks for. `command` is an agent that is a command, `agents` have names."""

    slots: int = 1
    command: str = ""
    agents: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    check: str = ""
    check_network: bool = False
    sandbox: str = AUTO
    merges: bool = True
    reads: tuple[str, ...] = ()
    trust_project: bool = False
    budget_usd: float | None = None


class Prepared(NamedTuple):
    """A run that may begin: nothing was written yet. `wants` is what the list asks for that is not there."""

    key: SessionKey
    asked: Asked
    queue: TaskQueue
    wants: Wanted
    adapters: Mapping[str, Adapter]
    sandbox: Sandbox
    head: str
    starts: bool
    own: Configuration = Configuration()
    registered: tuple[str, ...] = ()


def branch_of(key: SessionKey) -> str:
    """Returns the branch that takes the results of a session in."""
    return f"idse/{key[0]}/{key[1]}"


def run_folder(app: Application) -> str:
    """Returns where a run keeps what is derived and private: locks of workers, logs, the board."""
    return os.path.join(app.vault.private, "run")


def logs_of(app: Application) -> str:
    """Returns where the logs of attempts are."""
    return os.path.join(run_folder(app), "logs")


def state_home(environment: Mapping[str, str]) -> str:
    """Returns the user's folder for state."""
    given = environment.get("XDG_STATE_HOME", "")
    return given if os.path.isabs(given) else os.path.join(os.path.expanduser("~"), ".local", "state")


def prepare(app: Application, key: SessionKey, asked: Asked) -> Prepared:
    """Returns a run that may begin. Raises what keeps it from that, be it a stage or an agent."""
    look = app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    starts = _refuse_stages(app, key, look)
    own = agents_of(app.environment)
    adapters = _adapters(app, look, asked, own)
    if adapters.keys() - {_SHELL}:
        refuse_empty({**own.budgets, **({} if asked.budget_usd is None else {"run": asked.budget_usd})})
    queue = task_queue(app.vault, app.acting)
    board = queue.board(*key)
    wants = wanted(read_list(_list_of(app, key, look), artifact_path(*key, TASKS)), board.states, TASKS)
    _refuse_unknown(asked.only, [*board.rows, *(task.task for task in wants.new)])
    _refuse_places(wants.new)
    _refuse_checks(own.checks, [*(task.caps for task in wants.new), *(state.caps for state in board.states)])
    Integration(_results(app), app.vault.common_dir, branch_of(key)).refuse_checked_out()
    _refuse_in_the_way(app, branch_of(key))
    _refuse_state_home(app)
    sandbox = find_sandbox(asked.sandbox, app.environment)
    if sandbox.contains and not asked.trust_project:
        _refuse_filters(app)
    return Prepared(key, asked, queue, wants, adapters, sandbox, _head(app), starts, own, _registered(look))


def begin(
    app: Application,
    prepared: Prepared,
    tell: Callable[[Happened], None],
    show: Callable[[MultiAgentOrchestrator], None],
) -> MultiAgentOrchestrator:
    """Starts the stage, queues what is new, and returns the run, which takes tasks when it is told to."""
    key, asked = prepared.key, prepared.asked
    if prepared.starts:
        _start_implementation(app, key)
    prepared.queue.apply(*key, prepared.wants.new, prepared.wants.changes)
    host = "".join(each if each.isascii() and each.isalnum() else "-" for each in os.uname().nodename[:30])
    name = f"{host.strip('-') or 'host'}-{os.getpid()}-{_unique()}"
    parties = parties_of(prepared.own, prepared.adapters, name)
    meter = meter_of(
        app.vault, prepared.queue, key, prepared.own, prices_of(app.environment), parties, asked.budget_usd
    )
    tools = _tools(app, prepared)._replace(usage=usage_of(meter, parties), limited=meter.limited)
    sweep(tools.spaces.root, KEEP_DAYS)
    workers = os.path.join(run_folder(app), "workers")
    worker = WorkerLock(workers, name)
    watch = Watch(workers)
    watch.tidy(frozenset(state.worker for state in prepared.queue.board(*key).held))
    checks = prepared.own.checks
    terms = Terms(
        asked.check, checks, asked.check_network, trust_project=asked.trust_project, reads=asked.reads
    )
    branch = Integration(tools.results, app.vault.common_dir, branch_of(key))
    options = Options(
        asked.slots, prepared.head, frozenset(asked.only), asked.merges, any_agent=bool(asked.command),
        registered=prepared.registered,
    )  # fmt: skip
    place = Place(branch, worker, watch, Gate(app, key), meter, tell, show)
    return MultiAgentOrchestrator(tools, terms, key, prepared.adapters, options, place)


class Gate:
    """Says why nothing of a session may be taken now, "" where it may; it looks when files change."""

    def __init__(self, app: Application, key: SessionKey) -> None:
        self._app = app
        self._key = key
        self._seen: object = None
        self._answer = ""

    def __call__(self) -> str:
        """Returns why not."""
        seen = [*self._dates()]
        if seen != self._seen:
            self._seen = seen
            look = self._app.reader.look(*self._key)
            why = "the session's ledger is gone" if look is None else _why_not(self._app, self._key, look)
            self._answer = why
        return self._answer

    def _dates(self) -> Iterator[object]:
        common, top = self._app.vault.common_dir, self._app.top
        project, session = self._key
        paths = [
            os.path.join(common, "packed-refs"),
            os.path.join(common, "refs", "idse", "sessions", project, session),
        ]
        paths += [os.path.join(top, artifact_path(project, session, stage)) for stage in ARTIFACTS]
        for path in paths:
            try:
                status = os.stat(path)
                yield status.st_mtime_ns, status.st_ino, status.st_size
            except OSError:
                yield None


def _why_not(app: Application, key: SessionKey, look: Look) -> str:
    try:
        _refuse_stages(app, key, look)
    except GateError as error:
        return error.message
    return ""


def _blobs(app: Application, key: SessionKey, look: Look) -> Mapping[str, str]:
    """Returns the documents of the work tree; those of the ledger where this branch has none."""
    return app.workspace.blobs(*key) or look.blobs


def _refuse_stages(app: Application, key: SessionKey, look: Look) -> bool:
    """Raises GateError where the stages do not let a run begin; returns whether it starts implementation."""
    state = look.tip.state
    stages = {
        each.stage: each
        for each in standings(state, _blobs(app, key, look), same_lists(app.reader, app.workspace, key))
    }
    name = "/".join(key)
    if not stages[TASKS].holds:
        action = next_action(state, [*stages.values()])
        what = f"is {stages[TASKS].status}" if stages[TASKS].status != COMPLETE else stages[TASKS].condition
        raise GateError(
            f"{name} cannot be worked off: its stage tasks {_words(what)}",
            cause=action.why,
            fix=action.commands,
        )
    own = stages[IMPLEMENTATION]
    if own.status == COMPLETE:
        raise GateError(
            f"{name} cannot be worked off: its implementation is complete",
            fix=(f'idse stage reopen implementation --session {key[1]} -m "why"',),
        )
    for handoff in handoffs_of(state):
        if handoff.stage == IMPLEMENTATION and handoff.waits_for_approval:
            raise GateError(
                f"{name} cannot be worked off: its handover to {handoff.to_agent} waits for a person",
                fix=(f"idse handoff approve {handoff.id[:10].lower()}",),
            )
    return own.status != IN_PROGRESS


def _words(what: str) -> str:
    known = {
        "changed": "changed after it was completed",
        "stale": "is stale",
        "is in_progress": "is in progress",
    }
    return known.get(what, what)


def _start_implementation(app: Application, key: SessionKey) -> None:
    look = app.reader.look(*key)
    if look is None:
        raise no_ledger(key)
    same, adding = same_lists(app.reader, app.workspace, key), partial(additions, registry_of(look))
    moving = Moving(key, look, same, app.writer, app.workspace, app.judging.gate, adding)
    move_stages(moving, [Move(IMPLEMENTATION, START, "", one_line(app.agent))])
    app.views.refresh_all()


def _list_of(app: Application, key: SessionKey, look: Look) -> bytes:
    blob = _blobs(app, key, look).get(TASKS, "")
    found = app.workspace.content(*key, ARTIFACTS[TASKS], blob) or app.reader.blob(blob)
    return found or b""


def _adapters(app: Application, look: Look, asked: Asked, own: Configuration) -> Mapping[str, Adapter]:
    if asked.command:
        return {_SHELL: ShellAgent(asked.command)}
    registry = registry_of(look)
    found: dict[str, Adapter] = {}
    for name in asked.agents:
        known = registry.agent(name)
        if known is not None and (known.mode != CODES or IMPLEMENTATION not in known.stages):
            what = "plans only" if known.mode != CODES else "does not handle implementation"
            raise UsageError(
                f"agent {name} may not work on tasks: by the registry it {what}",
                fix=("idse agents list",),
            )
        found[name] = ready_adapter(own.agent(name), app.environment)
    return found


def _registered(look: Look) -> tuple[str, ...]:
    """Returns the agents that the registry has for tasks: whoever the session was handed to, or all."""
    routing = route(registry_of(look), IMPLEMENTATION, look.tip.state.assigned.get(IMPLEMENTATION, ""))
    assigned = [choice.agent.id for choice in routing.choices if choice.why != LISTED]
    return tuple(assigned or (choice.agent.id for choice in routing.choices))


def _refuse_unknown(only: Sequence[str], known: Sequence[str]) -> None:
    unknown = [task for task in only if task not in known]
    if unknown:
        raise UnknownNameError(
            f"there is no task {few(unknown)}", fix=did_you_mean(unknown[0], known) or ("idse task list",)
        )


def _refuse_places(new: Iterable[NewTask]) -> None:
    for task in new:
        for path in task.paths:
            place = os.path.normpath(path)
            if os.path.isabs(place) or place.split("/")[0] == ".." or is_refused_place(place):
                raise UsageError(
                    f"{task.task} declares {path}, which no task may change: it could never be done",
                    cause="what an agent leaves is taken below the top of the code, without .git and .idse",
                    fix=('idse stage reopen tasks -m "why"  # then name another file',),
                )


def _refuse_checks(known: Mapping[str, str], caps: Iterable[Mapping[str, Any]]) -> None:
    unknown = sorted({each["check"] for each in caps if each.get("check", "") not in ("", *known)})
    if unknown:
        raise UnknownNameError(
            f"no check {unknown[0]!r} is set up, and a task asks for it",
            cause="the name stands in tasks.md; the command is yours to say, as no document may name one",
            fix=(f"add it below checks in ~/.config/idse/agents.yaml, such as {unknown[0]}: pytest -q",),
        )


def _refuse_in_the_way(app: Application, branch: str) -> None:
    """Raises ConflictError where a branch stands that git cannot have beside `branch`."""
    first = branch.partition("/")[0]
    done = app.vault.git.attempt("for-each-ref", "--format=%(refname)", f"{HEADS}{first}")
    for ref in os.fsdecode(done.stdout).split():
        name = ref.removeprefix(HEADS)
        if branch.startswith(f"{name}/") or name.startswith(f"{branch}/"):
            raise ConflictError(
                f"the branch {name} stands in the way of {branch}, which takes results in",
                cause="git keeps no branch below the name of another one",
                fix=(f"git branch -m {name} {name.replace('/', '-')}-old",),
            )


def _refuse_state_home(app: Application) -> None:
    """Raises UsageError for workspaces inside of the repository: its files would have them, and agents it."""
    place = os.path.realpath(state_home(app.environment))
    for folder in map(os.path.realpath, (app.vault.common_dir, app.top)):
        if os.path.commonpath((place, folder)) == folder:
            raise UsageError(
                f"workspaces would lie inside of this repository, below {place}",
                cause="they stand in $XDG_STATE_HOME, which is ~/.local/state if nobody says another folder",
                fix=("XDG_STATE_HOME=/var/tmp/state idse run  # a folder outside of the repository",),
            )


def _refuse_filters(app: Application) -> None:
    done = app.vault.git.attempt("config", "-z", "--get-regexp", r"^filter\..*\.(clean|smudge|process)$")
    rows = (row.partition("\n") for row in os.fsdecode(done.stdout).split("\0"))
    commands = open_filters({name: command for name, _, command in rows})
    if commands:
        raise UsageError(
            f"git here has a filter that would leave the sandbox: {one_line(commands[0])}",
            cause="git starts it where the agent worked, so it may run what the agent wrote",
            fix=("idse run --trust-project  # such filters run, and what a branch brings is loaded",),
        )


def _head(app: Application) -> str:
    done = app.work_tree.git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if done.returncode != 0:
        raise NotARepositoryError(
            "there is no commit yet to work on", fix=('git add -A && git commit -m "first"',)
        )
    return done.stdout.decode().strip()


def _results(app: Application) -> Results:
    who = app.acting()
    return Results(app.vault.common_dir, (who.name, who.email))


def _tools(app: Application, prepared: Prepared) -> Tools:
    environment = app.environment
    root = work_root(app.vault.common_dir, state_home(environment))
    home = os.path.expanduser("~")
    return Tools(
        prepared.queue,
        _results(app),
        Workspaces(app.vault, root),
        prepared.sandbox,
        os.path.join(state_home(environment), "idse", "homes", os.path.basename(root)),
        logs_of(app),
        environment,
        (home, os.path.join(state_home(environment), "idse")),
        _secrets(app),
        lambda: file_lock(app.vault.private, name=LOCK),
        lambda _adapter, _seen, _ended: {},
    )


def _secrets(app: Application) -> Callable[[bytes], bool]:
    """Returns a test for what the rules in force take for a secret."""
    from idse_orchestrator.constitution.checks.document import Document
    from idse_orchestrator.constitution.checks.verbs import no_secrets
    from idse_orchestrator.documents.project_workspace import FileEntry

    rules = [rule for rule in app.judging.constitution.rules if rule.check == "no_secrets"]

    def is_secret(data: bytes) -> bool:
        entry = FileEntry(0o100644, "", len(data))
        return any(True for rule in rules for _ in no_secrets(Document("x", entry, data), rule.options))

    return is_secret


def _unique() -> str:
    return ulid(int(time.time() * 1000), os.urandom(10))[-6:].lower()


def not_taken_in(app: Application, key: SessionKey, states: Iterable[TaskState]) -> Sequence[str]:
    """Returns tasks that are done and whose result neither the branch of results nor HEAD has any more.

    Somebody deleted the branch or moved it back. What was taken over as a squashed commit looks the same.
    """
    tasks = {state.into: state.task for state in states if state.state == DONE and state.into}
    if not tasks:
        return ()
    known = [name for name in ("HEAD", f"{HEADS}{branch_of(key)}") if _is_there(app, name)]
    words = [*tasks, *(f"^{name}" for name in known)]
    git = app.work_tree.git
    done = git.attempt("rev-list", "--ignore-missing", "--stdin", stdin="\n".join(words).encode())
    return [tasks[commit] for commit in done.stdout.decode().split() if commit in tasks]


def _is_there(app: Application, name: str) -> bool:
    return app.work_tree.git.attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").returncode == 0


def report_rows(app: Application, key: SessionKey) -> Sequence[Row]:
    """Returns what came of each task of a session, in the order of its list."""
    queue = task_queue(app.vault, app.acting)
    states = queue.board(*key).states
    return [row_of(state, queue.log(*key, state.task)) for state in states]


def write_report(app: Application, key: SessionKey, rows: Sequence[Row]) -> str:
    """Writes the rows below *What Was Built* of the implementation's document; returns its path."""
    path = artifact_path(*key, IMPLEMENTATION)
    place = os.path.join(app.top, path)
    try:
        with open(place, encoding="utf-8") as file:
            before = file.read()
    except FileNotFoundError:
        before = "# Implementation\n"
    make_folder(os.path.dirname(place))
    write_atomically(place, with_report(before, markdown_of(rows)).encode())
    return path
