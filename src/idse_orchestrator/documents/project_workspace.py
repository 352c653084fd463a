"""The folder ``.idse/`` in a work tree: the seven documents of a session, and what else stands where.

::

    .idse/
      .gitignore                         GITIGNORE
      constitution.yaml                  the project's own rules, if it has any
      agents.yaml                        coding agents that idse does not know by itself, if there are any
      templates/                         overrides of the shipped templates, one by one
      projects/<project>/
        CURRENT_SESSION                  view: the current session's bare id
        session_state.json               view: where that session stands
        agent_registry.json              view: the project's agents, where it has any
        build/                           what can be made again: compiled agent profiles
        sessions/<session>/              the artifacts: PipelineArtifacts are ARTIFACTS, by stage

All paths are relative to the repository's top and use ``/``. Older layouts have other places.

`ArtifactReader` is how the ValidationEngine sees documents: a work tree, the index, a commit, a
ledger's tip and a quarantined push all look the same, folders of files that have a mode, a content id
and bytes. `tests/contracts/artifact_reader.py` holds every implementation to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import InvalidArtifactError

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000
GITLINK = 0o160000


class FileEntry(NamedTuple):
    """One file as git would record it: `mode` as in a tree, `blob` its id, `size` in bytes.

    `blob` is the id git gives the content after its filters, so equal ids mean equal documents
    whatever source they were read from. `size` is of the same content.
    """

    mode: int
    blob: str
    size: int


class ArtifactReader(Protocol):
    """One source of documents. Reading never writes a user's file, index or ref."""

    @property
    def description(self) -> str:
        """What this source is called in reports: "worktree", "index", "commit 3f2a1c9"."""

    def paths(self) -> Mapping[str, FileEntry]:
        """Returns every file under ``.idse/`` in this source, by repository-relative path."""

    def legacy_paths(self) -> Sequence[str]:
        """Returns paths outside ``.idse/`` that look like an older layout's session files."""

    def read_many(self, paths: Iterable[str]) -> Mapping[str, bytes]:
        """Returns the bytes behind `paths`, each of which `paths()` named.

        A link reads as its target's text.
        """


IMPLEMENTATION = "implementation"
"""The stage whose document speaks of code."""
STAGES = ("intent", "context", "spec", "plan", "tasks", IMPLEMENTATION, "feedback")

ARTIFACTS = {
    "intent": "intent.md",
    "context": "context.md",
    "spec": "spec.md",
    "plan": "plan.md",
    "tasks": "tasks.md",
    "implementation": "implementation/README.md",
    "feedback": "feedback/feedback.md",
}
"""Stage to the path of its artifact, relative to the session's folder."""

OLD_FORM = {
    "intent": "intents/intent.md",
    "context": "contexts/context.md",
    "spec": "specs/spec.md",
    "plan": "plans/plan.md",
    "tasks": "tasks/tasks.md",
}
"""Where older tools kept the artifacts that have another place now; the others stand where they stood."""

MAY_START_BESIDE = ("feedback",)
"""Stages that may start while the one before them is still in progress."""

STAGE_OF = {path: stage for stage, path in ARTIFACTS.items()}

WORKSPACE = ".idse"


def upstream_of(stage: str) -> tuple[str, ...]:
    """Returns the stages whose documents `stage` builds on, in pipeline order."""
    return STAGES[: STAGES.index(stage)]


def downstream_of(stage: str) -> tuple[str, ...]:
    """Returns the stages that build on `stage`, in pipeline order."""
    return STAGES[STAGES.index(stage) + 1 :]


def project_folder(project: str) -> str:
    """Returns repository-relative folder of a project."""
    return f"{WORKSPACE}/projects/{project}"


def session_folder(project: str, session: str) -> str:
    """Returns repository-relative folder of a session: what its ledger holds under ``artifacts/``."""
    return f"{WORKSPACE}/projects/{project}/sessions/{session}"


def artifact_path(project: str, session: str, stage: str) -> str:
    """Returns repository-relative path of a stage's artifact."""
    return f"{session_folder(project, session)}/{ARTIFACTS[stage]}"


def split_session_path(path: str) -> tuple[str, str, str] | None:
    """``.idse/projects/P/sessions/S/rest`` as (P, S, rest); None for any other path."""
    parts = path.split("/", 5)
    if len(parts) == 6 and parts[:2] == [WORKSPACE, "projects"] and parts[3] == "sessions":
        return parts[2], parts[4], parts[5]
    return None


CURRENT_SESSION = "CURRENT_SESSION"
SESSION_STATE = "session_state.json"
AGENT_REGISTRY = "agent_registry.json"
BUILD = "build"
VIEWS = (CURRENT_SESSION, SESSION_STATE, AGENT_REGISTRY)
"""Files written from the refs. They are never read back as truth, and git ignores them."""

