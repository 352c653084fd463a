"""Files and folders are made in one place, which knows how a git directory is shared: see `base/files.py`."""

from __future__ import annotations

import ast
import pathlib

SOURCE = pathlib.Path(__file__).parents[2] / "src" / "idse_orchestrator"
MAKE = {"os.makedirs", "os.mkdir", "copy", "copyfile"}
ELSEWHERE = {
    "base/files.py": "the door",
    "git/shared.py": "loose objects, which it gives their mode",
    "git/libgit2.py": "a reflog that is there",
    "sync/incoming.py": "a copy keeps the mode that git gave",
    "worktree/work_files.py": "documents, which follow the umask",
    "stores/entry_files.py": "a store without git",
    "ledger/merge/trees.py": "a temporary folder",
    "migrate/archive.py": "a folder that the user names",
    "migrate/database.py": "a temporary folder",
    "runner/work/log_file.py": "the log of an attempt, which is nobody else's",
    "runner/work/workspace.py": "files of an attempt, outside of the repository",
    "cli/commands/demo.py": "a folder of its own",
    "cli/commands/validate.py": "a report that the user names",
    "cli/commands/help.py": "the null device",
    "cli/agent_hooks.py": "the null device",
    "cli/streams.py": "the null device",
}


def makes(call):
    """Tests whether a call may make a file or a folder that had no mode before."""
    name, words = ast.unparse(call.func), [ast.unparse(each) for each in call.args]
    if name == "os.open":
        return any("O_CREAT" in each for each in words)
    if name != "open" or "descriptor" in words[0] or "open_or_make" in words[0]:
        return name in MAKE
    return bool(set("".join(words[1:2])) & set("wax"))


def test_nothing_makes_a_file_beside_the_door():
    files = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.py")}
    trees = {name: ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name, path in files.items()}
    found = {name for name, tree in trees.items() if any(isinstance(n, ast.Call) and makes(n) for n in tree)}
    assert found == set(ELSEWHERE)
