"""The home of an Agency: one folder with everything it keeps, closed to all others.

Where things stand in it is in the properties of `Home`; `docs/reference/agency-home.md` says what they are.
"""

from __future__ import annotations

import glob
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from idse_orchestrator.base.files import (
    file_lock,
    folder_lock,
    make_folder,
    remove_file,
    storage_error,
    sync_to_disk,
    write_atomically,
)
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import (
    BusyError,
    ConflictError,
    HomeError,
)
from idse_orchestrator.server.model.names import Place, place_in
from idse_orchestrator.server.tenants.admin import Admin, Record
from idse_orchestrator.server.tenants.configuration import (
    CONFIGURATION,
    Configuration,
    first_configuration,
    read_configuration,
)

UNFINISHED = "unfinished"
"""A file that stands in a home for as long as it is being made; its one word says by what."""

_WHAT = "the home of the Agency"
_FOLDERS = ("secrets", "git", "rules", "designs", "cache", "run", "log", "backup")
_CLOSED = 0o077
_OTHERS_PUT_THERE = frozenset({"lost+found"})


class Home:
    """The home at `path`: where everything is in it. Nothing is looked at before it is asked for."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def configuration_file(self) -> str:
        """The configuration; no secret is in it."""
        return self._at(CONFIGURATION)

    @property
    def secrets(self) -> str:
        """The folder of what nobody else may read."""
        return self._at("secrets")

    @property
    def admin_db(self) -> str:
        """The database of clients, keys and audit."""
        return self._at("admin.db")

    @property
    def git(self) -> str:
        """The folder of all repositories, by client."""
        return self._at("git")

    @property
    def rules(self) -> str:
        """The folder of rules: agency.yaml for all, CLIENT.yaml for one."""
        return self._at("rules")

    @property
    def cache(self) -> str:
        """The folder of what may be deleted at any time."""
        return self._at("cache")

    @property
    def run(self) -> str:
        """The folder of sockets and locks: nothing in it outlives the processes that use it."""
        return self._at("run")

    @property
    def log(self) -> str:
        """The folder of logs."""
        return self._at("log")

    @property
    def last_backup(self) -> str:
        """What is kept of the last backup: with it the audit is compared."""
        return os.path.join(self.log, "last-backup.json")

    @property
    def backup(self) -> str:
        """The folder of bundles of what was deleted."""
        return self._at("backup")

    def client_dir(self, client: str) -> str:
        """Returns the folder of a client's repositories."""
        return os.path.join(self.git, client)

    def git_dir(self, place: Place) -> str:
        """Returns the bare repository at `place`."""
        return os.path.join(self.git, place.client, f"{place.repository}.git")

    def record(self, place: Place) -> str:
        """Returns the file beside a repository that says its id and its former names."""
        return f"{self.git_dir(place)}.json"

    def client_record(self, client: str) -> str:
        """Returns the file that says id and name of a client."""
        return os.path.join(self.git, client, "client.json")

    @contextmanager
    def locked(self, *places: Place, timeout: float = 30.0) -> Iterator[None]:
        """Holds the locks of repositories, in an order that lets nobody wait in a circle; BusyError.

        The lock is on the folder, so it stays with a repository that is renamed. Where there is none, there
        is nothing to hold.
        """
        with ExitStack() as held:
            for place in sorted(set(places)):
                with suppress(FileNotFoundError):
                    held.enter_context(folder_lock(self.git_dir(place), timeout))
            yield

    @contextmanager
    def served(self) -> Iterator[None]:
        """Holds the home for the one process that may serve it; BusyError where another does.

        A second one would take the judge's socket away from the first.
        """
        with ExitStack() as held:
            try:
                held.enter_context(file_lock(self.run, 0, "serve"))
            except BusyError:
                raise BusyError(
                    "another process serves this home of an Agency",
                    where=self.path,
                    cause="one home is served by one process",
                    fix=("end the other one first",),
                ) from None
            yield

    def client_folders(self) -> list[str]:
        """Returns the clients that have a folder, by the folders alone."""
        return [
            name
            for name in _names(self.git)
            if place_in(f"{name}/x") and os.path.isdir(self.client_dir(name))
        ]

    def places(self) -> list[Place]:
        """Returns where there is a folder of a repository, by the folders alone."""
        found = []
        for client in self.client_folders():
            for name in _names(self.client_dir(client)):
                place = place_in(f"{client}/{name}") if name.endswith(".git") else None
                if place is not None and os.path.isdir(self.git_dir(place)):
                    found.append(place)
        return found

    def configuration(
        self, environment: Mapping[str, str], options: Mapping[str, object] | None = None
    ) -> Configuration:
        """Returns agency.toml < IDSE_AGENCY_* < `options`. Raises InvalidConfigurationError."""
        return read_configuration(self.configuration_file, environment, options)

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name)


