"""Judges the edits of agents, and speaks with their hooks: reads a call, and makes the answer to it.

The gate is that of `idse stage start`, asked before the edit.

In this order:

1. what idse writes itself (ledgers, views) is edited by nobody;
2. an agent in planning mode writes under ``.idse/`` only;
3. a stage's document waits for the stage before it, and a complete one is reopened first;
4. code that would be out of place, as IDSE404 has it: the setting ``misplaced-code`` says what is answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from idse_orchestrator.agents.hook_settings import BEFORE_EDIT, CODEX, SESSION_START
from idse_orchestrator.agents.registry import PLANNING
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import (
    IMPLEMENTATION,
    STAGE_OF,
    STORE_FOLDER,
    WORKSPACE,
    project_of,
    split_session_path,
)
from idse_orchestrator.pipeline.stage_machine import (
    LATE,
    REOPEN,
    START,
    UNMAPPED,
    misplaced_code,
    out_of_order,
    refusal,
)
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, PENDING, Same, SessionState

ALLOW = "allow"
WARN = "warn"
ASK = "ask"
DENY = "deny"
ANSWERS = (ALLOW, WARN, ASK, DENY)
"""From the weakest to the strongest: go on; go on, and be told; a person decides; no."""


_MOST_REASONS = 5


class Verdict(NamedTuple):
    """An answer about one file, the reason for it, and what to type instead."""

    answer: str
    why: str = ""
    fix: tuple[str, ...] = ()


ALLOWED = Verdict(ALLOW)

_OWN_FOLDERS = (f"{STORE_FOLDER}/", f"{WORKSPACE}/local/")
_PACKED = "packed-refs"
_INSTEAD = {
    "CURRENT_SESSION": ("idse switch NAME",),
    "session_state.json": ("idse stage start STAGE", "idse stage complete STAGE", "idse session set"),
    "agent_registry.json": ("idse agents list", "idse agents add ID"),
}
"""Name of a file that idse writes from the ledgers, to what changes the truth behind it."""


def judge_written_by_idse(path: str) -> Verdict:
    """Denies `path`, relative to the repository's top, where it is a view, or a ledger outside of git."""
    if path.startswith(_OWN_FOLDERS):
        return Verdict(DENY, f"{path} is written by idse alone", ("idse next",))
    project = project_of(path)
    name = path.rpartition("/")[2]
    if project is None or name not in _INSTEAD or path.count("/") != 3:
        return ALLOWED
    return Verdict(DENY, f"{path} is a view: idse writes it from the ledger", _INSTEAD[name])


def judge_git_directory(inner: str) -> Verdict:
    """Denies `inner`, a path relative to the git directory, where idse keeps its own things."""
    own = ("refs/idse", "refs/worktree/idse", "logs/refs/idse", "idse")
    if any(inner == place or inner.startswith(place + "/") for place in own):
        return Verdict(DENY, f"{inner} in the git directory is written by idse alone", ("idse next",))
    if inner == _PACKED:
        why = f"{inner} in the git directory holds the refs of ledgers, and is written by git alone"
        return Verdict(DENY, why, ("idse next",))
    return ALLOWED


def judge_mode(agent: str, mode: str, path: str) -> Verdict:
    """Denies what an agent in `mode` may not write; "" is a mode that nobody set."""
    if mode != PLANNING or path.startswith(f"{WORKSPACE}/"):
        return ALLOWED
    return Verdict(
        DENY,
        f"agent {agent!r} is in planning mode and writes under {WORKSPACE}/ only, not {path}",
        (
            "idse agents route implementation  # says who writes code",
            f"idse agents set-mode {agent} implementation  # a person decides that",
        ),
    )


def artifact_of(path: str) -> tuple[str, str, str] | None:
    """Returns (project, session, stage) of the stage whose document stands at `path`.

    None for any other path.
    """
    own = split_session_path(path)
    if own is None or own[2] not in STAGE_OF:
        return None
    return own[0], own[1], STAGE_OF[own[2]]


