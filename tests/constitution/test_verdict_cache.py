"""Kept verdicts are found again, and damage to them costs time and nothing else."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from here import discover
from idse_orchestrator.constitution.hits import DocumentKey
from idse_orchestrator.constitution.in_force import (
    KEPT_CONSTITUTIONS,
    SHARD_LIMIT,
    FileVerdictCache,
    engine_generation,
    verdict_cache_in,
)
from no_cache import NoCache

RULES = "c" * 64
OTHER_RULES = "d" * 64
KEY = DocumentKey("spec.md", 0o100644, "ab" + "0" * 38)
VERDICT = '[["IDSE301",3,1,{"count":"2"},""]]'


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "idse" / "cache"


@pytest.fixture
def cache(folder):
    return FileVerdictCache(str(folder), "1")


def shards(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_kept_verdict_is_found_again_by_another_process(cache, folder):
    cache.put_many(RULES, {KEY: VERDICT})
    assert FileVerdictCache(str(folder), "1").get_many(RULES, [KEY]) == {KEY: VERDICT}


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(path="plan.md"),
        KEY._replace(mode=0o100755),
        KEY._replace(blob="ab" + "1" * 38),
    ],
)
def test_another_path_mode_or_content_is_another_verdict(cache, other):
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(RULES, [other]) == {}


def test_other_rules_and_other_code_know_nothing_of_it(cache, folder):
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(OTHER_RULES, [KEY]) == {}
    assert FileVerdictCache(str(folder), "2").get_many(RULES, [KEY]) == {}


@pytest.mark.parametrize("path", ["a\tb.md", "a\nb.md", "a\\nb.md", "über.md", "caf\udce9.md", " ", '"'])
def test_any_path_can_be_kept(cache, path):
    key = KEY._replace(path=path)
    cache.put_many(RULES, {KEY: "[]", key: VERDICT})
    assert cache.get_many(RULES, [key]) == {key: VERDICT}


def test_the_compiled_constitution_is_kept_beside_its_verdicts(cache):
    assert cache.compiled(RULES) is None
    cache.keep_compiled(RULES, '{"id":"ö"}')
    assert cache.compiled(RULES) == '{"id":"ö"}'
    assert cache.compiled(OTHER_RULES) is None


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_line_costs_its_verdict_and_no_other(cache, folder, cut):
    other = KEY._replace(path="plan.md")
    cache.put_many(RULES, {other: VERDICT})
    cache.put_many(RULES, {KEY: VERDICT})
    (shard,) = shards(folder)
    shard.write_bytes(shard.read_bytes()[:-cut])
    assert cache.get_many(RULES, [KEY, other]) == {other: VERDICT}
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(RULES, [KEY, other]) == {KEY: VERDICT, other: VERDICT}


def test_a_flipped_byte_is_noticed(cache, folder):
    cache.put_many(RULES, {KEY: VERDICT})
    (shard,) = shards(folder)
    shard.write_bytes(shard.read_bytes().replace(b'"2"', b'"9"'))
    assert cache.get_many(RULES, [KEY]) == {}


def test_a_strangers_file_is_passed_over_and_written_after(cache, folder):
    cache.put_many(RULES, {KEY: VERDICT})
    (shard,) = shards(folder)
    shard.write_bytes(os.urandom(5_000))
    assert cache.get_many(RULES, [KEY]) == {}
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(RULES, [KEY]) == {KEY: VERDICT}


def test_a_folder_where_a_file_should_be_is_no_error(cache, folder):
    cache.put_many(RULES, {KEY: VERDICT})
    (shard,) = shards(folder)
    shard.unlink()
    shard.mkdir()
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(RULES, [KEY]) == {}


def test_a_file_where_the_cache_should_be_is_no_error(cache, folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("not a folder")
    cache.put_many(RULES, {KEY: VERDICT})
    cache.keep_compiled(RULES, "{}")
    assert cache.get_many(RULES, [KEY]) == {}
    assert cache.compiled(RULES) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_git_directory_is_passed_over_in_silence(cache, folder):
    folder.parent.mkdir(parents=True)
    folder.parent.chmod(0o500)
    cache.put_many(RULES, {KEY: VERDICT})
    assert cache.get_many(RULES, [KEY]) == {}


def test_a_shard_that_is_full_starts_anew(cache, folder):
    long = '["' + "x" * 10_000 + '"]'
    keys = [KEY._replace(path=f"{number}.md") for number in range(60)]
    for key in keys:
        cache.put_many(RULES, {key: long})
    assert sum(path.stat().st_size for path in shards(folder)) <= SHARD_LIMIT
    assert cache.get_many(RULES, keys[-1:]) == {keys[-1]: long}
    assert len(cache.get_many(RULES, keys)) < len(keys)


def test_verdicts_of_constitutions_long_out_of_use_are_removed(cache, folder):
    for number in range(10):
        cache.put_many(f"{number}" * 64, {KEY: VERDICT})
        os.utime(
            next(path for path in folder.iterdir() if path.name.startswith(f"{number}")), (number, number)
        )
    assert len(list(folder.iterdir())) == KEPT_CONSTITUTIONS
    assert cache.get_many("9" * 64, [KEY]) == {KEY: VERDICT}
    assert cache.get_many("0" * 64, [KEY]) == {}


def fill(folder, writer):
    cache = FileVerdictCache(folder, "1")
    for number in range(40):
        cache.put_many(
            RULES, {DocumentKey(f"{writer}-{number}.md", 0o100644, "ab" + "0" * 38): f'["{writer} {number}"]'}
        )


def test_eight_writers_at_once_lose_nothing(cache, folder):
    context = multiprocessing.get_context(
        "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    )
    writers = [context.Process(target=fill, args=(str(folder), writer)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    keys = [KEY._replace(path=f"{writer}-{number}.md") for writer in range(8) for number in range(40)]
    found = cache.get_many(RULES, keys)
    assert found == {key: f'["{key.path.removesuffix(".md").replace("-", " ")}"]' for key in keys}


def test_the_generation_changes_with_the_code(tmp_path):
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "a.py").write_text("x = 1\n")
    before = engine_generation(str(tmp_path))
    assert engine_generation(str(tmp_path)) == before
    (tmp_path / "checks" / "a.py").write_text("x = 12\n")
    assert engine_generation(str(tmp_path)) != before


def test_all_worktrees_of_a_repository_share_its_cache(repo):
    repo.commit(allow_empty=True)
    other = repo.worktree("other")
    verdict_cache_in(discover(str(other.path)).private).put_many(RULES, {KEY: VERDICT})
    assert verdict_cache_in(discover(str(repo.path)).private).get_many(RULES, [KEY]) == {KEY: VERDICT}
    assert repo.git("status", "--porcelain") == ""


def test_no_cache_remembers_nothing():
    cache = NoCache()
    cache.put_many(RULES, {KEY: VERDICT})
    cache.keep_compiled(RULES, "{}")
    assert cache.get_many(RULES, [KEY]) == {}
    assert cache.compiled(RULES) is None
