"""Look through a source: which sessions it has, which files are theirs, and what every other file is."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from idse_orchestrator.app.ledger_values import SessionKey
from idse_orchestrator.app.migrate.ports import FILE, LINK, MigrationSource, SourceEntry
from idse_orchestrator.domain.migration_files import MIGRATED, STUB, UNKNOWN, Fate
from idse_orchestrator.domain.migration_handoffs import is_governance_state, is_handoff_document
from idse_orchestrator.domain.migration_paths import (
    CURRENT,
    FLAT,
    Place,
    ProjectFile,
    place_of,
)
from idse_orchestrator.domain.migration_words import Current, current_session
from idse_orchestrator.domain.project_workspace import CURRENT_SESSION
from idse_orchestrator.errors import MigrationSourceError

_PSEUDO_SESSION = "current"
_MOST_TRAIL = 6
_LONGEST_POINTER = 4096


@dataclass(slots=True)
class Survey:
    """What was found. Keys are (project, session) as the source has them; `fates` are decided already.

    `current` names the session of each project that the source works on; under "" for all of them.
    """

    entries: tuple[SourceEntry, ...]
    sessions: dict[SessionKey, dict[str, Place]] = field(default_factory=dict)
    project_files: dict[str, ProjectFile] = field(default_factory=dict)
    governance: list[str] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    current: dict[str, Current] = field(default_factory=dict)
    trail: str = ""
    pseudo: SessionKey = ("", _PSEUDO_SESSION)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that the source names, in order."""
        named = {project for project, _ in self.sessions} | {
            found.project for found in self.project_files.values() if found.project
        }
        return tuple(sorted(named))

    def owner(self, path: str) -> SessionKey | None:
        """The session that a file at `path` belongs to, or belonged to when it was there."""
        place = place_of(self.trail + path)
        if not isinstance(place, Place):
            return None
        key = self.key_of(place)
        return key if key in self.sessions else None

    def place(self, path: str) -> Place | None:
        """The place in a session that `path` stands for."""
        place = place_of(self.trail + path)
        return place if isinstance(place, Place) else None

    def key_of(self, place: Place) -> SessionKey:
        """The session of `place`; the folders called "current" belong to the one that is."""
        if place.layout != CURRENT:
            return place.project, place.session
        return self.pseudo


def survey(source: MigrationSource, default_project: str) -> Survey:
    """Everything in `source`. `default_project` is for what names none ("" : there is no such thing).

    MigrationSourceError where no layout is recognised, or where a project has to be named.
    """
    entries = tuple(sorted(source.entries(), key=lambda entry: entry.path.encode("utf-8", "surrogateescape")))
    found = Survey(entries, trail=_trail(source.trail, entries))
    waiting: dict[str, Place] = {}
    pointers: list[str] = []
    for entry in entries:
        _sort(found, entry, waiting, pointers)
    _read_pointers(source, found, pointers)
    _read_current(source, found)
    if waiting:
        _settle_current(found, waiting, default_project)
    if not found.sessions:
        raise _nothing(source, entries)
    return found


def _trail(names: Sequence[str], entries: Sequence[SourceEntry]) -> str:
    """The folders above that have to be read as part of each path; "" where paths speak for themselves."""
    for count in range(min(len(names), _MOST_TRAIL) + 1):
        above = "".join(f"{name}/" for name in names[len(names) - count :]) if count else ""
        if any(isinstance(place_of(above + entry.path), Place) for entry in entries):
            return above
    return ""


def _sort(found: Survey, entry: SourceEntry, waiting: dict[str, Place], pointers: list[str]) -> None:
    place = place_of(found.trail + entry.path)
    if entry.kind != FILE:
        found.fates.append(_not_a_file(found, entry, place))
    elif isinstance(place, ProjectFile):
        found.project_files[entry.path] = place
    elif place is None and (is_handoff_document(entry.path) or is_governance_state(entry.path)):
        found.governance.append(entry.path)
    elif place is None:
        found.fates.append(Fate(entry.path, UNKNOWN, "it belongs to no layout"))
    elif place.layout == CURRENT and not place.rest:
        pointers.append(entry.path)
    elif place.layout == CURRENT:
        waiting[entry.path] = place
    else:
        found.sessions.setdefault(found.key_of(place), {})[entry.path] = place


