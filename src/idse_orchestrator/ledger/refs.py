"""The layout of refs, and the number of a ledger's format.

refs/idse/<family>/<name>…          published; `ledger.kinds` says what the names of a family are
refs/idse-local/…                   never leaves this repository
refs/worktree/idse/…                of one work tree

The format is 1 until a ledger's first event that older code would fold or read otherwise, then more. It
is a property of the ledger, not of an event: once raised it stays, through merges too, since the state
keeps the highest format of all events that were folded. So a clone that reads only older formats sees
at every tip that it cannot judge this ledger, and the bytes of all other ledgers never change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache

from idse_orchestrator.base.names import check_name, is_name

PUBLISHED = "refs/idse/"
PROJECT_FAMILY = "projects"
SESSION_FAMILY = "sessions"
NOTES_FAMILY = "notes"
SYNC_FAMILY = "sync"
PROJECTS = f"{PUBLISHED}{PROJECT_FAMILY}/"
SESSIONS = f"{PUBLISHED}{SESSION_FAMILY}/"
NOTES = f"{PUBLISHED}{NOTES_FAMILY}/"
NOTES_ON_COMMITS = f"{NOTES}commits"
SYNC = f"{PUBLISHED}{SYNC_FAMILY}/"
LOCAL = "refs/idse-local/"
"""What never leaves this repository: what remotes had, and what is on its way to them."""
PENDING = f"{LOCAL}pending/"
"""Sync points that were sent, as long as nobody knows whether they arrived."""
OUTGOING = f"{LOCAL}outgoing/"
"""Copies of what one push sends, as long as it lasts."""
AGENCY_RULES = "refs/idse-agency/rules"
"""Where an Agency has its rules. Below `PUBLISHED` it would keep older clones from ever being settled."""
KEPT_RULES = f"{LOCAL}rules/"
"""The rules of Agencies, by the git remote that they came from."""
OF_WORKTREE = "refs/worktree/idse/"
"""What belongs to one worktree."""
CURRENT = f"{OF_WORKTREE}session"
"""Symbolic ref of one worktree: the session it works on now."""
CURRENT_BY_PROJECT = f"{OF_WORKTREE}sessions/"
"""Symbolic refs of one worktree: the session it works on in each project."""


def project_ref(project: str) -> str:
    """Ref of a project's ledger."""
    return PROJECTS + check_name("project", project)


def session_ref(project: str, session: str) -> str:
    """Ref of a session's ledger."""
    return f"{SESSIONS}{check_name('project', project)}/{check_name('session', session)}"


def tracking_ref(remote: str, ref: str) -> str:
    """Returns where it is kept what `remote` had at the published ref `ref`."""
    return f"{LOCAL}remotes/{remote}/{ref.removeprefix(PUBLISHED)}"


def sync_ref(replica: str) -> str:
    """Ref of the sync points of one clone; `replica` is its id, a ULID."""
    return SYNC + replica


def current_by_project_ref(project: str) -> str:
    """Symbolic ref of the session this worktree works on in `project`."""
    return CURRENT_BY_PROJECT + check_name("project", project)


def parse_project_ref(ref: str) -> str | None:
    """Returns the project whose ledger `ref` is, or None."""
    name = ref.removeprefix(PROJECTS)
    return name if ref.startswith(PROJECTS) and is_name(name) else None


def parse_session_ref(ref: str) -> tuple[str, str] | None:
    """Returns the (project, session) whose ledger `ref` is, or None."""
    if not ref.startswith(SESSIONS):
        return None
    project, _, session = ref.removeprefix(SESSIONS).partition("/")
    return (project, session) if is_name(project) and is_name(session) else None


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
        """Returns (code, what) of what `ref` would collide with.

        None where it would not, or exists already.
        """
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
    """Yields the names above `ref`, the nearest first, up to that of its family."""
    at = ref.rfind("/")
    while at > len(PUBLISHED):
        yield ref[:at]
        at = ref.rfind("/", 0, at)


def _keys(name: str) -> Iterator[tuple[str, str]]:
    """(what is equal for names that collide, what to call it) for a ref or a folder of refs."""
    yield name.casefold(), name
    family, _, project = name.removeprefix(PUBLISHED).partition("/")
    if project and "/" not in project and family not in (NOTES_FAMILY, SYNC_FAMILY):
        yield f"project {project.casefold()}", project


FIRST = 1
"""The format that every ledger begins with."""
HIGHEST = 3
"""The highest format that this idse reads and writes."""
KNOWS_BOXES = 3
"""From this format on, marks of tasks do not conflict when two histories are merged."""


class CannotJudgeError(ValueError):
    """A ledger is not damaged, but this idse is too old for it or lacks a part that reads its events."""

    code = "newer-format"


class NewerFormatError(CannotJudgeError):
    """Something has a newer format than this idse reads."""

    def __init__(self, found: int, highest: int = HIGHEST) -> None:
        super().__init__(f"format {found} needs a newer idse: this one reads format {highest}")


def read_format(value: object, highest: int = HIGHEST) -> int:
    """Returns `value` where it is a format that is read here. NewerFormatError, ValueError."""
    if type(value) is not int or value < FIRST:
        raise ValueError(f"{value!r} is no format")
    if value > highest:
        raise NewerFormatError(value, highest)
    return value


def newer_format(data: bytes, highest: int = HIGHEST) -> int | None:
    """Returns the format that the JSON in `data` declares where it is above `highest`, else None."""
    declared, otherwise = _patterns(highest)
    if declared.search(data) is not None and otherwise.search(data) is None:
        return None  # as idse writes it; parsing would double the time of a replay
    try:
        found = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if type(found) is int and found > highest else None


@cache
def _patterns(highest: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    known = "|".join(map(str, range(FIRST, highest + 1)))
    return (
        re.compile(rf'"format":(?:{known})[,}}]'.encode()),
        re.compile(rf'"format":(?!(?:{known})[,}}])'.encode()),
    )
