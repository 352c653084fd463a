"""The rows about the server: a push through its gate, beside the same gateway without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from bed import HERE, IDSE, Bed
from measure import Figure, Subject, at_most, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

LEDGER = "refs/idse/sessions/portal/"
_LARGE = 90
_MEGABYTE = 1024 * 1024


def gate(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A push of one event through the gate, and what a large one costs the server in memory."""
    with ExitStack() as stack:
        home, key = make_home(bed)
        folder = bed.project("pushing")
        servers = {
            "agency": stack.enter_context(serving(bed, IDSE, "agency", "serve", "--listen", "127.0.0.1:0")),
            "plain": stack.enter_context(serving(bed, sys.executable, _PLAIN, home, "none")),
            "python": stack.enter_context(serving(bed, sys.executable, _PLAIN, home, "python")),
        }
        urls = {
            name: f"http://x:{key}@{served.address}/git/acme/{name}.git" for name, served in servers.items()
        }
        urls["path"] = os.path.join(bed.folder, "path.git")
        bed.run("git", "init", "-q", "--bare", urls["path"], cwd=bed.folder)
        proxied = stack.enter_context(_nginx(bed))
        if proxied:
            urls["nginx"] = proxied
        found = take_turns(
            bed, sizes.runs, {name: _pushing(bed, folder, name, url) for name, url in urls.items()}
        )
        ms = {name: each.ms for name, each in found.items()}
        figures = _figures(ms)
        pids = servers["agency"].pids()
        idle = sum(map(_resident, pids))
        figures.append(at_most("agency and judge, idle, memory", idle, 150, "MB"))
        before = sum(map(_peak, pids))
        _push_much(bed, urls["agency"], 2 if sizes.runs == 1 else _LARGE)
        grown = sum(map(_peak, pids)) - before
        figures.append(at_most(f"agency, push of {_LARGE} MB, more memory", grown, 10, "MB"))
    return figures


def _figures(ms: dict[str, float]) -> list[Figure]:
    judge, started = ms["agency"] - ms["plain"], ms["python"] - ms["plain"]
    rows = [
        at_most(
            "agency, push of one event", ms["agency"] / ms["plain"], 1.4, "x no hook",
            f"{ms['agency']:.0f} of {ms['plain']:.0f} ms, a bare path {ms['path']:.0f}",
        ),
        at_most(
            "agency, judge of a push", judge / started, 0.15, "x python started",
            f"{judge:.0f} of {started:.0f} ms",
        ),
    ]  # fmt: skip
    if "nginx" in ms:
        detail = f"{ms['plain']:.0f} of {ms['nginx']:.0f} ms"
        rows.append(
            at_most("gateway without hook", ms["plain"] / ms["nginx"], 1.2, "x nginx + fcgiwrap", detail)
        )
    return rows


_PLAIN = os.path.join(HERE, "plain_gateway.py")


