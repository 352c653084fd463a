"""Surveys a source: its sessions, their files, and which session is the current one."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.project_workspace import CURRENT_SESSION, SESSION_STATE
from idse_orchestrator.errors import MigrationSourceError
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate import paths
from idse_orchestrator.migrate.files import MIGRATED, STUB, UNKNOWN, Fate
from idse_orchestrator.migrate.governance import is_governance_state, is_handoff_document
from idse_orchestrator.migrate.paths import Place, ProjectFile, place_of, raw_path
from idse_orchestrator.migrate.stored import PARTS, Stored, database_fates, is_database
from idse_orchestrator.migrate.values import FILE, LINK, UNREADABLE, MigrationSource, SourceEntry
from idse_orchestrator.migrate.words import Current, current_session

PSEUDO_SESSION = "current"
"""The name of the session below folders called "current" where nobody says which one it is."""

_LONGEST_POINTER = 4096


def point(found: Survey, path: str, target: str) -> bool:
    """Makes the session that a relative path leads to the current one; False if it leads to none."""
    here = posixpath.join(posixpath.dirname(found.trail + path), target)
    place = _session_at(posixpath.normpath(here)) or _known(found, posixpath.normpath(target))
    if place is not None:
        found.current.setdefault("", Current(place.session))
    return place is not None


def _known(found: Survey, full: str) -> Place | None:
    """Does the same for a path from the top of the source: only one to a session which is there."""
    place = _session_at(full)
    return place if place is not None and found.key_of(place) in found.sessions else None


def _session_at(full: str) -> Place | None:
    places = map(place_of, (f"{full}/-/-", f"{full}/-", full))
    return next((each for each in places if isinstance(each, Place) and each.layout != paths.CURRENT), None)


def read_pointers(source: MigrationSource, found: Survey, below_current: dict[str, Place]) -> None:
    """Takes files out of `below_current` that hold the path of a session, or of a document.

    A file that is itself called "current" and holds another text belongs to no layout.
    """
    small = {entry.path for entry in found.entries if entry.size <= _LONGEST_POINTER}
    asked = [path for path, place in below_current.items() if path in small or not place.rest]
    for path, data in source.load(asked):
        text = (data or b"")[: _LONGEST_POINTER + 1].decode("utf-8", "surrogateescape").strip()
        if text and len(text) <= _LONGEST_POINTER and "\n" not in text and point(found, path, text):
            found.fates.append(Fate(path, STUB, f"it names {text}"))
        elif below_current[path].rest:
            continue
        else:
            found.fates.append(Fate(path, UNKNOWN, "it does not name a session"))
        del below_current[path]


def read_current(source: MigrationSource, found: Survey) -> dict[str, tuple[str, str]]:
    """Reads the CURRENT_SESSION files: of two about one project the first by path, the newer place, counts.

    What each of them names, (project, session) by path.
    """
    files = {path: file for path, file in found.project_files.items() if file.kind == CURRENT_SESSION}
    named: dict[str, tuple[str, str]] = {}
    chosen: dict[str, Current] = {}
    for path, data in source.load(files):
        said = current_session(data or b"")
        named[path] = (files[path].project, said.session)
        if said.session:
            chosen.setdefault(files[path].project, said)
        del found.project_files[path]
    found.current.update(chosen)
    return named


def record_current(found: Survey, named: Mapping[str, tuple[str, str]]) -> None:
    """Sets the fates of the CURRENT_SESSION files: one that names a session which is there is recorded."""
    for path, (project, session) in named.items():
        counts = found.current[project].session if session else ""
        if not session:
            fate = Fate(path, UNKNOWN, "it names no session")
        elif not any(key[1] == session and project in ("", key[0]) for key in found.sessions):
            fate = Fate(path, UNKNOWN, f"it names {session}, which is not there")
        elif session != counts:
            fate = Fate(path, UNKNOWN, f"it names {session}, but a better place names {counts} as current")
        else:
            fate = Fate(path, MIGRATED, f"it names {session} as current")
        found.fates.append(fate)


def settle_current(found: Survey, waiting: Mapping[str, Place], default_project: str) -> None:
    """Gives the files below "current" to the session they are a copy of, or to one called like that."""
    said = list(_said(found))
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
            fix=("idse migrate PATH --project NAME",),
        )
    found.pseudo = known[0] if known else (project, said[0][1] if said else PSEUDO_SESSION)
    for path, place in waiting.items():
        found.sessions.setdefault(found.key_of(place), {})[path] = place


def _said(found: Survey) -> Iterator[tuple[str, str]]:
    """Yields (project, session) of what is current; first what is said of all projects."""
    for project, current in sorted(found.current.items(), key=lambda item: item[0] != ""):
        if current.session:
            yield project, current.session


def read_databases(source: MigrationSource, found: Survey, others: list[SourceEntry]) -> list[SourceEntry]:
    """Reads the databases among `others`; returns the rest of those."""
    kinds = {entry.path: entry.kind for entry in found.entries}
    left = {entry.path: entry for entry in others}
    for path in [path for path in left if is_database(path)]:
        beside = [path + end for end in PARTS if path + end in kinds]
        odd = next((part for part in beside if kinds[part] != FILE), "")
        parts = tuple(part for part in beside if part in left)
        each = Stored(path, parts, f"{odd} is no file") if odd else source.stored(path, parts)
        for own in (path, *parts):
            del left[own]
        found.stored.append(each)
        found.fates += database_fates(each)
    return list(left.values())


def take_texts(found: Survey, default_project: str) -> None:
    """Gives the texts in databases to their sessions; what is about a project goes to its blueprint."""
    named = {*found.projects, *(key[0] for each in found.stored for key in each.sessions if key[0])}
    only = named.pop() if len(named) == 1 else default_project
    for each in found.stored:
        each.name_project(only)
        for key, texts in each.sessions.items():
            if key[0]:
                found.sessions.setdefault(key, {}).update(texts)
            else:
                why = "the database names no project for it: idse migrate PATH --project NAME"
                found.fates += [Fate(path, UNKNOWN, why) for path in texts]
        for project, texts in each.records.items():
            key = (project, BLUEPRINT)
            if key in found.sessions or (project and project in each.implied):
                found.sessions.setdefault(key, {}).update(texts)
            else:
                found.fates += [
                    Fate(path, UNKNOWN, "there is no blueprint to keep it with") for path in texts
                ]
        found.project_files |= {path: ProjectFile(SESSION_STATE, said) for path, said in each.states.items()}


_MOST_TRAIL = 6


@dataclass(slots=True)
class Survey:
    """The sessions and files of a source. Keys are (project, session) as it has them; `fates` are decided.

    `current` names the session of each project that the source works on; under "" for all of them.
    `closed` names for a session what cannot be read of it. `bare` are the sessions that stand in the folder
    of their project itself.
    """

    entries: tuple[SourceEntry, ...]
    sessions: dict[SessionKey, dict[str, Place]] = field(default_factory=dict)
    project_files: dict[str, ProjectFile] = field(default_factory=dict)
    governance: list[str] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    current: dict[str, Current] = field(default_factory=dict)
    trail: str = ""
    bare: set[SessionKey] = field(default_factory=set)
    closed: dict[SessionKey, str] = field(default_factory=dict)
    pseudo: SessionKey = ("", PSEUDO_SESSION)
    stored: list[Stored] = field(default_factory=list)

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects that the source names, in order."""
        named = {project for project, _ in self.sessions} | {
            found.project for found in self.project_files.values() if found.project
        }
        return tuple(sorted(named))

    def owner(self, path: str) -> SessionKey | None:
        """Returns the session that a file at `path` belongs to, or belonged to when it was there."""
        place = self.place(path)
        return self.key_of(place) if place is not None else None

    def place(self, path: str) -> Place | None:
        """Returns the place in a session that `path` stands for."""
        place = place_of(self.trail + path)
        if place is None:
            beside = paths.beside_stages(self.trail + path)
            place = beside if beside is not None and self.key_of(beside) in self.bare else None
        return place if isinstance(place, Place) else None

    def key_of(self, place: Place) -> SessionKey:
        """Returns the session of `place`; the folders called "current" belong to the one that is."""
        if place.layout != paths.CURRENT:
            return place.project, place.session
        return self.pseudo


