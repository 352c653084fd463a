"""Reads the files beside a session's documents, of which several may say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.text import counted, few
from idse_orchestrator.documents.project_workspace import SESSION_STATE, STAGES
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate import governance
from idse_orchestrator.migrate.files import MIGRATED, UNKNOWN, Content, Fate, content_of
from idse_orchestrator.migrate.governance import Story
from idse_orchestrator.migrate.paths import AGENT_REGISTRY, DATABASE, RANK, Place, raw_path
from idse_orchestrator.migrate.survey import Survey, beside
from idse_orchestrator.migrate.values import MigrationSource, Progress, RegistryPlan
from idse_orchestrator.migrate.words import SessionRecord, created_in, owner_in, people_in, session_record
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE, EXPLORATORY, FEATURE
from idse_orchestrator.pipeline.stage_state_model import COMPLETE

_DONE = ("complete", "completed")
_OWNER, _PEOPLE = ".owner", ".collaborators"
_RECORDS = ("session.json", "session_state.json")
_SAID_ONCE = ("title", "type", "owner", "status", "parent", "tags", "created", "updated")


def is_record(place: Place) -> bool:
    """Tests whether a file of a session says something about it, rather than being a document."""
    name = place.rest[-1] if place.rest else ""
    if name in (_OWNER, _PEOPLE):
        return len(place.rest) <= 2
    return place.rest in (("metadata", "session.json"), ("session_state.json",))


def gathered(name: str, places: Mapping[str, Place], contents: Mapping[str, bytes]) -> SessionRecord:
    """Reads the records of the session `name` among its files `contents`, as one.

    Of two that disagree the better layout wins, then the one in ``metadata/``, then the first by path.
    """
    doubts: list[str] = []
    ordered = sorted(contents, key=lambda path: _order(path, places[path]))
    named = {kind: [path for path in ordered if places[path].rest[-1] == kind] for kind in (_OWNER, _PEOPLE)}
    said = {
        path: _read(path, contents[path], doubts) for path in ordered if places[path].rest[-1] in _RECORDS
    }
    records = list(said.values())
    in_files = [record for path, record in said.items() if places[path].layout != DATABASE]
    owner = _owner(named[_OWNER], contents, doubts)
    made = [moment for path in named[_OWNER] if (moment := created_in(contents[path]))]
    people = [each for record in records for each in record.collaborators]
    people += [person for path in named[_PEOPLE] for person in people_in(contents[path])]
    first = SessionRecord(**{key: _first(records, key) for key in _SAID_ONCE})
    created = first.created or (made[0] if made else None)
    if any(moment is not None and moment.guessed for moment in (created, first.updated)):
        doubts.append("its times have no offset, so they were read as UTC")
    recorded = str(_first(in_files, "owner"))
    if owner and recorded and owner != recorded:
        doubts.append(f"its owner is {recorded!r} in its record and {owner!r} in .owner")
    kind = _type(name, first.type, doubts)
    first = replace(first, owner=recorded or owner or first.owner, stages=_recorded(records))
    for path in (path for path in said if places[path].layout == DATABASE):
        doubts += _denials(said[path], first)
    return replace(
        first,
        type=kind,
        collaborators=tuple(dict.fromkeys(people)),
        created=created,
        doubts=tuple(doubts),
    )


def _order(path: str, place: Place) -> tuple[int, bool, bytes]:
    return RANK[place.layout], place.rest[0] != "metadata", raw_path(path)


def _read(path: str, data: bytes, doubts: list[str]) -> SessionRecord:
    record = session_record(data)
    doubts += [f"{path}: {doubt}" for doubt in record.doubts]
    return record


def _owner(paths: Iterable[str], contents: Mapping[str, bytes], doubts: list[str]) -> str:
    """Returns the first owner that is named; others are doubted."""
    named = {path: owner for path in paths if (owner := owner_in(contents[path]))}
    first = next(iter(named.values()), "")
    doubts += [
        f"{path} names {owner!r} as the owner, not {first!r}"
        for path, owner in named.items()
        if owner != first
    ]
    return first


def _first(records: Iterable[SessionRecord], key: str) -> Any:  # noqa: ANN401 - each has its own type
    """Returns what the first record says that says anything."""
    said = (getattr(record, key) for record in records)
    return next(filter(None, said), getattr(SessionRecord(), key))


def _denials(stored: SessionRecord, counts: SessionRecord) -> Iterator[str]:
    """Yields what a database says that the files, which count, say otherwise."""
    for key in ("title", "type", "owner", "status", "parent"):
        theirs, ours = getattr(stored, key), getattr(counts, key)
        if theirs and theirs != ours:
            yield f"its {key} is {ours!r} in the files, and {theirs!r} in the database"
    for stage, word in stored.stages.items():
        if counts.stages.get(stage, word) != word:
            yield f"{stage} is {counts.stages[stage]} in the files, and {word} in the database"


def _type(name: str, said: str, doubts: list[str]) -> str:
    if name == BLUEPRINT:
        return BLUEPRINT_TYPE
    word = said.lower()
    if word == BLUEPRINT_TYPE:
        doubts.append(f"it was a blueprint; here only {BLUEPRINT} is one, so it is a feature session")
    return EXPLORATORY if word == EXPLORATORY else FEATURE


def _recorded(records: list[SessionRecord]) -> Mapping[str, str]:
    """Returns stage to our word for it; of a session that is complete every stage is."""
    for record in records:
        if record.stages:
            return record.stages
    if any(record.status in _DONE for record in records):
        return dict.fromkeys(STAGES, COMPLETE)
    return {}


_UNREADABLE = "it cannot be read"


def story_order(each: Story) -> tuple[str, bytes]:
    """Orders stories by their dates, then by their files."""
    return (each.at.at if each.at else "", raw_path(each.path))


@dataclass(slots=True)
class SessionFiles:
    """The files of one session, by path in the source, and what they say of it.

    `records` are the bytes of those that tell about the session; `state` comes from a file beside all
    sessions; `closed` is one that cannot be read.
    """

    closed: str
    places: dict[str, Place] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    state: SessionRecord | None = None
    stories: list[Story] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def doubt(self, path: str, doubts: Iterable[str]) -> None:
        """Adds doubts about one of its files."""
        self.doubts.extend(f"{path}: {doubt}" for doubt in doubts)


@dataclass
class Reading:
    """All that the files say. `sessions` have the names of the source.

    `modified` tells when each file was written last; `fates` are those of files that belong to no session.
    """

    source: MigrationSource
    found: Survey
    keys: Mapping[SessionKey, SessionKey]
    on_progress: Progress
    registries: dict[str, RegistryPlan] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.modified = {entry.path: entry.modified for entry in self.found.entries}
        for each in self.found.stored:
            dated = {path: at for path, at in each.modified.items() if at}
            self.modified |= dict.fromkeys(each.texts, self.modified[each.path]) | dated
        self.sessions = {key: SessionFiles(self.found.closed.get(key, "")) for key in self.keys}

    def read(self) -> None:
        """Reads every file that some layout has a place for."""
        owners: dict[str, SessionKey] = {}
        for key, files in self.found.sessions.items():
            if key in self.keys:
                self.sessions[key].places.update(files)
                owners.update(dict.fromkeys(files, key))
            else:
                why = f"it belongs to project {key[0]}, which was not asked for"
                self.fates += [Fate(path, UNKNOWN, why) for path in files]
        for number, (path, data) in enumerate(self.source.load(owners), 1):
            self._take(owners[path], path, data)
            self.on_progress("reading files", number, len(owners))
        self._read_governance()
        self._read_project_files()

    def current_session_of(self, project: str = "") -> SessionKey | None:
        """Returns the current session of `project` ("" : of all): as the source says, else the only one."""
        known = [key for key in self.keys if project in ("", key[0])]
        said = sorted(self.found.current.items(), key=lambda item: (item[0] != project, item[0]))
        for owner, current in said:
            for key in known:
                if key[1] == current.session and owner in ("", key[0]):
                    return key
        return known[0] if len(known) == 1 else None

    def _take(self, key: SessionKey, path: str, data: bytes | None) -> None:
        session = self.sessions[key]
        if data is None:
            session.places.pop(path, None)
            session.closed = session.closed or path
            self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
            return
        session.contents[path] = content_of(data)
        if is_record(session.places[path]):
            session.records[path] = data
        if governance.is_handoff_document(path):
            self._tell(key, path, governance.handoff_story(path, data))

    def _tell(self, key: SessionKey, path: str, story: Story) -> None:
        self.sessions[key].stories.append(story._replace(path=path))
        self.sessions[key].doubt(path, story.doubts)

    def _read_governance(self) -> None:
        """Gives governance state and handoff documents beside all sessions to one session."""
        for path, data in self.source.load(self.found.governance):
            key = self._answerable(self._project_of(path))
            story = (
                None
                if data is None or governance.is_handoff_document(path)
                else governance.governance_story(data)
            )
            if data is None:
                self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
            elif story is None and not governance.is_handoff_document(path):
                self.fates.append(Fate(path, UNKNOWN, "it belongs to no layout"))
            elif key is None:
                self.fates.append(Fate(path, UNKNOWN, "no session is current, so nobody can say whose it is"))
            else:
                self.sessions[key].places[path] = beside(f"governance/{path.rpartition('/')[2]}")
                self._take(key, path, data)
                if story is not None:
                    self._tell(key, path, story)

    def _answerable(self, project: str) -> SessionKey | None:
        """Returns the current session of `project`, else the one blueprint: it gets what is about all."""
        current = self.current_session_of(project)
        blueprints = [key for key in self.keys if key[1] == BLUEPRINT and project in ("", key[0])]
        return current or (blueprints[0] if len(blueprints) == 1 else None)

    def _project_of(self, path: str) -> str:
        """Returns the project in whose folder `path` stands; "" if it stands in none."""
        folders = (self.found.trail + path).split("/")[:-1]
        at = folders.index("projects") + 1 if "projects" in folders else len(folders)
        project = folders[at] if at < len(folders) else ""
        return project if any(key[0] == project for key in self.keys) else ""

    def _read_project_files(self) -> None:
        files = self.found.project_files
        for path, data in self.source.load(files):
            if data is None:
                self.fates.append(Fate(path, UNKNOWN, _UNREADABLE))
            elif files[path].kind == AGENT_REGISTRY:
                self._read_registry(path, files[path].project, data)
            else:
                self._read_state(path, files[path].project, data)

    def _read_registry(self, path: str, project: str, data: bytes) -> None:
        taken = governance.taken_registry(data)
        named = {said[0]: called[0] for said, called in self.keys.items()}
        owners = [called for said, called in sorted(named.items()) if project in ("", said)]
        self.notes += [f"{path}: {doubt}" for doubt in taken.doubts]
        if not owners:
            why = f"it belongs to project {project}, which is not taken over"
            self.fates.append(Fate(path, UNKNOWN, why))
            return
        for owner in owners:
            if project or owner not in self.registries:
                self.registries[owner] = RegistryPlan(path, taken.registry, taken.doubts)
        if taken.doubts and not taken.registry.agents:
            self.fates.append(Fate(path, UNKNOWN, "nothing of it can be taken over"))
            return
        count = len(taken.registry.agents)
        words = f"{counted(count, 'agent')} for {', '.join(owners)}"
        self.fates.append(Fate(path, MIGRATED, words))

    def read_stored_agents(self) -> None:
        """Takes the agents in databases for projects of which no file tells any."""
        for each in self.found.stored:
            for project, data in each.registries.items():
                taken = governance.taken_registry(data)
                self.notes += [f"{each.path}: {doubt}" for doubt in taken.doubts]
                for owner in dict.fromkeys(
                    called[0] for said, called in self.keys.items() if project in ("", said[0])
                ):
                    plan = self.registries.setdefault(owner, RegistryPlan(each.path, taken.registry, ()))
                    left = [
                        agent.id for agent in taken.registry.agents if plan.registry.agent(agent.id) is None
                    ]
                    if left:
                        self.notes.append(f"{each.path}: {plan.path} counts, which does not have {few(left)}")

    def _read_state(self, path: str, project: str, data: bytes) -> None:
        """Gives a state beside all sessions to the session it names, or to the current one."""
        record = session_record(data)
        keys = [key for key in self.keys if key[1] == record.session and project in ("", key[0])]
        current = self.current_session_of(project)
        if current is not None:
            keys.append(current)
        if not keys:
            self.fates.append(Fate(path, UNKNOWN, "nobody can say which session it is about"))
            return
        session = self.sessions[keys[0]]
        session.places[path] = beside(SESSION_STATE)
        self._take(keys[0], path, data)
        session.doubt(path, record.doubts)
        session.state = session.state or record  # the first by path stands in the newer place
        if session.state.stages != record.stages:
            session.doubt(path, ("it records other stages than the file that counts",))
