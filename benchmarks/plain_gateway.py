"""The gateway as a floor: ``python plain_gateway.py HOME none|python`` serves that home without the judge.

With `none` git runs no hook at all; with `python` it runs one that starts Python for each push, and judges
it by the same code. It says its address on standard output, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import os
import sys

import uvicorn

from idse_orchestrator.server.gateway import door
from idse_orchestrator.server.gateway.agency import Agency
from idse_orchestrator.server.gateway.app import App
from idse_orchestrator.server.gateway.backend import Backend
from idse_orchestrator.server.tenants.home import Home

_JUDGE = """#!/bin/sh
exec {python} -c '
import os, sys
from idse_orchestrator.server.judgement.judge import judge_push
from idse_orchestrator.server.model.push import SCOPES, Caller, Question
from idse_orchestrator.wiring.ledgers import KINDS
rows = [line.split(" ", 2) for line in sys.stdin.read().splitlines()]
moves = tuple((ref, "" if old == "0" * 40 else old, new) for old, new, ref in rows)
caller = Caller("", "", "", "bench", SCOPES)
question = Question(os.getcwd(), os.environ["GIT_QUARANTINE_PATH"], moves, caller, "{home}", "2026-01-01")
sys.exit(1 if judge_push(question, KINDS).refused else 0)
'
"""


async def _push(self, place, caller, request):  # noqa: ANN001, ANN202, ARG001 - in the place of the door's own
    agency = self._agency
    most = agency.configuration.max_pack_bytes
    await self._pass(Backend.start(self._environment(request), most, self._patience), None)


def main() -> None:
    """Serves until standard input ends."""
    path, how = sys.argv[1:]
    home = Home(path)
    agency = Agency(home, home.configuration({}), os.environ["PATH"])
    agency.hook.folder = os.path.join(home.run, f"hooks-{how}")
    os.makedirs(agency.hook.folder, exist_ok=True)
    agency.hook.is_whole = lambda: True  # type: ignore[method-assign]
    if how == "python":
        hook = os.path.join(agency.hook.folder, "pre-receive")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(_JUDGE.format(python=sys.executable, home=home.path))
        os.chmod(hook, 0o755)
    door._Visit._push = _push  # type: ignore[method-assign] # noqa: SLF001 - a floor is what the door would be
    log = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    asyncio.run(_serve(App(agency, dict, {}, log.write)))


async def _serve(app):  # noqa: ANN001, ANN202
    config = uvicorn.Config(
        app,
        port=0,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    host, port = server.servers[0].sockets[0].getsockname()
    sys.stdout.write(f"{host}:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    main()
