"""Brings the tables up to what git says: one repository at a time, one transaction for each portion of refs.

The lock of the client comes first, then refs are read, then the tables: whoever is slower finds nothing left
to do. Where a ledger went on, only its new commits are walked. A portion is written whole, or not at all, so
whatever is killed on the way is caught up with by the next look.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from idse_orchestrator.constitution.in_force import InstalledChecks, RememberedVerdicts
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.refs import SYNC, parse_project_ref, parse_session_ref
from idse_orchestrator.server.judgement.pushed import Pushed
from idse_orchestrator.server.judgement.rules import Rulebook
from idse_orchestrator.server.projection.ids import project_id, session_id
from idse_orchestrator.server.projection.ledger_rows import LedgerRows, Rows
from idse_orchestrator.server.projection.schema import tables
from idse_orchestrator.server.projection.seen import Seen

if TYPE_CHECKING:
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.server.projection.store import Reader, Store, Values, Writer
    from idse_orchestrator.server.tenants.admin import Admin, Repository
    from idse_orchestrator.server.tenants.home import Home

PORTION = 200
"""Refs of one transaction while others wait for their turn."""
_MOST_REFS = 1_000
"""Refs of one transaction, whatever a push brings: their rows are in memory."""
_OF_SESSIONS = ("artifacts", "stages", "findings")

_Tenants: TypeAlias = "tuple[dict[tuple[str, ...], Values], dict[tuple[str, ...], Values]]"


class Projector:
    """Writes `store` from the repositories in `home`; `kinds` is the table of all kinds of ledgers."""

    def __init__(
        self, home: Home, admin: Admin, store: Store, kinds: Kinds, checks: InstalledChecks | None = None
    ) -> None:
        self._home = home
        self._admin = admin
        self.store = store
        self._kinds = kinds
        self._checks = checks
        self._copied: _Tenants | None = None
        self._looked_at: object = None
        """The state of the database in which there were no others than these."""
        self._known: set[str] = set()
        """Ids of repositories whose rows are there."""

    def into(self, store: Store) -> Projector:
        """Returns one that writes the same into another store."""
        return Projector(self._home, self._admin, store, self._kinds, self._checks)

    def follow(self, repository: Repository, moved: Iterable[str]) -> int:
        """Brings `moved` refs up to date, in one transaction but for thousands; returns how many moved.

        What follows from them for other sessions, as new rules do, is left to `reconcile`.
        """
        self._know(repository)
        refs = list(dict.fromkeys(moved))
        portions = (refs[at : at + _MOST_REFS] for at in range(0, len(refs), _MOST_REFS))
        return sum(self._portion(repository, each, again=False) for each in portions)

    def reconcile(self, repository: Repository, portion: int = PORTION) -> Iterator[int]:
        """Brings all of a repository up to date, portion by portion; yields how many refs are left."""
        self._know(repository)
        left = self.behind(repository)
        yield len(left)
        while left:
            self._portion(repository, left[:portion], again=True)
            left = left[portion:]
            yield len(left)

    def behind(self, repository: Repository) -> list[str]:
        """Returns the refs that the tables have otherwise, or that other rules or another day judged."""
        pushed = Pushed(self._home.git_dir(repository.place))
        tips = pushed.tips()
        with self.store.reading(repository.client_id) as reading:
            known = _tips(reading, repository)
            judged = {
                (row["project"], row["session_name"]): row["judged_by"]
                for row in reading.read(_JUDGED, repository=repository.id)
            }
        rows = self._rows(repository, pushed)
        changed = [ref for ref in {**tips, **known} if tips.get(ref) != known.get(ref)]
        # Projects first: whoever reads a session finds its project.
        changed.sort(key=lambda ref: (parse_project_ref(ref) is None, ref))
        asked = set(changed)
        for ref in sorted(tips.keys() - asked):
            key = parse_session_ref(ref)
            if key is not None and not rows.is_judged(key[0], judged.get(key, "")):
                changed.append(ref)
        return changed

    def _rows(self, repository: Repository, pushed: Pushed) -> LedgerRows:
        return LedgerRows(repository, pushed, self._kinds, self._book(repository), _today())

    def _book(self, repository: Repository) -> Rulebook | IdseError:
        try:
            return Rulebook(self._home.path, repository.client, self._checks, RememberedVerdicts)
        except IdseError as error:
            return error

    def _portion(self, repository: Repository, refs: Sequence[str], *, again: bool) -> int:
        """Writes `refs` as they are now; with `again` those that did not move are judged anew."""
        with self.store.writing(repository.client_id) as writing:
            pushed = Pushed(self._home.git_dir(repository.place))
            known = _tips(writing, repository, refs)
            self._copy_audit(writing, repository.client_id)
            rows = self._rows(repository, pushed)
            batch = _Batch(writing, repository, pushed, rows, Seen(self._admin, repository.client_id))
            moves = [(ref, known.get(ref, ""), pushed.tip(ref)) for ref in refs]
            for move in moves:
                if again or move[1] != move[2]:
                    batch.take(*move)
            batch.write()
            return sum(old != new for _, old, new in moves)

    def _copy_audit(self, writing: Writer, client_id: str) -> None:
        """Adds the rows of a client's chain that are not there."""
        asked = "SELECT max(id) AS id FROM audit WHERE client_id = :owner"
        last = writing.read(asked, owner=client_id)[0]["id"] or 0
        while page := self._admin.audit.rows(client_id, last, 1000):
            columns = tables()["audit"].columns
            writing.add("audit", [tuple(row[name] for name in columns) for row in page], skip=True)
            last = page[-1]["id"]

    # --- clients and repositories ---

    def _know(self, repository: Repository) -> None:
        """Has the row of a repository there before its sessions: a first push makes both."""
        if repository.id in self._known:
            return
        asked = {"client": repository.client_id, "id": repository.id}
        if not self.store.read(
            "SELECT 1 AS n FROM repositories WHERE client_id = :client AND id = :id", **asked
        ):
            self.copy_tenants()
        self._known.add(repository.id)

    def copy_tenants(self) -> None:
        """Brings clients, repositories and the Agency's own audit up to date; what was deleted goes."""
        tenants = self._tenants()
        self._known.clear()  # whoever deletes a repository has this run
        with self.store.writing("") as writing:
            for client_id in self._admin.audit.heads():
                self._copy_audit(writing, client_id)
            _exchange(writing, "clients", tenants[0])
            for client_id, ident in _exchange(writing, "repositories", tenants[1]):
                _forget(writing, client_id, ident)
            if writing.read("SELECT 1 AS n FROM audit WHERE action = 'repository purge' LIMIT 1"):
                writing.run(_PURGE)
        self._copied = tenants

    def has_other_tenants(self) -> bool:
        """Tests whether clients or repositories are others now than those that were copied last."""
        state = self._admin.database.state()
        if state == self._looked_at:
            return False
        if self._tenants() != self._copied:
            return True
        self._looked_at = state
        return False

    def _tenants(self) -> _Tenants:
        """Returns the rows of clients and of repositories, by their keys."""
        clients: dict[tuple[str, ...], Values] = {
            (each.id,): (each.id, each.name, each.created_at, each.archived_at)
            for each in self._admin.clients()
        }
        return clients, {
            (each.client_id, each.id): (each.client_id, each.id, each.name, each.created_at, each.archived_at)
            for each in self._admin.repositories()
            if (each.client_id,) in clients
        }


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


