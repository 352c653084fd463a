"""The rows of the table: each builds what it needs, measures, and returns its figures."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bed import FLOORS, IDSE, PYTHON, Bed
from measure import Figure, Measured, Subject, at_most, beside, take_long_turns, take_turns

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
LEDGER = "refs/idse/sessions/portal/"


@dataclass(frozen=True)
class Sizes:
    """How much of everything; `runs` counts runs of each process."""

    runs: int = 21
    few_sessions: int = 10
    many_sessions: int = 10_000
    few_events: int = 100
    many_events: int = 100_000
    documents: int = 1_000
    appends: int = 500
    largest: int = 1024 * 1024
    """Bytes of the largest document that is taken."""
    traced: int = 2_000
    tasks: int = 10_000
    switched: int = 2_000
    """Files of a work tree whose branch is switched."""

    @staticmethod
    def smallest() -> Sizes:
        """Enough to see that everything works."""
        return Sizes(1, 2, 20, 5, 50, 3, 5, 20_000, 50, 20, 50)


def looking(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse status` and `idse next` beside few and many sessions."""
    folders = {"few": bed.project("few"), "many": bed.project("many")}
    bed.build(folders["few"], "sessions", sizes.few_sessions)
    bed.build(folders["many"], "sessions", sizes.many_sessions)
    subjects = {
        f"{command} {size}": Subject((IDSE, command), folder)
        for command in ("status", "next")
        for size, folder in folders.items()
    }
    found = take_turns(bed, sizes.runs, {"floor": Subject(PYTHON, bed.folder), **subjects})
    return [
        figure for command in ("status", "next") for figure in _looked(command, found, sizes.many_sessions)
    ]


def _looked(command: str, found: Mapping[str, Measured], many: int) -> list[Figure]:
    many_ms, few_ms, floor = found[f"{command} many"].ms, found[f"{command} few"].ms, found["floor"].ms
    name = f"idse {command}, {many:,} sessions"
    detail = f"{many_ms:.0f} of {floor:.0f} ms"
    return [
        at_most(name, many_ms / floor, 6, "x python", detail),
        at_most(f"{name}, to few", many_ms / few_ms, 1.3, "x", f"{few_ms:.0f} ms"),
        at_most(f"{name}, memory", found[f"{command} many"].mb, 80, "MB"),
    ]


