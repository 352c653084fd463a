"""``idse agency import-mirror``: the ledgers of a client who keeps them on a forge."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.text import counted, printable
from idse_orchestrator.cli.options import agency_command, flag
from idse_orchestrator.cli.render.sync import ref_label
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_OK, IdseError, UsageError
from idse_orchestrator.server.model.names import check_place
from idse_orchestrator.wiring.serving import agency_at

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.server.gateway.mirror import Imported

_LEAST = 30


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    from idse_orchestrator.server.tenants.keys import duration

    seconds = duration(value) if value else 0
    if value and seconds < _LEAST:
        raise UsageError(f"--every cannot be {value!r}", cause=f"it is {_LEAST} seconds at least")
    return seconds


@agency_command(
    "import-mirror",
    click.argument("url"),
    click.argument("place", metavar="CLIENT/REPOSITORY"),
    click.option("--every", metavar="TIME", callback=_seconds, help="Go on, again after each TIME: 5m, 1h."),
    flag("--allow-private", help="Take a host in a private network, too."),
    reads=False,
)
def import_mirror(
    run: Run, home: str, url: str, place: str, *, every: int, allow_private: bool
) -> Answer | int:
    """Bring the ledgers at URL, which is https or ssh, to CLIENT/REPOSITORY. The server must run.

    They are judged as any push is. What breaks a promise is recorded, and not refused: it is mended on the
    forge. A ref that was rewritten there is refused, and the exit code is 1.
    """
    from idse_orchestrator.server.gateway.mirror import import_mirror as bring
    from idse_orchestrator.server.gateway.mirror import source_of

    agency, where = agency_at(home, os.environ), check_place(place)

    def once() -> Answer:
        return _answer(bring(agency, source_of(url, allow_private=allow_private), where))

    while every:
        try:
            run.terminal.show(once())
        except IdseError as error:  # the forge may be back next time
            run.terminal.warn(f"{error.message} ({error.cause or error.where})")
        time.sleep(every)
    return once()


def _answer(found: Imported) -> Answer:
    return Answer(
        "idse.agency-import-mirror/1",
        lambda: {"moved": list(found.moved), "refused": dict(found.refused)},
        _lines(found),
        code=EXIT_CHECK_FAILED if found.refused else EXIT_OK,
    )


def _lines(found: Imported) -> Iterator[str]:
    for ref in found.moved:
        yield f"brought  {ref_label(ref)}"
    for ref, words in found.refused.items():
        yield f"refused  {ref_label(ref)}  {printable(words)}"
    if found.refused:
        yield Warned(f"{counted(len(found.moved), 'ref')} brought, {len(found.refused)} refused")
    else:
        yield Said(f"{counted(len(found.moved), 'ref')} brought" if found.moved else "everything up to date")
