"""Replay every ledger and compare it with what its commits say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from idse_orchestrator.ledger.commit import LedgerCommit
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.kinds import EVENTS, NOTES, SYNC_POINTS, Kind, Named
from idse_orchestrator.ledger.replay import ExpectedMerge, Replay, merge_problems

SyncProblems = Callable[[Sequence["FoundRef"]], Iterable[Defect]]
"""What is wrong with the sync points on refs that point at commits."""
Progress = Callable[[str], None]
NOT_HERE = "the ref points at an object that is not here"
EVERY = 500
"""Progress is told after so many commits."""


@dataclass(frozen=True, slots=True)
class FoundRef:
    """A ref under ``refs/idse/``: where it points ("" when that cannot be read), and through which ref.

    `kind` is that of its family, None where this idse knows no such family; `named` is what its name says,
    None where it is no name of this kind.
    """

    name: str
    target: str
    symbolic: str = ""
    kind: Kind | None = None
    named: Named | None = None

    @property
    def holds(self) -> str:
        """What refs of its family hold: `kinds.EVENTS`, …; "" for an unknown family."""
        return self.kind.holds if self.kind else ""

    @property
    def project(self) -> str:
        """The project that its name says, or ""."""
        return self._part("project")

    @property
    def session(self) -> str:
        """The session that its name says, or ""."""
        return self._part("session")

    @property
    def replica(self) -> str:
        """The clone whose sync points it holds, or ""."""
        return self._part("replica")

    def _part(self, part: str) -> str:
        return (
            dict(zip(self.named.kind.parts, self.named.names, strict=True)).get(part, "")
            if self.named
            else ""
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a ledger, parents first. `is_cut`: all of the history passes through it."""

    commit: LedgerCommit
    is_cut: bool
    is_tip: bool


class LedgerSource(Protocol):
    """Everything under ``refs/idse/``, as it is, good or bad. Writes nothing."""

    def refs(self) -> Sequence[FoundRef]:
        """Returns all refs there, in order; those whose file is damaged too."""

    def kinds(self, ids: Iterable[str]) -> Sequence[str]:
        """Returns the kind of object behind each id ("commit", …); "" where it is missing or damaged."""

    def history(self, tip: str) -> Iterator[Step]:
        """Yields every commit that can be reached from `tip` and read, parents first."""

    def merges(self, tip: str) -> Iterable[tuple[str, Sequence[str]]]:
        """Returns (commit, parents) of every merge that can be reached from `tip`."""

    def notes_problems(self, tip: str) -> Iterable[tuple[str, str]]:
        """Returns (code, what) of whatever makes the commit `tip` something else than git notes of idse."""


@dataclass(frozen=True, slots=True)
class LedgerVerdict:
    """One ledger: its ref, how many commits it has, and the last one up to which nothing is wrong."""

    ref: str
    commits: int
    sound: str
    defects: int


@dataclass(frozen=True, slots=True)
class FsckReport:
    """What a run found. `notes` are worth saying and no defects."""

    ledgers: tuple[LedgerVerdict, ...]
    defects: tuple[Defect, ...]
    notes: tuple[Defect, ...]

    def and_also(self, other: FsckReport) -> FsckReport:
        """Returns this report with the ledgers and the defects of another one."""
        return FsckReport((*self.ledgers, *other.ledgers), (*self.defects, *other.defects), self.notes)

    @property
    def commits(self) -> int:
        """How many commits were replayed."""
        return sum(ledger.commits for ledger in self.ledgers)


def check_ledgers(
    source: LedgerSource,
    *,
    only: Callable[[FoundRef], bool] = lambda _: True,
    on_progress: Progress = lambda _: None,
    expected: ExpectedMerge | None = None,
    sync_problems: SyncProblems = lambda _: (),
) -> FsckReport:
    """Checks every ledger that `only` chooses. What cannot be read is a defect, never an exception.

    With `expected`, every merge is made again and compared. `sync_problems` looks at sync points.
    """
    refs = source.refs()
    chosen = [ref for ref in refs if only(ref)]
    found = [*name_defects(chosen, refs), *_without_project(chosen, refs)]
    ledgers, lines = [], []
    readable = [ref for ref in chosen if ref.target]
    for ref, kind in zip(readable, source.kinds(ref.target for ref in readable), strict=True):
        if kind != "commit":
            found.append(no_commit(ref, kind))
        elif ref.holds == NOTES:
            found += [Defect(ref.name, ref.target, *problem) for problem in source.notes_problems(ref.target)]
            found += _merged_notes(source, ref, expected) if expected else ()
        elif ref.named and ref.holds == SYNC_POINTS:
            lines.append(ref)
        elif ref.named and ref.holds == EVENTS:
            verdict, defects = _replayed(
                source, ref, Replay(ref.name, ref.named, expected=expected), on_progress
            )
            ledgers.append(verdict)
            found += defects
    found += sync_problems(lines) if lines else ()
    on_progress("")
    return FsckReport(
        tuple(ledgers),
        tuple(defect for defect in found if not defect.is_note),
        tuple(defect for defect in found if defect.is_note),
    )


