"""Kinds of ledgers: one value says how the refs of a kind are named, what they hold, and how it folds.

Code is named here and not imported (``module:name``): it is loaded when an event of its kind is met, so a
command pays for no theme whose events its ledger lacks. The themes bring their own entries; the table of
all kinds is put together at the edge, and is an argument of whatever writes, reads, merges or judges.

Notes and sync points are kinds without events: they hold something else, and `holds` says what.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from idse_orchestrator.base.names import is_ulid, loaded
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES
from idse_orchestrator.ledger.events import KINDS, Event, NotApplied, fold_onto
from idse_orchestrator.ledger.refs import (
    FIRST,
    HIGHEST,
    LOCAL,
    NOTES_FAMILY,
    PUBLISHED,
    SYNC_FAMILY,
    CannotJudgeError,
)

if TYPE_CHECKING:
    from idse_orchestrator.ledger.shapes import Shape

State = TypeVar("State")

EVENTS = "events"
NOTES = "notes"
SYNC_POINTS = "sync points"


class AbsentPartError(CannotJudgeError):
    """The part of idse that reads events of this kind is not here."""

    code = "absent-part"

    def __init__(self, kind: str) -> None:
        super().__init__(f"it has `{kind}` events, and this idse lacks the part that reads them")


class EventKind(NamedTuple):
    """What a kind of ledger does with one kind of event.

    `fold` names a function of state and event to the next state, or to the reason why it does not apply
    ("" : such events are only counted). `body` names the `Record` that a body must fit, or a function of
    the body to that record and to what of the body it describes ("" : the body is free). `words` names a
    function of the body to the subject of the commit.

    `format` is the lowest format that reads this event as it is meant. `fields` says the same of keys of
    its body that came later: a ledger is raised when the first event with such a key is written.
    """

    fold: str = ""
    body: str = ""
    words: str = ""
    format: int = FIRST
    fields: Mapping[str, int] = {}


class States(NamedTuple):
    """How the states of one kind are made of names, written and read.

    A state is a named tuple; it has the parts of its name, `format`, `lamport`, `events`, `updated_at` and
    `not_applied`. `problem` says what keeps bytes from being one, None where nothing does, given the
    shapes of the parts that other themes keep in it.
    """

    empty: Callable[..., Any]
    to_json: Callable[[Any], bytes]
    from_json: Callable[[bytes], Any]
    problem: Callable[[bytes, Mapping[str, Shape]], str | None]


class Kind(NamedTuple):
    """One kind of ref under ``refs/idse/``: ``refs/idse/<namespace>/<part>/…``.

    One that `is_local` stands under ``refs/idse-local/`` instead: it never leaves this repository, and no
    reflog is kept of it, since it never goes back.

    `parts` are the names that follow, and what each may be. `states` names a `States`, `events` the kinds of
    events that it takes; both are empty where it `holds` something else. Two histories of a ref are merged
    where `merges`. `limit` is the largest document in bytes, `highest` the highest format that is read.
    With `is_open` further names may come with a newer idse, and are left alone. `kept` names the shapes of
    the parts of the state that other themes keep there, by key.
    """

    name: str
    namespace: str
    parts: Mapping[str, Callable[[str], bool]]
    states: str = ""
    events: Mapping[str, EventKind] = {}
    holds: str = EVENTS
    merges: bool = True
    limit: int = MAX_ARTIFACT_BYTES
    highest: int = HIGHEST
    is_open: bool = False
    kept: Mapping[str, str] = {}
    is_local: bool = False

    def taking(self, events: Mapping[str, EventKind], kept: Mapping[str, str] = {}) -> Kind:
        """Returns this kind with the events of another theme, and what that keeps in the state."""
        return self._replace(events={**self.events, **events}, kept={**self.kept, **kept})

    @property
    def place(self) -> str:
        """The folder of its refs, up to the slash."""
        return f"{LOCAL if self.is_local else PUBLISHED}{self.namespace}/"

    def ref(self, *names: str) -> str:
        """Returns the ref of these names. ValueError where the kind has no such names."""
        if len(names) != len(self.parts) or not all(map(_fits, self.parts.values(), names)):
            raise ValueError(f"no {self.name} can be called {'/'.join(names)!r}")
        return self.place + "/".join(names)

    def names_in(self, ref: str) -> tuple[str, ...] | None:
        """Returns the names that `ref` is made of, None where it is no ref of this kind."""
        place = self.place
        names = ref.removeprefix(place).split("/")
        if not ref.startswith(place) or len(names) != len(self.parts):
            return None
        return tuple(names) if all(map(_fits, self.parts.values(), names)) else None

    def empty(self, names: Iterable[str]) -> Any:  # noqa: ANN401 - each kind has its own states
        """Returns the state before the first event of the ledger with these names."""
        return loaded(self.states).empty(*names)

    def to_json(self, state: object) -> bytes:
        """Returns what ``state.json`` holds: equal states give equal bytes."""
        return loaded(self.states).to_json(state)  # type: ignore[no-any-return]

    def from_json(self, data: bytes) -> Any:  # noqa: ANN401 - each kind has its own states
        """Returns the state in `data`. ValueError where it is none, CannotJudgeError where it is newer."""
        return loaded(self.states).from_json(data)

    def state_problem(self, data: bytes) -> str | None:
        """Returns what keeps `data` from being a state of this kind, with the path to it, or None."""
        parts = {key: loaded(target) for key, target in self.kept.items()}
        return loaded(self.states).problem(data, parts)  # type: ignore[no-any-return]

    def title(self, names: Iterable[str]) -> str:
        """Returns what a ledger is called to people, as "session portal/login"."""
        return f"{self.name} {'/'.join(names)}"

    def names_of(self, state: object) -> tuple[str, ...]:
        """Returns the names that a state says it belongs to."""
        return tuple(getattr(state, part) for part in self.parts)

    def apply(self, state: State, event: Event) -> State:
        """Returns the state after one more event; kinds that are not in `events` are only counted.

        What does not apply is kept, counted and listed: two clones may both act in good faith.
        """
        before: Any = state
        counted = before._replace(
            format=max(before.format, event.format),
            lamport=max(before.lamport, event.lamport),
            events=before.events + 1,
            updated_at=max(before.updated_at, event.at),
        )
        taken = self.events.get(event.kind)
        if taken is None or not taken.fold:
            return counted  # type: ignore[no-any-return]
        result = self._loaded(taken.fold, event.kind)(counted, event)
        if isinstance(result, str):
            entry = NotApplied(event.id, result)
            return counted._replace(not_applied=(*counted.not_applied, entry))  # type: ignore[no-any-return]
        return result  # type: ignore[no-any-return]

    def fold(self, names: Iterable[str], events: Iterable[Event]) -> Any:  # noqa: ANN401 - as `empty`
        """Returns the state after `events`, which may come in any order; a repeated id changes nothing."""
        return fold_onto(self.empty(names), events, self.apply)

    def needed(self, event: str, body: Mapping[str, Any]) -> int:
        """Returns the lowest format that reads an event of this kind with this body as it is meant."""
        taken = self.events.get(event)
        if taken is None or not taken.fields:
            return taken.format if taken else FIRST
        return max([taken.format, *(least for key, least in taken.fields.items() if key in body)])

    def check_part(self, event: str) -> None:
        """Raises AbsentPartError where an event of a known kind cannot be folded by this idse."""
        taken = self.events.get(event)
        if taken is None and event in KINDS:
            raise AbsentPartError(event)
        if taken is None:
            raise UnknownPartError(f"an event of the kind {event[:60]!r}")
        if taken.fold:
            self._loaded(taken.fold, event)

    @staticmethod
    def _loaded(target: str, event: str) -> Any:  # noqa: ANN401 - whatever stands there
        try:
            return loaded(target)
        except ModuleNotFoundError as error:
            raise AbsentPartError(event) from error


class UnknownPartError(CannotJudgeError):
    """A ledger holds something that only a newer idse can have written, and that would be lost here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"it holds {what}, which this idse does not know")


