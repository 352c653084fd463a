"""The folder of hooks that we had to make: remembered, so that it goes with our hooks if nobody uses it."""

from __future__ import annotations

import os
from contextlib import suppress

from idse_orchestrator.git.private_files import make_folder, storage_error, write_atomically


class MadeFolder:
    """At most one folder, kept as a line in idse's own folder `private`."""

    def __init__(self, private: str) -> None:
        self._record = os.path.join(private, "made-hooks-folder")

    def begin(self, folder: str) -> None:
        """Have `folder`, and remember it if it was not there."""
        if os.path.isdir(folder):
            return
        make_folder(folder)
        make_folder(os.path.dirname(self._record))
        write_atomically(self._record, os.fsencode(folder))

    def end(self) -> None:
        """Remove the folder that was made, if it is empty; in any case forget it."""
        try:
            with open(self._record, "rb") as file:
                folder = os.fsdecode(file.read())
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(error, self._record) from error
        with suppress(OSError):  # somebody's hooks are in it, or it is gone
            os.rmdir(folder)
        with suppress(FileNotFoundError):
            os.unlink(self._record)
