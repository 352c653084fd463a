"""A process that works until it is killed: it appends events, makes git commits, and says what was kept.

``python ledger_loop.py REPOSITORY SESSION FILE [HOW_MANY]``: after each append returned, the event's
id goes to FILE as one line, in one write to a descriptor opened for appending. With HOW_MANY it
stops there; only commits every fourth time, because that is what it shares with git.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.wiring.application import Application


def _draft(number: int, session: str, *, is_new: bool) -> Draft:
    if is_new:
        return Draft("created", {"project": "portal", "session": session})
    if number % 3 == 0:
        action = "start" if number % 2 else "reopen"
        return Draft("stage", {"stage": "intent", "action": action, "from": "pending", "to": "in_progress"})
    return Draft("described", {"title": f"title {number}"})


def _commit(folder: str, name: str, number: int) -> None:
    with open(os.path.join(folder, f"{name}.txt"), "w", encoding="utf-8") as file:
        file.write(str(number))
    for command in (["add", f"{name}.txt"], ["commit", "-q", "-m", str(number)]):
        subprocess.run(["git", *command], cwd=folder, check=False, capture_output=True)


def main(folder: str, session: str, acknowledged: str, how_many: int | None) -> None:
    """Work; a line in `acknowledged` is a promise that its event is in the ledger."""
    writer = Application(folder, os.environ).writer
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in itertools.count() if how_many is None else range(how_many):
        tip = writer.append("portal", session, lambda tip, n=number: _draft(n, session, is_new=tip is None))
        os.write(out, f"{tip.commit}\n".encode())
        if how_many is None and number % 4 == 3:
            _commit(folder, f"work-{os.getpid()}", number)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) > 4 else None)
