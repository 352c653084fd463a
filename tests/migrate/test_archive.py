"""Notices for the old place go to a new branch or a new folder, never into the old place itself."""

from __future__ import annotations

import pytest


@pytest.fixture
def source(old, make_repo, tmp_path):
    old.path.rmdir()
    repo = make_repo("old")
    old.session("C")
    repo.write("src/main.py", "print(1)\n")
    repo.commit("all of it")
    return repo


def test_a_repository_gets_a_branch_on_top_of_its_head(old, source, taker):
    head, before = source.git("rev-parse", "HEAD"), source.git("status", "--porcelain", "--branch")
    taker.migrate(old, "--archive", "moved/away")
    assert source.git("rev-parse", "moved/away^") == head
    assert source.git("rev-parse", "HEAD") == head
    assert source.git("status", "--porcelain", "--branch") == before
    notice = source.git("show", f"moved/away:{old.where('C', 'spec')}")
    assert "Legacy path notice" in notice
    assert "portal/login" in notice
    assert source.git("show", "moved/away:src/main.py") == "print(1)"
    assert "portal/login" in source.git("show", "moved/away:IDSE-MIGRATED.md")
    assert source.git("for-each-ref", "refs/idse-local") == ""


def test_the_notices_are_stubs_when_somebody_migrates_them(old, source, taker, make_taker):
    taker.migrate(old, "--archive", "moved")
    source.git("checkout", "-q", "moved")
    data = make_taker("other").migrate(old, "--no-history", "--dry-run")
    assert data["counts"]["stub"] == 7


def test_a_folder_gets_a_folder_beside_it(old, taker, tmp_path):
    old.session("C")
    before = old.snapshot()
    taker.migrate(old, "--archive", str(tmp_path / "notices"))
    assert old.snapshot() == before
    assert "Legacy path notice" in (tmp_path / "notices" / old.where("C", "spec")).read_text()


def test_a_folder_can_be_asked_for_where_the_source_is_a_repository(old, source, taker, tmp_path):
    taker.migrate(old, "--archive", str(tmp_path / "notices"))
    assert (tmp_path / "notices/IDSE-MIGRATED.md").is_file()
    assert source.git("branch", "--format=%(refname:short)") == "main"


@pytest.mark.parametrize("name", ["main", "no..name", "-x y", "bad~name"])
def test_a_branch_that_exists_or_cannot_be_is_refused_before_anything_is_written(old, source, taker, name):
    before = source.git("for-each-ref")
    assert taker.refused(old, f"--archive={name}")["code"] == "IDSE051"
    assert source.git("for-each-ref") == before
    assert taker.refs() == ""


def test_a_folder_that_exists_or_lies_in_the_source_is_refused(old, taker, tmp_path):
    old.session("C")
    (tmp_path / "taken").mkdir()
    assert taker.refused(old, "--archive", str(tmp_path / "taken"))["code"] == "IDSE051"
    assert taker.refused(old, "--archive", str(old.path / "notices"))["code"] == "IDSE051"
    assert taker.refs() == ""


def test_a_dry_run_writes_no_notice(old, source, taker):
    before = source.git("for-each-ref")
    taker.migrate(old, "--archive", "moved", "--dry-run")
    assert source.git("for-each-ref") == before