PROJECTS_FOLDER = f"{WORKSPACE}/projects"
TEMPLATES_FOLDER = f"{WORKSPACE}/templates"
CONSTITUTION_PATH = f"{WORKSPACE}/constitution.yaml"
CARRIED_RULES = "constitution.yaml"
"""The copy of a project's rules among the documents of its ledger."""
LARGEST_RULES = 256 * 1024
"""The rules of a layer are never larger, in bytes."""
KNOWN_AGENTS_PATH = f"{WORKSPACE}/agents.yaml"
GITIGNORE_PATH = f"{WORKSPACE}/.gitignore"
STORE_FOLDER = f"{WORKSPACE}/store"
"""Where the ledgers are in a folder without git."""

GITIGNORE = (
    b"# Written by idse. These files are views of the ledger, or can be built again:\n"
    b"# they differ from clone to clone, so git must not carry them.\n"
    b"projects/*/CURRENT_SESSION\n"
    b"projects/*/session_state.json\n"
    b"projects/*/agent_registry.json\n"
    b"projects/*/build/\n"
)
"""The content of ``.idse/.gitignore`` as ``idse init`` writes it."""


def current_session_path(project: str) -> str:
    """Returns where the view of the current session's id stands."""
    return f"{project_folder(project)}/{CURRENT_SESSION}"


def session_state_path(project: str) -> str:
    """Returns where the view of the current session's state stands."""
    return f"{project_folder(project)}/{SESSION_STATE}"


def agent_registry_path(project: str) -> str:
    """Returns where the view of the project's agents stands."""
    return f"{project_folder(project)}/{AGENT_REGISTRY}"


def build_folder(project: str) -> str:
    """Returns where what idse compiles for a project goes."""
    return f"{project_folder(project)}/{BUILD}"


def sessions_folder(project: str) -> str:
    """Returns the folder that holds one folder for each session of a project."""
    return session_folder(project, "").removesuffix("/")


def view_of(path: str) -> tuple[str, str] | None:
    """``.idse/projects/P/CURRENT_SESSION`` as (P, name) for a view's path; None for any other path."""
    project = project_of(path)
    name = path.removeprefix(f"{PROJECTS_FOLDER}/{project}/")
    return (project, name) if project is not None and name in VIEWS else None


def project_of(path: str) -> str | None:
    """Returns the project whose folder holds `path`; None where no project does."""
    project, slash, _rest = path.removeprefix(f"{PROJECTS_FOLDER}/").partition("/")
    return project if slash and path.startswith(f"{PROJECTS_FOLDER}/") else None


CAP = 8 * 1024 * 1024
"""Files larger than this many bytes are not loaded, unless the caller says otherwise."""

EVERYTHING = (WORKSPACE,)

_KINDS = {SYMLINK: "a symbolic link", GITLINK: "a repository of its own"}
_MUST_BE_A_FOLDER = re.compile(rf"{re.escape(WORKSPACE)}/projects(/[^/]+(/sessions(/[^/]+)?)?)?")


def decode(raw: bytes) -> str:
    """Returns a path as git stores it, as text; bytes that are not UTF-8 survive the way back."""
    return raw.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """Returns the bytes that `decode` came from."""
    return path.encode("utf-8", "surrogateescape")


def check_folders(entries: Mapping[str, FileEntry], description: str) -> None:
    """Refuses a ``.idse``, project or session that is no folder: its documents would silently go unread."""
    for path, entry in entries.items():
        if path == WORKSPACE or (entry.mode in (SYMLINK, GITLINK) and _MUST_BE_A_FOLDER.fullmatch(path)):
            raise InvalidArtifactError(
                f"{path} is {_KINDS.get(entry.mode, 'a file')}, not a folder",
                where=f"{path} ({description})",
                cause="documents that stand elsewhere cannot be validated with this repository",
                fix=(f"make {path} a real folder of this repository",),
            )


def is_readable(entry: FileEntry) -> bool:
    """Tests whether `contents` loads this file at all."""
    return entry.mode != GITLINK and 0 < entry.size <= CAP


STAGE_FOLDERS = ("intents", "contexts", "specs", "plans", "tasks", "implementation", "feedback")
_STAGES = "|".join(STAGE_FOLDERS)
_SESSION_FILES = rf"(?:(?:{_STAGES}|metadata)/.+|[^/]+\.md|session_state\.json|\.owner|\.collaborators)"

_LEGACY = (
    rf"(?:{_STAGES})/projects/[^/]+/sessions/[^/]+/.+"
    rf"|(?:{_STAGES})/current/(?:[^/]+\.md|feedback/[^/]+\.md)"
    rf"|projects/[^/]+/sessions/[^/]+/{_SESSION_FILES}"
)

TOP_FOLDERS = (*STAGE_FOLDERS, "projects")
"""The folders that all of them are in."""


def only_legacy(paths: Iterable[str]) -> tuple[str, ...]:
    """Returns those of `paths` that belong to an older layout, in order, each once."""
    return tuple(sorted({path for path in paths if re.fullmatch(_LEGACY, path, re.DOTALL)}))
