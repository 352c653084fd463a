"""The git settings of this repository that idse makes, and takes away again."""

from __future__ import annotations

from idse_orchestrator.git.repository import Repository

NOTES_KEY = "notes.displayRef"
NOTES_VALUE = "refs/idse/notes/*"


class GitSettings:
    """The `Settings` port on a repository."""

    def __init__(self, repository: Repository) -> None:
        self._git = repository.git

    def shows_notes(self) -> bool:
        """Whether plain `git log` shows idse's notes already, by whatever setting."""
        done = self._git.attempt("config", "--get-all", NOTES_KEY)
        values = done.stdout.decode("utf-8", "replace").split()
        return any(value in (NOTES_VALUE, "refs/idse/notes/commits") for value in values)

    def show_notes(self) -> bool:
        """See `Settings.show_notes`."""
        if self.shows_notes():
            return False
        self._git.bytes("config", "--local", "--add", NOTES_KEY, NOTES_VALUE)
        return True

    def hide_notes(self) -> bool:
        """Take back what `show_notes` set; True if it was there."""
        pattern = "^refs/idse/notes/\\*$"
        return self._git.attempt("config", "--local", "--unset-all", NOTES_KEY, pattern).returncode == 0
