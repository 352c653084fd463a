"""What two people do with one theme of idse, at once: chapters of `make_bundle.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

    from clones import Clone

TEXT = "Amounts of money are kept as whole cents"
STAGES = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
PATHS = {"implementation": "implementation/README.md", "feedback": "feedback/feedback.md"}


def agents(ann: Clone, bob: Clone) -> None:
    """The registry, and what two people change in it at once."""
    ann.idse(
        "agents", "add", "claude", "--stage", "spec", "--can", "write", "--mode", "planning", "-m", "new"
    )
    ann.idse("agents", "set", "claude", "--protocol", "automatic", "--role", "architect")
    for name in ("codex", "gemini", "gone", "odd"):
        ann.idse("agents", "add", name, "--stage", "plan")
    ann.idse("agents", "rule", "add", "spec", "claude", "plan", "codex")
    ann.idse("agents", "rule", "add", "spec", "claude", "tasks", "gemini", "--requires-approval")
    ann.idse("agents", "rule", "add", "plan", "codex", "spec", "gone")
    ann.house.settle(ann, bob)
    ann.idse("agents", "remove", "gone", "--with-rules", "-m", "it left")
    bob.idse("agents", "set-role", "gone", "mason")
    bob.idse("agents", "rule", "add", "plan", "codex", "tasks", "gone")
    ann.idse("agents", "set-role", "codex", "builder")
    bob.idse("agents", "set-mode", "codex", "planning")
    ann.idse("agents", "add", "cursor", "--before", "claude")
    bob.idse("agents", "add", "Cursor")
    bob.idse("agents", "move", "gemini")
    ann.idse("agents", "rule", "add", "tasks", "codex", "implementation", "gemini")
    bob.idse("agents", "rule", "add", "implementation", "gemini", "tasks", "codex")
    bob.idse("agents", "rule", "add", "spec", "claude", "plan", "codex", "--requires-approval")
    for clone in (ann, bob):
        clone.idse("agents", "rule", "remove", "spec", "claude", "tasks", "gemini")
        clone.idse("agents", "remove", "odd")
    registry = json.loads(bob.idse("agents", "list", "--json"))["data"]
    taken = {"agents": registry["agents"][:-1], "handoff_rules": []}
    bob.house.settle(ann, bob)
    bob.idse("agents", "import", "-", "--replace", "-m", "anew", stdin=json.dumps(taken))
    ann.idse("agents", "rule", "add", "spec", "claude", "plan", "codex")
    ann.idse("agents", "rule", "add", "spec", "claude", "tasks", "gemini", "--requires-approval")
    ann.append("portal", "assigned", {"action": "order", "agents": ["codex"], "reason": "alone, not of many"})
    bob.append("portal", "created", {"project": "portal", "stack": "Python 3"})
    bob.append("portal", "described", {"settings": {"gate": {"strict": True}, "language": "de"}})
    fields = {"stages": ["tasks"], "capabilities": ["count"]}
    change = {"action": "set", "agent": "codex", "fields": fields, "reason": "one of many"}
    ann.append("portal", "assigned", {"changes": [change, {"action": "remove", "agent": "nobody"}]})
    ann.append("portal", "validated", {"status": "unknown", "constitution": ""})


def stages(ann: Clone, bob: Clone, documents: pathlib.Path) -> None:
    """All seven stages, and moves that two people make at once: some do not apply after the merge."""
    texts = {path: (documents / path).read_text() for path in (PATHS.get(s, f"{s}.md") for s in STAGES)}
    good = {path: text.replace("- [ ]", "- [x]") for path, text in texts.items()}
    for session in ("portal/login", "portal/pay"):
        ann.edit(session, dict(good), "all documents")
    for number, stage in enumerate(STAGES):
        if number:
            ann.idse("stage", "start", stage, "--session", "portal/login")
        ann.idse(
            "stage", "complete", stage, "--session", "portal/login", agent="claude" if stage == "spec" else ""
        )
        ann.commit(f"{stage} is complete")
    ann.idse("stage", "complete", "intent", "--session", "portal/pay")
    ann.house.settle(ann, bob)
    for clone in (ann, bob):
        clone.idse("restore", "portal/login", "--force")
        clone.idse("restore", "portal/pay", "--force")
        clone.idse("stage", "start", "context", "--session", "portal/pay")
    ann.idse("stage", "complete", "context", "--session", "portal/pay")
    bob.idse("stage", "complete", "context", "--session", "portal/pay")
    bob.idse("stage", "reopen", "context", "--session", "portal/pay", "-m", "not yet")
    ann.idse("stage", "reopen", "intent", "--session", "portal/login", "-m", "a new aim")
    ann.put("portal/login", {"intent.md": good["intent.md"] + "\nMore.\n"})
    ann.idse("stage", "complete", "intent", "--session", "portal/login")
    ann.idse("stage", "confirm", "context", "--session", "portal/login", "-m", "it still holds")
    bob.idse("stage", "reopen", "context", "--session", "portal/login", "-m", "in doubt")
    bob.idse("stage", "reopen", "feedback", "--session", "portal/login", "-m", "more to say")
    ann.idse("stage", "reopen", "feedback", "--session", "portal/login", "-m", "more to say, too")
    ann.house.settle(ann, bob)


def handoffs(ann: Clone, bob: Clone) -> None:
    """Asked for by rules and by people, approved, accepted, rejected, and answered twice."""
    there = ("--session", "portal/login")
    asked = {
        each["to"]: each["id"]
        for each in json.loads(ann.idse("handoff", "list", *there, "--json"))["data"]["handoffs"]
    }
    ann.idse("handoff", "approve", asked["gemini"], *there)
    ann.idse("handoff", "accept", asked["gemini"], *there, agent="gemini")
    ann.idse("handoff", "accept", asked["codex"], *there, agent="codex")
    bob.idse("handoff", "reject", asked["codex"], *there, "-m", "no time", agent="codex")
    ann.idse(
        "handoff",
        "request",
        "--to",
        "codex",
        "--stage",
        "tasks",
        "-m",
        "go on\nin two lines",
        "--session",
        "portal/pay",
    )
    bob.idse(
        "handoff",
        "request",
        "--to",
        "codex",
        "--stage",
        "tasks",
        "-m",
        "go on, too",
        "--session",
        "portal/pay",
    )
    ann.house.settle(ann, bob)
    bob.idse("handoff", "reject", "--session", "portal/pay", "-m", "taken back")
    ask = {
        "action": "request",
        "stage": "plan",
        "from": "",
        "to": "claude",
        "after": "spec",
        "approval": True,
    }
    ann.append("portal/pay", "handoff", {**ask, "reason": "open to the end"})
    ann.append("portal/pay", "handoff", {"from": "a", "to": "b", "cycle": "7", "reason": "a story"})
    bob.append("portal/pay", "handoff", {**ask, "stage": "spec", "approval": False}, agent="gemini")
    for clone in (ann, bob):
        clone.idse("agents", "assign", "spec", "claude", "--session", "portal/pay", "-m", "it knows how")
    bob.idse("agents", "assign", "spec", "--nobody", "--session", "portal/pay")
    ann.idse("agents", "assign", "implementation", "codex", "--session", "portal/pay")
    ann.house.settle(ann, bob)
    waits = next(
        each
        for each in json.loads(ann.idse("handoff", "list", "--session", "portal/pay", "--json"))["data"][
            "handoffs"
        ]
        if each["approval"]
    )
    ann.idse("handoff", "approve", waits["id"], "--session", "portal/pay")


def rules(ann: Clone, bob: Clone) -> None:
    """Waivers, for ever and until a day, withdrawn by another one; verdicts."""
    for clone in (ann, bob):
        clone.idse("rule", "waive", "IDSE302", "--session", "portal/pay", "-m", f"so says {clone.name}")
    ann.idse(
        "rule", "waive", "IDSE301", "--session", "portal/pay", "-m", "for years", "--until", "2099-12-31"
    )
    ann.idse("rule", "waive", "IDSE801", "--session", "portal/login", "-m", "none of ours")
    ann.put("portal/login", {"intent.md": "changed after it was complete\n"})
    ann.idse("validate", "portal/login", "--record", code=1)
    ann.house.settle(ann, bob)
    bob.idse("rule", "unwaive", "IDSE801", "--session", "portal/login", "-m", "we do have some")
    bob.idse("restore", "portal/pay", "--force")
    bob.idse("validate", "portal/pay", "--record")


def words(ann: Clone, bob: Clone) -> None:
    """What is said of a session, the archive, and parts that no command writes."""
    for name in ("files", "gone", "back", "odd"):
        ann.idse("session", "new", name, "--parent", "login")
    ann.house.settle(ann, bob)
    ann.idse(
        "session",
        "set",
        "portal/pay",
        "--title",
        "by Ann",
        "--tag",
        "money",
        "--tag",
        "ünï",
        "--status",
        "review",
    )
    bob.idse("session", "set", "portal/pay", "--title", "by Bob", "--owner", "bob")
    for clone in (ann, bob):
        clone.idse("session", "archive", "gone", "-m", f"{clone.name} is done")
    ann.idse("session", "archive", "back", "-m", "too early")
    bob.edit("portal/back", {"spec.md": "# Spec\n\nedited while it went into the archive\n"})
    ann.idse("session", "archive", "back", "--undo", "-m", "after all")
    odd = "portal/odd"
    free = {
        "float": 0.1,
        "big": 10**20,
        "less": -0.0,
        "tiny": 1e-7,
        "none": None,
        "signs": '\u2028\x00\x7f"\\/é😀',
    }
    ann.append(odd, "edited", {"changed": ["spec.md"], "code": "0" * 40, "source": "commit", "free": free})
    ann.append(odd, "created", {"project": "portal", "session": "odd", "type": "feature", "reason": "again"})
    for status in ("draft", "review", "complete", "archived", "active"):
        ann.append(odd, "described", {"status": status, "reason": f"it is {status}"})
    ann.append(odd, "assigned", {"action": "remove", "agent": "codex"}, agent="a name, with ünï")
    ann.append(
        odd,
        "validated",
        {"status": "unknown", "constitution": "", "reason": "when"},
        at="2156-02-29T00:00:00+00:00",
    )
    ann.append(odd, "edited", {"changed": {"a": None}, "reason": "z\n" * 300}, at="1920-01-01T00:00:00+00:00")
    seal = {"stage": "plan", "action": "confirm", "from": "complete", "to": "complete"}
    ann.append(odd, "stage", {**seal, "artifact": "", "upstream": {"spec": ""}, "reopens": {}})
    ann.append(odd, "edited", {"changed": {"spec.md": None}}, **{"only.md": "the only file\n"})


def claims(ann: Clone, bob: Clone) -> None:
    """Declared, promoted, borne out by more, taken back; and all of that at once in two clones."""
    first = ann.git("rev-parse", "refs/idse/sessions/portal/odd")
    ann.say("portal/early", "2026-01-01", spec=f"# Spec\n\n## Functional Requirements\n\n- {TEXT}\n")
    ann.say("portal/late", "2026-01-14", plan=f"# Plan\n\n## Constraints\n\n- {TEXT}\n")
    ann.idse("blueprint", "declare", TEXT, "--section", "constraints")
    claim = json.loads(ann.idse("blueprint", "claims", "--json"))["data"]["claims"][0]["id"]
    ann.house.settle(ann, bob)
    ann.idse("blueprint", "promote", claim)
    bob.idse("blueprint", "promote", claim)
    bob.say("portal/late", "2026-02-14", plan="# Plan\n", tasks=f"# Tasks\n\n- {TEXT}\n")
    bob.idse("blueprint", "reinforce", claim)
    for clone in (ann, bob):
        clone.idse("blueprint", "declare", "Logs are kept for ninety days")
        clone.idse("blueprint", "declare", f"{clone.name} declares something")
    ann.house.settle(ann, bob)
    bob.idse("blueprint", "demote", claim, "-m", "interest needs fractions")
    bob.idse("blueprint", "promote", claim, "-m", "it does not after all")
    ann.idse("blueprint", "demote", claim, "-m", "not for us")
    ann.idse("blueprint", "reinforce", claim, code=2)
    blueprint = "portal/__blueprint__"
    borne = [{"session": "odd", "stage": "spec", "commit": first, "blob": "0" * 40}]
    bob.append(blueprint, "claimed", {"action": "reinforce", "claim": claim, "evidence": borne})
    bob.append(blueprint, "claimed", {"action": "promote", "claim": "c-0000000000", "evidence": borne})
    for clone in (ann, bob):
        clone.idse("restore", blueprint, "--force")
        clone.put(blueprint, {"blueprint.md": f"# Ours\n\nWords of {clone.name}.\n"})
        clone.idse("blueprint", "claims", "--write")
        clone.idse("save", blueprint)
    ann.house.settle(ann, bob)
