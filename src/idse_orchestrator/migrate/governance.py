"""Handoff documents, governance state and agent registries of older tools; nothing here ever raises.

A handoff document is known by its ``## Metadata``. It and the state become stories: `handoff` events without
an action, since what was passed on long ago asks nobody for an answer. Values that are none of the words
they should be are kept as they were written, and doubted. A registry becomes changes of ours: what cannot
be taken over is said, never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from idse_orchestrator.agents.registry import (
    IMPLEMENTATION,
    MANUAL,
    MODES,
    PROTOCOLS,
    Agent,
    AgentRegistry,
    HandoffRule,
    agent_to_dict,
    rule_to_dict,
)
from idse_orchestrator.agents.registry_changes import ADD, ADD_RULE
from idse_orchestrator.agents.registry_check import MAX_TEXT, check_changes, registry_troubles
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, encodable, one_line
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError
from idse_orchestrator.migrate.names import mapped_names
from idse_orchestrator.migrate.words import Moment, json_object, list_of, parse_time, text_of

_NAMED = re.compile(
    r"(?:handoff_|(?P<time>\d{4}-\d\d-\d\dT[\d:.Z+-]+)_)"
    r"(?P<from>[a-z0-9-]+)_to_(?P<to>[a-z0-9-]+)_(?P<rest>.+)\.md",
    re.IGNORECASE,
)
"""``handoff_<from>_to_<to>_<cycle>.md``, and ``<time>_<from>_to_<to>_<session>.md``."""
_DASHED_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)")
_PLACEHOLDER = "{{"
_FACTS = ("cycle id", "timestamp", "date", "idse stage", "stage")
_FIELD = re.compile(r"^[ \t>*+_-]*([A-Za-z][A-Za-z /_-]{0,40}?)[*_]*[ \t]*:[*_]*[ \t]*(.*)$", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|([^|\n]*)\|([^|\n]*)\|[ \t]*$", re.MULTILINE)
_METADATA = re.compile(
    r"^#{1,6}[ \t]*(?:[\d.]+[ \t]*)?(?:Handoff[ \t]+)?Metadata[ \t]*:?[ \t]*#*[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
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
    """A handoff in the file at `path`: the body of its event, when it was (None: unknown), and doubts.

    `about` are texts that may name its session, the surest first. Two files of one `identity` tell the same.
    `copies` are the other files that do.
    """

    body: Mapping[str, Any]
    at: Moment | None
    doubts: tuple[str, ...]
    about: tuple[str, ...] = ()
    identity: str = ""
    path: str = ""
    copies: tuple[str, ...] = ()

    @property
    def is_handoff(self) -> bool:
        """True if it says who handed over to whom; governance state does not."""
        return "governance" not in self.body


def may_hand_over(path: str) -> bool:
    """Tests whether the file at `path` can be a handoff document: what it says makes it one."""
    return path[-3:].lower() == ".md"


def is_named_as_handoff(path: str) -> bool:
    """Tests whether the file at `path` is named as handoff documents are."""
    return _NAMED.fullmatch(path.rpartition("/")[2]) is not None


def is_governance_state(path: str) -> bool:
    """Tests whether governance state may stand at `path`."""
    return path.split("/")[-2:] == ["state", "state.json"]


def handoff_story(path: str, data: bytes) -> Story | None:
    """Reads the handoff document at `path`: its metadata, and its name where that is silent.

    None if it is none: its name alone does not make it one, nor does a template that nobody filled in.
    """
    named = _NAMED.fullmatch(path.rpartition("/")[2])
    if named is None and b"metadata" not in data[:_ENOUGH].lower():
        return None
    said = _metadata(data[:_ENOUGH].decode("utf-8", "replace"), anywhere=named is not None)
    known = [said[key] for key in _FACTS if said.get(key)]
    people = [said[key] for key in ("from", "to") if said.get(key)]
    if not (known or people) if named else not (known and len(people) == 2):
        return None
    if any(_PLACEHOLDER in text for text in (*known, *people)):
        return None
    in_name = named.groupdict() if named else {}
    if in_name.get("time") is None:
        in_name["cycle"] = in_name.get("rest")
    doubts: list[str] = []
    body: dict[str, Any] = {}
    for key, field in {"from": "from", "to": "to", "cycle": "cycle id"}.items():
        text = said.get(field, "")
        text = text.partition(" (")[0] if key != "cycle" else text
        body[key] = _short(text) or _short(in_name.get(key) or "")
    if named:
        ways = [(named["from"], named["to"]), (body["from"], body["to"])]
        if len({tuple(map(_agent_word, way)) for way in ways}) > 1:
            by_name, in_text = map(" → ".join, ways)
            doubts.append(f"its name says {by_name}, its text {in_text}")
    _add_stage(body, said.get("idse stage") or said.get("stage", ""), doubts)
    at = _time_of(_when(said), in_name.get("time") or body["cycle"], doubts)
    body["summary"] = f"handed over: {body['from'] or '?'} → {body['to'] or '?'}" + (
        f" (cycle {body['cycle']})" if body["cycle"] else ""
    )
    about = (said.get(key, "") for key in ("plan reference", "project", "session", "session id"))
    return Story(body, at, tuple(doubts), tuple(filter(None, about)), _identity(body, said))


def _when(said: Mapping[str, str]) -> str:
    """Returns the time as it is written, but for a remark behind it."""
    text = (said.get("timestamp") or said.get("date", "")).partition(" (")[0]
    return _DASHED_TIME.sub(r"\1:\2:\3", text)


def _time_of(said: str, otherwise: str, doubts: list[str]) -> Moment | None:
    """Returns the time that is `said`, or `otherwise` the one of a name, with a doubt."""
    at = parse_time(said)
    if at is None:
        at = parse_time(_DASHED_TIME.sub(r"\1:\2:\3", otherwise))
        words = f", so it is dated by {otherwise}" if at else ""
        doubts.append(f"it has no timestamp that can be read{words}")
    return at


def _identity(body: Mapping[str, Any], said: Mapping[str, str]) -> str:
    """Returns what tells one handoff from another; "" where it has neither a cycle nor a time."""
    when = _when(said)
    moment = parse_time(when)
    cycle, time = _word(body["cycle"]), moment.at if moment else _word(when)
    if not (cycle or time):
        return ""
    people = (_agent_word(body["from"]), _agent_word(body["to"]))
    return "\n".join((*people, cycle, time, _word(body.get("stage") or body.get("stage_said", ""))))


def _agent_word(name: str) -> str:
    """Returns the first word of an agent's name: claude, claude_code and Claude Code are one."""
    return next(iter(re.findall(r"[a-z0-9]+", name.lower())), "")


