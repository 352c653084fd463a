"""The ValidationEngine: what the rules notice in one document, and in a session.

Hits depend on one file's bytes and the constitution only. They can be kept under those two ids
and turned into findings whenever the session's state is known.

`examine` looks at one file and returns hits, which may be kept for as long as the file and the
constitution stay the same. `judge_session`, `judge_gate` and `judge_placement` turn hits and
paths into findings. All of them are pure: the same input gives the same findings in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.checks.document import Budget, Check, Document, Notice, TooCostlyError
from idse_orchestrator.constitution.checks.verbs import ANY_FILE, CONTENT, ENGINE, TEXT, VERBS, Verb
from idse_orchestrator.constitution.hits import DocumentKey, Hit, hits_to_json, marks, with_params
from idse_orchestrator.constitution.rules import CORE, SIDE_FILE, Constitution, Rule
from idse_orchestrator.documents.project_workspace import FileEntry

NO_EXTRA_CHECKS: Mapping[str, Check] = MappingProxyType({})

MOST_PER_RULE = 100
"""How many hits of one rule are kept for one file: a reader mends the first of them anyway."""

LONGEST_PARAM = 300
"""Characters of what a check found that a message shows."""

_CORE_UNITS, _CORE_UNITS_OF_BYTE = 20_000_000, 600
"""What each rule of the core may cost on a document: at any size, and for each byte."""

_LAYER_UNITS, _LAYER_UNITS_OF_BYTE = 4_000_000, 150
"""Bounds what all rules of one layer cost together: a project uses up nothing of the Agency's share."""

_UNITS_OF_HIT = 3000
"""What one hit costs until it is shown."""

_LONG = (
    "it would take too long here",
    "Make {artifact} smaller, or rule {about} simpler: fewer and shorter texts, shorter {m,n} in patterns",
)
_MISSING = "Install the package that brings the check `{verb}` and name it in the configuration, or mend it"


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
    plan = _plan(constitution, document.stage or SIDE_FILE)
    examination = _Examination(document, constitution, plan, extra_checks, {}, {})
    hits = [*examination.hits(ANY_FILE)]
    if document.is_regular and not _too_large(hits, constitution):
        hits += examination.hits(CONTENT)
        if document.is_text:
            hits += examination.hits(TEXT)
    return tuple(hits)


class _Question(NamedTuple):
    """A rule, its verb (None: not one of ours), and what it asks: check and options in words."""

    rule: Rule
    verb: Verb | None
    asked: tuple[str, str]


_Plan = Mapping[int, Sequence[_Question]]
"""The questions to one kind of file, by how much of the file each needs: ANY_FILE, CONTENT or TEXT."""

_plans: dict[tuple[int, str], tuple[Constitution, _Plan]] = {}
_MOST_PLANS = 64


def _plan(constitution: Constitution, kind: str) -> _Plan:
    """Returns what to ask of files of `kind`. It is the same for thousands of them, so it is kept."""
    known = _plans.get((id(constitution), kind))
    if known is not None and known[0] is constitution:
        return known[1]
    plan: dict[int, list[_Question]] = {}
    for rule in constitution.rules:
        if kind in rule.applies_to and not rule.is_judged_elsewhere:
            verb = VERBS.get(rule.check)
            question = _Question(rule, verb, (rule.check, repr(rule.options)))
            plan.setdefault(verb.needs if verb else TEXT, []).append(question)
    if len(_plans) >= _MOST_PLANS:
        _plans.clear()
    _plans[id(constitution), kind] = (constitution, plan)
    return plan


class _Examination(NamedTuple):
    document: Document
    constitution: Constitution
    plan: _Plan
    extra_checks: Mapping[str, Check]
    budgets: dict[str, Budget]
    """Holds what each layer may still cost."""
    known: dict[tuple[str, str], Sequence[Notice]]
    """What a check noticed, by its name and options: rules may differ in their words only."""

    def hits(self, needs: int) -> Iterator[Hit]:
        for question in self.plan.get(needs, ()):
            yield from self._hits_of(question)

    def _hits_of(self, question: _Question) -> Iterator[Hit]:
        rule, verb, asked = question
        budget = self.document.budget = self._budget(rule)
        hits: list[Hit] = []
        seen = Counter[str]()
        try:
            run = verb.check if verb else self.extra_checks.get(rule.check)
            if run is None:
                yield from self._not_run(rule, "its check is not installed here")
                return
            budget.spend(200 + self.document.size // 8)
            for notice in self._notices(rule, run, asked):
                budget.spend(_UNITS_OF_HIT + len(rule.message) + len(rule.hint))
                hits.append(_hit(rule, notice, self.document, seen))
            yield from hits
        except TooCostlyError:
            yield from (*hits, *self._not_run(rule, *_LONG))
        except Exception as error:  # noqa: BLE001 - a check from elsewhere may raise anything; examine never does
            yield from self._not_run(rule, f"its check failed with {type(error).__name__}")

    def _budget(self, rule: Rule) -> Budget:
        size = self.document.size
        if rule.origin == CORE:
            return Budget(_CORE_UNITS + _CORE_UNITS_OF_BYTE * size, foresees=False)
        if rule.origin not in self.budgets:
            self.budgets[rule.origin] = Budget(_LAYER_UNITS + _LAYER_UNITS_OF_BYTE * size)
        return self.budgets[rule.origin]

    def _notices(self, rule: Rule, run: Check, asked: tuple[str, str]) -> Iterator[Notice]:
        if asked in self.known:
            yield from self.known[asked]
            return
        found = []
        for notice in islice(run(self.document, rule.options), MOST_PER_RULE):
            found.append(notice)
            yield notice
        self.known[asked] = found

    def _not_run(self, rule: Rule, why: str, fix: str = _MISSING) -> Iterator[Hit]:
        params = {"about": rule.id, "verb": rule.check, "why": why}
        params["fix"] = with_params(fix, {**params, "artifact": self.document.path})
        for reporting in self.constitution.rules:
            if reporting.check in VERBS and VERBS[reporting.check].needs == ENGINE:
                yield Hit(reporting.id, params=params)


def _too_large(hits: Sequence[Hit], constitution: Constitution) -> bool:
    """Tests whether the core says so.

    A project's own, smaller limit must not keep other rules from looking.
    """
    rules = (constitution.by_id[hit.rule] for hit in hits)
    return any(rule.check == "max_size" and rule.origin == CORE for rule in rules)


def _hit(rule: Rule, notice: Notice, document: Document, seen: Counter[str]) -> Hit:
    params = {str(name): _short(str(value)) for name, value in notice.params.items()}
    places = notice.places or (_place(notice, document, params),)
    return Hit(rule.id, notice.line, notice.column, params, rule.severity_of or "", marks(places, seen))


def _place(notice: Notice, document: Document, params: Mapping[str, str]) -> str:
    """Returns the text of the line that a notice is about; of the whole file, what is said of it."""
    if 0 < notice.line <= len(document.lines) and document.is_text:
        return document.lines[notice.line - 1]
    return " ".join(params[name] for name in sorted(params))


def _short(words: str) -> str:
    return words if len(words) <= LONGEST_PARAM else words[:LONGEST_PARAM] + "…"


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
