"""Keys of an Agency: how they are made, what is kept of them, and what they may do."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from idse_orchestrator.base.names import check_known
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UsageError
from idse_orchestrator.server.model.push import ADOPT, APPROVE, SCOPES

PREFIX = "idse_"
_SHOWN = len(PREFIX) + 4
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BITS = 256
_LENGTH = 43  # the letters that so many bits need

DAY = 86_400
ADOPT_SECONDS = 7 * DAY
"""The scope `adopt` ends so long after its key was made, and with the first push before that."""
LONGEST_OVERLAP = 30 * DAY
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "y": 365 * DAY}
_LONGEST = 100 * 365 * DAY


class Key(NamedTuple):
    """A key without its secret. Times are ISO-8601 in UTC, "" where there is none.

    `client` is "" for an operator's. `role` says what its person does; `agent` is the agent that it belongs
    to, "" for a person.
    """

    id: str
    client_id: str
    client: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    emails: tuple[str, ...]
    role: str
    agent: str
    repositories: tuple[str, ...]
    projects: tuple[str, ...]
    created_at: str
    expires_at: str = ""
    revoked_at: str = ""
    last_used_at: str = ""
    replaced_by: str = ""

    def state(self, now: str) -> str:
        """Returns ``valid``, ``expired`` or ``revoked``."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "valid"


def iso(seconds: float) -> str:
    """Returns a time, in seconds since 1970, as ISO-8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_secret() -> str:
    """Returns a key of 256 random bits."""
    number = secrets.randbits(_BITS)
    letters = []
    for _ in range(_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return PREFIX + "".join(letters)


def hash_of(secret: str) -> str:
    """Returns what is kept of a key. It has 256 bits, so a plain hash cannot be reversed by trying."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def shown(secret: str) -> str:
    """Returns the beginning of a key, by which people tell theirs apart."""
    return secret[:_SHOWN]


def check_scopes(scopes: Iterable[str], *, agent: str, repositories: Iterable[str]) -> tuple[str, ...]:
    """Returns `scopes` in their order; UsageError where they do not go together."""
    wanted = {check_known("scope", scope, SCOPES) for scope in scopes}
    if agent and APPROVE in wanted:
        raise UsageError(
            "a key of an agent never approves",
            cause="scope approve lets waivers count, and that is for people",
            fix=("leave out approve, or leave out --agent",),
        )
    if ADOPT in wanted and len(set(repositories)) != 1:
        raise UsageError(
            "scope adopt is for one repository",
            cause="it takes ledgers as they are, until the first push",
            fix=("name it with --repository",),
        )
    return tuple(scope for scope in SCOPES if scope in wanted)


def duration(text: str) -> int:
    """Returns the seconds that ``90d``, ``12h`` or ``30m`` means; UsageError for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhdwy])", text.strip(), re.ASCII)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if found and seconds <= _LONGEST:
        return seconds
    raise UsageError(
        f"{text!r} is no duration",
        cause="it is a number and one of s, m, h, d, w, y; a hundred years at most",
        fix=("for instance 90d",),
    )


def authorized_keys_line(public_key: str, command: str) -> str:
    """Returns the line of ``authorized_keys`` that lets `public_key` run `command` and nothing else."""
    words = public_key.split()
    if len(words) < 2 or not re.fullmatch(r"(sk-)?(ssh|ecdsa)-[\w@.-]+", words[0], re.ASCII):
        raise UsageError(
            "the file holds no public key of ssh",
            cause="such a line begins with ssh-ed25519 or the like",
            fix=("name the file that ends in .pub",),
        )
    if not re.fullmatch(r"[A-Za-z0-9+/=]+", words[1], re.ASCII):
        raise UsageError("the file holds no public key of ssh", cause="its second word is no base64")
    quoted = command.replace("\\", "\\\\").replace('"', '\\"')
    comment = [re.sub(r"[^\w@.+-]", "-", word) for word in words[2:]]
    return " ".join([f'command="{quoted}",restrict', *words[:2], *comment])
