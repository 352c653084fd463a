"""A work tree of a repository: its folders, its index, its HEAD, on top of the vault that it shares."""

from __future__ import annotations

from collections.abc import Mapping

from idse_orchestrator.errors import UnsupportedRepositoryError
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.vault import Vault, repository_around


class WorkTree(Vault):
    """A vault with one of its work trees; all paths are absolute.

    `top` is the folder of the work tree, `git_dir` what git keeps for it alone, and `prefix` where we stand
    inside it ("" or "a/b/").
    """

    __slots__ = ("git_dir", "prefix", "top")

    def __init__(self, common_dir: str, git: Git, top: str, git_dir: str, prefix: str = "") -> None:
        super().__init__(common_dir, git)
        self.top = top
        self.git_dir = git_dir
        self.prefix = prefix

    @property
    def is_linked(self) -> bool:
        """True for a linked worktree."""
        return self.git_dir != self.common_dir


def discover(folder: str, environment: Mapping[str, str]) -> Vault:
    """Returns the repository around `folder`: a `WorkTree` where there is one.

    Whatever git does there, it does with a cleaned `environment`.
    """
    git = Git(folder, environment)
    found = repository_around(git)
    if not found.top:
        return Vault(found.common_dir, git.at(found.common_dir))
    return WorkTree(found.common_dir, git.at(found.top), found.top, found.git_dir, found.prefix)


def needs_work_tree(vault: Vault) -> WorkTree:
    """Returns `vault` as the work tree that it is; UnsupportedRepositoryError for a bare repository."""
    if isinstance(vault, WorkTree):
        return vault
    raise UnsupportedRepositoryError(
        "this is a bare repository",
        where=vault.common_dir,
        cause="this command works on the documents of a work tree",
        fix=("run it in a clone that has a work tree",),
    )
