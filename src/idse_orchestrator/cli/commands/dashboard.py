"""``idse dashboard``: this repository's sessions as pages for a browser, without a server to set up."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from idse_orchestrator.cli.options import command
from idse_orchestrator.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from types import FrameType

    from idse_orchestrator.cli.terminal import Run


@command("dashboard", reads=True)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Where to listen; 0 takes any that is free."
)
def dashboard(run: Run, port: int) -> int:
    """Show the sessions of this repository in a browser: the grid, each session, findings and metrics.

    The address that is printed opens the pages once, in one browser of this machine; Ctrl-C ends them. They
    are read only and load nothing from anywhere. They show what the ledgers say: what is not saved in them
    yet is what `idse status` shows. A page that is loaded again shows what happened since.
    """
    if run.terminal.as_json:
        raise UsageError("a dashboard has no --json", fix=("idse report --json",))
    if not run.app.has_git:
        raise UsageError(
            "the dashboard reads ledgers in git, and this is another store", fix=("idse report",)
        )
    from idse_orchestrator.wiring.dashboard import dashboard as opened

    app = run.app
    folder = app.vault.common_dir if app.is_bare else app.top
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with opened(app.vault, folder, port, run.terminal.progress) as server:
            run.terminal.progress("")
            run.terminal.data(server.address)
            sys.stdout.flush()
            server.serve()
    except KeyboardInterrupt:  # how it is meant to end
        return EXIT_OK
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return EXIT_OK


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
