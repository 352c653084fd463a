"""The repository that takes over: what it has already, and its work tree."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property

from idse_orchestrator.app.ledger_values import SessionKey
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.git.migration.batch import GitLedgerBatch
from idse_orchestrator.git.object_stream import find_commit
from idse_orchestrator.git.ref_names import SESSIONS, parse_session_ref
from idse_orchestrator.git.repository import Repository
from idse_orchestrator.git.worktree.contributions import (
    Contribution,
    last_contribution,
    remember_contribution,
)
from idse_orchestrator.git.worktree.work_files import WorkFiles

_PATIENCE = 600.0
_FORMAT = "%S%x00%(trailers:key=Idse-Migration,valueonly,separator=%x2C)"


class GitMigrationTarget:
    """The `MigrationTarget` port on a repository."""

    def __init__(self, repository: Repository, agent: str = "") -> None:
        self._repository = repository
        self._agent = agent

    def migrated(self) -> Mapping[SessionKey, frozenset[str]]:
        """See `MigrationTarget.migrated`."""
        git = self._repository.git
        refs = git.lines("for-each-ref", "--format=%(refname)", SESSIONS)
        found: dict[SessionKey, set[str]] = {key: set() for ref in refs if (key := parse_session_ref(ref))}
        if found:
            wanted = ("--source", f"--glob={SESSIONS}*", "--grep=^Idse-Migration: ", f"--format={_FORMAT}")
            told = git.bytes("log", *wanted, timeout=_PATIENCE).decode("utf-8", "replace")
            for line in told.splitlines():
                ref, _, fingerprints = line.partition("\0")
                key = parse_session_ref(ref)
                if key is not None:
                    found.setdefault(key, set()).update(fingerprints.split(","))
        return {key: frozenset(fingerprints) for key, fingerprints in found.items()}

    def batch(self) -> GitLedgerBatch:
        """See `MigrationTarget.batch`."""
        return GitLedgerBatch(self._repository, self._agent)

    def folder_exists(self, key: SessionKey) -> bool:
        """See `MigrationTarget.folder_exists`."""
        return os.path.lexists(os.path.join(self._repository.toplevel, session_folder(*key)))

    def was_given(self, key: SessionKey) -> bool:
        """See `MigrationTarget.was_given`."""
        return last_contribution(self._repository, *key) is not None

    def check_out(self, key: SessionKey, files: Mapping[str, bytes], tree: str) -> None:
        """See `MigrationTarget.check_out`."""
        self._files.make_folder(session_folder(*key), files)
        remember_contribution(self._repository, *key, Contribution(tree, (self._head,)))

    @cached_property
    def _files(self) -> WorkFiles:
        return WorkFiles(self._repository)

    @cached_property
    def _head(self) -> str:
        return find_commit(self._repository.git, "HEAD") or ""
