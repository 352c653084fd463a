"""The rows about the projection: what a rebuild costs beside the bare work, and what a push pays for it.

``python projecting.py rebuild HOME`` prints, as JSON, seconds of a rebuild and of reading the same objects
and writing the same rows, and the peak of memory in MB. ``python projecting.py serve HOME`` is
`idse agency serve` without a projection, ``python projecting.py wait HOME`` one whose pushes wait for it.
``python projecting.py many HOME COUNT`` makes that many repositories.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from agency import LEDGER, appended, make_home, serving
from bed import HERE, IDSE, Bed
from measure import Figure, Subject, at_most, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

sys.path.append(os.path.join(os.path.dirname(HERE), "tests", "support"))
_OWN = os.path.join(HERE, "projecting.py")
_TURNS = 3


def rebuilding(bed: Bed, sizes: Sizes) -> list[Figure]:
    """All tables of many sessions made anew, beside the same reading and writing bare."""
    figures = []
    folder = bed.project("many")
    bed.build(folder, "histories", sizes.many_sessions)
    with ExitStack() as stack:
        for engine, home in _homes(bed, stack).items():
            figures += _rebuilt(bed, folder, engine, home, sizes.many_sessions)
    return figures


def _rebuilt(bed: Bed, folder: str, engine: str, home: str, sessions: int) -> list[Figure]:
    git_dir = os.path.join(home, "git", "acme", "shop.git")
    bed.run(IDSE, "agency", "--home", home, "repository", "add", "acme/shop", cwd=bed.folder)
    bed.run("git", "fetch", "-q", folder, "refs/idse/*:refs/idse/*", cwd=git_dir)
    bed.run("git", "pack-refs", "--all", cwd=git_dir)
    found = json.loads(bed.run(sys.executable, _OWN, "rebuild", home, cwd=bed.folder))
    detail = f"{found['rebuild']:.1f} of {found['bare']:.1f} s, first {found['first']:.1f} s"
    name = f"agency index --rebuild, {sessions:,} sessions, {engine}"
    return [
        at_most(name, found["rebuild"] / found["bare"], 3, "x the same bare", detail),
        at_most(f"{name}, memory", found["memory"], 250, "MB"),
    ]


def pushing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A push of one event with the projection, and without; and one that waits until its rows are written."""
    folder = bed.project("pushing")
    with ExitStack() as stack:
        urls = {}
        for engine, home in _homes(bed, stack).items():
            urls[engine] = _served(bed, stack, home, engine, IDSE, "agency", "--home", home, *_SERVE)
        for engine, home in _homes(bed, stack, "waiting-").items():
            name = f"{engine}, {_WAITED}"
            urls[name] = _served(bed, stack, home, f"{engine}-waiting", sys.executable, _OWN, "wait", home)
        home = os.path.join(bed.folder, "home-without")
        bed.run(IDSE, "agency", "init", "--home", home, cwd=bed.folder)
        urls["without"] = _served(bed, stack, home, "without", sys.executable, _OWN, "serve", home)
        time.sleep(2)  # the tables are made
        found = take_turns(
            bed,
            sizes.runs,
            {
                name: Subject(
                    ("git", "-c", "core.hooksPath=/dev/null", "push", "-q", url, f"{LEDGER}s{number}"),
                    folder,
                    appended(bed, folder, f"s{number}"),
                )
                for number, (name, url) in enumerate(urls.items())
            },
        )
    without = found.pop("without").ms
    return [
        at_most(
            f"projection of a push, {engine}",
            (each.ms - without) / each.ms,
            0.2 if engine.endswith(_WAITED) else 0.15,  # the next read waits that long, and no push does
            "of the push",
            f"{each.ms:.0f} ms, {without:.0f} without",
        )
        for engine, each in found.items()
    ]


_SERVE = ("serve", "--listen", "127.0.0.1:0")
_WAITED = "until it can be read"


def _served(bed: Bed, stack: ExitStack, home: str, repository: str, *command: str) -> str:
    """Serves a home as long as the stack lasts; returns the address of a repository, with a key in it."""
    key = _key(bed, home)
    served = stack.enter_context(serving(bed, *command, is_ours=True))
    return f"http://x:{key}@{served.address}/git/acme/{repository}.git"


def idling(bed: Bed, sizes: Sizes) -> list[Figure]:
    """What a server with many repositories takes of a core while nobody asks it anything."""
    count = 20 if sizes.runs == 1 else 2_000
    home, _ = make_home(bed)
    bed.run(sys.executable, _OWN, "many", home, str(count), cwd=bed.folder)
    with serving(bed, IDSE, "agency", "--home", home, *_SERVE) as served:
        address = f"http://{served.address}/readyz"
        while json.loads(urllib.request.urlopen(address).read())["projection"] != "ok":
            time.sleep(0.5)
        time.sleep(5)  # what a first look and a start leave to do
        before, seconds = sum(map(_cpu, served.pids())), 2 if sizes.runs == 1 else 30
        time.sleep(seconds)
        share = 100 * (sum(map(_cpu, served.pids())) - before) / seconds
    return [at_most(f"agency, idle with {count:,} repositories", share, 1, "% of a core")]


