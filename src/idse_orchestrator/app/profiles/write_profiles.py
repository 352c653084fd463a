"""Put compiled profiles where they belong: how each file stands, and which of them may be replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from idse_orchestrator.domain.agent_profiles.file import is_as_written, with_plain_line_ends
from idse_orchestrator.errors import ForeignFileError

if TYPE_CHECKING:
    from idse_orchestrator.app.profiles.compile_agent_spec import CompiledProfile

MISSING = "missing"
CURRENT = "current"
OUTDATED = "outdated"
FOREIGN = "foreign"


class ProfileFiles(Protocol):
    """The folder that profiles are compiled into."""

    def path(self, name: str) -> str:
        """The absolute path of the file of that name."""

    def read(self, name: str) -> bytes | None:
        """The file of that name; None where there is none, ForeignFileError where it is no plain file."""

    def write(self, name: str, content: bytes) -> None:
        """Put `content` there in one step, with the folder if it has to be made."""


class Standing(NamedTuple):
    """A profile, the path of its file, and how the file that stands there compares.

    That is MISSING, CURRENT, OUTDATED, or FOREIGN for one that idse did not write, or that somebody
    changed since.
    """

    profile: CompiledProfile
    path: str
    how: str


def compared(files: ProfileFiles, profiles: Sequence[CompiledProfile]) -> tuple[Standing, ...]:
    """How the file of each profile stands now."""
    return tuple(_compared(files, profiles))


def _compared(files: ProfileFiles, profiles: Sequence[CompiledProfile]) -> Iterator[Standing]:
    for each in profiles:
        yield Standing(each, files.path(each.name), _how(files.read(each.name), each.content))


def _how(existing: bytes | None, content: bytes) -> str:
    if existing is None:
        return MISSING
    if with_plain_line_ends(existing) == content:
        return CURRENT
    return OUTDATED if is_as_written(existing) else FOREIGN


def write_profiles(files: ProfileFiles, standings: Sequence[Standing], *, force: bool = False) -> None:
    """Write the files that are not current.

    ForeignFileError, with nothing written, where one of them is not idse's to replace, unless by `force`.
    """
    foreign = [each for each in standings if each.how == FOREIGN]
    if foreign and not force:
        raise _not_ours(foreign)
    for each in standings:
        if each.how != CURRENT:
            files.write(each.profile.name, each.profile.content)


def _not_ours(foreign: Sequence[Standing]) -> ForeignFileError:
    more = f", nor are {len(foreign) - 1} more" if len(foreign) > 1 else ""
    return ForeignFileError(
        f"{foreign[0].profile.name} is not as idse wrote it{more}",
        where=foreign[0].path,
        cause="idse did not write it, or somebody changed it since",
        fix=("move what you want to keep into the spec, then add --force", "name another folder: --out DIR"),
    )
