"""The rows about pages: the first byte of each beside its queries and template, and how a dashboard starts.

``python pages.py start FOLDER`` starts `idse dashboard` there and ends it once it can be opened; ``python
pages.py bare FOLDER`` lists refs and reads what is kept of them, and makes no page.
"""

from __future__ import annotations

import asyncio
import glob
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, redirect_stdout
from statistics import median
from typing import Any

from agency import make_home
from bed import HERE, IDSE, Bed
from doors import asked, filled
from measure import Figure, Subject, at_most, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.pipeline.stage_state_model import SessionState, state_to_json
from idse_orchestrator.server.gateway.app import App
from idse_orchestrator.server.pages import site
from idse_orchestrator.server.projection import sqlite_store
from idse_orchestrator.server.projection.ids import session_id
from idse_orchestrator.server.projection.sqlite_store import SqliteStore
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.database import Database
from idse_orchestrator.server.tenants.logins import Logins
from idse_orchestrator.wiring.serving import doors_of

_GRID = "/c/acme/shop/portal"
_PAGES = {
    "overview": "/",
    "client": "/c/acme",
    "grid": _GRID,
    "grid, page 2": f"{_GRID}?page=2",
    "grid, what blocks": f"{_GRID}?show=blocked",
    "grid, a word": f"{_GRID}?q=session-0",
    "session": f"{_GRID}/session-00001",
    "a document to write": f"{_GRID}/session-00001/write?document=plan.md",
    "findings": "/findings",
    "findings of a client": "/findings?client=acme",
    "analytics": "/analytics?client=acme",
    "sync": "/sync",
    "audit": "/audit?client=acme",
    "keys": "/keys",
}
_OWN = os.path.join(HERE, "pages.py")