def ledger_defects(source: LedgerSource, ref: FoundRef) -> Sequence[Defect]:
    """Returns what is wrong with the ledger that `ref` points at; merges are not made again."""
    if not ref.named:
        return [Defect(ref.name, ref.target, "ref-name", "idse gives no such name")]
    found = _replayed(source, ref, Replay(ref.name, ref.named), lambda _: None)[1]
    return [defect for defect in found if not defect.is_note]


def _replayed(
    source: LedgerSource, ref: FoundRef, replay: Replay, on_progress: Progress
) -> tuple[LedgerVerdict, list[Defect]]:
    found: list[Defect] = []
    count = 0
    for step in source.history(ref.target):
        found += replay.step(step.commit, is_cut=step.is_cut, is_tip=step.is_tip)
        count += 1
        if count % EVERY == 0:
            on_progress(f"{ref.name}: {count:,} commits")
        if replay.stopped:
            break
    found += replay.end()
    defects = sum(not defect.is_note for defect in found)
    return LedgerVerdict(ref.name, count, replay.sound, defects), found


def _merged_notes(source: LedgerSource, ref: FoundRef, expected: ExpectedMerge) -> Iterator[Defect]:
    for commit, parents in source.merges(ref.target):
        if len(parents) != 2 or list(parents) != sorted(parents):
            what = f"its {len(parents)} parents are not two in the order of their ids"
            yield Defect(ref.name, commit, "merge-parents", what)
            continue
        for problem in merge_problems(ref.name, commit, parents, expected):
            yield Defect(ref.name, commit, *problem)


def name_defects(refs: Iterable[FoundRef], every: Iterable[FoundRef]) -> Iterator[Defect]:
    """Yields what is wrong with the names of `refs` among `every` ref, and what git cannot read or follow."""
    names: dict[str, set[str]] = {}
    for ref in every:
        for name in (ref.name, ref.name.rpartition("/")[0]):
            names.setdefault(name.casefold(), set()).add(name)
    for ref in refs:
        yield from _of_ref(ref, names)


def _without_project(refs: Iterable[FoundRef], every: Iterable[FoundRef]) -> Iterator[Defect]:
    """Yields the first session of each project whose own ledger is not here."""
    there = {ref.project for ref in every if ref.named and not ref.session}
    first = {ref.project: ref for ref in sorted(refs, key=lambda ref: ref.name, reverse=True) if ref.session}
    for project, ref in first.items():
        if project not in there:
            what = f"its project {project} has no ledger here"
            yield Defect(ref.name, "", "missing-project", what)


def _of_ref(ref: FoundRef, all_refs: Mapping[str, set[str]]) -> Iterator[Defect]:
    if not ref.target:
        what = f"it leads to {ref.symbolic}, and nothing is there" if ref.symbolic else "it cannot be read"
        yield Defect(ref.name, "", "ref-broken", what)
    elif ref.symbolic:
        yield Defect(ref.name, "", "ref-symbolic", f"it leads to {ref.symbolic}")
    if ref.kind and not ref.kind.is_open and not ref.named:
        what = "id" if ref.holds == SYNC_POINTS else "name"
        yield Defect(ref.name, "", "ref-name", f"no {ref.kind.name} can have this {what}")
    if not ref.kind:
        yield Defect(ref.name, "", "unknown-ref", "this idse does not know what it is for")
    yield from _collisions(ref, all_refs)


def _collisions(ref: FoundRef, all_refs: Mapping[str, set[str]]) -> Iterator[Defect]:
    """Yields names that are one where case does not count, told at the later of the two."""
    for name in (ref.name, ref.name.rpartition("/")[0]):
        for other in sorted(all_refs.get(name.casefold(), ())):
            if other < name:
                yield Defect(ref.name, "", "ref-case", f"{name} differs from {other} only in case")


def no_commit(ref: FoundRef, kind: str) -> Defect:
    """Returns what is wrong with a ref at an object of this `kind`, "" for one that is not here."""
    if not kind:
        return Defect(ref.name, ref.target, "missing-object", NOT_HERE)
    return Defect(ref.name, ref.target, "ref-kind", f"the ref points at a {kind}, not at a commit")