def _cpu(pid: int) -> float:
    """Returns the seconds of a processor that a process and its children have had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _many(home: str, count: int) -> None:
    from idse_orchestrator.server.model.names import Place
    from idse_orchestrator.wiring.agency import tenants_at

    tenants = tenants_at(home, os.environ)
    for number in range(count):
        client = f"c{number // 100}"
        if number % 100 == 0:
            tenants.add_client(client)
        tenants.add_repository(Place(client, f"r{number}"))


def _homes(bed: Bed, stack: ExitStack, prefix: str = "") -> dict[str, str]:
    """Returns a new home with the client acme for each engine that is here, as long as the stack lasts."""
    homes = {"sqlite": os.path.join(bed.folder, f"home-{prefix}sqlite")}
    bed.run(IDSE, "agency", "init", "--home", homes["sqlite"], cwd=bed.folder)
    url = stack.enter_context(_postgres())
    if url:
        homes["postgresql"] = os.path.join(bed.folder, f"home-{prefix}postgresql")
        given = ("--home", homes["postgresql"], "--database", url)
        bed.run(IDSE, "agency", "init", *given, cwd=bed.folder)
    return {engine: _with_client(bed, home) for engine, home in homes.items()}


def _with_client(bed: Bed, home: str) -> str:
    with open(os.path.join(home, "agency.toml"), "a", encoding="utf-8") as file:
        file.write("pushes_a_minute = 10000\n")
    bed.run(IDSE, "agency", "--home", home, "client", "add", "acme", cwd=bed.folder)
    return home


def _key(bed: Bed, home: str) -> str:
    scopes = ("--scope", "read,push,create")
    if "acme" not in bed.run(IDSE, "agency", "--home", home, "client", "list", cwd=bed.folder):
        _with_client(bed, home)
    return bed.run(IDSE, "agency", "--home", home, "key", "issue", "acme", *scopes, cwd=bed.folder).split()[
        -1
    ]


@contextmanager
def _postgres() -> Iterator[str]:
    """Yields the address of an empty database; "" where no PostgreSQL is here."""
    from postgres_bed import PostgresBed, programs

    found = programs()
    if found is None:
        yield ""
        return
    bed = PostgresBed(found)
    try:
        bed.start()
        yield bed.database()
    finally:
        bed.remove()


def _rebuild(home: str) -> None:
    from idse_orchestrator.server.judgement.pushed import Pushed
    from idse_orchestrator.server.projection.index import PORTION, rebuild
    from idse_orchestrator.server.projection.schema import tables
    from idse_orchestrator.wiring.agency import projector_at

    projector, admin = projector_at(home, os.environ)
    store = projector.store
    if not store.is_current():
        store.make()
    (repository,) = admin.repositories()
    git_dir = os.path.join(home, "git", "acme", "shop.git")

    def made() -> None:
        rebuild(projector, admin.repositories, lambda _: None)

    first = _timed(made)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows: dict[str, list[Any]] = {
        name: [tuple(row.values()) for row in store.read(f"SELECT * FROM {name}", client="")]
        for name in tables()
    }

    def bare() -> None:
        _read(git_dir, Pushed(git_dir))
        beside = store.beside()
        for name, those in rows.items():
            client = repository.client_id if name not in ("clients", "repositories", "audit") else ""
            for at in range(0, len(those), 5 * PORTION):
                with beside.writing(client) as writing:
                    writing.add(name, those[at : at + 5 * PORTION])

    times: dict[str, list[float]] = {"rebuild": [], "bare": []}
    for _ in range(_TURNS):
        times["rebuild"].append(_timed(made))
        times["bare"].append(_timed(bare))
    store.close()
    found = {name: statistics.median(each) for name, each in times.items()}
    print(json.dumps({**found, "first": first, "memory": memory}))


def _read(git_dir: str, pushed: Any) -> None:  # noqa: ANN401 - loaded where it is needed
    """Reads each commit, event, state and document once, by libgit2, and makes nothing of it."""
    from idse_orchestrator.git.objects import BLOB, COMMIT, objects_of, parse_commit

    objects = objects_of(git_dir)
    seen = set()
    for tip in pushed.tips().values():
        commit = tip
        while commit:
            tree, parents, _ = parse_commit(objects.read(commit, COMMIT))
            for entry in objects.entries(tree):
                if entry.path == "event.json" or (entry.path == "state.json" and commit == tip):
                    objects.read(entry.id, BLOB)
                elif entry.path == "artifacts" and commit == tip:
                    for _, file in pushed.files(entry.id, ""):
                        if file.blob not in seen:
                            seen.add(file.blob)
                            objects.read(file.blob, BLOB).decode()
            commit = parents[0] if parents else ""


def _timed(work: Any) -> float:  # noqa: ANN401 - a function
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _serve(home: str) -> None:
    from idse_orchestrator.cli.main import run
    from idse_orchestrator.server.gateway.following import Following

    async def keep(_self: Following, *_: object) -> None:
        await asyncio.Event().wait()

    Following.keep = keep  # type: ignore[method-assign]
    sys.exit(run(["agency", "--home", home, *_SERVE]))


def _wait(home: str) -> None:
    from idse_orchestrator.cli.main import run
    from idse_orchestrator.server.gateway.door import _Visit

    finish = _Visit._finish  # noqa: SLF001 - as it was before reads did the waiting

    async def finish_later(self: _Visit) -> None:
        await asyncio.gather(*self._agency.following._writing)  # noqa: SLF001
        await finish(self)

    _Visit._finish = finish_later  # type: ignore[method-assign]  # noqa: SLF001
    sys.exit(run(["agency", "--home", home, *_SERVE]))


ROWS = {"projection rebuild": rebuilding, "projection push": pushing, "projection idle": idling}

if __name__ == "__main__":
    {"rebuild": _rebuild, "serve": _serve, "wait": _wait, "many": lambda home: _many(home, int(sys.argv[3]))}[
        sys.argv[1]
    ](sys.argv[2])