def _metadata(text: str, *, anywhere: bool) -> Mapping[str, str]:
    """Returns the fields below the heading of that name; without one, if allowed, those below the title."""
    text = "\n".join(text.splitlines())
    heading = _METADATA.search(text)
    if heading is None and not anywhere:
        return {}
    block = text[heading.end() :] if heading else text
    ends = [found.start() for found in islice(_HEADING.finditer(block), 2)]
    end = ends[:1] if heading else ends[1:]
    block = block[: end[0]] if end else block
    block = _ROW.sub(lambda row: f"{row[1].strip()}: {row[2].strip()}", block)
    fields = _FIELD.findall(block)
    return {key.strip().lower(): value.strip().strip("*_`").strip() for key, value in reversed(fields)}


def _add_stage(body: dict[str, Any], said: str, doubts: list[str]) -> None:
    """Adds the stage that is `said`: of several, as in "Tasks → Implementation", the one it leads to."""
    word = _short(said)
    stages = [each for each in re.findall(r"[a-z]+", word.lower()) if each in STAGES]
    if stages:
        body["stage"] = stages[-1]
    if word and word.lower() not in stages:
        body["stage_said"] = word
    if word and not stages:
        doubts.append(f"its stage is {word!r}, which is no stage")


def governance_story(data: bytes) -> Story | None:
    """Reads governance state; None if `data` is none."""
    raw = json_object(data)
    if isinstance(raw, str) or not _STATE_KEYS & raw.keys():
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
    last = raw.get("last_handoff")
    last = last if isinstance(last, dict) else {"timestamp": last}
    at = parse_time(last.get("timestamp")) or parse_time(raw.get("last_checked"))
    about = (text_of(last.get("project")), text_of(last.get("session")))
    return Story(body, at, tuple(doubts), tuple(filter(None, about)), json.dumps(state, sort_keys=True))


def document_of_state(data: bytes) -> str:
    """Returns the path of the handoff document that governance state names last; "" if it names none."""
    raw = json_object(data)
    last = raw.get("last_handoff") if isinstance(raw, dict) else None
    return text_of(last.get("handoff_document")) if isinstance(last, dict) else ""


def _plain(value: object) -> str | bool | None:
    if value is None or isinstance(value, bool):
        return value
    return _short(value if isinstance(value, str) else encodable(json.dumps(value, ensure_ascii=True)))


def _short(text: str) -> str:
    return one_line(text)[:_LONGEST]


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


class Taken(NamedTuple):
    """A registry as it was read, and sentences about what could not be taken over."""

    registry: AgentRegistry
    doubts: tuple[str, ...]


