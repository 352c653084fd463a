"""Ledgers that a client keeps on a forge: fetched from there, and pushed into the Agency as by anybody.

What comes is judged by the same judge, in quarantine. Nothing is forced: a ref that was rewritten on the
forge is refused. What breaks a promise is recorded and shown, and not refused: who could mend it pushes to
the forge, not here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from idse_orchestrator.base.files import file_lock, make_folder, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import (
    QuotaError,
    StorageError,
    UnreachableError,
    UnsafeRemoteError,
    UsageError,
)
from idse_orchestrator.git.watching import Watched
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.server.gateway.admission import Admitted, admit
from idse_orchestrator.server.gateway.policy import git_environment
from idse_orchestrator.server.gateway.ssh_shell import receive
from idse_orchestrator.server.model.names import RECEIVE, Asked
from idse_orchestrator.server.model.push import CREATE, MIRROR, PUSH
from idse_orchestrator.server.tenants.home import make_repository, size_of
from idse_orchestrator.server.tenants.issued_keys import Wanted
from idse_orchestrator.sync.server_words import failure, named_refusals

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.names import Place
    from idse_orchestrator.server.model.push import Caller

PORTS = {"https": 443, "ssh": 22}
_SECONDS = 600.0
_LOOK = 0.25
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_SPEC = f"{PUBLISHED}*:{PUBLISHED}*"
_CHUNK = 1 << 16
_MOST_WORDS = 1 << 20


class Source(NamedTuple):
    """Where a mirror comes from: a URL, and the address of its host that was looked at."""

    url: str
    scheme: str
    host: str
    port: int
    address: str


class Imported(NamedTuple):
    """What an import came to: refs that are new or moved, and those refused, each with its words."""

    moved: tuple[str, ...]
    refused: Mapping[str, str]


def source_of(url: str, *, allow_private: bool) -> Source:
    """Returns the source that `url` means, looked up now. UsageError for a URL that is none.

    UnsafeRemoteError where one of its addresses is private: a server asks others on behalf of whoever may
    name them. UnreachableError where the host has no address.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port = "", 0
    is_sound = _HOST.fullmatch(f"[{host}]" if ":" in host else host) and parts.path.strip("/")
    if parts.scheme not in PORTS or not is_sound or not url.isprintable() or parts.query or parts.fragment:
        raise UsageError(
            f"{url!r} is no address of a mirror",
            cause="it is https://HOST/PATH or ssh://USER@HOST/PATH",
            fix=("for instance https://example.org/team/shop.git",),
        )
    if parts.password is not None or (parts.username and not _USER.fullmatch(parts.username)):
        raise UsageError(
            "the address of a mirror carries a password",
            cause="it would stand in process lists and logs",
            fix=("put it into secrets/ of the home: see the how-to",),
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnreachableError(
            "the host of the mirror has no address", where=host, cause=str(error)
        ) from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    private = [each for each in addresses if not _is_public(each)]
    if private and not allow_private:
        raise UnsafeRemoteError(
            "the mirror is in a private network",
            where=f"{host} ({', '.join(private)})",
            cause="a server can reach what its users cannot, so it asks only public addresses",
            fix=("name the address that the world knows", "--allow-private, if you mean it"),
        )
    return Source(url, parts.scheme, host, port, addresses[0])


def _is_public(address: str) -> bool:
    """Tests whether the world reaches an address, and the one that a gateway would make of it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        translated = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
        inner = (found.ipv4_mapped, found.sixtofour, *(found.teredo or ()), translated)
        if not all(each.is_global for each in inner if each is not None):
            return False
    return found.is_global and not found.is_multicast


def import_mirror(agency: Agency, source: Source, place: Place) -> Imported:
    """Fetches the ledgers of `source` and pushes them to `place`, which is made if need be."""
    scratch = os.path.join(agency.home.run, "mirrors", f"{place}.git")
    folder, name = os.path.split(scratch)
    make_folder(folder, "the home of the Agency")
    with file_lock(folder, 0, f"{name}.lock"):
        shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed
        make_repository(scratch)
        try:
            return asyncio.run(_import(agency, source, place, scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


async def _import(agency: Agency, source: Source, place: Place, scratch: str) -> Imported:
    caller = _caller(agency, place)
    admitted = admit(agency, caller, Asked(place, RECEIVE, is_listing=False))
    if not isinstance(admitted, Admitted):
        raise QuotaError("the mirror is not let in", where=str(place), cause=admitted.words)
    own = os.path.join(agency.home.git_dir(place), "objects")
    write_atomically(os.path.join(scratch, "objects/info/alternates"), f"{own}\n".encode())
    await _fetch(agency, source, place, scratch)
    return await _push(agency, caller, place, scratch)


def _caller(agency: Agency, place: Place) -> Caller:
    """Returns the key of this mirror, made with its first import. Nobody has its secret."""
    name = f"mirror of {place}"
    for key in agency.admin.keys.all(place.client):
        if key.name == name and (caller := agency.admin.keys.caller_by_id(key.id)) is not None:
            break
    else:
        wanted = Wanted(place.client, name, (PUSH, CREATE), repositories=(place.repository,))
        key, _ = agency.admin.keys.issue(wanted)
        caller = agency.admin.keys.caller_by_id(key.id)
        assert caller is not None  # noqa: S101 - it was made just now
    return caller._replace(scopes=(*caller.scopes, MIRROR))


def _secret_of(place: Place) -> str:
    """Returns how the file of a mirror's secret is called: no name has a dot, so no other mirror has it."""
    return f"mirror-{place.client}.{place.repository}"


async def _fetch(agency: Agency, source: Source, place: Place, scratch: str) -> None:
    """Brings all ledgers into `scratch`, forced: it is thrown away. No redirect is followed."""
    command = (
        "git",
        *_settings(agency, source, place),
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-auto-maintenance",
    )
    words = (*command, "--no-write-fetch-head", source.url, f"+{_SPEC}")
    environment = {**_plain(agency), "GIT_DIR": scratch, "GIT_ALLOW_PROTOCOL": source.scheme}
    environment["GIT_SSH_COMMAND"] = _ssh(agency, source, place)
    limit = agency.configuration.max_pack_bytes

    def is_too_much() -> bool:
        return size_of(scratch) > limit

    done = await _ended(words, environment, is_too_much)
    if done is None:
        raise StorageError(
            "the mirror sends too much",
            where=source.url,
            cause=f"it may send {limit:,} bytes, for {_SECONDS:g} seconds",
            fix=("raise max_pack_bytes in agency.toml",),
        )
    if done.returncode != 0:
        raise failure(("fetch",), done, source.url)


def _settings(agency: Agency, source: Source, place: Place) -> Sequence[str]:
    """Returns settings that keep git to the address that was looked at, and to credentials of our own."""
    secret = os.path.join(agency.home.secrets, _secret_of(place))
    host = f"[{source.address}]" if ":" in source.address else source.address
    given = {
        "http.followRedirects": "false",
        "http.curloptResolve": f"{source.host}:{source.port}:{host}",
        "http.lowSpeedLimit": "1000",
        "http.lowSpeedTime": "30",
        "http.proxy": "",
        "fetch.fsckObjects": "true",
        "credential.helper": "",
    }
    words = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    authorities = os.path.join(agency.home.secrets, "ca.pem")
    if os.path.isfile(authorities):
        words += ["-c", f"http.sslCAInfo={authorities}"]
    if os.path.isfile(secret):
        shown = shlex.quote(secret)
        words += ["-c", f'credential.helper=!f() {{ test "$1" != get || cat {shown}; }}; f']
    return words


def _ssh(agency: Agency, source: Source, place: Place) -> str:
    """Returns the ssh that goes to the address that was looked at, and asks nobody anything."""
    secrets = agency.home.secrets
    key = os.path.join(secrets, f"{_secret_of(place)}.key")
    options = {
        "HostName": source.address,
        "HostKeyAlias": source.host,
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": os.path.join(secrets, "known_hosts"),
        "IdentitiesOnly": "yes",
        "IdentityFile": key,
        "ConnectTimeout": "30",
        "ServerAliveInterval": "15",
        "ProxyCommand": "none",
    }
    return shlex.join(["ssh", "-F", os.devnull, *(f"-o{name}={value}" for name, value in options.items())])


def _plain(agency: Agency) -> dict[str, str]:
    return {
        "PATH": agency.limits.path,
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


async def _push(agency: Agency, caller: Caller, place: Place, scratch: str) -> Imported:
    """Pushes what is in `scratch` through the Agency's door: git at both ends of a socket."""
    ours, theirs = socket.socketpair()
    environment = git_environment(agency.hook, agency.limits, {})
    with ours, theirs:
        command = ("git", "push", "--porcelain", "--no-verify", f"fd::{ours.fileno()}", _SPEC)
        pushing = asyncio.create_task(
            _ended(
                command,
                {**_plain(agency), "GIT_DIR": scratch, "GIT_ALLOW_PROTOCOL": "fd"},
                lambda: False,
                (ours.fileno(),),
                ours.close,
            )
        )
        await receive(agency, caller, place, environment, theirs.fileno())
        theirs.close()
        done = await pushing
    if done is None:
        raise StorageError("the push into the Agency took too long", where=str(place))
    rows = [line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines() if "\t" in line]
    moves = {row[1].partition(":")[2]: row for row in rows if len(row) == 3}
    if not moves and done.returncode != 0:
        raise failure(("push",), done, str(place))
    named = named_refusals(done.stderr, moves)
    refused = {
        ref: named[ref][0] if ref in named else row[2] for ref, row in moves.items() if row[0].startswith("!")
    }
    return Imported(tuple(sorted(ref for ref, row in moves.items() if row[0] in (" ", "*", "+"))), refused)


async def _ended(
    command: Sequence[str],
    environment: Mapping[str, str],
    is_too_much: Callable[[], bool],
    descriptors: Sequence[int] = (),
    started: Callable[[], None] = lambda: None,
) -> Watched | None:
    """Returns what a program did; None where it took too long, or `is_too_much` said so: it is ended."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=descriptors,
        start_new_session=True,
    )
    started()
    assert process.stdout is not None  # noqa: S101 - asked for
    assert process.stderr is not None  # noqa: S101 - asked for
    reading = asyncio.gather(_read(process.stdout), _read(process.stderr), process.wait())
    deadline = time.monotonic() + _SECONDS
    try:
        while True:
            done, _ = await asyncio.wait([reading], timeout=_LOOK)
            if done:
                out, words, code = reading.result()
                return Watched(code, out, words, silent=False)
            if time.monotonic() > deadline or await asyncio.to_thread(is_too_much):
                return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(asyncio.CancelledError):
            await reading


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Returns the first of what a stream says, and reads all: nobody waits for us."""
    kept = bytearray()
    while data := await stream.read(_CHUNK):
        kept += data[: _MOST_WORDS - len(kept)]
    return bytes(kept)