_JUDGED = (
    "SELECT project, session_name, judged_by FROM sessions "
    "WHERE client_id = :client AND repository_id = :repository"
)
_TIPS = "SELECT ref, tip FROM refs WHERE client_id = :client AND repository_id = :repository"
_FEW = 20
_PURGE = """
UPDATE audit SET salt = '', detail = '', certificate = ''
WHERE (salt <> '' OR detail <> '' OR certificate <> '') AND EXISTS (
  SELECT 1 FROM audit p WHERE p.client_id = audit.client_id AND p.repository = audit.repository
  AND p.action = 'repository purge' AND p.id > audit.id)
"""


def _tips(reading: Reader, repository: Repository, refs: Sequence[str] | None = None) -> dict[str, str]:
    """Returns where `refs`, or all, stand in the tables."""
    asked: dict[str, object] = {"repository": repository.id}
    if refs is None or len(refs) > _FEW:
        return {row["ref"]: row["tip"] for row in reading.read(_TIPS, **asked)}
    names = {f"r{number}": ref for number, ref in enumerate(refs)}
    marks = ", ".join(f":{name}" for name in names)
    found = reading.read(f"{_TIPS} AND ref IN ({marks})", **asked, **names) if names else []
    return {row["ref"]: row["tip"] for row in found}


