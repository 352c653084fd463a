"""``idse agency ssh-shell KEY-ID``: what sshd runs for a key, instead of a shell."""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING

from idse_orchestrator.errors import EXIT_CHECK_FAILED, EXIT_NOT_AUTHORIZED
from idse_orchestrator.server.gateway.admission import Admitted, admit, late_refusal
from idse_orchestrator.server.gateway.policy import git_environment
from idse_orchestrator.server.model.names import RECEIVE, asked_over_ssh

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.model.names import Place
    from idse_orchestrator.server.model.push import Caller


def ssh_shell(agency: Agency, key_id: str, command: str, protocol: str, tell: Callable[[str], None]) -> int:
    """Serves the git that a client asked for in `command`; returns the exit code.

    `protocol` is the client's GIT_PROTOCOL, if sshd lets it through. `tell` is given why nothing is served.
    """
    asked = asked_over_ssh(command)
    caller = agency.admin.keys.caller_by_id(key_id)
    words = "this key is not known any more" if caller is None else "this door is for git alone"
    if caller is not None and asked is not None:
        allowed = admit(agency, caller, asked)
        if isinstance(allowed, Admitted):
            extra = {"GIT_PROTOCOL": protocol} if protocol else {}
            environment = git_environment(agency.hook, agency.limits, extra)
            if asked.service == RECEIVE:
                return asyncio.run(receive(agency, caller, asked.place, environment))
            return asyncio.run(_upload(allowed.root + allowed.path, environment))
        words = allowed.words
    tell(words)
    return EXIT_NOT_AUTHORIZED


async def _upload(git_dir: str, environment: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec("git", "upload-pack", git_dir, env=environment)
    return await process.wait()


async def receive(
    agency: Agency,
    caller: Caller,
    place: Place,
    environment: dict[str, str],
    descriptor: int | None = None,
) -> int:
    """Lets git take a push, and judges it; returns git's exit code.

    `descriptor` is the socket that it comes from; None: standard input and output.
    """
    began = time.monotonic()
    async with agency.receiving(place) as receiving:
        process = await asyncio.create_subprocess_exec(
            "git",
            "receive-pack",
            agency.home.git_dir(place),
            env={**environment, **receiving.environment},
            stdin=descriptor,
            stdout=descriptor,
            pass_fds=receiving.descriptors,
        )
        receiving.started()
        still = partial(late_refusal, agency, caller, place)
        recorder = agency.recorder(place, caller, secrets.token_hex(8), still)
        asked = partial(asyncio.to_thread, still)
        answering = asyncio.create_task(receiving.answer(recorder.question, recorder.decide, asked))
        code = await process.wait()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    if (written := agency.follow(recorder)) is not None:  # reads of the server know nothing of this process
        await written
    agency.pushed(place, recorder, time.monotonic() - began)
    return code if code >= 0 else EXIT_CHECK_FAILED
