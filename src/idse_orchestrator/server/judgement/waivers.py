"""Which waivers count: whose key brought each of them, as the Agency saw it and keeps it.

A ledger says who made a waiver, and anyone can write anyone's name. So the first push that brings one is
remembered on a ref that no client can read or write, by a digest of all that the waiver says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.judgement.rules_ref import read_files, write_files
from idse_orchestrator.server.model.policy import ANYONE, APPROVERS, KEY, NOBODY, Policy
from idse_orchestrator.server.model.push import APPROVE, Caller

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event
    from idse_orchestrator.pipeline.stage_state_model import Waiver
    from idse_orchestrator.server.judgement.pushed import Pushed

BROUGHT_REF = "refs/idse-internal/waivers"
_ADVICE = 'idse rule waive {} -m "why"'


class Brought(NamedTuple):
    """How a waiver came: by which key and agent ("" : a person). `key` is "" where nobody saw it come.

    `approves`: the key may approve. `is_own`: the event bears an e-mail of the key.
    """

    key: str
    agent: str = ""
    approves: bool = False
    is_own: bool = False


def is_own(event: Event, caller: Caller) -> bool:
    """Tests whether an event bears an e-mail of the key that brings it."""
    return event.actor.email.casefold() in map(str.casefold, caller.emails)


def brought_by(caller: Caller, event: Event | None) -> Brought:
    """Returns how a waiver came that `caller` brings now, with its event."""
    agent = caller.agent or (event.actor.agent if event else "")
    may = APPROVE in caller.scopes and not agent
    return Brought(caller.key_id, agent, may, event is not None and is_own(event, caller))


def why_not(policy: Policy, waiver: Waiver, brought: Brought) -> tuple[str, str]:
    """Returns why a waiver does not count, and what mends it; both are "" where it counts."""
    again = _ADVICE.format(waiver.rule)
    if policy.waivers == NOBODY or not policy.is_waivable(waiver.rule):
        return f"the Agency lets nobody waive {waiver.rule}", ""
    if policy.waivers != ANYONE and brought.agent:
        return f"it was brought by the agent {brought.agent}, and a person must", f"{again}  # as a person"
    if policy.waivers == APPROVERS and not brought.approves:
        return "no key that may approve has brought it", f"ask who may approve to waive it anew: {again}"
    if policy.identity == KEY and not brought.is_own:
        return f"it bears the name of {waiver.by}, and another key brought it", again
    return "", ""


class Register:
    """What is remembered of the waivers of one repository."""

    def __init__(self, pushed: Pushed, git_dir: str) -> None:
        self._pushed = pushed
        self._git_dir = git_dir
        self._known: Mapping[str, bytes] | None = None
        self._fresh: dict[str, Brought] = {}

    def add(self, ref: str, waiver: Waiver, brought: Brought) -> Brought:
        """Returns how a waiver that this push brings came first; it is kept with `keep`."""
        name = _digest(ref, waiver)
        known = self._kept(name)
        if known is None:
            self._fresh[name] = brought
        return known or brought

    def find(self, ref: str, waiver: Waiver) -> Brought:
        """Returns how a waiver came. One that nobody saw come says itself whether an agent made it."""
        name = _digest(ref, waiver)
        known = self._kept(name) or self._fresh.get(name)
        if known is None:
            event = self._pushed.found_event(ref, waiver.event)
            known = Brought("", event.actor.agent if event else "")
        return known

    def keep(self) -> None:
        """Writes down what is new. StorageError where the disk refuses."""
        fresh = {name: json.dumps(brought._asdict()).encode() for name, brought in self._fresh.items()}
        if fresh:
            write_files(
                self._git_dir, BROUGHT_REF, lambda known: {**fresh, **known}, "waivers as they came\n"
            )

    def _kept(self, name: str) -> Brought | None:
        if self._known is None:
            self._known = read_files(self._git_dir, BROUGHT_REF)
        data = self._known.get(name)
        return Brought(**json.loads(data)) if data is not None else None


def _digest(ref: str, waiver: Waiver) -> str:
    plain = {"ref": ref, **waiver._asdict()}
    return hashlib.sha256(canonical_json(plain)).hexdigest()


def new_waivers(before: Sequence[Waiver], after: Sequence[Waiver]) -> list[Waiver]:
    """Returns the waivers that a push brings to a session."""
    return [waiver for waiver in after if waiver not in before]
