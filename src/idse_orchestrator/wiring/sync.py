"""Builds what syncs ledgers with an Agency: where it is, what may leave, the parts of a push or a pull."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError, NoAgencyError
from idse_orchestrator.redaction import redacted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.sessions.configuration import Layers
    from idse_orchestrator.sync.agency import Agency, AgencyParts
    from idse_orchestrator.sync.outgoing import Outgoing
    from idse_orchestrator.sync.points import PointEntry
    from idse_orchestrator.sync.setup_agency import AgencySetup
    from idse_orchestrator.sync.syncing import Syncing


class SyncPlace(NamedTuple):
    """Where a sync happens: the repository, git's configuration and the settings there, where we stand."""

    vault: Vault
    configuration: GitConfiguration
    layers: Layers
    folder: str


class Sync:
    """What syncing needs. `actor` signs the sync points.

    `patience` is asked for the seconds without a word from the Agency after which it counts as unreachable.
    """

    def __init__(self, place: SyncPlace, actor: Acting, patience: Callable[[], float]) -> None:
        self._vault, self._configuration, self._layers, self._folder = place
        self._actor = actor
        self._seconds = patience

    @property
    def parts(self) -> AgencyParts:
        """What finding the Agency, and writing it down, works with."""
        from idse_orchestrator.sync.agency import AgencyParts
        from idse_orchestrator.sync.remotes import GitRemotes

        remotes = GitRemotes(self._vault, self._configuration)
        return AgencyParts(self._layers, remotes, self._folder, self._vault.git.folder)

    def agency(self) -> Agency:
        """Returns where to sync; see `sync.agency.resolve_agency`."""
        from idse_orchestrator.sync.agency import resolve_agency

        return resolve_agency(self.parts)

    def ledgers_elsewhere(self) -> Agency | None:
        """Returns where a fresh clone may find its ledgers.

        The Agency, or else where the branch came from.
        """
        from idse_orchestrator.sync.agency import ORIGIN, Agency

        try:
            return self.agency()
        except NoAgencyError:
            origin = self.parts.remotes.all().get(ORIGIN)
            if origin is None or not origin.urls:
                return None
            return Agency(redacted(origin.urls[0]), ORIGIN, "git remote origin")

    def remembered(self) -> dict[str, str]:
        """Returns how each published ref stands to what the Agency had when it was asked last.

        Empty where there is no Agency that git knows by a name, or it was never asked.
        """
        from idse_orchestrator.sync.published_refs import remembered_relations

        try:
            agency = self.agency()
        except IdseError:  # which one is wrong is for a command that syncs to say
            return {}
        return remembered_relations(self._vault, agency.remote) if agency.remote else {}

    def set_up(self, url: str, remote: str) -> AgencySetup:
        """Writes down the Agency; see `sync.setup_agency`. It is asked whether it answers."""
        from idse_orchestrator.sync.setup_agency import setup_agency
        from idse_orchestrator.sync.transport import GitRemote

        vault, patience = self._vault, self._patience
        return setup_agency(
            self.parts,
            url,
            remote,
            lambda agency: GitRemote(vault, agency, patience=patience).heads(),
        )

    @property
    def outgoing(self) -> Outgoing:
        """What judging a plain `git push` works with."""
        from idse_orchestrator.sync.outgoing import Outgoing
        from idse_orchestrator.sync.published_refs import PublishedRefs
        from idse_orchestrator.wiring.ledgers import git_guard

        return Outgoing(self.parts, PublishedRefs(self._vault), git_guard(self._vault))

    def open(
        self,
        on_progress: Callable[[str], None],
        *,
        agency: Agency | None = None,
        alone: bool = True,
        sends: bool = False,
    ) -> AbstractContextManager[Syncing]:
        """Returns the parts of a sync, for the time of a ``with`` block; see `open_syncing`.

        `sends`: it is a push.
        """
        from idse_orchestrator.sync.published_refs import RefListings

        vault = self._vault
        listings = RefListings(vault.git)  # git works while the rest is imported
        from idse_orchestrator.sync.syncing import open_syncing
        from idse_orchestrator.sync.transport import GitRemote

        known = agency or self.agency()
        remote = GitRemote(vault, known, on_progress, self._patience, self._configuration)
        remote.list_ahead(listings, sends=sends)
        return open_syncing(vault, _kinds, known, remote, self._actor, alone=alone)

    @property
    def _patience(self) -> float:
        return self._seconds()

    def tidy(self) -> None:
        """Lets git tidy up as after a fetch, if the user lets it: nobody else packs what a sync wrote."""
        entries = self._configuration.entries
        wishes = [entry.value for entry in entries if entry.key == "maintenance.auto"]
        if wishes[-1:] != ["false"]:
            self._vault.git.attempt("maintenance", "run", "--auto", "--quiet")

    def points(self, limit: int | None) -> Iterator[PointEntry]:
        """Yields the pushes and pulls of all clones known here, newest first."""
        from idse_orchestrator.sync.points import sync_points

        return sync_points(self._vault, limit)


def _kinds() -> Kinds:
    from idse_orchestrator.wiring.ledgers import KINDS  # a push of nothing needs none

    return KINDS
