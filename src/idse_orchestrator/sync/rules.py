"""Keeps an Agency's rules in its clones, so that the local gate says what the server will say.

What came is judged apart, as everything is that comes from a remote. Rules that cannot be used change
nothing: those from before stay in force, and the sync says why.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from idse_orchestrator.errors import ConflictError, InvalidConfigurationError
from idse_orchestrator.git.object_stream import reading_also
from idse_orchestrator.ledger.refs import AGENCY_RULES, KEPT_RULES
from idse_orchestrator.sync.published_refs import RulesNews, remove_refs, update_refs

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.sync.transport import GitRemote

_LARGEST = 16 << 20
"""Bytes, as they are stored, of all that comes with an Agency's rules."""


def take_rules(vault: Vault, remote: GitRemote) -> RulesNews:
    """Keeps the rules that `remote` has; returns what became of them.

    An Agency that a clone knows by a URL alone has no name under which they could be kept.
    """
    name, there = remote.name, remote.rules
    if not name or there == remote.kept_rules:
        return RulesNews()
    ref = f"{KEPT_RULES}{name}"
    try:
        why = _fetched(vault, remote, there) if there else ""
    except ConflictError:
        return RulesNews()  # they changed meanwhile, and are there for the next sync
    if why:
        return RulesNews(refused=why)
    news = _news(vault, remote)
    if there:
        update_refs(vault.git, [f"update {ref} {there}"])
    else:
        remove_refs(vault.git, ref)
    remote.kept_rules = there
    return news


def _fetched(vault: Vault, remote: GitRemote, commit: str) -> str:
    """Brings `commit`; returns why it is not kept."""
    from idse_orchestrator.constitution.agency_rules import checked_rules

    with remote.fetch({AGENCY_RULES: commit}) as objects:
        assert objects is not None  # noqa: S101 - something is wanted
        if _size(objects.folder) > _LARGEST:
            return f"it came with more than {_LARGEST:,} bytes"
        try:
            checked_rules(reading_also(vault.git, objects.folder), commit, remote.name)
        except InvalidConfigurationError as error:
            return "; ".join(filter(None, (f"{error.where}: {error.message}", error.cause)))
        objects.keep()
    return ""


def _news(vault: Vault, remote: GitRemote) -> RulesNews:
    """Returns whether the rules that came judge otherwise than before, and which are not judged here."""
    from idse_orchestrator.constitution.agency_rules import checked_rules

    after = checked_rules(vault.git, remote.rules, remote.name)
    elsewhere = tuple(rule.id for rule in after.rules if rule.is_judged_elsewhere)
    try:
        before = checked_rules(vault.git, remote.kept_rules, remote.name)
    except InvalidConfigurationError:
        return RulesNews(are_new=True, elsewhere=elsewhere)  # those from before cannot be read any more
    return RulesNews((before.rules, before.types) != (after.rules, after.types), "", elsewhere)


def _size(folder: str) -> int:
    return sum(
        os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(folder) for name in names
    )
