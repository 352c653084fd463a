"""Events as idse writes them, told from anything else without the import of the schema.

Whatever passes here passes `schema.event_problem`, too; a property test holds the two together.
What does not pass may still be an event: then the schema decides, and finds the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from idse_orchestrator.base.ids import FORMAT, is_ulid
from idse_orchestrator.documents.pipeline_artifacts import STAGES
from idse_orchestrator.ledger.events import KINDS, Actor, Event
from idse_orchestrator.pipeline.stage_state_model import STAGE_STATUSES

Check = Callable[[Any], bool]

_KEYS = frozenset({"format", "id", "kind", "lamport", "at", "replica", "actor", "body"})
_ACTOR = frozenset({"name", "email", "agent"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_BLOB = re.compile(r"([0-9a-f]{40})?")
_STAGES = frozenset(STAGES)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)
_CLAIM = re.compile(r"c-[0-9a-f]{10}")
_LINE = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
_EVIDENCE = frozenset({"session", "stage", "commit", "blob"})
_SEALING = ("complete", "confirm")


def plain_event(data: bytes) -> Event | None:
    """The event in `data` where it surely is one; None where only the schema can tell."""
    try:
        text = data.decode()
        raw = None if "\\u" in text else _DECODER.decode(text)  # an escape can hide half a character
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or raw.keys() != _KEYS or not _is_plain(raw):
        return None
    actor = Actor(raw["actor"]["name"], raw["actor"]["email"], raw["actor"]["agent"])
    return Event(raw["id"], raw["kind"], raw["lamport"], raw["at"], raw["replica"], actor, raw["body"])


def _is_plain(raw: dict[str, Any]) -> bool:
    actor, body, kind = raw["actor"], raw["body"], raw["kind"]
    return (
        type(raw["format"]) is int
        and raw["format"] == FORMAT
        and _is_text(kind)
        and kind in KINDS
        and _is_ulid(raw["id"])
        and _is_ulid(raw["replica"])
        and type(raw["lamport"]) is int
        and raw["lamport"] >= 1
        and _is_moment(raw["at"])
        and type(actor) is dict
        and actor.keys() == _ACTOR
        and all(map(_is_text, actor.values()))
        and type(body) is dict
        and _fits(kind, body)
    )


def _fits(kind: str, body: dict[str, Any]) -> bool:
    required, optional = _BODIES.get(kind, ({}, {}))
    if not _is_text(body.get("reason", "")):
        return False
    if kind == "handoff" and "action" in body:
        required, optional = _HANDOFF_REQUEST if body["action"] == "request" else _HANDOFF
    if kind == "claimed":
        required = {**required, **_CLAIMED.get(str(body.get("action")), {})}
    if kind == "stage" and body.get("action") in _SEALING:
        required = {**required, **_SEAL}
    if kind == "assigned" and ("changes" in body or "action" in body):
        return False  # a change of the agent registry: the schema knows its shapes
    if kind == "approved" and not body.get("withdrawn") and not body.get("reason"):
        return False
    return all(key in body and check(body[key]) for key, check in required.items()) and all(
        check(body[key]) for key, check in optional.items() if key in body
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_ulid(value: object) -> bool:
    return isinstance(value, str) and is_ulid(value)


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def _is_blob(value: object) -> bool:
    return isinstance(value, str) and _BLOB.fullmatch(value) is not None


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_blob_or_none(value: object) -> bool:
    return value is None or _is_blob(value)


def _is_changes(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text_or_none, value.values()))


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(type(count) is int and count >= 0 for count in value.values())


def _is_claim(value: object) -> bool:
    return isinstance(value, str) and _CLAIM.fullmatch(value) is not None


def _is_line(value: object) -> bool:
    return isinstance(value, str) and _LINE.fullmatch(value) is not None


def _is_demotions(value: object) -> bool:
    return _is_counts(value) and isinstance(value, dict) and all(map(_is_ulid, value))


def _is_evidence(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_document, value))


def _is_document(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _EVIDENCE
        and all(map(_is_text, value.values()))
        and _NAME.fullmatch(value["session"]) is not None
        and value["stage"] in _STAGES
        and bool(value["commit"] and value["blob"])
        and _is_blob(value["commit"])
        and _is_blob(value["blob"])
    )


def _is_upstream(value: object) -> bool:
    return isinstance(value, dict) and value.keys() <= _STAGES and all(map(_is_blob, value.values()))


def _is_routed(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"agent", "why"} and all(map(_is_text, value.values()))


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _one_of(*words: str) -> Check:
    return lambda value: isinstance(value, str) and value in words


_STAGE = _one_of(*STAGES)
_STATUS = _one_of(*STAGE_STATUSES)
_CLAIMED: Mapping[str, Mapping[str, Check]] = {
    "declare": {"text": _is_line},
    "promote": {"evidence": _is_evidence},
    "reinforce": {"evidence": _is_evidence},
    "demote": {"reason": lambda value: _is_text(value) and bool(value)},
}
_SEAL: Mapping[str, Check] = {"artifact": _is_blob, "upstream": _is_upstream}
_STAGE_OR_NONE = _one_of(*STAGES, "")
_HANDOFF_REQUEST: tuple[Mapping[str, Check], Mapping[str, Check]] = (
    {"stage": _STAGE, "to": lambda value: _is_text(value) and value != ""},
    {"from": _is_text, "after": _STAGE_OR_NONE, "approval": _is_flag},
)
_HANDOFF: tuple[Mapping[str, Check], Mapping[str, Check]] = (
    {"handoff": _is_ulid, "action": _one_of("approve", "accept", "reject")},
    {"stage": _STAGE_OR_NONE},
)
_BODIES: Mapping[str, tuple[Mapping[str, Check], Mapping[str, Check]]] = {
    "created": (
        {},
        {"type": _is_text, "title": _is_text, "owner": _is_text, "stack": _is_text, "parents": _is_texts},
    ),
    "edited": ({}, {"changed": _is_changes, "code": _is_blob_or_none}),
    "stage": (
        {
            "stage": _STAGE,
            "action": _one_of("start", "complete", "confirm", "reopen"),
            "from": _STATUS,
            "to": _STATUS,
        },
        {"reopens": _is_counts, "routed": _is_routed},
    ),
    "validated": (
        {"status": _one_of("unknown", "passing", "failing"), "constitution": _is_text},
        {},
    ),
    "approved": ({"rule": _is_text}, {"expires": _is_text_or_none, "withdrawn": _is_flag}),
    "assigned": ({"stage": _STAGE, "agent": _is_text}, {}),
    "described": (
        {},
        {
            "title": _is_text,
            "status": _one_of("draft", "active", "review", "complete", "archived"),
            "owner": _is_text,
            "tags": _is_texts,
            "settings": _is_dict,
        },
    ),
    "archived": ({}, {"restored": _is_flag}),
    "claimed": (
        {"action": _one_of("declare", "promote", "reinforce", "demote"), "claim": _is_claim},
        {"section": _is_text, "demotions": _is_demotions},
    ),
}
"""Kind to the checks of what its body must hold, and of what it may."""
