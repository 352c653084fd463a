"""Web servers before an Agency."""

from __future__ import annotations

import os
import shutil
import socket
import time

from agency_bed import left_out


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def program(name):
    """Where a server is; where it is not, the test is left out, or fails where it is asked for."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        words = f"there is no {name} here: apt-get install {name}"
        left_out(words)
    return found


def wait_for(port, process, said):
    """Waits until a process listens at a port; `said` is the file of what it says."""
    deadline = time.monotonic() + 30
    while True:
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
