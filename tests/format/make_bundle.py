"""Makes `b729234.bundle` and what is noted of it: ledgers with every feature, written by commit b729234.

It runs once, with that code and no other, and never in a test:

    git archive b729234 | tar -x -C TREE
    PYTHONPATH=TREE/src python tests/format/make_bundle.py TREE tests/format

TREE is an empty folder, python one that has what b729234 depends on. The file system has to tell `a` from
`A`. Ids, dates and the order of events of one moment differ from run to run; that is why the bundle is kept.

Four people work in clones that sync through an Agency, or through bare repositories that hold what
somebody had at some moment: so histories meet in any order. Each chapter, here and in
`themes.py`, is one feature.
"""

from __future__ import annotations

import pathlib
import random
import sys
import tempfile

from clones import ALL, Clone, House
from folders import ANN, BASE, BOB, LINES
from idse_orchestrator.domain.commit_note import note_text
from noted import lines, log, summary
from sources import old_folder, old_repository
from themes import STAGES, agents, claims, handoffs, rules, stages, words

NAME = "b729234"


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
        agents(ann, bob)
        stages(ann, bob, pathlib.Path(tree) / ".idse/projects/idse-orchestrator/sessions/__blueprint__")
        handoffs(ann, bob)
        words(ann, bob)
        rules(ann, bob)
        claims(ann, bob)
        documents(ann, bob)
        notes(ann, bob)
        migrations(ann, bob)
        more_projects(ann, bob)
        criss_cross([ann, bob, cy], "portal/files")
        gossip([bob, cy, dee], "portal/odd")
        house.settle(*clones)
        ann.idse("fsck")
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
