"""Who may do how much at once: connections, places for gits, pushes a minute, turns at one repository."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.server.model.names import Place

QUEUE_SECONDS = 30.0
"""So long a request waits for a place before it is told to come back."""


class BusyServerError(Exception):
    """Come back in `seconds`. `is_paced`: it is the caller who asks too often."""

    def __init__(self, seconds: int, *, is_paced: bool = False) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.is_paced = is_paced


class GitPlaces:
    """At most `most` gits at once, and at most half of them for one client: so none can stop the others."""

    def __init__(self, most: int, seconds: float = QUEUE_SECONDS) -> None:
        self.most = most
        self._seconds = seconds
        self._all = asyncio.Semaphore(most)
        self._by_client: dict[str, asyncio.Semaphore] = {}
        self.running = 0

    @asynccontextmanager
    async def place(self, client: str) -> AsyncIterator[None]:
        """Holds a place; BusyServerError where none is free in time. First come, first served."""
        own = self._by_client.setdefault(client, asyncio.Semaphore(max(1, self.most // 2)))
        try:
            async with asyncio.timeout(self._seconds):
                await own.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise BusyServerError(5) from None
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._all.release()
            own.release()


class Crowd:
    """At most `most` connections at once of one address, unless it `is_exempt`: so none shuts others out.

    One host may have all addresses of a network of IPv6 with 64 bits, so these count together.
    """

    def __init__(self, most: int, is_exempt: Callable[[str], bool]) -> None:
        self.most = most
        self._is_exempt = is_exempt
        self._open: dict[str, int] = {}

    def enter(self, address: str) -> bool:
        """Counts one more connection; False where it is one too many, and then it does not count."""
        if self._is_exempt(address):
            return True
        who = _host(address)
        count = self._open.get(who, 0)
        if count >= self.most:
            return False
        self._open[who] = count + 1
        return True

    def leave(self, address: str) -> None:
        """Counts one connection less, of those that entered."""
        if self._is_exempt(address):
            return
        who = _host(address)
        self._open[who] -= 1
        if not self._open[who]:
            del self._open[who]


def _host(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or found.exploded[:_NETWORK])
    return str(found)


_NETWORK = len("0000:0000:0000:0000")
_MINUTE = 60.0
_KEPT = 4096


class Pace:
    """At most `most` pushes a minute for each key."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._pushes: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, key: str) -> None:
        """Counts one push; BusyServerError where it is one too many."""
        now = self._clock()
        pushes = self._pushes.setdefault(key, deque())
        self._pushes.move_to_end(key)
        while len(self._pushes) > _KEPT:
            self._pushes.popitem(last=False)
        while pushes and pushes[0] <= now - _MINUTE:
            pushes.popleft()
        if len(pushes) >= self._most:
            seconds = max(1, int(pushes[0] + _MINUTE - now) + 1)
            raise BusyServerError(seconds, is_paced=True)
        pushes.append(now)


LEASE_SECONDS = 5.0
"""So long a turn lasts after the last thing that its holder asked."""
_LONGEST = 30.0


class Turns:
    """Who comes next at a repository.

    Clones that race for one ref would otherwise all push, and all but one in vain. A clone names its turn
    when it looks; the next one looks when it is done.

    It is a courtesy, no lock: whoever names no turn waits for none, and a holder who falls silent loses it.
    """

    def __init__(self, lease: float = LEASE_SECONDS, longest: float = _LONGEST) -> None:
        self._lease = lease
        self._longest = longest
        self.queues: dict[Place, _Queue] = {}

    async def take(self, place: Place, turn: str) -> None:
        """Waits until it is the turn of `turn` at `place`, or until others have kept it for too long."""
        queue = self.queues.setdefault(place, _Queue())
        if turn not in queue.waiting and queue.holder != turn:
            queue.waiting.append(turn)
        try:
            async with asyncio.timeout(self._longest):
                await self._come_up(queue, turn)
        except TimeoutError:
            return
        finally:
            if turn in queue.waiting:
                queue.waiting.remove(turn)
            queue.changed.set()
        queue.until = time.monotonic() + self._lease

    async def _come_up(self, queue: _Queue, turn: str) -> None:
        while queue.holder != turn:
            left = queue.until - time.monotonic() if queue.holder else 0
            if left <= 0:
                queue.holder = queue.waiting[0]
                queue.until = time.monotonic() + self._lease
                queue.changed.set()
                continue
            queue.changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await queue.changed.wait()

    def keep(self, place: Place, turn: str) -> None:
        """Lets the turn of a holder last while something that it asked is under way."""
        self._hold(place, turn, self._longest)

    def rest(self, place: Place, turn: str) -> None:
        """Lets the turn of a holder who got its answer end soon, unless it asks something more."""
        self._hold(place, turn, self._lease)

    def _hold(self, place: Place, turn: str, seconds: float) -> None:
        queue = self.queues.get(place)
        if queue is not None and queue.holder == turn:
            queue.until = time.monotonic() + seconds

    def give(self, place: Place, turn: str) -> None:
        """Ends the turn of its holder."""
        queue = self.queues.get(place)
        if queue is None or queue.holder != turn:
            return
        queue.holder = ""
        queue.changed.set()
        if not queue.waiting:
            del self.queues[place]


class _Queue:
    def __init__(self) -> None:
        self.holder = ""
        self.until = 0.0
        self.waiting: deque[str] = deque()
        self.changed = asyncio.Event()
