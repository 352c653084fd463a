"""Judges what stands on ``refs/idse/sync/<replica>``: a line of commits that hold one ``sync.json`` each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import FORMAT, PLAIN, is_ulid
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.git.raw_objects import strict_tree
from idse_orchestrator.ledger.defects import Defect
from idse_orchestrator.ledger.refs import PUBLISHED, NewerFormatError, newer_format
from idse_orchestrator.sync.guard_ledgers import plan_of
from idse_orchestrator.sync.guard_objects import GuardObjects
from idse_orchestrator.sync.points import FILE, sync_point_from_json
from idse_orchestrator.sync.published_refs import PULL, PUSH, RefMove

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.fsck import FoundRef
    from idse_orchestrator.sync.guard_ledgers import Stretch

_AT_ONCE = 200
_SMALL = 4096
"""A tree of one entry; a larger one holds more."""


class SyncVerdict(NamedTuple):
    """One commit: the clone whose sync point it is ("" : it is none), and (code, what) of what is wrong."""

    replica: str
    problem: tuple[str, str] | None


def sync_line_defects(
    objects: GuardObjects, stretches: Sequence[Stretch], owners: Mapping[str, str]
) -> Iterator[Defect]:
    """Yields what is wrong with the sync points in `stretches`; `owners` names the clone of each ref."""
    verdicts = judge_sync_points(
        objects, (name for stretch in stretches for name in stretch.fresh if stretch.is_forward)
    )
    for stretch in stretches:
        if not stretch.is_forward and stretch.fresh:
            what = "it does not go on from the sync points of this clone that are known here"
            yield Defect(stretch.ref, stretch.fresh[-1], "sync-fork", what)
        elif stretch.fresh:
            yield from _line_defects(stretch, verdicts, owners[stretch.ref])


def judge_sync_points(objects: GuardObjects, commits: Iterable[str]) -> dict[str, SyncVerdict]:
    """Returns the verdict on each of `commits`."""
    wanted = list(dict.fromkeys(commits))
    found: dict[str, SyncVerdict] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        found.update(_chunk(objects, wanted[start : start + _AT_ONCE]))
    return found


def _line_defects(stretch: Stretch, verdicts: Mapping[str, SyncVerdict], own: str) -> Iterator[Defect]:
    problems = [(name, verdicts[name].problem) for name in stretch.fresh]
    found = [Defect(stretch.ref, name, *problem) for name, problem in problems if problem is not None]
    wrong = None if found else line_problem([verdicts[name].replica for name in stretch.fresh], own)
    yield from found
    if wrong is not None:
        yield Defect(stretch.ref, stretch.fresh[-1], "sync-point", wrong)


def line_problem(replicas: Sequence[str], own: str) -> str | None:
    """Returns what is wrong with sync points of `replicas`, the oldest first, on the ref of `own`; or None.

    A clone that found out that it is a copy goes on under a new id, on top of all it noted before.
    """
    if not replicas or replicas[-1] != own:
        return f"it is of another clone than {own}"
    above = replicas[replicas.index(own) :]
    return None if set(above) == {own} else f"points of other clones stand above those of {own}"


def _chunk(objects: GuardObjects, commits: Sequence[str]) -> Iterator[tuple[str, SyncVerdict]]:
    raw = objects.commits(commits)
    trees = objects.read((each.tree for each in raw.values() if each), "tree", _SMALL)
    there = []
    for name in commits:
        commit = raw.get(name)
        blob = _blob(trees.get(commit.tree, b"")) if commit else ""
        if commit is None or commit.encoded:
            yield name, _bad("commit-shape", "it is missing, or has lines or bytes that idse never writes")
        elif len(commit.parents) > 1:
            what = f"it has {len(commit.parents)} parents, and sync points form a line"
            yield name, _bad("sync-fork", what)
        elif not blob:
            yield name, _bad("tree-shape", f"its tree is not the one file {FILE} of mode {PLAIN}")
        else:
            there.append((name, commit, blob))
    for (name, commit, _), data in objects.each_loaded(there, lambda row: row[2], MAX_SYNC_BYTES):
        yield name, _verdict(data, commit.message)


def _verdict(data: bytes | None, message: bytes) -> SyncVerdict:
    if data is None:
        return _bad("sync-point", f"{FILE} is missing, or is beyond all measure")
    newer = newer_format(data)
    if newer:
        return _bad("newer-format", str(NewerFormatError(newer)))
    problem = sync_point_problem(data, message)
    return (
        SyncVerdict(sync_point_from_json(data).replica, None)
        if problem is None
        else _bad("sync-point", problem)
    )


def _bad(code: str, what: str) -> SyncVerdict:
    return SyncVerdict("", (code, what))


def _blob(data: bytes) -> str:
    entries = strict_tree(data) or []
    is_one = len(entries) == 1 and entries[0].mode == PLAIN and entries[0].name == FILE.encode()
    return entries[0].id if is_one else ""


def sync_problems(vault: Vault, refs: Sequence[FoundRef]) -> Iterator[Defect]:
    """Yields what is wrong with all sync points that can be reached from `refs`, which point at commits."""
    with GuardObjects(vault, None) as objects:
        plan = plan_of(objects.own_git, [RefMove(ref.name, "", ref.target) for ref in refs])
        for name, words in plan.unreadable.items():
            yield Defect(name, "", "missing-object", words)
        yield from sync_line_defects(objects, plan.stretches, {ref.name: ref.replica for ref in refs})


def sound_tips(vault: Vault, refs: Sequence[FoundRef]) -> frozenset[str]:
    """Returns the names of those `refs` whose tip is a sync point of their clone; nothing below is read."""
    wanted = [ref for ref in refs if ref.replica and ref.target]
    if not wanted:
        return frozenset()
    with GuardObjects(vault, None) as objects:
        verdicts = judge_sync_points(objects, (ref.target for ref in wanted))
    return frozenset(ref.name for ref in wanted if verdicts[ref.target] == (ref.replica, None))


MAX_SYNC_BYTES = 64 * 1024 * 1024
"""A sync point beyond this is not read: it would name more than 400,000 refs."""


_ID = re.compile(r"[0-9a-f]{40}")


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


_REF = re.compile(rf"{PUBLISHED}[A-Za-z0-9._/-]+", re.ASCII)


_KEYS = frozenset({"format", "at", "direction", "remote", "replica", "refs"})


_TRAILER = re.compile(r"Idse-[A-Za-z]+:", re.IGNORECASE)


def sync_point_problem(data: bytes, message: bytes) -> str | None:
    """Returns what keeps `data` and the commit's `message` from being a sync point, or None."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        return f"{FILE} is no JSON: {error}"
    problem = next(_problems(raw), None)
    if problem is not None:
        return f"{FILE}: {problem}"
    point = sync_point_from_json(data)
    if point.to_json() != data:
        return f"{FILE} is not in the canonical form"
    found = _trailers(message.decode("utf-8", "replace"))
    return None if found == _trailers(point.message()) else f"its trailers do not say what {FILE} says"


