"""Files that are shipped with the package: found in the wheel, or at the root of a checkout."""

from __future__ import annotations

import os

_HERE = os.path.dirname(os.path.abspath(__file__))


def shipped_folder(name: str) -> str:
    """Absolute path of the shipped folder `name` ("hooks", "templates").

    A wheel carries them under ``_shipped/``; an editable checkout has them at its root.
    """
    packaged = os.path.join(_HERE, "_shipped", name)
    if os.path.isdir(packaged):
        return packaged
    return os.path.join(os.path.dirname(os.path.dirname(_HERE)), name)


def constitution_bytes() -> bytes:
    """The constitution of this release, as it was shipped."""
    with open(os.path.join(_HERE, "constitution.yaml"), "rb") as file:
        return file.read()
