"""The names of refs that may be published, and which of them cannot stand beside each other.

The cases, in the order of the code: outside of ``refs/idse/`` · a kind of ref that this idse does not
know · a name that idse would not give · one name within another · names that differ only in case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from idse_orchestrator.base.ids import is_ulid
from idse_orchestrator.base.names import is_name

PUBLISHED = "refs/idse/"
PROJECTS = "projects"
SESSIONS = "sessions"
NOTES = "notes"
SYNC = "sync"

_KINDS_OF_NOTES = ("commits",)


class PublishedName(NamedTuple):
    """What a ref is by its name: `family`, and of a ledger its `project` and `session`, else `replica`."""

    family: str
    project: str = ""
    session: str = ""
    replica: str = ""


def published_name(ref: str) -> PublishedName | tuple[str, str]:  # noqa: PLR0911 - one return for each case
    """What `ref` is by its name; or (code, what) where it may not be published or is not known here."""
    if not ref.startswith(PUBLISHED):
        return "ref-outside", f"only refs under {PUBLISHED} are ever synced"
    family, *parts = ref.removeprefix(PUBLISHED).split("/")
    if family == PROJECTS and len(parts) == 1 and is_name(parts[0]):
        return PublishedName(PROJECTS, parts[0])
    if family == SESSIONS and len(parts) == 2 and all(map(is_name, parts)):
        return PublishedName(SESSIONS, *parts)
    if family == NOTES and parts and parts[0] in _KINDS_OF_NOTES and len(parts) == 1:
        return PublishedName(NOTES)
    if family == SYNC and len(parts) == 1 and is_ulid(parts[0]):
        return PublishedName(SYNC, replica=parts[0])
    if family in (PROJECTS, SESSIONS, SYNC):
        return "ref-name", "idse gives no such name"
    return "unknown-ref", "this idse does not know what it is for"


class Neighbours:
    """The names that exist, and what another name would collide with.

    Names that differ only in case share one folder on macOS and Windows, the folders above them too, and
    so do a project's ledger and its sessions.
    """

    def __init__(self, refs: Iterable[str] = ()) -> None:
        self._exact: set[str] = set()
        self._above: dict[str, str] = {}
        self._by_key: dict[str, str] = {}
        for ref in refs:
            self.add(ref)

    def add(self, ref: str) -> None:
        """From now on `ref` exists."""
        self._exact.add(ref)
        self._remember(ref)
        for folder in _folders(ref):
            if folder in self._above:
                break
            self._above[folder] = ref
            self._remember(folder)

    def _remember(self, name: str) -> None:
        for key, shown in _keys(name):
            self._by_key.setdefault(key, shown)

    def problem(self, ref: str) -> tuple[str, str] | None:
        """(code, what) of what `ref` would collide with; None where it would not, or exists already."""
        if ref in self._exact:
            return None
        within = self._above.get(ref) or next((name for name in _folders(ref) if name in self._exact), None)
        if within is not None:
            return "ref-clash", f"it cannot stand beside {within}: one name is a folder of the other"
        for name in (ref, *_folders(ref)):
            if name in self._above:
                break  # the folder exists, and so do those above it
            for key, shown in _keys(name):
                other = self._by_key.get(key, shown)
                if other != shown:
                    return "ref-case", f"{shown} differs from {other} only in case"
        return None


def _folders(ref: str) -> Iterator[str]:
    """The names above `ref`, the nearest first, up to that of its family."""
    at = ref.rfind("/")
    while at > len(PUBLISHED):
        yield ref[:at]
        at = ref.rfind("/", 0, at)


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """(what is equal for names that collide, what to call it) for a ref or a folder of refs."""
    yield name.casefold(), name
    for above in (f"{PUBLISHED}{PROJECTS}/", f"{PUBLISHED}{SESSIONS}/"):
        project = name.removeprefix(above)
        if project != name and "/" not in project:
            yield f"project {project.casefold()}", project
