"""The one way in for writes that are no push: who asks, the lock, the judge, the audit, and then the store.

The order is that of a push. A private folder holds what was made until the judge has said yes and the audit
has its row; then the objects move into the store, and the ref moves by compare-and-swap. Killed anywhere
before that, nothing happened; a row of the audit may be there, as with a push.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.files import replica_id
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import LedgerMovedError
from idse_orchestrator.git.libgit2 import RefMovedError, move_ref, open_repository
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.events import Actor
from idse_orchestrator.pipeline.stage_state_model import state_from_json
from idse_orchestrator.server.gateway.admission import Admitted, Denied, admit, late_refusal
from idse_orchestrator.server.gateway.receiving import BUSY, Said, ask_judge, hold
from idse_orchestrator.server.judgement.pushed import SEALED
from idse_orchestrator.server.model.examination import (
    Examination,
    Examined,
    examination_to_json,
    examined_from_json,
)
from idse_orchestrator.server.model.names import RECEIVE
from idse_orchestrator.server.model.names import Asked as AskedOfGit
from idse_orchestrator.server.model.push import Refusal, Verdict, question_to_json, verdict_from_json
from idse_orchestrator.server.tenants.audit import WRITTEN
from idse_orchestrator.server.tenants.kept_answers import (
    KEPT_SECONDS,
    KeptAnswer,
    first_key,
    keep_answer,
    kept_answer,
)
from idse_orchestrator.server.tenants.keys import iso
from idse_orchestrator.server.writing.private_objects import PrivateBackend, private_objects, take_over
from idse_orchestrator.server.writing.replica import Replica

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.server.gateway.agency import Agency, Recorder
    from idse_orchestrator.server.model.names import Place
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.database import Writing

Build = Callable[[Replica], None]
_HALF = 5
"""Bytes of an event's id that tell the name of its write; as many more tell its digest."""


class Asked(NamedTuple):
    """A write that somebody asks for.

    `names` are project and session, or project alone. `tip` is what the ledger must end with, "" : whatever
    it does; `blobs` are ids that documents must have, by path. `name` is how the caller calls the write, so
    that it can be asked for again, "" : it cannot; `digest` is that of the request.
    """

    place: Place
    ref: str
    names: tuple[str, ...]
    tip: str = ""
    blobs: Mapping[str, str] = {}
    name: str = ""
    digest: str = ""


class Written(NamedTuple):
    """What was written: the answer in JSON's own types, and the tip. `is_again`: it was written before."""

    answer: Mapping[str, Any]
    tip: str
    is_again: bool = False


class Stale(NamedTuple):
    """Somebody else wrote meanwhile: the ledger ends with `tip` ("" : there is none)."""

    tip: str


class Reused(NamedTuple):
    """Another request had that name."""

    name: str


Outcome = Written | Denied | Stale | Reused | Verdict
"""What comes of a write; a verdict: it was refused."""


class _Made(NamedTuple):
    moves: tuple[tuple[str, str, str], ...]
    answer: dict[str, Any]


