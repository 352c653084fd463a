"""What only a work tree has: files that git has not recorded yet, filters, and other people's folders."""

from __future__ import annotations

import os
import socket

import pytest

from here import discover
from idse_orchestrator.documents.project_workspace import EXECUTABLE, GITLINK, REGULAR, SYMLINK
from idse_orchestrator.errors import ConflictError, InvalidArtifactError
from idse_orchestrator.worktree.worktree_reader import WorktreeReader

SESSION = ".idse/projects/portal/sessions/login"
SPEC = f"{SESSION}/spec.md"


@pytest.fixture
def read(repo):
    def reader(*folders):
        return WorktreeReader(discover(str(repo.path)), *([folders] if folders else []))

    return reader


def recorded(repo, path):
    """Mode and blob id that `git add` gives the file."""
    repo.git("add", "--force", path)
    mode, blob, _ = repo.git("ls-files", "-s", path).split("\t")[0].split()
    return int(mode, 8), blob


def test_an_edit_is_seen_before_it_is_staged_and_after(repo, read):
    repo.write(SPEC, "first\n")
    repo.commit()
    repo.write(SPEC, "second\n")
    assert read().read_many([SPEC]) == {SPEC: b"second\n"}
    repo.git("add", SPEC)
    repo.write(SPEC, "third, not staged\n")
    reader = read()
    assert reader.read_many([SPEC]) == {SPEC: b"third, not staged\n"}
    entry = reader.paths()[SPEC]
    assert (entry.mode, entry.blob) == recorded(repo, SPEC)


def test_an_edit_of_the_same_length_in_the_same_instant_is_seen(repo, read):
    file = repo.write(SPEC, "aaaa\n")
    repo.commit()
    status = file.stat()
    file.write_text("bbbb\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert read().read_many([SPEC]) == {SPEC: b"bbbb\n"}


def test_deleted_files_are_not_there_and_ignored_ones_are(repo, read):
    repo.write(SPEC, "text\n")
    repo.write(".idse/.gitignore", "CURRENT_SESSION\n")
    view = ".idse/projects/portal/CURRENT_SESSION"
    repo.commit()
    repo.write(view, "login")
    (repo.path / SPEC).unlink()
    assert list(read().paths()) == [".idse/.gitignore", view]


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [({"core.autocrlf": "true"}, ""), ({"core.autocrlf": "input"}, ""), ({}, "*.md text eol=crlf\n")],
)
@pytest.mark.parametrize("is_tracked", [False, True])
def test_line_ends_are_those_that_git_would_record(repo, read, settings, attributes, is_tracked):
    for name, value in settings.items():
        repo.git("config", name, value)
    repo.write(".gitattributes", attributes)
    repo.write(SPEC, "one\r\ntwo\r\n")
    if is_tracked:
        repo.commit()
    reader = read()
    assert reader.read_many([SPEC]) == {SPEC: b"one\ntwo\n"}
    entry = reader.paths()[SPEC]
    assert entry.size == len(b"one\ntwo\n")
    assert (entry.mode, entry.blob) == recorded(repo, SPEC)


def test_a_clean_filter_decides_what_the_document_is(repo, read):
    repo.write(".gitattributes", "*.md filter=loud\n")
    repo.git("config", "filter.loud.clean", "tr a-z A-Z")
    repo.write(SPEC, "quiet\n")
    reader = read()
    assert reader.paths()[SPEC].size == 6
    assert reader.read_many([SPEC]) == {SPEC: b"QUIET\n"}


def test_a_filter_that_is_missing_is_an_error_that_names_the_file(repo, read):
    repo.write(".gitattributes", "*.md filter=gone\n")
    repo.git("config", "filter.gone.clean", "/nowhere/program")
    repo.git("config", "filter.gone.required", "true")
    repo.write(SPEC, "text\n")
    with pytest.raises(InvalidArtifactError) as raised:
        read().paths()
    assert raised.value.where == SPEC


def test_an_executable_counts_only_where_git_trusts_modes(repo, read):
    repo.write(SPEC, "text\n").chmod(0o755)
    assert read().paths()[SPEC].mode == EXECUTABLE
    repo.git("config", "core.fileMode", "false")
    assert read().paths()[SPEC].mode == REGULAR
    repo.commit()
    repo.git("update-index", "--chmod=+x", SPEC)
    repo.write(SPEC, "edited\n").chmod(0o644)
    assert read().paths()[SPEC].mode == EXECUTABLE


def test_links_are_not_followed(repo, read, tmp_path):
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "key.md").write_text("secret")
    (repo.path / SESSION).mkdir(parents=True)
    os.symlink(secret, repo.path / SESSION / "folder")
    os.symlink(secret / "key.md", repo.path / SPEC)
    os.symlink("nowhere", repo.path / SESSION / "plan.md")
    reader = read()
    assert {path: entry.mode for path, entry in reader.paths().items()} == {
        SPEC: SYMLINK,
        f"{SESSION}/plan.md": SYMLINK,
        f"{SESSION}/folder": SYMLINK,
    }
    assert b"secret" not in reader.read_many(reader.paths()).values()


@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_workspace_that_is_a_link_is_refused_and_says_why(repo, read, tmp_path, is_tracked):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", repo.path / ".idse")
    if is_tracked:
        repo.commit()
    for folders in [(), (SESSION,)]:
        with pytest.raises(InvalidArtifactError, match="symbolic link"):
            read(*folders).paths()


