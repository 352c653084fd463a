"""A real Agency for tests: a home, `idse agency serve` as a process of its own, and keys."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.home import Home, make_home
from idse_orchestrator.server.tenants.issued_keys import Wanted


def bearer(secret: str) -> dict[str, str]:
    """Returns variables by which git shows a key."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Bearer {secret}",
    }


BIN = pathlib.Path(sys.executable).parent
STARTS = 60


class AgencyBed:
    """An Agency at `path`, which is made; it serves between `start` and `stop`."""

    def __init__(self, path: pathlib.Path, database: Callable[[Home], str] = lambda _: "") -> None:
        self.home: Home = make_home(str(path), database=database)
        self.admin = Admin(self.home.admin_db)
        self.log = path.parent / f"{path.name}.log"
        self.process: subprocess.Popen[str] | None = None
        self.address = ""

    def key(self, client: str, *scopes: str, **wanted: object) -> str:
        """Returns a new key for a client, which is made where there is none."""
        if client and client not in {each.name for each in self.admin.clients()}:
            self.admin.add_client(client)
        given = {"scopes": tuple(scopes or ("read", "push", "create")), **wanted}
        return self.admin.keys.issue(Wanted(client, **given))[1]  # type: ignore[arg-type]

    def ssh_key(self, client: str, *scopes: str) -> str:
        """Returns the id of a new key for a client, as an ssh key has one."""
        self.key(client, *scopes)
        return max(self.admin.keys.all(client), key=lambda each: each.id).id

    def ssh_command(self, folder: pathlib.Path, key_id: str) -> dict[str, str]:
        """Returns variables by which git's ssh is a program that does what sshd would do for a key."""
        script = folder / f"ssh-{key_id}"
        command = f"{BIN / 'idse'} agency --home {self.home.path} ssh-shell {key_id}"
        last = "for last; do :; done; SSH_ORIGINAL_COMMAND=$last; export SSH_ORIGINAL_COMMAND"
        script.write_text(f"#!/bin/sh\n{last}\nexec {command}\n")
        script.chmod(0o700)
        return {"GIT_SSH_COMMAND": str(script), "GIT_SSH_VARIANT": "ssh"}

    def start(self, *options: str, listen: str = "127.0.0.1:0") -> str:
        """Starts the server; returns its address."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [
                    str(BIN / "idse"),
                    "agency",
                    "serve",
                    "--home",
                    self.home.path,
                    "--listen",
                    listen,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "listens at" in line:
                self.address = line.rpartition(" ")[2].strip()
                return self.address
        raise AssertionError("".join(said))

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Ends the server and returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=STARTS)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process = None
        return code

    def url(self, place: str, key: str = "") -> str:
        """Returns the address of a repository."""
        who = f"any:{key}@" if key else ""
        return f"http://{who}{self.address}/git/{place}.git"

    def get(
        self, path: str, key: str = "", method: str = "GET", **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Returns status, body and headers of a plain request."""
        request = urllib.request.Request(f"http://{self.address}{path}", method=method)
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=STARTS) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace"), dict(error.headers)

    def entries(self) -> Sequence[dict[str, object]]:
        """Returns the lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def children(self) -> list[int]:
        """Returns the processes that the server started, the judge first."""
        assert self.process is not None
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                except OSError:
                    continue
                if int(stat.rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(entry))
        return sorted(found)

    def until(self, holds: object, seconds: float = 20) -> None:
        """Waits until `holds()` is true."""
        deadline = time.monotonic() + seconds
        while not holds():  # type: ignore[operator]
            assert time.monotonic() < deadline
            time.sleep(0.02)