class Desk:
    """Writes for callers of one Agency; its ledgers have `kinds`."""

    def __init__(self, agency: Agency, kinds: Kinds) -> None:
        self._agency = agency
        self._kinds = kinds
        self._running: set[asyncio.Task[Outcome]] = set()

    async def write(self, caller: Caller, asked: Asked, build: Build) -> Outcome:
        """Writes what `build` makes, whole or not at all, whatever becomes of who asked.

        Raises BusyServerError where too much is going on, and the IdseError that `build` meets.
        """
        agency = self._agency
        agency.pace.count(caller.key_id)
        async with agency.places.place(caller.client):
            wanted = AskedOfGit(asked.place, RECEIVE, is_listing=False)
            admitted = await asyncio.to_thread(admit, agency, caller, wanted)
            if not isinstance(admitted, Admitted):
                return admitted
            task = asyncio.create_task(self._locked(caller, asked, build))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            return await asyncio.shield(task)

    async def try_out(self, caller: Caller, asked: Asked, build: Build, stage: str) -> Examined | Denied:
        """Returns what the judge would find in a session if `build` were written; nothing of it is kept.

        With a `stage`, what its gate would say. Raises as `write` does, and OSError where the judge is gone.
        """
        agency = self._agency
        agency.pace.count(caller.key_id)
        async with agency.places.place(caller.client):
            wanted = AskedOfGit(asked.place, RECEIVE, is_listing=False)
            admitted = await asyncio.to_thread(admit, agency, caller, wanted)
            if not isinstance(admitted, Admitted):
                return admitted
            write = _Write(agency, self._kinds, caller, asked)
            with private_objects(write.git_dir) as folder:
                made = await asyncio.to_thread(write.build, folder, build)
                project, session = asked.names
                question = self.examination(asked.place, (project, session), made.answer["tip"], stage)
                return await self.examine(question._replace(objects=folder))

    async def _locked(self, caller: Caller, asked: Asked, build: Build) -> Outcome:
        began = time.monotonic()
        async with self._lock(asked.place) as is_ours:
            if not is_ours:
                return BUSY
            still = partial(late_refusal, self._agency, caller, asked.place)
            late = await asyncio.to_thread(still)
            if late is not None:
                return Verdict((late,))
            recorder = self._agency.recorder(asked.place, caller, secrets.token_hex(8), still, WRITTEN)
            outcome = await self._held(_Write(self._agency, self._kinds, caller, asked), build, recorder)
        if isinstance(outcome, Written):
            self._agency.follow(recorder)
        if isinstance(outcome, (Written, Verdict)) and recorder.result:
            self._agency.pushed(asked.place, recorder, time.monotonic() - began)
        return outcome

    async def _held(self, write: _Write, build: Build, recorder: Recorder) -> Outcome:
        before = await asyncio.to_thread(write.before)
        if before is not None:
            return before
        with private_objects(write.git_dir) as folder:
            made = await asyncio.to_thread(write.build, folder, build)
            if not made.moves:
                return Written(made.answer, made.answer["tip"])
            said = Said((folder, "", "", "", ""), made.moves)
            verdict = await self._judged(recorder, said)
            made.answer["recorded"] = [
                {"code": each.code, "message": each.message} for each in verdict.recorded
            ]
            recorder.also = partial(write.keep, made)
            verdict = await recorder.decide(said, verdict)
            if verdict.refused:
                return verdict
            await asyncio.to_thread(write.finish, folder, made)
        return Written(made.answer, made.answer["tip"])

    async def _judged(self, recorder: Recorder, said: Said) -> Verdict:
        agency = self._agency
        try:
            line = question_to_json(recorder.question(said))
            answer = await ask_judge(agency.judge_socket, line, agency.configuration.judge_seconds)
            return verdict_from_json(answer)
        except (OSError, EOFError, ValueError, TypeError, KeyError, asyncio.LimitOverrunError):
            words = "the judge is gone, or gave no answer that counts"
            return Verdict((Refusal("", "judge", words, "write again later"),))

    @asynccontextmanager
    async def _lock(self, place: Place) -> AsyncIterator[bool]:
        lock = os.open(self._agency.home.git_dir(place), os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield await hold(lock)
        finally:
            os.close(lock)

    async def examine(self, examination: Examination) -> Examined:
        """Returns what the judge finds in a session. Raises IdseError, OSError or EOFError."""
        agency = self._agency
        line = examination_to_json(examination)
        return examined_from_json(
            await ask_judge(agency.judge_socket, line, agency.configuration.judge_seconds)
        )

    def examination(self, place: Place, names: tuple[str, str], tip: str, stage: str) -> Examination:
        """Returns the question about a session, or about the types of a project where no session is named."""
        git_dir = self._agency.home.git_dir(place)
        return Examination(git_dir, self._agency.home.path, _today(), *names, tip, stage)


class _Write:
    """One write, under the lock of its repository. Its methods are for threads."""

    def __init__(self, agency: Agency, kinds: Kinds, caller: Caller, asked: Asked) -> None:
        self._agency = agency
        self._kinds = kinds
        self._caller = caller
        self._asked = asked
        self.git_dir = agency.home.git_dir(asked.place)
        self._vault = Vault(self.git_dir, Git(self.git_dir, {**SEALED, "PATH": agency.limits.path}))

    def before(self) -> Outcome | None:
        """Returns what to answer without writing anything; None where the write is to be made."""
        asked = self._asked
        again = self._again() if asked.name else None
        if again is not None:
            return again
        tip = self._tip()
        if asked.tip and asked.tip != tip:
            return Stale(tip)
        if asked.blobs:
            names = self._vault.git.attempt("ls-tree", "-r", "-z", f"{tip}:artifacts").stdout.decode()
            rows = (row.partition("\t") for row in names.split("\0") if row)
            there = {path: meta.split(" ")[2] for meta, _, path in rows}
            if any(there.get(path, "") != blob for path, blob in asked.blobs.items()):
                return Stale(tip)
        return None

    def _tip(self) -> str:
        found = open_repository(self.git_dir).references.get(self._asked.ref)
        return str(found.target) if found is not None else ""

    def _again(self) -> Outcome | None:
        """Returns the answer of before. One whose commit is not there any more was lost: it is made anew."""
        asked = self._asked
        kept = kept_answer(self._agency.admin.database, self._caller, asked.name)
        if kept is not None:
            if kept.digest != asked.digest:
                return Reused(asked.name)
            is_there = self._vault.git.attempt("merge-base", "--is-ancestor", kept.commit, kept.ref)
            return Written(kept.answer, kept.commit, is_again=True) if is_there.returncode == 0 else None
        return self._told_by_the_ledger()

    def _told_by_the_ledger(self) -> Outcome | None:
        """Looks for the write in the ledger itself, where the database was restored and knows nothing."""
        if not self._tip():
            return None
        letters = _letters(self._chance())
        own, whole = letters[: len(letters) // 2], letters
        since = f"--max-age={int(time.time()) - KEPT_SECONDS}"  # an answer is kept no longer either
        grep = f"--grep=^Idse-Event: .\\{{10\\}}{own}"
        asked = ("rev-list", since, "--basic-regexp", grep, self._asked.ref)
        for commit in self._vault.git.lines(*asked):
            data = self._vault.git.bytes("cat-file", "blob", f"{commit}:event.json")
            event = json.loads(data)["id"]
            if event[10 : 10 + len(own)] != own:
                continue
            if not event.endswith(whole):
                return Reused(self._asked.name)
            state = self._vault.git.bytes("cat-file", "blob", f"{commit}:state.json")
            return Written(self._answer(commit, [event], state), commit, is_again=True)
        return None

    def _chance(self) -> bytes:
        """Returns bytes for an event's id that tell the name of the write, and its request."""
        own = first_key(self._agency.admin.database, self._caller)
        name = f"{self._caller.client_id}\0{own}\0{self._asked.name}"
        return b"".join(hashlib.sha256(each.encode()).digest()[:_HALF] for each in (name, self._asked.digest))

    def build(self, folder: str, build: Build) -> _Made:
        """Makes the events in a private folder. Raises the IdseError that this meets."""
        named = (self._chance(),) if self._asked.name else ()
        chances = chain(named, (secrets.token_bytes(2 * _HALF) for _ in repeat(None)))
        backend = PrivateBackend(self._vault, folder, self._actor(), lambda: next(chances))
        replica = Replica(self._vault, self._kinds, backend, folder, self._examine, _today())
        build(replica)
        tip = backend.moves[-1][2] if backend.moves else self._tip()
        state = backend.state or self._vault.git.bytes("cat-file", "blob", f"{tip}:state.json")
        return _Made(tuple(backend.moves), self._answer(tip, backend.events, state))

    def _examine(self, project: str, session: str, tip: str, stage: str) -> Examined:
        question = Examination(self.git_dir, self._agency.home.path, _today(), project, session, tip, stage)
        line = examination_to_json(question)
        seconds = self._agency.configuration.judge_seconds
        return examined_from_json(asyncio.run(ask_judge(self._agency.judge_socket, line, seconds)))

    def _actor(self) -> Actor:
        caller = self._caller
        home = self._agency.home
        name = caller.name or caller.agent or f"key {caller.key_id}"
        email = caller.emails[0] if caller.emails else f"{caller.key_id.lower()}@keys.idse.invalid"
        return Actor(name, email, caller.agent, replica_id(home.cache, int(time.time() * 1000)))

    def _answer(self, tip: str, events: list[str], state: bytes) -> dict[str, Any]:
        asked = self._asked
        told: dict[str, Any] = {
            "client": asked.place.client,
            "repository": asked.place.repository,
            **dict(zip(("project", "session"), asked.names, strict=False)),
            "tip": tip,
            "events": events,
        }
        if len(asked.names) > 1:
            found = state_from_json(state)
            told["status"] = found.effective_status
            told["stages"] = {stage: found.status_of(stage) for stage in found.stages}
        return told

    def keep(self, made: _Made, writing: Writing) -> None:
        """Keeps the answer for who asks again; in the transaction of the audit."""
        asked = self._asked
        if not asked.name:
            return
        now = time.time()
        kept = KeptAnswer(asked.digest, asked.ref, made.answer["tip"], made.answer)
        keep_answer(writing, self._caller, asked.name, kept, iso(now), iso(now - KEPT_SECONDS))

    def finish(self, folder: str, made: _Made) -> None:
        """Moves the objects into the store, then the refs. LedgerMovedError where one is elsewhere by now."""
        take_over(self.git_dir, folder)
        repository = open_repository(self.git_dir)
        for ref, old, new in made.moves:
            try:
                move_ref(repository, ref, new, old or None, "idse: written by the Agency")
            except RefMovedError as error:
                raise LedgerMovedError(f"{ref} moved") from error


def _letters(chance: bytes) -> str:
    """Returns how ten bytes stand at the end of an event's id."""
    from idse_orchestrator.base.names import ulid

    return ulid(0, chance)[10:]


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
