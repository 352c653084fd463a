"""What a sync point says: when this replica pushed or pulled, and which refs moved from where to where."""

from __future__ import annotations

from typing import NamedTuple

FILE = "sync.json"
"""The one file of a sync point's tree."""
PUSH = "push"
PULL = "pull"


class RefMove(NamedTuple):
    """One ref from `old` to `new`, both commit ids; `old` is "" where the ref is new."""

    ref: str
    old: str
    new: str


class SyncPoint(NamedTuple):
    """One push or pull that moved something.

    `at` is UTC as ISO text, `direction` PUSH or PULL, `remote` the name of the git remote ("" : it has
    none here; an address is never published), `replica` the id of the clone, `refs` what moved.
    """

    at: str
    direction: str
    remote: str
    replica: str
    refs: tuple[RefMove, ...]

    def to_json(self) -> bytes:
        """The content of FILE: equal sync points have equal bytes."""
        from idse_orchestrator.domain.canonical_json import FORMAT, canonical_json

        return canonical_json(
            {
                "format": FORMAT,
                "at": self.at,
                "direction": self.direction,
                "remote": self.remote,
                "replica": self.replica,
                "refs": [move._asdict() for move in sorted(self.refs)],
            }
        )

    def subject(self) -> str:
        """One line that says what happened."""
        from idse_orchestrator.domain.text import counted, one_line

        count = counted(len(self.refs), "ref")
        way = "to" if self.direction == PUSH else "from"
        return f"{self.direction}: {count} {way} {one_line(self.remote) or 'the Agency'}"

    def message(self) -> str:
        """The commit message: the subject, and trailers that plain git can query."""
        from idse_orchestrator.domain.text import one_line

        remote = f"Idse-Remote: {one_line(self.remote)}\n" if self.remote else ""
        return f"{self.subject()}\n\nIdse-Sync: {self.direction}\nIdse-Replica: {self.replica}\n" + remote


def sync_point_from_json(data: bytes) -> SyncPoint:
    """The sync point in `data`; ValueError where it is none of this format."""
    import json

    from idse_orchestrator.domain.canonical_json import FORMAT

    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r} is not {FORMAT}")
        moves = tuple(RefMove(move["ref"], move["old"], move["new"]) for move in value["refs"])
        return SyncPoint(value["at"], value["direction"], value["remote"], value["replica"], moves)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{FILE} is no sync point: {error}") from error
