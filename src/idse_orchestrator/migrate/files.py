"""The fate of each file and stage of a migrated session, from paths and content ids.

document                            recorded    →
none                                anything    pending
with nothing written in it          anything    pending
written                             complete    complete
written, an open marker in it       complete    in_progress
written                             anything    in_progress

A session's files are arranged in this order: stubs are set aside; of the files for one artifact the best
layout wins, then the best name, then the first path; every other file is kept beside the artifacts under
its own name, or, where that is taken, below ``migrated/<layout>/``; what equals the file that has its
place already is a duplicate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, MAX_DEPTH, MAX_FILES, few, same_file
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGE_OF, STAGES
from idse_orchestrator.migrate import paths
from idse_orchestrator.migrate.names import file_name
from idse_orchestrator.migrate.paths import RANK, Place, raw_path
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, IN_PROGRESS, PENDING

_NOT_TEXT = re.compile(r"<!--(?:[^-]|-(?!->))*(?:-->|\Z)|^[ \t]*#[^\n]*$|^[-=*_|:> \t]+$", re.MULTILINE)
_MARKER = re.compile(r"\\?\[REQUIRES INPUT[^\]\n]{0,200}\]", re.IGNORECASE)
_ENOUGH = 64 * 1024
_FEW = 12
"""Letters of a text that is none."""
_FEW_LINES = 3
_LINE_BYTES = 1024


def is_blank(data: bytes) -> bool:
    """Tests whether nothing is written in the document `data`: headings, comments and markers are no text."""
    text = _MARKER.sub("", data[:_ENOUGH].decode("utf-8", "replace"))
    return sum(map(str.isalnum, _NOT_TEXT.sub("", text))) < _FEW


def stage_statuses(
    written: Collection[str], unfinished: Collection[str], recorded: Mapping[str, str]
) -> dict[str, str]:
    """Returns stage to status: `written` have a text, `unfinished` leave something open."""
    return {stage: _status(stage, written, unfinished, recorded) for stage in STAGES}


def _status(
    stage: str, written: Collection[str], unfinished: Collection[str], recorded: Mapping[str, str]
) -> str:
    if stage not in written:
        return PENDING
    return COMPLETE if recorded.get(stage) == COMPLETE and stage not in unfinished else IN_PROGRESS


MIGRATED = "migrated"
DUPLICATE = "duplicate"
SIDE = "side file"
STUB = "stub"
UNKNOWN = "unknown"
FATES = (MIGRATED, DUPLICATE, SIDE, STUB, UNKNOWN)
"""Every file of a source has one of these."""

KEPT_BESIDE = "migrated"
"""The folder of a session that holds what could not stand at its own place."""

_STUB_WORDS = re.compile(rb"legacy\s+path\s+notice", re.IGNORECASE)
_STUB_BYTES = 8 * 1024
_MOST_SIDE_FILES = MAX_FILES - 100


class Text(NamedTuple):
    """How much a document says: its lines that are not empty, and whether it has a heading."""

    lines: int
    has_heading: bool

    @property
    def is_line(self) -> bool:
        """True if it is what a tool notes down, and no document: few lines, and no heading above them."""
        return self.lines <= _FEW_LINES and not self.has_heading


def text_of(data: bytes) -> Text:
    """Returns how much the document `data` says."""
    lines = [line for line in data[:_ENOUGH].splitlines() if line.strip()]
    return Text(len(lines), any(line.startswith(b"#") for line in lines))


class Content(NamedTuple):
    """A file's bytes as far as they count: git's id, how many, and if they are a notice, blank, a line."""

    blob: str
    size: int
    is_stub: bool = False
    is_blank: bool = False
    is_line: bool = False


class Found(NamedTuple):
    """A file of a session: its path in the source, the place that path says, and its content."""

    path: str
    place: Place
    content: Content


class Fate(NamedTuple):
    """The fate of the file at `path`: one of FATES, why, and its path in the session ("" : none)."""

    path: str
    fate: str
    reason: str = ""
    target: str = ""


class Group(NamedTuple):
    """Unknown files with one reason, how they are named together, and how many they are."""

    words: str
    reason: str
    size: int


def unknown_groups(fates: Iterable[Fate]) -> list[Group]:
    """Returns the unknown files of a source together: whole folders, and the others of a folder as one.

    `fates` are those of all files: a folder is named as a whole where all of it is unknown for one reason.
    """
    reasons: dict[str, set[str]] = {}
    unknown = []
    for fate in fates:
        reason = fate.reason if fate.fate == UNKNOWN else ""
        for folder in _folders_of(fate.path):
            reasons.setdefault(folder, set()).add(reason)
        unknown += [fate] if reason else []
    grouped: dict[tuple[str, str], list[str]] = {}
    for fate in unknown:
        whole = next((folder for folder in _folders_of(fate.path)[1:] if len(reasons[folder]) == 1), "")
        folder = whole or fate.path.rpartition("/")[0]
        grouped.setdefault((f"{whole}/" if whole else folder, fate.reason), []).append(fate.path)
    return [_group(folder, reason, found) for (folder, reason), found in grouped.items()]


def _folders_of(path: str) -> list[str]:
    """Returns the folders that `path` stands in, from the outermost, which is ""."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _group(folder: str, reason: str, found: Sequence[str]) -> Group:
    if len(found) == 1:
        return Group(found[0], reason, 1)
    if folder.endswith("/"):
        return Group(f"{folder} ({len(found):,} files)", reason, len(found))
    names = few([path.rpartition("/")[2] for path in found])
    return Group(f"{names}{f' in {folder}/' if folder else ''}", reason, len(found))


