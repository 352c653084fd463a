"""The rows of one `git log` that stays open: commits in git's order, with git's own graph beside them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from idse_orchestrator.app.history.ports import Entry
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.ref_names import parse_project_ref, parse_session_ref

_RECORD = "\x1e"
_BELOW = "\x1f"
_LINES_BELOW = 4
"""Lines of drawing that are asked for under each commit: more than any merge of two needs to settle."""

_FIELDS = "%x1e%H%x1f%h%x1f%P%x1f%ct%x1f%S"
_FORMAT = f"--format=tformat:{_FIELDS}"
_GRAPH_FORMAT = _FORMAT + "%n%x1f" * _LINES_BELOW
_QUIET = ("-c", "log.showSignature=false", "-c", "core.quotePath=true")
_LOG = ("log", "--stdin", "--source", "--no-decorate", "--no-notes", "--no-patch", "--basic-regexp")


class Row(NamedTuple):
    """A commit (`entry`, without its event), or a line of drawing alone."""

    entry: Entry | None
    prefix: str = ""
    below: tuple[str, ...] = ()


def log_rows(git: Git, revisions: Sequence[str], options: Sequence[str]) -> Generator[Row, None, None]:
    """The commits reachable from `revisions` (at least one: git would take HEAD for none).

    git is ended when the caller stops looking. CorruptLedgerError where git cannot read on.
    """
    graph = "--graph" in options
    child = git.start(*_QUIET, *_LOG, *options, _GRAPH_FORMAT if graph else _FORMAT)
    assert child.stdin is not None  # noqa: S101 - `start` opens both pipes
    assert child.stdout is not None  # noqa: S101 - the same
    try:
        child.stdin.write("".join(f"{name}\n" for name in revisions).encode())
        child.stdin.close()
        lines = (line.decode("utf-8", "surrogateescape").rstrip("\n") for line in child.stdout)
        yield from _graph_rows(lines) if graph else map(_row, lines)
        if child.wait() != 0:
            raise _unreadable(revisions)
    except BrokenPipeError as error:
        raise _unreadable(revisions) from error
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def _graph_rows(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        if _RECORD not in line:
            yield Row(None, prefix=line)
            continue
        below = tuple(next(lines, "").partition(_BELOW)[0] for _ in range(_LINES_BELOW))
        yield _row(line)._replace(below=below)


def _row(line: str) -> Row:
    prefix, _, record = line.partition(_RECORD)
    commit, short, parents, committed, ref = record.split(_BELOW)
    return Row(Entry(commit, short, tuple(parents.split()), int(committed or 0), *_place(ref)), prefix)


@cache
def _place(ref: str) -> tuple[str, str]:
    """Project and session of a ledger; "" for what its ref does not say."""
    return parse_session_ref(ref) or (parse_project_ref(ref) or "", "")


def _unreadable(revisions: Sequence[str]) -> CorruptLedgerError:
    return CorruptLedgerError(
        "git cannot read this history to its end",
        where=revisions[0] if len(revisions) == 1 else f"one of {len(revisions)} ledgers",
        cause="an object is missing or damaged",
        fix=("idse fsck    (names every defect)",),
    )
