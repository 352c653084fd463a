"""Eight processes race for what is left of a budget: it is decided under the lock, one by one."""

from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import time

from idse_orchestrator.runner.meter import Meter, Party
from idse_orchestrator.runner.model.buckets import Amounts
from idse_orchestrator.runner.model.prices import Prices
from idse_orchestrator.runner.work.rate_limiter import RateLimiter, Share
from idse_orchestrator.wiring.application import Application
from idse_orchestrator.wiring.metering import budgets_of
from idse_orchestrator.wiring.tasks import task_queue
from printing_agents import agent, set_up
from run_bed import KEY, begin_project, check_invariants

SESSION = tuple(KEY.split("/"))
LIMIT = 1.0
CAP = 0.1
MANY = "\n".join(f"- [ ] T{n:03} [P] Do it (Files: src/f{n}.py) (Budget: {CAP})" for n in range(40))


def _taker(folder, environment, ready, done):
    """Takes whatever it may, and settles each second one for less than it held back."""
    app = Application(folder, environment)
    queue = task_queue(app.vault, app.acting)
    party = Party((Share("account:a", Amounts(1e6)),))
    budgets = budgets_of(app.vault, queue, SESSION, {"session": LIMIT}, lambda: "2026-12-01")
    limiter = RateLimiter(os.path.join(app.vault.private, "run"))
    meter = Meter({"mine": party}, Prices(), limiter, budgets, lambda: "2026-12-01")
    ready.wait()
    taken, most = 0, 0.0
    while meter.refused is None:
        board = queue.board(*SESSION)
        free = [each for each in board.ready() if not each.not_before]
        if not free:
            break
        admission = meter.admit("mine", free[(taken + os.getpid()) % len(free)], board.states)
        state = free[(taken + os.getpid()) % len(free)]
        got = queue.take(
            state,
            worker=f"w-{os.getpid()}",
            agent="mine",
            base="0" * 40,
            reserve_usd=admission.reserve_usd,
            allowed=meter.allows(admission),
        )
        if got is None:
            meter.undo(admission)
            continue
        taken += 1
        total = sum(each.spent_usd + each.reserve_usd for each in queue.board(*SESSION).states)
        most = max(most, round(total, 6))
        if taken % 2:
            queue.fail(
                got,
                why="failed",
                usage={"cost_usd": CAP / 2, "basis": "reported"},
                not_before=time.time() + 999,
            )
    done.put((taken, most))


def test_eight_processes_never_exceed_a_budget(repo):
    begin_project(repo, MANY)
    assert repo.idse("task", "add").returncode == 0
    spawned = multiprocessing.get_context("spawn")
    ready, done = spawned.Barrier(8), spawned.Queue()
    workers = [
        spawned.Process(target=_taker, args=(str(repo.path), dict(os.environ), ready, done)) for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    found = [done.get(timeout=240) for _ in workers]
    for worker in workers:
        worker.join()
    assert max(most for _, most in found) <= LIMIT
    states = [
        json.loads(repo.git("show", f"{ref}:state.json"))
        for ref in repo.git("for-each-ref", "--format=%(refname)", "refs/idse-local/tasks/").split()
    ]
    total = round(sum(each.get("spent_usd", 0) + each.get("reserve_usd", 0) for each in states), 6)
    assert LIMIT - CAP < total <= LIMIT, "all of it is used, and no more"
    assert sum(taken for taken, _ in found) == sum(each.get("attempt", 0) for each in states)


def test_two_runs_at_once_share_a_budget(repo):
    """Real processes of `idse run`: what both spend stays within the budget plus one attempt's overrun."""
    begin_project(repo, MANY)
    set_up(agents={"mine": agent("done", cost=0.08)}, budgets={"session": 0.5})
    idse = str(pathlib.Path(sys.executable).parent / "idse")
    both = [
        subprocess.Popen(
            [idse, "run", "--agents", "mine", "-j", "2"], cwd=repo.path, stdout=subprocess.DEVNULL
        )
        for _ in range(2)
    ]
    assert [each.wait(timeout=240) for each in both] == [75, 75]
    data = json.loads(repo.idse("cost", "report", "--json").stdout)["data"]["totals"]
    assert 0.4 < data["cost_usd"] <= 0.5
    check_invariants(repo)
