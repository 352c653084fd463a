"""Between git and a repository: whatever happens to the judge, the hook says yes only if it was told yes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket

import pytest

from idse_orchestrator.server.gateway import receiving as module
from idse_orchestrator.server.gateway.agency import UNWRITTEN
from idse_orchestrator.server.gateway.judge import soon
from idse_orchestrator.server.gateway.policy import Hook, Limits, git_environment
from idse_orchestrator.server.gateway.receiving import Receiving
from idse_orchestrator.server.model.push import Caller, Question, Refusal, Verdict, verdict_to_json

GOOD = verdict_to_json(Verdict(()))
BAD = verdict_to_json(Verdict((Refusal("refs/idse/sessions/p/s", "IDSE402", "changed\nafter", "mend it"),)))
OLD, NEW = "0" * 40, "a" * 40
SOON = soon("/home", "/x.git", rehearse=True)
MOVE = f"{OLD} {NEW} refs/idse/sessions/p/s\n"


@pytest.fixture
def hook(tmp_path):
    made = Hook(str(tmp_path / "hooks"))
    made.write()
    return made


@contextlib.asynccontextmanager
async def judge(path, answer):
    """A judge that answers each question with `answer(question)`.

    None: it goes away without a word; nothing: it stays, and says none.
    """
    begun, done = [], asyncio.Semaphore(0)

    async def served(reader, writer):
        begun.append(writer)
        try:
            assert await reader.readline() == SOON
            line = await reader.readline()
            said = answer(json.loads(line)) if line else None
            if said:
                writer.write(said)
                await writer.drain()
            elif said is not None:
                await reader.read()
        except OSError:
            pass  # the other side has heard enough
        finally:
            writer.close()
            done.release()

    server = await asyncio.start_unix_server(served, path, limit=module.LARGEST)
    try:
        yield
    finally:
        server.close()
        for _ in begun:
            await done.acquire()


class Scene:
    """One hook that runs, and what came of it."""

    def __init__(self, hook, tmp_path):
        self.hook = hook
        self.folder = tmp_path
        self.socket = str(tmp_path / "judge.sock")
        self.kept = []
        self.seconds = 20

    async def push(self, stdin=MOVE, *, decide=True, kill=None, closed=()):
        """Runs the hook as git does; returns its exit code and its words."""
        caller = Caller("k", "c", "acme", "Key", ("push",))

        def ask(said):
            return Question("/x.git", said.about[0], said.moves, caller, "/home", "2026-01-01")

        async def kept(said, verdict):
            self.kept.append((said.moves, len(verdict.refused)))
            return verdict if decide or verdict.refused else UNWRITTEN

        async with Receiving(str(self.folder), SOON, self.socket, self.seconds) as receiving:
            environment = git_environment(self.hook, Limits(os.environ["PATH"], 1), receiving.environment)
            for name in closed:
                del environment[name]
            process = await asyncio.create_subprocess_exec(
                self.hook.path,
                env={**environment, "GIT_QUARANTINE_PATH": "/q"},
                stdin=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=receiving.descriptors,
            )
            receiving.started()
            answering = asyncio.create_task(receiving.answer(ask, kept))
            if kill:
                asyncio.get_running_loop().call_later(kill, answering.cancel)
            _, words = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
            answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
        return process.returncode, words.decode()


@pytest.fixture
def scene(hook, tmp_path):
    return Scene(hook, tmp_path)


def test_a_yes_is_passed_on_after_it_is_in_the_audit(scene):
    async def act():
        async with judge(scene.socket, lambda _question: GOOD):
            return await scene.push(MOVE * 3)

    assert asyncio.run(act()) == (0, "")
    assert scene.kept == [((("refs/idse/sessions/p/s", "", NEW),) * 3, 0)]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_every_move_is_asked(scene, count):
    moves = [f"refs/idse/sessions/p/s{number}" for number in range(count)]

    async def act():
        async with judge(scene.socket, lambda _question: GOOD):
            return await scene.push("".join(f"{OLD} {NEW} {ref}\n" for ref in moves))

    assert asyncio.run(act()) == (0, "")
    assert scene.kept == [(tuple((ref, "", NEW) for ref in moves), 0)]


def test_a_no_names_each_culprit_on_one_line_and_how_to_mend_it(scene):
    async def act():
        async with judge(scene.socket, lambda _question: BAD):
            return await scene.push()

    code, words = asyncio.run(act())
    assert code == 1
    assert words == "idse: refused refs/idse/sessions/p/s: error[IDSE402] changed after\nidse:   mend it\n"
    assert scene.kept[0][1] == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda _question: None,
        lambda _question: b"\n",
        lambda _question: b"ok\n",
        lambda _question: GOOD[:-2],
        lambda _question: b'{"refused": []}\n',
        lambda _question: b'{"refused": 7, "recorded": []}\n',
        lambda _question: b"[]\n",
        lambda _question: b"\xff\xfe\n",
        lambda _question: b"x" * 100_000,
    ],
    ids=["goes", "empty", "plain ok", "cut off", "half", "numbers", "a list", "no text", "endless"],
)
def test_a_judge_that_does_not_say_a_whole_yes_refuses(scene, answer):
    async def act():
        async with judge(scene.socket, answer):
            return await scene.push()

    code, words = asyncio.run(act())
    assert code == 1
    assert "error[judge]" in words


def test_no_judge_refuses(scene):
    code, words = asyncio.run(scene.push())
    assert code == 1
    assert "the judge is gone" in words


def test_a_judge_that_says_nothing_is_waited_for_no_longer_than_it_may_take(scene):
    scene.seconds = 0.2

    async def act():
        async with judge(scene.socket, lambda _question: b""):
            return await scene.push()

    code, words = asyncio.run(act())
    assert code == 1
    assert "gave no answer within" in words


def test_a_yes_that_cannot_be_written_down_is_none(scene):
    async def act():
        async with judge(scene.socket, lambda _question: GOOD):
            return await scene.push(decide=False)

    code, words = asyncio.run(act())
    assert code == 1
    assert "error[audit]" in words


@pytest.mark.parametrize("name", ["IDSE_ASK", "IDSE_ANSWER"])
def test_a_hook_without_its_pipes_refuses(scene, name):
    code, words = asyncio.run(scene.push(closed=[name]))
    assert code == 1
    assert "nothing was taken" in words


def test_a_server_that_goes_while_the_hook_waits_refuses(scene):
    async def act():
        async with judge(scene.socket, lambda _question: b""):
            return await scene.push(kill=0.2)

    code, words = asyncio.run(act())
    assert code == 1
    assert "the judge gave no answer" in words


def test_words_of_a_rule_can_say_no_yes_of_their_own(scene):
    said = Verdict((Refusal("refs/x", "ACME001", "\nok\n", "ok\nsay x"),))

    async def act():
        async with judge(scene.socket, lambda _question: verdict_to_json(said)):
            return await scene.push()

    code, words = asyncio.run(act())
    assert code == 1
    assert all(line.startswith("idse: ") for line in words.splitlines())


def test_a_hundred_thousand_refs_are_asked_and_answered(scene):
    moves = "".join(f"{OLD} {NEW} refs/idse/sessions/p/s{number}\n" for number in range(100_000))
    seen = []

    def answer(question):
        seen.append(len(question[2]))
        return verdict_to_json(Verdict(tuple(Refusal(move[0], "x", "y") for move in question[2])))

    async def act():
        async with judge(scene.socket, answer):
            return await scene.push(moves)

    code, words = asyncio.run(act())
    assert (code, seen) == (1, [100_000])
    assert words.count("refused refs/idse/") == 100_000


def test_pushes_of_one_repository_are_judged_one_after_the_other_and_until_git_is_gone(scene):
    at_work, most = [], []

    def answer(question):
        most.append(len(at_work))
        return GOOD

    async def one():
        at_work.append(1)
        code = (await scene.push())[0]
        at_work.pop()
        return code

    async def act():
        async with judge(scene.socket, answer):
            return await asyncio.gather(*(one() for _ in range(6)))

    assert asyncio.run(act()) == [0] * 6


def test_the_lock_stays_with_git_when_the_server_dies(scene):
    """The descriptor that git inherited holds it: so nobody else writes beside a git that goes on."""
    path = str(scene.folder)

    async def act():
        async with judge(scene.socket, lambda _question: GOOD):
            holder = Receiving(path, SOON, scene.socket, 20)
            await holder.__aenter__()
            assert await module.hold(holder._lock)
            inherited = os.dup(holder.descriptors[-1])
            await holder.__aexit__()  # as at the server's end
            other = Receiving(path, SOON, scene.socket, 20)
            await other.__aenter__()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(module.hold(other._lock), 0.2)
            os.close(inherited)
            assert await asyncio.wait_for(module.hold(other._lock), 5)
            await other.__aexit__()

    asyncio.run(act())


def test_a_hook_that_is_missing_changed_or_may_not_run_is_no_hook(hook):
    assert hook.is_whole()
    os.chmod(hook.path, 0o600)
    assert not hook.is_whole() or (os.geteuid() == 0 and os.access(hook.path, os.X_OK))
    hook.write()
    with open(hook.path, "a", encoding="utf-8") as file:
        file.write("exit 0\n")
    assert not hook.is_whole()
    hook.write()
    os.unlink(hook.path)
    assert not hook.is_whole()


def test_the_folder_of_the_hook_holds_nothing_else(hook):
    with open(os.path.join(hook.folder, "post-receive"), "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n")
    hook.write()
    assert os.listdir(hook.folder) == ["pre-receive"]


def test_a_path_that_the_kernel_finds_too_long_is_reached_all_the_same(tmp_path):
    from idse_orchestrator.server.tenants.home import Home, judge_socket

    run = tmp_path / ("x" * 120) / "run"
    run.mkdir(parents=True)
    path = judge_socket(Home(str(run.parent)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(path)
    assert (run / "judge.sock").exists()
