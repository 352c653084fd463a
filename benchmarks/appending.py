"""Appends events and prints how long each took: ``python appending.py REPOSITORY SESSION HOW_MANY``.

It says "ready" and waits for a line on standard input, so that several can start together. Then one
line: its start and end (seconds of the system's clock), and the milliseconds of every append.
"""

from __future__ import annotations

import os
import sys
import time

from idse_orchestrator.ledger.values import Draft
from idse_orchestrator.wiring.application import Application


def main(folder: str, session: str, how_many: int) -> None:
    """Append, and print the times."""
    writer = Application(folder, os.environ).writer
    writer.append("portal", session, lambda tip: None if tip else Draft("created", {"session": session}))
    print("ready", flush=True)
    sys.stdin.readline()
    times = []
    started = time.time()
    for number in range(how_many):
        before = time.perf_counter()
        writer.append("portal", session, lambda _, n=number: Draft("described", {"title": f"title {n}"}))
        times.append((time.perf_counter() - before) * 1000)
    print(started, time.time(), *times)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
