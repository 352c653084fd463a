"""The folder that compiled profiles are written into: how each file stands, and which may be replaced.

It is the project's build folder, or one that a user names.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence

from idse_orchestrator.base.files import make_folder, remove_file, storage_error, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import artifact_path
from idse_orchestrator.errors import ForeignFileError, StorageError
from idse_orchestrator.profiles.project_profiles import SPEC, CompiledProfile
from idse_orchestrator.profiles.spec import is_as_written, says_it_is_from, session_of, with_plain_line_ends

_MOST_BYTES = 16 * 1024 * 1024
"""Far more than a profile can have; a larger file is none, and is not read."""


class ProfileFolder:
    """The folder of compiled profiles, an absolute path; without `top` it is one that somebody named.

    Below `top` no symbolic link is followed: what a branch carries must not lead out of the work tree.
    """

    def __init__(self, folder: str, top: str | None = None) -> None:
        self._folder = folder
        self._top = top

    @property
    def is_own(self) -> bool:
        """True if it holds the profiles of one project, and nobody named it."""
        return self._top is not None

    def path(self, name: str) -> str:
        """Returns the absolute path of the file of that name."""
        return os.path.join(self._folder, name)

    def read(self, name: str) -> bytes | None:
        """Reads a file; None where there is none of that name, ForeignFileError where it is no plain file."""
        self._refuse_links()
        path = self.path(name)
        try:
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
                raise _in_the_way(path, "a file is to be written there, and something else stands there")
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise _in_the_way(self._folder, "a folder is needed there, and a file stands there") from error
        except OSError as error:
            raise storage_error(error, path) from error

    def write(self, name: str, content: bytes) -> None:
        """Puts `content` there in one step, with the folder if it has to be made."""
        try:
            write_atomically(os.path.join(make_folder(self._folder), name), content)
        except StorageError as error:
            if self.is_own:
                raise
            # a folder that somebody named is no repository
            fix = (
                "name another folder: --out DIR",
                "or make this one writable for you, with space on its disk",
            )
            message = "the profile cannot be written"
            raise StorageError(message, where=error.where, cause=error.cause, fix=fix) from error

    def names(self) -> Sequence[str]:
        """Returns the plain files in it, in order; none where there is no folder."""
        self._refuse_links()
        try:
            with os.scandir(self._folder) as entries:
                return sorted(each.name for each in entries if _is_plain(each))
        except FileNotFoundError:
            return ()
        except NotADirectoryError as error:
            raise _in_the_way(self._folder, "a folder is needed there, and a file stands there") from error
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def _refuse_links(self) -> None:
        place = self._folder
        while self._top is not None and place.startswith(self._top + os.sep):
            if os.path.islink(place):
                raise _in_the_way(place, "it is a symbolic link, which could lead out of this work tree")
            place = os.path.dirname(place)


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size <= _MOST_BYTES


def _in_the_way(path: str, cause: str) -> ForeignFileError:
    return ForeignFileError(
        "something stands where a profile is to be written",
        where=path,
        cause=cause,
        fix=("move it away, then run the command again", "name another folder: --out DIR"),
    )


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
    """Compares the file of each profile with what it should be."""
    return tuple(
        Standing(each, files.path(each.name), _how(files.read(each.name), each.content)) for each in profiles
    )


def _how(existing: bytes | None, content: bytes) -> str:
    if existing is None:
        return MISSING
    if with_plain_line_ends(existing) == content:
        return CURRENT
    return OUTDATED if is_as_written(existing) else FOREIGN


def write_profiles(files: ProfileFolder, standings: Sequence[Standing], *, force: bool = False) -> None:
    """Writes the files that are not current.

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
    """Returns names the files of `form` that idse wrote for sessions of `project` other than `sessions`.

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
    """Takes away what `leftovers` found."""
    for name in names:
        remove_file(folder.path(name))
