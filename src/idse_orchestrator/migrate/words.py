"""Parses what older tools wrote beside the documents; nothing here ever raises.

`parse_time` · `current_session` (CURRENT_SESSION) · `active_session` (.idse_active_session.json) ·
`session_record` (session_state.json and metadata/session.json) · `owner_in` (.owner) ·
`people_in` (.collaborators)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.migrate.paths import STAGE_FOLDERS
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, IN_PROGRESS, PENDING

STAGE_WORDS = {
    "pending": PENDING,
    "draft": PENDING,
    "in_progress": IN_PROGRESS,
    "complete": COMPLETE,
    "completed": COMPLETE,
}
"""The words older tools had for how far a stage is, and ours."""

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_KEY = re.compile(r"^[ \t>*_-]*([A-Za-z][A-Za-z _-]{0,40}?)[*_]*[ \t]*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_MADE = re.compile(r"^[ \t>*_-]*Created[*_]*[ \t]*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_ENOUGH = 64 * 1024
"""Bytes of a file of names that are looked at."""
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_NOBODY = frozenset({"", "unknown", "none", "n/a", "tbd", "unassigned"})
_LONGEST_NAME = 120


class Moment(NamedTuple):
    """A time in UTC as events write it; `guessed`: no offset was said, so it was read as UTC."""

    at: str
    guessed: bool = False


def parse_time(text: object) -> Moment | None:
    """Returns the time that `text` says; None if it says none."""
    found = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        return None
    zone = (found[7] or "").upper()
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        time = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - _offset(zone)
    except (ValueError, OverflowError):
        return None
    return Moment(time.isoformat().removesuffix("+00:00") + "Z", guessed=not zone)


def _offset(zone: str) -> timedelta:
    """Returns how far east of Greenwich it is."""
    if zone in ("", "Z", "UTC"):
        return timedelta()
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


class Current(NamedTuple):
    """The session that a file names as current ("" : none), and its project ("" : it does not say)."""

    session: str
    project: str = ""


def current_session(data: bytes) -> Current:
    """Returns the session that `data` names: a bare id, or ``key: value``; of a path the last part."""
    text = data[:_ENOUGH].decode("utf-8", "surrogateescape").lstrip("\ufeff")
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    said = dict(_KEY.findall("\n".join(lines)))
    if "session_id" in said:
        return Current(_last_part(said["session_id"]))
    return Current(_last_part(lines[0]) if lines else "")


def active_session(data: bytes) -> tuple[Current, ...] | str:
    """Returns what an .idse_active_session.json may mean, the likeliest first; or why it names nothing."""
    raw = json_object(data)
    if isinstance(raw, str):
        return raw
    names = dict.fromkeys(filter(None, (text_of(raw.get(key)) for key in ("session_id", "name"))))
    found = tuple(Current(_last_part(name), text_of(raw.get("project"))) for name in names)
    return found or "it names no session"


def _last_part(text: str) -> str:
    return text.strip().strip("\"'").rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """The records of a session; texts are "" where they are silent.

    `stages` maps a stage to our word for how far it is.
    `doubts` are sentences about what could not be read or does not agree.
    """

    session: str = ""
    title: str = ""
    type: str = ""
    parent: str = ""
    owner: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    collaborators: tuple[str, ...] = ()
    created: Moment | None = None
    updated: Moment | None = None
    stages: Mapping[str, str] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()


def json_object(data: bytes) -> dict[str, Any] | str:
    """Returns the JSON object in `data`; or a sentence that says why it is none."""
    try:
        raw = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return f"it is no JSON: {type(error).__name__}"
    return raw if isinstance(raw, dict) else "it is no JSON object"


def session_record(data: bytes) -> SessionRecord:
    """Reads a session_state.json or a metadata/session.json; a doubt if it says nothing."""
    raw = json_object(data)
    if isinstance(raw, str):
        return SessionRecord(doubts=(raw,))
    doubts: list[str] = []
    kind = "blueprint" if raw.get("is_blueprint") is True else text_of(raw.get("session_type"))
    return SessionRecord(
        session=text_of(raw.get("session_id")),
        title=text_of(raw.get("name")),
        type=kind,
        parent=text_of(raw.get("parent_session")),
        owner=_person(raw.get("owner")),
        status=text_of(raw.get("status")).lower(),
        tags=tuple(filter(None, map(text_of, list_of(raw.get("tags"))))),
        collaborators=tuple(filter(None, map(_person, list_of(raw.get("collaborators"))))),
        created=parse_time(raw.get("created_at")),
        updated=parse_time(raw.get("updated_at")) or parse_time(raw.get("last_sync")),
        stages=_stages(raw.get("stages"), doubts),
        doubts=tuple(doubts),
    )


def _stages(raw: object, doubts: list[str]) -> Mapping[str, str]:
    if not isinstance(raw, dict):
        return {}
    found = {}
    for key, value in raw.items():
        stage = stage_named(key)
        word = _word(value)
        if stage is None:
            doubts.append(f"there is no stage {one_line(key)!r}")
        elif word in STAGE_WORDS:
            found[stage] = STAGE_WORDS[word]
        else:
            doubts.append(f"{stage} is said to be {one_line(str(value))!r}, which is no known word")
    return found


def stage_named(word: str) -> str | None:
    """Returns the stage that `word` means; None if it means none."""
    name = word.strip().lower()
    name = STAGE_FOLDERS.get(name, "tasks" if name == "task" else name)
    return name if name in STAGES else None


def _word(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        value = value.get("status")
    return re.sub(r"[\s-]+", "_", value.strip().lower()) if isinstance(value, str) else ""


def text_of(value: object) -> str:
    """Returns `value` on one line if it is a text, else ""."""
    return one_line(value) if isinstance(value, str) else ""


def list_of(value: object) -> list[Any]:
    """Returns `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def _person(value: object) -> str:
    name = text_of(value.get("name") if isinstance(value, dict) else value)
    return "" if name.lower() in _NOBODY else name


def owner_in(data: bytes) -> str:
    """Returns the owner that a ``.owner`` names; "" if it names nobody."""
    text = _said(data).strip()
    said = {key.strip().lower(): value for key, value in _KEY.findall(text)}
    name = said.get("owner", "" if said or "\n" in text else text)
    name = one_line(name.strip("*_`"))
    return "" if name.lower() in _NOBODY or len(name) > _LONGEST_NAME else name


def created_in(data: bytes) -> Moment | None:
    """Returns when a ``.owner`` says that its session was made."""
    found = _MADE.search(_said(data))
    return parse_time(found[1]) if found else None


def people_in(data: bytes) -> tuple[str, ...]:
    """Returns the names in a ``.collaborators``: one a line, or items of a list; no headings."""
    lines = _said(data).splitlines()
    names = (
        one_line(_BULLET.sub("", line)).strip("*_` ") for line in lines if not line.lstrip().startswith("#")
    )
    return tuple(dict.fromkeys(name for name in names if name.lower() not in _NOBODY))


def _said(data: bytes) -> str:
    return data[:_ENOUGH].decode("utf-8", "replace").lstrip("\ufeff")
