"""Places, pace and turns: none of them lets one client stop another, or waits for somebody who is gone."""

from __future__ import annotations

import asyncio

import pytest

from idse_orchestrator.server.gateway.limits import BusyServerError, GitPlaces, Pace, Turns
from idse_orchestrator.server.model.names import Place

SHOP, OTHER = Place("acme", "shop"), Place("acme", "other")


def run(coroutine):
    """Runs a coroutine that has to end."""
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_one_client_has_half_of_the_places_and_others_go_on():
    async def scene():
        places = GitPlaces(4, seconds=0.05)
        async with places.place("a"), places.place("a"):
            with pytest.raises(BusyServerError):
                async with places.place("a"):
                    pass
            async with places.place("b"), places.place("c"):
                assert places.running == 4
                with pytest.raises(BusyServerError):
                    async with places.place("d"):
                        pass
        assert places.running == 0
        async with places.place("a"), places.place("a"):  # nothing of the refused ones was kept
            pass

    run(scene())


def test_a_place_is_free_again_whatever_happens_in_it():
    async def scene():
        places = GitPlaces(2, seconds=0.05)
        for _ in range(3):
            with pytest.raises(ValueError, match="boom"):
                async with places.place("a"):
                    raise ValueError("boom")

    run(scene())


def test_pushes_a_minute_are_counted_for_each_key_and_the_wait_is_told():
    now = [0.0]
    pace = Pace(2, clock=lambda: now[0])
    pace.count("one")
    now[0] = 20.0
    pace.count("one")
    with pytest.raises(BusyServerError) as busy:
        pace.count("one")
    assert busy.value.seconds == 41
    pace.count("other")
    now[0] = 61.0
    pace.count("one")


def test_turns_go_round_in_the_order_of_asking():
    async def scene():
        turns, order = Turns(lease=5), []

        async def clone(name):
            await turns.take(SHOP, name)
            order.append(name)
            await asyncio.sleep(0.01)
            turns.give(SHOP, name)

        await asyncio.gather(*(clone(str(number)) for number in range(8)))
        assert order == [str(number) for number in range(8)]
        assert not turns.queues

    run(scene())


def test_a_holder_asks_again_without_waiting_and_other_repositories_wait_for_none():
    async def scene():
        turns = Turns(lease=5)
        await turns.take(SHOP, "a")
        await asyncio.wait_for(turns.take(SHOP, "a"), 0.1)
        await asyncio.wait_for(turns.take(OTHER, "b"), 0.1)

    run(scene())


def test_who_falls_silent_loses_the_turn_and_who_works_keeps_it():
    async def scene():
        turns = Turns(lease=0.1, longest=0.6)
        await turns.take(SHOP, "silent")
        await asyncio.wait_for(turns.take(SHOP, "next"), 0.4)
        turns.keep(SHOP, "next")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(turns.take(SHOP, "third"), 0.3)
        turns.rest(SHOP, "next")
        await asyncio.wait_for(turns.take(SHOP, "fourth"), 0.3)

    run(scene())


def test_who_goes_away_while_waiting_keeps_nobody():
    async def scene():
        turns = Turns(lease=5)
        await turns.take(SHOP, "a")
        gone = asyncio.create_task(turns.take(SHOP, "gone"))
        patient = asyncio.create_task(turns.take(SHOP, "patient"))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.sleep(0.02)
        turns.give(SHOP, "a")
        await asyncio.wait_for(patient, 0.2)

    run(scene())


def test_nobody_waits_longer_than_the_longest():
    async def scene():
        turns = Turns(lease=60, longest=0.1)
        await turns.take(SHOP, "a")
        turns.keep(SHOP, "a")
        await asyncio.wait_for(turns.take(SHOP, "b"), 0.5)
        turns.give(SHOP, "b")  # it never had the turn: nothing of a's is given away
        assert turns.queues[SHOP].holder == "a"

    run(scene())
