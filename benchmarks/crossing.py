"""Makes a history in which two sides merge what the other one had before: ``crossing.py REPOSITORY DEPTH``.

No merge is an ancestor of the other of its level, so each needs the merge of the level below.
"""

from __future__ import annotations

import os
import subprocess
import sys

from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.wiring.application import Application
from idse_orchestrator.wiring.ledgers import git_joiner

REF = "refs/idse/sessions/portal/crossed"


def main(folder: str, depth: int) -> None:
    """Let the ledger `crossed` end in the merge of both sides."""
    application = Application(folder, os.environ)
    writer, joiner = application.writer, git_joiner(application.vault)

    def moved(tip: str) -> None:
        subprocess.run(("git", "update-ref", REF, tip), cwd=folder, check=True)

    def appended(tip: str, title: str) -> str:
        moved(tip)
        return writer.append("portal", "crossed", lambda _: Draft("described", {"title": title})).commit

    first = writer.append("portal", "crossed", lambda _: Draft("created", {"session": "crossed"})).commit
    left, right = appended(first, "left"), appended(first, "right")
    for level in range(depth):
        ours, theirs = appended(left, f"left {level}"), appended(right, f"right {level}")
        left, right = joiner.join(REF, ours, right), joiner.join(REF, theirs, left)
    moved(joiner.join(REF, left, right))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
