"""Runs idse on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess


def on_terminal(repo, *args, **env):
    """What a run on a terminal of its own showed there, and its exit code."""
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        ["idse", *args],
        cwd=repo.path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, **env},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(leader)
    return shown.decode(), child.wait()
