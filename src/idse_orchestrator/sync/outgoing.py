"""Judges plain ``git push``: to the Agency go sound ledgers and nothing else, to others no ledgers.

So `git push agency --all`, `--tags` and `--mirror` leak no code, and no ledger ends up in a public fork, not
even under another name: ledgers are found by what they hold. The pre-push script asks git the same two
questions, and starts idse where one of them has an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import GitFailedError, IdseError, UnsafeRemoteError
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.ledger.commit import EVENT, STATE
from idse_orchestrator.ledger.refs import LOCAL, OF_WORKTREE, PUBLISHED
from idse_orchestrator.redaction import redacted
from idse_orchestrator.sessions.configuration import stated_values
from idse_orchestrator.sync.agency import REMOTE, URL, AgencyParts, agency_remote, holds_code, resolve_agency
from idse_orchestrator.sync.points import FILE as POINT
from idse_orchestrator.sync.published_refs import AHEAD, EQUAL, PublishedRefs, RefMove
from idse_orchestrator.sync.same_place import Places

if TYPE_CHECKING:
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.sync.guard import GitGuard

NOTHING = "0" * 40
"""The id that git gives for no object."""


class PushedRef(NamedTuple):
    """One line that git gives to a pre-push hook. A `local_id` of zeros: the remote ref is to be deleted."""

    local_ref: str
    local_id: str
    remote_ref: str
    remote_id: str


class Destination(NamedTuple):
    """The place a push goes to. `takes_code`: by the user's word it is the Agency, and code goes there too.

    `agency` names the Agency for an advice, "" where there is none; `is_remote`: `name` is a git remote.
    """

    name: str
    url: str
    is_agency: bool
    takes_code: bool = False
    agency: str = ""
    is_remote: bool = False


class Outgoing(NamedTuple):
    """The parts that judging a push needs."""

    parts: AgencyParts
    refs: PublishedRefs
    guard: GitGuard


def parse_pushed(text: str) -> Sequence[PushedRef]:
    """Returns the lines that git gives to a pre-push hook."""
    rows = (line.rsplit(" ", 3) for line in text.splitlines())
    return [PushedRef(*row) for row in rows if len(row) == 4]


def destination(parts: AgencyParts, name: str, url: str) -> Destination:
    """Finds where a push goes, by `name` of the remote (or the URL again) and `url`, as a hook gets them.

    Raises UnsafeRemoteError and its like if it is the Agency and git is not configured safely for it.
    """
    own, urls = _known_agency(parts)
    places = Places(parts.remotes.git, parts.remotes.configuration)
    remotes = parts.remotes.all()
    remote = remotes.get(own)
    if name != own and not any(places.may_be_same(url, known) for known in urls):
        return Destination(
            name, redacted(url), is_agency=False, agency=own if remote else "", is_remote=name in remotes
        )
    agency = resolve_agency(parts)
    if name != agency.remote and not places.may_be_same(url, parts.remotes.routes(agency.place)[1]):
        raise UnsafeRemoteError(
            f"{name} is called the Agency, and leads elsewhere",
            where=redacted(url),
            cause=f"the Agency is {redacted(agency.url)} ({agency.origin})",
            fix=("idse sync status", "git remote --verbose"),
        )
    code = bool(remote and agency.remote == own and holds_code(remote))
    named = name in remotes
    return Destination(name, redacted(url), is_agency=True, takes_code=code, agency=own, is_remote=named)


def judge_push(outgoing: Outgoing, to: Destination, pushed: Sequence[PushedRef]) -> Mapping[str, str]:
    """Returns ref to reason of those that may not be pushed `to` there."""
    shape = _agency_problem if to.is_agency else _other_problem
    problems = {each.remote_ref: shape(each, to) for each in pushed}
    refused = {ref: problem for ref, problem in problems.items() if problem}
    left = [each for each in pushed if each.remote_ref not in refused and each.local_id != NOTHING]
    code = [each for each in left if not (to.is_agency and each.remote_ref.startswith(PUBLISHED))]
    refused |= _hidden(outgoing.parts.remotes.git, to, code)
    if not to.is_agency:
        return refused
    moves = [RefMove(each.remote_ref, _old(each), each.local_id) for each in left if each not in code]
    refused |= _rewinds(outgoing.refs, moves)
    return refused | _defects(outgoing.guard, [move for move in moves if move.ref not in refused])


def _hidden(git: Git, to: Destination, pushed: Sequence[PushedRef]) -> dict[str, str]:
    """Returns ref to reason of those that carry a ledger under a name of code, as a branch may."""
    there = to.name if to.is_remote else ""
    known = [each.remote_id for each in pushed if each.remote_id != NOTHING]
    if not ledger_among(git, [each.local_id for each in pushed], there, known):
        return {}
    found = {each.remote_ref: ledger_among(git, [each.local_id], there, known) for each in pushed}
    where = "ledgers go under their own names only" if to.is_agency else "ledgers go to the Agency only"
    return {ref: f"{where}, and it holds {what}" for ref, what in found.items() if what}


def _known_agency(parts: AgencyParts) -> tuple[str, Sequence[str]]:
    """Returns the name of the Agency's remote, and every URL that any setting calls the Agency."""
    try:
        name = agency_remote(parts)
    except IdseError:
        name = REMOTE
    remote = parts.remotes.all().get(name)
    urls = list(remote.urls + remote.push_urls) if remote else []
    for stated in stated_values(parts.layers, URL):
        urls += parts.remotes.routes(parts.remotes.absolute(stated, parts.folder))
    return name, urls


