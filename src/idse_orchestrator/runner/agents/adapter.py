"""What an adapter of an agent is: it says how the program starts, what a line of it means, how it ended.

An adapter is pure. It gets an Order and returns a Plan; it is shown each line of standard output and returns
an Event or None; and it is given what was Seen and how the process Ended, and returns an Outcome. Starting,
reading, ending and judging the work itself are the runner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted

DONE = "done"
NEEDS_REVIEW = "needs-review"
REFUSED = "refused"
LIMITED = "limited"
AUTH = "auth"
BUDGET = "budget"
FAILED = "failed"
KILLED = "killed"
NO_FINAL = "no-final"
OUTCOMES = (DONE, NEEDS_REVIEW, REFUSED, LIMITED, AUTH, BUDGET, FAILED, KILLED, NO_FINAL)
"""The agent says it is done · a person has to look · a tool was denied, or the model refused · its provider
limits it · it is not logged in · its own cap is spent · it failed · somebody ended it · it ended without a
last word."""


class Order(NamedTuple):
    """One attempt, as an adapter is told of it.

    `workspace`, `home`, `out` and `task_file` are absolute paths as the agent will see them; `prompt` is
    the text for a model. `model` is the name that the task gives ("": the agent's own default). `cap_usd`
    None: no cap. `trust_project` lets the program load hooks, settings and MCP servers of the branch.
    `resume` is an id that an earlier attempt told with an Event ("": start afresh). `sandboxed`: a sandbox of
    ours holds it, so it need not ask before it runs a command.
    """

    project: str
    session: str
    task: str
    attempt: int
    text: str
    prompt: str
    workspace: str
    home: str
    out: str
    task_file: str
    model: str = ""
    paths: tuple[str, ...] = ()
    cap_usd: float | None = None
    trust_project: bool = False
    resume: str = ""
    sandboxed: bool = False


class Plan(NamedTuple):
    """How a program is started: its `env` is added to the allow-list, `stdin` is what it reads.

    `keys` names variables of the user's environment that it gets as well: the one key of that agent.
    `reads` are paths outside of the workspace that it must be able to read under a sandbox, such as the
    folder that it is installed in. `network` False: it needs none. `model` is the one that it is told to ask
    ("": the program decides). `files` are to be in its home before it starts, by relative path.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = {}
    stdin: bytes = b""
    keys: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    network: bool = True
    model: str = ""
    files: Mapping[str, bytes] = {}


class Usage(NamedTuple):
    """Tokens of an attempt. Of each number the highest that was seen counts: totals grow over a resume.

    `input_uncached` holds neither what was read from a cache nor what was written to one; `reasoning` is a
    part of `output`.
    """

    input_uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


MESSAGE, FINAL, DENIED, ERROR, LIMIT, LOGIN, SPEND, STARTED, OVER, ACTED = (
    "message", "final", "denied", "error", "limit", "login", "spend", "started", "over", "acted",
)  # fmt: skip
"""Kinds of events: it said something · its last word · a tool was denied · it reports an error · its provider
says to wait · it is not logged in · it tells usage or cost alone · it tells its id, to resume · its own cap
is spent · a tool did what it was called for."""


class Event(NamedTuple):
    """What one line of an agent means. `text` is hostile: it is shown through `printable`, never published.

    `usage` and `cost_usd` are totals of the attempt so far, None where the line does not tell them.
    `retry_after_s` is how long the provider wants us to wait, None where it does not say. `model` is the one
    that answered, "" where the line does not tell it.
    """

    kind: str
    text: str = ""
    usage: Usage | None = None
    cost_usd: float | None = None
    retry_after_s: float | None = None
    model: str = ""


class Seen(NamedTuple):
    """The fold of the events of an attempt: bounded, however much it says."""

    final: bool = False
    denied: int = 0
    error: str = ""
    limit: bool = False
    retry_after_s: float | None = None
    login: bool = False
    resume: str = ""
    usage: Usage | None = None
    cost_usd: float | None = None
    over: bool = False
    acts: int = 0
    model: str = ""


MOST_TEXT = 2000
"""Characters of a text that are kept."""


def fold(seen: Seen, event: Event) -> Seen:
    """Returns what was seen, `event` with it."""
    if event.usage is not None:
        before = seen.usage or Usage()
        seen = seen._replace(usage=Usage(*map(max, before, event.usage)))
    if event.cost_usd is not None:
        seen = seen._replace(cost_usd=max(seen.cost_usd or 0.0, event.cost_usd))
    text = event.text[:MOST_TEXT]
    if event.model:
        seen = seen._replace(model=event.model[:MOST_TEXT])
    changes: dict[str, dict[str, Any]] = {
        FINAL: {"final": True},
        DENIED: {"denied": seen.denied + 1},
        ERROR: {"error": text or "it reports an error"},
        LIMIT: {"limit": True, "retry_after_s": event.retry_after_s or seen.retry_after_s},
        LOGIN: {"login": True},
        STARTED: {"resume": text},
        OVER: {"over": True},
        ACTED: {"acts": seen.acts + 1},
    }
    return seen._replace(**changes.get(event.kind, {}))


EXITED, TIMEOUT, IDLE, STOPPED, CAPPED = "exited", "timeout", "idle", "stopped", "capped"
"""Why a process ended: by itself · it took too long · it said nothing for too long · the run is stopped ·
it spent more than its cap."""


class Ended(NamedTuple):
    """How a process ended. `code` is its exit code, below 0 the signal that ended it."""

    code: int
    why: str = EXITED
    seconds: float = 0.0
    log: str = ""


class Outcome(NamedTuple):
    """What became of an attempt, as far as the program tells: one of OUTCOMES, and why in plain words.

    `why` may hold words of the agent: it is for the screen and the log of this machine. Evidence is judged
    apart from this; `done` here is only what the agent says.
    """

    kind: str
    why: str = ""
    retry_after_s: float | None = None


class Adapter(Protocol):
    """An agent that the runner can start."""

    @property
    def name(self) -> str:
        """The name that events and reports give it."""
        ...

    def plan(self, order: Order) -> Plan:
        """Returns how it is started for `order`."""
        ...

    def parse(self, line: bytes) -> Event | None:
        """Returns what a line of standard output, without its end, means; None where it means nothing."""
        ...

    def finish(self, seen: Seen, ended: Ended) -> Outcome:
        """Returns what became of the attempt."""
        ...


def ended_from_outside(ended: Ended) -> Outcome | None:
    """Returns the outcome of a process that did not end by itself; None for one that did.

    An interrupt or a termination counts, also where a program turned it into an exit code of its own.
    """
    if ended.why == CAPPED:
        return Outcome(BUDGET, "it spent more than its cap")
    if ended.why == TIMEOUT:
        return Outcome(KILLED, f"it took longer than {ended.seconds:.0f} s")
    if ended.why == IDLE:
        return Outcome(KILLED, "it said nothing for too long")
    if ended.why == STOPPED:
        return Outcome(KILLED, "the run was stopped")
    if ended.code < 0:
        return Outcome(KILLED, f"signal {-ended.code} ended it")
    return None


def judged(seen: Seen, ended: Ended) -> Outcome:  # noqa: PLR0911 - one return for each end
    """Returns the outcome of a program that tells what it does: only a last word without a but is `done`.

    A limit that it got over by itself does not count, and an exit code of 0 proves nothing. Who says that it
    is done and used no tool has only talked.
    """
    found = ended_from_outside(ended)
    if found is not None:
        return found
    if seen.login and not seen.final:
        return Outcome(AUTH, "it is not logged in, or its key is refused")
    if seen.over:
        return Outcome(BUDGET, "it spent its own cap")
    if seen.limit and not seen.final:
        return Outcome(LIMITED, "its provider limits it", seen.retry_after_s)
    if seen.denied:
        return Outcome(REFUSED, f"{counted(seen.denied, 'time')} a tool was denied, or the model refused")
    if not seen.final and (seen.error or ended.code != 0):
        return Outcome(FAILED, seen.error or f"exit code {ended.code}")
    if not seen.final:
        return Outcome(NO_FINAL, "it ended without a last word")
    if ended.code != 0:
        return Outcome(FAILED, f"exit code {ended.code}")
    return Outcome(DONE) if seen.acts else Outcome(FAILED, "it says that it is done, and did nothing")
