"""A real browser for tests: headless Chromium, spoken to over two pipes in its own debugging protocol.

That protocol tells all a page asks of the network and all it complains about, and needs no package.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    import pathlib

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
NEEDED = os.environ.get("CI") == "true" or "NEEDS_BROWSER" in os.environ
"""Whether everything has to run, and a missing browser is a failure. Read before a test is sealed."""

_LAUNCH = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # tests may run as root, and the page is our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--force-device-scale-factor=1",
)
_OF_INTEREST = (
    "Network.requestWillBeSent",
    "Runtime.consoleAPICalled",
    "Runtime.exceptionThrown",
    "Log.entryAdded",
)


def chromium() -> str:
    """The path of a Chromium; skips where there is none, and fails where there has to be one."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and NEEDED:
        pytest.fail("there is no Chromium here, and everything has to run: apt-get install chromium")
    if found is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    return found


class Browser:
    """One Chromium with one page; `said` are the events of interest since the page was opened."""

    def __init__(self, profile: pathlib.Path) -> None:
        to_read, self._write = _pipe()
        self._read, to_write = _pipe()
        words = (chromium(), *_OPTIONS, f"--user-data-dir={profile}", "about:blank")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, str(to_read), str(to_write), *words],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self.said: list[dict[str, Any]] = []
        target = self._first_page()
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def ask(self, method: str, **params: object) -> dict[str, Any]:
        """The result of a method of the protocol."""
        number = next(self._numbers)
        asked: dict[str, object] = {"id": number, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]

    def open(self, url: str, width: int = 1280, *, dark: bool = False, media: str = "screen") -> None:
        """Opens a page in a window of that width, and waits until it has all it wants."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.said.clear()
        self.ask("Page.navigate", url=url)
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """The value of a line of JavaScript in the page."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    @property
    def requests(self) -> list[str]:
        """The addresses that the page asked for, itself among them."""
        return [
            each["params"]["request"]["url"] for each in self.said if each["method"].startswith("Network")
        ]

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What the page logged, and what went wrong in it."""
        return [each for each in self.said if not each["method"].startswith("Network")]

    def _first_page(self) -> str:
        while True:
            targets = self.ask("Target.getTargets")["targetInfos"]
            pages = [each["targetId"] for each in targets if each["type"] == "page"]
            if pages:
                return pages[0]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._read, 65_536)
            if not part:
                pytest.fail("Chromium ended")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        told = json.loads(text)
        if told.get("method") in _OF_INTEREST:
            self.said.append(told)
        return told


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are not 3 and 4, which are Chromium's."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