def taken_registry(data: bytes) -> Taken:
    """Returns the registry in `data`; an empty one with a doubt where there is none."""
    if len(data) > MAX_ARTIFACT_BYTES:
        return Taken(
            AgentRegistry(), (f"it is larger than {MAX_ARTIFACT_BYTES:,} bytes: it is not taken over",)
        )
    raw = json_object(data)
    if isinstance(raw, str):
        return Taken(AgentRegistry(), (raw,))
    doubts: list[str] = []
    agents: dict[str, Agent] = {}
    for entry in _entries(raw, "agents", doubts):
        agent = _agent(entry, doubts)
        if agent is None or agent.id in agents:
            doubts.append(f"an agent has no id, or that of another one: {_shown(entry)}")
        else:
            agents[agent.id] = agent
    names = mapped_names("agent", agents)
    doubts += [f"agent {old!r} is called {new!r} now" for old, new in names.items() if old != new]
    rules = [_rule(entry, names, doubts) for entry in _entries(raw, "handoff_rules", doubts)]
    known = tuple({rule.key: rule for rule in rules if rule is not None}.values())
    called = tuple(agent._replace(id=names[agent.id]) for agent in agents.values())
    return _checked(AgentRegistry(called, known), doubts)


def _checked(registry: AgentRegistry, doubts: list[str]) -> Taken:
    """Returns `registry` as far as one event takes it; doubts what the rules for registries refuse."""
    try:
        check_changes(registry_changes(AgentRegistry(), registry))
    except InvalidRegistryError as error:
        return Taken(AgentRegistry(), (*doubts, f"it is not taken over: {error.message}"))
    return Taken(registry, (*doubts, *(trouble.message for trouble in registry_troubles(registry))))


def registry_changes(before: AgentRegistry, wanted: AgentRegistry) -> list[dict[str, Any]]:
    """Returns the changes that add all of `wanted` to `before`; what it has stays as it is."""
    agents = [agent for agent in wanted.agents if before.agent(agent.id) is None]
    known = {rule.key for rule in before.handoff_rules}
    rules = [rule for rule in wanted.handoff_rules if rule.key not in known]
    return [
        *({"action": ADD, "agent": agent_to_dict(agent)} for agent in agents),
        *({"action": ADD_RULE, "rule": rule_to_dict(rule)} for rule in rules),
    ]


def _entries(raw: Mapping[str, Any], key: str, doubts: list[str]) -> list[Any]:
    found = raw.get(key, [])
    if isinstance(found, list):
        return found
    doubts.append(f"{key} is no list")
    return []


def _agent(raw: object, doubts: list[str]) -> Agent | None:
    agent_id = text_of(raw.get("id")) if isinstance(raw, dict) else ""
    if not isinstance(raw, dict) or not agent_id:
        return None
    stages = [text_of(stage).lower() for stage in list_of(raw.get("stages"))]
    doubts += [f"agent {agent_id}: there is no stage {stage!r}" for stage in stages if stage not in STAGES]
    return Agent(
        agent_id,
        _cut(raw.get("role"), agent_id, doubts),
        tuple(dict.fromkeys(stage for stage in stages if stage in STAGES)),
        tuple(filter(None, (_cut(each, agent_id, doubts) for each in list_of(raw.get("capabilities"))))),
        _one_of(MODES, raw.get("mode"), IMPLEMENTATION, f"agent {agent_id}: mode", doubts),
        _one_of(PROTOCOLS, raw.get("handoff_protocol"), MANUAL, f"agent {agent_id}: protocol", doubts),
    )


def _rule(raw: object, names: Mapping[str, str], doubts: list[str]) -> HandoffRule | None:
    said = raw if isinstance(raw, dict) else {}
    from_stage, to_stage = (text_of(said.get(key)).lower() for key in ("from_stage", "to_stage"))
    from_agent, to_agent = (text_of(said.get(key)) for key in ("from_agent", "to_agent"))
    if not {from_stage, to_stage} <= set(STAGES) or not {from_agent, to_agent} <= names.keys():
        doubts.append(f"a rule names a stage or an agent that is not there: {_shown(raw)}")
        return None
    approval = said.get("requires_approval") is True
    return HandoffRule(from_stage, to_stage, names[from_agent], names[to_agent], approval)


def _one_of(known: tuple[str, ...], value: object, default: str, what: str, doubts: list[str]) -> str:
    word = text_of(value).lower()
    if word and word not in known:
        doubts.append(f"{what} {word!r} is not one of {', '.join(known)}; it is {default} now")
    return word if word in known else default


def _cut(value: object, agent_id: str, doubts: list[str]) -> str:
    text = text_of(value)
    if len(text) > MAX_TEXT:
        doubts.append(f"agent {agent_id}: a text of {len(text):,} characters was cut to {MAX_TEXT}")
    return text[:MAX_TEXT]


def _shown(value: object) -> str:
    return one_line(repr(value))[:120]
