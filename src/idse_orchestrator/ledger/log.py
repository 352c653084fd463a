"""Reads ledgers back, newest first: one git lists the commits, another gives their events.

Both are pipes that are read as far as somebody looks, so the first entry of a ledger with 100,000
comes as fast as that of a small one. What stands in ``event.json`` counts; messages only help to find.
"""

from __future__ import annotations

import json
import re
import time
from calendar import timegm
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.dates import moment
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import CorruptLedgerError, GitFailedError, UsageError
from idse_orchestrator.git.object_stream import GitObject, ObjectStream
from idse_orchestrator.ledger.commit import EVENT, STATE, corrupt
from idse_orchestrator.ledger.entries import Drawn, Entry, Span, with_event
from idse_orchestrator.ledger.event_index import LONG, EventIndex
from idse_orchestrator.ledger.events import MOMENT
from idse_orchestrator.ledger.refs import (
    PROJECTS,
    SESSIONS,
    parse_project_ref,
    parse_session_ref,
    project_ref,
    session_ref,
)

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Words


_FILTERS_BY_DATE = (2, 37)
"""The git that has ``--since-as-filter``."""


class GitLedgerHistory:
    """The `LedgerHistory` port on a repository."""

    def __init__(self, vault: Vault, words: Words) -> None:
        self._git = vault.git
        self._private = vault.private
        self._words = words

    def entries(self, span: Span) -> Iterator[Drawn]:
        """See `LedgerHistory.entries`. CorruptLedgerError where git cannot go on."""
        refs = self._refs(span)
        if not refs:
            return iter(())
        if not (span.since or span.until):
            return self._all(refs, _options(span, span.limit))
        oldest = self._moment(span.since) if span.since else None
        newest = self._moment(span.until, is_end=True) if span.until else None
        if span.graph:
            return self._all(refs, [*_options(span, span.limit), *self._dates(oldest, newest)])
        # git stops at the first commit that is too old, and no ledger is sorted by time.
        found = (item for item in self._all(refs, _options(span)) if _is_between(item.entry, oldest, newest))
        return islice(found, span.limit)

    def by_event(self, prefix: str, limit: int) -> Sequence[Entry]:
        """See `LedgerHistory.by_event`: found by its trailer, believed by its JSON."""
        rows = self._git.lines("for-each-ref", "--format=%(objectname) %(refname)", SESSIONS, PROJECTS)
        tips = {ref: tip for tip, _, ref in (row.partition(" ") for row in rows)}
        commits, left = self._indexed(tips, prefix)
        with closing(self._said_to_hold(commits, left, prefix)) as found:
            own = (each for each in found if each.event is None or each.event.id.startswith(prefix))
            return list(islice(own, limit))

    def _said_to_hold(self, commits: Sequence[str], refs: Sequence[str], prefix: str) -> Generator[Entry]:
        for start in range(0, len(commits), _AT_ONCE):
            yield from self._of_commits(commits[start : start + _AT_ONCE])
        if refs:
            with closing(self._read(log_rows(self._git, refs, [f"--grep=^Idse-Event: {prefix}"]))) as found:
                yield from (item.entry for item in found if item.entry)

    def _indexed(self, tips: Mapping[str, str], prefix: str) -> tuple[list[str], list[str]]:
        """Returns the commits of long ledgers that hold such an event, and the refs of the others."""
        index, few = EventIndex(self._private, self._git), len(tips) <= _FEW
        commits: list[str] = []
        left = []
        with ObjectStream(self._git) as objects:
            for ref, tip in tips.items():
                long = few and _length(objects, tip) >= LONG
                table = index.covering(ref, tip, make=long) if long or not few else None
                if table is None:
                    left.append(ref)
                else:
                    commits += table.commits(prefix)
        return list(dict.fromkeys(commits)), left

    def _of_commits(self, commits: Sequence[str]) -> Iterator[Entry]:
        rows = log_rows(self._git, commits, ["--no-walk=unsorted"])
        return (self._placed(item.entry) for item in self._read(rows) if item.entry)

    def by_commit(self, prefix: str) -> Sequence[Entry]:
        """See `LedgerHistory.by_commit`; a commit that no ref holds any more is found, too."""
        ids = self._git.lines("rev-parse", f"--disambiguate={prefix}")
        with ObjectStream(self._git) as objects:
            commits = [name for name in ids if _is_entry(objects, name)]
        if not commits:
            return []
        return list(self._of_commits(commits))

    def _all(self, refs: Sequence[str], options: Sequence[str]) -> Iterator[Drawn]:
        drawn = False
        with closing(self._read(log_rows(self._git, refs, options))) as entries:
            for item in entries:
                drawn = True
                yield item
        if not drawn:
            self._refuse_other_kinds(refs)

    def _moment(self, text: str, *, is_end: bool = False) -> float:
        """Returns the Unix time of a date; git is asked about words that nobody else knows."""
        found = moment(text, time.time(), is_end=is_end)
        if found is None:
            found = float(self._git.text("rev-parse", f"--since={text}").partition("=")[2])
        return found

    def _dates(self, oldest: float | None, newest: float | None) -> list[str]:
        """Returns the options with which git itself leaves out what is older or newer, for a graph."""
        options = [] if newest is None else [f"--until=@{max(0, int(newest))}"]
        if oldest is not None and oldest > 0:  # git knows no earlier time
            known = re.search(r"(\d+)\.(\d+)", self._git.text("version"))
            if known is None or (int(known[1]), int(known[2])) < _FILTERS_BY_DATE:
                raise UsageError(
                    "this git cannot draw a graph since a date",
                    cause="it would stop at the first older entry, and ledgers are not sorted by time",
                    fix=("leave out --graph or --since", "install git 2.37 or newer"),
                )
            options.append(f"--since-as-filter=@{int(oldest)}")
        return options

    def _refuse_other_kinds(self, refs: Sequence[str]) -> None:
        """For a ref that leads to a file or a folder, about which git log is silent."""
        for line in self._git.lines("for-each-ref", "--format=%(objecttype) %(refname)", *refs):
            kind, _, ref = line.partition(" ")
            if kind in ("blob", "tree"):
                raise corrupt(ref, f"it points at a {kind}, not at a commit")

    def _refs(self, span: Span) -> Sequence[str]:
        named = [session_ref(*key) for key in span.sessions]
        if span.projects:
            wanted = [project_ref(project) for project in span.projects]
            named += self._git.lines("for-each-ref", "--format=%(refname)", *wanted)
        return named

    def _read(self, rows: Generator[Row, None, None]) -> Generator[Drawn, None, None]:
        """Yields the rows with their events.

        What git cannot read is damage, and reading goes on behind it.
        """
        questions = Questions(rows, self._words)
        with closing(rows):
            while questions.left:
                try:
                    with ObjectStream(self._git) as objects:
                        for answer in objects.read_all(questions.names()):
                            yield from questions.answered(answer)
                    yield from questions.rest()
                except GitFailedError:
                    if not questions.waiting:
                        raise
                    yield from questions.failed()
        if questions.broken is not None:
            raise questions.broken

    def _placed(self, entry: Entry) -> Entry:
        """Returns `entry`, which was not found through a ref, with the session its state names."""
        with ObjectStream(self._git) as objects:
            state = objects.read(f"{entry.commit}:{STATE}")
        try:
            raw = json.loads(state.data) if state else {}
            return replace(entry, project=str(raw["project"]), session=str(raw.get("session", "")))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return replace(entry, damage=entry.damage or f"its {STATE} cannot be read", event=None)


