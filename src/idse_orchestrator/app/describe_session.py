"""Say more about a session, or put it into the archive and take it out again."""

from __future__ import annotations

from collections.abc import Mapping

from idse_orchestrator.app.ports import Draft, LedgerWriter, SessionKey, SessionTip
from idse_orchestrator.app.show_status import no_ledger
from idse_orchestrator.domain.events import ARCHIVED, DESCRIBED
from idse_orchestrator.domain.stage_state_model import ARCHIVED as ARCHIVED_STATUS
from idse_orchestrator.domain.text import encodable, one_line
from idse_orchestrator.errors import UsageError

SETTABLE_STATUSES = ("draft", "active", "review")


def describe_session(writer: LedgerWriter, key: SessionKey, wishes: Mapping[str, object]) -> bool:
    """Set `title`, `owner`, `tags` (a list) or `status` of a session; False when all stood so already."""
    if not wishes:
        raise UsageError("nothing to set", fix=("idse session set --help",))
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        if tip.state.status == ARCHIVED_STATUS and "status" in wishes:
            raise UsageError(
                f"session {key[1]!r} is archived", fix=(f"idse session archive {key[1]} --undo",)
            )
        body = {name: _clean(value) for name, value in wishes.items()}
        new = {name: value for name, value in body.items() if _now(tip, name) != value}
        appended = bool(new)
        return Draft(DESCRIBED, new) if new else None

    writer.append(*key, plan)
    return appended


def archive_session(writer: LedgerWriter, key: SessionKey, reason: str, *, undo: bool) -> bool:
    """Archive a session, or bring it back with `undo`; False when it stood so already."""
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        appended = (tip.state.status == ARCHIVED_STATUS) == undo
        body = {**({"restored": True} if undo else {}), **({"reason": encodable(reason)} if reason else {})}
        return Draft(ARCHIVED, body) if appended else None

    writer.append(*key, plan)
    return appended


def _now(tip: SessionTip, name: str) -> object:
    value = getattr(tip.state, name)
    return list(value) if isinstance(value, tuple) else value


def _clean(value: object) -> object:
    return (
        [one_line(str(item)) for item in value] if isinstance(value, list | tuple) else one_line(str(value))
    )