def code_commit(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`git commit` of code, with the hooks and without them."""
    folder = bed.project("code")
    commit = ("commit", "-q", "-m", "work")
    subjects = {
        "with": Subject(("git", *commit), folder, _stage(bed, folder, "code.txt")),
        "without": Subject(
            ("git", "-c", "core.hooksPath=/dev/null", *commit), folder, _stage(bed, folder, "code.txt")
        ),
    }
    found = take_turns(bed, sizes.runs, subjects)
    detail = f"{found['with'].ms:.1f} of {found['without'].ms:.1f} ms"
    return [at_most("git commit of code, hooks", found["with"].ms / found["without"].ms, 3, "x git", detail)]


def branch_switch(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`git switch` with the hooks and without them: no branch has a session, or each has the current one."""
    figures = []
    for name, session in (("no session", ""), ("same session", "portal/__blueprint__")):
        folder = _branches(bed, name.replace(" ", "-"), sizes.switched)
        for branch in ("main", "other") if session else ():
            bed.run("git", "config", f"branch.{branch}.idse-session", session, cwd=folder)
        back = partial(bed.run, "git", *_NO_HOOKS, "switch", "-q", "main", cwd=folder)
        subjects = {
            "with": Subject(("git", "switch", "-q", "other"), folder, back),
            "without": Subject(("git", *_NO_HOOKS, "switch", "-q", "other"), folder, back),
        }
        found = take_turns(bed, sizes.runs * 2, subjects)
        ours, floor = found["with"].ms, found["without"].ms
        detail = f"{ours:.1f} of {floor:.1f} ms"
        figures.append(at_most(f"git switch, hooks, {name}", ours / floor, 1.1, "x git", detail))
    return figures


_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def _branches(bed: Bed, name: str, files: int) -> str:
    """A project with branches main and other, which differ in a tenth of its `files` of code; its path."""
    folder = bed.project(name)
    for branch, step in (("main", 1), ("other", 10)):
        if branch != "main":
            bed.run("git", *_NO_HOOKS, "switch", "-q", "-c", branch, cwd=folder)
        for number in range(0, files, step):
            bed.write(
                os.path.join(folder, f"code/{number % 50}/{number}.txt"), f"{number} of {branch}\n" * 50
            )
        bed.run("git", "add", "-A", cwd=folder)
        bed.run("git", "commit", "-q", "-m", branch, cwd=folder)
    return folder


def artifact_commit(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`git commit` of one edited artifact: judged before, recorded after."""
    folder = bed.project("artifact")
    path = f"{FOLDER}/intent.md"
    before = bed.run("git", "rev-list", "--count", f"{LEDGER}__blueprint__", cwd=folder)
    subject = Subject(("git", "commit", "-q", "-m", "edit"), folder, _stage(bed, folder, path))
    found = take_turns(bed, sizes.runs, {"floor": Subject(PYTHON, folder), "commit": subject})
    after = bed.run("git", "rev-list", "--count", f"{LEDGER}__blueprint__", cwd=folder)
    if int(after) <= int(before) + sizes.runs:
        raise RuntimeError("the hooks recorded nothing")
    floor, ms = found["floor"].ms, found["commit"].ms
    detail = f"{ms:.0f} of {floor:.0f} ms"
    return [at_most("git commit of an artifact, hooks", ms / floor, 25, "x python", detail)]


def leading(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse instructions`, and `idse stage complete`, which begins the next stage."""
    folder = bed.project("leading")
    path = os.path.join(folder, FOLDER, "intent.md")
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("[REQUIRES INPUT]", "Answered.")
    bed.write(path, text)
    bed.run("git", "commit", "-qam", "answered", cwd=folder)
    bed.run(IDSE, "stage", "complete", "intent", cwd=folder)
    again = (IDSE, "stage", "reopen", "intent", "-m", "again", "-q")
    subjects = {
        "floor": Subject(PYTHON, folder),
        "instructions": Subject((IDSE, "instructions"), folder),
        "complete": Subject(
            (IDSE, "stage", "complete", "intent", "-q"), folder, lambda: bed.run(*again, cwd=folder)
        ),
    }
    found = take_turns(bed, sizes.runs, subjects)
    floor = found["floor"].ms
    return [
        at_most(
            f"idse {name}", found[key].ms / floor, most, "x python", f"{found[key].ms:.0f} of {floor:.0f} ms"
        )
        for name, key, most in (("instructions", "instructions", 8), ("stage complete", "complete", 12))
    ]


def _stage(bed: Bed, folder: str, path: str) -> Callable[[], object]:
    numbers = itertools.count()

    def stage() -> None:
        with open(os.path.join(folder, path), "a", encoding="utf-8") as file:
            file.write(f"\nLine {next(numbers)} of what was written today.\n")
        bed.run("git", "add", path, cwd=folder)

    return stage


def log(bed: Bed, sizes: Sizes) -> list[Figure]:
    """The first lines of a long history and of a short one."""
    folders = {"few": bed.project("few"), "many": bed.project("many")}
    bed.build(folders["few"], "events", sizes.few_events)
    bed.build(folders["many"], "events", sizes.many_events)
    command = (IDSE, "log", "many", "-n", "20")
    found = take_turns(bed, sizes.runs, {name: Subject(command, path) for name, path in folders.items()})
    many, few = found["many"].ms, found["few"].ms
    detail = f"{many:.0f} of {few:.0f} ms"
    return [at_most(f"idse log -n 20, {sizes.many_events:,} events, to few", many / few, 1.3, "x", detail)]


def validate(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Everything judged, then judged again with nothing changed."""
    folder = bed.project("documents")
    bed.build(folder, "documents", sizes.documents)
    command = (IDSE, "validate", "--all", "--quiet")
    cache = os.path.join(folder, ".git/idse/cache")
    subjects = {
        "parse": Subject((*FLOORS, "parse", os.path.join(folder, ".idse")), folder),
        "first": Subject(command, folder, lambda: shutil.rmtree(cache, ignore_errors=True)),
        "digest": Subject((*FLOORS, "digest", os.path.join(folder, ".idse")), folder),
        "again": Subject(command, folder),
    }
    found = take_long_turns(bed, min(sizes.runs, 3), subjects)
    name = f"idse validate --all, {sizes.documents:,} sessions"
    return [
        beside(name, found["first"], found["parse"], 2.4, "x parsing"),
        at_most(f"{name}, memory", max(found["first"].mb, found["again"].mb), 200, "MB"),
        beside(f"{name}, again", found["again"], found["digest"], 5.5, "x hashing"),
    ]


PROFILE = """
## Agent Profile

```yaml
id: {name}-agent
name: The agent of {name}
description: Builds what the spec says.
goals: [Keep the promises of the spec, Leave the house in order]
inputs: [intent.md, spec.md, plan.md]
outputs: [implementation/README.md]
tools: [git, a shell, a test runner]
constraints: [No new dependency, No network]
memory_policy: {{scope: session, keep: {{days: 7}}}}
runtime_hints: {{timeout_minutes: 20}}
```
"""


def compiling(bed: Bed, sizes: Sizes) -> list[Figure]:
    """`idse compile agent-spec` of a session that inherits, written anew each time."""
    folder = bed.project("compile")
    bed.run(IDSE, "spawn", "login", cwd=folder)
    for name in ("__blueprint__", "login"):
        path = os.path.join(folder, f".idse/projects/portal/sessions/{name}/spec.md")
        with open(path, "a", encoding="utf-8") as file:
            file.write(PROFILE.format(name=name))
    bed.run("git", "add", "-A", cwd=folder)
    bed.run("git", "commit", "-q", "-m", "profiles", cwd=folder)
    build = os.path.join(folder, ".idse/projects/portal/build")
    subject = Subject(
        (IDSE, "compile", "agent-spec", "--session", "login"),
        folder,
        lambda: shutil.rmtree(build, ignore_errors=True),
    )
    found = take_turns(bed, sizes.runs, {"floor": Subject(PYTHON, folder), "compile": subject})
    if not os.path.isfile(os.path.join(build, "agents/login.profile.yaml")):
        raise RuntimeError("nothing was compiled")
    floor, ms = found["floor"].ms, found["compile"].ms
    return [at_most("idse compile agent-spec", ms / floor, 12, "x python", f"{ms:.0f} of {floor:.0f} ms")]


ROWS: Mapping[str, Callable[[Bed, Sizes], list[Figure]]] = {
    "status and next": looking,
    "code commit": code_commit,
    "branch switch": branch_switch,
    "artifact commit": artifact_commit,
    "leading": leading,
    "log": log,
    "validate": validate,
    "compile": compiling,
}
