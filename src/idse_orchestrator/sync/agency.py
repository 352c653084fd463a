"""Finds the Agency that this repository syncs with, and checks that git is configured safely for it.

The destination is exact. IDSE_AGENCY_URL goes before git's setting ``idse.agency.url``, that before the
git remote named ``agency`` (or as ``idse.agency.remote`` says), and that before ``~/.idseconfig.json``.
There is no fallback: `origin` holds code, and is the Agency only where the user said so in this repository.
"""

from __future__ import annotations

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import InvalidConfigurationError, NoAgencyError, UnsafeRemoteError
from idse_orchestrator.ledger.refs import PUBLISHED
from idse_orchestrator.redaction import has_secret, redacted
from idse_orchestrator.sessions.configuration import ENVIRONMENT, GIT, HOME, Layers, Value, get_setting
from idse_orchestrator.sync.remotes import (
    GitRemotes,
    RemoteSettings,
    check_destination,
    check_fetches,
    check_pushes,
    parse_refspec,
)

REMOTE = "agency"
"""What the git remote of the Agency is called where nobody says otherwise."""
ORIGIN = "origin"
URL = "agency.url"
NAME = "agency.remote"


class Agency(NamedTuple):
    """The place to sync with: its URL, the git remote that has it ("" : none), and who said so.

    `url` is shown, and names no user: he may be a token. `exact` ("" : the same) is what git is given where
    there is no remote.
    """

    url: str
    remote: str
    origin: str
    exact: str = ""

    @property
    def address(self) -> str:
        """What git is given."""
        return self.remote or self.place

    @property
    def place(self) -> str:
        """The URL, whole."""
        return self.exact or self.url


class AgencyParts(NamedTuple):
    """The parts that finding the Agency needs. `folder` is where the user stands, `top` the work tree."""

    layers: Layers
    remotes: GitRemotes
    folder: str
    top: str


def resolve_agency(parts: AgencyParts) -> Agency:
    """Returns the Agency to sync with.

    Raises NoAgencyError if none is configured; UnsafeRemoteError if git would overwrite, delete or leak,
    with the setting to look at; InvalidConfigurationError if two settings disagree.
    """
    remotes = parts.remotes.all()
    stated, name = get_setting(parts.layers, URL), agency_remote(parts)
    remote = remotes.get(name)
    agency = _chosen(parts, stated, remote)
    check_fetches(remotes.values())
    if agency.remote and remote is not None:
        check_remote(parts, remote)
    else:
        fetched, pushed = parts.remotes.routes(agency.place)
        check_destination("", (fetched,), (pushed,), parts.remotes.place)
    return agency


def agency_remote(parts: AgencyParts) -> str:
    """Returns the name of the Agency's git remote, which need not exist.

    Raises UnsafeRemoteError if `origin` is named for more than this repository.
    """
    said = get_setting(parts.layers, NAME)
    if said.value == ORIGIN and (said.layer != GIT or not parts.remotes.is_local(f"idse.{NAME}")):
        raise UnsafeRemoteError(
            "origin is called the Agency for every repository",
            where=said.origin,
            cause="origin is where code goes; that it is the Agency, too, is said in each repository",
            fix=("idse sync setup --remote origin", f"git config --show-origin --get-all idse.{NAME}"),
        )
    return said.value or REMOTE


def check_remote(parts: AgencyParts, remote: RemoteSettings) -> None:
    """Raises UnsafeRemoteError if `remote` is no safe way to the Agency."""
    check_pushes(remote, holds_code=holds_code(remote))
    check_destination(remote.name, remote.urls, remote.push_urls, parts.remotes.place)


def check_agreement(parts: AgencyParts, stated: Value, remote: RemoteSettings) -> None:
    """Raises InvalidConfigurationError if git's setting and the git remote lead to two places."""
    if stated.layer != GIT or _same(parts, _of_setting(parts, stated).place, remote):
        return
    raise InvalidConfigurationError(
        f"two Agencies are configured: {redacted(stated.value)} and {redacted(remote.urls[0])}",
        where=stated.origin,
        cause=f"git's setting idse.{URL} says the first, the git remote {remote.name} the second",
        fix=(
            f"keep the remote: take idse.{URL} out of {stated.origin}",
            f"git remote set-url {remote.name} {redacted(stated.value)}  # lets it lead there, too",
        ),
    )


def holds_code(remote: RemoteSettings) -> bool:
    """Tests whether the user made a remote the Agency that code is fetched from, too, as `origin` is."""
    sources = (parse_refspec(text).source for text in remote.fetch)
    return remote.name != REMOTE and any(not source.startswith(PUBLISHED) for source in sources)


def _chosen(parts: AgencyParts, stated: Value, remote: RemoteSettings | None) -> Agency:
    if remote is not None and remote.urls and stated.layer != ENVIRONMENT:
        check_agreement(parts, stated, remote)
        return _of_remote(parts, remote)
    if not stated.value:
        forge = ("idse sync setup --remote origin  # if your forge is to be the Agency",)
        raise NoAgencyError(
            "no Agency is configured",
            cause=f"there is no git remote {remote.name if remote else REMOTE}, and no setting {URL}",
            fix=("idse sync setup URL", *(forge if ORIGIN in parts.remotes.all() else ())),
        )
    agency = _of_setting(parts, stated)
    if remote is not None and _same(parts, agency.place, remote):
        return agency._replace(remote=remote.name)
    return agency


def _same(parts: AgencyParts, url: str, remote: RemoteSettings) -> bool:
    return parts.remotes.place(parts.remotes.routes(url)[0]) == parts.remotes.place(remote.urls[0])


def _of_remote(parts: AgencyParts, remote: RemoteSettings) -> Agency:
    """Takes the password out of the URL: in git's own configuration it is the user's choice."""
    if not remote.urls[0]:
        raise InvalidConfigurationError(
            f"the git remote {remote.name} has an empty URL",
            where=f"remote.{remote.name}.url",
            cause="git finds no place in it",
            fix=(f"git remote set-url {remote.name} URL",),
        )
    url = redacted(parts.remotes.absolute(remote.urls[0], parts.top))
    return Agency(url, remote.name, f"git remote {remote.name}")


def _of_setting(parts: AgencyParts, stated: Value) -> Agency:
    refuse_password(stated.value, stated.origin)
    folder = parts.folder if stated.layer == ENVIRONMENT else parts.top
    url = parts.remotes.absolute(stated.value, folder)
    if stated.layer == HOME and url != stated.value:
        raise InvalidConfigurationError(
            f"setting {URL} cannot be {stated.value!r}",
            where=stated.origin,
            cause="a relative path in your home would lead elsewhere from each repository",
            fix=(f"write the whole path: {url}",),
        )
    return Agency(redacted(url), "", stated.origin, url)


def refuse_password(url: str, where: str) -> None:
    """Raises UnsafeRemoteError if `url` carries a password."""
    if has_secret(url):
        raise UnsafeRemoteError(
            "the Agency's URL carries a password or a token",
            where=where,
            cause="it would be seen in process lists and in messages",
            fix=(
                f"use the URL without it: {redacted(url)}",
                "git config credential.helper store  # lets git keep it: git help credentials",
            ),
        )