def _trailers(message: str) -> list[str]:
    return [line for line in message.split("\n") if _TRAILER.match(line)]


def _problems(raw: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(raw, dict) or raw.keys() != _KEYS:
        yield f"it does not have the keys {', '.join(sorted(_KEYS))} and no other"
        return
    if raw["format"] != FORMAT or isinstance(raw["format"], bool):
        yield f"format {raw['format']!r} is not the {FORMAT} that this idse reads"
    if raw["direction"] not in (PUSH, PULL):
        yield f"direction {raw['direction']!r} is neither {PUSH} nor {PULL}"
    if not isinstance(raw["at"], str) or not _MOMENT.fullmatch(raw["at"]):
        yield f"at {raw['at']!r} is no moment in UTC"
    if not isinstance(raw["remote"], str) or "://" in raw["remote"]:
        yield "remote is not the name of a remote"
    if not isinstance(raw["replica"], str) or not is_ulid(raw["replica"]):
        yield f"replica {raw['replica']!r} is not the id of a clone"
    yield from _ref_problems(raw["refs"])


def _ref_problems(refs: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(refs, list) or not all(_is_move(moved) for moved in refs):
        yield "refs is not a list of {ref, old, new}"
    elif len({moved["ref"] for moved in refs}) != len(refs):
        yield "a ref stands there twice"


def _is_move(moved: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(moved, dict) or len(moved) != len(RefMove._fields):
        return False
    ref, old, new = (moved.get(name) for name in RefMove._fields)
    return (
        isinstance(ref, str)
        and _REF.fullmatch(ref) is not None
        and isinstance(old, str)
        and (not old or _ID.fullmatch(old) is not None)
        and isinstance(new, str)
        and _ID.fullmatch(new) is not None
    )
