"""Whether a commit on ``refs/idse/sync/<replica>`` is a sync point, where it came from somebody else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from idse_orchestrator.domain.canonical_json import FORMAT
from idse_orchestrator.domain.sync.sync_point import FILE, PULL, PUSH, RefMove, sync_point_from_json
from idse_orchestrator.domain.ulid import is_ulid

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
