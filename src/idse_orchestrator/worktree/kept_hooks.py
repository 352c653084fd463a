"""The hooks that stood in the places of ours: kept under their own names, in a folder beside that of ours.

A hook may look at its own name, at files beside it and at the folder above: a dispatcher that is linked
under many names does, and so does husky. So it keeps its name, the folder is as deep as that of the hooks,
and what else is there is linked into it.
"""

from __future__ import annotations

import os
from contextlib import suppress

from idse_orchestrator.base.files import make_folder, storage_error, write_atomically
from idse_orchestrator.worktree.hook import HOOKS, KEPT

_TARGET = ".target"
"""What the name of a file ends in that holds where a link led that was laid anew."""


def _move(source: str, target: str) -> None:
    """Renames a file or link, over what stands at `target`."""
    try:
        os.replace(source, target)
    except OSError as error:
        raise storage_error(error, target) from error


class KeptHooks:
    """What is kept of one folder of hooks. What writes may raise StorageError."""

    def __init__(self, folder: str) -> None:
        self._hooks = os.path.realpath(folder)
        self.folder = self._hooks + KEPT

    @property
    def name(self) -> str:
        """The name of the folder: it stands beside that of the hooks."""
        return os.path.basename(self.folder)

    def has(self, name: str) -> bool:
        """Tests whether a hook `name` is kept."""
        return self._place(name) is not None

    def where(self, name: str) -> str:
        """Returns where the hook `name` is kept, or would be."""
        return self._place(name) or os.path.join(self.folder, name)

    def keep(self, path: str, name: str) -> None:
        """Moves the hook at `path` here. A link by full path to another of them would lead to ours now."""
        make_folder(self.folder)
        place, meant = os.path.join(self.folder, name), self._meant(path)
        if not meant or os.readlink(path) == meant:
            _move(path, place)
            return
        write_atomically(place + _TARGET, os.fsencode(os.readlink(path)))
        try:
            os.symlink(meant, place)
            os.unlink(path)
        except OSError as error:
            raise storage_error(error, path) from error

    def give_back(self, name: str, path: str) -> None:
        """Moves the kept hook `name` to `path`, as it was."""
        place = self.where(name)
        try:
            with open(place + _TARGET, "rb") as file:
                target = file.read()
        except OSError:
            _move(place, path)
            return
        try:
            os.unlink(place)
            os.symlink(target, os.fsencode(place))
            os.unlink(place + _TARGET)
        except OSError as error:
            raise storage_error(error, place) from error
        _move(place, path)

    def adopt(self) -> None:
        """Moves what an earlier release kept beside our hooks here."""
        for name in HOOKS:
            place = self._place(name)
            if place and place != os.path.join(self.folder, name):
                self.keep(place, name)

    def link(self) -> None:
        """Links here what a kept hook may look for beside itself; our hooks stand in their places by now."""
        if not os.path.isdir(self.folder):
            return
        for name, target in self._neighbours().items():
            with suppress(OSError):  # it is there, or this machine has no links
                os.symlink(target, os.path.join(self.folder, name))

    def tidy(self) -> None:
        """Removes the links, and the folder with them once no hook is kept in it."""
        if any(self.has(name) for name in HOOKS) or not os.path.isdir(self.folder):
            return
        for name in os.listdir(self.folder):
            path = os.path.join(self.folder, name)
            if os.path.islink(path) and name not in HOOKS:
                with suppress(OSError):
                    os.unlink(path)
        with suppress(OSError):  # a hook wrote something here
            os.rmdir(self.folder)

    def files(self) -> list[str]:
        """Returns the names of all that is kept or linked."""
        try:
            return sorted(os.listdir(self.folder))
        except OSError:
            return []

    def _place(self, name: str) -> str | None:
        earlier = os.path.join(self._hooks, name + KEPT)
        places = (os.path.join(self.folder, name), earlier)
        return next((place for place in places if os.path.lexists(place)), None)

    def _neighbours(self) -> dict[str, str]:
        """Returns name and target of the link for each file that is no hook of ours."""
        found = {}
        with suppress(OSError):
            for entry in os.scandir(self._hooks):
                if entry.name in HOOKS or entry.name.endswith((KEPT, ".sample", ".tmp", ".legacy")):
                    continue
                beside = os.path.join(os.pardir, os.path.basename(self._hooks), entry.name)
                found[entry.name] = self._meant(entry.path) or beside
        return found

    def _meant(self, path: str) -> str:
        """Returns which hook of the folder the link `path` leads to; "" for none. The kept one is meant."""
        folder, name = os.path.split(os.path.realpath(path))
        return name if folder == self._hooks and name in HOOKS and os.path.islink(path) else ""
