"""The ValidationEngine: what the rules notice in one document, and in a session.

Hits depend on one file's bytes and the constitution only. They can be kept under those two ids
and turned into findings whenever the session's state is known.

`examine` looks at one file and returns hits, which may be kept for as long as the file and the
constitution stay the same. `judge_session`, `judge_gate` and `judge_placement` turn hits and
paths into findings. All of them are pure: the same input gives the same findings in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from idse_orchestrator.constitution.checks.document import Check, Document, Notice
from idse_orchestrator.constitution.checks.verbs import ANY_FILE, CONTENT, ENGINE, TEXT, VERBS, Verb
from idse_orchestrator.constitution.hits import DocumentKey, Hit, hits_to_json
from idse_orchestrator.constitution.rules import CORE, SIDE_FILE, Constitution, Rule
from idse_orchestrator.documents.project_workspace import FileEntry

NO_EXTRA_CHECKS: Mapping[str, Check] = MappingProxyType({})

MOST_PER_RULE = 100
"""How many hits of one rule are kept for one file: a reader mends the first of them anyway."""


def examine(
    path: str,
    entry: FileEntry,
    data: bytes,
    constitution: Constitution,
    extra_checks: Mapping[str, Check] = NO_EXTRA_CHECKS,
) -> tuple[Hit, ...]:
    """Returns everything the rules notice in the file at `path` (relative to its session's folder).

    Pure, and never raises on any bytes: keep the answer under (constitution.id, path, entry.mode,
    entry.blob). `extra_checks` are the installed check verbs by name. A file larger than the
    constitution allows is not read: `data` may then be empty.
    """
    document = Document(path, entry, data)
    kind = document.stage or SIDE_FILE
    rules = [rule for rule in constitution.rules if kind in rule.applies_to]
    examination = _Examination(document, constitution, rules, extra_checks)
    hits = [*examination.hits(ANY_FILE)]
    if document.is_regular and not _too_large(hits, constitution):
        hits += examination.hits(CONTENT)
        if document.is_text:
            hits += examination.hits(TEXT)
    return tuple(hits)


class _Examination(NamedTuple):
    document: Document
    constitution: Constitution
    rules: Sequence[Rule]
    extra_checks: Mapping[str, Check]

    def hits(self, needs: int) -> Iterator[Hit]:
        for rule in self.rules:
            verb = VERBS.get(rule.check) or Verb(TEXT, (), self.extra_checks.get(rule.check))
            if verb.needs == needs:
                yield from self._hits_of(rule, verb)

    def _hits_of(self, rule: Rule, verb: Verb) -> Iterator[Hit]:
        try:
            run = verb.check
            if run is None:
                yield from self._not_run(rule, "its check is not installed here")
                return
            notices = list(islice(run(self.document, rule.options), MOST_PER_RULE))
            yield from [_hit(rule, notice) for notice in notices]
        except Exception as error:  # noqa: BLE001 - a check from elsewhere may raise anything; examine never does
            yield from self._not_run(rule, f"its check failed with {type(error).__name__}")

    def _not_run(self, rule: Rule, why: str) -> Iterator[Hit]:
        for reporting in self.constitution.rules:
            if reporting.check in VERBS and VERBS[reporting.check].needs == ENGINE:
                yield Hit(reporting.id, params={"about": rule.id, "verb": rule.check, "why": why})


def _too_large(hits: Sequence[Hit], constitution: Constitution) -> bool:
    """Tests whether the core says so.

    A project's own, smaller limit must not keep other rules from looking.
    """
    rules = (constitution.by_id[hit.rule] for hit in hits)
    return any(rule.check == "max_size" and rule.origin == CORE for rule in rules)


def _hit(rule: Rule, notice: Notice) -> Hit:
    params = {str(name): str(value) for name, value in notice.params.items()}
    return Hit(rule.id, notice.line, notice.column, params, rule.severity_of or "")


class Job(NamedTuple):
    """A file to examine; `size` is known even where `data` was not loaded."""

    key: DocumentKey
    size: int
    data: bytes


def examine_batch(
    jobs: Iterable[Job], constitution: Constitution, extra_checks: Mapping[str, Check]
) -> list[str]:
    """Returns the verdict on each job, in order."""
    return [
        hits_to_json(
            examine(
                job.key.path,
                FileEntry(job.key.mode, job.key.blob, job.size),
                job.data,
                constitution,
                extra_checks,
            )
        )
        for job in jobs
    ]
