"""Waiting for the projection ends in time, whatever the process behind it says."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from idse_orchestrator.server.gateway.following import Following
from idse_orchestrator.server.model.names import Place


@pytest.mark.parametrize("words", ["it is being built", "a repository cannot be read"])
def test_a_start_waits_for_a_first_look_and_no_longer_than_it_may(tmp_path, words):
    path = str(tmp_path / "socket")

    async def answers(reader, writer):
        await reader.readline()
        writer.write(json.dumps({"words": words, "lag": 1}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def start():
        async with await asyncio.start_unix_server(answers, path):
            following = Following(path)
            began = time.monotonic()
            await asyncio.wait_for(following.settled(0.5), 20)
            return time.monotonic() - began, following.state

    seconds, state = asyncio.run(start())
    assert state == words
    assert (seconds >= 0.5) == words.startswith("it is ")


def test_who_is_cancelled_while_it_looks_ends(tmp_path):
    """A look that ends in the moment of the cancellation must not swallow it: a server could not stop."""
    path = str(tmp_path / "socket")

    async def once(following, turns):
        async def keep():
            await following.look()
            await asyncio.sleep(1)

        task = asyncio.create_task(keep())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=20)
        assert done
        return task.cancelled()

    async def at_every_turn():
        async def answered(_asked):
            for _ in range(3):
                await asyncio.sleep(0)
            return {"words": "ok", "lag": 0}

        following = Following(path)
        following._ask = answered
        return [await once(following, turns) for turns in range(1, 9)]

    assert asyncio.run(at_every_turn()) == [True] * 8


def test_what_it_could_not_be_told_it_is_told_as_soon_as_it_can(tmp_path):
    """Else those rows would wait for the next look at everything, which may take minutes to come."""
    path = str(tmp_path / "socket")
    told = []

    async def answers(reader, writer):
        told.append(json.loads(await reader.readline()))
        writer.write(json.dumps({"words": "ok", "lag": 0, "done": True}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def all_of_it():
        following = Following(path)
        for ref in ("refs/idse/one", "refs/idse/two"):
            assert not await following.follow("client", Place("acme", "shop"), [ref])
        await following.look()
        async with await asyncio.start_unix_server(answers, path):
            for _ in range(2):
                await following.look()
            await asyncio.sleep(0.1)

    asyncio.run(all_of_it())
    assert [each.get("refs") for each in told if each] == [["refs/idse/one"], ["refs/idse/two"]]
