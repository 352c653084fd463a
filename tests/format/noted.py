"""What is noted of the bundle beside it: its ids, and what idse tells of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from idse_orchestrator.git.merge.joiner import GitJoiner
from today import shapes

if TYPE_CHECKING:
    from clones import Clone


def row(clone: Clone, joiner: GitJoiner, ref: str, commit: str, parents: list[str]) -> dict:
    """What is kept of one merge."""
    bases = clone.git("merge-base", "--all", *parents, code=None).split()
    made = joiner.join_with_conflicts(ref, *parents)
    if made.commit != commit:
        sys.exit(f"{ref}: {commit} is no merge of {parents}")
    conflicts = [f"{conflict.kind} {conflict.path}" for conflict in made.conflicts]
    return {"ref": ref, "id": commit, "parents": parents, "bases": len(bases), "conflicts": conflicts}


def summary(clone: Clone) -> dict:
    """Every ref with its commits, the state at the tip of every ledger, and every merge with its parents."""
    refs = dict(
        line.split() for line in clone.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    )
    joiner = GitJoiner(clone.repository)
    ledgers = [ref for ref in refs if ref.startswith(("refs/idse/projects/", "refs/idse/sessions/"))]
    merges = []
    for ref in [*ledgers, "refs/idse/notes/commits"]:
        found = clone.git("rev-list", "--min-parents=2", "--reverse", "--topo-order", "--parents", ref)
        merges += [
            row(clone, joiner, ref, commit, parents)
            for commit, *parents in map(str.split, found.splitlines())
        ]
    states = {ref: clone.git("rev-parse", f"{ref}:state.json") for ref in ledgers}
    commits = {ref: int(clone.git("rev-list", "--count", ref)) for ref in refs}
    return {"refs": refs, "commits": commits, "states": states, "merges": merges, "shapes": shapes("", None)}


def log(clone: Clone) -> str:
    """What idse tells of all ledgers, project by project, and of syncs: an entry a line."""
    projects = clone.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/idse/projects").split()
    told = [clone.idse("log", "--all", "--project", name, "--json") for name in projects]
    told.append(clone.idse("log", "--sync", "--json"))
    entries = [entry for text in told for entry in json.loads(text)["data"]["entries"]]
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def lines(found: dict) -> str:
    """`found` as JSON with one fact a line."""
    parts = []
    for name, facts in found.items():
        rows = (
            [json.dumps(fact, ensure_ascii=False) for fact in facts]
            if isinstance(facts, list)
            else [f"{json.dumps(key)}: {json.dumps(fact)}" for key, fact in facts.items()]
        )
        ends = "[]" if isinstance(facts, list) else "{}"
        parts.append(f' "{name}": {ends[0]}\n  ' + ",\n  ".join(rows) + f"\n {ends[1]}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
