"""What differs between a ledger commit and its replay, in a few words for people."""

from __future__ import annotations

import json
from collections.abc import Iterator

from idse_orchestrator.domain.events import Event
from idse_orchestrator.domain.ledger_message import message_of, trailers_of

_LONGEST = 60


def message_difference(message: bytes, event: Event) -> str:
    """Why `message` is not the one of `event`: its subject, a trailer, or something else in it."""
    text = message.decode("utf-8", "replace")
    wanted = message_of(event)
    if text.partition("\n")[0] != wanted.partition("\n")[0]:
        return (
            f"the subject is {_short(text.partition(chr(10))[0])}, not {_short(wanted.partition(chr(10))[0])}"
        )
    for key, value in trailers_of(event).items():
        lines = [line for line in text.split("\n") if line.startswith(f"{key}:")]
        if len(lines) != 1:
            return f"trailer {key} stands there {len(lines)} times"
        if lines[0] != f"{key}: {value}":
            return f"trailer {_short(lines[0])} should be {_short(f'{key}: {value}')}"
    return "the message holds something that the event does not"


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
