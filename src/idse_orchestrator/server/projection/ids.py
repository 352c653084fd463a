"""Ids of projects and sessions: made of a repository's own id, so a rebuild and a rename give the same."""

from __future__ import annotations

import uuid


def project_id(repository_id: str, project: str) -> str:
    """Returns the id of a project."""
    return str(uuid.uuid5(_space(repository_id), f"project/{project}"))


def session_id(repository_id: str, project: str, session: str) -> str:
    """Returns the id of a session."""
    return str(uuid.uuid5(_space(repository_id), f"session/{project}/{session}"))


def _space(repository_id: str) -> uuid.UUID:
    """Returns the UUID of a repository; a record that was written by hand may hold something else."""
    try:
        return uuid.UUID(repository_id)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, repository_id)
