"""Finds where a file of an older layout belongs: project, session and layout, from its path alone.

The layouts, by the letter that reports use::

    G  .idse/projects/P/sessions/S/<file>             what idse writes
    D  .idse/projects/P/sessions/S/<stages>/<file>    the same place, a folder for each stage
    C  projects/P/sessions/S/<stages>/<file>
    E  projects/P/S/<stages>/<file>
    A  <stages>/projects/P/sessions/S/<file>
    F  P:S/<stages>/<file>                            a colon instead of a slash
    B  <stages>/current/<file>                        one session, which CURRENT_SESSION names
    S  .idse/idse.db                                  texts in a database, which have no paths of their own

A folder that is no stage's, as in ``reports/projects/P/sessions/S/<file>``, holds side files of a session
that one of these has. All paths are relative to the migrated folder, with ``/``; bytes that are no UTF-8
are surrogates.
"""

from __future__ import annotations

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import ARTIFACTS, CURRENT_SESSION, SESSION_STATE, WORKSPACE

STAGE_FOLDERS = {
    "intents": "intent",
    "contexts": "context",
    "specs": "spec",
    "plans": "plan",
    "tasks": "tasks",
    "implementation": "implementation",
    "feedback": "feedback",
}
"""The folders of older layouts, and the stage whose document each of them held."""

FLAT, DOT, PROJECTS, BARE, STAGED, COLON, CURRENT, DATABASE = "G", "D", "C", "E", "A", "F", "B", "S"

LAYOUTS = {
    FLAT: "flat",
    DOT: "dot-rooted",
    PROJECTS: "projects-rooted",
    BARE: "no-sessions",
    STAGED: "stage-rooted",
    COLON: "colon-named",
    CURRENT: "current-folder",
    DATABASE: "database",
}
"""Layouts in the order in which they win where one session stands in several, with a word for each."""

RANK = {layout: number for number, layout in enumerate(LAYOUTS)}

AGENT_REGISTRY = "agent_registry.json"
ACTIVE_SESSION = ".idse_active_session.json"
PROJECT_FILES = (CURRENT_SESSION, SESSION_STATE, AGENT_REGISTRY, ACTIVE_SESSION)

_NO_SESSIONS = frozenset({"guardrails", "sessions", *STAGE_FOLDERS})
"""Folders of a project that are no session, whatever stands in them."""

_MARKS = (".owner", ".collaborators")
_NAMES = {
    "intent": ("intent.md",),
    "context": ("context.md",),
    "spec": ("spec.md",),
    "plan": ("plan.md",),
    "tasks": ("tasks.md", "task.md"),
    "implementation": ("readme.md", "implementation.md"),
    "feedback": ("feedback.md",),
}
_FLAT_NAMES = {name: stage for stage, names in _NAMES.items() for name in names if name != "readme.md"}


class Place(NamedTuple):
    """A file of a session: `rest` is its path below the session, the stage's folder first if it had one.

    `project` is "" where the path does not say it, `session` is "" for the one that is current.
    """

    layout: str
    project: str
    session: str
    rest: tuple[str, ...]


class ProjectFile(NamedTuple):
    """A file about a project as a whole: `kind` is one of PROJECT_FILES; `project` is "" for all of them."""

    kind: str
    project: str


def place_of(path: str) -> Place | ProjectFile | None:
    """Returns where the file at `path` belongs; None if no layout has such a path."""
    parts = tuple(path.split("/"))
    found = _staged(parts) or _dot_rooted(parts) or _projects(parts) or _colon(parts)
    return found or _project_file(parts)


def _staged(parts: tuple[str, ...]) -> Place | None:
    if parts[0] not in STAGE_FOLDERS:
        return None
    if len(parts) >= 6 and parts[1] == "projects" and parts[3] == "sessions":
        return Place(STAGED, parts[2], parts[4], (parts[0], *parts[5:]))
    if len(parts) >= 3 and parts[1] == "current":
        return Place(CURRENT, "", "", (parts[0], *parts[2:]))
    if len(parts) == 2 and parts[1] == "current":
        return Place(CURRENT, "", "", ())
    return None


def _dot_rooted(parts: tuple[str, ...]) -> Place | None:
    if len(parts) < 6 or parts[:2] != (WORKSPACE, "projects") or parts[3] != "sessions":
        return None
    rest = parts[5:]
    old = len(rest) > 1 and (rest[0] in STAGE_FOLDERS or rest[0] == "metadata")
    is_flat = "/".join(rest) in ARTIFACTS.values() or not old
    return Place(FLAT if is_flat else DOT, parts[2], parts[4], rest)


