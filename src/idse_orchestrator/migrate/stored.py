"""The texts that an older tool kept in a database, as files that a session has besides those on disk.

Each gets a path below that of the database, and a place of the layout that loses against all others: what
a file says wins, for people saw it and git has its history, and the other text is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, one_line
from idse_orchestrator.documents.project_workspace import WORKSPACE
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.migrate.files import MIGRATED, STUB, UNKNOWN, Fate
from idse_orchestrator.migrate.old_claims import OldClaims
from idse_orchestrator.migrate.paths import Place

PARTS = ("-wal", "-journal", "-shm")
"""The ends of names of the files that SQLite keeps beside a database; the last is a mere index."""

ROW = ""
"""The key under which a row has its own number."""

_ENDS = (".db", ".sqlite", ".sqlite3")
Value = str | int | float | bytes | None
Row = Mapping[str, Value]


class Table(NamedTuple):
    """A table: `rows` yields its rows by column in lower case.

    Of the columns that it is given only whether there is a value.
    """

    name: str
    columns: frozenset[str]
    rows: Callable[[Collection[str]], Iterator[Row]]


@dataclass(slots=True)
class Stored:
    """The content of one database. `problem`: why it cannot be read. `tables`: all names, if idse knows none.

    `sessions` and `records` (about a whole project) have a place for each text by its path; `texts` are the
    bytes of it, or the row of the table of documents that has it. `implied` are projects that have claims.
    """

    path: str
    parts: tuple[str, ...] = ()
    problem: str = ""
    tables: tuple[str, ...] = ()
    sessions: dict[SessionKey, dict[str, Place]] = field(default_factory=dict)
    records: dict[str, dict[str, Place]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    texts: dict[str, bytes | int] = field(default_factory=dict)
    modified: dict[str, str] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    registries: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, OldClaims] = field(default_factory=dict)
    implied: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> str:
        """Counts of what was found, in words: "2 sessions, 3 documents"."""
        return ", ".join(counted(count, noun, ",") for noun, count in self.counts.items())

    def name_project(self, project: str) -> None:
        """Makes `project` the one of all that names none."""
        sessions, self.sessions = self.sessions, {}
        for (said, session), texts in sessions.items():
            own = self.sessions.setdefault((said or project, session), {})
            own |= {path: place._replace(project=said or project) for path, place in texts.items()}
        self.records = {
            said or project: {path: place._replace(project=said or project) for path, place in texts.items()}
            for said, texts in self.records.items()
        }
        self.states = {path: said or project for path, said in self.states.items()}
        self.current = {said or project: session for said, session in self.current.items()}
        self.claims = {said or project: claims for said, claims in self.claims.items()}
        self.implied = {said or project for said in self.implied}


def database_fates(each: Stored) -> list[Fate]:
    """Returns the fates of a database, and of what stands beside it."""
    if each.problem:
        fate, reason = UNKNOWN, f"it cannot be read: {each.problem}"
    elif each.counts:
        fate, reason = MIGRATED, each.holds
    elif each.tables:
        fate, reason = UNKNOWN, f"idse does not know its tables: {', '.join(map(one_line, each.tables))}"
    else:
        fate, reason = UNKNOWN, "an empty database"
    fates = [Fate(each.path, fate, reason)]
    for part in each.parts:
        is_index = part.endswith(PARTS[-1])
        words = f"the index of a part of {each.path}" if is_index else f"a part of {each.path}"
        fates.append(Fate(part, STUB if is_index else fate, words))
    return fates


def is_database(path: str) -> bool:
    """Tests whether an older tool may have kept its store at `path`."""
    folder, _, name = path.rpartition("/")
    in_workspace = folder.rpartition("/")[2] == WORKSPACE and name.lower().endswith(_ENDS)
    return name.lower() == "idse.db" or in_workspace
