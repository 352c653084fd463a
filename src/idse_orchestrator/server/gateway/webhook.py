"""One webhook of the Agency: an address is told of refused pushes, and of completed stages.

What is told comes from the audit, which is on the disk before a push is answered. A file says up to which
row of each chain the address took it, so nothing is lost when the server or the address is gone: it comes
later, in order, and more than once if need be. `webhook-id` is the same each time.

Messages and signatures have the form of Standard Webhooks (https://www.standardwebhooks.com).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.files import write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError, UnknownNameError
from idse_orchestrator.ledger.events import STAGE
from idse_orchestrator.ledger.refs import parse_session_ref
from idse_orchestrator.server.judgement.pushed import Pushed
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.audit import PUSHED, WRITTEN

if TYPE_CHECKING:
    from idse_orchestrator.server.tenants.admin import Admin
    from idse_orchestrator.server.tenants.home import Home

_PREFIX = "whsec_"
_LOOK = 2.0
_LONGEST = 3600.0
_PATIENCE = 10.0
_MOST = 1_000
"""Rows of one chain that are read at once; those after them are next."""
_SETTLED = 120
"""Seconds after which a push that has not come in will not."""
_WHAT = "the home of the Agency"


class _ComingInError(Exception):
    """A push was let in, and git is not through with it."""


class Message(NamedTuple):
    """What is sent: `id` stays the same however often it is, `body` is JSON."""

    id: str
    body: bytes


class Webhook:
    """The webhook of a `home` at the address `url`. `behind` counts rows that the address has not taken."""

    def __init__(self, home: Home, admin: Admin, url: str) -> None:
        self._home = home
        self._admin = admin
        self._url = url
        self._file = os.path.join(home.path, "webhook.json")
        self._secret_file = os.path.join(home.secrets, "webhook")
        self.behind = 0

    def rows_behind(self) -> int:
        """Returns how many rows of the audit the address has not taken."""
        return self.behind

    async def run(self) -> None:
        """Sends what there is to send, until it is cancelled. Who does not answer is asked less often."""
        wait = _LOOK
        while True:
            try:
                is_through = await asyncio.to_thread(self.send)
            except (IdseError, OSError, ValueError):  # the database, the disk, or a secret that is none
                is_through = False
            wait = _LOOK if is_through else min(wait * 2, _LONGEST)
            await asyncio.sleep(wait)

    def send(self) -> bool:
        """Sends all that was not taken yet; False where the address does not take it.

        The audit is written before git moves a ref: a row whose push is just coming in waits, and those
        after it.
        """
        sent = self._sent()
        names = {client.id: client.name for client in self._admin.clients(with_deleted=True)}
        heads = self._admin.audit.heads()
        self.behind = sum(number - sent.get(client, 0) for client, (number, _) in heads.items())
        for client, (number, _) in heads.items():
            rows = self._admin.audit.rows(client, sent.get(client, 0), _MOST)
            for row in rows if number > sent.get(client, 0) else ():
                try:
                    message = self._message(row, names.get(client, ""))
                except _ComingInError:
                    break
                if message is not None and not self._deliver(message):
                    return False
                sent[client] = row["id"]
                self.behind -= 1
                self._keep(sent)
        return True

    def secret(self) -> bytes:
        """Returns the secret by which messages are signed; it is made where there is none."""
        try:
            with open(self._secret_file, encoding="ascii") as file:
                text = file.read().strip()
        except FileNotFoundError:
            text = _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
            write_atomically(self._secret_file, f"{text}\n".encode(), mode=0o600, durable=True, what=_WHAT)
        return base64.b64decode(text.removeprefix(_PREFIX))

    def _sent(self) -> dict[str, int]:
        """Returns the last row of each chain that was taken; at first, that is all there is."""
        try:
            with open(self._file, encoding="utf-8") as file:
                found = json.load(file)
            return {str(client): int(number) for client, number in found.items()}
        except (FileNotFoundError, ValueError, AttributeError):
            begun = {client: number for client, (number, _) in self._admin.audit.heads().items()}
            self._keep(begun)
            return begun

    def _keep(self, sent: Mapping[str, int]) -> None:
        write_atomically(self._file, json.dumps(sent).encode(), mode=0o600, durable=True, what=_WHAT)

    def _message(self, row: Mapping[str, Any], client: str) -> Message | None:
        """Returns what is told of a row of the audit; None for one that tells nothing."""
        if row["action"] not in (PUSHED, WRITTEN):
            return None
        try:
            detail = json.loads(row["detail"])
        except ValueError:
            return None  # it was taken out with its repository
        about = {"client": client, "repository": row["repository"], "key": row["key_id"]}
        if row["outcome"] == "refused":
            named = ("ref", "rule", "message")
            refused = [dict(zip(named, each, strict=False)) for each in detail["refused"]]
            return _message("push.refused", row, {**about, "refused": refused})
        git_dir = self._git_dir(Place(client, row["repository"]))
        moves = (self._completed(git_dir, row["at"], *move) for move in detail["refs"] if git_dir)
        completed = [stage for stages in moves for stage in stages]
        return _message("stages.completed", row, {**about, "completed": completed}) if completed else None

    def _git_dir(self, place: Place) -> str:
        """Returns the folder of a repository, however it is called by now; "" where it is gone."""
        with suppress(UnknownNameError):
            git_dir = self._home.git_dir(self._admin.repository(place).place)
            return git_dir if os.path.isdir(git_dir) else ""
        return ""

    def _completed(self, git_dir: str, at: str, ref: str, old: str, new: str) -> Iterator[Mapping[str, str]]:
        """Yields the completions of stages that a move in a repository brought `at` a time."""
        key = parse_session_ref(ref)
        if key is None:
            return
        pushed = Pushed(git_dir)
        if pushed.vault.git.attempt("merge-base", "--is-ancestor", new, ref).returncode != 0:
            if time.time() - datetime.fromisoformat(at).timestamp() < _SETTLED:
                raise _ComingInError
            return
        with suppress(IdseError, KeyError):  # of a repository that is gone meanwhile
            for commit in pushed.fresh(old, new):
                event = pushed.event(commit)
                if event is not None and event.kind == STAGE and event.body.get("action") == "complete":
                    yield {
                        "project": key[0],
                        "session": key[1],
                        "stage": str(event.body.get("stage", "")),
                        "at": event.at,
                        "who": event.actor.name,
                        "agent": event.actor.agent,
                        "commit": commit,
                    }

    def _deliver(self, message: Message) -> bool:
        """Sends a message; True where the address answered with a status of 2xx."""
        moment = str(int(time.time()))
        signed = b".".join((message.id.encode(), moment.encode(), message.body))
        signature = base64.b64encode(hmac.digest(self.secret(), signed, hashlib.sha256)).decode()
        request = urllib.request.Request(  # noqa: S310 - the setting takes http and https alone
            self._url,
            message.body,
            {
                "Content-Type": "application/json",
                "User-Agent": "idse-agency",
                "webhook-id": message.id,
                "webhook-timestamp": moment,
                "webhook-signature": f"v1,{signature}",
            },
        )
        try:
            with _OPENER.open(request, timeout=_PATIENCE) as answer:
                return bool(200 <= answer.status < 300)
        except (OSError, HTTPException, ValueError):
            return False


class _Nowhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: whoever is told is who the operator named."""

    def redirect_request(self, *_given: object) -> None:
        """Returns no other request."""


_OPENER = urllib.request.build_opener(_Nowhere, urllib.request.ProxyHandler({}))


def _message(kind: str, row: Mapping[str, Any], data: Mapping[str, object]) -> Message:
    body = {"type": kind, "timestamp": row["at"], "data": data}
    return Message(f"{row['client_id']}-{row['id']}", json.dumps(body, ensure_ascii=False).encode())
