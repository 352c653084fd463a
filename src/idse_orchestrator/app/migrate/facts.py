"""What the files beside a session's documents say of it, where several of them speak."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from idse_orchestrator.app.migrate.values import SessionFacts
from idse_orchestrator.domain.migration.paths import LAYOUTS, Place
from idse_orchestrator.domain.migration.words import (
    SessionRecord,
    created_in,
    owner_in,
    people_in,
    session_record,
)
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.session_graph import BLUEPRINT_TYPE, EXPLORATORY, FEATURE
from idse_orchestrator.domain.stage_state_model import COMPLETE

_RANK = {layout: number for number, layout in enumerate(LAYOUTS)}
_DONE = ("complete", "completed")
_OWNER, _PEOPLE = ".owner", ".collaborators"
_RECORDS = ("session.json", "session_state.json")

Value = TypeVar("Value")


class Gathered(NamedTuple):
    """The facts, and sentences about what in them could not be read or does not agree."""

    facts: SessionFacts
    doubts: tuple[str, ...]


def is_record(place: Place) -> bool:
    """Whether a file of a session says something about it, rather than being a document."""
    name = place.rest[-1] if place.rest else ""
    if name in (_OWNER, _PEOPLE):
        return len(place.rest) <= 2
    return place.rest in (("metadata", "session.json"), ("session_state.json",))


def gathered(name: str, places: Mapping[str, Place], contents: Mapping[str, bytes]) -> Gathered:
    """What `contents`, the files of the session `name` that `is_record` picks, say of it.

    Of two that disagree the better layout wins, then the one in ``metadata/``, then the first by path.
    """
    doubts: list[str] = []
    ordered = sorted(contents, key=lambda path: _order(path, places[path]))
    records = [_read(path, contents[path], doubts) for path in ordered if places[path].rest[-1] in _RECORDS]
    marks = [path for path in ordered if places[path].rest[-1] == _OWNER]
    owner = _owner(marks, contents, doubts)
    made = [moment for path in marks if (moment := created_in(contents[path]))]
    people = [
        person for path in ordered if places[path].rest[-1] == _PEOPLE for person in people_in(contents[path])
    ]
    created = _first(records, lambda record: record.created) or (made[0] if made else None)
    updated = _first(records, lambda record: record.updated)
    if any(moment is not None and moment.guessed for moment in (created, updated)):
        doubts.append("its times have no offset, so they were read as UTC")
    said = _first(records, lambda record: record.owner) or ""
    if owner and said and owner != said:
        doubts.append(f"its owner is {said!r} in its record and {owner!r} in .owner")
    facts = SessionFacts(
        title=_first(records, lambda record: record.title) or "",
        type=_type(name, _first(records, lambda record: record.type) or "", doubts),
        owner=said or owner,
        status=_first(records, lambda record: record.status) or "",
        parent=_first(records, lambda record: record.parent) or "",
        tags=_first(records, lambda record: record.tags) or (),
        collaborators=tuple(
            dict.fromkeys([*(each for record in records for each in record.collaborators), *people])
        ),
        created=created,
        updated=updated,
        recorded=_recorded(records),
    )
    return Gathered(facts, tuple(doubts))


def _order(path: str, place: Place) -> tuple[int, bool, bytes]:
    return _RANK[place.layout], place.rest[0] != "metadata", path.encode("utf-8", "surrogateescape")


def _read(path: str, data: bytes, doubts: list[str]) -> SessionRecord:
    record = session_record(data)
    doubts += [f"{path}: {doubt}" for doubt in record.doubts]
    return record


def _owner(paths: Iterable[str], contents: Mapping[str, bytes], doubts: list[str]) -> str:
    """The first that names somebody; those that name another one are doubted."""
    named = {path: owner for path in paths if (owner := owner_in(contents[path]))}
    first = next(iter(named.values()), "")
    doubts += [
        f"{path} names {owner!r} as the owner, not {first!r}"
        for path, owner in named.items()
        if owner != first
    ]
    return first


def _first(records: Iterable[SessionRecord], what: Callable[[SessionRecord], Value]) -> Value | None:
    return next((value for record in records if (value := what(record))), None)


def _type(name: str, said: str, doubts: list[str]) -> str:
    if name == BLUEPRINT:
        return BLUEPRINT_TYPE
    word = said.lower()
    if word == BLUEPRINT_TYPE:
        doubts.append(f"it was a blueprint; here only {BLUEPRINT} is one, so it is a feature session")
    return EXPLORATORY if word == EXPLORATORY else FEATURE


def _recorded(records: list[SessionRecord]) -> Mapping[str, str]:
    """Stage to our word for it; a session that is complete as a whole has every stage complete."""
    for record in records:
        if record.stages:
            return record.stages
    if any(record.status in _DONE for record in records):
        return dict.fromkeys(STAGES, COMPLETE)
    return {}
