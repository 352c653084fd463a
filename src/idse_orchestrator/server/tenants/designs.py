"""The designs of an Agency: libraries of components, each version a folder that never changes.

designs/LIBRARY/VERSION/     design.json, README.md, and the files that design.json names
designs/catalogue.json       which components there are, written last: what it does not name is not there
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idse_orchestrator.base.files import file_lock, make_folder, storage_error, sync_to_disk, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, did_you_mean
from idse_orchestrator.documents.design_reference import (
    CATALOGUE,
    NAME,
    VERSION,
    Catalogue,
    DesignReference,
    catalogue_bytes,
    catalogue_of,
    nearest_to,
    newest,
    problem_with,
)
from idse_orchestrator.documents.project_workspace import LARGEST_RULES
from idse_orchestrator.errors import ConflictError, InvalidConfigurationError, UnknownNameError

FOLDER = "designs"
DESIGN_FILE, README = "design.json", "README.md"
MOST_FILES, MOST_BYTES, LARGEST_DESCRIPTION = 10_000, 200 << 20, 1 << 20

_WHAT = "the designs of the Agency"
_INCOMING = "incoming-design"


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


Name = Annotated[str, Field(pattern=rf"^{NAME}$")]


class Component(_Shape):
    """One component of a library. `files` and `preview` are paths from the library's folder."""

    name: Name
    summary: str = Field(min_length=1, max_length=400)
    files: list[str] = []
    props: dict[str, Any] = {}
    preview: str = ""


class Library(_Shape):
    """The file ``design.json``."""

    format: Annotated[int, Field(ge=1, le=1)]
    library: Name
    version: Annotated[str, Field(pattern=rf"^{VERSION}$")]
    components: list[Component] = Field(min_length=1, max_length=2_000)


class Design(NamedTuple):
    """A component as it is shown: `reference` names its version, `readme` is for who adapts it."""

    reference: str
    component: Component
    readme: str
    folder: str

    def text(self, name: str) -> str | None:
        """Returns the text of a file; None where it is larger than 256 KiB, or no text."""
        with open(os.path.join(self.folder, name), "rb") as file:
            data = file.read(LARGEST_RULES + 1)
        try:
            return data.decode("utf-8") if len(data) <= LARGEST_RULES and b"\0" not in data else None
        except UnicodeDecodeError:
            return None


class Designs:
    """The libraries in a `home`."""

    def __init__(self, home: str) -> None:
        self._folder = os.path.join(home, FOLDER)
        self._run = os.path.join(home, "run")

    def catalogue(self) -> Catalogue:
        """Returns library to version to components; InvalidConfigurationError where it is damaged."""
        path = os.path.join(self._folder, os.path.basename(CATALOGUE))
        try:
            with open(path, "rb") as file:
                return catalogue_of(file.read(), CATALOGUE)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise storage_error(error, path, _WHAT) from error
        except InvalidConfigurationError as error:
            raise InvalidConfigurationError(
                error.message,
                where=path,
                cause=error.cause,
                fix=("idse agency design add FOLDER  # any library: the catalogue is made anew with it",),
            ) from error

    def _of_folders(self) -> Catalogue:
        """Returns the catalogue of all libraries that stand here."""
        made: dict[str, dict[str, list[str]]] = {}
        for path in sorted(glob.glob(os.path.join(glob.escape(self._folder), "*", "*", DESIGN_FILE))):
            library, _ = _read_library(os.path.dirname(path))
            names = sorted(each.name for each in library.components)
            made.setdefault(library.library, {})[library.version] = names
        return made

    def add(self, source: str) -> tuple[Library, bool]:
        """Copies the library in the folder `source`; whether it is new here.

        InvalidConfigurationError where it is none, ConflictError where another stands under its version.
        """
        library, files = _read_library(source)
        make_folder(self._folder, _WHAT)
        with file_lock(os.path.join(self._run, "locks"), name="designs"):
            try:
                kept = self.catalogue()
            except InvalidConfigurationError:
                kept = {}
            known = kept or self._of_folders()
            target = os.path.join(self._folder, library.library, library.version)
            if os.path.isdir(target):
                if _digests(target, _files_in(target)) != _digests(source, files):
                    raise ConflictError(
                        f"{library.library} {library.version} is there already, with other content",
                        where=target,
                        cause="a version never changes: who named it would get something else",
                        fix=(f"give it another version in {os.path.join(source, DESIGN_FILE)}",),
                    )
            else:
                self._copy(source, files, target)
            is_new = library.version not in kept.get(library.library, {})
            versions = {**known.get(library.library, {})}
            versions[library.version] = sorted(each.name for each in library.components)
            self._keep({**known, library.library: versions})
        return library, is_new

    def find(self, reference: DesignReference) -> Design:
        """Returns the component that `reference` means; UnknownNameError if there is none."""
        catalogue = self.catalogue()
        problem = problem_with(reference, catalogue)
        if problem:
            guess = nearest_to(reference, catalogue)
            raise UnknownNameError(problem, where=str(reference), fix=(*guess, "idse agency design list"))
        version = reference.version or newest(catalogue[reference.library])
        folder = os.path.join(self._folder, reference.library, version)
        library, _ = _read_library(folder)
        component = next(each for each in library.components if each.name == reference.component)
        with open(os.path.join(folder, README), encoding="utf-8", errors="replace") as file:
            return Design(str(reference._replace(version=version)), component, file.read(), folder)

    def library(self, name: str, version: str = "") -> Library:
        """Returns a library, its newest version where none is named; UnknownNameError if there is none."""
        versions = self.catalogue().get(name, {})
        if not versions or version not in {"", *versions}:
            known = sorted(versions) if versions else sorted(self.catalogue())
            raise UnknownNameError(
                f"{name} has no version {version}" if versions else f"there is no library {name}",
                where=FOLDER,
                fix=(*did_you_mean(version if versions else name, known), "idse agency design list"),
            )
        return _read_library(os.path.join(self._folder, name, version or newest(versions)))[0]

    def _copy(self, source: str, files: Sequence[str], target: str) -> None:
        """Copies `files` beside the place where they are to stand, and puts all of them there at once."""
        incoming = os.path.join(self._run, _INCOMING)
        shutil.rmtree(incoming, ignore_errors=True)
        try:
            for name in files:
                path = os.path.join(incoming, name)
                make_folder(os.path.dirname(path), _WHAT)
                shutil.copyfile(os.path.join(source, name), path, follow_symlinks=False)
                sync_to_disk(path, _WHAT)
            make_folder(os.path.dirname(target), _WHAT)
            os.rename(incoming, target)
            sync_to_disk(os.path.dirname(target), _WHAT)
        except OSError as error:
            shutil.rmtree(incoming, ignore_errors=True)
            raise storage_error(error, target, _WHAT) from error

    def _keep(self, catalogue: Catalogue) -> None:
        data = catalogue_bytes(catalogue)
        if len(data) > LARGEST_RULES:
            raise InvalidConfigurationError(
                "there are too many designs",
                where=CATALOGUE,
                cause=f"their names would take {len(data):,} bytes, and clones read {LARGEST_RULES:,}",
            )
        path = os.path.join(self._folder, os.path.basename(CATALOGUE))
        write_atomically(path, data, durable=True, what=_WHAT)