class Arranged(NamedTuple):
    """A session's folder as it will be (path to blob id), and what became of each file."""

    files: Mapping[str, str]
    fates: tuple[Fate, ...]


def is_stub(data: bytes) -> bool:
    """Tests whether `data` is a notice that a document has moved, which older tools left in its place."""
    return len(data) <= _STUB_BYTES and _STUB_WORDS.search(data) is not None


def content_of(data: bytes) -> Content:
    """Returns what counts of `data`."""
    is_line = len(data) <= _LINE_BYTES and text_of(data).is_line
    return Content(blob_id(data), len(data), is_stub(data), is_blank(data), is_line)


def arranged(found: Iterable[Found]) -> Arranged:
    """Arranges the files `found` of one session as its folder."""
    work = _Arrangement()
    documents, others = [], []
    for each in sorted(found, key=lambda each: (RANK[each.place.layout], raw_path(each.path))):
        fate = _set_aside(each)
        if fate is not None:
            work.fates.append(fate)
        elif each.place.rest and (document := paths.document_of(each.place.rest)):
            documents.append((document.stage, document.rank, each))
        else:
            others.append(each)
    documents.sort(key=lambda entry: (RANK[entry[2].place.layout], entry[1], raw_path(entry[2].path)))
    for stage, _, each in documents:
        work.document(stage, each)
    for each in others:
        work.side(each, paths.side_path(each.place.rest))
    return Arranged(work.files, tuple(sorted(work.fates, key=lambda fate: raw_path(fate.path))))


def _set_aside(found: Found) -> Fate | None:
    if found.content.size > MAX_ARTIFACT_BYTES:
        why = f"it is larger than {MAX_ARTIFACT_BYTES:,} bytes, the limit of a ledger"
        return Fate(found.path, UNKNOWN, why)
    if found.content.is_stub:
        return Fate(found.path, STUB, "a notice that the document has moved")
    return None


def late_place(place: Place) -> str:
    """Returns where a text of a database goes in a session that is in use already; "" for a file."""
    if place.layout != paths.DATABASE:
        return ""
    return "/".join((KEPT_BESIDE, paths.LAYOUTS[place.layout], *map(file_name, place.rest)))


class _Arrangement:
    """A folder that is being filled. `_taken` knows each path and each folder, where case does not count."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.fates: list[Fate] = []
        self._taken: dict[str, str] = {}
        self._folders: set[str] = set()
        self._origin: dict[str, str] = {}

    def document(self, stage: str, found: Found) -> None:
        target = ARTIFACTS[stage]
        if target not in self.files:
            self._put(target, found, MIGRATED, "")
            return
        if self._is_same(target, found):
            return
        reason = f"{self._origin[target]} is the {stage} document"
        self._beside(found, reason)

    def side(self, found: Found, wanted: Sequence[str]) -> None:
        parts = [file_name(part) for part in wanted]
        target = "/".join(parts)
        if len(self.files) >= _MOST_SIDE_FILES or len(parts) + 4 > MAX_DEPTH:
            self.fates.append(Fate(found.path, UNKNOWN, "a session holds no more files, or none so deep"))
        elif self._is_same(target, found):
            return
        elif found.place.layout == paths.DATABASE:
            self._beside(found, "kept apart: it stands in no file")
        elif self._is_free(target) and not _is_misleading(parts):
            reason = "kept beside the artifacts"
            self._put(target, found, SIDE, reason if tuple(parts) == tuple(wanted) else f"{reason}; renamed")
        else:
            self._beside(found, "kept apart: its own place is taken")

    def _beside(self, found: Found, reason: str) -> None:
        rest = [_harmless(file_name(part)) for part in found.place.rest]
        below = "/".join([paths.LAYOUTS[found.place.layout], *rest])
        number, target = 1, f"{KEPT_BESIDE}/{below}"
        while not self._is_free(target):  # another folder is free for sure: a file may stand on the way
            if self._is_same(target, found):
                return
            number += 1
            target = f"{KEPT_BESIDE}~{number}/{below}"
        self._put(target, found, SIDE, reason)

    def _put(self, target: str, found: Found, fate: str, reason: str) -> None:
        self.files[target] = found.content.blob
        self._origin[target] = found.path
        self._taken[_key(target)] = target
        parts = _key(target).split("/")
        self._folders.update("/".join(parts[:count]) for count in range(1, len(parts)))
        self.fates.append(Fate(found.path, fate, reason, target))

    def _is_same(self, target: str, found: Found) -> bool:
        """Tests whether the same bytes stand at `target` already; then the file is a duplicate of those."""
        if self.files.get(target) != found.content.blob:
            return False
        self.fates.append(Fate(found.path, DUPLICATE, f"the same bytes as {self._origin[target]}", target))
        return True

    def _is_free(self, target: str) -> bool:
        key = _key(target)
        parts = key.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        is_artifact = target in STAGE_OF or key in _ARTIFACT_KEYS
        return not (
            is_artifact or key in self._taken or key in self._folders or any(a in self._taken for a in above)
        )


def _key(path: str) -> str:
    return "/".join(same_file(part.encode()) for part in path.split("/"))


_ARTIFACT_KEYS = frozenset({*map(_key, STAGE_OF), "implementation", "feedback"})
"""Places that belong to the artifacts, and folders in which some of them stand."""


def _is_misleading(parts: Sequence[str]) -> bool:
    """Tests whether a path would be taken for one of an older layout."""
    return "current" in parts[:-1] or (
        len(parts) > 1 and parts[0] in paths.STAGE_FOLDERS and parts[0][-1] == "s"
    )


def _harmless(part: str) -> str:
    return "current_" if part == "current" else part
