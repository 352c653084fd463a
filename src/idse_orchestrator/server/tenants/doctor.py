"""Checks of an Agency's home, and what can be mended in it without losing anything.

Where database and folders differ, the database says what is right. Where a folder has no row, or there is no
database at all, clients and repositories come back from the records beside the folders.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from idse_orchestrator.base.checkup import OK, PROBLEM, WARNING, Check, Diagnosis
from idse_orchestrator.base.confined import landlock_version
from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, few, one_word
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.admin import Admin, Client, Record
from idse_orchestrator.server.tenants.backup import heads_in, last_backup, read_manifest
from idse_orchestrator.server.tenants.configuration import CONFIGURATION
from idse_orchestrator.server.tenants.home import (
    PING,
    Home,
    home_problem,
    is_home,
    judge_socket,
    make_folders_of,
    new_nonce_seed,
    read_record,
    write_record,
)
from idse_orchestrator.server.tenants.repository_checks import repository_checks
from idse_orchestrator.server.tenants.tenancy import DELETED, Tenants

_LOW_BYTES = 1 << 30
_MINIMUM_GIT = (2, 31)
_FUTURE_SECONDS = 300
_WHAT = "the home of the Agency"


class Further(NamedTuple):
    """What is looked at beside the home itself.

    `rules` returns why rules cannot be used, by the client that they are for. With `backup`, a folder, the
    audit is compared, or else with what is kept of the last one. `fsck` counts the defects of a repository.
    """

    rules: Callable[[], Mapping[str, str]] = dict
    backup: str = ""
    fsck: Callable[[str], int] | None = None


_NOTHING = Further()


def home_checks(
    home: Home,
    git: Git,
    environment: Mapping[str, str],
    now: Callable[[], float] = time.time,
    further: Further = _NOTHING,
) -> Iterator[Check]:
    """Yields every check of a home, whatever is wrong with it."""
    rules, backup, fsck = further
    admin = Admin(home.admin_db, now)
    tenants = Tenants(home, admin, git)
    if not is_home(home):
        yield Check("home", lambda: _home(home))
        return  # there is nothing else to look at, and nothing of ours to mend
    yield Check("home", lambda: _home(home), lambda: _close(home))
    yield Check("secrets", lambda: _modes(home), lambda: _close(home))
    yield Check("configuration", lambda: _configuration(home, environment), lambda: _configure(home))
    yield Check("rules", lambda: _rules(rules()))
    yield Check("git", lambda: _git(git))
    yield Check("disk", lambda: _disk(home))
    yield Check("judge", lambda: _judge(home))
    yield Check("confinement", _confinement)
    yield Check("database", lambda: _database(home, admin), lambda: _make_database(home))
    if not os.path.exists(home.admin_db):  # looked for anew: it may just have been made
        yield from repository_checks(home, git, now, fsck)
        return
    yield Check("clients", lambda: _clients(tenants), lambda: _mend_clients(tenants))
    yield Check("repositories", lambda: _repositories(tenants), lambda: _mend_repositories(tenants))
    yield Check("records", lambda: _records(tenants), lambda: _write_records(tenants))
    yield Check("audit", lambda: _audit(admin))
    yield Check("backup", lambda: _backup(home, admin, backup))
    yield Check("clock", lambda: _clock(admin, now))
    yield from repository_checks(home, git, now, fsck)


_JUDGE_SECONDS = 5.0


def _judge(home: Home) -> Diagnosis:
    """Asks the judge of the server that runs here, if one does; a server tests all of it when it starts."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_JUDGE_SECONDS)
            line.connect(judge_socket(home))
            line.sendall(PING)
            if line.recv(len(PING)) == PING:
                return Diagnosis(OK, "it answers")
    except (FileNotFoundError, ConnectionRefusedError):
        return Diagnosis(OK, "no server runs here")
    except OSError:
        pass
    return Diagnosis(
        PROBLEM, "the server's judge does not answer, so no push is taken", ("restart idse agency serve",)
    )


