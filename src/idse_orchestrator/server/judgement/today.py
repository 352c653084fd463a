"""The rules in force for a client, layer by layer, and which sessions would fail by them today."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.checks.verbs import VERBS
from idse_orchestrator.constitution.in_force import InstalledChecks, constitution_of
from idse_orchestrator.constitution.rules import STRICTNESS, Constitution, Rule
from idse_orchestrator.errors import IdseError, UnknownNameError
from idse_orchestrator.ledger.refs import SESSIONS, parse_session_ref
from idse_orchestrator.server.judgement.promises import Promises, told
from idse_orchestrator.server.judgement.pushed import Pushed
from idse_orchestrator.server.judgement.rules import Rulebook, place_of
from idse_orchestrator.server.judgement.waivers import Register, why_not
from idse_orchestrator.server.model.names import place_in
from idse_orchestrator.server.model.push import Refusal

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import Waiver
    from idse_orchestrator.server.judgement.promises import Counts
    from idse_orchestrator.server.judgement.rules import Rules
    from idse_orchestrator.server.model.policy import Policy

UNREADABLE = "unreadable"


class Raise(NamedTuple):
    """A severity that a layer makes stricter: of which rule, while a stage is what, from and to."""

    rule: str
    status: str
    before: str
    after: str


class LayerInForce(NamedTuple):
    """What one file adds. `unknown` are rules whose check is not installed here: they cannot be judged."""

    origin: str
    where: str
    rules: tuple[Rule, ...]
    raised: tuple[Raise, ...]
    types: tuple[str, ...]
    unknown: tuple[str, ...]


class InForce(NamedTuple):
    """What holds for a client, beside what its projects add."""

    constitution: Constitution
    policy: Policy
    layers: tuple[LayerInForce, ...]


def rules_in_force(home: str, client: str = "", checks: InstalledChecks | None = None) -> InForce:
    """Returns what holds for `client` ("" : for all).

    InvalidConfigurationError where a file cannot be used: the server then refuses every push.
    UnknownNameError where there is no such client.
    """
    _known(home, client)
    book = Rulebook(home, client, checks)
    cache = book.without_project().cache
    below = constitution_of((), cache)
    layers = []
    for number, layer in enumerate(book.layers, 1):
        found = constitution_of(book.layers[:number], cache, book.checks)
        added = tuple(rule for rule in found.rules if rule.id not in below.by_id)
        layers.append(
            LayerInForce(
                layer.origin,
                layer.where,
                added,
                tuple(_raised(below, found)),
                tuple(name for name in found.types if name not in below.types),
                tuple(rule.id for rule in added if rule.check not in {**VERBS, **book.checks.checks}),
            )
        )
        below = found
    return InForce(book.without_project().constitution, book.policy, tuple(layers))


def _raised(before: Constitution, after: Constitution) -> Iterator[Raise]:
    for rule in before.rules:
        other = after.by_id[rule.id]
        pairs = {status: (rule.severity[status], other.severity[status]) for status in rule.severity}
        for status, (one, two) in {**pairs, "gate": (rule.gate, other.gate)}.items():
            if STRICTNESS[one] < STRICTNESS[two]:
                yield Raise(rule.id, status, one, two)


class Failing(NamedTuple):
    """A session that would fail today, and why: `where` is CLIENT/REPOSITORY."""

    where: str
    session: str
    reasons: tuple[Refusal, ...]


def failing_today(
    home: str, client: str, today: str, checks: InstalledChecks | None = None
) -> Iterator[Failing]:
    """Yields the sessions of all repositories of `client` ("" : of everyone) that would fail today.

    All that blocks counts, old debt with it. UnknownNameError where there is no such client.
    """
    folder = os.path.join(home, "git")
    clients = [client] if client else sorted(os.listdir(folder) if os.path.isdir(folder) else ())
    for name in clients:
        own = os.path.join(folder, name)
        if not os.path.isdir(own):
            raise UnknownNameError(
                f"there is no client {name!r}", where=home, fix=("idse agency client list",)
            )
        book = Rulebook(home, name, checks)
        for repository in sorted(each for each in os.listdir(own) if each.endswith(".git")):
            yield from _failing_in(os.path.join(own, repository), book, today)


def _known(home: str, client: str) -> None:
    """Raises UnknownNameError where nothing is known of `client`."""
    places = (os.path.join(home, "git", client), os.path.join(home, "rules", f"{client}.yaml"))
    if client and (place_in(f"{client}/x") is None or not any(map(os.path.exists, places))):
        raise UnknownNameError(f"there is no client {client!r}", where=home, fix=("idse agency client list",))


def _names(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


class Today:
    """The sessions of the repository at `git_dir`, which `pushed` reads, judged by the rules of today."""

    def __init__(self, pushed: Pushed, git_dir: str, book: Rulebook, today: str) -> None:
        self._pushed = pushed
        self._repository = place_of(git_dir)[1]
        self._book = book
        self._today = today
        self._register = Register(pushed, git_dir)
        self._rules: dict[str, Rules] = {}

    def rules(self, project: str) -> Rules:
        """Returns the rules of a project."""
        if project not in self._rules:
            self._rules[project] = self._book.of_project(self._pushed, self._repository, project)
        return self._rules[project]

    def promises(self, key: SessionKey) -> Promises:
        """Returns the judge of a session."""
        return Promises(self._pushed, key, self.rules(key[0]), self._book.policy, self._today)

    def counts(self, ref: str) -> Counts:
        """Returns what says of a waiver in the session at `ref` why it does not count."""

        def why(waiver: Waiver) -> tuple[str, str]:
            return why_not(self._book.policy, waiver, self._register.find(ref, waiver))

        return why


def _failing_in(git_dir: str, book: Rulebook, today: str) -> Iterator[Failing]:
    pushed = Pushed(git_dir)
    judging = Today(pushed, git_dir, book, today)
    where = "/".join(place_of(git_dir))
    for ref in pushed.refs():
        key = parse_session_ref(ref)
        if key is None or not ref.startswith(SESSIONS):
            continue
        try:
            promises = judging.promises(key)
            tip = pushed.tip(ref)
            reasons = told(ref, promises.broken(tip, promises.state(tip), judging.counts(ref)))
        except (IdseError, ValueError) as error:
            reasons = [Refusal(ref, UNREADABLE, str(error), "idse agency doctor --fsck")]
        if reasons:
            yield Failing(where, "/".join(key), tuple(reasons))