def _projects(parts: tuple[str, ...]) -> Place | None:
    if parts[0] != "projects":
        return None
    if len(parts) >= 5 and parts[2] == "sessions":
        return _named(PROJECTS, parts[1], parts[3], parts[4:])
    if len(parts) >= 3 and ":" in parts[1]:
        return _colon(parts[1:])
    if len(parts) < 4 or parts[2] in _NO_SESSIONS:
        return None
    inside = parts[3] in STAGE_FOLDERS or parts[3] == "metadata"
    if (inside and len(parts) > 4) or (len(parts) == 4 and parts[3] in _MARKS):
        return _named(BARE, parts[1], parts[2], parts[3:])
    return None


def beside_stages(path: str) -> Place | None:
    """Returns where `path` belongs if the folder below its project is a session; None for others."""
    parts = path.split("/")
    if len(parts) < 4 or parts[0] != "projects" or parts[2] in _NO_SESSIONS:
        return None
    return _named(BARE, parts[1], parts[2], tuple(parts[3:]))


def beside_layouts(path: str) -> Place | None:
    """Returns where `path` belongs if its session is there: it stands in a folder that is like a stage's."""
    parts = path.split("/")
    if len(parts) < 6 or parts[1] != "projects" or parts[3] != "sessions" or parts[0] == WORKSPACE:
        return None
    if len(parts) > 6 and parts[5] in STAGE_FOLDERS:
        return None  # a whole layout stands there, which is another source
    return _named(STAGED, parts[2], parts[4], (parts[0], *parts[5:]))


def session_at(path: str) -> Place | None:
    """Returns a place in the session that `path` is, or leads into; None if it names none."""
    places = map(place_of, (f"{path}/-/-", f"{path}/-", path))
    return next((each for each in places if isinstance(each, Place) and each.layout != CURRENT), None)


def _colon(parts: tuple[str, ...]) -> Place | None:
    project, colon, session = parts[0].partition(":")
    if not colon or not project or not session or len(parts) < 2:
        return None
    return Place(COLON, project, session, parts[1:])


def _named(layout: str, project: str, session: str, rest: tuple[str, ...]) -> Place:
    """Cuts the project off a session's folder that repeats it before a colon."""
    said, _, behind = session.partition(":")
    if said == project and behind:
        return Place(COLON, project, behind, rest)
    return Place(layout, project, session, rest)


def _project_file(parts: tuple[str, ...]) -> ProjectFile | None:
    name = parts[-1]
    if name not in PROJECT_FILES:
        return None
    folders = parts[:-1]
    if folders in ((), (WORKSPACE,), ("projects",), (WORKSPACE, "projects")):
        return ProjectFile(name, "")
    if folders[:-1] in (("projects",), (WORKSPACE, "projects")):
        return ProjectFile(name, folders[-1])
    return ProjectFile(name, "") if name == AGENT_REGISTRY and len(folders) <= 2 else None


class Document(NamedTuple):
    """The stage whose artifact a file is; the smaller `rank`, the better its name fits."""

    stage: str
    rank: int


def document_of(rest: tuple[str, ...]) -> Document | None:
    """Returns the artifact that the file at `rest` of a session is; None for any other file."""
    name = rest[-1].lower() if rest else ""
    if len(rest) == 1:
        stage = _FLAT_NAMES.get(name, "")
    elif len(rest) == 2:
        stage = STAGE_FOLDERS.get(rest[0].lower(), "")
    else:
        return None
    if not stage or name not in _NAMES[stage]:
        return None
    as_written = "README.md" if name == "readme.md" else name
    return Document(stage, _NAMES[stage].index(name) * 2 + (rest[-1] != as_written))


def side_path(rest: tuple[str, ...]) -> tuple[str, ...]:
    """Returns where a file that is no artifact is kept: beside the artifacts, by its own name."""
    folder = rest[0].lower()
    if len(rest) > 1 and folder in STAGE_FOLDERS and folder not in ("implementation", "feedback"):
        return rest[1:]
    return rest


def raw_path(path: str) -> bytes:
    """Returns the bytes of a path, by which paths are ordered."""
    return path.encode("utf-8", "surrogateescape")
