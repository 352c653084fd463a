"""The folder ``.idse/`` in a work tree: what stands where, and what git is told to ignore.

::

    .idse/
      .gitignore                         GITIGNORE
      constitution.yaml                  the project's own rules, if it has any
      templates/                         overrides of the shipped templates, one by one
      projects/<project>/
        CURRENT_SESSION                  view: the current session's bare id
        session_state.json               view: where that session stands
        agent_registry.json              view: the project's agents, where it has any
        build/                           what can be made again: compiled agent profiles
        sessions/<session>/              the artifacts (`pipeline_artifacts`)

All paths are relative to the repository's top and use ``/``.
"""

from __future__ import annotations

from idse_orchestrator.documents.pipeline_artifacts import WORKSPACE, project_folder, session_folder

CURRENT_SESSION = "CURRENT_SESSION"
SESSION_STATE = "session_state.json"
AGENT_REGISTRY = "agent_registry.json"
BUILD = "build"
VIEWS = (CURRENT_SESSION, SESSION_STATE, AGENT_REGISTRY)
"""Files written from the refs. They are never read back as truth, and git ignores them."""

PROJECTS_FOLDER = f"{WORKSPACE}/projects"
TEMPLATES_FOLDER = f"{WORKSPACE}/templates"
CONSTITUTION_PATH = f"{WORKSPACE}/constitution.yaml"
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
    """Where the view of the current session's id stands."""
    return f"{project_folder(project)}/{CURRENT_SESSION}"


def session_state_path(project: str) -> str:
    """Where the view of the current session's state stands."""
    return f"{project_folder(project)}/{SESSION_STATE}"


def agent_registry_path(project: str) -> str:
    """Where the view of the project's agents stands."""
    return f"{project_folder(project)}/{AGENT_REGISTRY}"


def build_folder(project: str) -> str:
    """Where what idse compiles for a project goes."""
    return f"{project_folder(project)}/{BUILD}"


def sessions_folder(project: str) -> str:
    """The folder that holds one folder for each session of a project."""
    return session_folder(project, "").removesuffix("/")


def view_of(path: str) -> tuple[str, str] | None:
    """``.idse/projects/P/CURRENT_SESSION`` as (P, name) for a view's path; None for any other path."""
    project = project_of(path)
    name = path.removeprefix(f"{PROJECTS_FOLDER}/{project}/")
    return (project, name) if project is not None and name in VIEWS else None


def project_of(path: str) -> str | None:
    """The project whose folder holds `path`; None where no project does."""
    project, slash, _rest = path.removeprefix(f"{PROJECTS_FOLDER}/").partition("/")
    return project if slash and path.startswith(f"{PROJECTS_FOLDER}/") else None