def _confinement() -> Diagnosis:
    version = landlock_version()
    if version:
        return Diagnosis(OK, f"the judge can open nothing but what judging needs: Landlock {version}")
    return Diagnosis(OK, "this kernel has no Landlock (Linux 5.19): the judge can open what its user can")


# --- the home ---


def _home(home: Home) -> Diagnosis:
    problem = home_problem(home)
    if problem is None or (is_home(home) and CONFIGURATION in (problem.cause or "")):  # it has its own check
        return Diagnosis(OK, f"{home.path} is yours alone")
    return Diagnosis(PROBLEM, ": ".join(filter(None, (problem.message, problem.cause))), problem.fix)


def _open_parts(home: Home) -> list[str]:
    parts = [home.secrets, home.admin_db, f"{home.admin_db}-wal"]
    with suppress(FileNotFoundError):
        parts += [os.path.join(home.secrets, name) for name in sorted(os.listdir(home.secrets))]
    found = []
    for path in parts:
        with suppress(FileNotFoundError):
            if stat.S_IMODE(os.lstat(path).st_mode) & 0o077:
                found.append(path)
    return found


def _modes(home: Home) -> Diagnosis:
    found = _open_parts(home)
    if not found:
        return Diagnosis(OK, "nobody else can read keys and secrets")
    names = few([os.path.relpath(path, home.path) for path in found])
    return Diagnosis(
        PROBLEM, f"others may read {names}", tuple(f"chmod go= {one_word(path)}" for path in found)
    )


def _close(home: Home) -> str:
    paths = [home.path, *_open_parts(home)]
    for path in paths:
        try:
            os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) & ~0o077)
        except OSError as error:
            raise IdseError("it is not yours to close", where=path, cause=error.strerror) from error
    return "closed to others"


def _configuration(home: Home, environment: Mapping[str, str]) -> Diagnosis:
    if not os.path.exists(home.configuration_file):
        return Diagnosis(PROBLEM, f"there is no {CONFIGURATION}")
    home.configuration(environment)
    return Diagnosis(OK, f"{CONFIGURATION} can be read")


def _configure(home: Home) -> str:
    if os.path.exists(home.configuration_file):
        return "nothing: what is wrong in it is for you to say"
    write_atomically(home.configuration_file, b"# All settings are as they are built in.\n", what=_WHAT)
    make_folders_of(home)
    if not os.listdir(home.secrets):
        new_nonce_seed(home)
    return f"wrote an empty {CONFIGURATION}"


def _rules(broken: Mapping[str, str]) -> Diagnosis:
    if not broken:
        return Diagnosis(OK, "they can be used")
    client, why = next(iter(broken.items()))
    whose = f"of client {client}" if client else "of all clients"
    more = f"; in all, of {counted(len(broken), 'client')}" if len(broken) > 1 else ""
    steps = tuple(f"idse agency rules check {each}".rstrip() for each in list(broken)[:3])
    return Diagnosis(PROBLEM, f"pushes {whose} are refused{more}: {why}", steps)


def _git(git: Git) -> Diagnosis:
    words = git.text("version")
    found = re.search(r"(\d+)\.(\d+)", words)
    if not found or (int(found[1]), int(found[2])) < _MINIMUM_GIT:
        return Diagnosis(PROBLEM, f"{words} is too old", ("install git 2.31 or newer",))
    return Diagnosis(OK, words)


def _disk(home: Home) -> Diagnosis:
    usage = shutil.disk_usage(home.path)
    says = f"{usage.free >> 20:,} MiB are free"
    if usage.free < _LOW_BYTES:
        return Diagnosis(WARNING, says, ("make room: a push needs twice its size",))
    return Diagnosis(OK, says)


# --- the database, and what stands beside it ---


