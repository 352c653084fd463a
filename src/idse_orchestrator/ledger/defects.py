"""What can be wrong with a ledger: each kind has a code that stays, a hint, and a few words on what differs.

No hint holds a complete destructive command: whoever is in trouble pastes what stands there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from idse_orchestrator.ledger.events import Event, trailers_of

_LOOK_BACK = (
    "earlier tips are in the reflog (git reflog show REF) and in other clones; point the ref at the last "
    "sound commit that is named here"
)
_FOREIGN = "source code must never be reachable from a ledger: do not push this ref; " + _LOOK_BACK
_OBJECTS = (
    "bring the objects back: move damaged files that git names away, then git fetch --refetch REMOTE "
    "(git 2.36 or newer; or copy .git/objects of another clone), then run idse fsck again"
)

HINTS: Mapping[str, str] = {
    "ref-name": "ledgers are made by idse, under names that idse allows; git branch -m has no power here",
    "ref-case": "rename one of the two: they share one folder on macOS and Windows",
    "ref-kind": "a ledger's ref points at a commit; " + _LOOK_BACK,
    "ref-symbolic": "a ledger's ref is a plain ref: it must not lead to another one",
    "ref-broken": "the file of this ref holds no commit id; " + _LOOK_BACK,
    "missing-object": _OBJECTS,
    "foreign-tip": _FOREIGN,
    "foreign-parent": _FOREIGN,
    "tree-shape": "a ledger commit holds artifacts/, event.json and state.json and nothing else; "
    + _LOOK_BACK,
    "artifact-mode": "documents are plain files of mode 100644; save the session again after making them so",
    "artifact-size": "keep large files outside of the session's folder, then save the session again",
    "missing-event": "only a merge has no event; " + _LOOK_BACK,
    "merge-event": "a merge carries no event of its own; " + _LOOK_BACK,
    "merge-parents": "a merge has two parents, in the order of their ids; " + _LOOK_BACK,
    "event-schema": "this event was not written by idse, or was changed since; " + _LOOK_BACK,
    "event-bytes": "the event was rewritten by another program; " + _LOOK_BACK,
    "message": "the message is a retelling of event.json, which counts; the commit was not written by idse",
    "genesis": "every history of a ledger begins with a `created` event; " + _LOOK_BACK,
    "lamport": "events were left out or put in; " + _LOOK_BACK,
    "repeated-event": "one event was recorded twice; " + _LOOK_BACK,
    "missing-state": "the commit was not written by idse; " + _LOOK_BACK,
    "state-schema": "state.json was changed by hand or damaged; " + _LOOK_BACK,
    "state-mismatch": "state.json does not say what the events say, so it was changed by hand; " + _LOOK_BACK,
    "state-carried": "these commits were written on top of a wrong state.json; " + _LOOK_BACK,
    "other-ledger": "this history belongs to another project or session; " + _LOOK_BACK,
    "newer-format": "pip install --upgrade idse-orchestrator  # an idse that reads this format",
    "absent-part": "pip install --upgrade idse-orchestrator  # an idse that has this part",
    "event-format": "the event was written by another program, or changed since; " + _LOOK_BACK,
    "notes-root": "notes begin with the same commit in every clone; " + _LOOK_BACK,
    "notes-shape": "only notes on commits belong there: git notes and idse write nothing else",
    "notes-size": "a note is a few lines of text; " + _LOOK_BACK,
    "commit-shape": "the commit was not written by idse, and another git may read it otherwise; "
    + _LOOK_BACK,
    "artifact-name": "give the file another name, then save the session again",
    "artifact-case": "rename one of the two: they are one file on macOS and Windows",
    "artifact-count": "keep what is no document outside of the session's folder, then save the session again",
    "merge-content": "a merge is made by idse alone, the same for everyone; " + _LOOK_BACK,
    "ref-outside": "nothing else of this repository is ever synced",
    "ref-family": "a newer idse, or another program, wrote it; with a newer idse it can be published",
    "ref-clash": "rename one of the two: git keeps no ref inside of another one",
    "ref-deletion": "published refs are never deleted; archive the session: idse session archive",
    "ref-rewind": "published refs only move forward: pull first, and the two histories are joined",
    "sync-point": "sync points are made by idse alone; " + _LOOK_BACK,
    "sync-fork": "only one clone writes there: two clones have the same replica id, or one was set back",
    "task-fork": "a task is one line that only idse writes, and nobody merges it; " + _LOOK_BACK,
    "task-action": "nobody may move a task so, and idse does not; " + _LOOK_BACK,
    "grafted": "take the line of this commit out of the grafts file in the git directory",
    "cut-history": "git fetch --unshallow  # brings the whole history",
    "missing-project": "pull it from the Agency with idse sync pull; idse doctor looks for what was here",
    "unknown-ref": "a newer idse, or another program, wrote it; this idse leaves it alone",
}
"""Code to hint. `REF` stands for the ref that the defect names."""

CANNOT_JUDGE = ("newer-format", "absent-part")
"""Codes of ledgers that are not damaged, and that this idse cannot judge."""
NOTES = ("cut-history", "missing-project", "unknown-ref")
"""Codes that are worth saying and no defect."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong: on which ref, at which commit ("": the ref itself), code, what exactly."""

    ref: str
    commit: str
    code: str
    what: str

    @property
    def hint(self) -> str:
        """What to do about it."""
        return HINTS[self.code].replace("REF", self.ref)

    @property
    def is_note(self) -> bool:
        """True if it is only worth saying."""
        return self.code in NOTES


_LONGEST = 60
_TRAILER = re.compile(r"^Idse-[A-Za-z]+:[^\n]*", re.MULTILINE)
"""Free text in which such a line stood has a space before its colon, and means nothing."""


def message_difference(message: bytes, event: Event) -> str | None:
    """Returns how the trailers in `message` differ from those of `event`; None where they agree.

    The subject and the reason are for people, and a later release may word them otherwise.
    """
    wanted = trailers_of(event)
    lines = _TRAILER.findall(message.decode("utf-8", "replace"))
    if lines == [f"{key}: {value}" for key, value in wanted.items()]:
        return None
    for key, value in wanted.items():
        found = [line for line in lines if line.startswith(f"{key}:")]
        if len(found) != 1:
            return f"trailer {key} stands there {len(found)} times"
        if found[0] != f"{key}: {value}":
            return f"trailer {_short(found[0])} should be {_short(f'{key}: {value}')}"
    extra = next((line for line in lines if line.partition(":")[0] not in wanted), None)
    return None if extra is None else f"trailer {_short(extra)} is not of this event"


def state_difference(recorded: bytes, replayed: bytes) -> str:
    """Returns the first place at which two states, given as JSON, are apart."""
    before, after = json.loads(recorded), json.loads(replayed)
    found = next(_differences("", before, after), None)
    return found or "state.json is not in the canonical form"


def _differences(path: str, recorded: object, replayed: object) -> Iterator[str]:
    if recorded == replayed:
        return
    if isinstance(recorded, dict) and isinstance(replayed, dict):
        for key in sorted({*recorded, *replayed}):
            yield from _differences(
                f"{path}.{key}" if path else str(key), recorded.get(key), replayed.get(key)
            )
        return
    yield f"{path}: it says {_short(recorded)}, the events say {_short(replayed)}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
