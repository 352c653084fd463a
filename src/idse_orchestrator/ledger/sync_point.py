"""What a sync point says: when this replica pushed or pulled, and which refs moved from where to where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from idse_orchestrator.base.names import FORMAT, is_ulid

FILE = "sync.json"
"""The one file of a sync point's tree."""
PUSH = "push"
PULL = "pull"


class RefMove(NamedTuple):
    """One ref from `old` to `new`, both commit ids; `old` is "" where the ref is new."""

    ref: str
    old: str
    new: str


class SyncPoint(NamedTuple):
    """One push or pull that moved something.

    `at` is UTC as ISO text, `direction` PUSH or PULL, `remote` the name of the git remote ("" : it has
    none here; an address is never published), `replica` the id of the clone, `refs` what moved.
    """

    at: str
    direction: str
    remote: str
    replica: str
    refs: tuple[RefMove, ...]

    def to_json(self) -> bytes:
        """The content of FILE: equal sync points have equal bytes."""
        from idse_orchestrator.base.names import FORMAT, canonical_json

        return canonical_json(
            {
                "format": FORMAT,
                "at": self.at,
                "direction": self.direction,
                "remote": self.remote,
                "replica": self.replica,
                "refs": [move._asdict() for move in sorted(self.refs)],
            }
        )

    def subject(self) -> str:
        """One line that says what happened."""
        from idse_orchestrator.base.text import counted, one_line

        count = counted(len(self.refs), "ref")
        way = "to" if self.direction == PUSH else "from"
        return f"{self.direction}: {count} {way} {one_line(self.remote) or 'the Agency'}"

    def message(self) -> str:
        """The commit message: the subject, and trailers that plain git can query."""
        from idse_orchestrator.base.text import one_line

        remote = f"Idse-Remote: {one_line(self.remote)}\n" if self.remote else ""
        return f"{self.subject()}\n\nIdse-Sync: {self.direction}\nIdse-Replica: {self.replica}\n" + remote


def sync_point_from_json(data: bytes) -> SyncPoint:
    """The sync point in `data`; ValueError where it is none of this format."""
    import json

    from idse_orchestrator.base.names import FORMAT

    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r} is not {FORMAT}")
        moves = tuple(RefMove(move["ref"], move["old"], move["new"]) for move in value["refs"])
        return SyncPoint(value["at"], value["direction"], value["remote"], value["replica"], moves)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{FILE} is no sync point: {error}") from error


MAX_SYNC_BYTES = 64 * 1024 * 1024
"""A sync point beyond this is not read: it would name more than 400,000 refs."""

_ID = re.compile(r"[0-9a-f]{40}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_REF = re.compile(r"refs/idse/[A-Za-z0-9._/-]+", re.ASCII)
_KEYS = frozenset({"format", "at", "direction", "remote", "replica", "refs"})
_TRAILER = re.compile(r"Idse-[A-Za-z]+:", re.IGNORECASE)


def sync_point_problem(data: bytes, message: bytes) -> str | None:
    """What keeps `data` and the commit's `message` from being a sync point; None when nothing does."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        return f"{FILE} is no JSON: {error}"
    problem = next(_problems(raw), None)
    if problem is not None:
        return f"{FILE}: {problem}"
    point = sync_point_from_json(data)
    if point.to_json() != data:
        return f"{FILE} is not in the canonical form"
    told = _trailers(message.decode("utf-8", "replace"))
    return None if told == _trailers(point.message()) else f"its trailers do not say what {FILE} says"


def _trailers(message: str) -> list[str]:
    return [line for line in message.split("\n") if _TRAILER.match(line)]


def _problems(raw: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(raw, dict) or raw.keys() != _KEYS:
        yield f"it does not have the keys {', '.join(sorted(_KEYS))} and no other"
        return
    if raw["format"] != FORMAT or isinstance(raw["format"], bool):
        yield f"format {raw['format']!r} is not the {FORMAT} that this idse reads"
    if raw["direction"] not in (PUSH, PULL):
        yield f"direction {raw['direction']!r} is neither {PUSH} nor {PULL}"
    if not isinstance(raw["at"], str) or not _MOMENT.fullmatch(raw["at"]):
        yield f"at {raw['at']!r} is no moment in UTC"
    if not isinstance(raw["remote"], str) or "://" in raw["remote"]:
        yield "remote is not the name of a remote"
    if not isinstance(raw["replica"], str) or not is_ulid(raw["replica"]):
        yield f"replica {raw['replica']!r} is not the id of a clone"
    yield from _ref_problems(raw["refs"])


def _ref_problems(refs: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(refs, list) or not all(_is_move(moved) for moved in refs):
        yield "refs is not a list of {ref, old, new}"
    elif len({moved["ref"] for moved in refs}) != len(refs):
        yield "a ref stands there twice"


def _is_move(moved: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(moved, dict) or len(moved) != len(RefMove._fields):
        return False
    ref, old, new = (moved.get(name) for name in RefMove._fields)
    return (
        isinstance(ref, str)
        and _REF.fullmatch(ref) is not None
        and isinstance(old, str)
        and (not old or _ID.fullmatch(old) is not None)
        and isinstance(new, str)
        and _ID.fullmatch(new) is not None
    )
