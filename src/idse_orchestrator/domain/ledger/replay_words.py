"""What differs between a ledger commit and its replay, in a few words for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from idse_orchestrator.domain.events import Event
from idse_orchestrator.domain.ledger.message import trailers_of

_LONGEST = 60
_TRAILER = re.compile(r"^Idse-[A-Za-z]+:[^\n]*", re.MULTILINE)
"""Free text in which such a line stood has a space before its colon, and means nothing."""


def message_difference(message: bytes, event: Event) -> str | None:
    """How the trailers in `message` differ from those of `event`; None where they agree.

    The subject and the reason are for people, and a later release may word them otherwise.
    """
    wanted = trailers_of(event)
    lines = _TRAILER.findall(message.decode("utf-8", "replace"))
    if lines == [f"{key}: {value}" for key, value in wanted.items()]:
        return None
    for key, value in wanted.items():
        found = [line for line in lines if line.startswith(f"{key}:")]
        if len(found) != 1:
            return f"trailer {key} stands there {len(found)} times"
        if found[0] != f"{key}: {value}":
            return f"trailer {_short(found[0])} should be {_short(f'{key}: {value}')}"
    extra = next((line for line in lines if line.partition(":")[0] not in wanted), None)
    return None if extra is None else f"trailer {_short(extra)} is not of this event"


def state_difference(recorded: bytes, replayed: bytes) -> str:
    """The first place at which two states, given as JSON, are apart."""
    before, after = json.loads(recorded), json.loads(replayed)
    found = next(_differences("", before, after), None)
    return found or "state.json is not in the canonical form"


def _differences(path: str, recorded: object, replayed: object) -> Iterator[str]:
    if recorded == replayed:
        return
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in sorted({*recorded, *replayed}):
            yield from _differences(
                f"{path}.{key}" if path else str(key), recorded.get(key), replayed.get(key)
            )
        return
    yield f"{path}: it says {_short(recorded)}, the events say {_short(replayed)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