@pytest.mark.parametrize(
    "place", [SESSION, ".idse/projects/portal/sessions", ".idse/projects/portal", ".idse/projects"]
)
def test_a_project_or_session_that_is_a_link_is_refused_and_named(repo, read, tmp_path, place):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = repo.path / place
    target.parent.mkdir(parents=True)
    target.symlink_to(elsewhere)
    for folders in [(), (SESSION,)]:
        with pytest.raises(InvalidArtifactError, match="symbolic link") as raised:
            read(*folders).paths()
        assert str(raised.value.where).startswith(place)


def test_a_session_that_is_a_repository_of_its_own_is_refused(repo, read, make_repo):
    make_repo(f"repo/{SESSION}")
    with pytest.raises(InvalidArtifactError, match="repository of its own"):
        read().paths()


def test_a_repository_inside_is_one_entry(repo, read, make_repo):
    repo.write(SPEC, "text\n")
    make_repo(f"repo/{SESSION}/nested").write("inner.md", "not ours\n")
    reader = read()
    assert {path: entry.mode for path, entry in reader.paths().items()} == {
        SPEC: REGULAR,
        f"{SESSION}/nested": GITLINK,
    }
    assert reader.read_many([f"{SESSION}/nested"]) == {f"{SESSION}/nested": b""}


def test_a_submodule_is_one_entry_with_the_commit_the_index_names(repo, read, make_repo):
    library = make_repo("library")
    library.write("inner.md", "not ours\n")
    commit = library.commit()
    repo.git("submodule", "add", "--quiet", str(library.path), f"{SESSION}/library")
    repo.commit()
    entry = read().paths()[f"{SESSION}/library"]
    assert (entry.mode, entry.blob) == (GITLINK, commit)
    assert list(read().paths()) == [f"{SESSION}/library"]


def test_inside_a_submodule_its_own_workspace_is_read(repo, make_repo):
    library = make_repo("library")
    library.write(SPEC, "inner\n")
    library.commit()
    repo.git("submodule", "add", "--quiet", str(library.path), "library")
    reader = WorktreeReader(discover(str(repo.path / "library")))
    assert reader.read_many([SPEC]) == {SPEC: b"inner\n"}


def test_a_linked_worktree_has_documents_of_its_own(repo):
    repo.write(SPEC, "first\n")
    repo.commit()
    other = repo.worktree("other")
    other.write(SPEC, "second\n")
    assert WorktreeReader(discover(str(other.path))).read_many([SPEC]) == {SPEC: b"second\n"}
    assert WorktreeReader(discover(str(repo.path))).read_many([SPEC]) == {SPEC: b"first\n"}


def test_what_git_cannot_record_is_not_there(repo, read, monkeypatch):
    repo.write(SPEC, "text\n")
    os.mkfifo(repo.path / SESSION / "pipe")
    monkeypatch.chdir(repo.path / SESSION)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert list(read().paths()) == [SPEC]


def test_files_that_sparse_checkout_left_out_are_what_is_staged(repo, read):
    repo.write(SPEC, "text\n")
    repo.write("code/main.py", "text\n")
    repo.commit()
    before = read().paths()
    repo.git("sparse-checkout", "set", "code")
    assert not (repo.path / SPEC).exists()
    assert read().paths() == before
    assert read().read_many([SPEC]) == {SPEC: b"text\n"}


def test_an_unmerged_file_is_read_with_its_markers(repo, read):
    conflict(repo)
    assert b"<<<<<<<" in read().read_many([SPEC])[SPEC]


def conflict(repo):
    repo.write(SPEC, "base\n")
    repo.commit()
    repo.git("checkout", "--quiet", "-b", "other")
    repo.write(SPEC, "theirs\n")
    repo.commit()
    repo.git("checkout", "--quiet", "main")
    repo.write(SPEC, "ours\n")
    repo.commit()
    repo.git("merge", "other", check=False)


def test_a_file_that_changes_between_listing_and_reading_is_a_conflict(repo, read):
    repo.write(SPEC, "first\n")
    reader = read()
    reader.paths()
    repo.write(SPEC, "second\n")
    with pytest.raises(ConflictError) as raised:
        reader.read_many([SPEC])
    assert raised.value.where == SPEC


def test_a_file_that_disappears_between_listing_and_reading_is_a_conflict(repo, read):
    file = repo.write(SPEC, "first\n")
    reader = read()
    reader.paths()
    file.unlink()
    with pytest.raises(ConflictError):
        reader.read_many([SPEC])


def test_only_the_folders_asked_for_are_read_and_no_character_in_them_is_special(repo, read):
    odd = ".idse/projects/portal/sessions/[a]*"
    for folder in (SESSION, odd, ".idse/projects/portal/sessions/a"):
        repo.write(f"{folder}/spec.md", "text\n")
    repo.write(".idse/constitution.yaml", "rules: []\n")
    repo.commit()
    assert list(read(odd, ".idse/constitution.yaml").paths()) == [".idse/constitution.yaml", f"{odd}/spec.md"]
    assert read(".idse/none").paths() == {}


def test_a_locked_index_is_no_obstacle(repo, read):
    repo.write(SPEC, "text\n")
    repo.commit()
    repo.write(".git/index.lock", "")
    os.utime(repo.path / SPEC, ns=(1, 1))
    assert read().read_many([SPEC]) == {SPEC: b"text\n"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_named(repo, read):
    repo.write(SPEC, "text\n").chmod(0)
    with pytest.raises(InvalidArtifactError) as raised:
        read().paths()
    assert raised.value.where == SPEC