def _database(home: Home, admin: Admin) -> Diagnosis:
    if not os.path.exists(home.admin_db):
        return Diagnosis(
            PROBLEM, "there is no database: keys and audit come back from a backup, the rest with --fix"
        )
    found = [row for row in admin.database.read("PRAGMA quick_check") if "ok" not in row.values()]
    if found:
        return Diagnosis(PROBLEM, f"the database is damaged: {next(iter(found[0].values()))}")
    return Diagnosis(OK, counted(len(admin.clients()), "client"))


def _make_database(home: Home) -> str:
    if os.path.exists(home.admin_db):
        return ""
    Admin.make(home.admin_db).close()
    return "made an empty one; keys have to be issued again"


def _clients(tenants: Tenants) -> Diagnosis:
    stray, missing = _client_gaps(tenants)
    says = []
    if stray:
        says.append(f"folders without a client: {few(sorted(stray))}")
    if missing:
        says.append(f"clients without a folder: {few([client.name for client in missing])}")
    return Diagnosis(PROBLEM, "; ".join(says)) if says else Diagnosis(OK, "each has its folder")


def _client_gaps(tenants: Tenants) -> tuple[Mapping[str, Record], list[Client]]:
    """Returns folders that no client has, with their record, and clients that have no folder."""
    folders = tenants.home.client_folders()
    clients = tenants.admin.clients()
    names = {client.name for client in clients}
    stray = {name: read_record(tenants.home.client_record(name)) for name in folders if name not in names}
    return stray, [client for client in clients if client.name not in folders]


def _mend_clients(tenants: Tenants) -> str:
    stray, missing = _client_gaps(tenants)
    done = []
    for client in missing:
        moved = next((name for name, record in stray.items() if record.id == client.id), "")
        if moved:
            os.rename(tenants.home.client_dir(moved), tenants.home.client_dir(client.name))
            done.append(f"{moved} moved to {client.name}")
        tenants.write_client_record(client)
    known = {client.id for client in tenants.admin.clients(with_deleted=True)}
    for name, record in stray.items():
        if record.id not in known and os.path.isdir(tenants.home.client_dir(name)):
            tenants.admin.add_client(name, known=record)
            done.append(f"client {name} added")
    return "; ".join(done) or "folders made"


def _repository_gaps(tenants: Tenants) -> tuple[Mapping[Place, Record], Mapping[Place, str]]:
    """Returns folders that no row has, and rows without a folder, each with its id."""
    folders = set(tenants.home.places())
    rows = {each.place: each.id for each in tenants.admin.repositories()}
    stray = {place: read_record(tenants.home.record(place)) for place in sorted(folders - rows.keys())}
    return stray, {place: ident for place, ident in rows.items() if place not in folders}


def _repositories(tenants: Tenants) -> Diagnosis:
    stray, missing = _repository_gaps(tenants)
    says = []
    if stray:
        says.append(f"folders without a row: {few(list(map(str, stray)))}")
    if missing:
        says.append(f"rows without a folder: {few(list(map(str, missing)))}")
    if says:
        return Diagnosis(PROBLEM, "; ".join(says))
    return Diagnosis(OK, counted(len(tenants.home.places()), "folder"))


def _mend_repositories(tenants: Tenants) -> str:
    stray, missing = _repository_gaps(tenants)
    home, done = tenants.home, []
    for place, ident in missing.items():
        moved = next((each for each, record in stray.items() if record.id == ident), None)
        aside = _set_aside(home, place)
        with home.locked(*filter(None, (place, moved))):
            if moved is not None:
                write_record(home.record(place), ident, place.repository)
                os.rename(home.git_dir(moved), home.git_dir(place))
                os.unlink(home.record(moved))
                done.append(f"{moved} moved to {place}")
            elif aside:
                os.rename(aside, home.git_dir(place))
                done.append(f"{place} brought back")
    taken = {each.id for each in tenants.admin.repositories(with_deleted=True)}
    for place, record in stray.items():
        if record.id in taken or not os.path.isdir(home.git_dir(place)):
            continue
        with home.locked(place):
            found = tenants.admin.add_repository(None, place, known=record)
            write_record(home.record(place), found.repository_id, place.repository, record.former)
        tenants.measure(place, pushed=False)
        done.append(f"repository {place} added")
    return "; ".join(done)


