"""Builds what syncs ledgers with an Agency: where it is, what may leave, the parts of a push or a pull."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.errors import NoAgencyError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.sync.agency import Agency, AgencyParts
    from idse_orchestrator.sync.outgoing import Outgoing
    from idse_orchestrator.sync.points import PointEntry
    from idse_orchestrator.sync.setup_agency import AgencySetup
    from idse_orchestrator.sync.syncing import Syncing
    from idse_orchestrator.wiring.application import Application


class Sync:
    """What syncing needs, from the parts of an `Application`."""

    def __init__(self, app: Application) -> None:
        self._app = app

    @property
    def parts(self) -> AgencyParts:
        """What finding the Agency, and writing it down, works with."""
        from idse_orchestrator.sync.agency import AgencyParts
        from idse_orchestrator.sync.remotes import GitRemotes

        vault = self._app.vault
        remotes = GitRemotes(vault, self._app.git_configuration)
        return AgencyParts(self._app.layers, remotes, self._app.folder, vault.git.folder)

    def agency(self) -> Agency:
        """Where to sync; see `sync.agency.resolve_agency`."""
        from idse_orchestrator.sync.agency import resolve_agency

        return resolve_agency(self.parts)

    def ledgers_elsewhere(self) -> Agency | None:
        """Where a fresh clone may find its ledgers: the Agency, or else where the branch came from."""
        from idse_orchestrator.sync.agency import ORIGIN, Agency

        try:
            return self.agency()
        except NoAgencyError:
            origin = self.parts.remotes.all().get(ORIGIN)
            return Agency(origin.urls[0], ORIGIN, "git remote origin") if origin and origin.urls else None

    def set_up(self, url: str, remote: str) -> AgencySetup:
        """Write down the Agency; see `sync.setup_agency`. It is asked whether it answers."""
        from idse_orchestrator.sync.setup_agency import setup_agency
        from idse_orchestrator.sync.transport import GitRemote

        vault, patience = self._app.vault, self._patience
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

        vault = self._app.vault
        return Outgoing(self.parts, PublishedRefs(vault), git_guard(vault))

    def open(
        self, on_progress: Callable[[str], None], *, agency: Agency | None = None, alone: bool = True
    ) -> AbstractContextManager[Syncing]:
        """The parts of a sync, for the time of a ``with`` block; see `open_syncing`."""
        from idse_orchestrator.sync.published_refs import RefListings

        vault = self._app.vault
        listings = RefListings(vault.git)  # git works while the rest is imported
        from idse_orchestrator.sync.syncing import open_syncing
        from idse_orchestrator.sync.transport import GitRemote
        from idse_orchestrator.wiring.kinds import KINDS

        known = agency or self.agency()
        remote = GitRemote(vault, known, on_progress, self._patience, self._app.git_configuration)
        remote.look_ahead(listings)
        return open_syncing(vault, KINDS, known, remote, self._app.acting.anybody, alone=alone)

    @property
    def _patience(self) -> float:
        return float(self._app.setting("agency.timeout"))

    def tidy(self) -> None:
        """Let git tidy up as after a fetch, if the user lets it: nobody else packs what a sync wrote."""
        entries = self._app.git_configuration.entries
        wishes = [entry.value for entry in entries if entry.key == "maintenance.auto"]
        if wishes[-1:] != ["false"]:
            self._app.vault.git.attempt("maintenance", "run", "--auto", "--quiet")

    def points(self, limit: int | None) -> Iterator[PointEntry]:
        """The pushes and pulls of all clones known here, newest first."""
        from idse_orchestrator.sync.points import sync_points

        return sync_points(self._app.vault, limit)


class NoSync(Sync):
    """Where there is no git to sync with: ledgers come and go by `idse import` and `idse export`."""

    def ledgers_elsewhere(self) -> Agency | None:
        """Nowhere."""
        return None

    def tidy(self) -> None:
        """There is nothing to pack."""
