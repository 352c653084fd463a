"""Outcomes of a push or a pull, how ledgers stand to the Agency's, and sync points: as lines and as JSON."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple, picked
from idse_orchestrator.base.text import counted, few, one_word, printable
from idse_orchestrator.cli.layout import PLAIN, Style, ago, coloured, headed, moved
from idse_orchestrator.cli.render.warnings import markers_warning, place_data
from idse_orchestrator.cli.terminal import Answer, Said, Warned, remark
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.ledger.refs import PUBLISHED, SYNC
from idse_orchestrator.sync.agency import ORIGIN
from idse_orchestrator.sync.published_refs import AHEAD, BEHIND, DIVERGED, EQUAL, PULL, PUSH
from idse_orchestrator.sync.syncing import MOVING, REFUSED, REJECTED, RESULTS, WAITING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.sync.agency import Agency
    from idse_orchestrator.sync.points import PointEntry
    from idse_orchestrator.sync.push import SyncStatus
    from idse_orchestrator.sync.setup_agency import AgencySetup
    from idse_orchestrator.sync.syncing import RefOutcome, SyncOutcome

_FAILED = (REFUSED, REJECTED, MOVING)
_WORDS = {WAITING: "to be pushed", MOVING: "kept moving"}
_SHORT = 7
_NEW_RULES = "  the Agency has other rules than before, and they hold here from now on: idse rule list"


def ref_label(ref: str) -> str:
    """Names a ref as people call it: ``portal/login``, ``project portal``, ``notes on commits``."""
    family, _, name = ref.removeprefix(PUBLISHED).partition("/")
    words = {"sessions": name, "projects": f"project {name}", "sync": f"sync points of {name}"}
    return printable(words.get(family, f"{family} on {name}" if family == "notes" else ref))


class Brought(NamedTuple):
    """The session whose folder a pull wrote into the work tree, and how many files.

    None where another branch has it: `branch`.
    """

    key: SessionKey
    files: int
    branch: str = ""

    @property
    def words(self) -> str:
        """Says so in a line."""
        if self.branch:
            name = "/".join(map(printable, self.key))
            return f"  {name} has its folder on {printable(self.branch)}, not here (idse restore brings it)"
        return f"  brought {session_folder(*self.key)}/ from its ledger ({counted(self.files, 'file')})"


def brought_folder(run: Run) -> Brought | None:
    """Writes the folder of the session that is worked on, where neither work tree nor branch has it."""
    from idse_orchestrator.worktree.session_folders import WorkFolders, branch_carrying

    app = run.app
    if app.is_bare:
        return None
    key = WorkFolders(app.top, app.work_tree.git_dir).current()
    # This alone is asked by a pull that finds nothing to do, and costs next to nothing.
    if key is None or os.path.isdir(os.path.join(app.top, session_folder(*key))):
        return None
    from idse_orchestrator.worktree.save import bring_folder

    if key not in app.reader.sessions(key[0]):
        return None
    branch = branch_carrying(app.vault.git, session_folder(*key))
    if branch:  # git would not switch to it over files of the same name
        return Brought(key, 0, branch)
    return Brought(key, bring_folder(app.reader, app.writer, app.workspace, key))


def outcome_answer(
    schema: str,
    outcome: SyncOutcome,
    style: Style,
    *,
    dry_run: bool = False,
    brought: Brought | None = None,
) -> Answer:
    """Answers what a push or a pull came to, and which folder it `brought`."""
    lines = _all_lines(outcome, style, dry_run=dry_run)
    told = brought if brought and brought.files else None

    def data() -> object:
        project, session = told.key if told else ("", "")
        folder = {"project": project, "session": session, "files": told.files} if told else None
        return {**outcome_data(outcome), **({"brought": folder} if outcome.direction == PULL else {})}

    refused, elsewhere = outcome.rules.refused, outcome.rules.elsewhere
    doubts = [remark("warning", rules_warning(refused))] if refused else []
    doubts += [remark("note", _elsewhere(elsewhere))] if elsewhere else []
    words = [Said(brought.words)] if brought and (told or brought.branch) else []
    return Answer(schema, data, [*lines, *words], doubts, code=outcome.exit_code)


def _all_lines(outcome: SyncOutcome, style: Style, *, dry_run: bool) -> Iterator[str]:
    yield Said(f"{'to' if outcome.direction == PUSH else 'from'} {outcome.agency.url}")
    yield from outcome_lines(outcome, style)
    for place in outcome.conflicts:
        yield markers_warning(ref_label(place.ref), place)
    if outcome.rules.are_new:
        yield Said(_NEW_RULES)
    if outcome.rules.elsewhere:
        yield Said(f"  {_elsewhere(outcome.rules.elsewhere)}")
    if outcome.rules.refused:
        yield Warned(rules_warning(outcome.rules.refused))
    summary = outcome_summary(outcome)
    if outcome.exit_code:
        yield Warned(summary)
    else:
        yield Said(f"{summary} (nothing was sent)" if dry_run and outcome.refs else summary)


def outcome_lines(outcome: SyncOutcome, style: Style = PLAIN) -> list[str]:
    """Returns a line for each ref that moved or failed; sync points only where they failed."""
    shown = [ref for ref in outcome.refs if ref.result in _FAILED or not ref.ref.startswith(SYNC)]
    rows = [(_WORDS.get(ref.result, ref.result), ref_label(ref.ref), _path(ref)) for ref in shown]
    tints = [style.red if ref.result in _FAILED else style.green for ref in shown]
    lines = []
    for ref, line in zip(shown, coloured(rows, tints), strict=True):
        lines += [line, *(f"      {printable(text)}" for text in (ref.why, ref.hint) if text)]
    return lines


def outcome_summary(outcome: SyncOutcome) -> str:
    """Returns one sentence that counts; only where nothing failed does it sound like success."""
    shown = [ref for ref in outcome.refs if not ref.ref.startswith(SYNC)]
    counts = [
        f"{count:,} {_WORDS.get(result, result)}"
        for result in RESULTS
        if (count := sum(ref.result == result for ref in shown))
    ]
    failed = sum(ref.result in _FAILED for ref in outcome.refs)
    if failed:
        return f"{failed:,} of {counted(len(outcome.refs), 'ref', ',')} failed: " + (
            ", ".join(counts) or "sync points"
        )
    rest = [f"{outcome.equal:,} up to date"] if outcome.equal else []
    return ", ".join([*counts, *rest]) if counts else "everything up to date"


def outcome_data(outcome: SyncOutcome) -> dict[str, object]:
    """Returns ``data`` of idse.sync-push/2 and idse.sync-pull/2."""
    return {
        "url": outcome.agency.url,
        "remote": outcome.agency.remote or None,
        "ok": outcome.exit_code == 0,
        "refs": [
            {
                "ref": ref.ref,
                "result": ref.result,
                "old": ref.old or None,
                "new": ref.new,
                "why": ref.why or None,
                "hint": ref.hint or None,
            }
            for ref in outcome.refs
        ],
        "up_to_date": outcome.equal,
        "sync_point": outcome.point or None,
        "conflicts": [place_data(place) for place in outcome.conflicts],
        "new_rules": outcome.rules.are_new,
    }


def _elsewhere(ids: Sequence[str]) -> str:
    """Says which rules the Agency alone judges."""
    return printable(f"judged by the Agency alone, as their check is not built in: {few(ids)}")


def rules_warning(why: str) -> str:
    """Says that the Agency's rules did not come in."""
    return printable(f"the Agency's rules did not come in, and those from before stay in force: {why}")