PING = b"ping\n"
"""What the judge answers with the same, if it can fork and answer."""
_JUDGE, _FOLLOWER = "judge.sock", "projection.sock"
_LONGEST_SOCKET = 100


def judge_socket(home: Home) -> str:
    """Returns where the judge listens."""
    return _socket(home, _JUDGE)


def follower_socket(home: Home) -> str:
    """Returns where the process listens that writes the projection."""
    return _socket(home, _FOLLOWER)


def _socket(home: Home, name: str) -> str:
    """Returns where a socket is. The kernel takes no long paths, so a long one goes by a descriptor."""
    path = os.path.join(home.run, name)
    if len(os.fsencode(path)) <= _LONGEST_SOCKET:
        return path
    descriptor = os.open(home.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return f"/proc/self/fd/{descriptor}/{name}"


def open_home(path: str) -> Home:
    """Returns the home at `path`; HomeError where it is none, another user's, or open to others."""
    home = Home(os.path.abspath(path))
    found = home_problem(home)
    if found is not None:
        raise found
    return home


def home_problem(home: Home) -> HomeError | None:  # noqa: PLR0911 - one return for each
    """Returns what keeps a folder from being used as the home of an Agency; None where nothing does."""
    word = one_word(home.path)
    try:
        seen = os.lstat(home.path)
        there = os.listdir(home.path) if stat.S_ISDIR(seen.st_mode) else []
    except FileNotFoundError:
        return HomeError(
            "there is no home of an Agency", where=home.path, fix=(f"idse agency init --home {word}",)
        )
    except OSError as error:
        return HomeError(
            "the home of the Agency cannot be read",
            where=home.path,
            cause=error.strerror,
            fix=("run the command as the user that it belongs to",),
        )
    if seen.st_uid != os.geteuid():
        return HomeError(
            "the home of the Agency belongs to another user",
            where=home.path,
            cause="what is made here would be closed to the server",
            fix=("run the command as that user, for instance with sudo -u",),
        )
    if UNFINISHED in there:
        return HomeError(
            "the home of the Agency was never finished",
            where=home.path,
            cause=f"what made it was stopped: idse agency {_word_in(home)}",
            fix=(f"rm -r {word}  # then run that again",),
        )
    if is_home(home) and stat.S_IMODE(seen.st_mode) & _CLOSED:
        return HomeError(
            "the home of the Agency is open to others",
            where=home.path,
            cause=f"its mode is {stat.S_IMODE(seen.st_mode):04o}, and it holds what only its owner may read",
            fix=(f"chmod 700 {word}",),
        )
    if CONFIGURATION not in there:
        return HomeError(
            "this is no home of an Agency",
            where=home.path,
            cause=f"there is no {CONFIGURATION} in it",
            fix=("name another one with --home", f"idse agency init --home {word}  # makes it"),
        )
    return None


def is_home(home: Home) -> bool:
    """Tests whether a folder is a home, or what is left of one: a client in ``git/`` is enough."""
    parts = (home.configuration_file, home.admin_db, home.secrets)
    return any(map(os.path.lexists, parts)) or any(glob.iglob("git/*/client.json", root_dir=home.path))


def _word_in(home: Home) -> str:
    with suppress(OSError), open(os.path.join(home.path, UNFINISHED), encoding="utf-8") as file:
        return file.read().strip()
    return "init"


def make_home(
    path: str,
    *,
    url: str = "",
    rules: bytes = b"",
    by: str = "init",
    database: Callable[[Home], str] = lambda _: "",
) -> Home:
    """Makes a home with mode 0700 where nothing stands, or an empty folder; ConflictError where more does.

    `rules` is the first content of rules/agency.yaml. `database` sets up where the projection is kept, and
    returns its engine; "" : what is built in. It is a home once all of it is on the disk.
    """
    with making_home(path, by) as home:
        first_configuration(url)  # what is wrong in it is told before anything is set up elsewhere
        content = first_configuration(url, database(home))
        write_atomically(home.configuration_file, content, what=_WHAT)
        if rules:
            write_atomically(os.path.join(home.rules, "agency.yaml"), rules, what=_WHAT)
        new_nonce_seed(home)
        Admin.make(home.admin_db).close()
    return home


def new_nonce_seed(home: Home) -> None:
    """Makes the secret from which challenges for signed pushes are made."""
    seed = secrets.token_hex(32).encode() + b"\n"
    write_atomically(os.path.join(home.secrets, "push-nonce"), seed, mode=0o600, what=_WHAT)


def make_folders_of(home: Home) -> None:
    """Makes the folders of a home that are not there."""
    for name in _FOLDERS:
        make_folder(os.path.join(home.path, name), _WHAT)
    try:
        os.chmod(home.secrets, 0o700)
    except OSError as error:
        raise storage_error(error, home.secrets, _WHAT) from error


@contextmanager
def making_home(path: str, by: str) -> Iterator[Home]:
    """Opens a new home with its folders; where the block does not end, the home says so."""
    home = Home(os.path.abspath(path))
    there = [name for name in _names(home.path) if name not in _OTHERS_PUT_THERE]
    if there and not (by == "init" and UNFINISHED in there and _word_in(home) == by):
        raise ConflictError(
            "there is a home already" if CONFIGURATION in there else "the folder is not empty",
            where=home.path,
            cause="a home is made where there is nothing",
            fix=("name an empty folder with --home",),
        )
    make_folder(home.path, _WHAT)
    unfinished = os.path.join(home.path, UNFINISHED)
    try:
        os.chmod(home.path, 0o700)
        write_atomically(unfinished, by.encode() + b"\n", what=_WHAT)
    except OSError as error:
        raise storage_error(error, home.path, _WHAT) from error
    make_folders_of(home)
    yield home
    sync_to_disk(home.path, _WHAT)
    remove_file(unfinished)


def make_repository(git_dir: str) -> None:
    """Makes a bare repository in one step, without a setting of ours; one that is there stays as it is."""
    above, name = os.path.split(git_dir)
    half = os.path.join(above, f".{name}.{secrets.token_hex(4)}.tmp")
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        make_folder(os.path.join(half, folder), _WHAT)
    for file, text in BARE_FILES.items():
        write_atomically(os.path.join(half, file), text, durable=True, what=_WHAT)
    try:
        os.rename(half, git_dir)
    except OSError as error:
        shutil.rmtree(half, ignore_errors=True)
        if not os.path.isfile(os.path.join(git_dir, "HEAD")):
            raise storage_error(error, git_dir, _WHAT) from error
    sync_to_disk(above, _WHAT)


BARE_FILES: Mapping[str, bytes] = {
    "HEAD": b"ref: refs/heads/main\n",
    "config": b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n",
}
"""All files of a new repository: what git itself would write, and no more."""


def write_record(path: str, ident: str, name: str, former: tuple[str, ...] = ()) -> None:
    """Writes the file from which a client or a repository is known again without the database."""
    record = {"id": ident, "name": name, **({"former": sorted(former)} if former else {})}
    write_atomically(path, json.dumps(record, indent=1).encode() + b"\n", durable=True, what=_WHAT)


def read_record(path: str) -> Record:
    """Returns what such a file says; nothing where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return Record(str(found["id"]), tuple(map(str, found.get("former", ()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Record()


def size_of(folder: str) -> int:
    """Returns the bytes of all files below `folder`; what vanishes meanwhile does not count."""
    total, below = 0, [folder]
    while below:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(below.pop()) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        below.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        raise storage_error(error, folder, _WHAT) from error