def _exchange(writing: Writer, table: str, wanted: Mapping[tuple[str, ...], Values]) -> list[tuple[str, ...]]:
    """Makes the rows of a table those that are wanted, by key; returns the keys that went."""
    shape = tables()[table]
    found = {tuple(row[name] for name in shape.key): row for row in writing.read(f"SELECT * FROM {table}")}  # noqa: S608
    kept = {
        key for key, row in found.items() if wanted.get(key) == tuple(row[name] for name in shape.columns)
    }
    where = " AND ".join(f"{name} = :{name}" for name in shape.key if name != "client_id")
    where += " AND client_id = :owner" if "client_id" in shape.key else ""
    old = found.keys() - kept
    asked = [
        dict(zip((name if name != "client_id" else "owner" for name in shape.key), key, strict=True))
        for key in old
    ]
    if asked:
        writing.run_many(f"DELETE FROM {table} WHERE {where}", asked)  # noqa: S608
    writing.add(table, [row for key, row in wanted.items() if key not in kept])
    return [key for key in old if key not in wanted]


def _forget(writing: Writer, client_id: str, repository_id: str) -> None:
    """Takes out what a repository that was deleted had."""
    asked = {"owner": client_id, "repository": repository_id}
    of_session = "IN (SELECT id FROM sessions WHERE client_id = :owner AND repository_id = :repository)"
    of_project = "IN (SELECT id FROM projects WHERE client_id = :owner AND repository_id = :repository)"
    for table in _OF_SESSIONS:
        writing.run(f"DELETE FROM {table} WHERE client_id = :owner AND session_id {of_session}", **asked)  # noqa: S608
    writing.run(
        f"DELETE FROM events WHERE client_id = :owner AND (ledger_id {of_session} OR ledger_id {of_project})",  # noqa: S608
        **asked,
    )
    for table in ("sync_sessions", "sync_events", "sessions", "projects", "refs"):
        writing.run(f"DELETE FROM {table} WHERE client_id = :owner AND repository_id = :repository", **asked)  # noqa: S608
    writing.run(
        "DELETE FROM blobs WHERE client_id = :owner AND NOT EXISTS (SELECT 1 FROM artifacts a "
        "WHERE a.client_id = blobs.client_id AND a.blob_id = blobs.blob_id)",
        owner=client_id,
    )


