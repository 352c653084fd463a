"""Who may do what with which repository: the same for every door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError
from idse_orchestrator.server.model.names import RECEIVE
from idse_orchestrator.server.model.push import PUSH, READ, Refusal
from idse_orchestrator.server.tenants.admin import Moved

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.names import Asked, Place
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.admin import Found

NOWHERE, FORBIDDEN, FULL, CLOSED, ELSEWHERE = "nowhere", "forbidden", "full", "closed", "elsewhere"
"""Why somebody is denied: no such repository for this key; it may not; no room; not now; it moved."""
EMPTY = "/empty.git"
"""Stands for each repository that a first push will make."""


class Admitted(NamedTuple):
    """The folder of repositories, and the path in it to the one that git is to serve."""

    root: str
    path: str


class Denied(NamedTuple):
    """One of the reasons above, in words; `place` is where a repository moved."""

    reason: str
    words: str
    place: Place | None = None


_UNKNOWN = Denied(NOWHERE, "there is no such repository")


def admit(agency: Agency, caller: Caller, asked: Asked) -> Admitted | Denied:
    """Returns what git may serve to `caller`. A first push makes its repository here.

    Another client's repository, one that is not there and one that the key is not for are the same.
    """
    place = asked.place
    found = agency.admin.place(caller, place)
    if isinstance(found, Moved):
        return Denied(ELSEWHERE, f"it is called {found.place} now", found.place)
    if found is None:
        return _UNKNOWN
    denied = _no_pushing(agency, caller, found) if asked.service == RECEIVE else _no_reading(caller)
    if denied is not None:
        return denied
    is_there = found.exists
    if asked.service == RECEIVE and not is_there:
        try:
            agency.create(caller, place)
        except IdseError as error:
            return Denied(FULL, error.message)
        is_there = True
    return Admitted(agency.home.git, f"/{place}.git") if is_there else Admitted(agency.empty_root, EMPTY)


def late_refusal(agency: Agency, caller: Caller, place: Place) -> Refusal | None:
    """Returns why a push that was admitted may not come in after all; None where it may.

    Asked under the lock of its repository, which whoever archives, renames or deletes it takes as well.
    For threads.
    """
    try:
        why = _not_any_more(agency, caller, place)
    except IdseError as error:
        return Refusal("", "admin", error.message, "the operator: idse agency doctor")
    return Refusal("", "not-allowed", why) if why else None


def _not_any_more(agency: Agency, caller: Caller, place: Place) -> str:
    now = agency.admin.keys.caller_by_id(caller.key_id)
    if now is None:
        return "this key was revoked, or has expired, meanwhile"
    denied = no_writing(agency, now, place)
    return denied.words if denied is not None else ""


def no_writing(agency: Agency, caller: Caller, place: Place) -> Denied | None:
    """Returns why `caller` may not write to a repository that is there; None where it may."""
    found = agency.admin.place(caller, place)
    if isinstance(found, Moved):
        return Denied(ELSEWHERE, f"it is called {found.place} now", found.place)
    if found is None or not found.exists:
        return _UNKNOWN
    return _no_pushing(agency, caller, found)


def _no_reading(caller: Caller) -> Denied | None:
    return None if READ in caller.scopes else Denied(FORBIDDEN, "this key may not read")


def _no_pushing(agency: Agency, caller: Caller, found: Found) -> Denied | None:
    if PUSH not in caller.scopes:
        return Denied(FORBIDDEN, "this key may read, and not push")
    if found.is_archived:
        return Denied(FORBIDDEN, "this repository is archived: it can be read, and no more written")
    if agency.is_read_only:
        return Denied(CLOSED, "the Agency is read-only for now")
    if not agency.hook.is_whole():
        return Denied(CLOSED, "the Agency cannot judge at the moment, so nothing is taken")
    if found.bytes_left <= 0:
        return Denied(FULL, "this client has used all its bytes: talk to who runs this Agency")
    return None
