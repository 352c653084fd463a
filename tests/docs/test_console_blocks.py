"""Every console block of README and docs does what it shows. `--update-console` writes what it does today."""

from __future__ import annotations

import os
import pathlib
import time

import console_blocks
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_does_what_it_shows(path, sealed, request):
    page = console_blocks.read_page(path)
    if not page.steps:
        return
    reports, text = console_blocks.replay(page, sealed)
    if reports and request.config.getoption("--update-console"):
        path.write_text(text, encoding="utf-8")
    elif reports:
        pytest.fail("\n\n".join(reports), pytrace=False)


@pytest.fixture
def page(tmp_path):
    """Writes a page; `\"\"\"` in tests stays readable with ~~~ for the fence."""

    def write(text):
        path = tmp_path / "page.md"
        path.write_text(text.replace("~~~", "```"), encoding="utf-8")
        return console_blocks.read_page(path)

    return write


@pytest.fixture
def replay(page, sealed):
    """The reports and the corrected text of a page."""
    return lambda text: console_blocks.replay(page(text), sealed)


def test_a_true_page_has_no_reports(replay):
    reports, _ = replay("~~~console\n$ echo one; echo two >&2\none\ntwo\n~~~\n")
    assert reports == []


def test_a_wrong_line_is_reported_with_its_place_and_a_diff(replay, tmp_path):
    reports, _ = replay("# Title\n\n~~~console\n$ echo one\none\n$ echo two\nthree\n~~~\n")
    assert reports == [
        f"{tmp_path / 'page.md'}:6: $ echo two\n--- the page\n+++ this run\n@@ -1 +1 @@\n-three\n+two"
    ]


@pytest.mark.parametrize("expected", ["", "one\n", "one\ntwo\nthree\n"])
def test_missing_and_superfluous_lines_are_reported(replay, expected):
    reports, _ = replay(f"~~~console\n$ echo one; echo two\n{expected}~~~\n")
    assert len(reports) == 1


def test_three_dots_stand_for_any_lines_and_no_line():
    assert console_blocks.matches(["a", "...", "z"], ["a", "b", "c", "z"])
    assert console_blocks.matches(["a", "...", "z"], ["a", "z"])
    assert console_blocks.matches(["..."], [])
    assert not console_blocks.matches(["a", "...", "z"], ["a", "b"])
    assert not console_blocks.matches(["...", "b", "..."], ["a", "c"])


def test_an_ellipsis_stands_for_any_text_in_its_line_only():
    assert console_blocks.matches(["saved … of 3"], ["saved 2 of 3"])
    assert not console_blocks.matches(["saved … of 3"], ["saved 2 of 4"])
    assert not console_blocks.matches(["a…"], ["a", "b"])


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("commit 3f2a1c9 made", "commit deadbee made"),
        ("commit " + "0" * 40, "commit " + "f" * 40),
        ("event 01JX3M8Z5QK7W9T2V4R6B8N0AC", "event 01K0000000000000000000000Z"),
        ("2026-01-02T03:04:05Z", "2027-11-12 13:14:15 +0200"),
        ("Date:   Mon Jan 5 10:00:00 2026 +0000", "Date:   Tue Feb 17 11:12:13 2026 +0000"),
        ("spec   complete   3 minutes ago   you", "spec   complete   just now        you"),
        ("done in 12 ms", "done in 3.4s"),
        ("┌──────┐", "┌────┐"),
    ],
)
def test_what_changes_with_every_run_is_not_compared(there, here):
    assert console_blocks.matches([there], [here])


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("3 findings", "4 findings"),
        ("IDSE301", "IDSE302"),
        ("intent.md:3:1: error", "intent.md:4:1: error"),
        ("0.1.0", "0.2.0"),
    ],
)
def test_what_matters_is_compared(there, here):
    assert not console_blocks.matches([there], [here])


def test_blocks_of_a_page_share_folder_variables_and_exit_code(replay):
    reports, _ = replay(
        "~~~console\n$ mkdir deep && cd deep\n$ export WORD=blue\n~~~\n\ntext\n\n"
        "~~~console\n$ pwd; echo $WORD\n/home/you/portal/deep\nblue\n$ (exit 3)\n$ echo $?\n3\n~~~\n"
    )
    assert reports == []


def test_a_command_may_go_on_in_the_next_line(replay):
    reports, _ = replay(
        "~~~console\n$ cat <<END\n> two\n>\n> END\ntwo\n\n$ echo one \\\n> more\none more\n~~~\n"
    )
    assert reports == []