def crowd(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Ten clones that push one shared session at once, beside ten pushes one after the other."""
    clones = 3 if sizes.runs == 1 else 10
    with ExitStack() as stack:
        _, key = make_home(bed)
        served = stack.enter_context(serving(bed, IDSE, "agency", "serve", "--listen", "127.0.0.1:0"))
        url = f"http://{served.address}/git/acme/shop.git"
        folders = [_clone(bed, number, url, key) for number in range(clones)]
        alone = 0.0
        for folder in folders:
            appended(bed, folder, "shared")()
            began = time.monotonic()
            bed.run(IDSE, "sync", "push", cwd=folder)
            alone += time.monotonic() - began
        for folder in folders:
            appended(bed, folder, "shared")()
        before = served.pushes()
        began = time.monotonic()
        threads = [
            threading.Thread(target=bed.run, args=(IDSE, "sync", "push"), kwargs={"cwd": f}) for f in folders
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = time.monotonic() - began
        pushes = served.pushes() - before
        for folder in folders:
            bed.run(IDSE, "sync", "pull", cwd=folder)
        tips = {bed.run("git", "rev-parse", f"{LEDGER}shared", cwd=folder) for folder in folders}
        if len(tips) != 1:
            raise RuntimeError(f"{len(tips)} tips where there should be one")
    name = f"agency, {clones} clones push one session at once"
    return [
        at_most(name, together / alone, 1.5, "x one by one", f"{together:.1f} of {alone:.1f} s"),
        at_most(f"{name}, pushes", float(pushes), 1.5 * clones, "pushes"),
    ]


class _Served:
    def __init__(self, process: subprocess.Popen[str], log: str) -> None:
        self._process, self._log = process, log
        self.address = ""

    def pids(self) -> list[int]:
        """The server, and its judge."""
        listed = subprocess.run(
            ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        rows = (line.split() for line in listed.splitlines())
        return [self._process.pid, *(int(pid) for pid, above in rows if int(above) == self._process.pid)]

    def pushes(self) -> int:
        """How many pushes reached it."""
        with open(self._log, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.startswith("{")]
        return sum(row["method"] == "POST" and row["path"].endswith("git-receive-pack") for row in rows)


@contextmanager
def serving(bed: Bed, *command: str, is_ours: bool = False) -> Iterator[_Served]:
    """Runs a server until the block ends; `is_ours`: it speaks as `idse agency serve` does."""
    log = os.path.join(bed.folder, f"log-{len(os.listdir(bed.folder))}")
    is_ours = is_ours or command[0] == IDSE
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, env={**bed.environment, "IDSE_AGENCY_HOME": os.path.join(bed.folder, "home")},
            stdin=subprocess.PIPE, stdout=out if is_ours else subprocess.PIPE,
            stderr=subprocess.PIPE if is_ours else None, text=True, cwd=bed.folder,
        )  # fmt: skip
        served = _Served(process, log)
        try:
            stream: IO[str] | None = process.stderr if is_ours else process.stdout
            for line in stream or ():
                found = re.search(r"[\d.]+:\d+\s*$", line)
                if found:
                    served.address = found[0].strip()
                    break
            yield served
        finally:
            process.terminate()
            process.wait(timeout=60)
            for each in (process.stdin, process.stdout, process.stderr):
                if each is not None:
                    each.close()


def make_home(bed: Bed, *settings: str) -> tuple[str, str]:
    """Makes an Agency with one client, and more settings; returns its home and a key."""
    home = os.path.join(bed.folder, "home")
    bed.run(IDSE, "agency", "init", "--home", home, cwd=bed.folder)
    with open(os.path.join(home, "agency.toml"), "a", encoding="utf-8") as file:
        file.write("".join(f"{each}\n" for each in ("pushes_a_minute = 10000", *settings)))
    bed.run(IDSE, "agency", "--home", home, "client", "add", "acme", cwd=bed.folder)
    scopes = ("--scope", "read,push,create")
    told = bed.run(IDSE, "agency", "--home", home, "key", "issue", "acme", *scopes, cwd=bed.folder)
    return home, told.split()[-1]


def _clone(bed: Bed, number: int, url: str, key: str) -> str:
    folder = bed.project(f"clone-{number}") if not number else os.path.join(bed.folder, f"clone-{number}")
    if number:
        bed.run("git", "init", "-q", folder, cwd=bed.folder)
    bed.run("git", "config", f"http.{url}.extraHeader", f"Authorization: Bearer {key}", cwd=folder)
    bed.run(IDSE, "sync", "setup", url, cwd=folder)
    if number:
        bed.run(IDSE, "sync", "pull", cwd=folder)
    else:
        appended(bed, folder, "shared")()
        bed.run(IDSE, "sync", "push", cwd=folder)
    return folder


def _pushing(bed: Bed, folder: str, name: str, url: str) -> Subject:
    ref = f"{LEDGER}{name}"
    return Subject(
        ("git", "-c", "core.hooksPath=/dev/null", "push", "-q", url, ref),
        folder,
        appended(bed, folder, name),
    )


def appended(bed: Bed, folder: str, session: str) -> Callable[[], object]:
    """Returns what appends one event to a session."""
    command = (sys.executable, os.path.join(HERE, "appending.py"), folder, session)
    return lambda: bed.run(*command, cwd=folder, stdin="1\n")


def _push_much(bed: Bed, url: str, megabytes: int) -> None:
    """Pushes a file of that size, which is refused: it is code."""
    folder = os.path.join(bed.folder, "large")
    bed.run("git", "init", "-q", folder, cwd=bed.folder)
    with open(os.path.join(folder, "file"), "wb") as file:
        file.write(os.urandom(megabytes * _MEGABYTE))
    bed.run("git", "add", "-A", cwd=folder)
    bed.run("git", "commit", "-q", "-m", "large", cwd=folder)
    command = ("git", "push", "-q", url, "HEAD:refs/heads/large")
    done = subprocess.run(
        command, cwd=folder, env=bed.environment, capture_output=True, text=True, check=False
    )
    if "refused refs/heads/large" not in done.stderr:
        raise RuntimeError(f"the large push was not refused by name: {done.stderr}")


def _status(pid: int, key: str) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        found = re.search(rf"{key}:\s+(\d+) kB", file.read())
    return int(found[1]) / 1024 if found else 0.0


def _resident(pid: int) -> float:
    return _status(pid, "VmRSS")


def _peak(pid: int) -> float:
    return _status(pid, "VmHWM")


_NGINX = """\
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-errors.log; worker_processes 1;
events {{ }}
http {{
  access_log off; client_max_body_size 0; client_body_temp_path {folder}/nginx-body;
  fastcgi_temp_path {folder}/nginx-fcgi; proxy_temp_path {folder}/nginx-proxy;
  uwsgi_temp_path {folder}/nginx-u; scgi_temp_path {folder}/nginx-s;
  server {{
    listen 127.0.0.1:{port};
    location ~ (/.*) {{
      fastcgi_pass unix:{folder}/fcgi.sock;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {folder}/proxied; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $1; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_USER bench;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
    }}
  }}
}}
"""


@contextmanager
def _nginx(bed: Bed) -> Iterator[str]:
    """Serves a bare repository by nginx and fcgiwrap, where both are here; "" where they are not."""
    if not shutil.which("nginx") or not shutil.which("fcgiwrap"):
        yield ""
        return
    root = os.path.join(bed.folder, "proxied", "a.git")
    bed.run("git", "init", "-q", "--bare", root, cwd=bed.folder)
    bed.run("git", "config", "http.receivepack", "true", cwd=root)
    bed.run("chmod", "-R", "a+rwX", bed.folder, cwd=bed.folder)
    port = 20_000 + os.getpid() % 20_000
    path = os.path.join(bed.folder, "nginx.conf")
    bed.write(
        path, ("user root;\n" if os.geteuid() == 0 else "") + _NGINX.format(folder=bed.folder, port=port)
    )
    environment = bed.environment
    commands = (
        ["fcgiwrap", "-c", "2", "-s", f"unix:{bed.folder}/fcgi.sock"],
        ["nginx", "-c", path, "-p", bed.folder],
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    processes = [subprocess.Popen(command, env=environment, **quiet) for command in commands]
    try:
        time.sleep(1)
        yield f"http://127.0.0.1:{port}/a.git"
    finally:
        for process in processes:  # each has children that would stay
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


ROWS = {"agency": gate, "agency crowd": crowd}
