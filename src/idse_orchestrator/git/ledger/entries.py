"""Reads ledgers back, newest first: one git lists the commits, another gives their events.

Both are pipes that are read as far as somebody looks, so the first entry of a ledger with 100,000
comes as fast as that of a small one. What stands in ``event.json`` counts; messages only help to find.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from idse_orchestrator.app.history.ports import Drawn, Entry, Span
from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.ledger.entry_questions import Questions
from idse_orchestrator.git.ledger.format import EVENT, STATE, corrupt
from idse_orchestrator.git.ledger.log_rows import Row, log_rows
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.git.ref_names import PROJECTS, SESSIONS, project_ref, session_ref
from idse_orchestrator.git.repository import Repository


class GitLedgerHistory:
    """The `LedgerHistory` port on a repository."""

    def __init__(self, repository: Repository) -> None:
        self._git = repository.git

    def entries(self, span: Span) -> Iterator[Drawn]:
        """See `LedgerHistory.entries`. CorruptLedgerError where git cannot go on."""
        refs = self._refs(span)
        return self._all(refs, _options(span)) if refs else iter(())

    def by_event(self, prefix: str, limit: int) -> Sequence[Entry]:
        """See `LedgerHistory.by_event`: found by its trailer, believed by its JSON."""
        refs = self._git.lines("for-each-ref", "--format=%(refname)", SESSIONS, PROJECTS)
        if not refs:
            return []
        options = [f"--grep=^Idse-Event: {prefix}", f"--max-count={limit}"]
        found = [item.entry for item in self._read(log_rows(self._git, refs, options)) if item.entry]
        return [entry for entry in found if entry.event is None or entry.event.id.startswith(prefix)]

    def by_commit(self, prefix: str) -> Sequence[Entry]:
        """See `LedgerHistory.by_commit`; a commit that no ref holds any more is found, too."""
        ids = self._git.lines("rev-parse", f"--disambiguate={prefix}")
        with ObjectStream(self._git) as objects:
            commits = [name for name in ids if _is_entry(objects, name)]
        if not commits:
            return []
        rows = log_rows(self._git, commits, ["--no-walk=unsorted"])
        return [self._placed(item.entry) for item in self._read(rows) if item.entry]

    def _all(self, refs: Sequence[str], options: Sequence[str]) -> Iterator[Drawn]:
        drawn = False
        with closing(self._read(log_rows(self._git, refs, options))) as entries:
            for item in entries:
                drawn = True
                yield item
        if not drawn:
            self._refuse_other_kinds(refs)

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
        """The rows with their events. What git cannot read is damage, and reading goes on behind it."""
        questions = Questions(rows)
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
        """`entry`, which was not found through a ref, with the session its state names."""
        with ObjectStream(self._git) as objects:
            state = objects.read(f"{entry.commit}:{STATE}")
        try:
            raw = json.loads(state.data) if state else {}
            return replace(entry, project=str(raw["project"]), session=str(raw.get("session", "")))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return replace(entry, damage=entry.damage or f"its {STATE} cannot be read", event=None)


def _is_entry(objects: ObjectStream, name: str) -> bool:
    found = objects.read(name)
    parts = (f"{name}:{EVENT}", f"{name}:{STATE}")
    return found is not None and found.kind == "commit" and any(map(objects.read, parts))


def _options(span: Span) -> list[str]:
    options = [f"--grep=^{_literal(line)}$" for line in span.grep]
    options += ["--all-match"] * bool(span.grep) + ["--merges"] * span.merges
    options += [f"--max-count={span.limit}"] if span.limit is not None else []
    options += [f"--since={span.since}"] if span.since else []
    options += [f"--until={span.until}"] if span.until else []
    if span.graph:
        options += ["--graph", "--color=always" if span.color else "--color=never"]
    return options


def _literal(text: str) -> str:
    """`text` for a basic regular expression that means just that."""
    return "".join(f"\\{char}" if char in r"\.[]*^$" else char for char in text)
