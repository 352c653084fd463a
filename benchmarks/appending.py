"""Appends events in rounds: ``python appending.py REPOSITORY SESSION``; see `floors.in_rounds`."""

from __future__ import annotations

import itertools
import os
import sys

from floors import in_rounds

from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.wiring.application import Application


def main(folder: str, session: str) -> None:
    """Append as often as standard input asks for."""
    writer = Application(folder, os.environ).writer
    writer.append("portal", session, lambda tip: None if tip else Draft("created", {"session": session}))
    numbers = itertools.count()
    in_rounds(
        lambda: writer.append(
            "portal", session, lambda _: Draft("described", {"title": f"title {next(numbers)}"})
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