def pages(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Each page of an Agency with many sessions, in one process with its own queries and template."""
    home, _ = make_home(bed, "requests_a_minute = 1000000")
    words = ("key", "issue", "--admin", "--name", "Lead", "--scope", "read,push")
    key = bed.run(IDSE, "agency", "--home", home, *words, cwd=bed.folder).split()[-1]
    turns = 3 if sizes.runs == 1 else 30
    with open(os.devnull, "w", encoding="utf-8") as log, redirect_stdout(log):
        found = asyncio.run(_all(home, key, sizes.many_sessions, turns))
    rows = [
        at_most(
            f"pages, {name}",
            each["page"] / each["bare"],
            3,
            "x bare SQL and template",
            f"{each['page']:.1f} of {each['bare']:.1f} ms",
        )
        for name, each in found.items()
    ]
    largest = max(found, key=lambda name: found[name]["bytes"])
    return [
        *rows,
        at_most("pages, the largest", found[largest]["bytes"] / 1000, 60, "KB", largest),
    ]


async def _all(home: str, key: str, count: int, turns: int) -> Mapping[str, Mapping[str, float]]:
    """Returns medians in milliseconds of the queries and template of each page, and of the answer; bytes."""
    agency, store = filled(home, count)
    _fill_further(agency, store, count)
    agency.hook.write()  # without it nothing is written
    app = App(agency, dict, doors_of(agency), print)
    login = Logins(agency.admin).begin(agency.admin.keys.caller(key))
    found = {}
    with _watched() as (seconds, sizes):
        for name, path in _PAGES.items():
            await asked(app, key, path, login)  # what is read once is read
            times: dict[str, list[float]] = {"bare": [], "page": []}
            for _ in range(turns):
                seconds.clear()
                began = time.perf_counter()
                status = await asked(app, key, path, login)
                times["page"].append(time.perf_counter() - began)
                times["bare"].append(sum(seconds))
                if status != 200:
                    raise RuntimeError(f"{path} answers {status}")
            found[name] = {**{what: 1000 * median(each) for what, each in times.items()}, "bytes": sizes[-1]}
    return found


@contextmanager
def _watched() -> Iterator[tuple[list[float], list[int]]]:
    """Yields the seconds of each query and each template, and the bytes that templates made."""
    seconds: list[float] = []
    sizes: list[int] = []
    doors: Sequence[tuple[Any, str]] = (
        (site, "html"),
        (SqliteStore, "read"),
        (sqlite_store._Reading, "read"),  # noqa: SLF001 - what a page asks within one transaction
        (Database, "read"),
    )

    def timed(real: Callable[..., Any]) -> Callable[..., Any]:
        def again(*words: object, **given: object) -> Any:  # noqa: ANN401 - whatever it is
            began = time.perf_counter()
            found = real(*words, **given)
            seconds.append(time.perf_counter() - began)
            if isinstance(found, bytes):
                sizes.append(len(found))
            return found

        return again

    kept = [(where, name, getattr(where, name)) for where, name in doors]
    for where, name, real in kept:
        setattr(where, name, timed(real))
    try:
        yield seconds, sizes
    finally:
        for where, name, real in kept:
            setattr(where, name, real)


def _fill_further(agency: Any, store: Any, count: int) -> None:  # noqa: ANN401 - loaded where it is needed
    """Adds what pages show of sessions beside their rows: stages, events, findings, documents, pushes."""
    repository = agency.admin.repositories("acme")[0]
    client, ident = repository.client_id, repository.id
    rows: dict[str, list[tuple[object, ...]]] = {
        name: [] for name in ("stages", "events", "findings", "artifacts", "sync_events")
    }
    for number in range(count):
        session = session_id(ident, "portal", f"session-{number:05}")
        at = f"2026-01-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z"
        own = (client, session)
        for place, stage in enumerate(STAGES):
            status = "complete" if place < number % 8 else "pending"
            told = (
                status,
                "current" if number % 5 or place % 2 else "stale",
                "[]",
                at,
                "Ann",
                "x",
                number % 3 // 2,
            )
            rows["stages"].append((*own, stage, place, *told, ""))
            rows["artifacts"].append((*own, f"{stage}.md", stage, "b", 10))
            if status == "complete":
                for action in ("start", "complete"):
                    event = (f"{stage}-{action}", "stage", stage, action, 2 * place, at, at, "r", "", "Ann")
                    rows["events"].append((*own, *event, "ann@x", "c", f"{stage} {action}", "{}"))
        if number % 4 == 0:
            found = (
                "tip",
                f"IDSE{400 + number % 7}",
                "error",
                1,
                "spec",
                "spec.md",
                3,
                "It is wrong.",
                "Mend it.",
            )
            rows["findings"].append((*own, 0, *found, "", ""))
        if number % 10 == 0:
            rows["sync_events"].append((client, ident, "r", f"{number:040}", "push", at, "[]"))
            entry = AuditEntry(client, "push", "k", "shop")
            if number < 1_000:
                agency.admin.audit.write(entry)
    state = state_to_json(SessionState("portal", "session-00001", type="feature")).decode()
    with store.writing(client) as writing:
        writing.run(
            "UPDATE sessions SET state_json = :state WHERE client_id = :client AND session_name = :name",
            state=state,
            name="session-00001",
        )
        writing.add("blobs", [(client, "b", _DOCUMENT)])
        for table, those in rows.items():
            writing.add(table, those)


_DOCUMENT = (
    "# Plan\n\n" + "## Part\n\nWhat the team found, **measured** and wrote down.\n\n- one\n- two\n\n" * 60
)


def starting(bed: Bed, sizes: Sizes) -> list[Figure]:
    """The second start of a dashboard where nothing moved, beside a listing of refs and of what is kept."""
    folder = bed.project("starting")
    bed.build(folder, "histories", sizes.many_sessions // 2)
    began = time.perf_counter()
    bed.run(sys.executable, _OWN, "start", folder, cwd=folder)
    first = time.perf_counter() - began
    found = take_turns(
        bed,
        min(sizes.runs, 7),
        {what: Subject((sys.executable, _OWN, what, folder), folder) for what in ("bare", "start")},
    )
    start, bare = found["start"].ms / 1000, found["bare"].ms / 1000
    name = f"idse dashboard, {sizes.many_sessions // 2:,} sessions"
    return [
        at_most(
            f"{name}, again", start / bare, 4, "x bare", f"{start:.2f} of {bare:.2f} s, first {first:.0f} s"
        ),
    ]


def _start(folder: str) -> None:
    words = (os.path.join(os.path.dirname(sys.executable), "idse"), "dashboard")
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.kill()
    if not line.startswith(b"http://"):
        sys.exit("it did not start")


def _bare(folder: str) -> None:
    words = (sys.executable, "-c", "import idse_orchestrator.wiring.dashboard")
    subprocess.run(words, check=True)
    asked = ("git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/")
    subprocess.run(asked, cwd=folder, check=True, capture_output=True)
    (path,) = glob.glob(os.path.join(folder, ".git/idse/pages/*.db"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT ref, tip FROM refs").fetchall()
        connection.execute("SELECT project, session_name, judged_by FROM sessions").fetchall()


ROWS = {"pages": pages, "dashboard": starting}

if __name__ == "__main__":
    {"start": _start, "bare": _bare}[sys.argv[1]](sys.argv[2])
