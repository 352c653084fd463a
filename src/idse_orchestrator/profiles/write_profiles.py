"""Put compiled profiles where they belong: how each file stands, and which of them may be replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.documents.pipeline_artifacts import artifact_path
from idse_orchestrator.errors import ForeignFileError
from idse_orchestrator.profiles.compile_agent_spec import SPEC
from idse_orchestrator.profiles.file import is_as_written, says_it_is_from, session_of, with_plain_line_ends

if TYPE_CHECKING:
    from idse_orchestrator.profiles.compile_agent_spec import CompiledProfile
    from idse_orchestrator.profiles.folder import ProfileFolder

MISSING = "missing"
CURRENT = "current"
OUTDATED = "outdated"
FOREIGN = "foreign"


class Standing(NamedTuple):
    """A profile, the path of its file, and how the file that stands there compares.

    That is MISSING, CURRENT, OUTDATED, or FOREIGN for one that idse did not write, or that somebody
    changed since.
    """

    profile: CompiledProfile
    path: str
    how: str


def compared(files: ProfileFolder, profiles: Sequence[CompiledProfile]) -> tuple[Standing, ...]:
    """How the file of each profile stands now."""
    return tuple(_compared(files, profiles))


def _compared(files: ProfileFolder, profiles: Sequence[CompiledProfile]) -> Iterator[Standing]:
    for each in profiles:
        yield Standing(each, files.path(each.name), _how(files.read(each.name), each.content))


def _how(existing: bytes | None, content: bytes) -> str:
    if existing is None:
        return MISSING
    if with_plain_line_ends(existing) == content:
        return CURRENT
    return OUTDATED if is_as_written(existing) else FOREIGN


def write_profiles(files: ProfileFolder, standings: Sequence[Standing], *, force: bool = False) -> None:
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


def leftovers(folder: ProfileFolder, project: str, form: str, sessions: Collection[str]) -> tuple[str, ...]:
    """Names of the files of `form` that idse wrote for sessions of `project` other than `sessions`.

    What was edited since is no leftover. In a folder that somebody named, other projects may keep theirs:
    there a file counts only where it says itself whose it is, which JSON does not.
    """
    found = []
    for name in folder.names():
        session = session_of(name, form)
        if session is None or session in sessions:
            continue
        content = folder.read(name) or b""
        ours = folder.is_own or says_it_is_from(content, artifact_path(project, session, SPEC))
        if ours and is_as_written(content):
            found.append(name)
    return tuple(found)


def remove_leftovers(folder: ProfileFolder, names: Sequence[str]) -> None:
    """Take away what `leftovers` found."""
    for name in names:
        folder.remove(name)
