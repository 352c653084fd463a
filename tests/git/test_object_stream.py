"""One git process answers for many objects, and never waits for us while we wait for it."""

from __future__ import annotations

import os

import pytest

from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import ObjectStream, find, find_commit, object_sizes
from idse_orchestrator.git.program import Git


@pytest.fixture
def git(repo):
    return Git(str(repo.path), os.environ)


def stored(repo, text):
    return repo.git("hash-object", "-w", "--stdin", stdin=text)


def test_an_object_is_found_by_id_by_ref_and_by_path_in_a_revision(repo, git):
    repo.write("notes/a.md", "hello\n")
    commit = repo.commit()
    repo.git("update-ref", "refs/idse/sessions/portal/login", commit)
    blob = repo.git("rev-parse", "HEAD:notes/a.md")
    with ObjectStream(git) as objects:
        for name in (blob, "HEAD:notes/a.md", "refs/idse/sessions/portal/login:notes/a.md"):
            assert objects.read(name) == (blob, "blob", b"hello\n", 6)
        assert objects.read("HEAD").kind == "commit"
        assert objects.read("refs/idse/sessions/portal/login").id == commit
        assert objects.read("HEAD^{tree}").kind == "tree"


@pytest.mark.parametrize(
    "name",
    ["", "nothing", "0" * 40, "HEAD:none.md", "two words", "a blob 12", "--help", "a\nb", "HEAD\0", "HEAD\n"],
)
def test_what_is_not_there_is_none_and_the_next_answer_is_not_mixed_up(repo, git, name):
    repo.write("a.md", "hello\n")
    repo.commit()
    with ObjectStream(git) as objects:
        assert objects.read(name) is None
        assert objects.read("HEAD:a.md").data == b"hello\n"


def test_many_objects_larger_than_any_pipe_come_back_in_order(repo, git):
    texts = [f"{number}\n" * 5_000 for number in range(300)]
    for number, text in enumerate(texts):
        repo.write(f"{number}.md", text)
    repo.commit()
    names = [f"HEAD:{number}.md" for number in range(300)]
    with ObjectStream(git) as objects:
        assert [found.data.decode() for found in objects.read_all(names)] == texts


def test_reads_may_come_between_the_answers_of_a_long_one(repo, git):
    ids = [stored(repo, f"text {number}\n" * 2_000) for number in range(120)]
    with ObjectStream(git) as objects:
        for blob, found in zip(ids, objects.read_all(ids), strict=True):
            assert found.id == blob
            assert objects.read(ids[0]).id == ids[0]


def test_a_long_read_may_be_left_early(repo, git):
    ids = [stored(repo, f"text {number}\n" * 2_000) for number in range(200)]
    with ObjectStream(git) as objects:
        assert next(objects.read_all(ids)).id == ids[0]
        assert [found.id for found in objects.read_all(ids[-3:])] == ids[-3:]


def test_a_name_longer_than_a_pipe_is_answered(repo, git):
    repo.write("a.md", "hello\n")
    repo.commit()
    with ObjectStream(git) as objects:
        assert objects.read("HEAD:" + "x" * 200_000) is None
        assert objects.read("HEAD:a.md").data == b"hello\n"


def test_an_object_above_the_cap_shows_its_size_and_is_not_loaded(repo, git):
    ids = [stored(repo, "x" * size) for size in (10, 11, 100_000, 3)]
    with ObjectStream(git, cap=10) as objects:
        assert [(found.size, len(found.data)) for found in objects.read_all(ids)] == [
            (10, 10),
            (11, 0),
            (100_000, 0),
            (3, 3),
        ]


def test_an_empty_object_is_not_a_missing_one(repo, git):
    with ObjectStream(git) as objects:
        assert objects.read(stored(repo, "")).data == b""


def test_an_object_that_breaks_off_is_an_error_that_names_it(repo, git):
    blob = repo.git("hash-object", "-w", str(repo.write("noise", os.urandom(200_000))))
    file = repo.path / ".git/objects" / blob[:2] / blob[2:]
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:100_000])
    with ObjectStream(git) as objects, pytest.raises(GitFailedError) as raised:
        list(objects.read_all([blob, blob]))
    assert raised.value.where == blob


def test_git_starts_with_the_first_question_and_ends_with_the_block(repo, git):
    with ObjectStream(git) as objects:
        assert objects._child is None
        objects.read("HEAD")
        child = objects._child
    assert child.returncode is not None


def test_sizes_are_known_without_loading_and_missing_objects_are_left_out(repo, git):
    small, large = stored(repo, "x"), stored(repo, "x" * 100_000)
    assert object_sizes(git, [small, large, small, "0" * 40]) == {small: 1, large: 100_000}
    assert object_sizes(git, []) == {}


def test_a_commit_is_found_through_a_tag_and_no_name_is_taken_for_an_option(repo, git):
    commit = repo.commit(allow_empty=True)
    repo.git("tag", "-a", "v1", "-m", "first")
    assert find_commit(git, "v1") == commit
    assert find(git, "HEAD") == (commit, "commit", len(git.bytes("cat-file", "commit", "HEAD")))
    for name in ("--all", "-h", "none", "HEAD^{tree}", "", "HEAD\nHEAD"):
        assert find_commit(git, name) is None
