"""Handoff documents and governance state of older tools, as stories for a ledger; nothing here ever raises.

They become `handoff` events without an action: what was passed on long ago asks nobody for an answer.
Values that are none of the words they should be are kept as they were written, and doubted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from idse_orchestrator.base.text import encodable, one_line
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.migrate.words import Moment, parse_time

_DOCUMENT = re.compile(r"handoff_(?P<from>[a-z0-9-]+)_to_(?P<to>[a-z0-9-]+)_(?P<cycle>.+)\.md", re.IGNORECASE)
_FIELD = re.compile(r"^[ \t>*+_-]*([A-Za-z][A-Za-z /_-]{0,40}?)[*_]*[ \t]*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|[ \t]*([^|\n]+?)[ \t]*\|[ \t]*([^|\n]*?)[ \t]*\|[ \t]*$", re.MULTILINE)
_METADATA = re.compile(r"^#{1,6}[ \t]*(?:[\d.]+[ \t]*)?Metadata[ \t]*#*[ \t]*$", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
_STATE_KEYS = frozenset(
    {
        "active_llm",
        "awaiting_handoff",
        "handoff_cycle_id",
        "active_stage",
        "layer_scope",
        "role_change_event",
        "last_handoff",
        "last_checked",
    }
)
_ENOUGH = 64 * 1024
_LONGEST = 400


class Story(NamedTuple):
    """A handoff in a file: the body of its event, when it happened (None: unknown), and doubts."""

    body: Mapping[str, Any]
    at: Moment | None
    doubts: tuple[str, ...]


def is_handoff_document(path: str) -> bool:
    """Tests whether the file at `path` is named as handoff documents are."""
    return _DOCUMENT.fullmatch(path.rpartition("/")[2]) is not None


def is_governance_state(path: str) -> bool:
    """Tests whether governance state may stand at `path`."""
    return path.split("/")[-2:] == ["state", "state.json"]


def handoff_story(path: str, data: bytes) -> Story:
    """Reads the handoff document at `path`: its metadata, and its name where that is silent."""
    named = _DOCUMENT.fullmatch(path.rpartition("/")[2])
    said = _metadata(data[:_ENOUGH].decode("utf-8", "replace"))
    doubts: list[str] = []
    body: dict[str, Any] = {}
    for key, field in {"from": "from", "to": "to", "cycle": "cycle id"}.items():
        name = named[key] if named else ""
        body[key] = _short(said.get(field, "")) or _short(name)
        if key != "cycle" and said.get(field) and name and _word(body[key]) != _word(name):
            doubts.append(f"its name says {key} {name!r}, its text {body[key]!r}")
    _add_stage(body, said.get("idse stage") or said.get("stage", ""), doubts)
    at = parse_time(said.get("timestamp", ""))
    if at is None:
        doubts.append("it has no timestamp that can be read")
    body["summary"] = f"handed over: {body['from'] or '?'} → {body['to'] or '?'}" + (
        f" (cycle {body['cycle']})" if body["cycle"] else ""
    )
    return Story(body, at, tuple(doubts))


def _metadata(text: str) -> Mapping[str, str]:
    heading = _METADATA.search(text)
    block = text[heading.end() :] if heading else text
    end = _HEADING.search(block)
    block = _ROW.sub(r"\1: \2", block[: end.start()] if end and heading else block)
    fields = _FIELD.findall(block)
    return {key.strip().lower(): value.strip().strip("*_`").strip() for key, value in reversed(fields)}


def _add_stage(body: dict[str, Any], said: str, doubts: list[str]) -> None:
    word = _short(said)
    if word.lower() in STAGES:
        body["stage"] = word.lower()
    elif word:
        body["stage_said"] = word
        doubts.append(f"its stage is {word!r}, which is no stage")


def governance_story(data: bytes) -> Story | None:
    """Reads governance state; None if `data` is none."""
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict) or not _STATE_KEYS & raw.keys():
        return None
    doubts: list[str] = []
    state = {_short(str(key)): _plain(value) for key, value in raw.items()}
    body: dict[str, Any] = {"governance": state}
    stage = raw.get("active_stage")
    _add_stage(body, stage if isinstance(stage, str) else "", doubts)
    if not isinstance(raw.get("awaiting_handoff", False), bool):
        doubts.append(f"awaiting_handoff is {state['awaiting_handoff']!r}, which is neither true nor false")
    waiting = ", a handoff was awaited" if raw.get("awaiting_handoff") is True else ""
    body["summary"] = f"governance: {state.get('active_llm') or 'nobody'} was active{waiting}"
    at = parse_time(raw.get("last_handoff")) or parse_time(raw.get("last_checked"))
    return Story(body, at, tuple(doubts))


def _plain(value: object) -> str | bool | None:
    if value is None or isinstance(value, bool):
        return value
    return _short(value if isinstance(value, str) else encodable(json.dumps(value, ensure_ascii=True)))


def _short(text: str) -> str:
    return one_line(text)[:_LONGEST]


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())