def test_who_reads_a_page_is_its_author(replay):
    reports, _ = replay("~~~console\n$ git log --format='%an <%ae>'\nYou <you@example.org>\n~~~\n")
    assert reports == []


def test_a_block_inside_a_list_is_run_too(replay):
    reports, text = replay("1. do\n\n   ~~~console\n   $ echo one\n   two\n   ~~~\n")
    assert len(reports) == 1
    assert "   $ echo one\n   one\n   ```\n" in text


@pytest.mark.parametrize(
    ("setup", "command", "expected"),
    [
        ("none", "pwd", "/home/you"),
        ("empty-folder", "ls -A; pwd", "/home/you/portal"),
        ("repository", "git log --format=%s", "start"),
    ],
)
def test_a_page_says_where_it_starts(replay, setup, command, expected):
    reports, _ = replay(f"<!-- replay: setup={setup} -->\n\n~~~console\n$ {command}\n{expected}\n~~~\n")
    assert reports == []


def test_a_page_can_start_in_a_project(replay):
    reports, _ = replay(
        "<!-- replay: setup=project -->\n\n"
        "~~~console\n$ ls .idse/projects/portal/sessions\n__blueprint__\n~~~\n"
    )
    assert reports == []


def test_the_command_that_is_replayed_is_that_of_this_environment(replay):
    reports, _ = replay("~~~console\n$ idse --version\nidse 0.1.0…\n~~~\n")
    assert reports == []


def test_what_a_page_starts_beside_itself_ends_with_it_and_has_a_port_of_its_own(replay, sealed):
    reports, _ = replay(
        "<!-- replay: setup=none -->\n\n"
        "~~~console\n$ sleep 60 >log 2>&1 & echo $! >pid\n$ kill -0 $(cat pid) && echo runs\nruns\n"
        "$ echo at:8417 | tee port\nat:8417\n~~~\n"
    )
    assert reports == []
    assert (sealed / "port").read_text() != "at:8417\n"
    with pytest.raises(ProcessLookupError):
        wait_for_the_end(int((sealed / "pid").read_text()))


def wait_for_the_end(process):
    """Raises ProcessLookupError as soon as the process is gone."""
    for _ in range(50):
        os.kill(process, 0)
        time.sleep(0.1)


def test_a_skipped_block_is_not_run_and_has_a_reason(page):
    read = page(
        "<!-- replay: skip because it needs a network -->\n~~~console\n$ false\n~~~\n\n~~~console\n$ :\n~~~\n"
    )
    assert read.skipped == 1
    assert [step.command for step in read.steps] == [":"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- replay: skip -->\n~~~console\n$ :\n~~~\n", "page.md:1: no replay directive with a reason"),
        ("<!-- replay: skip because -->\n~~~console\n$ :\n~~~\n", "with a reason"),
        ("\n<!-- replay: setup=moon -->\n", "page.md:2: unknown setup 'moon'"),
        ("~~~console\n$ :\n~~~\n\n<!-- replay: setup=none -->\n", "before its first block"),
        ("~~~console\nidse status\n~~~\n", "page.md:2: a console block starts with a command"),
    ],
)
def test_a_page_that_cannot_be_replayed_says_why(page, text, words):
    with pytest.raises(console_blocks.PageError, match=words):
        page(text)


def test_other_blocks_are_left_alone(page):
    assert page("~~~sh\n$ false\n~~~\n\n~~~python\n$ no\n~~~\n").steps == ()


def test_an_update_rewrites_what_is_wrong_and_keeps_what_holds(replay):
    reports, text = replay("~~~console\n$ echo a; echo b\n...\nb\n$ echo c\nx\ny\n~~~\n\nend\n")
    assert len(reports) == 1
    assert text == "```console\n$ echo a; echo b\n...\nb\n$ echo c\nc\n```\n\nend\n"


def test_an_update_hides_output_that_would_read_as_a_command(replay):
    _, text = replay("~~~console\n$ echo '$ echo nested'\n~~~\n")
    assert text == "```console\n$ echo '$ echo nested'\n...\n```\n"


def test_an_updated_page_holds(replay, tmp_path, make_repo):
    _, text = replay("~~~console\n$ git log --format='%h %ad %s'\n$ pwd\n~~~\n")
    (tmp_path / "again.md").write_text(text, encoding="utf-8")
    home = make_repo("elsewhere").path
    assert console_blocks.replay(console_blocks.read_page(tmp_path / "again.md"), home)[0] == []