def survey(source: MigrationSource, default_project: str) -> Survey:
    """Finds everything in `source`. `default_project` gets what names none ("" : nobody does).

    MigrationSourceError where no layout is recognised, or where a project has to be named.
    """
    entries = tuple(sorted(source.entries(), key=lambda entry: raw_path(entry.path)))
    found = Survey(entries, trail=_trail(source.trail, entries))
    below_current: dict[str, Place] = {}
    others: list[SourceEntry] = []
    for entry in entries:
        _sort(found, entry, below_current, others)
    for entry in read_databases(source, found, others):
        _sort_other(found, entry)
    take_texts(found, default_project)
    read_pointers(source, found, below_current)
    named = read_current(source, found)
    for each in found.stored:
        for project, session in each.current.items():
            if "" not in found.current:  # what a file says of all projects counts
                found.current.setdefault(project, Current(session))
    if below_current:
        settle_current(found, below_current, default_project)
    record_current(found, named)
    if not found.sessions:
        raise _nothing(source, found)
    for entry in entries:
        if entry.kind == UNREADABLE:
            found.closed |= dict.fromkeys(_sessions_with(found, entry.path), entry.path)
    return found


def _sessions_with(found: Survey, folder: str) -> Iterable[SessionKey]:
    """Returns the sessions that have files in `folder`, or may have: one of a stage holds those of all."""
    place = found.place(f"{folder}/-")
    if place is not None:
        return [found.key_of(place)]
    return found.sessions if (found.trail + folder).split("/")[0] in paths.STAGE_FOLDERS else ()