class _Batch:
    """What one portion of refs changes: rows that go, by id, and rows that come, by table."""

    def __init__(
        self, writing: Writer, repository: Repository, pushed: Pushed, rows: LedgerRows, seen: Seen
    ) -> None:
        self._writing = writing
        self._repository = repository
        self._pushed = pushed
        self._rows = rows
        self._seen = seen
        self._come: Rows = {name: [] for name in tables()}
        self._gone: dict[str, list[str]] = {
            "sessions": [],
            "projects": [],
            "refs": [],
            "events": [],
            "sync": [],
        }
        self._whole: dict[str, tuple[str, str]] = {}
        self._further: list[Values] = []
        self._before: set[str] = set()

    def take(self, ref: str, old: str, new: str) -> None:
        """Adds a ref that is at `old` in the tables ("" : nowhere) and at `new` in git ("" : it is gone)."""
        project, key = parse_project_ref(ref), parse_session_ref(ref)
        if old != new:
            if old:
                self._gone["refs"].append(ref)
            if new:
                self._come["refs"].append((self._repository.client_id, self._repository.id, ref, new))
        if key is not None:
            self._take_session(ref, key, old, new)
        elif project is not None:
            self._take_project(ref, project, old, new)
        elif ref.startswith(SYNC) and old != new:
            self._take_sync(ref.removeprefix(SYNC), old, new)

    def _take_session(self, ref: str, key: tuple[str, str], old: str, new: str) -> None:
        ident = session_id(self._repository.id, *key)
        if old:
            self._gone["sessions"].append(ident)
        if new:
            self._add(self._rows.session(ref, key, new))
        self._take_events(ref, ident, old, new)

    def _take_project(self, ref: str, project: str, old: str, new: str) -> None:
        ident = project_id(self._repository.id, project)
        if old:
            self._gone["projects"].append(ident)
        if new:
            self._come["projects"].append(self._rows.project(project, new))
        self._take_events(ref, ident, old, new)

    def _take_events(self, ref: str, ledger: str, old: str, new: str) -> None:
        if old == new:
            return
        if old and not self._goes_on(old, new):
            self._gone["events"].append(ledger)
            old = ""
        if not new:
            return
        events = self._events(ref, ledger, old, new)
        if old:
            self._further += events
            self._whole[ledger] = (ref, new)
        else:
            self._come["events"] += events

    def _events(self, ref: str, ledger: str, old: str, new: str) -> list[Values]:
        try:
            commits = self._pushed.fresh(old, new)
        except (IdseError, ValueError):
            return []
        return self._rows.events(ledger, commits, self._seen.of(ref, old, new, self._pushed.fresh))

    def _take_sync(self, replica: str, old: str, new: str) -> None:
        if old and not self._goes_on(old, new):
            self._gone["sync"].append(replica)
            old = ""
        if new:
            try:
                self._add(self._rows.sync_points(replica, self._pushed.fresh(old, new)))
            except (IdseError, ValueError):
                return

    def _goes_on(self, old: str, new: str) -> bool:
        """Tests whether `new` holds all that `old` did; a push never makes it otherwise, a hand may."""
        if not new:
            return False
        if old in self._pushed.parents(new):
            return True
        try:
            return bool(self._pushed.repository.descendant_of(new, old))
        except (libgit2().GitError, KeyError, ValueError):
            return False

    def _add(self, rows: Rows) -> None:
        for table, those in rows.items():
            self._come[table] += those

    def write(self) -> None:
        """Writes all of it."""
        texts = self._texts()
        self._delete()
        come = self._come
        self._writing.add("blobs", texts, skip=True)
        for table, rows in come.items():
            self._writing.add(table, rows)
        self._write_further()
        self._drop_texts()

    def _delete(self) -> None:
        gone, run = self._gone, self._writing.run_many
        self._before = self._blobs_before()
        ids = [{"id": each} for each in gone["sessions"]]
        if ids:
            for table in _OF_SESSIONS:
                run(f"DELETE FROM {table} WHERE client_id = :client AND session_id = :id", ids)  # noqa: S608
            run("DELETE FROM sessions WHERE client_id = :client AND id = :id", ids)
        if gone["projects"]:
            ids = [{"id": each} for each in gone["projects"]]
            run("DELETE FROM projects WHERE client_id = :client AND id = :id", ids)
        if gone["events"]:
            ids = [{"id": each} for each in gone["events"]]
            run("DELETE FROM events WHERE client_id = :client AND ledger_id = :id", ids)
        own = {"repository": self._repository.id}
        if gone["refs"]:
            run(
                "DELETE FROM refs WHERE client_id = :client AND repository_id = :repository AND ref = :ref",
                [{**own, "ref": ref} for ref in gone["refs"]],
            )
        for replica in gone["sync"]:
            for table in ("sync_sessions", "sync_events"):
                self._writing.run(
                    f"DELETE FROM {table} WHERE client_id = :client AND repository_id = :repository "  # noqa: S608
                    "AND replica = :replica",
                    **own,
                    replica=replica,
                )

    def _blobs_before(self) -> set[str]:
        """Returns the texts that sessions which change had so far."""
        found: set[str] = set()
        for ident in self._gone["sessions"]:
            rows = self._writing.read(
                "SELECT blob_id FROM artifacts WHERE client_id = :client AND session_id = :id", id=ident
            )
            found.update(row["blob_id"] for row in rows)
        return found

    def _texts(self) -> list[Values]:
        """Returns the texts that may be new."""
        blobs = {str(row[_BLOB]) for row in self._come["artifacts"]}
        known = self._known(blobs)
        made = (self._rows.text(blob) for blob in sorted(blobs - known))
        return [row for row in made if row is not None]

    def _known(self, blobs: set[str]) -> set[str]:
        found: set[str] = set()
        names = sorted(blobs)
        for at in range(0, len(names), _MOST_NAMES):
            asked = {f"b{number}": name for number, name in enumerate(names[at : at + _MOST_NAMES])}
            marks = ", ".join(f":{name}" for name in asked)
            query = f"SELECT blob_id FROM blobs WHERE client_id = :client AND blob_id IN ({marks})"  # noqa: S608
            found.update(row["blob_id"] for row in self._writing.read(query, **asked))
        return found

    def _drop_texts(self) -> None:
        """Takes out texts that no session of the client has any more."""
        lost = self._before - {str(row[_BLOB]) for row in self._come["artifacts"]}
        if lost:
            self._writing.run_many(
                "DELETE FROM blobs WHERE client_id = :client AND blob_id = :id AND NOT EXISTS (SELECT 1 "
                "FROM artifacts a WHERE a.client_id = blobs.client_id AND a.blob_id = blobs.blob_id)",
                [{"id": each} for each in sorted(lost)],
            )

    def _write_further(self) -> None:
        """Adds events of ledgers that went on. Where an id comes again, that ledger is read as a whole."""
        if self._writing.add_new("events", self._further) == len(self._further):
            return
        for ledger, (ref, new) in self._whole.items():
            self._writing.run("DELETE FROM events WHERE client_id = :client AND ledger_id = :id", id=ledger)
            self._writing.add("events", self._events(ref, ledger, "", new))


_BLOB = tables()["artifacts"].columns.index("blob_id")
_MOST_NAMES = 500