def setup_lines(done: AgencySetup) -> list[str]:
    """Says what was written down, and what to do next."""
    where = f"the Agency is {done.agency.url}, git remote {done.agency.remote}"
    if not done.written:
        return [f"{where}; nothing changed", teammate_line(done.agency)]
    code = ["  plain git push still sends your code there; ledgers go with idse sync push"]
    return [
        where,
        *(f"  {line}" for line in done.written),
        *(code if done.holds_code else []),
        teammate_line(done.agency),
        "next: idse sync push",
    ]


def teammate_line(agency: Agency) -> str:
    """Says how somebody else comes to the ledgers, in a clone of the code."""
    if agency.remote == ORIGIN:
        return "in a clone, a teammate types: idse init"
    return f"in a clone, a teammate types: idse init --agency {one_word(agency.url)}"


def standing_lines(status: SyncStatus, style: Style = PLAIN, *, everything: bool = False) -> list[str]:
    """Returns a line for each ref that differs (with `everything` for each), and what to do about it."""
    from idse_orchestrator.sync.push import CONFLICTED

    tints = {CONFLICTED: style.red, DIVERGED: style.yellow, BEHIND: style.yellow, AHEAD: style.cyan}
    shown = [ref for ref in status.refs if everything or ref.standing != EQUAL]
    rows = [(ref.standing, ref_label(ref.ref)) for ref in shown]
    above, lines = headed(("standing", "ledger"), rows)
    return [
        *(f"  {line}" for line in above),
        *(
            "  " + tints.get(ref.standing, str)(ref.standing) + line.removeprefix(ref.standing)
            for ref, line in zip(shown, lines, strict=True)
        ),
    ]


def standing_summary(status: SyncStatus) -> str:
    """Returns one sentence that counts what there is of each standing."""
    from idse_orchestrator.sync.push import STANDINGS

    counts = [f"{status.number(standing):,} {standing}" for standing in STANDINGS if status.number(standing)]
    last = f"; last {status.last.direction} {status.last.at}" if status.last else "; never synced"
    return (", ".join(counts) or "no ledger on either side") + last


def standing_data(status: SyncStatus) -> dict[str, object]:
    """Returns ``data`` of idse.sync-status/1."""
    from idse_orchestrator.sync.push import STANDINGS

    return {
        "url": status.agency.url,
        "remote": status.agency.remote or None,
        "reachable": status.unreachable is None,
        "counts": {standing: status.number(standing) for standing in STANDINGS},
        "refs": [
            {
                "ref": ref.ref,
                "standing": ref.standing,
                "local": ref.mine or None,
                "remote": ref.theirs or None,
            }
            for ref in status.refs
        ],
        "last_sync": picked(status.last, "at direction") if status.last else None,
        "conflicts": [place_data(place) for place in status.conflicts],
    }


def sync_point_line(point: PointEntry, now: float | None, style: Style = PLAIN) -> str:
    """Puts id, date, subject and clone on a line; `now` is the Unix time for relative dates."""
    when = _iso(point) if now is None else ago(now - point.at)
    clone = "this clone" if point.is_own else f"clone {point.replica}"
    short = style.yellow(point.commit[:_SHORT])
    return f"{short}  {when}  {printable(point.subject)}  {style.dim(printable(clone))}"


def sync_point_data(point: PointEntry) -> dict[str, object]:
    """Returns one entry of ``data`` of idse.log-sync/1."""
    return {
        "commit": point.commit,
        "at": _iso(point),
        **picked(point, "subject replica"),
        "own": point.is_own,
    }


def _iso(point: PointEntry) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(point.at))


def _path(ref: RefOutcome) -> str:
    return "" if ref.result in (REFUSED, REJECTED) else moved(ref.old, ref.new)
