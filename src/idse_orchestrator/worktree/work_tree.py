"""A work tree of a repository: its folders, its index, its HEAD, on top of the vault that it shares."""

from __future__ import annotations

import os
from collections.abc import Mapping

from idse_orchestrator.base.files import make_folder, remove_file, share_below, write_atomically
from idse_orchestrator.errors import UnsupportedRepositoryError
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.vault import Found, Vault, repository_around

_DECLINED = "no-hooks"
"""A file that says that somebody wants none."""


class WorkTree(Vault):
    """A vault with one of its work trees; all paths are absolute.

    `top` is the folder of the work tree, `git_dir` what git keeps for it alone, `hooks` where git looks for
    hooks, and `prefix` where we stand inside it ("" or "a/b/").
    """

    __slots__ = ("git_dir", "hooks", "prefix", "top")

    def __init__(self, common_dir: str, git: Git, found: Found) -> None:
        super().__init__(common_dir, git)
        _, git_dir, self.hooks, top, prefix = found
        self.top = top
        self.git_dir = git_dir
        self.prefix = prefix
        # It may lie in a bare repository, and git leaves the modes of documents alone.
        share_below(top, lambda: None)

    @property
    def is_guarded(self) -> bool:
        """True where a commit calls idse, or somebody decided that none does: see `decline_hooks`.

        Costs one small file. `idse hooks status` looks at all hooks, and says why.
        """
        try:
            with open(os.path.join(self.hooks, "pre-commit"), "rb") as file:
                script = file.read(1 << 16)
                runs = os.fstat(file.fileno()).st_mode & 0o111 or os.name == "nt"
        except OSError:
            script, runs = b"", 0
        if runs and (b"\n# idse-hook" in script[:200] or self._calls_idse(script)):
            return True
        return os.path.exists(os.path.join(self.private, _DECLINED))

    def _calls_idse(self, script: bytes) -> bool:
        from idse_orchestrator.worktree.hook_managers import calls_idse, detect_manager

        manager = detect_manager(self.top, self.hooks)
        return calls_idse(script, "pre-commit") or bool(manager and "pre-commit" in manager.wired)

    def decline_hooks(self, *, declined: bool) -> None:
        """Remembers whether somebody decided to have no hooks here: then nothing reminds of them."""
        path = os.path.join(self.private, _DECLINED)
        if declined:
            make_folder(self.private)
            write_atomically(path, b"")
        else:
            remove_file(path)

    @property
    def is_linked(self) -> bool:
        """True for a linked worktree."""
        return self.git_dir != self.common_dir


def discover(folder: str, environment: Mapping[str, str]) -> Vault:
    """Returns the repository around `folder`: a `WorkTree` where there is one.

    Whatever git does there, it does with a cleaned `environment`.
    """
    git = Git(folder, environment)
    found = repository_around(git, environment.get("GIT_DIR", ""))
    if not found.top:
        return Vault(found.common_dir, git.at(found.common_dir))
    return WorkTree(found.common_dir, git.at(found.top), found)


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