def _not_a_file(found: Survey, entry: SourceEntry, place: Place | ProjectFile | None) -> Fate:
    if entry.kind != LINK:
        return Fate(entry.path, UNKNOWN, entry.detail)
    if isinstance(place, Place) and place.layout == CURRENT:
        _point(found, entry.path, entry.detail)
        return Fate(entry.path, STUB, f"a link to {entry.detail}")
    if isinstance(place, ProjectFile) and place.kind == CURRENT_SESSION:
        found.current.setdefault(place.project, current_session(entry.detail.encode("utf-8", "replace")))
    return Fate(entry.path, UNKNOWN, f"a symbolic link to {entry.detail}: links are not followed")


def _point(found: Survey, path: str, target: str) -> bool:
    """Take the session that a relative path leads to for the current one; whether it leads to one."""
    full = posixpath.normpath(posixpath.join(posixpath.dirname(found.trail + path), target.strip()))
    for tried in (f"{full}/-/-", f"{full}/-", full):
        place = place_of(tried)
        if isinstance(place, Place) and place.layout != CURRENT:
            found.current.setdefault("", Current(place.session))
            return True
    return False


def _read_pointers(source: MigrationSource, found: Survey, paths: Iterable[str]) -> None:
    """Files called "current" that hold the path of the session; another text belongs to no layout."""
    for path, data in source.load(paths):
        text = (data or b"")[:_LONGEST_POINTER].decode("utf-8", "surrogateescape").strip()
        if text and "\n" not in text and _point(found, path, text):
            found.fates.append(Fate(path, STUB, f"it names {text}"))
        else:
            found.fates.append(Fate(path, UNKNOWN, "it does not name a session"))


def _read_current(source: MigrationSource, found: Survey) -> None:
    files = {path: file for path, file in found.project_files.items() if file.kind == CURRENT_SESSION}
    for path, data in source.load(files):
        named = current_session(data or b"")
        if named.session:
            found.current[files[path].project] = named
            found.fates.append(Fate(path, MIGRATED, f"it names {named.session} as current"))
        else:
            found.fates.append(Fate(path, UNKNOWN, "it names no session"))
        del found.project_files[path]


def _settle_current(found: Survey, waiting: Mapping[str, Place], default_project: str) -> None:
    """Give the files below "current" to the session they are a copy of, or to one called like that."""
    said = [
        (project, current.session)
        for project, current in sorted(found.current.items(), key=lambda item: item[0] != "")
        if current.session
    ]
    known = [
        key
        for key in sorted(found.sessions)
        if any(key[1] == session and project in ("", key[0]) for project, session in said)
    ]
    project = found.projects[0] if len(found.projects) == 1 else default_project
    if not known and not project:
        raise MigrationSourceError(
            "the source does not say which project it belongs to",
            where=next(iter(waiting)),
            cause="this layout has no folder of that name",
            fix=("name the project: idse migrate PATH --project NAME",),
        )
    found.pseudo = known[0] if known else (project, said[0][1] if said else _PSEUDO_SESSION)
    for path, place in waiting.items():
        found.sessions.setdefault(found.key_of(place), {})[path] = place


def beside(name: str) -> Place:
    """The place of a file that is told as something else and kept in a session all the same."""
    return Place(FLAT, "", "", ("migrated", *name.split("/")))


def _nothing(source: MigrationSource, entries: Sequence[SourceEntry]) -> MigrationSourceError:
    deeper = next((below for entry in entries if (below := _starts_below(entry.path))), "")
    return MigrationSourceError(
        "there is no session here that idse could take over",
        where=source.description,
        cause=f"none of its {len(entries):,} files stands where an older layout has one"
        if entries
        else "it has no files at all",
        fix=(f"idse migrate {posixpath.join('PATH', deeper)}    (that looks like one)",)
        if deeper
        else ("name the folder that holds projects/, .idse/ or specs/",),
    )


def _starts_below(path: str) -> str:
    """The folder in which the rest of `path` would be a session's file; "" where there is none."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        if isinstance(place_of("/".join(parts[count:])), Place):
            return "/".join(parts[:count])
    return ""
