"""Reads a file of a plain folder, as it is."""

from __future__ import annotations

import os

from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.git.readers.listing import encode


def content_of(top: str, path: str, *, is_link: bool = False) -> bytes:
    """The bytes of the file `path`, which is below `top`, or where a link leads.

    InvalidArtifactError where it cannot be read, with its place below `top`.
    """
    full = os.path.join(encode(top), encode(path))
    try:
        if is_link:
            return os.readlink(full)
        with open(full, "rb") as file:
            return file.read()
    except OSError as error:
        raise InvalidArtifactError(
            "a document cannot be read",
            where=os.path.relpath(os.path.join(top, path), top),
            cause=error.strerror or str(error),
            fix=("make it a file that you may read, then run the command again",),
        ) from error
