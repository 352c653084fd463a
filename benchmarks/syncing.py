"""The rows about sync: against plain git doing the same with the same remote."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

from bed import FLOORS, HERE, IDSE, Bed
from measure import Figure, Subject, at_most, beside, take_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

LEDGER = "refs/idse/sessions/portal/"
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def pushing(bed: Bed, sizes: Sizes) -> list[Figure]:
    """One changed session among many, and nothing changed at all."""
    folder, url = _shared(bed, "sessions", sizes.many_sessions)
    plain, ours = (_appended(bed, folder, f"session-0000{number}", 1) for number in (1, 2))
    one = ("git", *_NO_HOOKS, "push", "-q", "agency", f"{LEDGER}session-00001")
    found = take_turns(
        bed,
        sizes.runs,
        {
            "push of one": Subject(one, folder, plain),
            "sync push": Subject((IDSE, "sync", "push"), folder, ours),
            "ls-remote": Subject(("git", "ls-remote", "-q", url), folder),
            "no-op push": Subject((IDSE, "sync", "push"), folder),
            "no-op pull": Subject((IDSE, "sync", "pull"), folder),
        },
    )
    name = f"sync push, 1 of {sizes.many_sessions:,}"
    push, floor, asking = found["sync push"], found["push of one"].ms, found["ls-remote"].ms
    detail = f"{push.ms:.0f} of {floor:.0f} ms"
    return [
        at_most(name, push.ms / floor, 6, "x git push", detail),
        at_most(f"{name}, memory", push.mb, 150, "MB"),
        *(
            at_most(f"sync {way}, nothing new", ms / asking, 5, "x ls-remote", f"{ms:.0f} of {asking:.0f} ms")
            for way, ms in (("push", found["no-op push"].ms), ("pull", found["no-op pull"].ms))
        ),
    ]


def first_pull(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Everything of a project brought to an empty repository."""
    _, url = _shared(bed, "sessions", sizes.many_sessions)
    theirs, ours = (os.path.join(bed.folder, name) for name in ("fetching", "pulling"))
    fetch = ("git", "fetch", "-q", url, "refs/idse/*:refs/idse/*")
    found = take_turns(
        bed,
        min(sizes.runs, 5),
        {
            "fetch": Subject(fetch, theirs, _fresh(bed, theirs, url)),
            "pull": Subject((IDSE, "sync", "pull"), ours, _fresh(bed, ours, url)),
        },
    )
    pull, floor = found["pull"], found["fetch"].ms
    name = f"first sync pull, {sizes.many_sessions:,} sessions"
    detail = f"{pull.ms / 1000:.1f} of {floor / 1000:.1f} s"
    return [
        at_most(name, pull.ms / floor, 3, "x git fetch", detail),
        at_most(f"{name}, memory", pull.mb, 300, "MB"),
    ]


def joining(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A session that went on by as many events on both sides."""
    left, url = _shared(bed, "sessions", sizes.few_sessions)
    right = os.path.join(bed.folder, "right")
    _fresh(bed, right, url)()
    bed.run(IDSE, "sync", "pull", cwd=right)
    for folder in (left, right):
        _appended(bed, folder, "session-00001", sizes.appends)()
    bed.run(IDSE, "sync", "push", cwd=left)
    copy = os.path.join(bed.folder, "copy")

    def again() -> None:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(right, copy)

    ref = f"{LEDGER}session-00001"
    subjects = {
        "floor": Subject((*FLOORS, "join", copy, url, ref), copy, again),
        "pull": Subject((IDSE, "sync", "pull"), copy, again),
    }
    found = take_turns(bed, min(sizes.runs, 5), subjects)
    merges = bed.run("git", "rev-list", "--count", "--min-parents=2", ref, cwd=copy)
    if merges != "1":
        raise RuntimeError(f"{merges} merges where there should be one")
    what = f"sync pull, {sizes.appends} events on each side"
    return [beside(what, found["pull"], found["floor"], 3.6, "x fetch + cat-file")]


def _shared(bed: Bed, what: str, how_many: int) -> tuple[str, str]:
    """A project with many ledgers that an Agency has as well; the folder and the Agency's URL."""
    folder, url = bed.project("full"), os.path.join(bed.folder, "agency.git")
    bed.build(folder, what, how_many)
    bed.run("git", "init", "-q", "--bare", url, cwd=bed.folder)
    bed.run(IDSE, "sync", "setup", url, cwd=folder)
    bed.run(IDSE, "sync", "push", cwd=folder)
    bed.run("git", "pack-refs", "--all", cwd=folder)
    bed.run("git", "pack-refs", "--all", cwd=url)
    return folder, url


def _fresh(bed: Bed, folder: str, url: str) -> Callable[[], None]:
    def make() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        bed.run("git", "init", "-q", folder, cwd=bed.folder)
        bed.run(IDSE, "sync", "setup", url, cwd=folder)

    return make


def _appended(bed: Bed, folder: str, session: str, events: int) -> Callable[[], object]:
    command = (sys.executable, os.path.join(HERE, "appending.py"), folder, session)
    return lambda: bed.run(*command, cwd=folder, stdin=f"{events}\n")
