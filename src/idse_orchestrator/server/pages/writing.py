"""The pages that write: a document in a form, moves of its stage, and answers to handoffs.

Each write goes through `Writes`, as one of REST does. Whatever is refused, the form comes back with the text
that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from idse_orchestrator.base.names import content_id
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text_merge import merge_lines
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, session_folder
from idse_orchestrator.pipeline.stage_machine import CONFIRM, FINISH, REOPEN, START
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, CURRENT, IN_PROGRESS, PENDING
from idse_orchestrator.server.api.app import problem_from
from idse_orchestrator.server.api.problems import (
    BROKEN,
    CONFLICT,
    USAGE,
    Problem,
    ProblemError,
    denied_problem,
)
from idse_orchestrator.server.api.writes import Told
from idse_orchestrator.server.pages.differences import difference
from idse_orchestrator.server.pages.form_text import document_of, text_of, why_fixed
from idse_orchestrator.server.pages.site import HTML, Answer, redirect
from idse_orchestrator.server.pages.views import Seen, Window, kind_of
from idse_orchestrator.server.writing.documents import check_documents
from idse_orchestrator.sessions.ports import Move

if TYPE_CHECKING:
    from idse_orchestrator.server.api.reads import Reads
    from idse_orchestrator.server.api.writes import Writes
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.pages.site import Asked, Site
    from idse_orchestrator.server.pages.versions import Versions
    from idse_orchestrator.server.pages.views import Views

LOOK, CHECK, BOTH, SAVE = "look", "check", "both", "save"
"""What a form asks for, beside moves of a stage: to be shown again, what the gate says, both texts in one."""
WRITE, HANDOFFS = "write", "handoffs"
"""The last part of the path of a page that writes."""
_MOVES = (START, FINISH, CONFIRM, REOPEN)
_DEPTH = 6
_SAME = "same"
_DONE = {
    SAVE: "Saved.",
    _SAME: "Nothing was changed, so nothing was written.",
    START: "Started.",
    FINISH: "Completed.",
    CONFIRM: "Confirmed.",
    REOPEN: "Reopened.",
    LOOK: "You are logged in again. Nothing is saved yet.",
}
_NOT_DONE = {
    CHECK: "Not checked",
    START: "Not started",
    FINISH: "Not completed",
    CONFIRM: "Not confirmed",
}
_STALE = Problem(
    412,
    CONFLICT,
    "this document was changed while you wrote",
    "Nothing of yours is lost, and nothing is saved: your text is in the form, what is saved beside it. "
    "The next save puts what is in the form in its place.",
)
_OVERLAP = Problem(409, CONFLICT, "you both changed the same lines", "Put together by hand what is to stay.")


class Sent(NamedTuple):
    """What a form sent: the document, the tip and the blob that were read, the text, and what to do.

    `was` is the tip that was read before somebody else wrote. Without a `text` only the stage moves.
    """

    document: str
    tip: str = ""
    blob: str = ""
    text: str | None = None
    do: str = LOOK
    reason: str = ""
    was: str = ""


class _Opened(NamedTuple):
    """A document as it is saved, for one who reads it; `blob` is "" where there is none yet."""

    reader: Caller
    ident: str
    session: Mapping[str, Any]
    path: str
    blob: str
    data: bytes

    @property
    def stage(self) -> Mapping[str, Any] | None:
        """The stage whose document it is; None for one beside them."""
        return next((each for each in self.session["stages"] if each["path"] == self.path), None)

    @property
    def behind(self) -> list[str]:
        """The complete stages that build on that stage."""
        stages = self.session["stages"]
        after = stages[stages.index(self.stage) + 1 :] if self.stage else ()
        return [each["stage"] for each in after if each["status"] == COMPLETE]


class _Beside(NamedTuple):
    """What stands beside the form: a problem, what the gate found, and whose text is saved."""

    problem: Problem | None = None
    findings: Sequence[Mapping[str, Any]] | None = None
    is_stale: bool = False
    done: str = ""


def is_writing(path: str) -> bool:
    """Tests whether a path is that of a page that writes."""
    parts = path.split("/")[1:]
    return len(parts) == _DEPTH and parts[0] == "c" and parts[-1] in (WRITE, HANDOFFS) and all(parts)


class Writing:
    """The pages of `site` that write."""

    def __init__(self, site: Site, views: Views, reads: Reads, writes: Writes, versions: Versions) -> None:
        self._site = site
        self._views = views
        self._reads = reads
        self._writes = writes
        self._versions = versions

    def first(self, asked: Asked) -> Answer:
        """Answers who looks at a page; handoffs are on that of the session. For threads."""
        if asked.path.endswith(f"/{HANDOFFS}"):
            return redirect(quote(asked.path.rpartition("/")[0]))
        try:
            return self._first(asked)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are served
            return _with_fault(self._site.problem(problem_from(error), asked), error)

    async def sent(self, asked: Asked, form: Mapping[str, str], refused: Problem | None = None) -> Answer:
        """Answers a form. With `refused` nothing is written: it comes back with that problem."""
        try:
            if asked.path.endswith(f"/{HANDOFFS}"):
                return await self._handed(asked, form, refused)
            return await self._sent(asked, _sent(form), refused)
        except Exception as error:  # noqa: BLE001 - whatever it is, the text stays
            return _with_fault(self._site.problem(problem_from(error), asked, form), error)

    # --- a document ---

    def _first(self, asked: Asked) -> Answer:
        """Shows a document as it is saved."""
        opened = self._open(asked, asked.query.get("document", ""))
        denied = self._site.why_not(asked)
        if denied is not None:
            raise ProblemError(denied_problem(denied))
        sent = Sent(opened.path, opened.session["tip"], opened.blob)
        if not why_fixed(opened.data):
            sent = sent._replace(text=text_of(opened.data))
        beside = _Beside(done=_DONE.get(asked.query.get("done", ""), ""))
        return self._page(asked, opened, sent, beside)

    def _open(self, asked: Asked, document: str) -> _Opened:
        """Returns a document of a session, by default that of the stage that is next."""
        parts = asked.path.split("/")[2:-1]
        caller, ident = self._views.find(asked.caller, parts)
        session = self._reads.session(caller, ident)
        for each in session["stages"]:
            each["path"] = ARTIFACTS[each["stage"]]
            each["kind"] = kind_of(each["status"], each["condition"])
        if not document:
            document = session["next"]["artifact"] or ARTIFACTS[STAGES[0]]
        blobs = {each["path"]: each["blob_id"] for each in session["artifacts"]}
        if document not in blobs:
            check_documents(session_folder(*parts[2:]), {document: b""}, blobs)
            return _Opened(caller, ident, session, document, "", b"")
        blob, data = self._reads.artifact(caller, ident, document)
        return _Opened(caller, ident, session, document, blob, data)

    async def _sent(self, asked: Asked, sent: Sent, refused: Problem | None) -> Answer:
        """Does what a form asks for."""
        opened = await self._reads.aside(self._open, asked, sent.document)
        denied = await self._reads.aside(self._site.why_not, asked)
        if denied is not None:
            refused = denied_problem(denied)
        if refused is not None:
            return await self._reads.aside(self._page, asked, opened, sent, _Beside(refused))
        kept = _Kept(sent)
        try:
            return await self._done(asked, opened, kept)
        except Exception as error:  # noqa: BLE001 - whatever it is, the text stays
            problem = problem_from(error)
            if kept.done:
                opened = await self._reads.aside(self._open, asked, sent.document)
            beside = _Beside(problem, problem.findings or None, done=kept.done)
            page = await self._reads.aside(self._page, asked, opened, kept.sent, beside)
            return _with_fault(page, error)

    async def _done(self, asked: Asked, opened: _Opened, kept: _Kept) -> Answer:
        sent = kept.sent
        if sent.do == LOOK:
            return await self._reads.aside(self._page, asked, opened, sent, _Beside(done=_DONE[LOOK]))
        if sent.do == BOTH:
            return await self._reads.aside(self._both, asked, opened, sent)
        if sent.do not in (CHECK, SAVE, *(_MOVES if opened.stage else ())):
            raise ProblemError(Problem(422, USAGE, "this form asks for nothing that is known"))
        data = None if sent.text is None else _document(sent.text, opened)
        if data not in (None, opened.data) and sent.blob != opened.blob:
            return await self._reads.aside(self._stale, asked, sent, "")
        if sent.do == CHECK:
            return await self._checked(asked, opened, sent, data)
        return await self._saved(asked, opened, kept, data)

    async def _checked(self, asked: Asked, opened: _Opened, sent: Sent, data: bytes | None) -> Answer:
        """Shows what the gate says of a text that is not saved."""
        stage = opened.stage["stage"] if opened.stage else ""
        documents = {} if data is None else {opened.path: data}
        report = await self._writes.check(asked.caller, opened.ident, documents, stage)
        found = [each for each in report["findings"] if stage or each["path"].endswith(f"/{opened.path}")]
        return await self._reads.aside(self._page, asked, opened, sent, _Beside(findings=found))

    async def _saved(self, asked: Asked, opened: _Opened, kept: _Kept, data: bytes | None) -> Answer:
        """Saves a text where it is another one than before, and moves its stage.

        Who reopens a stage does that first, and those behind it before: what is complete is not edited, nor
        what it was built on.
        """
        sent, caller, ident = kept.sent, asked.caller, opened.ident
        move = Move(opened.stage["stage"] if opened.stage else "", sent.do, sent.reason)
        if sent.do == REOPEN:
            for stage in (*reversed(opened.behind), move.stage):
                await self._writes.move(caller, ident, move._replace(stage=stage), Told())
                kept.done = _DONE[REOPEN]
        is_changed = data is not None and (data != opened.data or (not opened.blob and sent.do == SAVE))
        if data is not None and is_changed:
            blobs = {opened.path: opened.blob}
            try:
                done = await self._writes.edit(caller, ident, {opened.path: data}, Told(), blobs=blobs)
            except ProblemError as error:
                if error.problem.status != _STALE.status:
                    raise
                return await self._reads.aside(self._stale, asked, sent, error.problem.more["tip"])
            kept.done = _DONE[SAVE]
            kept.sent = sent._replace(tip=done.tip, blob=content_id("blob", data))
        if sent.do in (START, FINISH, CONFIRM):
            await self._writes.move(caller, ident, move, Told())
        said = sent.do if sent.do != SAVE or is_changed else _SAME
        return redirect(f"{quote(asked.path)}?{urlencode({'document': opened.path, 'done': said})}")

    def _stale(self, asked: Asked, sent: Sent, tip: str) -> Answer:
        """Shows the text that was sent, and the one that somebody else saved meanwhile.

        `tip` is where the ledger is, if the tables need not have that yet.
        """
        opened = self._open(asked, sent.document)
        now = opened.session["tip"]
        if tip and opened.blob == sent.blob:
            where = self._reads.where(asked.caller, opened.ident)
            opened = opened._replace(blob="", data=b"")
            found, now = self._versions.at(where, tip, tip, sent.document), tip
            if found is not None:
                opened = opened._replace(blob=found[0], data=found[1])
        sent = sent._replace(tip=now, blob=opened.blob, was=sent.tip)
        return self._page(asked, opened, sent, _Beside(_STALE, is_stale=True))

    def _both(self, asked: Asked, opened: _Opened, sent: Sent) -> Answer:
        """Shows what both changed in one text, where that were other lines."""
        text = self._merged(asked, opened, sent)
        if text is None:
            return self._page(asked, opened, sent, _Beside(_OVERLAP, is_stale=True))
        sent = sent._replace(text=text, was="", tip=opened.session["tip"], blob=opened.blob)
        return self._page(asked, opened, sent, _Beside(done="Both changes are in the text. Save keeps them."))

    def _merged(self, asked: Asked, opened: _Opened, sent: Sent) -> str | None:
        """Returns a text with what both changed; None where both changed the same lines."""
        if not sent.was or sent.text is None or why_fixed(opened.data):
            return None
        where = self._reads.where(asked.caller, opened.ident)
        was = self._versions.at(where, opened.session["tip"], sent.was, opened.path)
        if was is None or why_fixed(was[1]):
            return None
        texts = (_plain(sent.text), text_of(was[1]), text_of(opened.data))
        found = merge_lines(*(text.encode() for text in texts), labels=("", ""))
        return found.text.decode() if found is not None and not found.conflicts else None

    def _page(self, asked: Asked, opened: _Opened, sent: Sent, beside: _Beside) -> Answer:
        fixed = why_fixed(opened.data)
        saved = "" if fixed else text_of(opened.data)
        text = None if sent.text is None else _plain(sent.text)
        stage, problem = opened.stage, beside.problem
        parts = asked.path.split("/")[2:-1]
        at = f"/c/{'/'.join(parts)}"
        found = beside.findings
        reading = (opened.reader, opened.ident)
        if found is None:
            rows = self._reads.findings(*reading).items
            name = stage["stage"] if stage else None
            found = [each for each in rows if each["path"] == opened.path or (name and each["stage"] == name)]
        data = {
            "at": at,
            "sent": sent._replace(text=None),
            "text": text,
            "blob": opened.blob,
            "fixed": fixed,
            "raw": opened.data[:2_000].decode("utf-8", "backslashreplace") if fixed else "",
            "size": len(opened.data),
            "stage": stage,
            "behind": opened.behind,
            "moves": _moves(stage, saves=text is not None) if stage else (),
            "next": opened.session["next"],
            "problem": problem,
            "may_write": self._site.why_not(asked) is None,
            "failed": _NOT_DONE.get(sent.do, "Not saved"),
            "done": beside.done,
            "findings": [_row(each) for each in found],
            "is_gate": beside.findings is not None,
            "theirs": saved if beside.is_stale else None,
            "writer": self._views.writer_of(*reading, opened.blob) if beside.is_stale else "",
            "has_both": beside.is_stale and self._merged(asked, opened, sent) is not None,
            "change": difference(saved, text) if text is not None and text != saved and not fixed else None,
        }
        crumbs = (
            (parts[0], f"/c/{parts[0]}"),
            ("/".join(parts[1:3]), f"/c/{'/'.join(parts[:3])}"),
            (parts[3], f"{at}?{urlencode({'document': opened.path})}"),
        )
        body = self._site.html(asked, Seen("write", opened.path, data, crumbs=crumbs, has_data=False))
        return Answer(problem.status if problem else 200, HTML, body, problem.headers if problem else {})

    # --- handoffs ---

    async def _handed(self, asked: Asked, form: Mapping[str, str], refused: Problem | None) -> Answer:
        """Asks for a handoff, or answers one; a refusal is told on the page of the session."""
        at = asked.path.rpartition("/")[0]
        parts = at.split("/")[2:]
        _, ident = await self._reads.aside(self._views.find, asked.caller, parts)
        given = {name: form.get(name, "") for name in ("action", "handoff", "to", "stage", "reason")}
        if refused is not None:
            return await self._reads.aside(self._session, asked, parts, given, refused)
        try:
            await self._writes.hand_over(asked.caller, ident, given, Told())
            return redirect(f"{quote(at)}#handoffs")
        except Exception as error:  # noqa: BLE001 - whatever it is, what was typed stays
            problem = problem_from(error)
            page = await self._reads.aside(self._session, asked, parts, given, problem)
            return _with_fault(page, error)

    def _session(
        self, asked: Asked, parts: Sequence[str], given: Mapping[str, str], problem: Problem
    ) -> Answer:
        seen = self._views.session(asked.caller, parts, {}, Window())
        here = asked._replace(path=asked.path.rpartition("/")[0])
        body = self._site.html(here, seen, problem=problem, given=given)
        return Answer(problem.status, HTML, body, problem.headers)


class _Kept:
    """What was sent, with what was done of it so far: a later step may be refused."""

    def __init__(self, sent: Sent) -> None:
        self.sent = sent
        self.done = ""


def _sent(form: Mapping[str, str]) -> Sent:
    words = {name: form.get(name, "") for name in ("document", "tip", "blob", "do", "reason", "was")}
    return Sent(text=form.get("text"), **words)


def _plain(text: str) -> str:
    """Returns a text as browsers hold it while somebody edits: with line feeds alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _document(text: str, opened: _Opened) -> bytes:
    fixed = why_fixed(opened.data)
    if fixed:
        raise ProblemError(Problem(409, CONFLICT, f"{opened.path} cannot be edited here: {fixed}"))
    if "\0" in text:
        raise ProblemError(Problem(422, USAGE, "a document holds no NUL byte"))
    data = document_of(text, opened.data)
    if why := why_fixed(data):
        raise ProblemError(Problem(422, USAGE, "this text is too long for a page", f"{why}. Split it."))
    return data