def _set_aside(home: Home, place: Place) -> str:
    """Returns the folder of a repository whose deletion was never finished; "" where there is none."""
    above, name = os.path.split(home.git_dir(place))
    found = [each for each in os.listdir(above) if each.startswith(f".{name}.") and each.endswith(DELETED)]
    return os.path.join(above, found[0]) if found else ""


def _records(tenants: Tenants) -> Diagnosis:
    wrong = [path for path, ident, name, _ in _wanted_records(tenants) if _record_says(path) != (ident, name)]
    if wrong:
        names = few([os.path.relpath(path, tenants.home.path) for path in wrong])
        return Diagnosis(WARNING, f"not what the database says: {names}")
    return Diagnosis(OK, "beside every repository")


def _record_says(path: str) -> tuple[str, str]:
    name = os.path.basename(path).removesuffix(".git.json")
    return read_record(path).id, name if name != "client.json" else os.path.basename(os.path.dirname(path))


def _wanted_records(tenants: Tenants) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    home, admin = tenants.home, tenants.admin
    for client in admin.clients():
        yield home.client_record(client.name), client.id, client.name, admin.former_names(client)
    for each in admin.repositories():
        yield home.record(each.place), each.id, each.name, each.former


def _write_records(tenants: Tenants) -> str:
    for path, ident, name, former in _wanted_records(tenants):
        make_folder(os.path.dirname(path), _WHAT)
        write_record(path, ident, name, former)
    return "written again"


def _audit(admin: Admin) -> Diagnosis:
    faults = admin.audit.verify()
    if not faults:
        rows = sum(number for number, _ in admin.audit.heads().values())
        return Diagnosis(OK, f"{counted(rows, 'row', ',')}, each follows the one before it")
    return Diagnosis(
        PROBLEM,
        f"{counted(len(faults), 'fault')} in the audit: {faults[0].words}; somebody "
        "wrote in the database beside idse, or it is damaged",
        ("idse agency restore BACKUP  # into an empty folder, to compare",),
    )


def _backup(home: Home, admin: Admin, folder: str) -> Diagnosis:
    """Compares the audit with a backup: whoever writes a chain anew cannot write it there."""
    kept = last_backup(home)
    heads = dict(kept.heads) if kept else {}
    if folder:
        heads = dict(heads_in(read_manifest(folder)))
    elif kept is None:
        return Diagnosis(OK, "none was made yet")
    else:
        with suppress(IdseError):  # it may be elsewhere by now
            manifest = read_manifest(kept.folder)
            heads |= heads_in(manifest) if manifest["made_at"] == kept.made_at else {}
    lost = admin.audit.lost(heads)
    if lost:
        named = one_word(folder or (kept.folder if kept else "BACKUP"))
        return Diagnosis(
            PROBLEM,
            f"the audit was cut or replaced since the backup: {lost[0].words}",
            (f"idse agency restore {named}  # into an empty folder, to compare",),
        )
    rows = sum(number for number, _ in heads.values())
    made = f" of {kept.made_at}" if kept and not folder else ""
    return Diagnosis(OK, f"the audit has all {counted(rows, 'row', ',')} of the backup{made}")


def _clock(admin: Admin, now: Callable[[], float]) -> Diagnosis:
    rows = admin.database.read("SELECT max(at) AS at FROM audit")
    newest = rows[0]["at"] if rows else None
    try:
        ahead = datetime.fromisoformat(newest).timestamp() - now() if newest else 0.0
    except ValueError:  # it was changed: the check of the audit says so
        ahead = 0.0
    if ahead > _FUTURE_SECONDS:
        return Diagnosis(
            PROBLEM,
            f"the clock stands before {newest}, when the audit was last written",
            ("set the clock, for instance with NTP: keys end by it",),
        )
    return Diagnosis(OK, "it goes forward")
