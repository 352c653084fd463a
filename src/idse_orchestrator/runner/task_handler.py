"""One attempt, from a task that is taken to one that is settled.

It is a generator: it yields each program that has to run, is sent the child when that has ended, and returns
how the attempt was settled. So one process without threads works on many. A result is kept before the task
says `finish`, and nothing is merged here: a process that dies anywhere leaves a legal state.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.errors import FencedError, StorageError
from idse_orchestrator.runner.agents.adapter import (
    AUTH,
    BUDGET,
    CAPPED,
    DONE,
    FAILED,
    IDLE,
    KILLED,
    LIMIT,
    LIMITED,
    NEEDS_REVIEW,
    NO_FINAL,
    REFUSED,
    STOPPED,
    TIMEOUT,
    Adapter,
    Ended,
    Order,
    Outcome,
    Plan,
    Seen,
    fold,
)
from idse_orchestrator.runner.meter import cap_of
from idse_orchestrator.runner.model.evidence import Asked, Judgement, Left, judge, wants_a_look
from idse_orchestrator.runner.model.prompt import Told, prompt
from idse_orchestrator.runner.queue.results import Found, Outputs, has_markers
from idse_orchestrator.runner.terms import Settled, Terms, Tools
from idse_orchestrator.runner.work.child import Child, Start
from idse_orchestrator.runner.work.environment import allowed
from idse_orchestrator.runner.work.homes import put_file, take_home
from idse_orchestrator.runner.work.log_file import LogFile
from idse_orchestrator.runner.work.sandbox import NONE, Reach
from idse_orchestrator.runner.work.workspace import (
    Place,
    make_place,
    release_place,
    write_file,
)
from idse_orchestrator.tasks.kind import output_ref, result_ref

if TYPE_CHECKING:
    from idse_orchestrator.tasks.state import TaskState

FULL_PAUSE_S = 5.0

_WHY_FAILED = {
    REFUSED: "refused",
    NO_FINAL: "no-final",
    FAILED: "failed",
    BUDGET: "budget",
    KILLED: "killed",
}
_WHY_ENDED = {TIMEOUT: "timeout", IDLE: "idle", CAPPED: "budget"}


class _SettledEarly(Exception):  # noqa: N818 - never leaves this file
    def __init__(self, settled: Settled) -> None:
        super().__init__()
        self.settled = settled


Steps = Generator[Start, Child, Settled]


class TaskHandler:
    """Works on the task `taken` with `adapter`; `before` says how the attempt before it ended."""

    def __init__(
        self, tools: Tools, terms: Terms, taken: TaskState, adapter: Adapter, before: str = ""
    ) -> None:
        self.taken = taken
        self.adapter = adapter
        self.seen = Seen()
        self.child: Child | None = None
        """What runs now; whoever drives the steps says it."""
        self.log = LogFile(log_path(tools.logs, taken))
        self.doing = "begins"
        self._tools = tools
        self._terms = terms
        self._before = before
        self._began = time.monotonic()
        self._places: list[Place] = []

    @property
    def seconds(self) -> float:
        """How long it has been worked on."""
        return time.monotonic() - self._began

    def steps(self) -> Steps:
        """Works on it. Raises StorageError and more where git cannot be written; the task is held then."""
        settled: Settled | None = None
        try:
            settled = yield from self._steps()
        except _SettledEarly as early:
            settled = early.settled
        except OSError as error:
            settled = self._no_room(f"{error.filename or 'the workspace'}: {error.strerror or error}")
        except FencedError as error:
            settled = Settled("fenced", self.taken, error.message)
        finally:
            keep = settled is not None and settled.action == "fail"
            for place in self._places:
                release_place(place, keep=keep and place is self._places[0])
            self.log.close()
        return settled._replace(seconds=self.seconds)

    def _steps(self) -> Steps:
        place = yield from self._place((), self.taken.base)
        inode = os.lstat(place.workspace).st_ino
        ended = yield from self._agent(place)
        outcome = self.adapter.finish(self.seen, ended)
        if outcome.kind not in (DONE, NEEDS_REVIEW):
            return self._not_done(outcome, ended)
        self.doing = "collects"
        found = yield from self._collected(place, inode, ended)
        return (yield from self._judged(place, outcome, ended, found))

    # --- places

    def _place(self, more: tuple[str, ...], base: str) -> Generator[Start, Child, Place]:
        """Makes a folder with the tree of `base` checked out in it."""
        taken = self.taken
        name = ".".join((f"{taken.task}.{taken.attempt}", *more))
        place = make_place(self._tools.spaces.root, (taken.project, taken.session, name))
        self._places.append(place)
        child = yield self._tools.spaces.checkout(place, base)
        self._refuse_stopped(child)
        if _code(child) != 0:
            why = _last_words(child) + (": No space left on device" if _is_full(place.folder) else "")
            raise _SettledEarly(self._no_room(f"git cannot check out {base[:7]} in {place.folder}: {why}"))
        self._tools.spaces.private(place, base)
        return place

    # --- the agent

    def _agent(self, place: Place) -> Generator[Start, Child, Ended]:
        home = take_home(self._tools.homes, self.adapter.name)
        try:
            order = self._order(place, home.folder)
            write_file(place.task_file, order.prompt)
            plan = self.adapter.plan(order)
            for path, content in plan.files.items():
                put_file(home.folder, path, content)
            self.seen = self.seen._replace(model=plan.model)
            self.doing = "works"
            child = yield self._started(place, home.folder, plan)
        finally:
            home.release()
        ended = child.ended
        assert ended is not None  # noqa: S101 - it is sent when it has ended
        return ended

    def _started(self, place: Place, home: str, plan: Plan) -> Start:
        taken, terms = self.taken, self._terms
        more = {
            "IDSE_PROJECT": taken.project,
            "IDSE_SESSION": taken.session,
            "IDSE_TASK": taken.task,
            "IDSE_ATTEMPT": str(taken.attempt),
            "IDSE_AGENT": self.adapter.name,
            "IDSE_TEXT": taken.text,
            "IDSE_PATHS": "\n".join(taken.paths),
            "IDSE_TASK_FILE": place.task_file,
            "IDSE_OUT": place.out,
            **plan.env,
        }
        start = Start(
            plan.argv,
            allowed(self._tools.environment, home, plan.keys, more),
            place.workspace,
            plan.stdin,
            timeout_s=taken.caps.get("timeout_s", terms.timeout_s),
            idle_s=terms.idle_s,
            mark=taken.take,
            log=self.log,
            on_line=self._heard,
        )
        reads = (*self._tools.spaces.object_folders(), place.task_file, *plan.reads, *terms.reads)
        write = (place.workspace, home, place.out)
        return self._tools.sandbox.start(start, Reach(write, reads, self._tools.hidden, plan.network))

    def _order(self, place: Place, home: str) -> Order:
        taken = self.taken
        documents = f".idse/projects/{taken.project}/sessions/{taken.session}"
        told = Told(
            taken.project, taken.session, taken.task, taken.text, documents,
            taken.paths, taken.caps.get("output", ""), self._before,
        )  # fmt: skip
        return Order(
            taken.project,
            taken.session,
            taken.task,
            taken.attempt,
            taken.text,
            prompt(told),
            place.workspace,
            home,
            place.out,
            place.task_file,
            model=taken.caps.get("model", ""),
            paths=taken.paths,
            cap_usd=cap_of(taken),
            trust_project=self._terms.trust_project,
            sandboxed=self._tools.sandbox.name != NONE,
        )

    def _heard(self, line: bytes) -> None:
        event = self.adapter.parse(line)
        if event is None:
            return
        self.seen = fold(self.seen, event)
        if event.kind == LIMIT and event.retry_after_s is not None:
            self._tools.limited(self.adapter.name, event.retry_after_s)
        cap = cap_of(self.taken)
        if cap is not None and self.seen.cost_usd is not None and self.seen.cost_usd > cap and self.child:
            self.child.stop(CAPPED)

    # --- the result

    def _collected(self, place: Place, inode: int, ended: Ended) -> Generator[Start, Child, Found]:
        try:
            status = os.lstat(place.workspace)
        except FileNotFoundError as error:
            raise _SettledEarly(self._failed("unsafe", ended, "the workspace was removed")) from error
        if status.st_ino != inode or not stat.S_ISDIR(status.st_mode):
            raise _SettledEarly(
                self._failed("unsafe", ended, "the workspace was exchanged for something else")
            )
        child = yield self._tools.spaces.collect(place)
        self._refuse_stopped(child)
        if _code(child) != 0:
            why = f"git cannot take what is there: {_last_words(child)}"
            raise _SettledEarly(self._failed("unsafe", ended, why))
        return self._tools.results.read(place.own_index, self.taken.base)

    def _judged(self, place: Place, outcome: Outcome, ended: Ended, found: Found) -> Steps:
        results, taken = self._tools.results, self.taken
        outputs = results.outputs(place.out)
        texts = [(path, results.text(blob)) for path, blob in found.texts]
        asked = self._asked()
        left = Left(
            outcome.kind in (DONE, NEEDS_REVIEW),
            outcome.why,
            found.changed,
            found.refused,
            tuple(path for path, data in texts if has_markers(data)),
            tuple(path for path, data in texts if self._tools.is_secret(data)),
            outputs.paths,
        )
        first = judge(asked._replace(check=False), left)
        code = "" if found.refused else self._kept(found, outputs)
        if not first.is_whole:
            return self._without_evidence(first, ended)
        if asked.check:
            self.doing = "is checked"
            left = left._replace(check=(yield from self._check(code or taken.base)))
        whole = judge(asked, left)
        if not whole.is_whole:
            return self._without_evidence(whole, ended)
        look = wants_a_look(found.changed)
        facts = dict(whole.facts)
        why = f"a person has to look at {look[0]}" if look else ""
        if outcome.kind == NEEDS_REVIEW or look:
            facts["valid"] = "missing"  # nobody but a person can say that it is
            why = why or outcome.why
        usage = self._usage(ended)
        base = taken.base
        state = self._tools.queue.finish(taken, code=code, base=base, usage=usage, evidence=facts)
        return Settled("finish", state, why)

    def _kept(self, found: Found, outputs: Outputs) -> str:
        """Commits what the attempt left, and has refs name it; returns the commit of its code, "" : none."""
        taken, results = self.taken, self._tools.results
        names = (taken.project, taken.session, taken.task, taken.attempt)
        trailers = {
            "Idse-Task": f"{taken.project}/{taken.session}/{taken.task}",
            "Idse-Attempt": str(taken.attempt),
            "Idse-Agent": self.adapter.name,
        }
        subject = f"{taken.task}: {taken.text}"
        code = results.commit(found.tree, taken.base, subject, trailers) if found.changed else ""
        output = results.commit(outputs.tree, "", f"output of {subject}", trailers) if outputs.tree else ""
        with self._tools.lock():
            if code:
                results.keep(result_ref(*names), code)
            if output:
                results.keep(output_ref(*names), output)
        return code

    def _asked(self) -> Asked:
        caps = self.taken.caps
        named = "check" in caps
        command = self._command()
        return Asked(self.taken.paths, caps.get("output", ""), bool(command), named and not self.taken.paths)

    def _command(self) -> str:
        """Returns the user's command that checks a result, "" for none."""
        name = self.taken.caps.get("check", "")
        return self._terms.checks.get(name, "false") if name else self._terms.check

    def _check(self, commit: str) -> Generator[Start, Child, int]:
        """Runs the user's check in a fresh workspace of the result: without a key or an agent's home."""
        place = yield from self._place(("check",), commit)
        self.log.write(f"\n--- check: {self._command()}\n".encode())
        terms = self._terms
        start = Start(
            ("sh", "-c", self._command()),
            allowed(self._tools.environment, place.home, more={"IDSE_TASK": self.taken.task}),
            place.workspace,
            timeout_s=terms.check_timeout_s,
            mark=f"{self.taken.take}.check",
            log=self.log,
        )
        reads = (*self._tools.spaces.object_folders(), *terms.reads)
        write = (place.workspace, place.home)
        reach = Reach(write, reads, self._tools.hidden, terms.check_network)
        child = yield self._tools.sandbox.start(start, reach)
        self._refuse_stopped(child)
        return _code(child)

    # --- how it ends

    def _refuse_stopped(self, child: Child) -> None:
        if child.ended is not None and child.ended.why == STOPPED:
            raise _SettledEarly(self._released("drain", "the run was stopped", child.ended))

    def _not_done(self, outcome: Outcome, ended: Ended) -> Settled:
        if ended.why == STOPPED:
            return self._released("drain", "the run was stopped", ended)
        if outcome.kind == LIMITED:
            seconds = self._tools.limited(self.adapter.name, outcome.retry_after_s)
            return self._released("limit", outcome.why, ended, seconds)
        if outcome.kind == AUTH:
            return self._released("auth", outcome.why, ended)
        why = _WHY_ENDED.get(ended.why) or _WHY_FAILED[outcome.kind]
        return self._failed(why, ended, outcome.why)

    def _without_evidence(self, judgement: Judgement, ended: Ended) -> Settled:
        why = "no-evidence"
        if "modes" in judgement.why:
            why = "unsafe"
        elif [*judgement.why] == ["check"]:
            why = "check"
        words = "; ".join(judgement.why.values())
        return self._failed(why, ended, words, judgement.facts)

    def _failed(self, why: str, ended: Ended, words: str, facts: Mapping[str, str] | None = None) -> Settled:
        code = max(-255, min(ended.code, 255))
        usage = self._usage(ended)
        state = self._tools.queue.fail(self.taken, why=why, exit=code, usage=usage, evidence=facts)
        return Settled("fail", state, words or why)

    def _released(self, why: str, words: str, ended: Ended, pause_s: float = 0.0) -> Settled:
        later = self._tools.clock() + pause_s if pause_s else 0.0
        usage = self._usage(ended)
        state = self._tools.queue.release(self.taken, why=why, not_before=later, usage=usage)
        return Settled("release", state, words, retry_after_s=pause_s or None)

    def _no_room(self, trouble: str) -> Settled:
        """Gives the task back: the machine cannot work on anything now. Nothing counts against it."""
        later = self._tools.clock() + FULL_PAUSE_S
        try:
            state = self._tools.queue.release(self.taken, why="workspace", not_before=later)
        except (FencedError, StorageError) as error:
            return Settled("fenced", self.taken, error.message, trouble)
        return Settled("release", state, trouble, trouble)

    def _usage(self, ended: Ended) -> dict[str, Any]:
        return self._tools.usage(self.adapter, self.seen, ended)


def log_path(logs: str, state: TaskState, attempt: int | None = None) -> str:
    """Returns the file with the log of an attempt, the last one if none is named."""
    name = f"{state.task}.{state.attempt if attempt is None else attempt}.log"
    return os.path.join(logs, state.project, state.session, name)


def _is_full(folder: str) -> bool:
    """Tests for a disk with no room for a file: git does not always say why it cannot write."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < 1 << 16 or (found.f_files > 0 and found.f_favail == 0)


def _code(child: Child) -> int:
    return child.ended.code if child.ended is not None else 1


def _last_words(child: Child) -> str:
    lines = child.words.decode("utf-8", "replace").strip().split("\n")
    return lines[-1][:200] or f"exit code {_code(child)}"