_AT_ONCE = 100
_FEW = 100
"""Ledgers of which each is asked how long it is; of more, the indexes that are there are used."""


def _length(objects: ObjectStream, tip: str) -> int:
    """Returns the number of the last event of a ledger; 0 where its state does not say."""
    found = objects.read(f"{tip}:{STATE}")
    try:
        return int(json.loads(found.data)["lamport"]) if found else 0
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0


def _is_entry(objects: ObjectStream, name: str) -> bool:
    found = objects.read(name)
    parts = (f"{name}:{EVENT}", f"{name}:{STATE}")
    return found is not None and found.kind == "commit" and any(map(objects.read, parts))


def _is_between(entry: Entry | None, oldest: float | None, newest: float | None) -> bool:
    """Tests the date that is shown; what has none that can be read is never left out."""
    if entry is None:
        return True
    at: float = entry.committed
    if entry.event is not None:
        try:
            at = timegm(time.strptime(entry.event.at, MOMENT))
        except ValueError:
            return True
    return (oldest is None or at >= int(oldest)) and (newest is None or at <= newest)


def _options(span: Span, limit: int | None = None) -> list[str]:
    options = [f"--grep=^{_literal(line)}$" for line in span.grep]
    options += ["--all-match"] * bool(span.grep) + ["--merges"] * span.merges
    options += [f"--max-count={limit}"] if limit is not None else []
    if span.graph:
        options += ["--graph", "--color=always" if span.color else "--color=never"]
    return options


