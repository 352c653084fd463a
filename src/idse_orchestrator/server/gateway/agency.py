"""One Agency at work: what its doors share."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import count
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted
from idse_orchestrator.constitution.rules import AGENCY
from idse_orchestrator.documents.design_reference import CATALOGUE
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.object_stream import reading_also
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.server.gateway.following import Following
from idse_orchestrator.server.gateway.judge import soon
from idse_orchestrator.server.gateway.limits import Crowd, GitPlaces, Pace, Turns
from idse_orchestrator.server.gateway.metrics import Metrics
from idse_orchestrator.server.gateway.policy import Hook, Limits, git_environment
from idse_orchestrator.server.gateway.receiving import Receiving, Said
from idse_orchestrator.server.gateway.webhook import Webhook
from idse_orchestrator.server.model.push import Question, Refusal, Verdict
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import PUSHED, AuditEntry
from idse_orchestrator.server.tenants.home import follower_socket, judge_socket, make_repository
from idse_orchestrator.server.tenants.repository_checks import sweep_quarantines
from idse_orchestrator.server.tenants.tenancy import Tenants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from idse_orchestrator.server.model.names import Place
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.configuration import Configuration
    from idse_orchestrator.server.tenants.database import Writing
    from idse_orchestrator.server.tenants.home import Home

Late = Callable[[], Refusal | None]
"""Says why what was let in may not come in after all; None: it may. For threads."""
Rules = tuple[tuple[int, int, int], ...]
"""Time, size and inode of the files with rules."""
_LEAST_FREE = 256 * 1024 * 1024
_TICK = 2.0
_TICKS_AN_HOUR = 1800
_TASKS = ("loose-objects", "incremental-repack", "pack-refs")
_MAINTENANCE = ("git", "maintenance", "run", "--quiet", *(f"--task={task}" for task in _TASKS))


class Agency:
    """Holds what the doors of one Agency share.

    `search` is the PATH on which git is found, `variables` are those by which a database is reached.
    """

    def __init__(
        self, home: Home, configuration: Configuration, search: str, variables: Mapping[str, str] = {}
    ) -> None:
        self.variables = variables
        self.home = home
        self.configuration = configuration
        self.is_read_only = configuration.read_only
        self.admin = Admin(home.admin_db)
        self.tenants = Tenants(home, self.admin, Git(home.path, {"PATH": search}))
        self.hook = Hook(os.path.join(home.run, "hooks"))
        signers = os.path.join(home.rules, "signers")
        self.limits = Limits(search, configuration.max_pack_bytes, _nonce_seed(home.secrets), signers)
        self.empty_root = os.path.join(home.run, "empty")
        self.judge_socket = judge_socket(home)
        self.judge_files = os.path.join(home.run, "judge")
        self.places = GitPlaces(configuration.gits, configuration.patience)
        self.pace = Pace(configuration.pushes_a_minute)
        self.turns = Turns()
        self.crowd = Crowd(configuration.connections, self._is_no_client)
        self._pushed: set[Place] = set()
        self._told: dict[Place, Rules] = {}
        self._all_told: object = None
        """The state of database and rules in which every repository knew them."""
        self._known_rules: frozenset[tuple[str, int, int, int]] | None = None
        self.rules_state = "ok"
        """Whether the rules of this home can be used, as /readyz says it: it names nobody."""
        self.following = Following(follower_socket(home))
        self.webhook = Webhook(home, self.admin, configuration.webhook) if configuration.webhook else None
        behind = self.webhook.rows_behind if self.webhook else lambda: 0
        self.metrics = Metrics(lambda: self.places.running, lambda: self.following.lag, behind)

    @property
    def url(self) -> str:
        """The address under which clients know this Agency."""
        return self.configuration.url.rstrip("/")

    def prepare(self) -> None:
        """Writes the hook and the empty repository, and sweeps what a server or judge that was killed left.

        The empty repository stands for each that is not made yet.
        """
        for name in ("run", "designs"):  # the judge may read what is there when it starts
            make_folder(os.path.join(self.home.path, name), "the home of the Agency")
        shutil.rmtree(self.judge_files, ignore_errors=True)
        # The judge can open only what is there when it starts.
        for folder in (self.judge_files, os.path.join(self.home.path, os.path.dirname(CATALOGUE))):
            make_folder(folder, "the home of the Agency")
        self.hook.write()
        sweep_quarantines(self.home, time.time(), self.configuration.request_seconds)
        empty = os.path.join(self.empty_root, "empty.git")
        if not os.path.isfile(os.path.join(empty, "HEAD")):
            make_folder(self.empty_root, "the home of the Agency")
            make_repository(empty)

    def create(self, caller: Caller, place: Place) -> None:
        """Makes a repository, because of a first push. Raises IdseError where there may be no more."""
        self.tenants.add_repository(place, caller)
        self._tell(place, self._rules_now(place.client))

    def look_at_rules(self) -> None:
        """Notes whether the rules can be used, where a file of theirs has changed."""
        from idse_orchestrator.server.judgement.today import broken_rules

        with suppress(OSError), os.scandir(self.home.rules) as entries:
            rules = {(each.name, *_state(each.stat())) for each in entries}
            now = frozenset({*rules, (CATALOGUE, *_state_at(os.path.join(self.home.path, CATALOGUE)))})
            if now == self._known_rules:
                return
            broken = broken_rules(self.home.path)
            self._known_rules = now
            if "" in broken:
                self.rules_state = "they cannot be used, so each push is refused: idse agency rules check"
            elif broken:
                self.rules_state = f"ok, but for {counted(len(broken), 'client')} whose pushes are refused"
            else:
                self.rules_state = "ok"

    def tell_rules(self) -> None:
        """Puts the rules of the home into each repository whose clones do not know them yet.

        What cannot be told now is told later: the judge has the rules from the home itself.
        """
        state = (self.admin.database.state(), self._known_rules)
        if self.is_read_only or state == self._all_told:
            return
        with suppress(IdseError):
            rules = cache(self._rules_now)
            those = [
                (each.place, rules(each.client)) for each in self.admin.repositories() if not each.archived_at
            ]
            for place, now in those:
                if self._told.get(place) != now:
                    self._tell(place, now)
            if all(self._told.get(place) == now for place, now in those):
                self._all_told = state

    def _tell(self, place: Place, rules: Rules) -> None:
        from idse_orchestrator.server.judgement.rules import layers_of
        from idse_orchestrator.server.judgement.rules_ref import write_rules

        # Whatever is wrong with one repository, the others are served: `doctor` says it.
        with suppress(Exception), self.home.locked(place):
            write_rules(self.home.git_dir(place), layers_of(self.home.path, place.client))
            self._told[place] = rules

    def _rules_now(self, client: str) -> Rules:
        """Returns what tells the files with the rules of a client from earlier ones."""
        names = (CATALOGUE, f"rules/{AGENCY}.yaml", f"rules/{client}.yaml")
        return tuple(_state_at(os.path.join(self.home.path, name)) for name in names)

    def receiving(self, place: Place) -> Receiving:
        """Returns what a push goes through."""
        return self.receiving_at(self.home.git_dir(place), self.home.path)

    def receiving_at(self, git_dir: str, home: str) -> Receiving:
        """Returns the same for a repository that no client has, judged as if the Agency were in `home`."""
        is_calm = self.places.running <= 1  # who is busy has no time for more than what must be
        about = soon(home, git_dir, rehearse=is_calm)
        return Receiving(git_dir, about, self.judge_socket, self.configuration.judge_seconds)

    def recorder(
        self, place: Place, caller: Caller, push: str, still: Late, action: str = PUSHED
    ) -> Recorder:
        """Returns what asks about one push, or another `action`, and keeps what came of it.

        `still` says why it may not come in after all; it is asked once more before that is noted.
        """
        return Recorder(self, place, caller, push, still, action)

    def address_of(self, client: object, headers: Mapping[bytes, bytes]) -> str:
        """Returns the address of the caller; that which a proxy names, if it is the trusted one."""
        direct = str(client[0]) if isinstance(client, (tuple, list)) and client else ""
        if self._trusts(direct):
            named = headers.get(b"x-forwarded-for", b"").decode("latin-1").rpartition(",")[2].strip()
            return named or direct
        return direct

    def follow(self, recorder: Recorder) -> asyncio.Task[bool] | None:
        """Has what came in written into the projection, which may be late, and fails nothing."""
        if recorder.result != ACCEPTED:
            return None
        return self.following.follow(recorder.client_id, recorder.place, recorder.refs)

    async def keep_following(self, kinds: str) -> None:
        """Has the projection written beside the server; `kinds` is where the table of all kinds is found."""
        knows = {
            "home": self.home.path,
            "engine": self.configuration.database,
            "checks": self.configuration.checks,
            "variables": dict(self.variables),
            "kinds": kinds,
        }
        await self.following.keep(self.limits.path, knows)

    def pushed(self, place: Place, recorder: Recorder, seconds: float) -> None:
        """Notes what came of a push, once git has ended."""
        self.metrics.push(recorder.result or FAILED, recorder.rule, seconds)
        if recorder.result == ACCEPTED:
            self._pushed.add(place)

    def _is_no_client(self, address: str) -> bool:
        """Tests whether many clients come by this address: a proxy's, or over a socket in the file system."""
        return not address or self._trusts(address)

    def _trusts(self, address: str) -> bool:
        """Tests whether the one who connects is the proxy; over a socket in the file system it is."""
        if not self.configuration.trusted_proxy:
            return False
        network = ip_network(self.configuration.trusted_proxy)
        return not address or _in(network, address)

    def database_state(self) -> str:
        """Returns "ok", or what is wrong with the database."""
        try:
            self.admin.clients()
        except IdseError as error:
            return error.message
        return "ok"

    def disk_state(self) -> str:
        """Returns "ok", or what is wrong with the disk of the home."""
        try:
            free = shutil.disk_usage(self.home.path).free
        except OSError as error:
            return error.strerror or "cannot be read"
        return "ok" if free > _LEAST_FREE else f"{free // (1 << 20)} MiB are free"

    async def maintain(self) -> None:
        """Measures repositories that were pushed to and tells new rules every few seconds; packs every hour.

        Each hour it sweeps old quarantines, too. It prunes nothing.
        """
        busy: set[Place] = set()
        for tick in count(1):
            await asyncio.sleep(_TICK)
            busy |= self._pushed
            places, self._pushed = self._pushed, set()
            await asyncio.to_thread(self.measure, places)
            await asyncio.to_thread(self.look_at_rules)
            await asyncio.to_thread(self.tell_rules)
            if tick % _TICKS_AN_HOUR == 0:
                places, busy = busy, set()
                await asyncio.to_thread(sweep_quarantines, self.home, time.time())
                for place in sorted(places):
                    await self.pack(place)

    def measure(self, places: Iterable[Place]) -> None:
        """Notes how large repositories are now, and that they were pushed to."""
        for place in places:
            with suppress(IdseError):
                self.tenants.measure(place)

    async def pack(self, place: Place) -> None:
        """Packs loose objects and refs of a repository."""
        git_dir = self.home.git_dir(place)
        environment = git_environment(self.hook, self.limits, {})
        with suppress(OSError):
            process = await asyncio.create_subprocess_exec(
                *_MAINTENANCE, cwd=git_dir, env=environment, stderr=asyncio.subprocess.DEVNULL
            )
            await process.wait()


