"""The rows of `idse migrate`: a thousand sessions of a folder, and five thousand commits of a repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import islice

from bed import FLOORS, IDSE, Bed
from measure import Figure, Measured, Subject, at_most, beside, take_long_turns
from rows import Sizes  # noqa: TC002 - our own, beside this file

_FOLDERS = {
    "intents": "intent.md",
    "contexts": "context.md",
    "specs": "spec.md",
    "plans": "plan.md",
    "tasks": "tasks.md",
    "implementation": "README.md",
    "feedback": "feedback.md",
}
_SECTIONS = ("Overview", "Scope", "Decisions", "Risks", "Open Questions", "Acceptance Criteria")
_STATE = '{"stages": {"intent": "completed", "context": "completed", "spec": "in_progress"}}\n'
_COMMITS = 5_000
_SESSIONS_OF_HISTORY = 40


def migrating(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A thousand sessions of the layout with a folder for each stage."""
    source = os.path.join(bed.folder, "source")
    for number in range(sizes.documents):
        root = f"{source}/projects/portal/sessions/s-{number:05}"
        for folder, name in _FOLDERS.items():
            bed.write(f"{root}/{folder}/{name}", _document(f"{folder} {number}"))
        bed.write(f"{root}/session_state.json", _STATE)
    ours, floor = _measured(bed, source, sizes)
    what = f"idse migrate, {sizes.documents:,} sessions"
    return [
        beside(what, ours, floor, 4, "x parse + import"),
        at_most(f"{what}, memory", ours.mb, 250, "MB"),
    ]


def migrating_history(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A repository in which every commit touches a document."""
    source = bed.project("source")
    shutil.rmtree(os.path.join(source, ".idse"))
    commits = min(_COMMITS, sizes.documents * 5)
    stream = b"".join(_commit(number) for number in range(commits))
    subprocess.run(("git", "fast-import", "--quiet", "--force"), cwd=source, input=stream, check=True)
    bed.run("git", "symbolic-ref", "HEAD", "refs/heads/old", cwd=source)
    bed.run("git", "reset", "--quiet", "--hard", cwd=source)
    ours, floor = _measured(bed, source, sizes)
    return [beside(f"idse migrate, {commits:,} commits of history", ours, floor, 4.5, "x cat-file + import")]


def _measured(bed: Bed, source: str, sizes: Sizes) -> tuple[Measured, Measured]:
    """A migration of `source`, and its floor, which writes the same commits; they take turns."""
    target, plain = (os.path.join(bed.folder, name) for name in ("target", "plain"))
    stream = os.path.join(bed.folder, "stream")
    command = (IDSE, "migrate", source, "--quiet")

    def fresh() -> None:
        shutil.rmtree(target, ignore_errors=True)
        bed.project("target")

    def fresh_plain() -> None:
        if not os.path.exists(stream):
            with open(stream, "wb") as file:
                subprocess.run(("git", "fast-export", "--all"), cwd=target, stdout=file, check=True)
        shutil.rmtree(plain, ignore_errors=True)
        bed.run("git", "init", "-q", plain, cwd=bed.folder)

    subjects = {
        "migrate": Subject(command, target, fresh),
        "floor": Subject((*FLOORS, "migrate", source, plain, stream), bed.folder, fresh_plain),
    }
    found = take_long_turns(bed, min(sizes.runs, 3), subjects)
    return found["migrate"], found["floor"]


def _document(about: str) -> str:
    paragraphs = (f"## {name}\n\n{' '.join([f'What {about} says of it.'] * 20)}\n" for name in _SECTIONS)
    return f"# {about}\n\n" + "\n".join(paragraphs)


def _commit(number: int) -> bytes:
    folder, name = next(_turn(number))
    session = f"s-{number % _SESSIONS_OF_HISTORY:05}"
    path = f"projects/portal/sessions/{session}/{folder}/{name}"
    text = _document(f"{folder} {number}").encode()
    when = 1_700_000_000 + number * 600
    head = f"commit refs/heads/old\ncommitter Past Author <past@example.invalid> {when} +0000\ndata 4\nedit\n"
    return head.encode() + f"M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n"


def _turn(number: int) -> Iterator[tuple[str, str]]:
    return islice(_FOLDERS.items(), number // _SESSIONS_OF_HISTORY % len(_FOLDERS), None)


ROWS: dict[str, Callable[[Bed, Sizes], list[Figure]]] = {
    "migrate sessions": migrating,
    "migrate history": migrating_history,
}