def _trail(names: Sequence[str], entries: Sequence[SourceEntry]) -> str:
    """Returns the folders above that belong to each path; "" if paths speak for themselves."""
    for count in range(min(len(names), _MOST_TRAIL) + 1):
        above = "".join(f"{name}/" for name in names[len(names) - count :]) if count else ""
        if any(isinstance(place_of(above + entry.path), Place) for entry in entries):
            return above
    return ""


def _sort(
    found: Survey, entry: SourceEntry, below_current: dict[str, Place], others: list[SourceEntry]
) -> None:
    place = place_of(found.trail + entry.path)
    if entry.kind != FILE:
        found.fates.append(_not_a_file(found, entry, place))
    elif isinstance(place, ProjectFile):
        found.project_files[entry.path] = place
    elif place is None:
        others.append(entry)
    elif place.layout == paths.CURRENT:
        below_current[entry.path] = place
    else:
        key = found.key_of(place)
        found.sessions.setdefault(key, {})[entry.path] = place
        if place.layout in (paths.BARE, paths.COLON):
            found.bare.add(key)


def _sort_other(found: Survey, entry: SourceEntry) -> None:
    """Sorts what no path says by itself: it stands beside stages, or says who handed over."""
    place = found.place(entry.path)
    if place is not None:
        found.sessions[found.key_of(place)][entry.path] = place
    elif is_handoff_document(entry.path) or is_governance_state(entry.path):
        found.governance.append(entry.path)
    else:
        found.fates.append(Fate(entry.path, UNKNOWN, "it belongs to no layout"))


def _not_a_file(found: Survey, entry: SourceEntry, place: Place | ProjectFile | None) -> Fate:
    if entry.kind != LINK:
        return Fate(entry.path, UNKNOWN, entry.detail)
    if isinstance(place, Place) and place.layout == paths.CURRENT:
        point(found, entry.path, entry.detail)
        return Fate(entry.path, STUB, f"a link to {entry.detail}")
    if isinstance(place, ProjectFile) and place.kind == CURRENT_SESSION:
        found.current.setdefault(place.project, current_session(entry.detail.encode("utf-8", "replace")))
    return Fate(entry.path, UNKNOWN, f"a symbolic link to {entry.detail}: links are not followed")


def beside(name: str) -> Place:
    """Returns the place of a file that is read as something else and kept in a session all the same."""
    return Place(paths.FLAT, "", "", ("migrated", *name.split("/")))


def _nothing(source: MigrationSource, found: Survey) -> MigrationSourceError:
    entries = found.entries
    if found.stored:
        return MigrationSourceError(
            "there is no session here that idse could take over",
            where=source.description,
            cause="\n".join(
                f"{fate.path}: {fate.reason}" for each in found.stored for fate in database_fates(each)[:1]
            ),
            fix=("name a folder that has sessions, too, or mend the database",),
        )
    deeper = next((below for entry in entries if (below := _starts_below(entry.path))), "")
    return MigrationSourceError(
        "there is no session here that idse could take over",
        where=source.description,
        cause=f"none of its {len(entries):,} files stands where an older layout has one"
        if entries
        else "it has no files at all",
        fix=(f"idse migrate {posixpath.join('PATH', deeper)}  # that looks like one",)
        if deeper
        else ("name the folder that holds projects/, .idse/ or specs/",),
    )


def _starts_below(path: str) -> str:
    """Returns the folder in which the rest of `path` would be a session's file; "" if there is none."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        if isinstance(place_of("/".join(parts[count:])), Place):
            return "/".join(parts[:count])
    return ""