def judge_artifact(state: SessionState, blobs: Mapping[str, str], stage: str, same: Same) -> Verdict:
    """Denies an edit of the document of `stage` that the session's `state` and documents' `blobs` forbid."""
    status = state.stages[stage].status
    if state.is_at_rest:
        refused = refusal(state, blobs, stage, START, same)
    else:
        refused = out_of_order(state, blobs, stage, same)
    if refused is not None:
        why = (
            refused.message if refused.code != "IDSE401" else f"not yet: {refused.message} ({refused.cause})"
        )
        return Verdict(DENY, why, refused.fix)
    if status == COMPLETE:
        again = f'idse stage {REOPEN} {stage} -m "why"'
        return Verdict(
            DENY, f"stage `{stage}` is complete, and that is a promise about its document", (again,)
        )
    if status == PENDING:
        return Verdict(WARN, f"stage `{stage}` is not started yet", (f"idse stage {START} {stage}",))
    return ALLOWED


def judge_code(state: SessionState, answer: str, branch: str = "") -> Verdict:
    """Returns `answer`, where code is edited out of place: as the session's `state` has it, or on a `branch`.

    That is one that belongs to no session while others do; "" for none such.
    """
    name = f"{state.project}/{state.session}"
    why = misplaced_code(state, is_unmapped=bool(branch))
    if answer == ALLOW or not why:
        return ALLOWED
    if why == UNMAPPED:
        fix = (f"idse switch {name} --branch", "git switch BRANCH")
        return Verdict(answer, f"branch {branch} belongs to no session", fix)
    if why == LATE:
        fix = (f'idse stage {REOPEN} {IMPLEMENTATION} -m "why"', "idse spawn NAME --branch")
        return Verdict(answer, f"session {name} is complete: code comes too late for it", fix)
    words = f"session {name} has not started `{IMPLEMENTATION}`: no code before its plan"
    return Verdict(answer, words, ("idse next", f"idse stage {START} {IMPLEMENTATION}"))


def strongest(verdicts: list[Verdict]) -> Verdict:
    """Returns one answer for all files of an edit: the strongest, with the first reasons for it."""
    answer = max((each.answer for each in verdicts), key=ANSWERS.index, default=ALLOW)
    same = dict.fromkeys(each for each in verdicts if each.answer == answer and each.why)
    shown = list(same)[:_MOST_REASONS]
    fix = dict.fromkeys(line for each in shown for line in each.fix)
    more = [f"and {len(same) - len(shown)} more"] if len(same) > len(shown) else []
    return Verdict(answer, "; ".join([*(each.why for each in shown), *more]), tuple(fix))


NOTHING: Mapping[str, Any] = {}
"""The answer that changes nothing."""

_PATHS = ("file_path", "notebook_path")
_PATCH = re.compile(r"^[^\S\n]*\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.*\S)", re.MULTILINE)
"""Codex takes blanks in front for nothing, too; so a line of context that reads like this is judged along."""


class Piece(NamedTuple):
    """A piece of a file that an edit replaces: once, or `everywhere`."""

    old: str
    new: str
    everywhere: bool = False


class AgentCall(NamedTuple):
    """One call: `paths` are the files it is about, as the agent wrote them; relative ones start at `folder`.

    `conversation` is the agent's own name for its session; `again`: it goes on because a hook asked it to.
    Of an edit, `content` is all that the file will hold, or `pieces` are what it replaces.
    """

    folder: str = ""
    paths: tuple[str, ...] = ()
    conversation: str = ""
    again: bool = False
    content: str | None = None
    pieces: tuple[Piece, ...] = ()

    def after(self, before: str) -> str | None:
        """Returns what the one file of the call will hold, which holds `before` now; None where unknown."""
        if self.content is not None or len(self.paths) != 1 or not self.pieces:
            return self.content if len(self.paths) == 1 else None
        for piece in self.pieces:
            if not piece.old or piece.old not in before:
                return None
            before = before.replace(piece.old, piece.new, -1 if piece.everywhere else 1)
        return before


