"""Names of clients and repositories, and the paths of git's requests that hold them."""

from __future__ import annotations

import re

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import InvalidNameError, UsageError

RESERVED = frozenset({"api", "mcp", "git", "static", "login", "agency"})
"""First parts of other addresses of the server, and the file of rules for all: no client has such a name."""

_NAME = r"[a-z0-9][a-z0-9-]{0,38}"
_PLACE = re.compile(rf"({_NAME})/({_NAME})\.git")
_ASKED = re.compile(rf"/git/({_NAME})/({_NAME})\.git(/[a-zA-Z0-9/._-]+)")
_SSH = re.compile(rf"(git-upload-pack|git-receive-pack) '/?({_NAME})/({_NAME})(?:\.git)?/?'")

UPLOAD = "git-upload-pack"
RECEIVE = "git-receive-pack"
SERVICES = (UPLOAD, RECEIVE)

INFO = "/info/refs"


class Place(NamedTuple):
    """Where a repository is: names as they stand in its address."""

    client: str
    repository: str

    def __str__(self) -> str:
        """Writes it as people do: ``acme/shop``."""
        return f"{self.client}/{self.repository}"


class Asked(NamedTuple):
    """What a request of git is about: one of SERVICES at a place. `is_listing`: it asks for the refs."""

    place: Place
    service: str
    is_listing: bool


def check_place(text: str) -> Place:
    """Returns the place that ``CLIENT/REPOSITORY`` names; UsageError for anything else."""
    place = place_in(text)
    if place is None:
        raise UsageError(
            f"{text!r} names no repository",
            cause="it is CLIENT/REPOSITORY, each of a-z, 0-9 and -",
            fix=("idse agency repository list",),
        )
    return place


def check_tenant(kind: str, name: str) -> str:
    """Returns the name of a client or repository; InvalidNameError where it cannot be one."""
    if re.fullmatch(_NAME, name) and not (kind == "client" and name in RESERVED):
        return name
    raise InvalidNameError(
        f"{name!r} is no name for a {kind}",
        cause="it stands in addresses: up to 39 of a-z, 0-9 and -, and the first is no hyphen"
        + (f"; {', '.join(sorted(RESERVED))} are taken by the server itself" if kind == "client" else ""),
        fix=(_suggestion(name),),
    )


def _suggestion(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:39]
    return plain if plain and plain not in RESERVED else "choose another name"


def place_in(path: str) -> Place | None:
    """Returns the place in ``CLIENT/REPOSITORY`` or ``CLIENT/REPOSITORY.git``; None for anything else."""
    found = _PLACE.fullmatch(path if path.endswith(".git") else f"{path}.git")
    return Place(found[1], found[2]) if found and found[1] not in RESERVED else None


def asked_over_http(path: bytes, query: bytes) -> Asked | None:
    """Returns what a request is about, by its raw path and query; None for all that git would not ask.

    The raw path: nothing is decoded, so nothing can be hidden by encoding it twice.
    """
    try:
        found = _ASKED.fullmatch(path.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if found is None or found[1] in RESERVED:
        return None
    place = Place(found[1], found[2])
    if found[3] == INFO:
        service = query.decode("ascii", "replace").removeprefix("service=")
        return Asked(place, service, is_listing=True) if service in SERVICES else None
    service = found[3].removeprefix("/")
    return Asked(place, service, is_listing=False) if service in SERVICES and not query else None


def asked_over_ssh(command: str) -> Asked | None:
    """Returns what SSH_ORIGINAL_COMMAND asks for; None for all that git would not ask."""
    found = _SSH.fullmatch(command)
    if found is None or found[2] in RESERVED:
        return None
    return Asked(Place(found[2], found[3]), found[1], is_listing=False)
