"""Makes `b729234.bundle` and what is noted of it: ledgers with every feature, written by commit b729234.

It runs once, with that code and no other, and never in a test:

    git archive b729234 | tar -x -C TREE
    PYTHONPATH=TREE/src python tests/format/make_bundle.py TREE tests/format

TREE is an empty folder, python one that has what b729234 depends on. The file system has to tell `a` from
`A`. Ids, dates and the order of events of one moment differ from run to run; that is why the bundle is kept.

Four people work in clones that sync through an Agency, or through bare repositories that hold what
somebody had at some moment: so histories meet in any order. Each chapter below is one feature.
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
import tempfile

from clones import ALL, Clone, House
from folders import ANN, BASE, BOB, LINES
from noted import lines, log, summary
from sources import old_folder, old_repository

from idse_orchestrator.domain.commit_note import note_text

NAME = "b729234"
TEXT = "Amounts of money are kept as whole cents"
STAGES = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
PATHS = {"implementation": "implementation/README.md", "feedback": "feedback/feedback.md"}


def beginning(house: House) -> list[Clone]:
    """One project that two people began by themselves: its ledgers have no common ancestor."""
    ann, dee = house.clone("ann"), house.clone("dee")
    for clone in (ann, dee):
        clone.idse("init", "portal", "--stack", f"Python of {clone.name}")
        clone.idse("sync", "setup", str(house.agency))
        clone.idse("session", "new", "pay", "--title", f"Paying, says {clone.name}", "--owner", clone.name)
    ann.idse("spawn", "login", "--type", "exploratory", "--title", "Log in: ünï ✓", "--parent", "pay")
    ann.commit("begin", portal="print('portal')\n")
    house.settle(ann, dee)
    return [ann, house.clone("bob", ann), house.clone("cy", ann), dee]


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


def documents(ann: Clone, bob: Clone) -> None:
    """Every way in which two folders can fall out with each other, and then once more upon the result."""
    ann.edit("portal/files", BASE)
    ann.house.settle(ann, bob)
    ann.edit("portal/files", ANN)
    bob.edit("portal/files", BOB)
    ann.house.settle(ann, bob)
    ann.edit("portal/files", {"Notes of all.md": "ann again\n", "long.txt": "short\n"})
    bob.edit("portal/files", {"notes OF all.md~": "bob again\n", "apart.md": None})
    for clone in (ann, bob):
        clone.append("portal/gone", "edited", {"changed": {}, "reason": "all of them"}, is_emptied=True)
    ann.house.settle(ann, bob)


def criss_cross(clones: list[Clone], session: str) -> None:
    """Each takes in what the others had at different moments: no merge is an ancestor of another one."""
    for clone in clones:
        clone.idse("sync", "pull")
    for turn in range(3):
        moments = []
        for moment in ("early", "late"):
            for number, clone in enumerate(clones):
                line = f"line {number + 3 * turn}"
                text = clone.text(session, "notes.md") + "\n"
                clone.edit(session, {"notes.md": text.replace(line, f"{clone.name} {moment} {line}")})
                clone.idse("session", "set", session, "--title", f"{clone.name} {moment} {turn}")
            moments.append([clone.snapshot() for clone in clones])
        early, late = moments
        for number, clone in enumerate(clones):
            clone.take(early[(number + 1) % 3], late[(number + 2) % 3])
    clones[0].house.settle(*clones)


def gossip(clones: list[Clone], session: str) -> None:
    """Short deeds in random order; now and then somebody takes in what another one has at that moment."""
    chance = random.Random(NAME)
    for clone in clones:
        clone.idse("sync", "pull")
    for number in range(60):
        clone = chance.choice(clones)
        deed = chance.randrange(5)
        if deed == 0:
            clone.append(session, "described", {"title": f"{number} by {clone.name}", "tags": [str(number)]})
        elif deed == 1:
            body = {"stage": chance.choice(STAGES), "from": "pending", "to": "in_progress", "reopens": {}}
            clone.append(session, "stage", {**body, "action": chance.choice(["start", "reopen"])})
        elif deed == 2:
            files = dict.fromkeys(chance.sample(["notes.md", "Plan.md", "plan"], 2), f"{number}\n{LINES}")
            clone.append(session, "edited", {"changed": {}}, **files)
        else:
            clone.take(chance.choice([each for each in clones if each is not clone]).snapshot())
    clones[0].house.settle(*clones)


def notes(ann: Clone, bob: Clone) -> None:
    """On commits of two clones, on one from both with words of people, on merges and amended commits."""
    bob.git("fetch", "-q", str(ann.path), "main")
    bob.git("reset", "-q", "--hard", "FETCH_HEAD")
    shared = ann.git("rev-parse", "main")
    for clone, stage in ((ann, "spec"), (bob, "plan")):
        clone.notes.write_many(
            {shared: f"{clone.name} was here\n\n" + note_text("portal/pay", stage, None, None)}, "idse: note"
        )
        clone.idse("restore", "portal/login", "--force")
        clone.put("portal/login", {f"{clone.name}.md": "words\n"})
        clone.git("add", f".idse/projects/portal/sessions/login/{clone.name}.md")
        clone.git("commit", "-q", "--no-verify", "-m", f"{clone.name} writes")
    bob.git("commit", "-q", "--no-verify", "--amend", "-m", "bob writes it better")
    ann.git("pull", "-q", "--no-verify", "--no-rebase", "--no-edit", str(bob.path), "main")
    ann.house.settle(ann, bob)


def migrations(ann: Clone, bob: Clone) -> None:
    """Two people take over the same sessions of an older tool; later both go on with them."""
    source, folder = old_repository(ann.house), old_folder(ann.house)
    for clone in (ann, bob):
        clone.idse("migrate", str(source))
        clone.idse("migrate", str(folder))
    ann.house.settle(ann, bob)
    for clone in (ann, bob):
        clone.edit("legacy/login", {"spec.md": f"# Spec\n\n{clone.name} goes on.\n"})
    ann.house.settle(ann, bob)


def more_projects(ann: Clone, bob: Clone) -> None:
    """A second project in one repository, and ledgers that were a folder of plain files for a while."""
    ann.idse("init", "shop")
    ann.idse("session", "new", "cart", "--project", "shop")
    ann.idse("agents", "add", "claude", "--stage", "spec", "--project", "shop")
    out = ann.house.folder / "plain"
    ann.idse("export", str(out))
    bob.idse("import", str(out))
    ann.house.settle(ann, bob)


def main(tree: str, out: str) -> None:
    """Write the bundle and its ids into the folder `out`."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(pathlib.Path(folder) / "house")
        ann, bob, cy, dee = clones = beginning(house)
        chapters = [
            lambda: agents(ann, bob),
            lambda: stages(
                ann, bob, pathlib.Path(tree) / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
            ),
            lambda: handoffs(ann, bob),
            lambda: words(ann, bob),
            lambda: rules(ann, bob),
            lambda: claims(ann, bob),
            lambda: documents(ann, bob),
            lambda: notes(ann, bob),
            lambda: migrations(ann, bob),
            lambda: more_projects(ann, bob),
            lambda: criss_cross([ann, bob, cy], "portal/files"),
            lambda: gossip([bob, cy, dee], "portal/odd"),
        ]
        for chapter in chapters:
            chapter()
        house.settle(*clones)
        sys.stdout.write(ann.idse("fsck") + "\n")
        whole = house.bare("whole.git")
        house.run(whole, "git", "fetch", "-q", str(ann.path), ALL, "refs/heads/main:refs/heads/main")
        house.run(whole, "git", "repack", "-adfq", "--depth=250", "--window=250")
        target = pathlib.Path(out).resolve()
        house.run(whole, "git", "bundle", "create", "-q", str(target / f"{NAME}.bundle"), "--all")
        eve = house.clone("eve")
        eve.git("fetch", "-q", "--update-head-ok", str(whole), ALL, "refs/heads/main:refs/heads/main")
        (target / f"{NAME}.json").write_text(lines(summary(eve)), encoding="utf-8")
        (target / f"{NAME}.log.jsonl").write_text(log(eve), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
