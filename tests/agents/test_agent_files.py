"""What is remembered of agent files, so that they can be taken out again."""

from __future__ import annotations

import json
import threading

from idse_orchestrator.agents.work_tree_files import GitAgentFiles

ROUNDS = 25
WRITERS = 4


def test_writers_at_once_forget_nothing_of_each_other(repo):
    for number in range(ROUNDS):
        paths = [f"made-{number}-{writer}/file" for writer in range(WRITERS)]
        start = threading.Barrier(WRITERS)

        def write(path, start=start):
            store = GitAgentFiles(str(repo.path), str(repo.path / ".git"))
            start.wait()
            store.write(path, None, b"ours\n", own=True)

        writers = [threading.Thread(target=write, args=(path,)) for path in paths]
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        memory = json.loads((repo.path / ".git/idse/agent-files.json").read_bytes())
        assert set(paths) <= set(memory["files"])
        assert {path.removesuffix("/file") for path in paths} <= set(memory["folders"])


def test_the_last_file_that_goes_leaves_nothing_in_the_git_directory(repo):
    before = sorted(each.name for each in (repo.path / ".git").iterdir())
    store = GitAgentFiles(str(repo.path), str(repo.path / ".git"))
    store.write("made/file", None, b"ours\n", own=True)
    store.take_away("made/file", b"ours\n", None)
    assert sorted(each.name for each in (repo.path / ".git").iterdir()) == before
    assert not (repo.path / "made").exists()