def read_call(data: bytes) -> AgentCall:
    """Returns the call in `data`; whatever is not as documented is left out, so garbage is an empty call."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        return AgentCall()
    if not isinstance(raw, dict):
        return AgentCall()
    asked = raw.get("tool_input")
    content = asked.get("content") if isinstance(asked, dict) else None
    return AgentCall(
        _text(raw, "cwd"),
        _paths(raw),
        _text(raw, "session_id")[:200],
        raw.get("stop_hook_active") is True,
        content if isinstance(content, str) else None,
        tuple(_pieces(raw, asked)) if isinstance(asked, dict) else (),
    )


def answer_start(briefing: str) -> Mapping[str, Any]:
    """Returns the answer at the start of an agent's session: what it should know."""
    return {"hookSpecificOutput": {"hookEventName": SESSION_START, "additionalContext": briefing}}


def answer_undecided(what: str, cause: str | None, fix: Sequence[str]) -> Mapping[str, Any]:
    """Returns the answer at the start where no session can be named: what to choose or to bring first."""
    return answer_start(_sentence(f"{what} ({cause})" if cause else what, fix))


def answer_edit(agent: str, verdict: Verdict) -> Mapping[str, Any]:
    """Returns the answer before an edit. To allow is to say nothing: the agent's permissions still count."""
    words = _sentence(verdict.why, verdict.fix)
    if verdict.answer == WARN:
        output = {"hookEventName": BEFORE_EDIT, "additionalContext": words}
        return {"systemMessage": words, "hookSpecificOutput": output}
    if verdict.answer not in (ASK, DENY):
        return NOTHING
    decision = DENY if agent == CODEX else verdict.answer
    return {
        "hookSpecificOutput": {
            "hookEventName": BEFORE_EDIT,
            "permissionDecision": decision,
            "permissionDecisionReason": words,
        }
    }


def answer_stop(reason: str) -> Mapping[str, Any]:
    """Returns the answer that has an agent go on, because of `reason`."""
    return {"decision": "block", "reason": reason}


def answer_trouble(words: str) -> Mapping[str, Any]:
    """Returns the answer where nothing could be judged: the agent goes on, and the person is told."""
    return {"systemMessage": f"idse: {words}"}


def _sentence(why: str, fix: Sequence[str]) -> str:
    return f"idse: {why}. To go on: " + "  or  ".join(fix) if fix else f"idse: {why}"


def _paths(raw: Mapping[str, Any]) -> tuple[str, ...]:
    asked = raw.get("tool_input")
    if not isinstance(asked, dict):
        return ()
    found = [_text(asked, name) for name in _PATHS]
    if raw.get("tool_name") == "apply_patch":
        found += _PATCH.findall(_text(asked, "command"))
    return tuple(dict.fromkeys(path for path in found if path and "\0" not in path))


def _pieces(raw: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[Piece]:
    if raw.get("tool_name") == "apply_patch":
        yield from _hunks(_text(asked, "command"))
        return
    several = asked.get("edits")
    for each in several if isinstance(several, list) else [asked]:
        if isinstance(each, dict) and "old_string" in each:
            yield Piece(_text(each, "old_string"), _text(each, "new_string"), each.get("replace_all") is True)


def _hunks(patch: str) -> Iterator[Piece]:
    """Yields what each part of a patch takes away and puts there, with the lines around it."""
    old, new = "", ""
    for line in (*patch.split("\n"), "@@"):
        if line[:1] in (" ", "-"):
            old += line[1:] + "\n"
        if line[:1] in (" ", "+"):
            new += line[1:] + "\n"
        if line[:1] not in (" ", "-", "+") and old + new:
            yield Piece(old, new)
            old, new = "", ""


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
