"""``idse report``: all sessions of all projects, as a table, as JSON, or as one page for a browser."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.files import write_atomically
from idse_orchestrator.base.records import picked, picked_or_none
from idse_orchestrator.base.text import counted, one_word, printable
from idse_orchestrator.cli.envelope import diagnostic
from idse_orchestrator.cli.layout import Style, fitted, headed
from idse_orchestrator.cli.options import command, flag
from idse_orchestrator.cli.render.status import called, conflict_places, drift_words, stage_signs
from idse_orchestrator.cli.terminal import Answer, Raw, Said
from idse_orchestrator.documents.project_workspace import IMPLEMENTATION, STAGES
from idse_orchestrator.errors import EXIT_OK, ForeignFileError, StorageError, UsageError, worst_exit
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED, FAILING
from idse_orchestrator.sessions.status import CONFLICTED, UNREADABLE, Surveyed, survey

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.sessions.status import SessionStatus

_SEAL = "<!-- idse report sha256:{} -->\n"
_SEALED = re.compile(rb"<!-- idse report sha256:([0-9a-f]{64}) -->\n\Z")
_MOST_BYTES = 256 * 1024 * 1024
"""Far more than a page of ours can have; a larger file is none, and is not read."""
_WIDTH = 100
_AGENCY = {
    "equal": "as the Agency had it",
    "ahead": "ahead of the Agency",
    "behind": "behind the Agency",
    "diverged": "diverged from the Agency",
}
_MOST_WALKED = 50
"""Sessions of which it is looked up whether their code drifted."""
_DONE = ("complete", "changed", "stale")

Relations = Mapping[str, str]
"""Ref of a ledger to how it stands to the Agency."""


@command("report", reads=True)
@click.option("--html", "page", metavar="FILE", help="Write one page for a browser; - for standard output.")
@flag("--force", help="Replace a FILE that idse did not write, or that was edited.")
def report(run: Run, page: str | None, *, force: bool) -> Answer:
    """Show how all sessions of all projects stand: first those that need a look, then the others.

    A session needs a look where its ledger holds a conflict or cannot be read, and where a complete stage
    is not any more what was completed. Documents count as they are in this work tree, and as the ledger has
    them where the session has no folder here. How a ledger stands to the Agency is from memory: nothing is
    asked of the network.

    With --html it is one page that loads nothing from anywhere, for a browser, a wiki or a printer. The same
    state gives the same page. With --project only that project's sessions are shown.
    """
    _refuse_contradictions(run, page, force=force)
    app = run.app
    projects = run.projects
    keys = [key for key in app.reader.sessions() if key[0] in projects]
    surveyed = survey(app.reader, app.workspace, keys, frozenset(app.workspace.session_folders()))
    found = [each for each in surveyed if not (each.status and each.status.state.is_deleted)]
    relations = app.sync.remembered()
    drifted = _drifted(run, found)
    damage = [each.damage for each in found if each.damage]
    lines: Iterable[str | Raw] = _table(found, relations, drifted, run.terminal.style)
    if page is not None:
        lines = _page_lines(page, found, relations, drifted, force=force)

    def all_lines() -> Iterator[str | Raw]:
        yield from lines
        yield Said(_summary(found))
        if damage:
            raise damage[0]

    return Answer(
        "idse.report/1",
        lambda: {"sessions": [_data(each, relations, drifted) for each in found]},
        all_lines(),
        map(diagnostic, damage),
        worst_exit(each.exit_code for each in damage) if damage else EXIT_OK,
    )


def _refuse_contradictions(run: Run, page: str | None, *, force: bool) -> None:
    if page is not None and run.terminal.as_json:
        raise UsageError("--html and --json exclude each other", fix=("give one of them",))
    if page == "":
        raise UsageError("--html names no file", fix=("idse report --html report.html",))
    if force and page is None:
        raise UsageError("--force needs --html", fix=("idse report --html report.html --force",))


def _summary(found: Sequence[Surveyed]) -> str:
    projects = {each.key[0] for each in found}
    needy = sum(bool(each.needs) for each in found)
    words = f"{needy:,} need a look" if needy != 1 else "1 needs a look"
    counts = f"{counted(len(found), 'session', ',')} in {counted(len(projects), 'project', ',')}"
    return f"{counts}, {words if needy else 'none needs a look'}"


def _drifted(run: Run, found: Iterable[Surveyed]) -> Mapping[SessionKey, int]:
    """Returns how many commits drifted from each session, of those that moved last: each takes a walk."""
    there = [each for each in found if each.status and each.status.state.status != ARCHIVED]
    done = [each for each in there if each.conditions[IMPLEMENTATION] in _DONE]
    done.sort(key=lambda each: (_who(each)[0], each.key), reverse=True)
    return {
        each.key: run.app.known_drift(each.key, each.status.tip, each.status.state)
        for each in done[:_MOST_WALKED]
        if each.status
    }


def _agency(each: Surveyed, relations: Relations) -> str | None:
    return relations.get(session_ref(*each.key)) if relations else None


def _who(each: Surveyed) -> tuple[str, str]:
    """Returns when something happened last, and who it was; a merge of two clones was nobody."""
    if each.last is not None:
        return each.last.at, each.last.actor.label
    return (each.status.state.updated_at if each.status else ""), ""


# --- as JSON ---


def _data(each: Surveyed, relations: Relations, drifted: Mapping[SessionKey, int]) -> dict[str, object]:
    common = {"project": each.key[0], "session": each.key[1], "needs": list(each.needs)}
    if each.status is None:
        return {**common, "problem": each.damage and each.damage.message}
    state = each.status.state
    last = each.last
    return {
        **common,
        **picked_or_none(state, "alias"),
        **picked(state, "title type owner tags"),
        "status": state.effective_status,
        "stages": [
            {
                "stage": here.stage,
                "status": here.status,
                "condition": each.conditions[here.stage],
                "causes": list(here.causes),
                "at": state.stages[here.stage].at or None,
                "by": state.stages[here.stage].by or None,
            }
            for here in each.status.stages
        ],
        "conflicts": [{"path": path, "line": line} for path, line in each.status.ledger.conflicts.items()],
        "last": {
            "at": last.at if last else state.updated_at,
            "by": last.actor.label if last else None,
            "kind": last.kind if last else "merge",
        },
        "validation_status": state.validation.status,
        "waivers": [picked(waiver, "rule reason expires by") for waiver in state.waivers],
        "drifted": drifted.get(each.key),
        "ledger": each.status.tip,
        "agency": _agency(each, relations),
    }


# --- as a table ---


def _table(
    found: Sequence[Surveyed], relations: Relations, drifted: Mapping[SessionKey, int], style: Style
) -> Iterator[str]:
    names = [printable(_name(each)) for each in found]
    rows = [
        (name, *_cells(each, relations, drifted.get(each.key, 0)))
        for name, each in zip(names, found, strict=True)
    ]
    head: tuple[str, ...] = ("session", "stages", "condition", "last", "by", "Agency", "title")
    if not any(row[5] for row in rows):  # nothing to say of the Agency
        head, *rows = [(*row[:5], *row[6:]) for row in (head, *rows)]
    above, lines = headed(head, rows)
    yield from above
    for name, each, line in zip(names, found, lines, strict=True):
        is_bad = not {CONFLICTED, UNREADABLE}.isdisjoint(each.needs)
        tint = style.red if is_bad else style.yellow if each.needs else str
        yield name + tint(fitted(line, _WIDTH).removeprefix(name))


def _name(each: Surveyed) -> str:
    return f"{each.key[0]}/{called(each.status.state) if each.status else each.key[1]}"


def _cells(each: Surveyed, relations: Relations, drifted: int) -> tuple[str, ...]:
    if each.status is None:
        return "", f"cannot be read: idse fsck {'/'.join(each.key)}", "", "", "", ""
    state, agency = each.status.state, _agency(each, relations) or ""
    at, by = _who(each)
    condition = (_need_words(each) or state.effective_status) + (", drifted" if drifted else "")
    differs = "" if agency == "equal" else agency
    return stage_signs(state), condition, at[:10], printable(by), differs, printable(state.title)


def _need_words(each: Surveyed) -> str:
    """Returns what needs a look, and in which stages: ``changed: intent; stale: context, spec``."""
    by_word = {word: [stage for stage in STAGES if each.conditions.get(stage) == word] for word in each.needs}
    return "; ".join(f"{word}: {', '.join(stages)}" if stages else word for word, stages in by_word.items())


# --- as a page ---


def _page_lines(
    path: str,
    found: Sequence[Surveyed],
    relations: Relations,
    drifted: Mapping[SessionKey, int],
    *,
    force: bool,
) -> list[str | Raw]:
    content = _page(found, relations, drifted)
    if path == "-":
        return [Raw([content])]
    _write(path, content, force=force)
    return [printable(path)]


def _page(found: Sequence[Surveyed], relations: Relations, drifted: Mapping[SessionKey, int]) -> bytes:
    """Returns the page, with a seal at its end by which idse knows its own page again."""
    from markupsafe import Markup

    from idse_orchestrator.server.pages.rendering import html, sheet

    style = sheet("tokens.css", "report.css")
    projects = dict.fromkeys(sorted(each.key[0] for each in found))
    newest = max((_who(each)[0] for each in found), default="")
    content = html(
        "report",
        sheet=Markup(style.decode()),  # noqa: S704 - our own
        style_hash=b64encode(hashlib.sha256(style).digest()).decode(),
        title=printable(f"Sessions of {', '.join(projects)}" if projects else "No session yet"),
        summary=_summary(found),
        newest=printable(newest),
        groups=[
            ("These need a look", [_row(each, relations, drifted) for each in found if each.needs]),
            ("All others", [_row(each, relations, drifted) for each in found if not each.needs]),
        ],
    )
    return content + _SEAL.format(hashlib.sha256(content).hexdigest()).encode()


def _row(each: Surveyed, relations: Relations, drifted: Mapping[SessionKey, int]) -> dict[str, object]:
    """Returns what the page shows of a session; every text is printable."""
    name = {"project": each.key[0], "session": each.key[1]}
    if each.status is None:
        return {**name, "problem": printable(each.damage.message if each.damage else "")}
    state = each.status.state
    at, by = _who(each)
    return {
        **name,
        "session": printable(called(state)),
        "problem": "",
        "title": printable(state.title),
        "type": printable(state.type),
        "status": printable(state.effective_status),
        "is_archived": state.status == ARCHIVED,
        "owner": printable(state.owner),
        "stages": [_stage(each, here.stage, here.causes) for here in each.status.stages],
        "last": {
            "at": printable(at),
            "day": printable(at[:10]),
            "clock": printable(at[11:16]),
            "by": printable(by) or "a merge",
        },
        "notes": _notes(each.status, drifted.get(each.key, 0)),
        "agency": _AGENCY.get(_agency(each, relations) or "", "not synced"),
    }


def _stage(each: Surveyed, stage: str, causes: Sequence[str]) -> dict[str, str]:
    word = each.conditions[stage]
    why = f"because {' and '.join(causes)} changed" if word == "stale" else ""
    return {"name": stage, "kind": word, "word": word.replace("_", " "), "why": why}


def _notes(status: SessionStatus, drifted: int) -> list[str]:
    """Returns what else a reader wants to know: conflicts, drift, what validation said, and waivers."""
    notes = []
    if drifted:
        notes.append(drift_words(drifted))
    if status.ledger.conflicts:
        notes.append(f"conflict in {conflict_places(status.ledger.conflicts)}")
    if status.state.validation.status == FAILING:
        notes.append("the last validation failed")
    notes += [
        printable(f"waived: {waiver.rule} until {waiver.expires or 'withdrawn'}: {waiver.reason}")
        for waiver in status.state.waivers
    ]
    return notes


def _write(path: str, content: bytes, *, force: bool) -> None:
    before = _before(path)
    plain = before.replace(b"\r\n", b"\n") if before is not None else None  # as git may have changed them
    if plain is not None and not _is_as_written(plain) and not force:
        raise ForeignFileError(
            f"{printable(path)} is not as idse wrote it",
            where=path,
            cause="idse did not write it, or somebody changed it since",
            fix=(f"idse report --html {one_word(path)} --force", "or name another file"),
        )
    if before == content:
        return
    try:
        write_atomically(os.path.abspath(path), content, what="the page")
    except StorageError as error:
        raise StorageError(
            "the page cannot be written",
            where=path,
            cause=error.cause,
            fix=(*error.fix, "or name another file"),
        ) from error


def _before(path: str) -> bytes | None:
    """Returns what stands at `path`, None for nothing; ForeignFileError where that is no plain file."""
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise UsageError(
            "the folder of the page is not there", where=folder, fix=(f"mkdir -p {one_word(folder)}",)
        )
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise ForeignFileError(
                f"{printable(path)} is no plain file, and is not replaced",
                where=path,
                cause="something else stands where the page is to be written",
                fix=("idse report --html -  # prints the page", "or name another file"),
            )
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(
            f"{printable(path)} cannot be read", where=path, cause=error.strerror, fix=("name another file",)
        ) from error


def _is_as_written(content: bytes) -> bool:
    seal = _SEALED.search(content)
    return seal is not None and hashlib.sha256(content[: seal.start()]).hexdigest() == seal[1].decode()