def _read_library(folder: str) -> tuple[Library, Sequence[str]]:
    """Returns what ``design.json`` in `folder` says, and the files of the folder, as paths from it."""
    if not os.path.isdir(folder):
        raise UnknownNameError("there is no such folder", where=folder)
    files = _files_in(folder)
    for name in (DESIGN_FILE, README):
        if name not in files:
            raise _unfit(folder, f"it has no {name}", f"write {os.path.join(folder, name)}")
    path = os.path.join(folder, DESIGN_FILE)
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_DESCRIPTION + 1)
    except OSError as error:
        raise storage_error(error, path, _WHAT) from error
    if len(data) > LARGEST_DESCRIPTION:
        raise _unfit(path, f"it has more than {LARGEST_DESCRIPTION:,} bytes")
    try:
        library = Library.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = " → ".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
        raise _unfit(f"{path}{place and f' → {place}'}", first["msg"]) from error
    seen: set[str] = set()
    for component in library.components:
        if component.name in seen:
            raise _unfit(path, f"the component {component.name} is there twice")
        seen.add(component.name)
        missing = {*component.files, *filter(None, [component.preview])} - {*files}
        if missing:
            raise _unfit(path, f"{component.name} names a file that is not there: {min(missing)}")
    return library, files


def _files_in(folder: str) -> list[str]:
    """Returns the files below a folder without hidden ones; InvalidConfigurationError for links and bulk."""
    found, total = [], 0
    for path in _walk(folder):
        status = os.lstat(path)
        name = os.path.relpath(path, folder)
        if not stat.S_ISREG(status.st_mode):
            raise _unfit(path, "it is no regular file", "take it out, or put the file itself there")
        total += status.st_size
        found.append(name)
        if len(found) > MOST_FILES or total > MOST_BYTES:
            most = f"{counted(MOST_FILES, 'file', ',')} and {MOST_BYTES:,} bytes"
            raise _unfit(folder, f"a library has at most {most}")
    return sorted(found)


def _walk(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                if entry.name.startswith("."):  # of git, an editor, a file manager
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path)
                else:
                    yield entry.path
    except OSError as error:
        raise storage_error(error, folder, _WHAT) from error


def _digests(folder: str, files: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for name in files:
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _unfit(where: str, cause: str, *fix: str) -> InvalidConfigurationError:
    return InvalidConfigurationError("this is no library of designs", where=where, cause=cause, fix=fix)
