"""What a door asks about a push, and what the judge says: values that travel between processes as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from idse_orchestrator.base.records import NamedTuple

READ, PUSH, CREATE, APPROVE, ADOPT = "read", "push", "create", "approve", "adopt"
SCOPES = (READ, PUSH, CREATE, APPROVE, ADOPT)
"""What a key may do: fetch, push, make a repository by a first push, let waivers count, bring old ledgers."""


MIRROR = "mirror"
"""What no key may do, and an import of a mirror does: bring what breaks a promise. It is recorded."""


class Caller(NamedTuple):
    """Whose key it is, for one request. Looked up anew each time, so that a revoked key is gone at once.

    `client` is "" for an operator's key. `repositories` and `projects` limit it; empty: to none. `agent` is
    the agent it belongs to; "" : a person.
    """

    key_id: str
    client_id: str
    client: str
    name: str
    scopes: tuple[str, ...]
    emails: tuple[str, ...] = ()
    agent: str = ""
    repositories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()


class Question(NamedTuple):
    """A push to judge. `moves` are (ref, old, new), ids or "" where there is none.

    `objects` is the quarantine; "" : all is in the store. `home` is where rules and caches stand.
    `certificate` is "" or what git says of the push's signature (``%G?`` letter) and of its challenge, and
    its signer.
    """

    git_dir: str
    objects: str
    moves: tuple[tuple[str, str, str], ...]
    caller: Caller
    home: str
    today: str
    is_first: bool = False
    certificate: str = ""


OWN = "G OK the Agency itself"
"""The certificate of a push that the server makes to test itself, so that a policy does not stop it."""


class Refusal(NamedTuple):
    """Why a ref is refused: a rule or a defect's code, in words, and what to type next."""

    ref: str
    code: str
    message: str
    fix: str = ""


class Verdict(NamedTuple):
    """What is refused; nothing: the push is good. `recorded` is what came in without counting."""

    refused: tuple[Refusal, ...]
    recorded: tuple[Refusal, ...] = ()


def question_to_json(question: Question) -> bytes:
    """Returns the question as one line of JSON."""
    return json.dumps(question).encode() + b"\n"


def question_from_json(data: bytes) -> Question:
    """Returns the question; ValueError or TypeError where it is none."""
    git_dir, objects, moves, caller, *rest = json.loads(data)
    parts: list[Any] = [tuple(part) if isinstance(part, list) else part for part in caller]
    rows = tuple((str(ref), str(old), str(new)) for ref, old, new in moves)
    return Question(git_dir, objects, rows, Caller(*parts), *rest)


def verdict_to_json(verdict: Verdict) -> bytes:
    """Returns the verdict as one line of JSON."""
    return json.dumps({"refused": verdict.refused, "recorded": verdict.recorded}).encode() + b"\n"


def verdict_from_json(data: bytes) -> Verdict:
    """Returns the verdict; ValueError, KeyError or TypeError where it is none."""
    found: Mapping[str, list[list[str]]] = json.loads(data)
    refused, recorded = (tuple(Refusal(*row) for row in found[key]) for key in ("refused", "recorded"))
    return Verdict(refused, recorded)


_SHOWN = 20


def words_of(verdict: Verdict) -> list[str]:
    """Returns what the client is shown: a line for each culprit, then how to mend it."""
    lines = []
    for refusal in verdict.refused[:_SHOWN]:
        culprit = f"refused {refusal.ref}: " if refusal.ref else ""
        lines.append(f"{culprit}error[{refusal.code}] {_one_line(refusal.message)}")
        if refusal.fix:
            lines.append(f"  {_one_line(refusal.fix)}")
    lines += [f"refused {refusal.ref}: error[{refusal.code}]" for refusal in verdict.refused[_SHOWN:]]
    return lines


def _one_line(text: str) -> str:
    return " ".join(text.split())
