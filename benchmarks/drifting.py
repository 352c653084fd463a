"""Lays sessions over the history of real repositories, and shows what `idse drift` would say of them.

    python benchmarks/drifting.py CLONE... [--sessions 20] [--seed 1] [--signals 30] [--diffs]

Each session is a merged change that somebody could have planned: a merge, or a commit of the main line, that
writes some lines of code in few files. Its commits are the session's, its files the declared ones, and it was
complete when it was merged. Everything after it, up to HEAD, is walked. A signal is a later commit that
`idse drift` names; commits of another session count as that one's. From all signals of all clones some are
drawn, equally many of each clone, to be read and judged by a person, as ADR 35 tells.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import time
from typing import NamedTuple

from idse_orchestrator.constitution.drift import Drifted, is_code
from idse_orchestrator.git.program import Git
from idse_orchestrator.worktree.code_drift import Traced, drift_of

_LEAST_LINES = 15
_MOST_FILES = 8
_LEAST_LATER = 100
"""Commits of the main line after a session: without later history there is nothing to find."""


class Laid(NamedTuple):
    """A session laid over history: where it was merged, what was there before, and its files."""

    clone: str
    head: str
    before: str
    subject: str
    files: tuple[str, ...]


class Signal(NamedTuple):
    """A later commit that drifted from a session."""

    session: Laid
    found: Drifted


def main() -> int:
    """Lays the sessions, draws the signals, and prints them."""
    options = _options()
    drawn: list[Signal] = []
    each = options.signals // len(options.clones)
    for clone in options.clones:
        choice = random.Random(f"{options.seed}/{os.path.basename(clone)}")
        git = Git(clone, os.environ)
        candidates = _candidates(git, clone, options.since, options.leave_out)
        sessions = choice.sample(candidates, min(options.sessions, len(candidates)))
        began = time.perf_counter()
        signals = _signals(git, sessions)
        took = time.perf_counter() - began
        silent = len(sessions) - len({signal.session.head for signal in signals})
        print(
            f"{os.path.basename(clone)}: {len(sessions)} sessions of {len(candidates)}, "
            f"{silent} without drift, {len(signals)} signals, {took / len(sessions):.2f} s each"
        )
        drawn += choice.sample(signals, min(each, len(signals)))
    for number, signal in enumerate(drawn, 1):
        _show(number, signal, diffs=options.diffs)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clones", nargs="+", metavar="CLONE")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--signals", type=int, default=30)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--since", default="2014-01-01", help="sessions that were merged after that day")
    parser.add_argument(
        "--leave-out", nargs="*", default=["requests/packages/"], metavar="PATH",
        help="no session changes these: code of others that the repository carries",
    )  # fmt: skip
    parser.add_argument("--diffs", action="store_true", help="also print each commit's change of the paths")
    return parser.parse_args()


def _candidates(git: Git, clone: str, since: str, left_out: list[str]) -> list[Laid]:
    """Returns the merged changes of the main line that could have been sessions, the newest first."""
    form = "--format=%x01%H%x00%P%x00%cs%x00%s %b%x00"
    out = git.bytes(
        "log", "--first-parent", "-m", "--numstat", "--no-renames", form, "HEAD", timeout=600
    ).decode("utf-8", "replace")
    found = []
    for part in out.split("\1")[_LEAST_LATER + 1 :]:
        head, parents, day, message, changes = part.split("\0")
        rows = [row.split("\t") for row in changes.split("\n") if row]
        if re.match("Merge (?:remote-tracking )?branch", message) or any(
            path.startswith(tuple(left_out)) for _, _, path in rows
        ):
            continue
        code = [int(added) for added, _, path in rows if added.isdecimal() and is_code(path)]
        if day >= since and parents and 0 < len(code) <= _MOST_FILES and sum(code) >= _LEAST_LINES:
            files = tuple(path for _, _, path in rows)
            found.append(Laid(clone, head, parents.split()[0], " ".join(message.split())[:70], files))
    return found


def _signals(git: Git, sessions: list[Laid]) -> list[Signal]:
    commits = {laid.head: frozenset(git.lines("rev-list", laid.head, f"^{laid.before}")) for laid in sessions}
    owners = {commit: head for head, several in commits.items() for commit in several}
    found = []
    head = git.lines("rev-parse", "HEAD")[0]
    for laid in sessions:
        traced = Traced((laid.head,), commits[laid.head], laid.files)
        found += [
            Signal(laid, each)
            for each in drift_of(git, "", traced, head).commits
            if owners.get(each.commit.id, laid.head) == laid.head
        ]
    return found


def _show(number: int, signal: Signal, *, diffs: bool) -> None:
    laid, (commit, places) = signal
    print(f"\n=== {number} {os.path.basename(laid.clone)}: {laid.head[:9]} {laid.subject}")
    print(f"    {commit.id[:9]} {commit.at} {commit.subject}")
    for path in dict.fromkeys(place.path for place in places):
        print(f"    {path}")
        if diffs:
            wanted = {place.lines.first for place in places if place.path == path}
            _print_hunks(laid.clone, commit.id, wanted)


def _print_hunks(clone: str, commit: str, wanted: set[int]) -> None:
    out = Git(clone, os.environ).text(
        "show", "--format=", "-m", "--first-parent", "-U0", "--diff-algorithm=histogram", commit
    )
    for hunk in re.split("^(?=@@ )", out, flags=re.MULTILINE)[1:]:
        first, _, count = hunk.split("+", 1)[1].split(" ")[0].partition(",")
        if int(first) + (count == "0") in wanted:
            print("\n".join(row[:150] for row in hunk.split("\ndiff --git")[0].split("\n")[:40]).rstrip())


if __name__ == "__main__":
    raise SystemExit(main())