def _moves(stage: Mapping[str, Any], *, saves: bool) -> list[tuple[str, str]]:
    """Returns what can be done with a stage as it stands: the action, and words for its button."""
    name, first = stage["stage"], "Save and " if saves else ""
    found = {
        PENDING: [(START, f"{first}start {name}")],
        IN_PROGRESS: [(FINISH, f"{first}complete {name}")],
        COMPLETE: [(REOPEN, f"Reopen {name}{' and save' if saves else ''}")],
    }.get(stage["status"], [])
    if stage["status"] == COMPLETE and stage["condition"] != CURRENT:
        found = [*found, (CONFIRM, f"Confirm {name}")]
    return [(action, words[:1].upper() + words[1:]) for action, words in found]


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a finding as the page shows it, from whichever door it came."""
    line = found.get("line")
    return {
        "rule": found["rule"],
        "blocks": bool(found.get("blocks", found["severity"] == "error")),
        "place": f"line {line}" if line else "",
        "message": found["message"],
        "hint": found.get("hint") or "",
        "fix": list(found.get("fix") or ()),
        "waived": bool(found.get("waiver")),
    }


def _with_fault(answer: Answer, error: Exception) -> Answer:
    """Returns an answer with the error that nobody foresaw, for the log."""
    return answer._replace(fault=error) if problem_from(error).code == BROKEN else answer