def _in(network: IPv4Network | IPv6Network, address: str) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:  # what a proxy told
        return False


def _state_at(path: str) -> tuple[int, int, int]:
    try:
        return _state(os.stat(path))
    except OSError:
        return (0, 0, 0)


def _state(status: os.stat_result) -> tuple[int, int, int]:
    """Returns what tells the content of a file from an earlier one."""
    return (status.st_mtime_ns, status.st_size, status.st_ino)


ACCEPTED, REFUSED, FAILED = "ok", "refused", "failed"
UNWRITTEN = Verdict(
    (Refusal("", "audit", "the audit cannot be written", "the operator: idse agency doctor"),)
)


class Outcome(NamedTuple):
    """Holds what the audit keeps of a push: ids, names and reasons, and no document."""

    push: str
    refs: tuple[tuple[str, str, str], ...]
    refused: tuple[tuple[str, str, str], ...]
    recorded: tuple[tuple[str, str, str], ...]


class Recorder:
    """One push: its question to the judge, and its line in the audit, written before git hears a yes."""

    def __init__(
        self, agency: Agency, place: Place, caller: Caller, push: str, still: Late, action: str
    ) -> None:
        self._agency = agency
        self.place = place
        self._caller = caller
        self._push = push
        self._still = still
        self._action = action
        self.also: Callable[[Writing], None] | None = None
        """What is to be written in one transaction with the audit of what comes in."""
        self.result = ""
        self.rule = ""
        self.refs: tuple[str, ...] = ()
        self.client_id = ""

    def question(self, said: Said) -> Question:
        """Returns what the judge is asked. The day is that of the server, in UTC."""
        objects, certificate, status, nonce, signer = said.about
        git_dir = self._agency.home.git_dir(self.place)
        return Question(
            git_dir,
            objects,
            said.moves,
            self._caller,
            self._agency.home.path,
            time.strftime("%Y-%m-%d", time.gmtime()),
            is_first=is_empty(git_dir),
            certificate=f"{status} {nonce} {signer}".strip() if certificate else "",
        )

    async def decide(self, said: Said, verdict: Verdict) -> Verdict:
        """Writes the audit, and returns what stands.

        What may not come in after all, or whose row cannot be written, is refused.
        """
        return await asyncio.to_thread(self._decided, said, verdict)

    def _decided(self, said: Said, verdict: Verdict) -> Verdict:
        late = None if verdict.refused else self._still()
        if late is not None:
            verdict = Verdict((late,))
        self.result = REFUSED if verdict.refused else ACCEPTED
        self.refs = tuple(ref for ref, _, _ in said.moves)
        self.rule = verdict.refused[0].code if verdict.refused else ""
        self.client_id = self._caller.client_id or self._agency.admin.client(self.place.client).id
        detail = Outcome(
            self._push,
            said.moves,
            tuple(tuple(each[:3]) for each in verdict.refused),  # type: ignore[misc]
            tuple(tuple(each[:3]) for each in verdict.recorded),  # type: ignore[misc]
        )
        entry = AuditEntry(
            client_id=self.client_id,
            key_id=self._caller.key_id,
            action=self._action,
            repository=self.place.repository,
            outcome=self.result,
            rule=self.rule,
            detail=json.dumps(detail._asdict()),
            certificate=self._certificate(said),
        )
        try:
            self._agency.admin.audit.write(entry, None if verdict.refused else self.also)
        except (IdseError, OSError):
            self.result = FAILED
            return verdict if verdict.refused else UNWRITTEN
        return verdict

    def _certificate(self, said: Said) -> str:
        """Returns the certificate of a signed push, "" : none. No ref holds it: some day it is gone."""
        objects, name = said.about[:2]
        if not name:
            return ""
        git_dir = self._agency.home.git_dir(self.place)
        git = Git(git_dir, {"PATH": self._agency.limits.path})
        read = (reading_also(git, objects) if objects else git).attempt("cat-file", "blob", name)
        return read.stdout.decode("utf-8", "replace") or name


def is_empty(git_dir: str) -> bool:
    """Tests whether nobody pushed to a bare repository yet; refs of the Agency's own do not count."""
    with suppress(FileNotFoundError), open(os.path.join(git_dir, "packed-refs"), "rb") as file:
        if f" {PUBLISHED}".encode() in file.read():
            return False
    return not any(files for _, _, files in os.walk(os.path.join(git_dir, PUBLISHED)))


def _nonce_seed(folder: str) -> str:
    """Returns the seed of nonces for signed pushes; "" where there is none: then no push can be signed."""
    try:
        with open(os.path.join(folder, "push-nonce"), encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