def refuse_unknown(kind: Kind, state: object, data: bytes, event: bytes | None) -> None:
    """Raises UnknownPartError where `state` is less than what its `data` says, or the last event is unknown.

    Who writes on top of such a ledger would drop what was not understood.
    """
    refuse_unknown_event(kind, event or b"")
    carried = next((key for key in getattr(state, "parts", ()) if key not in kind.kept), "")
    if carried:
        raise UnknownPartError(f"the key {carried[:60]!r} in its state")
    ours = kind.to_json(state)
    if ours != data:
        path = _unknown(json.loads(data), json.loads(ours))
        if path:
            raise UnknownPartError(f"the key {path[1:60]!r} in its state")


def refuse_unknown_event(kind: Kind, event: bytes) -> None:
    """Raises UnknownPartError where an event is of a kind that this idse does not know."""
    name = _field(event, "kind")
    if isinstance(name, str) and name not in kind.events and name not in KINDS:
        raise UnknownPartError(f"an event of the kind {name[:60]!r}")


def _field(data: bytes, key: str) -> object:
    try:
        return json.loads(data)[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _unknown(found: object, ours: object) -> str:
    """Returns the path to the first key of `found` that `ours` does not have; "" where there is none."""
    if isinstance(found, dict) and isinstance(ours, dict):
        pairs = [(f".{key}", value, ours[key]) for key, value in found.items() if key in ours]
        lacking = next((f".{key}" for key in found if key not in ours), "")
    elif isinstance(found, list) and isinstance(ours, list):
        pairs = [("", *both) for both in zip(found, ours, strict=False)]
        lacking = ""
    else:
        return ""
    below = (f"{step}{path}" for step, *both in pairs if (path := _unknown(*both)))
    return lacking or next(below, "")


class Named(NamedTuple):
    """What a ref is by its name."""

    kind: Kind
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is called to people."""
        return self.kind.title(self.names)


class Kinds:
    """All kinds of refs that this idse knows.

    `found_at` is ``module:name`` of this very table, for a process that is started anew; "" for nowhere.
    """

    def __init__(self, kinds: Iterable[Kind], found_at: str = "") -> None:
        self.found_at = found_at
        self._by_place = {kind.place: kind for kind in kinds}
        self._by_name = {kind.name: kind for kind in self}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_place.values())

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def and_also(self, *kinds: Kind) -> Kinds:
        """Returns these kinds and further ones."""
        return Kinds((*self, *kinds))

    def family(self, ref: str) -> Kind | None:
        """Returns the kind whose namespace `ref` is in, whether or not the rest of it is a name; or None."""
        end = ref.find("/", len(PUBLISHED if ref.startswith(PUBLISHED) else LOCAL))
        return self._by_place.get(ref[: end + 1] if end > 0 else f"{ref}/")

    def named(self, ref: str) -> Named | None:
        """Returns what `ref` is by its name, None where it is nothing that is known here."""
        kind = self.family(ref)
        names = kind.names_in(ref) if kind else None
        return Named(kind, names) if kind and names else None

    def published(self, ref: str) -> Named | tuple[str, str]:
        """Returns what `ref` is; or (code, what) where it may not be published or is not known here."""
        if not ref.startswith(PUBLISHED):
            return "ref-outside", f"only refs under {PUBLISHED} are ever synced"
        kind, named = self.family(ref), self.named(ref)
        if named is not None:
            return named
        if kind is not None and not kind.is_open:
            return "ref-name", "idse gives no such name"
        return "unknown-ref", "this idse does not know what it is for"

    def words(self, event: str) -> Callable[[Mapping[str, Any]], str] | None:
        """Returns what makes the subject of a body, for events of this kind; None where nobody says."""
        for kind in self:
            taken = kind.events.get(event)
            if taken is not None and taken.words:
                try:
                    return loaded(taken.words)  # type: ignore[no-any-return]
                except ModuleNotFoundError:
                    return None
        return None


def _fits(check: Callable[[str], bool], name: str) -> bool:
    return check(name)


COMMIT_NOTES = Kind("note", NOTES_FAMILY, {"on": ("commits",).__contains__}, holds=NOTES, is_open=True)
"""Git notes on code commits. Each write is one commit; two histories are merged note by note."""
SYNC_LINES = Kind("clone", SYNC_FAMILY, {"replica": is_ulid}, holds=SYNC_POINTS, merges=False, highest=FIRST)
"""The sync points of one clone, a line that only this clone writes: two histories of it never merge."""