def _agency_problem(each: PushedRef, to: Destination) -> str:
    """Returns why a ref is no ledger that moves forward under its own name; "" if it is one."""
    if not each.remote_ref.startswith(PUBLISHED):
        if to.takes_code and not _is_ours(each):
            return ""
        return f"only {PUBLISHED}* go to the Agency: this is code, or private"
    if each.local_id == NOTHING:
        return "it would be deleted, and ledgers on the Agency are never deleted"
    if each.local_ref != each.remote_ref:
        return f"{each.local_ref} would go under another name"
    return ""


def _other_problem(each: PushedRef, _to: Destination) -> str:
    """Returns why only the Agency gets a ref. Removing what is there by mistake is allowed."""
    if not _is_ours(each) or each.local_id == NOTHING:
        return ""
    return "ledgers go to the Agency only"


def _is_ours(each: PushedRef) -> bool:
    return any(ref.startswith((PUBLISHED, LOCAL, OF_WORKTREE)) for ref in (each.local_ref, each.remote_ref))


def _old(each: PushedRef) -> str:
    return "" if each.remote_id == NOTHING else each.remote_id


def _rewinds(refs: PublishedRefs, moves: Iterable[RefMove]) -> dict[str, str]:
    """Returns ref to reason of those that would not move forward on the Agency."""
    moving = [move for move in moves if move.old]
    known = refs.known(move.old for move in moving)
    relations = iter(refs.relations([(move.new, move.old) for move in moving if move.old in known], None))
    back = [move for move in moving if move.old not in known or next(relations) not in (AHEAD, EQUAL)]
    return {
        move.ref: "it would go back, or drop what others pushed: idse sync push joins both" for move in back
    }


def _defects(guard: GitGuard, moves: Sequence[RefMove]) -> dict[str, str]:
    found = {}
    for ref, defects in (guard.outgoing(moves) if moves else {}).items():
        grave = [defect for defect in defects if not defect.is_note]
        if grave:
            at = f" at {grave[0].commit[:12]}" if grave[0].commit else ""
            found[ref] = f"{grave[0].code}{at}: {grave[0].what}"
    return found


_FILES = {EVENT: "kind lamport replica", STATE: "format events lamport", POINT: "direction refs replica"}
"""The files of ledgers, and keys that each of them has always had."""
_NOTE = re.compile(rb"[0-9a-f]{2}\Z")
_NEW = ("rev-list", "--full-history", "--ignore-missing", "--stdin")
_TIMEOUT = 3600.0


def ledger_among(git: Git, ids: Sequence[str], remote: str, known: Iterable[str]) -> str:
    """Returns what of a ledger would come with `ids`, in words; "" where nothing would.

    Only what is new is looked at: not what the remote called `remote` had when it was last seen, nor `known`.
    """
    if not ids:
        return ""
    lines = [*ids, *(f"^{each}" for each in known)]
    there = ("--not", f"--remotes={remote}") if remote else ()
    with ObjectStream(git) as objects:
        for each in objects.read_all(ids):
            if each and each.kind in ("tree", "blob") and _tells(objects, each.id, each.data):
                return f"{each.kind} {each.id[:12]} of one"
        for commit in _asked(git, lines, *there, "--", *_FILES):
            if _tells(objects, commit):
                return f"commit {commit[:12]} of one"
        for commit in _asked(git, lines, "--grep=^idse: ", *there):
            if _is_notes(objects, commit):
                return f"idse's notes, {commit[:12]}"
    return ""


def _asked(git: Git, lines: Iterable[str], *words: str) -> list[str]:
    done = git.attempt(*_NEW, *words, stdin="".join(f"{line}\n" for line in lines).encode(), timeout=_TIMEOUT)
    if done.returncode != 0:
        cause = done.stderr.decode("utf-8", "replace").strip()
        raise GitFailedError("git cannot tell what this push would send", cause=cause)
    return done.stdout.decode().split()


def _tells(objects: ObjectStream, name: str, data: bytes = b"") -> bool:
    """Tests whether a commit or tree holds a file of a ledger, or `data` is one."""
    contents = [(data, keys) for keys in _FILES.values()]
    for path, keys in _FILES.items():
        found = objects.read(f"{name}:{path}")
        contents.append((found.data if found else b"", keys))
    return any(_has(content, keys) for content, keys in contents)


def _has(content: bytes, keys: str) -> bool:
    try:
        told = json.loads(content) if content.startswith(b"{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and all(key in told for key in keys.split())


def _is_notes(objects: ObjectStream, commit: str) -> bool:
    """Tests for a commit of notes that idse wrote: folders of two digits each, and nothing else."""
    tree = objects.read(f"{commit}^{{tree}}")
    rows = re.findall(rb"([0-9]+) ([^\0]+)\0.{20}", tree.data, re.DOTALL) if tree else []
    return bool(rows) and all(mode == b"40000" and _NOTE.match(name) for mode, name in rows)
