"""Before the doors open: a good push must come in, and bad ones must not.

Without its hook git takes everything, and nobody would notice.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from asyncio.subprocess import PIPE
from typing import TYPE_CHECKING

from idse_orchestrator.errors import UsageError
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.gateway.policy import git_environment
from idse_orchestrator.server.model.push import OWN, SCOPES, Caller, Question
from idse_orchestrator.server.tenants.home import make_repository

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.gateway.receiving import Said
    from idse_orchestrator.server.model.push import Verdict

_COUNT = "GIT_CONFIG_COUNT"


def self_test(agency: Agency, sample: str) -> None:
    """Raises UsageError unless a scratch repository takes the ledgers of `sample`, and nothing else of it."""
    target = os.path.join(agency.home.run, f"self-test-{os.getpid()}.git")
    make_repository(target)
    try:
        asyncio.run(_test(agency, sample, target))
    finally:
        shutil.rmtree(target, ignore_errors=True)


async def _test(agency: Agency, sample: str, target: str) -> None:
    ref, tip = (
        Git(sample, {"PATH": agency.limits.path})
        .text("for-each-ref", "--format=%(refname) %(objectname)")
        .split(" ")
    )
    bad = {
        "code": "refs/heads/main",
        "another ledger": f"{ref}-other",
        "an unknown family": "refs/idse/other/a/b",
    }
    for what, name in bad.items():
        said = await _push(agency, sample, target, f"{tip}:{name}")
        if said is None:
            raise _failed(f"a push of {what} was taken")
    said = await _push(agency, sample, target, f"{tip}:{ref}")
    if said is not None:
        raise _failed(f"a sound push was refused: {said}")


async def _push(agency: Agency, sample: str, target: str, refspec: str) -> str | None:
    """Returns why a push was refused; None where the ref is there now."""

    def ask(said: Said) -> Question:
        caller = Caller("", "", "", "self-test", SCOPES)
        today = time.strftime("%Y-%m-%d", time.gmtime())
        # By the rules that are shipped, as if the sample were a home: those of this one may be of no use.
        return Question(target, said.about[0], said.moves, caller, sample, today, certificate=OWN)

    async def decide(_said: Said, verdict: Verdict) -> Verdict:
        return verdict

    async with agency.receiving_at(target, sample) as receiving:
        environment = git_environment(agency.hook, agency.limits, receiving.environment)
        # git keeps the number of settings from what it starts for a local push, so it is given once more.
        receiver = f"env {_COUNT}={environment[_COUNT]} git-receive-pack"
        process = await asyncio.create_subprocess_exec(
            "git", "push", "--porcelain", f"--receive-pack={receiver}", target, refspec,
            cwd=sample, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
            pass_fds=receiving.descriptors,
        )  # fmt: skip
        receiving.started()
        answering = asyncio.create_task(receiving.answer(ask, decide))
        out, err = await process.communicate()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
    name = refspec.partition(":")[2]
    there = (
        Git(target, {"PATH": agency.limits.path}).attempt("rev-parse", "--verify", "--quiet", name).returncode
        == 0
    )
    return None if there else f"{out.decode()}{err.decode()}"


def _failed(what: str) -> UsageError:
    return UsageError(
        f"the self-test failed: {what}",
        cause="a server that takes what it must refuse protects nothing, so it does not start",
        fix=("idse agency doctor",),
    )
