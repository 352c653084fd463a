"""Single parts, made as an application makes them in the environment of the test."""

from __future__ import annotations

import os
import time

from idse_orchestrator.git.configuration import GitConfiguration
from idse_orchestrator.ledger.note_tree import GitNotes
from idse_orchestrator.wiring.acting import GitActing
from idse_orchestrator.wiring.ledgers import KINDS, git_writer
from idse_orchestrator.worktree import work_tree


def discover(folder):
    """The repository around `folder`."""
    return work_tree.discover(folder, os.environ)


def acting(vault, agent=""):
    """Says that the configured user acts, with `agent`."""
    return GitActing(vault, GitConfiguration(vault.git), lambda: agent)


def ledger_writer(vault, agent="", clock=time.time):
    """What appends for the configured user, with `agent`."""
    return git_writer(vault, acting(vault, agent), clock)


def git_notes(vault):
    """Notes on code commits, signed by the configured user."""
    return GitNotes(vault, acting(vault).anybody)


def fold(project, session, events):
    """The state of a session after `events`."""
    return KINDS["session"].fold((project, session), events)


def apply(state, event):
    """The state of a session after one more event."""
    return KINDS["session"].apply(state, event)
