"""Writes the Agency down as a normal git remote, and clears away what a stopped sync leaves.

Plain ``git push agency`` does the right thing, too.

Only what is missing is written, nobody's remote is turned to another place, and a second run changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import known_replica_id
from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import IdseError, UsageError
from idse_orchestrator.git.object_stream import is_ancestor
from idse_orchestrator.ledger.refs import PENDING, parse_project_ref, sync_ref
from idse_orchestrator.redaction import redacted
from idse_orchestrator.sessions.configuration import SETTINGS, get_setting
from idse_orchestrator.sync.agency import (
    NAME,
    ORIGIN,
    REMOTE,
    URL,
    Agency,
    AgencyParts,
    agency_remote,
    check_agreement,
    check_remote,
    holds_code,
    refuse_password,
    resolve_agency,
)
from idse_orchestrator.sync.incoming import dead_folders, remove_leftovers
from idse_orchestrator.sync.remotes import PUBLISHING, RemoteSettings, check_fetches, tracking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault

MADE = "idseMade"
"""A git setting of the remote that `setup_agency` made, so that `idse uninstall` knows whose it is."""


class AgencySetup(NamedTuple):
    """The outcome of a setup. `written` are git settings, as ``key = value``; empty: all stood there before.

    `holds_code`: the remote is for code, too, so plain ``git push`` is left to it. `doubts` are sentences
    for the user: the Agency does not answer, or another setting goes before. `projects` are those that it
    has, if it answers.
    """

    agency: Agency
    written: tuple[str, ...]
    holds_code: bool
    doubts: tuple[str, ...]
    projects: tuple[str, ...] = ()


def setup_agency(
    parts: AgencyParts, url: str, remote: str = REMOTE, probe: Callable[[Agency], Iterable[str]] | None = None
) -> AgencySetup:
    """Makes the git remote `remote` the Agency at `url`; "" : the URL it has already.

    `probe` asks the Agency for its refs; that it cannot be reached is a doubt, no failure. Raises UsageError
    if the remote leads elsewhere, UnsafeRemoteError if its settings are dangerous.
    """
    check_name("remote", remote)
    known = parts.remotes.all().get(remote, RemoteSettings(remote, (), ()))
    target = _target(parts, url, known)
    _refuse_in_time(parts, target, known)
    written = _write(parts, target, known)
    found = resolve_agency(parts)
    doubts, refs = _asked(found, probe)
    if found.remote != remote:
        first = f"{found.origin} goes before the git remote {remote}: the Agency is {redacted(found.url)}"
        doubts = [first, *doubts]
    code = holds_code(parts.remotes.all()[remote])
    projects = tuple(sorted(filter(None, map(parse_project_ref, refs))))
    return AgencySetup(found, tuple(written), code, tuple(doubts), projects)


def _target(parts: AgencyParts, url: str, known: RemoteSettings) -> str:
    if not url and not known.urls:
        raise UsageError(
            f"where is the Agency? There is no git remote {known.name}",
            fix=(f"idse sync setup URL{'' if known.name == REMOTE else f' --remote {known.name}'}",),
        )
    if not url:
        return known.urls[0]
    try:
        SETTINGS[URL].check(url)
    except IdseError as error:
        raise UsageError(f"{redacted(url)!r} cannot be the Agency", cause=error.message) from error
    refuse_password(url, "the command line")
    target = parts.remotes.absolute(url, parts.folder)
    place = parts.remotes.place
    if known.urls and place(known.urls[0]) != place(parts.remotes.routes(target)[0]):
        raise UsageError(
            f"the git remote {known.name} leads elsewhere",
            where=redacted(known.urls[0]),
            cause="a remote that exists is not turned to another place unasked",
            fix=(
                f"idse sync setup {target} --remote NAME  # gives the Agency another name",
                f"git remote set-url {known.name} {target}  # turns it",
            ),
        )
    return target


def _refuse_in_time(parts: AgencyParts, target: str, known: RemoteSettings) -> None:
    """Raises what would make the Agency unusable, before anything is written."""
    check_fetches(parts.remotes.all().values())
    fetched, pushed = parts.remotes.routes(target)
    coming = known if known.urls else known._replace(urls=(fetched,), push_urls=(pushed,))
    check_remote(parts, coming)
    check_agreement(parts, get_setting(parts.layers, URL), coming)


def _write(parts: AgencyParts, target: str, known: RemoteSettings) -> list[str]:
    """Adds what is missing; the URL last, so that a remote that has one is complete."""
    name, remotes = known.name, parts.remotes
    new = not known.urls
    code = name == ORIGIN or (not new and holds_code(known))
    wanted = [(f"remote.{name}.fetch", tracking(name), tracking(name) in known.fetch)]
    if not code:
        wanted.append((f"remote.{name}.push", PUBLISHING, PUBLISHING in known.push))
    if new:
        wanted += [
            (f"remote.{name}.{MADE}", "true", False),
            (f"remote.{name}.tagOpt", "--no-tags", known.no_tags),
            (f"remote.{name}.skipFetchAll", "true", False),
            (f"remote.{name}.url", target, False),
        ]
    written = [f"{key} = {value}" for key, value, done in wanted if not done]
    for key, value, done in wanted:
        if not done:
            remotes.configuration.add(key, value)
    return [*written, *_named(parts, name)]


def _named(parts: AgencyParts, name: str) -> list[str]:
    """Writes which remote is the Agency, unless it is the one everybody expects."""
    if name == _remote_now(parts):
        return []
    parts.layers.write(NAME, name)
    parts.remotes.configuration.forget()
    return [f"idse.{NAME} = {name}"]


def _remote_now(parts: AgencyParts) -> str:
    try:
        return agency_remote(parts)
    except IdseError:
        return ""  # origin, said in the wrong place: now it is said in the right one


def _asked(found: Agency, probe: Callable[[Agency], Iterable[str]] | None) -> tuple[list[str], Iterable[str]]:
    """Returns why the Agency does not answer, and the refs that it has if it does."""
    if probe is None:
        return [], ()
    try:
        return [], probe(found)
    except IdseError as error:
        return [" ".join(filter(None, (error.message + ":", error.cause or error.where)))], ()


OLD_SECONDS = 24 * 3600
"""A push is over after a day, whatever became of it."""


class SyncLeftovers(NamedTuple):
    """`folders` of processes that are gone, and sync points that were sent more than a day ago.

    Those that are `settled` are known to have arrived: this clone's sync points stand on them. Of those
    that are `open` only the Agency can tell.
    """

    folders: Sequence[str]
    settled: Sequence[str]
    open: Sequence[str]


def sync_leftovers(vault: Vault) -> SyncLeftovers:
    """Returns what is there now; writes nothing."""
    git, own = vault.git, sync_ref(known_replica_id(vault.private))
    old = time.time() - OLD_SECONDS
    rows = git.lines("for-each-ref", "--format=%(objectname) %(committerdate:unix)", PENDING)
    sent = [name for name, _, at in (row.partition(" ") for row in rows) if at and int(at) < old]
    settled = [name for name in sent if is_ancestor(git, name, own)]
    return SyncLeftovers(dead_folders(vault.private), settled, [name for name in sent if name not in settled])


def remove_sync_leftovers(vault: Vault) -> str:
    """Removes the folders, and forgets what is settled; returns what was done, in words."""
    found = sync_leftovers(vault)
    if found.folders:
        remove_leftovers(vault.private)
    for name in found.settled:
        vault.git.attempt("update-ref", "-d", PENDING + name, name)
    return (
        f"removed {described(found._replace(open=()))}"
        if any(found[:2])
        else "nothing that is safe to remove"
    )


def described(found: SyncLeftovers) -> str:
    """Returns `found` in words."""
    folders, pushes = len(found.folders), len(found.settled) + len(found.open)
    words = []
    if folders:
        words.append(f"{counted(folders, 'folder')} of objects that were never taken in")
    if pushes:
        words.append(f"{pushes} push{'es' if pushes > 1 else ''} from days ago whose end is not known")
    return " and ".join(words)


_OWN = ("url", "fetch", "push", "tagopt", "skipfetchall", MADE.lower())


def remote_settings(git: Git) -> Iterator[tuple[str, str]]:
    """Yields (key, value) of every setting of a git remote that ``idse sync setup`` wrote.

    The mark that says so comes last, so that a removal that was stopped can go on.
    """
    done = git.attempt("config", "--local", "--null", "--get-regexp", r"^remote\.")
    entries = [
        (key, value)
        for key, _, value in (
            entry.partition("\n") for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0")
        )
    ]
    made = {_name(key) for key, _ in entries if key.endswith(f".{MADE.lower()}")}
    for key, value in sorted(entries, key=lambda entry: entry[0].endswith(MADE.lower())):
        name, variable = _name(key), key.rpartition(".")[2]
        added = (variable, value) in (("fetch", tracking(name)), ("push", PUBLISHING))
        if added or (name in made and variable in _OWN and variable not in ("fetch", "push")):
            yield key, value


def _name(key: str) -> str:
    """Returns the remote in ``remote.<name>.<variable>``."""
    return key.partition(".")[2].rpartition(".")[0]
