"""A block in ``info/exclude`` that keeps the views out of git on every branch.

``.idse/.gitignore`` does so for people without idse, and leaves with the branch that has it: on a branch that
is older, the views would stand there untracked, and `git add --all` would take them. The common git directory
has one such file for all work trees. The user's lines in it stay to the byte.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import make_folder, remove_file, storage_error, write_atomically
from idse_orchestrator.documents.marked_block import (
    Block,
    BlockTrouble,
    find_block,
    renewed,
    with_block,
    without_block,
)
from idse_orchestrator.documents.project_workspace import GITIGNORE, WORKSPACE
from idse_orchestrator.git.vault import ledger_lock

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault

MISSING = "missing"
CURRENT = "current"
OUTDATED = "outdated"
EDITED = "edited"
UNCLEAR = "unclear"
"""Conditions of the block: not there; as it should be; of another release; changed by hand; not to be told
apart, or the file is no file of this repository's own."""

_OURS = re.compile(rb"(?m)^# (idse:(?:begin [^\r\n]*|end))(?=\r?$)")
_MARKED = re.compile(rb"(?m)^<!-- (idse:(?:begin [^\r\n]*|end)) -->(?=\r?$)")
_PATTERNS = [line for line in GITIGNORE.splitlines() if not line.startswith(b"#")]
_BODY = (
    b"# Views of idse, on branches without .idse/.gitignore too. idse uninstall takes this block away.\n"
    + b"".join(b"/%s/%s\n" % (WORKSPACE.encode(), pattern) for pattern in _PATTERNS)
)


class IgnoreRules:
    """The block of one repository. Everything may raise StorageError, and what writes BusyError."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.path = os.path.join(vault.common_dir, "info", "exclude")

    def condition(self) -> tuple[str, str]:
        """Returns how the block stands, and why where a person has to look."""
        if os.path.islink(self.path):
            return UNCLEAR, f"{self.path} is a link, and the file may be that of other repositories"
        block = self._block(self._content())
        if block is None:
            return MISSING, f"{self.path} has no rules for views"
        if isinstance(block, BlockTrouble):
            return UNCLEAR, f"{self.path}, line {block.line}: {block.what}"
        if block.is_edited:
            return EDITED, f"{self.path}, line {block.line}: the block of idse was changed by hand"
        return (CURRENT, "") if block.body == _BODY else (OUTDATED, f"{self.path} has older rules")

    def renew(self) -> bool:
        """Puts the block in, or brings it up to date; False where nothing is to do, or it is not ours."""
        if self.condition()[0] not in (MISSING, OUTDATED):
            return False
        with ledger_lock(self._vault):
            content = self._content()
            block = self._block(content)
            if block is None:
                new = with_block(content, _BODY)
            elif isinstance(block, Block) and not block.is_edited:
                new = renewed(_as_marked(content or b""), block, _BODY)
            else:
                return False
            make_folder(os.path.dirname(self.path))
            write_atomically(self.path, _as_comments(new))
        return True

    def is_there(self) -> bool:
        """Tests whether `take_out` has something to do."""
        return self.condition()[0] in (CURRENT, OUTDATED)

    def take_out(self) -> None:
        """Removes the block, and the file with it where that was made for it."""
        content = self._content()
        block = self._block(content)
        if content is None or not isinstance(block, Block) or block.is_edited or os.path.islink(self.path):
            return
        left = without_block(_as_marked(content), block)
        if left is None:
            remove_file(self.path)
            with suppress(OSError):  # something else is in it
                os.rmdir(os.path.dirname(self.path))
        else:
            write_atomically(self.path, _as_comments(left))

    def _content(self) -> bytes | None:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, self.path) from error

    @staticmethod
    def _block(content: bytes | None) -> Block | BlockTrouble | None:
        return find_block(_as_marked(content or b""))


def _as_marked(content: bytes) -> bytes:
    """Returns `content` with our comments as the markers that `marked_block` knows."""
    return _OURS.sub(rb"<!-- \1 -->", content)


def _as_comments(content: bytes) -> bytes:
    return _MARKED.sub(rb"# \1", content)