def _literal(text: str) -> str:
    """Returns `text` for a basic regular expression that means just that."""
    return "".join(f"\\{char}" if char in r"\.[]*^$" else char for char in text)


class Questions:
    """The rows whose event was asked for and not answered yet, in order.

    `waiting` are those rows, `left` says whether more may come, and `broken` is why git stopped
    listing them, if it did.
    """

    def __init__(self, rows: Iterator[Row], words: Words) -> None:
        self._rows = rows
        self._words = words
        self.waiting: deque[Row] = deque()
        self.left = True
        self.broken: CorruptLedgerError | None = None

    def names(self) -> Iterator[str]:
        """Yields names of the events: first of what is still waiting, then of what git goes on to list."""
        yield from [name for row in self.waiting if (name := _event_name(row))]
        try:
            for row in self._rows:
                self.waiting.append(row)
                if name := _event_name(row):
                    yield name
        except CorruptLedgerError as error:
            self.broken = error  # told after the entries that could be read
        self.left = False

    def answered(self, answer: GitObject | None) -> Iterator[Drawn]:
        """Yields the row that `answer` is for, after the drawing that stands before it."""
        yield from self._drawing()
        row = self.waiting.popleft()
        if row.entry is not None:
            yield Drawn(_with_event(row.entry, answer, self._words), row.prefix, row.below)

    def failed(self) -> Iterator[Drawn]:
        """Yields the same for the row whose event git stopped at; the others will be asked for again."""
        yield from self._drawing()
        row = self.waiting.popleft()
        if row.entry is not None:
            damaged = replace(row.entry, damage=f"git cannot read its {EVENT}")
            yield Drawn(damaged, row.prefix, row.below)
        self.left = True

    def rest(self) -> Iterator[Drawn]:
        """Drawing behind the last entry."""
        yield from self._drawing()

    def _drawing(self) -> Iterator[Drawn]:
        while self.waiting and self.waiting[0].entry is None:
            yield Drawn(None, self.waiting.popleft().prefix)


def _event_name(row: Row) -> str:
    return f"{row.entry.commit}:{EVENT}" if row.entry else ""


def _with_event(entry: Entry, answer: GitObject | None, words: Words) -> Entry:
    if answer is None:
        return entry if len(entry.parents) > 1 else replace(entry, damage=f"it has no {EVENT}")
    if answer.kind != "blob" or (answer.size and not answer.data):
        return replace(entry, damage=f"{EVENT} is a {answer.kind} of {answer.size:,} bytes")
    return with_event(entry, answer.data, words)


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
    """Yields the commits reachable from `revisions` (at least one: git would take HEAD for none).

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
        fix=("idse fsck  # names every defect",),
    )
